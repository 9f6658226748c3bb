"""Connections that come through a proxy."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.proxied import HEADER_SECONDS, MAX_HEADERS_AWAITED, HeaderReader, ProxiedFactory
from tests.hosts.logs import Logged

HEADER = b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 5269\r\n"


class Inner(Protocol):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self.address: IAddress | None = None

    def connectionMade(self) -> None:
        """See where it is connected to."""
        assert self.transport is not None
        self.address = self.transport.getPeer()

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data


class InnerFactory(Factory):
    """Takes connections, or does not."""

    def __init__(self) -> None:
        self.takes = True
        self.asked: list[IAddress | None] = []
        self.is_started = False

    def doStart(self) -> None:
        """Begin."""
        self.is_started = True

    def doStop(self) -> None:
        """End."""
        self.is_started = False

    def buildProtocol(self, addr: IAddress | None) -> Inner | None:
        """Take a connection."""
        self.asked.append(addr)
        return Inner() if self.takes else None


class Wire(StringTransport):
    """A transport whose protocol may change."""

    protocol: Protocol
    aborted = False

    def abortConnection(self) -> None:
        """Cut the connection."""
        self.aborted = True


class ProxiedCase(SynchronousTestCase):
    """A factory behind a proxy at 192.0.2.99."""

    def setUp(self) -> None:
        self.logged = Logged(self)
        self.clock = Clock()
        self.inner = InnerFactory()
        self.factory = ProxiedFactory(self.inner, self.clock)

    def connect(self) -> Wire:
        """A connection of the proxy."""
        wire = Wire(peerAddress=IPv4Address("TCP", "192.0.2.99", 1))
        reader = self.factory.buildProtocol(wire.getPeer())
        assert reader is not None
        wire.protocol = reader
        reader.makeConnection(wire)
        return wire

    def inner_of(self, wire: Wire) -> Inner:
        """The protocol that a connection has now; nobody waits for a header any more."""
        self.assertEqual((set(), []), (self.factory.awaited, self.clock.getDelayedCalls()))
        assert isinstance(wire.protocol, Inner)
        return wire.protocol


class HeaderTests(ProxiedCase):
    """What the proxy says."""

    def test_passed_on(self) -> None:
        """The protocol is made for the address that the proxy names, sees it as its own, and hears what follows."""
        wire = self.connect()
        wire.protocol.dataReceived(HEADER + b"hello")
        inner = self.inner_of(wire)
        named = IPv4Address("TCP", "192.0.2.7", 56324)
        self.assertEqual(([named], named, b"hello"), (self.inner.asked, inner.address, inner.heard))
        wire.protocol.dataReceived(b", you")
        self.assertEqual(b"hello, you", inner.heard)

    def test_byte_by_byte(self) -> None:
        """In whatever pieces the header comes, nothing is made before its end, and nothing is heard of it."""
        wire = self.connect()
        for byte in HEADER[:-1]:
            wire.protocol.dataReceived(bytes([byte]))
        self.assertEqual([], self.inner.asked)
        wire.protocol.dataReceived(HEADER[-1:])
        self.assertEqual(b"", self.inner_of(wire).heard)

    def test_ipv6(self) -> None:
        """A protocol sees the IPv6 address that the proxy names as its peer's."""
        wire = self.connect()
        wire.protocol.dataReceived(b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 5269\r\n")
        self.assertEqual(IPv6Address("TCP", "2001:db8::7", 56324), self.inner_of(wire).address)

    def test_unnamed(self) -> None:
        """Where the proxy names nobody, the connection is its own."""
        wire = self.connect()
        wire.protocol.dataReceived(b"PROXY UNKNOWN\r\n")
        self.assertEqual(IPv4Address("TCP", "192.0.2.99", 1), self.inner_of(wire).address)

    def test_not_taken(self) -> None:
        """S23: a connection that is not taken is closed, and nothing waits for it."""
        self.inner.takes = False
        wire = self.connect()
        wire.protocol.dataReceived(HEADER + b"hello")
        self.assertTrue(wire.disconnecting)
        self.assertEqual((set(), []), (self.factory.awaited, self.clock.getDelayedCalls()))

    def test_no_header(self) -> None:
        """What is no header ends the connection, with one line in the log however often it comes."""
        for _ in range(3):
            wire = self.connect()
            wire.protocol.dataReceived(b"<?xml version='1.0'?>")
            self.assertTrue(wire.aborted)
            wire.protocol.connectionLost()
        expected = "a connection through 192.0.2.99 was cut: no PROXY header: does the proxy send one?"
        self.assertEqual(([], [expected]), (self.inner.asked, self.logged.lines))
        self.factory.stopFactory()
        self.assertEqual([], self.clock.getDelayedCalls())


class LimitTests(ProxiedCase):
    """How long and how many may be waited for."""

    def test_in_time(self) -> None:
        """The header has to be complete within 10 s, however slowly it comes."""
        wire = self.connect()
        wire.protocol.dataReceived(HEADER[:9])
        self.clock.advance(HEADER_SECONDS - 0.001)
        self.assertFalse(wire.aborted)
        self.clock.advance(0.001)
        self.assertTrue(wire.aborted)

    def test_many(self) -> None:
        """So many headers as the limit are waited for; one more connection is closed at once, until one is gone."""
        wires = [self.connect() for _ in range(MAX_HEADERS_AWAITED)]
        self.assertIsNone(self.factory.buildProtocol(None))
        wires[0].protocol.connectionLost()
        self.assertIsInstance(self.factory.buildProtocol(None), HeaderReader)

    def test_lost(self) -> None:
        """A connection that is lost before its header leaves nothing behind."""
        self.connect().protocol.connectionLost()
        self.assertEqual((set(), []), (self.factory.awaited, self.clock.getDelayedCalls()))

    def test_listening(self) -> None:
        """The factory behind it is told when to begin and to end."""
        self.factory.doStart()
        self.assertTrue(self.inner.is_started)
        self.factory.doStop()
        self.assertFalse(self.inner.is_started)
