"""A network in memory, for the tests of embedders and ours."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, TCP6ClientEndpoint, TCP6ServerEndpoint
from twisted.internet.error import (
    CannotListenError,
    ConnectingCancelledError,
    ConnectionRefusedError,  # noqa: A004 - Twisted's
    NoProtocol,
    TimeoutError,  # noqa: A004 - as above
)
from twisted.internet.interfaces import IAddress, IConnector, IListeningPort, IProtocol, IReactorFDSet
from twisted.internet.protocol import ClientFactory, DatagramProtocol, Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from muxs2s.network.reactors import INetworkReactor
from muxs2s.testing.network import MemoryNetwork
from muxs2s.wire.errors import LocalMisuse

HOST = "192.0.2.1"


class Talker(Protocol):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self.lost: str | None = None
        self.then: Callable[[bytes], object] = lambda _data: None
        """What to do besides."""

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data
        self.then(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Keep the reason."""
        self.lost = type(reason.value).__name__

    def say(self, data: bytes) -> None:
        """Write."""
        assert self.transport is not None
        self.transport.write(data)

    def leave(self) -> None:
        """Close the connection."""
        assert self.transport is not None
        self.transport.loseConnection()


class Talkers(Factory):
    """Makes talkers, or none."""

    noisy = False

    def __init__(self, *, willing: bool = True) -> None:
        self.made: list[Talker] = []
        self.running = 0
        self._willing = willing

    def startFactory(self) -> None:
        """Count."""
        self.running += 1

    def stopFactory(self) -> None:
        """Count."""
        self.running -= 1

    def buildProtocol(self, addr: IAddress | None) -> Talker | None:
        """Make one."""
        if self._willing:
            self.made.append(Talker())
        return self.made[-1] if self._willing else None


class NetworkTestCase(SynchronousTestCase):
    """A network with one port."""

    def setUp(self) -> None:
        self.network = MemoryNetwork()
        self.server = Talkers()
        self.port = self.network.listenTCP(5269, self.server, interface=HOST)

    def connect(self, host: str = HOST, factory: Factory | None = None) -> Deferred[IProtocol]:
        """Begin to connect."""
        return TCP4ClientEndpoint(self.network, host, 5269, timeout=7).connect(factory or Talkers())

    def connected(self) -> tuple[Talker, Talker]:
        """Both ends of a connection."""
        connecting = self.connect()
        self.network.settle()
        client = self.successResultOf(connecting)
        assert isinstance(client, Talker)
        return client, self.server.made[-1]


