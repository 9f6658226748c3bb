"""
Finding out and enabling: who offers multiplexing when, and what the first lists say.

Knows what doc/protocol.rst asks of a receiving server there.
"""

from __future__ import annotations

from typing import Final

from OpenSSL import SSL

from muxs2s.conformance.case import Chapter
from muxs2s.conformance.deviation import Deviation
from muxs2s.conformance.kit import Kit
from muxs2s.conformance.multiplexing import LIMITS, Multiplexing, element
from muxs2s.conformance.peer import ScriptedPeer
from muxs2s.conformance.saying import BIDI_ON, iq, key_result
from muxs2s.conformance.setting import Need
from muxs2s.multiplex.conditions import EnableCondition
from muxs2s.multiplex.elements import Failed
from muxs2s.multiplex.reading import MultiplexMalformed, read_element
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.namespaces import DIALBACK, MULTIPLEX, SERVER

__all__ = ["CHAPTER"]

CHAPTER: Final = Chapter()


@CHAPTER.case("M1", Need.ANSWERS)
async def _ordinary(kit: Kit) -> None:
    """A peer that never heard of multiplexing is told nothing of it, and its requests are answered."""
    talk = await kit.talk()
    for _ in range(3):
        await talk.fence()
    await kit.is_alive(talk.peer)


@CHAPTER.case("M3", Need.MULTIPLEX)
async def _offered_inside(kit: Kit) -> None:
    """Multiplexing is offered inside TLS, before SASL and after, and not outside."""
    _, outside = await kit.opened()
    _, before = await kit.secured()
    _, after = await kit.authenticated(bidi=True)
    if outside.multiplex or not before.multiplex or not after.multiplex:
        offered = [bool(each.multiplex) for each in (outside, before, after)]
        raise Deviation(f"expected the offer before and after SASL and not outside TLS; it was so: {offered}")


@CHAPTER.case("M2", Need.MULTIPLEX)
async def _with_bidi(kit: Kit) -> None:
    """Whoever offers multiplexing offers streams in both directions, or has agreed on them already."""
    for bidi in (False, True):
        _, before = await kit.secured()
        _, after = await kit.authenticated(bidi=bidi)
        if (before.multiplex and not before.bidi) or (after.multiplex and not (after.bidi or before.bidi)):
            raise Deviation("expected <bidi/> beside the offer to multiplex; it was not there")


async def _failed(peer: ScriptedPeer, condition: EnableCondition) -> None:
    """Multiplexing is refused."""
    found = await peer.element("failed", MULTIPLEX)
    try:
        read = read_element(found)
    except MultiplexMalformed as malformed:
        raise Deviation(f"expected failed with {condition.value}; {malformed}") from None
    if not isinstance(read, Failed) or read.condition is not condition:
        raise peer.other(f"failed with {condition.value}", found)


@CHAPTER.case("M2", Need.MULTIPLEX)
async def _without_bidi(kit: Kit) -> None:
    """On a stream of one direction enable fails with bidi-required, and the stream lives on."""
    peer, _ = await kit.authenticated()
    peer.say(LIMITS.to_bytes())
    await _failed(peer, EnableCondition.BIDI_REQUIRED)
    await kit.is_alive(peer)


@CHAPTER.case("M3", Need.MULTIPLEX)
async def _too_early(kit: Kit) -> None:
    """Before authentication enable fails with not-authenticated, and the stream lives on."""
    peer, _ = await kit.secured()
    peer.say(BIDI_ON, LIMITS.to_bytes())
    await _failed(peer, EnableCondition.NOT_AUTHENTICATED)
    await kit.is_alive(peer)


@CHAPTER.case("M3", Need.MULTIPLEX)
async def _without_limits(kit: Kit) -> None:
    """An enable without limits fails with policy-violation, and the stream lives on."""
    peer, _ = await kit.authenticated(bidi=True)
    peer.say(element("enable"))
    await _failed(peer, EnableCondition.POLICY_VIOLATION)
    await kit.is_alive(peer)


@CHAPTER.case("M3 M8", Need.MULTIPLEX)
async def _enabled(kit: Kit) -> None:
    """An enable is answered by enabled and the first list, which has the names of our handshake certificate."""
    stream = await Multiplexing.enabled(kit)
    await stream.answered(kit.me)


@CHAPTER.case("M3", Need.MULTIPLEX)
async def _twice(kit: Kit) -> None:
    """An enable that comes again is ignored."""
    stream = await Multiplexing.enabled(kit)
    stream.say(LIMITS)
    await kit.is_alive(stream.peer)
    await stream.answered(kit.me)


@CHAPTER.case("M9", Need.MULTIPLEX)
async def _no_restart(kit: Kit) -> None:
    """A new stream header after enable is a stream error: nothing is ever restarted."""
    stream = await Multiplexing.enabled(kit)
    stream.peer.say(kit.header().partition("?>")[2])
    await stream.peer.fails(*StreamCondition)


@CHAPTER.case("E1", Need.MULTIPLEX)
async def _old_tls(kit: Kit) -> None:
    """On TLS 1.2 multiplexing is not offered, and enable fails."""
    peer, offers = await kit.authenticated(bidi=True, max_version=SSL.TLS1_2_VERSION)
    if offers.multiplex:
        raise Deviation("expected no offer to multiplex on TLS 1.2; it was offered")
    peer.say(LIMITS.to_bytes())
    await _failed(peer, EnableCondition.POLICY_VIOLATION)
    await kit.is_alive(peer)


@CHAPTER.case("M5 M8", Need.MULTIPLEX, Need.DIALBACK, Need.OTHERS)
async def _no_weaker_proof(kit: Kit) -> None:
    """After enable a key for another domain gets not-authorized, and the stream lives on."""
    stream = await Multiplexing.enabled(kit)
    other = kit.another().domain
    stream.peer.say(key_result(other, kit.domain, kit.token()))
    answer = await stream.peer.element("result", DIALBACK, from_=kit.domain, to=other, type="error")
    if b"<not-authorized" not in answer.data:
        raise stream.peer.other("the error not-authorized", answer)
    await kit.is_alive(stream.peer)


@CHAPTER.case("M8", Need.MULTIPLEX, Need.KEYS, Need.LISTENING, Need.AUTHORITY)
async def _dialback_first(kit: Kit) -> None:
    """Where dialback has proven the first pair the first list is empty, the pair stays usable, others are added."""
    identity = kit.another()
    peer, offers = await kit.secured(kit.ours.untrusted(identity.domain))
    if not offers.multiplex:
        raise Deviation("expected the offer to multiplex beside dialback; it was not there")
    peer.say(BIDI_ON)
    await kit.vouched(peer, identity)
    await peer.element("result", DIALBACK, from_=kit.domain, to=identity.domain, type="valid")
    stream = Multiplexing(kit, peer)
    names = await stream.enable()
    if names:
        raise Deviation(f"expected an empty first list; it has {', '.join(names)}")
    peer.say(iq(f"kit@{identity.domain}", f"nobody@{kit.domain}", "1"))
    await peer.element("iq", SERVER, to=f"kit@{identity.domain}", id="1")
    await stream.add(kit.another())
