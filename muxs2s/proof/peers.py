"""
What is asked of peers, domain by domain: whether they are let in, what proves them, whether TLS is needed.

Knows how the policy of a domain is found: its own, else that of the nearest domain above it. Does not
know how any prooftype decides, nor where a policy is written: see :mod:`muxs2s.server.options`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from muxs2s.proof.policy import ProofPolicy
from muxs2s.wire.names import DomainName

__all__ = ["DIALBACK_SUFFICES", "PeerPolicies", "PeerPolicy", "domains_above"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerPolicy:
    """What is asked of the domain of a peer."""

    is_admitted: bool = True
    """Whether we speak with it at all, in either direction."""

    proofs: ProofPolicy = field(default_factory=ProofPolicy)
    """Which prooftypes suffice."""

    is_multiplexed: bool = True
    """Whether it may share a stream with other domains."""

    require_encryption: bool = True
    """Whether nothing of it passes outside TLS."""

    @property
    def takes_dialback(self) -> bool:
        """Whether it may be proven by a dialback key alone."""
        return "dialback" in self.proofs.order

    @property
    def is_given_by_chain(self) -> bool:
        """Whether a certificate with a chain to our anchors brings it onto a stream though another domain was asked."""
        return self.is_admitted and self.is_multiplexed and self.proofs.is_chain_enough


DIALBACK_SUFFICES = PeerPolicy(proofs=ProofPolicy(order=("pkix", "dialback")))
"""For peers whose certificates nobody has vouched for; TLS is needed all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerPolicies:
    """The policies of all peers."""

    default: PeerPolicy = field(default_factory=PeerPolicy)
    domains: Mapping[str, PeerPolicy] = field(default_factory=dict)
    """Of single domains and, as long as these have none of their own, of all domains below them."""

    _right_below: Mapping[str, list[PeerPolicy]] = field(init=False, repr=False, compare=False)
    """Those of :attr:`domains`, by the domain that is one label above."""

    def __post_init__(self) -> None:
        """Sort the policies once, as certificates ask for them often."""
        below: dict[str, list[PeerPolicy]] = {}
        for domain, policy in self.domains.items():
            below.setdefault(domain.partition(".")[2], []).append(policy)
        object.__setattr__(self, "_right_below", below)

    def of(self, domain: DomainName) -> PeerPolicy:
        """Find the policy of a domain."""
        if not self.domains:
            return self.default
        return next((self.domains[name] for name in domains_above(domain) if name in self.domains), self.default)

    def right_below(self, parent: DomainName) -> Iterator[PeerPolicy]:
        """Every policy that some domain has which is one label more than ``parent``."""
        yield self.of(parent)
        yield from self._right_below.get(parent, ())


def domains_above(domain: str) -> Iterator[str]:
    """A domain, then every domain above it, nearest first: whole labels are cut off, never parts of one."""
    while domain:
        yield domain
        domain = domain.partition(".")[2]