class ConnectTests(NetworkTestCase):
    """Connections come about, or do not."""

    def test_both_ways(self) -> None:
        """What one end writes the other reads, once the network may move."""
        client, server = self.connected()
        client.say(b"hello")
        server.say(b"hello yourself")
        self.assertEqual(b"", server.heard)
        self.network.settle()
        self.assertEqual((b"hello", b"hello yourself"), (server.heard, client.heard))

    def test_addresses(self) -> None:
        """Both ends know where they are and where the other is."""
        self.connected()
        client, server = self.network.connections
        self.assertEqual((True, False), (client.initiated, server.initiated))
        self.assertEqual(IPv4Address("TCP", HOST, 5269), client.getPeer())
        self.assertEqual((client.getHost(), client.getPeer()), (server.getPeer(), server.getHost()))

    def test_from_an_address(self) -> None:
        """A connection may come from an address of one's choice."""
        TCP4ClientEndpoint(self.network, HOST, 5269, bindAddress=("192.0.2.7", 0)).connect(Talkers())
        self.network.settle()
        self.assertEqual("192.0.2.7", self.network.connections[1].getPeer().host)

    def test_ipv6(self) -> None:
        """Addresses may be of the other family."""
        listening = TCP6ServerEndpoint(self.network, 5269, interface="2001:db8::1").listen(self.server)
        self.assertEqual(IPv6Address("TCP", "2001:db8::1", 5269), self.successResultOf(listening).getHost())
        connecting = TCP6ClientEndpoint(self.network, "2001:db8::1", 5269).connect(Talkers())
        self.network.settle()
        self.successResultOf(connecting)

    def test_every_address(self) -> None:
        """A port without an address takes connections to all of them; a port may be free to choose."""
        listening = TCP4ServerEndpoint(self.network, 0).listen(self.server)
        number = self.successResultOf(listening).getHost().port
        connecting = TCP4ClientEndpoint(self.network, "192.0.2.50", number).connect(Talkers())
        self.network.settle()
        self.successResultOf(connecting)

    def test_refused(self) -> None:
        """Where nobody listens, or listens no more, a connection is refused; those that are there go on."""
        client, server = self.connected()
        self.port.stopListening()
        self.port.stopListening()
        for host in (HOST, "192.0.2.99"):
            connecting = self.connect(host)
            self.network.settle()
            self.failureResultOf(connecting, ConnectionRefusedError)
        client.say(b"still there")
        self.network.settle()
        self.assertEqual((b"still there", 0), (server.heard, self.server.running))

    def test_silent(self) -> None:
        """An address that answers nothing lets attempts run into their time-out."""
        self.network.silent.add(HOST)
        connecting = self.connect()
        self.network.advance(6.9)
        self.assertNoResult(connecting)
        self.network.advance(0.1)
        self.failureResultOf(connecting, TimeoutError)

    def test_cancelled(self) -> None:
        """An attempt can be given up."""
        connecting = self.connect()
        connecting.cancel()
        self.failureResultOf(connecting, ConnectingCancelledError)
        self.assertEqual([], self.network.getDelayedCalls())

    def test_unwilling_server(self) -> None:
        """A server that wants no connection closes it."""
        self.port.stopListening()
        self.network.listenTCP(5269, Talkers(willing=False), interface=HOST)
        connecting = self.connect()
        self.network.settle()
        client = self.successResultOf(connecting)
        assert isinstance(client, Talker)
        self.assertIsNotNone(client.lost)

    def test_unwilling_client(self) -> None:
        """A client that wants none, after all, closes it too."""
        connecting = self.connect(factory=Talkers(willing=False))
        self.network.settle()
        self.failureResultOf(connecting, NoProtocol)
        self.assertIsNotNone(self.server.made[0].lost)

    def test_connector(self) -> None:
        """An attempt is a connector: it can be stopped, once, and not be made again."""
        factory = ClientFactory()
        connector = self.network.connectTCP(HOST, 5269, factory)
        verifyObject(IConnector, connector)
        self.assertEqual(IPv4Address("TCP", HOST, 5269), connector.getDestination())
        connector.disconnect()
        connector.disconnect()
        self.assertRaises(LocalMisuse, connector.connect)


class EndTests(NetworkTestCase):
    """Connections end."""

    def test_in_order(self) -> None:
        """What was written before an end closed still arrives, then the end."""
        client, server = self.connected()
        client.say(b"good-bye")
        client.leave()
        self.network.settle()
        self.assertEqual((b"good-bye", "ConnectionDone", "ConnectionDone"), (server.heard, server.lost, client.lost))
        self.assertEqual(([], []), (self.network.getReaders(), self.network.getWriters()))

    def test_cut(self) -> None:
        """When a connection is cut both ends lose it, and what was on its way."""
        client, server = self.connected()
        client.say(b"lost")
        self.network.cut()
        self.network.settle()
        self.assertEqual((b"", "ConnectionLost", "ConnectionLost"), (server.heard, server.lost, client.lost))

    def test_aborted(self) -> None:
        """An end that aborts is gone at once; the other hears of a reset."""
        client, server = self.connected()
        self.network.connections[0].abortConnection()
        self.network.settle()
        self.assertEqual(("ConnectionAborted", "ConnectionLost"), (client.lost, server.lost))

    def test_options(self) -> None:
        """An option of the socket that is set does no harm."""
        client, server = self.connected()
        self.network.connections[0].setTcpNoDelay(True)
        self.network.settle()
        self.assertEqual((None, None), (client.lost, server.lost))

    def test_written_to_nobody(self) -> None:
        """An end that writes to one that is gone loses the connection."""
        client, server = self.connected()
        server.leave()
        client.say(b"anybody?")
        self.network.settle()
        self.assertEqual((b"", "ConnectionDone"), (server.heard, server.lost))
        self.assertIsNotNone(client.lost)


