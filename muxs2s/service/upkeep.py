"""
What becomes of streams when the domains, policies or certificates of this server change.

Knows which names of either end a change concerns, that a fence takes them off a stream that multiplexes while others
go on, and that any other stream ends with its pair. Does not know what has changed, nor why.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.multiplexer import Multiplexer
from muxs2s.multiplex.names import Standing
from muxs2s.network.protocol import StreamProtocol
from muxs2s.proof.authenticators import OwnCertificate
from muxs2s.proof.peers import PeerPolicies
from muxs2s.stream.side import OwnSide
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.names import DomainName, DomainPattern, Name

__all__ = ["RENEWAL_SECONDS", "Upkeep", "announce", "renew", "revoke_denied", "revoke_hosted"]

RENEWAL_SECONDS: Final = 3_600.0
"""
Between two looks at whether a certificate shown on a stream has a successor: one that is valid only now, or that
the peer did not take when the certificates were read.
"""


class Upkeep:
    """
    Keeps all streams to the domains, policies and certificates of the moment.

    :param streams: those that are not gone; a live view.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, streams: Iterable[StreamProtocol], side: OwnSide) -> None:
        self._clock, self._streams, self._side = clock, streams, side
        self._renewals = LoopingCall(self.renew)
        self._renewals.clock = clock

    def take_over(self, domain: DomainName) -> None:
        """A domain is about to be ours: a peer that has proven it may use it no longer."""
        for connection in self._streams:
            revoke_hosted(connection, domain)

    def give_up(self, domain: DomainName) -> None:
        """A domain is ours no longer: streams for it end, and it is taken off others."""
        for connection in self._streams:
            if connection.multiplexer is not None:
                connection.withdraw([domain])
            elif domain in (connection.stream.pair or ()):
                connection.fail(StreamCondition.HOST_GONE, f"{domain} is no longer hosted here")
            else:
                connection.stream.associations.withdraw_domain(domain)

    def announce(self, domains: Iterable[DomainName]) -> None:
        """Prove domains of ours that nobody has asked for, to every peer with which domains share a stream."""
        announced = sorted(domains)
        for connection in self._streams:
            announce(connection, announced)

    def end_denied(self) -> None:
        """The policies have changed: end what peers have that they deny."""
        policies, hosted = self._side.policies(), self._side.hosted
        for connection in self._streams:
            if connection.multiplexer is None:
                _close_denied(connection, policies, hosted)
            else:
                revoke_denied(connection, policies, hosted)

    def renew(self) -> None:
        """Have shared streams show certificates that have taken the place of others, long before those end."""
        shared = [connection for connection in self._streams if connection.multiplexer is not None]
        for connection in shared:
            try:
                renew(connection, self._side.certificate_of, self._clock.seconds())
            except Exception:  # noqa: BLE001 - one stream in trouble keeps no other from its renewal
                self._log.failure("renewing certificates on stream {number}", number=connection.number)
        if not shared:
            self.stop()

    def renew_from_now_on(self) -> None:
        """Have :meth:`renew` called every now and then, as long as there are shared streams."""
        if not self._renewals.running:
            self._renewals.start(RENEWAL_SECONDS, now=False)

    @property
    def renews(self) -> bool:
        """Whether it is called every now and then."""
        return self._renewals.running

    def stop(self) -> None:
        """Call it no longer."""
        if self._renewals.running:
            self._renewals.stop()


# On one stream.


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


def _close_denied(connection: StreamProtocol, policies: PeerPolicies, hosted: Container[DomainName]) -> None:
    """End a stream without multiplexing that was opened with a domain that is denied, or take the domain off it."""
    stream = connection.stream
    named = stream.pair or ()
    for domain in {*named, *stream.associations.domains()}:
        if domain in hosted or policies.of(domain).is_admitted:
            continue
        if domain in named:
            connection.fail(StreamCondition.POLICY_VIOLATION, f"the policy of this server denies {domain}")
        else:
            stream.associations.withdraw_domain(domain)


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
