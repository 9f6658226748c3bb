"""DNS without the world."""

from __future__ import annotations

import dns.exception
import dns.flags
import dns.message
import dns.rcode
from dns.message import QueryMessage
from twisted.internet import reactor as installed_reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, Protocol, ServerFactory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase, TestCase

from muxs2s.network.connecting import Connector
from muxs2s.network.reactors import INetworkReactor
from muxs2s.network.resolver import Answer, AnswerStatus, LookupFailed, Resolver
from muxs2s.testing.dns import PORT_TRIES, MemoryResolver, Zone
from muxs2s.wire.names import DomainName
from tests.network.memoryudp import MemoryNetworkReactor


def respond(zone: Zone, name: str, rdtype: str, *, payload: int | None = None, over_udp: bool = True) -> QueryMessage:
    """What a zone answers."""
    query = dns.message.make_query(name, rdtype, payload=payload)
    wire = zone.respond_to_wire(query.to_wire(), over_udp=over_udp)
    assert wire is not None
    response = dns.message.from_wire(wire)
    assert isinstance(response, QueryMessage)
    assert query.is_response(response)
    return response


class ZoneTests(SynchronousTestCase):
    """What is answered."""

    def setUp(self) -> None:
        """One domain."""
        self.zone = Zone()
        self.zone.add("a.example", "A", "127.0.0.2", ttl=7)

    def test_records(self) -> None:
        """All records of one name and type are answered, with their life, by whoever is responsible."""
        self.zone.add("A.EXAMPLE.", "A", "127.0.0.3", ttl=7)
        response = respond(self.zone, "a.example", "A")
        self.assertEqual({"127.0.0.2", "127.0.0.3"}, {record.to_text() for record in response.answer[0]})
        self.assertEqual(7, response.answer[0].ttl)
        self.assertTrue(response.flags & dns.flags.AA)
        self.assertFalse(response.flags & dns.flags.AD)

    def test_srv(self) -> None:
        """SRV records name their target in full, for any service."""
        self.zone.add_srv("a.example", "x.example", 5269, priority=1, weight=2)
        self.zone.add_srv("a.example", "x.example", 5270, service="xmpps-server")
        self.assertEqual(
            "1 2 5269 x.example.", respond(self.zone, "_xmpp-server._tcp.a.example", "SRV").answer[0][0].to_text()
        )
        self.assertEqual(
            "0 0 5270 x.example.", respond(self.zone, "_xmpps-server._tcp.a.example", "SRV").answer[0][0].to_text()
        )

    def test_malformed(self) -> None:
        """A malformed record is refused when it is added."""
        self.assertRaises(dns.exception.DNSException, self.zone.add, "a.example", "A", "no address")

    def test_denials(self) -> None:
        """A name that does not exist is told from a type that does not, and from a name that only leads to others."""
        self.zone.add("x.y.example", "A", "127.0.0.9")
        for name, rdtype, rcode in (
            ("b.example", "A", dns.rcode.NXDOMAIN),
            ("a.example", "AAAA", dns.rcode.NOERROR),
            ("y.example", "A", dns.rcode.NOERROR),
        ):
            response = respond(self.zone, name, rdtype)
            self.assertEqual((rcode, 0, 1), (response.rcode(), len(response.answer), len(response.authority)))

    def test_removed(self) -> None:
        """Removed records are gone, and so is a name without any; removing twice does no harm."""
        self.zone.remove("a.example", "A")
        self.zone.remove("a.example", "A")
        self.assertEqual(dns.rcode.NXDOMAIN, respond(self.zone, "a.example", "A").rcode())

    def test_aliases(self) -> None:
        """An alias is followed; asked for itself it is given; a circle of aliases ends."""
        self.zone.add("www.example", "CNAME", "a.example")
        self.assertEqual(["CNAME", "A"], [_type(line) for line in respond(self.zone, "www.example", "A").answer])
        self.assertEqual(["CNAME"], [_type(line) for line in respond(self.zone, "www.example", "CNAME").answer])
        self.zone.add("o.example", "CNAME", "o.example")
        self.assertEqual(["CNAME"], [_type(line) for line in respond(self.zone, "o.example", "A").answer])

    def test_authentic(self) -> None:
        """P3.2: a zone can claim that everything in it was validated."""
        self.zone.authentic = True
        for name in ("a.example", "b.example"):
            self.assertTrue(respond(self.zone, name, "A").flags & dns.flags.AD)

    def test_failures(self) -> None:
        """A name can be made to fail, to keep silent, and to answer again."""
        self.zone.fail("a.example", "REFUSED")
        self.assertEqual(dns.rcode.REFUSED, respond(self.zone, "a.example", "A").rcode())
        self.zone.silence("a.example")
        query = dns.message.make_query("a.example", "A").to_wire()
        self.assertIsNone(self.zone.respond_to_wire(query, over_udp=True))
        self.zone.mend("a.example")
        self.assertEqual(dns.rcode.NOERROR, respond(self.zone, "a.example", "A").rcode())

    def test_no_query(self) -> None:
        """What is no query is not answered."""
        response = dns.message.make_response(dns.message.make_query("a.example", "A"))
        update = dns.message.from_text("id 1\nopcode UPDATE\n;ZONE\nexample. IN SOA\n")
        for wire in (b"", b"garbage", response.to_wire(), dns.message.Message().to_wire(), update.to_wire()):
            self.assertIsNone(self.zone.respond_to_wire(wire, over_udp=True))

    def test_asked(self) -> None:
        """What was asked is kept, in order."""
        respond(self.zone, "A.example", "A")
        respond(self.zone, "b.example", "SRV")
        self.assertEqual([("A.example", "A"), ("b.example", "SRV")], list(self.zone.asked))