class PressureTests(NetworkTestCase):
    """Bytes that wait."""

    def test_buffer(self) -> None:
        """So many bytes are on their way as fit; the others wait in the transport until the other end reads."""
        self.network.buffer_bytes = 1_000
        client, server = self.connected()
        receiving = self.network.connections[1]
        receiving.pauseProducing()
        client.say(b"x" * 1_001)
        self.network.settle()
        self.assertEqual(([self.network.connections[0]], b""), (self.network.getWriters(), server.heard))
        receiving.resumeProducing()
        self.network.settle()
        self.assertEqual(([], 1_001), (self.network.getWriters(), len(server.heard)))

    def test_an_end_may_stop_another(self) -> None:
        """An end that is stopped by another one in the same moment does not read."""
        client, server = self.connected()
        client.then = lambda _data: self.network.connections[1].pauseProducing()
        client.say(b"1")
        server.say(b"2")
        self.network.settle()
        self.assertEqual((b"2", b""), (client.heard, server.heard))
        self.assertEqual([self.network.connections[0]], self.network.getReaders())


class TimeTests(NetworkTestCase):
    """Time passes when it is told to."""

    def test_order(self) -> None:
        """Calls are made at their time, and what they lead to happens before the next one."""
        seen: list[tuple[str, float]] = []
        start = self.network.seconds()
        client, server = self.connected()
        self.network.callLater(1.0, lambda: seen.append(("one", self.network.seconds() - start)))
        self.network.callLater(0.5, client.say, b"half")
        self.network.callLater(0.6, lambda: seen.append((server.heard.decode(), self.network.seconds() - start)))
        self.network.advance(2.0)
        self.assertEqual(["half", "one"], [what for what, _ in seen])
        for (_, when), expected in zip(seen, (0.6, 1.0), strict=True):
            self.assertAlmostEqual(expected, when, places=3)
        self.assertEqual(2.0, self.network.seconds() - start)

    def test_never_quiet(self) -> None:
        """Who goes round in circles is told."""
        client, server = self.connected()
        client.then, server.then = client.say, server.say
        client.say(b"and so on")
        self.assertRaises(LocalMisuse, self.network.settle)

    def test_steps(self) -> None:
        """A step is a little of it; when nothing is left to do no step is taken."""
        client, server = self.connected()
        client.say(b"x")
        self.assertEqual(1, self.network.step())
        self.assertEqual(b"x", server.heard)
        self.assertEqual(0, self.network.step(10))


class ReactorTests(NetworkTestCase):
    """What is expected of a reactor."""

    def test_interfaces(self) -> None:
        """The network is a reactor for TCP, UDP and time; a port is a port."""
        verifyObject(INetworkReactor, self.network)
        verifyObject(IReactorFDSet, self.network)
        verifyObject(IListeningPort, self.port)

    def test_no_udp(self) -> None:
        """Nothing speaks UDP here."""
        self.assertRaises(CannotListenError, self.network.listenUDP, 0, DatagramProtocol())

    def test_address_in_use(self) -> None:
        """A port can be taken once, and again when it is free."""
        self.assertRaises(CannotListenError, self.network.listenTCP, 5269, Talkers(), interface=HOST)
        self.port.stopListening()
        self.network.listenTCP(5269, Talkers(), interface=HOST)

    def test_transport(self) -> None:
        """An end is Twisted's own transport: asked when nothing has arrived it reads nothing, and goes on."""
        self.connected()
        end = self.network.connections[0]
        self.assertIsNone(end.doRead())
        self.assertEqual(-1, end.fileno())

    def test_remove_all(self) -> None:
        """All ends can be told no more."""
        self.connected()
        told = self.network.removeAll()
        self.assertEqual(self.network.connections, told)
        self.assertEqual([], self.network.getReaders())
