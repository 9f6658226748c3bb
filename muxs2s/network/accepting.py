"""
Which connections are taken: how many at once, how fast, and from whom no more.

Knows addresses and counts. Does not know sockets, streams or a clock: it is asked before anything is
made for a connection, and told what becomes of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv6Address as IPv6
from ipaddress import IPv6Network, ip_address
from typing import Final

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

from muxs2s.network.buckets import TokenBucket

__all__ = ["AcceptLimits", "Door", "Refusal", "Visit", "source_of"]

_NETWORK_BITS: Final = 64
"""Of an IPv6 address: one customer has all addresses that begin alike, or more (RFC 6177)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptLimits:
    """
    Connections that peers open to us.

    An address of IPv6 stands for its network of 64 bits; one that is no IP address, such as that of a
    Unix socket, meets the limits of all connections alone.
    """

    max_connections: int = 10_000

    max_unproven_connections: int = 2_000
    """On which nothing is proven yet."""

    max_connections_per_second: int = 200
    """New ones, on average."""

    max_burst_connections: int = 2_000
    """New ones at once, if few came before."""

    max_address_connections: int = 1_000
    max_address_unproven_connections: int = 200
    max_address_connections_per_second: int = 50
    max_address_burst_connections: int = 500
    """The same four for one address."""

    max_address_failed_proofs: int = 60
    """Proofs that fail within :attr:`failed_proofs_seconds`; with one more the address is refused."""

    failed_proofs_seconds: float = 60.0

    refused_seconds: float = 300.0
    """How long such an address is refused."""

    max_remembered_addresses: int = 10_000
    """Addresses without a connection whose past is known."""


class Refusal(Enum):
    """Why a connection is not taken: the option whose limit is reached."""

    CONNECTIONS = "accept.max_connections"
    UNPROVEN = "accept.max_unproven_connections"
    RATE = "accept.max_connections_per_second"
    ADDRESS_CONNECTIONS = "accept.max_address_connections"
    ADDRESS_UNPROVEN = "accept.max_address_unproven_connections"
    ADDRESS_RATE = "accept.max_address_connections_per_second"
    FAILED_PROOFS = "accept.max_address_failed_proofs"


class _Tally:
    """Some connections, and how many of them there may be."""

    __slots__ = ("_arrivals", "_max_connections", "_max_unproven", "_reasons", "connections", "unproven")

    def __init__(
        self,
        max_connections: int,
        max_unproven: int,
        arrivals: TokenBucket,
        reasons: tuple[Refusal, Refusal, Refusal],
    ) -> None:
        self._max_connections, self._max_unproven = max_connections, max_unproven
        self._arrivals, self._reasons = arrivals, reasons
        self.connections = self.unproven = 0

    def refusal(self, now: float) -> Refusal | None:
        """Why one more is too many; unless it is, it counts as new."""
        too_many, too_many_unproven, too_fast = self._reasons
        if self.connections >= self._max_connections:
            return too_many
        if self.unproven >= self._max_unproven:
            return too_many_unproven
        return None if self._arrivals.take(now) else too_fast

    def failed(self, now: float) -> None:
        """A proof has failed: that is held against addresses alone."""


class _Source(_Tally):
    """The connections of one address, and what is held against it."""

    __slots__ = ("_failures", "_refused_at", "_refused_seconds", "name")

    def __init__(self, name: str, limits: AcceptLimits, now: float) -> None:
        super().__init__(
            limits.max_address_connections,
            limits.max_address_unproven_connections,
            TokenBucket(limits.max_address_connections_per_second, limits.max_address_burst_connections, now),
            (Refusal.ADDRESS_CONNECTIONS, Refusal.ADDRESS_UNPROVEN, Refusal.ADDRESS_RATE),
        )
        self.name = name
        proofs = limits.max_address_failed_proofs
        self._failures = TokenBucket(proofs / limits.failed_proofs_seconds, proofs, now)
        self._refused_seconds = limits.refused_seconds
        self._refused_at: float | None = None

    def refusal(self, now: float) -> Refusal | None:
        """As for all; or what happened before."""
        if self._refused_at is not None and 0.0 <= now - self._refused_at < self._refused_seconds:
            return Refusal.FAILED_PROOFS
        return super().refusal(now)

    def failed(self, now: float) -> None:
        """A proof has failed; after too many the address is refused for a while."""
        if not self._failures.take(now):
            self._refused_at = now


