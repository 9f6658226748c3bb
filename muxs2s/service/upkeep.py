"""
What is told on a stream that multiplexes when the domains, policies or certificates of this server change.

Knows which names of either end a change concerns, and that a fence takes them off while others go on. Streams
without multiplexing are the business of :mod:`muxs2s.service.s2s`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.multiplexer import Multiplexer
from muxs2s.multiplex.names import Standing
from muxs2s.network.protocol import StreamProtocol
from muxs2s.proof.authenticators import OwnCertificate
from muxs2s.proof.peers import PeerPolicies
from muxs2s.wire.names import DomainName, DomainPattern, Name

__all__ = ["announce", "renew", "revoke_denied", "revoke_hosted"]


def announce(connection: StreamProtocol, domains: Iterable[DomainName]) -> None:
    """Prove domains of ours that nobody has asked for; those that the peer knows already cost nothing."""
    for domain in sorted(domains):
        connection.offer(domain)


def revoke_hosted(connection: StreamProtocol, domain: DomainName) -> None:
    """Take a domain from the peer that is about to be ours, before it is."""
    multiplexer = connection.multiplexer
    if multiplexer is not None and multiplexer.peers.standing(domain) is not Standing.OUT:
        connection.revoke([domain], MultiplexCondition.POLICY_VIOLATION)


def revoke_denied(connection: StreamProtocol, policies: PeerPolicies, hosted: Container[DomainName]) -> None:
    """Take from the peer what the policies of the moment deny, whatever has proven it."""
    multiplexer = connection.multiplexer
    if multiplexer is not None:
        earlier = (name for name in connection.stream.associations.domains() if name not in hosted)
        denied: set[Name] = {name for name in earlier if not policies.of(name).is_admitted}
        denied.update(_denied(multiplexer, policies))
        if denied:
            connection.revoke([*denied], MultiplexCondition.POLICY_VIOLATION)


def _denied(multiplexer: Multiplexer, policies: PeerPolicies) -> Iterator[Name]:
    """Names that are open and denied; of those that a pattern stands for, the ones that have a policy."""
    peers = multiplexer.peers
    for name in peers:
        if isinstance(name, DomainName):
            if peers.is_open(name) and not policies.of(name).is_admitted:
                yield name
        elif not policies.of(name.parent).is_admitted:
            yield name
    for name in map(DomainName, policies.domains):
        if DomainPattern.above(name) in peers and peers.is_open(name) and not policies.of(name).is_admitted:
            yield name


def renew(
    connection: StreamProtocol, certificate_of: Callable[[DomainName, float], OwnCertificate | None], now: float
) -> None:
    """
    Show what has taken the place of the certificates shown so far, once each.

    :param certificate_of: gives the certificate that a domain of ours has at a time, in seconds.
    """
    multiplexer = connection.multiplexer
    if multiplexer is None:
        return
    shown = {certificate.leaf for certificate in multiplexer.own.certificates.values()}
    for name in multiplexer.own:
        if not isinstance(name, DomainName) or not multiplexer.own.is_open(name):
            continue
        current = certificate_of(name, now)
        if current is not None and current.leaf not in shown:
            shown.add(current.leaf)
            connection.renew(name)
