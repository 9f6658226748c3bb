"""Streams that begin with TLS, from one server to another."""

from __future__ import annotations

from ipaddress import ip_address

from twisted.internet.address import IPv4Address
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from muxs2s.network.tls import TLSDescription
from muxs2s.server.endpoints import ListenEndpoint
from muxs2s.testing import MemoryNetwork
from tests.service.world import AUTHORITY, FederationTestCase, Server, credentials_of


class Remembering(Protocol):
    """Keeps what comes, and hangs up."""

    seen = b""

    def dataReceived(self, data: bytes) -> None:
        """Keep it, and go."""
        assert self.transport is not None
        type(self).seen += data
        self.transport.loseConnection()


class DirectTLSTests(FederationTestCase):
    """The second server accepts direct TLS on port 5270."""

    def setUp(self) -> None:
        super().setUp()
        self.c = self.direct("c.example", "192.0.2.30")

    def direct(self, domain: str, address: str, **options: object) -> Server:
        """A server that is to be found by its records for direct TLS alone."""
        endpoint = TCP4ServerEndpoint(self.network, 5270, interface=address)
        server = self.world.server(domain, direct_endpoints=[endpoint], **options)
        self.zone_of(domain, 5270, address)
        return server

    def zone_of(self, domain: str, port: int, address: str) -> None:
        """Publish records for direct TLS alone."""
        self.world.zone.remove(f"_xmpp-server._tcp.{domain}", "SRV")
        self.world.zone.add_srv(domain, f"tls.{domain}", port, service="xmpps-server")
        self.world.zone.add(f"tls.{domain}", "A", address)

    def agreed(self, server: Server) -> list[TLSDescription | None]:
        """What was agreed on for the streams of a server."""
        return [stream.tls for stream in server.service.status().streams]

    def test_arrives(self) -> None:
        """S29, S30: a stanza goes by direct TLS where records say so; both ends agree on xmpp-server by ALPN."""
        self.a.send("hello", target="c.example")
        self.assertEqual(["hello"], self.c.mailbox.texts)
        self.assertEqual({"xmpp-server"}, {tls.alpn for tls in (*self.agreed(self.a), *self.agreed(self.c)) if tls})

    def test_starttls_knows_no_alpn(self) -> None:
        """S30: with STARTTLS no protocol is named in the handshake."""
        self.a.send("hello")
        self.assertEqual([""], [tls.alpn for tls in self.agreed(self.b) if tls])

    def test_certificate_by_server_name(self) -> None:
        """T5: the server name in the handshake says which of several certificates is shown."""
        server = self.world.server(
            "d.example",
            "bücher.example",
            direct_endpoints=[TCP4ServerEndpoint(self.network, 5270, interface="192.0.2.31")],
            credentials=[credentials_of("d.example"), AUTHORITY.issue("xn--bcher-kva.example")],
        )
        for domain in ("d.example", "xn--bcher-kva.example"):
            self.zone_of(domain, 5270, "192.0.2.31")
            self.a.send(domain, target=domain)
        self.assertEqual(["d.example", "xn--bcher-kva.example"], server.mailbox.texts)

    def test_next_server(self) -> None:
        """S29: where direct TLS leads to something else, STARTTLS at the next server has its turn."""
        self.network.listenTCP(5271, Factory.forProtocol(Remembering), interface="192.0.2.40")
        self.world.zone.add_srv("b.example", "other.example", 5271, service="xmpps-server")
        self.world.zone.add("other.example", "A", "192.0.2.40")
        self.world.zone.remove("_xmpp-server._tcp.b.example", "SRV")
        self.world.zone.add_srv("b.example", "xmpp.b.example", 5269, priority=10)
        self.a.send("hello")
        self.assertEqual(b"\x16\x03", Remembering.seen[:2])
        self.assertEqual(["hello"], self.b.mailbox.texts)

    def test_starttls_at_a_port_for_direct_tls(self) -> None:
        """S30: whoever does not begin with TLS at such a port is told nothing in plain text."""
        self.world.zone.add_srv("c.example", "tls.c.example", 5270)
        self.world.zone.remove("_xmpps-server._tcp.c.example", "SRV")
        self.a.send("hello", target="c.example")
        self.world.advance(61.0)
        self.assertEqual([], self.c.mailbox.texts)
        self.assert_bounced(self.a, "remote-server-timeout")

    def test_stops(self) -> None:
        """A service that stops accepts nothing there any more, and its streams end."""
        self.a.send("hello", target="c.example")
        self.c.stop()
        self.world.advance(1.0)
        self.assertNotIn(("192.0.2.30", 5270), self.network.ports)
        self.assertEqual((), self.c.service.status().streams)

    def test_way_back(self) -> None:
        """A stream that begins with TLS carries both ways where bidi is agreed on."""
        self.a.send("hello", target="c.example")
        self.c.send("welcome", target="a.example")
        self.assertEqual(["welcome"], self.a.mailbox.texts)
        self.assertEqual(1, len(self.c.service.status().streams))


