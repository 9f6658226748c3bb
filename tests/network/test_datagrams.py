"""UDP ports for single questions."""

from __future__ import annotations

import errno
import socket
from typing import cast

from twisted.internet.error import CannotListenError, ConnectionDone
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.selectreactor import SelectReactor
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from muxs2s.network.datagrams import MAX_DATAGRAMS_AT_ONCE, DatagramPort, open_port
from tests.hosts.logs import Logged
from tests.network.memoryudp import MemoryNetworkReactor

PEER = ("192.0.2.53", 53)


class DoubleSocket:
    """A socket that does as it is told."""

    def __init__(self) -> None:
        self.arrived: list[bytes | OSError] = []
        self.sent: list[bytes] = []
        self.trouble: OSError | None = None
        self.peer: tuple[str, int] | None = None
        self.number = 7

    def connect(self, address: tuple[str, int]) -> None:
        """Remember the peer."""
        self.peer = address

    def send(self, packet: bytes) -> None:
        """Keep it, or fail as told."""
        if self.trouble is not None:
            raise self.trouble
        self.sent.append(packet)

    def recvfrom(self, size: int) -> tuple[bytes, tuple[object, ...]]:
        """What has arrived, in order; as from an IPv6 socket."""
        if not self.arrived:
            raise BlockingIOError(errno.EWOULDBLOCK, "nothing there")
        first = self.arrived.pop(0)
        if isinstance(first, OSError):
            raise first
        return first[:size], (*PEER, 0, 0)

    def fileno(self) -> int:
        """The number; -1 when closed."""
        return self.number

    def close(self) -> None:
        """Close it."""
        self.number = -1


class Asker(DatagramProtocol):
    """Keeps what it is told."""

    noisy = False

    def __init__(self) -> None:
        self.told: list[object] = []
        self.port: DatagramPort | None = None
        """Closed at the first datagram."""

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Keep it."""
        self.told.append((datagram, addr))
        if self.port is not None:
            self.port.stopListening()

    def connectionRefused(self) -> None:
        """Keep that."""
        self.told.append("refused")

    def stopProtocol(self) -> None:
        """Keep that, too."""
        self.told.append("stopped")


class DatagramPortTests(SynchronousTestCase):
    """One port, without a network."""

    def setUp(self) -> None:
        self.reactor, self.socket, self.asker = MemoryNetworkReactor(), DoubleSocket(), Asker()
        self.port = DatagramPort(self.reactor, cast(socket.socket, self.socket), self.asker, 4)
        self.port.begin()
        self.port.connect(*PEER)

    def test_interface(self) -> None:
        """A reactor can read from it."""
        verifyObject(IReadDescriptor, self.port)
        self.assertEqual(([self.port], "Asker"), (self.reactor.getReaders(), self.port.logPrefix()))

    def test_exchange(self) -> None:
        """What is written goes to the peer, what has come is handed on, cut to what was wanted."""
        self.port.write(b"query")
        self.socket.arrived += [b"one", b"three"]
        self.port.doRead()
        self.assertEqual((PEER, [b"query"]), (self.socket.peer, self.socket.sent))
        self.assertEqual([(b"one", PEER), (b"thre", PEER)], self.asker.told)

    def test_nobody_there(self) -> None:
        """That nobody listens at the peer is told, whether it shows in reading or in writing."""
        self.socket.arrived.append(ConnectionRefusedError(errno.ECONNREFUSED, "refused"))
        self.port.doRead()
        self.socket.trouble = ConnectionRefusedError(errno.ECONNREFUSED, "refused")
        self.port.write(b"query")
        self.assertEqual(["refused", "refused"], self.asker.told)

    def test_trouble_in_writing(self) -> None:
        """A full buffer loses a datagram without a word; whatever else goes wrong is told the caller."""
        self.socket.trouble = BlockingIOError(errno.EWOULDBLOCK, "full")
        self.port.write(b"query")
        self.socket.trouble = OSError(errno.ENETUNREACH, "unreachable")
        self.assertRaises(OSError, self.port.write, b"query")
        self.assertEqual([], self.asker.told)

    def test_max_datagrams_at_once(self) -> None:
        """As many datagrams as allowed are read in one go; the others have to wait for the next."""
        self.socket.arrived += [b"x"] * (MAX_DATAGRAMS_AT_ONCE + 1)
        self.port.doRead()
        self.assertEqual(MAX_DATAGRAMS_AT_ONCE, len(self.asker.told))
        self.port.doRead()
        self.assertEqual(MAX_DATAGRAMS_AT_ONCE + 1, len(self.asker.told))

    def test_closed(self) -> None:
        """A closed port reads nothing more, also if it is closed while it reads."""
        self.asker.port = self.port
        self.socket.arrived += [b"x", b"y"]
        self.port.doRead()
        self.port.stopListening()
        self.assertEqual((1, -1, []), (len(self.asker.told), self.port.fileno(), self.reactor.getReaders()))

    def test_reactor_gives_up(self) -> None:
        """A reactor that has no use for the port any more closes it, which the protocol is told."""
        self.port.connectionLost(Failure(ConnectionDone()))
        self.assertEqual((["stopped"], -1), (self.asker.told, self.port.fileno()))


class OpenTests(SynchronousTestCase):
    """Which kind of port is opened."""

    def polling(self) -> SelectReactor:
        """A reactor that reads descriptors; it never runs."""
        reactor = SelectReactor()
        self.addCleanup(reactor.waker.connectionLost, None)
        return reactor

    def test_real_reactor(self) -> None:
        """With a reactor that reads descriptors it is ours, of the right family, and the log has no line of it."""
        logged, reactor = Logged(self), self.polling()
        opened: list[tuple[int, int]] = []

        def make(*kind: int) -> socket.socket:
            opened.append(kind)  # type: ignore[arg-type]  # always two
            double = DoubleSocket()
            double.setblocking = lambda _flag: None  # type: ignore[attr-defined]  # as sockets have it
            return cast(socket.socket, double)

        self.patch(socket, "socket", make)
        for interface in ("", "::"):
            port = cast(DatagramPort, open_port(reactor, Asker(), interface, 512))
            self.assertIn(port, reactor.getReaders())
            port.stopListening()
        self.assertEqual([(socket.AF_INET, socket.SOCK_DGRAM), (socket.AF_INET6, socket.SOCK_DGRAM)], opened)
        self.assertEqual([], logged.lines)

    def test_no_sockets_left(self) -> None:
        """A system without a socket to spare says so."""
        reactor = self.polling()

        def make(*_kind: int) -> socket.socket:
            raise OSError(errno.EMFILE, "too many open files")

        self.patch(socket, "socket", make)
        refused = self.assertRaises(CannotListenError, open_port, reactor, Asker(), "", 512)
        self.assertIn("too many open files", str(refused))

    def test_other_reactors(self) -> None:
        """Any other reactor opens a port of its own."""
        reactor = MemoryNetworkReactor()
        open_port(reactor, Asker(), "::", 512)
        self.assertEqual("::", reactor.udp_ports[0].interface)
