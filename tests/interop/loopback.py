"""
Services that federate on loopback: real sockets, real TLS, a name server; and an ear inside TLS.

Knows how to start and stop them, and who has written what, in the order in which it arrived. Does not know what
they should say: see :mod:`tests.interop.test_multiplexing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, cast
from unittest.mock import patch

from twisted.internet.defer import gatherResults
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import deferLater

from muxs2s.network.certificates import CertificateStore
from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.reactors import INetworkReactor
from muxs2s.network.resolver import Resolver
from muxs2s.service.s2s import S2SService
from muxs2s.service.status import MultiplexStatus, StreamStatus
from muxs2s.stream.receiving import ReceivingStream
from muxs2s.testing import Zone
from muxs2s.wire.framing import Framer
from muxs2s.wire.limits import AFTER_AUTHENTICATION
from muxs2s.wire.names import DomainName
from muxs2s.wire.namespaces import MULTIPLEX
from muxs2s.wire.stanza import Slice
from tests.interop.servers.peer import free_port
from tests.service.samples import message
from tests.service.world import AUTHORITY, Mailbox, credentials_of

__all__ = ["Heard", "Loopback", "Peer", "overheard"]

PATIENCE_SECONDS: Final = 20.0
"""For anything to come about, on a busy machine."""

TURN_SECONDS: Final = 0.005
"""Between two looks at whether it has."""


class Heard(NamedTuple):
    """One element, as the other end has read it inside TLS."""

    server: str
    """The address of who wrote it."""

    opener: str
    """The address of who opened the connection."""

    write: int
    """The number of the piece it came in; those with the same number came at once."""

    element: Slice

    @property
    def is_multiplexing(self) -> bool:
        """Whether it is of the namespace of ours."""
        return self.element.namespace == MULTIPLEX


@contextmanager
def overheard() -> Iterator[list[Heard]]:
    """Listen inside TLS on every connection."""
    heard: list[Heard] = []
    framers: dict[StreamProtocol, Framer] = {}
    pieces = iter(range(10**9))
    receive = StreamProtocol.dataReceived

    def listen(protocol: StreamProtocol, data: bytes) -> None:
        if protocol.tls is not None:
            if data.startswith(b"<?xml"):
                framers[protocol] = Framer(AFTER_AUTHENTICATION)
            transport = cast("Any", protocol.transport)
            host, peer, piece = transport.getHost().host, transport.getPeer().host, next(pieces)
            opener = peer if isinstance(protocol.stream, ReceivingStream) else host
            framed = framers[protocol].feed(data)
            heard.extend(Heard(peer, opener, piece, found) for found in framed if isinstance(found, Slice))
        receive(protocol, data)

    with patch.object(StreamProtocol, "dataReceived", listen):
        yield heard


class LaterReactor:
    """The real reactor, whose clock can be put forward; what was to be called in a while still is."""

    def __init__(self, reactor: INetworkReactor) -> None:
        self._reactor, self.ahead_seconds = reactor, 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def seconds(self) -> float:
        """The time, as it seems to be."""
        return float(self._reactor.seconds()) + self.ahead_seconds


class Peer:
    """A service on an address of its own, with a mailbox for all of its domains."""

    def __init__(self, loopback: Loopback, address: str, domains: Sequence[str], **options: Any) -> None:
        self.domains, self.address, self.mailbox = domains, address, Mailbox()
        self.certificates = CertificateStore()
        for credentials in options.pop("credentials", map(credentials_of, domains)):
            self.certificates.add(credentials)
        port = free_port(address)
        for domain in domains:
            loopback.publish(domain, address, port)
        self.service = S2SService(
            cast("INetworkReactor", loopback.reactor),
            domains,
            certificates=self.certificates,
            anchors=AUTHORITY.trust_anchors,
            endpoints=[TCP4ServerEndpoint(loopback.reactor, port, interface=address)],
            lookup=loopback.resolver,
            bind_address=address,
            **options,
        )
        self.service.startService()
        for domain in domains:
            self.host(domain)

    def host(self, domain: str) -> None:
        """Give a domain the mailbox."""
        self.service.attach(DomainName.parse(domain), self.mailbox)

    def post(self, sender: str, target: str, *texts: str) -> None:
        """Send messages from one domain to another, their first labels given."""
        self.service.send([message(text, f"x@{sender}.example", f"y@{target}.example") for text in texts])

    def force(self, data: str) -> None:
        """Say on the only stream what no stream of ours would."""
        (connection,) = self.service._streams
        writer = connection._writer
        assert writer is not None, "the stream is about to end"
        writer.write(data.encode())

    @property
    def streams(self) -> tuple[StreamStatus, ...]:
        """Those there are now."""
        return self.service.status().streams

    @property
    def shared(self) -> MultiplexStatus:
        """Multiplexing on the only stream that domains share."""
        (shared,) = [stream.multiplexing for stream in self.streams if stream.multiplexing is not None]
        return shared

    @property
    def accepted(self) -> list[str]:
        """Domains of the other end that are accepted on that stream."""
        return sorted(domain for each in self.shared.peers for domain in each.domains)


class Loopback:
    """A zone, a name server that answers from it, and peers."""

    def __init__(self, reactor: INetworkReactor) -> None:
        self.reactor: Any = LaterReactor(reactor)
        self._zone = Zone()
        self._served = self._zone.listen(reactor)
        self.resolver = Resolver(reactor, [(self._served.address, self._served.port)])
        self._peers: list[Peer] = []

    def peer(self, *domains: str, **options: Any) -> Peer:
        """Start a service for domains, ``a1`` for ``a1.example``; the address is the next free one."""
        names = [f"{domain}.example" for domain in domains]
        self._peers.append(Peer(self, f"127.0.77.{len(self._peers) + 1}", names, **options))
        return self._peers[-1]

    def publish(self, domain: str, address: str, port: int) -> None:
        """Say in DNS where a domain is."""
        self._zone.add_srv(domain, f"xmpp.{domain}", port)
        self._zone.add(f"xmpp.{domain}", "A", address)

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """
        Wait until something is so.

        :param what: it is, for who reads that it has not come about.
        """
        for _ in range(round(PATIENCE_SECONDS / TURN_SECONDS)):
            if condition():
                return
            await deferLater(self.reactor, TURN_SECONDS)
        raise AssertionError(f"not within {PATIENCE_SECONDS:g} s: {what}")

    async def stop(self) -> None:
        """Stop everything."""
        await gatherResults([peer.service.stopService() for peer in self._peers])
        await self._served.stop()
