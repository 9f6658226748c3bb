"""
How the server finds us when it has something to send: names, addresses, redirections.

Knows what it is told of our names. Needs that the server asks us for them.
"""

from __future__ import annotations

from typing import Final

from muxs2s.conformance.case import Chapter
from muxs2s.conformance.deviation import Deviation
from muxs2s.conformance.kit import Kit
from muxs2s.conformance.saying import stream_error
from muxs2s.conformance.setting import Need

__all__ = ["CHAPTER"]

CHAPTER: Final = Chapter()

DISCARD_PORT: Final = 9
"""Where nobody listens for servers (RFC 863)."""


@CHAPTER.case("S28 S29", Need.AUTHENTICATION, Need.NAMES, Need.OTHERS)
async def _asks_for_both(kit: Kit) -> None:
    """Before it calls us the server asks for SRV records of both kinds."""
    zone = kit.setting.zone
    assert zone is not None, "needed by the case"
    identity = kit.another()
    peer, _ = await kit.authenticated(identity)
    kit.provoke(peer, identity)
    await kit.visitor(identity.domain)
    asked = {question.name for question in zone.asked if question.rdtype == "SRV"}
    services = {f"_{service}._tcp.{identity.domain.ascii}" for service in ("xmpp-server", "xmpps-server")}
    if not services <= asked:
        raise Deviation(f"expected questions for {' and '.join(sorted(services))}; {sorted(services - asked)} missed")


@CHAPTER.case("S28", Need.AUTHENTICATION, Need.NAMES, Need.OTHERS)
async def _goes_on(kit: Kit) -> None:
    """Where nobody listens at the first of the SRV records, the server calls at the next."""
    zone, target = kit.setting.zone, kit.setting.reached_at
    assert zone is not None, "needed by the case"
    assert target is not None, "needed by the case"
    identity = kit.ours.another()
    zone.add_srv(identity.domain.ascii, target.host, DISCARD_PORT)
    zone.add_srv(identity.domain.ascii, target.host, target.port, priority=10)
    peer, _ = await kit.authenticated(identity)
    kit.provoke(peer, identity)
    await kit.visitor(identity.domain)


@CHAPTER.case("S26", Need.AUTHENTICATION, Need.LISTENING, Need.OTHERS)
async def _redirected(kit: Kit) -> None:
    """Sent on inside TLS, to where we are, the server calls there, for the same domain."""
    target = kit.setting.reached_at
    assert target is not None, "needed by the case"
    identity = kit.another()
    peer, _ = await kit.authenticated(identity)
    kit.provoke(peer, identity)
    calling = await kit.greeted(identity)
    calling.say(kit.answer(identity), stream_error("see-other-host", str(target)))
    await kit.visitor(identity.domain)
