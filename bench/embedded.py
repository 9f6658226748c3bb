"""
Two services of muxs2s in one process, over TLS on loopback: what is measured without components in between.

Knows how they are set up, and how first stanzas go from the domains of one to those of the other, so many
at a time. Does not know what is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import deferLater

from bench.directions import Directions
from muxs2s.network.accepting import AcceptLimits
from muxs2s.network.certificates import CertificateStore
from muxs2s.network.reactors import INetworkReactor
from muxs2s.service.presenting import PresentationLimits
from muxs2s.service.s2s import S2SService, ServiceLimits
from muxs2s.service.status import StreamStatus
from muxs2s.testing import CertificateAuthority, IssuedCredentials, stanza_of
from muxs2s.wire.stanza import Slice
from tests.interop.servers.peer import free_port

__all__ = ["EmbeddedClouds", "issued", "stanza", "stored"]

ADDRESSES: Final = {"a": "127.0.0.2", "b": "127.0.0.3"}

MANY: Final = 1_000_000
BACKLOG: Final = 4_096

WAIT_SECONDS: Final = 120
"""For everything that was sent to arrive."""

POLLS: Final = 600
POLL_SECONDS: Final = 0.2
"""To look takes time itself, as every name is looked at."""

ACCEPT: Final[dict[str, int]] = {
    f"max_{whose}{what}": MANY
    for whose in ("", "address_")
    for what in ("connections", "unproven_connections", "connections_per_second", "burst_connections")
}
PRESENTATION: Final = PresentationLimits(
    max_signatures_per_second=MANY, max_burst_signatures=MANY, max_judgements_per_second=MANY, max_burst_judgements=MANY
)
LIMITS: Final = ServiceLimits(accept=replace(AcceptLimits(), **ACCEPT), presentation=PRESENTATION)
"""No limit on how many may come at a time is met; all others are the usual ones."""


def issued(authority: CertificateAuthority, cloud: str, count: int) -> list[IssuedCredentials]:
    """Certificates for that many domains of a cloud."""
    return [authority.issue(f"{cloud}{number}.example") for number in range(count)]


def stored(credentials: Iterable[IssuedCredentials]) -> CertificateStore:
    """Certificates as a service takes them."""
    store = CertificateStore()
    for each in credentials:
        store.add(each)
    return store


def stanza(sender: int, target: int) -> Slice:
    """A message from a domain of cloud a to one of cloud b, by their numbers."""
    return stanza_of(f"<message from='a{sender}.example' to='b{target}.example'><body>x</body></message>")


class EmbeddedClouds:
    """
    Clouds a and b, with domains ``a0.example``, ``b0.example`` and so on, that can reach each other.

    :param domains: how many each cloud has.
    :param later: how many more cloud a gets later on, for which it has certificates from the start.
    """

    announces = False
    """Whether cloud a offers what it hosts from now on to whoever it has a shared stream with."""

    def __init__(self, reactor: INetworkReactor, domains: int, later: int = 0) -> None:
        self._reactor = reactor
        self._hosted = {"a": domains, "b": domains}
        self._certified = {"a": domains + later, "b": domains}
        self._unsent: Iterator[Slice] = iter(())
        self._missing = 0
        self._arrived: Deferred[None] = Deferred()
        self._authority = CertificateAuthority()
        self._ports = {cloud: free_port(address) for cloud, address in ADDRESSES.items()}
        places = {cloud: (address, self._ports[cloud]) for cloud, address in ADDRESSES.items()}
        self._directions = Directions(places)
        self.services = {cloud: self._service(cloud) for cloud in ADDRESSES}
        """By cloud."""

    def start(self) -> None:
        """Let them listen, and be the host of every domain."""
        for service in self.services.values():
            service.startService()
            for domain in service.hosted:
                service.attach(domain, self)

    def host(self, count: int) -> None:
        """Let cloud a host so many domains more."""
        for number in range(self._hosted["a"], self._hosted["a"] + count):
            self.services["a"].add_domain(f"a{number}.example")
        self._hosted["a"] += count

    async def settle(self) -> None:
        """Wait until both share a stream and nothing is being proven on it."""
        for _ in range(POLLS):
            open_exchanges = [each.multiplexing.exchanges for each in self._streams if each.multiplexing]
            if len(open_exchanges) == len(self.services) and not any(open_exchanges):
                return
            await deferLater(self._reactor, POLL_SECONDS)
        raise TimeoutError(f"domains are still being proven after {POLLS * POLL_SECONDS:g} seconds")

    async def stop(self) -> None:
        """Close every stream."""
        for service in self.services.values():
            await service.stopService()

    async def carry(self, stanzas: Sequence[Slice], pending: int) -> None:
        """
        Send stanzas of cloud a, in order, and wait until all have arrived.

        :param pending: how many may be on their way at a time.
        :raises TimeoutError: if they have not arrived after :data:`WAIT_SECONDS`.
        """
        self._missing, self._unsent, self._arrived = len(stanzas), iter(stanzas), Deferred()
        self._arrived.addTimeout(WAIT_SECONDS, self._reactor)
        self._send(pending)
        await self._arrived

    @property
    def connections(self) -> int:
        """How many streams stand that cloud a has opened, or cloud b."""
        return sum(1 for stream in self._streams if stream.initiated)

    @property
    def presented(self) -> int:
        """How many certificates cloud a has shown beyond that of the handshake."""
        streams = self.services["a"].status().streams
        return sum(stream.multiplexing.presented for stream in streams if stream.multiplexing)

    @property
    def _streams(self) -> list[StreamStatus]:
        return [stream for service in self.services.values() for stream in service.status().streams]

    def deliver(self, stanzas: Sequence[Slice]) -> None:
        """See :meth:`muxs2s.hosts.seam.Host.deliver`: for each that has arrived the next one may go."""
        if bounced := next((each for each in stanzas if each.type == "error"), None):
            self._arrived.errback(RuntimeError(f"came back: {bounced.data!r}"))
            return
        self._missing -= len(stanzas)
        self._send(len(stanzas))
        if not self._missing:
            self._arrived.callback(None)

    def _send(self, count: int) -> None:
        self.services["a"].send(list(islice(self._unsent, count)))

    def _service(self, cloud: str) -> S2SService:
        address = ADDRESSES[cloud]
        return S2SService(
            self._reactor,
            [f"{cloud}{number}.example" for number in range(self._hosted[cloud])],
            certificates=stored(issued(self._authority, cloud, self._certified[cloud])),
            anchors=self._authority.trust_anchors,
            endpoints=[TCP4ServerEndpoint(self._reactor, self._ports[cloud], BACKLOG, address)],
            lookup=self._directions,
            bind_address=address,
            limits=LIMITS,
            announces=lambda: self.announces and cloud == "a",
        )
