"""
What is given: the server under test, who we are, and what a case can count on.

Knows what a case may need, and why it cannot be played without. Does not know any case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint

from muxs2s.conformance.offers import Offers
from muxs2s.conformance.own import OwnDomains
from muxs2s.network.targets import Target
from muxs2s.proof.pkix import TrustAnchors
from muxs2s.testing.dns import Zone
from muxs2s.wire.names import DomainName

__all__ = ["NOTHING_KNOWN", "Facts", "Need", "Setting"]


class Need(Enum):
    """Something without which a case cannot be played; the value says what is wrong if it is missing."""

    TLS = "the server offers no STARTTLS"
    AUTHENTICATION = "the server does not take the certificate of our domain"
    DIALBACK = "the server offers no dialback"
    KEYS = "the server takes no dialback keys of domains whose certificate proves nothing"
    BIDI = "the server offers no streams in both directions"
    ANSWERS = "the answers of the server cannot be seen: it offers no streams in both directions; give --listen"
    MULTIPLEX = "the server offers no multiplexing by certificate"
    AUTHORITY = "needs certificates made on the spot: give --authority"
    OTHERS = "needs a certificate of another domain of ours: give --authority, or --certificate twice"
    SECOND_TARGET = "needs a second domain of the server: give --domain twice"
    LISTENING = "the server has to reach us: give --listen, and lead the names of our domains there"
    NAMES = "the server has to ask us for names: give --name-server, and have it ask there"
    DIRECT_TLS = "needs the place where the server takes direct TLS: give --direct-tls"
    PATIENCE = "takes more than a minute: give --slow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the command was told."""

    place: str
    """Where the server is, for people."""

    endpoint: IStreamClientEndpoint
    """Leads there."""

    domain: DomainName
    """That the server hosts."""

    ours: OwnDomains
    anchors: TrustAnchors | None = None
    """By which the certificates of the server are judged; ``None`` for none."""

    more_domains: tuple[DomainName, ...] = ()
    """That the server hosts as well."""

    direct_tls: IStreamClientEndpoint | None = None
    """Leads to where it takes direct TLS."""

    listening: IStreamServerEndpoint | None = None
    """Where it reaches us."""

    reached_at: Target | None = None
    """How SRV records of our domains name that place."""

    zone: Zone | None = None
    """What it is told of our names, if it asks us."""

    name_server: tuple[str, int] | None = None
    """Where that is told; ``None`` if somebody else tells it."""

    seconds: float = 10.0
    """How long it may take for any reaction."""

    is_patient: bool = False
    """Whether cases are played that take more than a minute."""

    rows: frozenset[str] = frozenset()
    """Those that are looked for; none for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the server was seen to offer."""

    outside: Offers | None = None
    """Outside TLS."""

    inside: Offers | None = None
    """Inside, before authentication; ``None`` if it does not come to that."""

    authenticated: Offers | None = None
    """After it."""

    unproven: Offers | None = None
    """Inside TLS, to a domain whose certificate proves nothing; ``None`` if that is turned away."""

    tls_version: str = ""

    def has(self, need: Need, setting: Setting) -> bool:
        """Whether a need is met."""
        return need in self._there(setting)

    def lacking(self, needs: Iterable[Need], setting: Setting) -> list[Need]:
        """Those of the needs that are not met."""
        there = self._there(setting)
        return [need for need in needs if need not in there]

    def _there(self, setting: Setting) -> set[Need]:
        inside, after = self.inside, self.authenticated
        bidi = any(offers.bidi for offers in (self.outside, inside) if offers is not None)
        listening = setting.listening is not None
        found = {
            Need.TLS: inside is not None,
            Need.AUTHENTICATION: after is not None,
            Need.DIALBACK: inside is not None and inside.dialback,
            Need.KEYS: self.unproven is not None and self.unproven.dialback,
            Need.BIDI: bidi,
            Need.ANSWERS: after is not None and (bidi or listening),
            Need.MULTIPLEX: after is not None and (after.multiplex or (inside and inside.multiplex)) is not None,
            Need.AUTHORITY: setting.ours.can_issue,
            Need.OTHERS: setting.ours.has_others,
            Need.SECOND_TARGET: bool(setting.more_domains),
            Need.LISTENING: listening,
            Need.NAMES: listening and setting.zone is not None,
            Need.DIRECT_TLS: setting.direct_tls is not None,
            Need.PATIENCE: setting.is_patient,
        }
        return {need for need, is_met in found.items() if is_met}


NOTHING_KNOWN: Final = Facts()
"""Before the first look."""
