"""
A first look at the server: what it offers, at each stage, to somebody who does everything right.

Knows how far to go. Does not judge: whatever is not offered is a fact, on which it depends what can be tried.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from twisted.internet.interfaces import IReactorTime

from muxs2s.conformance.deviation import Deviation
from muxs2s.conformance.kit import Kit
from muxs2s.conformance.reception import Reception
from muxs2s.conformance.setting import Facts, Setting

__all__ = ["survey"]


async def survey(clock: IReactorTime, setting: Setting, reception: Reception) -> Facts:
    """
    Look.

    :raises Deviation: if there is nobody who speaks XMPP, or nobody who hosts the domain.
    """
    kit = Kit(clock, setting, reception)
    try:
        kit.lead(kit.me)
        _, outside = await kit.opened()
        kit.facts = Facts(outside=outside)
        if outside.starttls:
            await _inside(kit)
        return kit.facts
    finally:
        await kit.close()


async def _inside(kit: Kit) -> None:
    """Look inside TLS; what is not there is missing in the facts."""
    with suppress(Deviation):
        _, unproven = await kit.secured(kit.ours.untrusted(kit.me))
        kit.facts = replace(kit.facts, unproven=unproven)
    with suppress(Deviation):
        peer, inside = await kit.secured()
        assert peer.connection is not None, "TLS is up"
        version = peer.connection.get_protocol_version_name()
        kit.facts = replace(kit.facts, inside=inside, tls_version=version)
        _, authenticated = await kit.authenticated()
        kit.facts = replace(kit.facts, authenticated=authenticated)
