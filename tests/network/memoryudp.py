"""A reactor without a network that can also do UDP, and DNS servers made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet.address import IPv4Address
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IUDPTransport
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from zope.interface import implementer

from muxs2s.network.reactors import INetworkReactor
from muxs2s.testing.dns import Zone

__all__ = ["MemoryNetworkReactor", "MemoryUDPPort", "answer_datagrams", "answer_stream"]


@implementer(IListeningPort)
class MemoryUDPPort:
    """One UDP port: what was sent from it, and whether it was closed."""

    def __init__(self, number: int, protocol: DatagramProtocol, interface: str) -> None:
        self.number, self.protocol, self.interface = number, protocol, interface
        self.peer: tuple[str, int] | None = None
        self.sent: list[bytes] = []
        self.answered = 0
        self.closed = False
        self.broken: OSError | None = None

    def startListening(self) -> None:
        """Done by the reactor."""

    def stopListening(self) -> None:
        """Remember that it was closed."""
        self.closed = True

    def getHost(self) -> IPv4Address:
        """Where it listens."""
        return IPv4Address("UDP", self.interface, self.number)

    def connect(self, host: str, port: int) -> None:
        """Remember the peer, or fail as told."""
        if self.broken is not None:
            raise self.broken
        self.peer = (host, port)

    def write(self, packet: bytes, addr: tuple[str, int] | None = None) -> None:
        """Keep what was sent."""
        self.sent.append(packet)

    def receive(self, datagram: bytes, address: tuple[str, int] | None = None) -> None:
        """Let a datagram arrive, from the connected peer unless said otherwise."""
        origin = address or self.peer
        assert origin is not None
        self.protocol.datagramReceived(datagram, origin)


@implementer(INetworkReactor)
class MemoryNetworkReactor(MemoryReactorClock):
    """Twisted's reactor double, with UDP ports that can be looked into."""

    def __init__(self) -> None:
        super().__init__()
        self.udp_ports: list[MemoryUDPPort] = []
        self.asked_for: list[int] = []
        self.no_more_ports = False
        self.broken: OSError | None = None

    def listenUDP(
        self, port: int, protocol: DatagramProtocol, interface: str = "", maxPacketSize: int = 8192
    ) -> MemoryUDPPort:
        """Open a port that leads nowhere, or fail as told."""
        self.asked_for.append(port)
        if self.no_more_ports:
            raise CannotListenError(interface, port, OSError(24, "Too many open files"))
        opened = MemoryUDPPort(40_000 + len(self.udp_ports), protocol, interface)
        opened.broken = self.broken
        self.udp_ports.append(opened)
        protocol.makeConnection(cast("IUDPTransport", opened))
        return opened


def answer_datagrams(
    reactor: MemoryNetworkReactor, zone: Zone, *, change: Callable[[bytes], bytes] = lambda wire: wire
) -> int:
    """
    Let a zone answer what was sent from open ports, until nobody asks any more.

    :returns: how many queries there were.
    """
    queries = 0
    for port in reactor.udp_ports:  # grows while answers lead to new queries
        while port.answered < len(port.sent) and not port.closed:
            query = port.sent[port.answered]
            port.answered += 1
            queries += 1
            response = zone.respond_to_wire(query, over_udp=True)
            if response is not None:
                port.receive(change(response))
    return queries


def answer_stream(reactor: MemoryNetworkReactor, zone: Zone) -> StringTransport:
    """Accept the last TCP connection begun, and let a zone answer the query on it."""
    protocol = reactor.tcpClients[-1][2].buildProtocol(IPv4Address("TCP", "127.0.0.1", 53))
    assert protocol is not None
    transport = StringTransport()
    protocol.makeConnection(transport)
    query = transport.value()
    response = zone.respond_to_wire(query[2:], over_udp=False)
    assert response is not None
    protocol.dataReceived(len(response).to_bytes(2, "big") + response)
    return transport