def _type(rrset: object) -> str:
    return str(rrset).split()[3]


class SizeTests(SynchronousTestCase):
    """Answers that do not fit."""

    def setUp(self) -> None:
        """A domain whose answers are easy to size: 28 octets for the question, 16 for each address."""
        self.zone = Zone()

    def cut(self, count: int, payload: int | None) -> bool:
        """Whether the answer with so many addresses is cut short over UDP; over TCP it must not be."""
        self.zone.remove("abc.example", "A")
        self.zone.add("abc.example", "A", *(f"10.0.{number // 250}.{number % 250}" for number in range(count)))
        whole = respond(self.zone, "abc.example", "A", payload=payload, over_udp=False)
        self.assertEqual(count, len(whole.answer[0]))
        response = respond(self.zone, "abc.example", "A", payload=payload)
        self.assertEqual(bool(response.flags & dns.flags.TC), not response.answer)
        return not response.answer

    def test_plain(self) -> None:
        """Without EDNS 512 octets fit into a datagram."""
        self.assertEqual([False, True], [self.cut(count, None) for count in (30, 31)])

    def test_edns(self) -> None:
        """With EDNS as much fits as the asker says, but never less than 512 octets."""
        self.assertEqual([False, True], [self.cut(count, 1232) for count in (74, 75)])
        self.assertEqual([False, True], [self.cut(count, 100) for count in (29, 30)])


class MemoryResolverTests(SynchronousTestCase):
    """A resolver without a network."""

    def setUp(self) -> None:
        """One domain."""
        self.clock = Clock()
        self.zone = Zone()
        self.zone.add("a.example", "A", "127.0.0.2", ttl=7)
        self.lookup = MemoryResolver(self.zone, self.clock)

    def ask(self, name: str) -> Deferred[Answer]:
        """Ask for an address."""
        return Deferred.fromCoroutine(self.lookup.query(name, "A"))

    def test_answers(self) -> None:
        """Records, denials and the claim of validation come as from a true resolver."""
        self.clock.advance(100.0)
        answer = self.successResultOf(self.ask("A.example."))
        self.assertEqual(["127.0.0.2"], [record.to_text() for record in answer.records])
        self.assertEqual(("a.example", "A", 107.0), (answer.name, answer.rdtype, answer.expires_at))
        self.assertIs(AnswerStatus.INSECURE, answer.status)
        self.zone.authentic = True
        denial = self.successResultOf(self.ask("b.example"))
        self.assertEqual(((), AnswerStatus.SECURE), (denial.records, denial.status))

    def test_failure(self) -> None:
        """A failing name fails, with the reason."""
        self.zone.fail("a.example")
        self.assertIn("memory: SERVFAIL", str(self.failureResultOf(self.ask("a.example"), LookupFailed).value))

    def test_silence(self) -> None:
        """A silenced name is never answered; the wait can be cancelled."""
        self.zone.silence("a.example")
        asked = self.ask("a.example")
        self.clock.advance(1_000.0)
        self.assertNoResult(asked)
        asked.cancel()
        self.failureResultOf(asked, CancelledError)


