"""
What a stream knows of our side: which domains are ours, what we ask of peers, what we let them cost us.

Knows values and views only, the same for every stream of a server.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, field

from muxs2s.multiplex.own import OwnDomains
from muxs2s.proof.authenticators import OwnCertificate
from muxs2s.proof.dialback import DialbackKeys
from muxs2s.proof.peers import PeerPolicies, PeerPolicy
from muxs2s.stream.announced import AnnouncedLimits
from muxs2s.stream.limits import StreamLimits
from muxs2s.wire.names import DomainName

__all__ = ["OwnSide"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSide:
    """Our side of every stream."""

    hosted: Container[DomainName]
    """The domains that are ours; looked at whenever one is named."""

    keys: DialbackKeys
    policies: Callable[[], PeerPolicies] = PeerPolicies
    """Gives the policies of the moment."""

    limits: StreamLimits = field(default_factory=StreamLimits)
    is_bidi: bool = True
    """Whether we want stanzas in both directions where the peer does, too."""

    multiplex: bool = True
    """Whether we want many domains on one stream where the peer does, too, and stanzas go both ways."""

    certificate_of: Callable[[DomainName, float], OwnCertificate | None] = lambda _domain, _now: None
    """Gives what a domain of ours shows, at a time in seconds since the epoch; ``None`` if nothing proves it."""

    hidden: Container[DomainName] = ()
    """Domains of ours that are not shown to those who ask for them."""

    @property
    def domains(self) -> OwnDomains:
        """What multiplexing has to know of our domains."""
        return OwnDomains(
            hosted=self.hosted, certificate_of=self.certificate_of, hidden=self.hidden, policies=self.policies
        )

    def may_share(self, domain: DomainName) -> bool:
        """Whether a domain of a peer may be on one stream with others."""
        return self.multiplex and self.is_bidi and self.policy(domain).is_multiplexed

    def policy(self, domain: DomainName) -> PeerPolicy:
        """What is asked of a peer's domain."""
        return self.policies().of(domain)

    @property
    def announced(self) -> AnnouncedLimits:
        """What we tell peers of our limits: those after authentication, as nothing larger is due before."""
        limits = self.limits
        return AnnouncedLimits(
            max_bytes=limits.after_authentication.max_element_bytes, idle_seconds=limits.idle_seconds
        )
