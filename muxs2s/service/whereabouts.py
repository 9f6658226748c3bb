"""
Where domains are, as far as DNS or the operator says: which of them share a server.

Knows the host names, addresses and ports that the servers of a domain have, and remembers them for a short
time. What it says is a hint, never a proof: it decides who is asked for a domain, not who is believed.
Connects to nothing: see :mod:`muxs2s.service.opening`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Protocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from muxs2s.network.resolver import LookupFailed
from muxs2s.network.sharing import SharedJobs
from muxs2s.network.targets import Target, Unreachable
from muxs2s.wire.names import DomainName

__all__ = [
    "LOOK_SECONDS",
    "MAX_WHEREABOUTS",
    "REMEMBER_SECONDS",
    "Endpoint",
    "Guide",
    "Whereabouts",
    "endpoint_of",
]

MAX_WHEREABOUTS: Final = 10_000
"""Domains whose whereabouts are remembered, the first looked up first out."""

REMEMBER_SECONDS: Final = 60.0
"""For which they are; how long single answers of DNS count is the resolver's business."""

LOOK_SECONDS: Final = 5.0
"""For DNS to say where a domain is; what it has not said by then does not count."""

Endpoint = tuple[str, int]
"""A host name in A-labels or an IP address, and a port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What is remembered of a domain."""

    endpoints: frozenset[Endpoint]
    places: frozenset[Endpoint]
    until: float
    """When it counts no more, seconds."""


class Guide(Protocol):
    """Whoever knows where domains are: a :class:`~muxs2s.network.connecting.Connector`."""

    def targets(self, domain: DomainName) -> Deferred[tuple[Target, ...]]:
        """As :meth:`muxs2s.network.connecting.Connector.targets`."""
        ...

    async def addresses(self, host: str, rdtype: str) -> tuple[str, ...]:
        """As :meth:`muxs2s.network.connecting.Connector.addresses`."""
        ...


def endpoint_of(end: object) -> Endpoint | None:
    """
    Say where one end of a connection is.

    :param end: as ``getPeer`` or ``getHost`` of a transport tells it.
    :returns: ``None`` where it has no port.
    """
    return (end.host, end.port) if isinstance(end, IPv4Address | IPv6Address) else None


class Whereabouts:
    """The endpoints of domains."""

    def __init__(self, guide: Guide, clock: IReactorTime) -> None:
        self._guide, self._clock = guide, clock
        self._jobs: SharedJobs[DomainName, frozenset[Endpoint]] = SharedJobs()
        self._known: OrderedDict[DomainName, _Known] = OrderedDict()

    async def of(self, domain: DomainName) -> frozenset[Endpoint]:
        """
        Say where the servers of a domain are.

        :returns: every endpoint under the name of its host and under each of its addresses; none where DNS names
            none, or does not say in time.
        """
        known = self.known(domain)
        return await self._jobs.join(domain, lambda: self._look(domain)) if known is None else known

    def known(self, domain: DomainName) -> frozenset[Endpoint] | None:
        """What is remembered of a domain; ``None`` if nothing is."""
        known = self._known.get(domain)
        return None if known is None or self._clock.seconds() >= known.until else known.endpoints

    def places(self, domain: DomainName) -> frozenset[Endpoint]:
        """
        Say where one may come to who calls a domain, as far as it is remembered.

        :returns: addresses; under the name of its host only what has others, as far as anybody could say.
        """
        known = self._known.get(domain)
        return frozenset() if known is None else known.places

    def is_looking(self, domain: DomainName) -> bool:
        """Whether somebody asks for a domain at the moment."""
        return domain in self._jobs

    def domains_at(self, endpoints: Collection[Endpoint]) -> set[DomainName]:
        """Domains that were found at one of these endpoints, if only some time ago."""
        return {domain for domain, known in self._known.items() if not known.endpoints.isdisjoint(endpoints)}

    def forget(self) -> None:
        """Look anew from now on."""
        self._known.clear()

    async def _look(self, domain: DomainName) -> frozenset[Endpoint]:
        found: set[Endpoint] = set()
        resolved: set[Endpoint] = set()
        looking = Deferred.fromCoroutine(self._gather(domain, found, resolved))
        await looking.addTimeout(LOOK_SECONDS, self._clock, lambda _late, _seconds: None)
        until = self._clock.seconds() + REMEMBER_SECONDS
        known = _Known(endpoints=frozenset(found), places=frozenset(found - resolved), until=until)
        self._known[domain] = known
        self._known.move_to_end(domain)
        if len(self._known) > MAX_WHEREABOUTS:
            self._known.popitem(last=False)
        return known.endpoints

    async def _gather(self, domain: DomainName, found: set[Endpoint], resolved: set[Endpoint]) -> None:
        """Let DNS say what it knows, piece by piece, so that what comes late costs nothing but itself."""
        try:
            targets = await self._guide.targets(domain)
        except Unreachable:
            return
        named = {(target.host, target.port) for target in targets}
        found.update(named)
        hosts = {target.host for target in targets if not target.is_address}
        looking = [
            Deferred.fromCoroutine(self._resolve([each for each in named if each[0] == host], found, resolved))
            for host in sorted(hosts)
        ]
        await DeferredList(looking)

    async def _resolve(self, named: list[Endpoint], found: set[Endpoint], resolved: set[Endpoint]) -> None:
        """Add the addresses of a host; they are all that it has if nothing about it could not be said."""
        looking = [
            Deferred.fromCoroutine(self._guide.addresses(named[0][0], rdtype)).addCallbacks(
                _take, _leave, (found, [port for _, port in named])
            )
            for rdtype in ("AAAA", "A")
        ]
        answers = await DeferredList(looking)
        if all(is_known for _, is_known in answers):
            resolved.update(named)


def _take(addresses: tuple[str, ...], found: set[Endpoint], ports: list[int]) -> bool:
    found.update((address, port) for address in addresses for port in ports)
    return True


def _leave(failure: Failure) -> bool:
    """A host whose addresses nobody can say is known by its name."""
    failure.trap(LookupFailed, CancelledError)
    return False
