"""
What multiplexing has to know of our side.

Knows views only, the same for every stream of a server.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Protocol

from muxs2s.proof.authenticators import OwnCertificate, ReceivedRequest
from muxs2s.proof.peers import PeerPolicies
from muxs2s.wire.names import DomainName, Name

__all__ = ["AuthenticatorRequests", "EarlierPairs", "OwnDomains"]


class AuthenticatorRequests(Protocol):
    """Makes and reads requests for proofs on one connection, which costs little; what costs more is done elsewhere."""

    def request(self, domain: DomainName) -> bytes:
        """Make a request, good for one proof."""
        ...

    def read_request(self, data: bytes, domain: DomainName) -> ReceivedRequest:
        """
        Read a request of the peer.

        :raises AuthenticatorRefused: if it is malformed, of the wrong type, for another domain or seen before.
        """
        ...

    def forget(self, request: bytes) -> None:
        """Nothing that comes for a request counts any more."""
        ...


class EarlierPairs(Protocol):
    """The pairs proven on a stream before it multiplexed, and what else was accepted then."""

    def involves(self, domain: DomainName) -> bool:
        """Whether a domain of either end is part of one."""
        ...

    def withdraw_domain(self, domain: DomainName) -> None:
        """Forget every pair that a domain is part of."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnDomains:
    """Our domains and what we ask of those of peers; looked at whenever one is named."""

    hosted: Container[DomainName]
    certificate_of: Callable[[DomainName, float], OwnCertificate | None] = lambda _domain, _now: None
    """Gives what a domain of ours shows, at a time in seconds since the epoch; ``None`` if nothing proves it."""

    hidden: Container[DomainName] = ()
    """Domains of ours that are not shown to those who ask for them."""

    policies: Callable[[], PeerPolicies] = PeerPolicies
    """Gives the policies of the moment."""

    def is_shown(self, name: Name) -> bool:
        """Whether a peer that names a domain may learn that it is ours; a pattern is nobody's."""
        return name in self.hosted and name not in self.hidden