class Visit:
    """
    One connection that was taken; without tallies, one that nobody counts.

    :ivar source: who has opened it, as :func:`source_of` has it.
    :param over: called when it is.
    """

    __slots__ = ("_is_over", "_is_unproven", "_over", "_tallies", "source")

    def __init__(self, *tallies: _Tally, source: str | None = None, over: Callable[[], None] = lambda: None) -> None:
        self.source = source
        self._tallies, self._over = tallies, over
        self._is_unproven, self._is_over = True, False
        for tally in tallies:
            tally.connections += 1
            tally.unproven += 1

    def authenticated(self) -> None:
        """Something is proven on it; from the second time on nothing changes."""
        if self._is_unproven:
            self._is_unproven = False
            for tally in self._tallies:
                tally.unproven -= 1

    def failed(self, now: float) -> None:
        """A proof has failed on it."""
        for tally in self._tallies:
            tally.failed(now)

    def left(self) -> None:
        """It is over; from the second time on nothing changes."""
        if not self._is_over:
            self._is_over = True
            self.authenticated()
            for tally in self._tallies:
                tally.connections -= 1
            self._over()


class Door:
    """
    Takes connections, or refuses them before anything is made for them.

    :param now: seconds; every other ``now`` is of the same clock.
    """

    def __init__(self, limits: AcceptLimits, now: float) -> None:
        self._limits = limits
        self._every = _Tally(
            limits.max_connections,
            limits.max_unproven_connections,
            TokenBucket(limits.max_connections_per_second, limits.max_burst_connections, now),
            (Refusal.CONNECTIONS, Refusal.UNPROVEN, Refusal.RATE),
        )
        self._present: dict[str, _Source] = {}
        """The addresses that have a connection."""
        self._remembered: OrderedDict[str, _Source] = OrderedDict()
        """Those that have none, the one that has been seen least lately first."""

    def admit(self, address: IAddress | None, now: float) -> Visit | Refusal:
        """
        Ask for one more connection.

        :param address: where it comes from.
        :returns: the connection, to be told what becomes of it; or why it is not taken.
        """
        name = source_of(address)
        if name is None:
            return self._every.refusal(now) or Visit(self._every)
        source = self._find(name, now)
        refusal = source.refusal(now) or self._every.refusal(now)
        if refusal is None:
            return Visit(self._every, source, source=name, over=lambda: self._rest(source))
        self._rest(source)
        return refusal

    def _find(self, name: str, now: float) -> _Source:
        """An address, among those that have a connection."""
        source = self._present.get(name) or self._remembered.pop(name, None) or _Source(name, self._limits, now)
        self._present[name] = source
        return source

    def _rest(self, source: _Source) -> None:
        """Move an address without connections to those that are remembered, as long as there is room."""
        if not source.connections:
            self._remembered[source.name] = self._present.pop(source.name)
            if len(self._remembered) > self._limits.max_remembered_addresses:
                self._remembered.popitem(last=False)


def source_of(address: object) -> str | None:
    """
    Who is behind an address, as far as it shows: an IPv4 address, a network of IPv6.

    :returns: ``None`` for what is no IP address.
    """
    if not isinstance(address, IPv4Address | IPv6Address):
        return None
    try:
        found = ip_address(address.host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6):
        return str(found.ipv4_mapped or IPv6Network((found, _NETWORK_BITS), strict=False))
    return str(found)