class ListenTests(SynchronousTestCase):
    """Serving, as far as it goes without sockets."""

    def test_port_taken(self) -> None:
        """A given port is tried once; for any port several are tried before giving up."""
        for port, tries in ((5353, 1), (0, PORT_TRIES)):
            reactor = MemoryNetworkReactor()
            reactor.no_more_ports = True
            self.assertRaises(CannotListenError, Zone().listen, reactor, "127.0.0.1", port)
            self.assertEqual(tries, len(reactor.asked_for))

    def test_silence(self) -> None:
        """A silenced name is not answered, neither over UDP nor over TCP."""
        reactor, zone = MemoryNetworkReactor(), Zone()
        zone.silence("a.example")
        zone.listen(reactor, "127.0.0.1", 5353)
        query = dns.message.make_query("a.example", "A").to_wire()
        reactor.udp_ports[0].receive(query, ("127.0.0.1", 9))
        self.assertEqual([], reactor.udp_ports[0].sent)
        stream = reactor.tcpServers[0][1].buildProtocol(IPv4Address("TCP", "127.0.0.1", 9))
        assert stream is not None
        transport = StringTransport()
        stream.makeConnection(transport)
        stream.dataReceived(len(query).to_bytes(2, "big") + query)
        self.assertEqual(b"", transport.value())


class RealSocketTests(TestCase):
    """The one place where DNS runs over real sockets, on loopback: Twisted's ports behave as the doubles do."""

    reactor = INetworkReactor(installed_reactor, installed_reactor)
    timeout = 20

    def setUp(self) -> None:
        """A served zone, and a resolver that asks it."""
        self.zone = Zone()
        self.served = self.zone.listen(self.reactor, "127.0.0.1")
        self.addCleanup(self.served.stop)
        self.resolver = Resolver(self.reactor, [(self.served.address, self.served.port)])

    async def test_udp_and_tcp(self) -> None:
        """A small answer comes over UDP, a large one over TCP."""
        self.zone.add("small.example", "A", "127.0.0.2")
        self.zone.add("large.example", "A", *(f"10.0.0.{number}" for number in range(200)))
        self.assertEqual(1, len((await self.resolver.query("small.example", "A")).records))
        self.assertEqual(200, len((await self.resolver.query("large.example", "A")).records))

    async def test_nobody_there(self) -> None:
        """Where nothing listens the failure comes at once, by name."""
        await self.served.stop()
        try:
            await self.resolver.query("a.example", "A")
        except LookupFailed as failed:
            self.assertIn(f"127.0.0.1:{self.served.port}: no DNS server listens there", str(failed))
        else:
            self.fail("a closed port answered")

    async def test_connect(self) -> None:
        """A domain is found by SRV and connected to, from the address set for it."""
        arrived: Deferred[str] = Deferred()

        class Guest(Protocol):
            def connectionMade(self) -> None:
                assert self.transport is not None
                peer = self.transport.getPeer()
                assert isinstance(peer, IPv4Address)
                arrived.callback(peer.host)
                self.transport.loseConnection()

        factory = ServerFactory()
        factory.protocol = Guest
        port = self.reactor.listenTCP(0, factory, 50, "127.0.0.4")
        self.addCleanup(port.stopListening)
        host = port.getHost()
        assert isinstance(host, IPv4Address)
        self.zone.add_srv("a.example", "x.example", host.port)
        self.zone.add("x.example", "A", "127.0.0.4")
        connector = Connector(self.reactor, self.resolver, bind_address="127.0.0.5")
        gone: Deferred[None] = Deferred()

        class Caller(Protocol):
            def connectionLost(self, reason: object = None) -> None:
                gone.callback(None)

        await connector.connect(DomainName.parse("a.example"), lambda _target: Factory.forProtocol(Caller))
        self.assertEqual("127.0.0.5", await arrived)
        await gone