class Relay(Protocol):
    """One end of a connection through a proxy: hands to the other end what it hears."""

    def __init__(self) -> None:
        self._other: ITransport | None = None
        self._heard = b""

    def join(self, other: ITransport | None) -> None:
        """Hand on from now on, what has come before first."""
        self._other = other
        self.dataReceived(b"")

    def dataReceived(self, data: bytes) -> None:
        """Hand it on, as soon as there is another end."""
        self._heard += data
        if self._other is not None:
            self._other.write(self._heard)
            self._heard = b""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Hang up there, too."""
        if self._other is not None:
            self._other.loseConnection()


class Proxy(Factory):
    """A proxy in memory, which says whose each connection is, by either version of the PROXY protocol."""

    noisy = False

    def __init__(self, network: MemoryNetwork, version: int) -> None:
        self._network, self._version = network, version

    def buildProtocol(self, addr: object) -> Relay:
        """Connect to the server for a connection that has come in."""
        assert isinstance(addr, IPv4Address)
        outer = Relay()
        there = TCP4ClientEndpoint(self._network, "192.0.2.30", 5271)
        connectProtocol(there, Relay()).addCallback(self._join, outer, self._header(addr))
        return outer

    def _join(self, inner: Relay, outer: Relay, header: bytes) -> None:
        assert inner.transport is not None
        inner.transport.write(header)
        outer.join(inner.transport)
        inner.join(outer.transport)

    def _header(self, source: IPv4Address) -> bytes:
        if self._version == 1:
            return f"PROXY TCP4 {source.host} 192.0.2.30 {source.port} 5270\r\n".encode()
        ends = b"".join(ip_address(host).packed for host in (source.host, "192.0.2.30"))
        ports = b"".join(port.to_bytes(2) for port in (source.port, 5270))
        return b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + len(ends + ports).to_bytes(2) + ends + ports


class ProxiedTests(FederationTestCase):
    """A proxy stands before a place for direct TLS, and passes connections on without looking inside."""

    def through(self, version: int) -> str:
        """Send a stanza through a proxy; tells which address the server saw."""
        endpoint = ListenEndpoint(self.network, "haproxy:tcp:5271:interface=192.0.2.30")
        server = self.world.server("c.example", direct_endpoints=[endpoint])
        self.network.listenTCP(5270, Proxy(self.network, version), interface="192.0.2.30")
        self.world.zone.add_srv("c.example", "tls.c.example", 5270, service="xmpps-server")
        self.world.zone.add("tls.c.example", "A", "192.0.2.30")
        self.world.zone.remove("_xmpp-server._tcp.c.example", "SRV")
        self.a.send("hello", target="c.example")
        self.assertEqual(["hello"], server.mailbox.texts)
        (stream,) = server.service.status().streams
        return stream.peer_address

    def test_version_1(self) -> None:
        """S30: TLS begins behind the header; the address of the peer is that of the header, not the proxy's."""
        self.assertRegex(self.through(1), r"^192\.0\.2\.1:\d+$")

    def test_version_2(self) -> None:
        """S30: the binary header does as well."""
        self.assertRegex(self.through(2), r"^192\.0\.2\.1:\d+$")
