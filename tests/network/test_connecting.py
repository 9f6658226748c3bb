"""A connection to the servers of a domain."""

from __future__ import annotations

from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.interfaces import IAddress, IProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.connecting import MAX_REASONS_CHARACTERS, Attempt, ConnectLimits, Connector
from muxs2s.network.dialling import AttemptFailed, DialLimits
from muxs2s.network.racing import RaceLimits
from muxs2s.network.resolver import Answer, Lookup
from muxs2s.network.targets import Overrides, ServiceNotOffered, Target, Unreachable, read_override, read_target
from muxs2s.network.transcript import Culprit, Transcript
from muxs2s.testing.dns import MemoryResolver, Zone
from muxs2s.wire.errors import LocalMisuse, StanzaCondition
from muxs2s.wire.names import DomainName
from tests.network.memoryudp import MemoryNetworkReactor

A_EXAMPLE = DomainName.parse("a.example")


class OtherAAAA:
    """A lookup that knows nothing of AAAA records but what the test decides."""

    def __init__(self, lookup: Lookup, aaaa: Deferred[Answer]) -> None:
        self._lookup, self._aaaa = lookup, aaaa

    async def query(self, name: str, rdtype: str) -> Answer:
        """As any lookup."""
        return await self._aaaa if rdtype == "AAAA" else await self._lookup.query(name, rdtype)


class ConnectingTestCase(SynchronousTestCase):
    """A connector on a reactor without a network."""

    def setUp(self) -> None:
        """No records, no overrides."""
        self.reactor = MemoryNetworkReactor()
        self.zone = Zone()
        self.lookup = MemoryResolver(self.zone, self.reactor)
        self.asked_for: list[Target] = []
        self.connector = Connector(self.reactor, self.lookup, randbelow=lambda _: 0)

    def connect(self, domain: DomainName = A_EXAMPLE) -> Deferred[IProtocol]:
        """Begin to connect."""
        return self.connector.connect(domain, self.make)

    def make(self, target: Target) -> Factory:
        """A factory for what connects to a target."""
        self.asked_for.append(target)
        return Factory.forProtocol(Protocol)

    def tried(self) -> list[tuple[str, int]]:
        """The addresses and ports connected to, in order."""
        return [client[:2] for client in self.reactor.tcpClients]

    def refuse(self, reason: Exception | None = None) -> None:
        """Let the connection begun last fail."""
        failure = Failure(reason or error.ConnectionRefusedError())
        self.reactor.tcpClients[-1][2].clientConnectionFailed(self.reactor.connectors[-1], failure)
        self.reactor.advance(0.0)

    def accept(self, index: int = -1) -> IProtocol:
        """Let one of the connections begun succeed."""
        protocol = self.reactor.tcpClients[index][2].buildProtocol(IPv4Address("TCP", "192.0.2.1", 5269))
        assert protocol is not None
        protocol.makeConnection(StringTransport())
        return protocol

    def unreachable(self, connecting: Deferred[IProtocol]) -> Unreachable:
        """Why it failed; nothing may be left behind."""
        self.assertEqual([], self.reactor.getDelayedCalls())
        refused = self.failureResultOf(connecting, Unreachable).value
        assert isinstance(refused, Unreachable)
        return refused


class SRVTests(ConnectingTestCase):
    """Targets by SRV, one after the other."""

    def test_pitfall_10_every_srv_target_is_tried_without_global_reactor(self) -> None:
        """S28: when a target fails the next one is tried, to the last, by the reactor and the resolver handed in."""
        for number in (3, 1, 2):
            self.zone.add_srv("a.example", f"x{number}.example", 5000 + number, priority=number)
            self.zone.add(f"x{number}.example", "A", f"192.0.2.{number}")
        connecting = self.connect()
        self.refuse()
        self.refuse()
        self.assertNoResult(connecting)
        self.accept()
        self.assertIsInstance(self.successResultOf(connecting), Protocol)
        self.assertEqual([("192.0.2.1", 5001), ("192.0.2.2", 5002), ("192.0.2.3", 5003)], self.tried())
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_all_fail(self) -> None:
        """S17: when nobody answers the reason of every attempt is told, and the condition is a time-out."""
        for number in (1, 2):
            self.zone.add_srv("a.example", f"x{number}.example", 5269, priority=number)
            self.zone.add(f"x{number}.example", "AAAA", f"2001:db8::{number}")
        connecting = self.connect()
        self.refuse()
        self.refuse(error.TimeoutError())
        refused = self.unreachable(connecting)
        self.assertIs(StanzaCondition.REMOTE_SERVER_TIMEOUT, refused.condition)
        for part in (
            "no connection to a.example",
            "x1.example:5269 (2001:db8::1): Connection was refused",
            "x2.example:5269 (2001:db8::2): no answer within 10 s",
            "x1.example has no A record",
        ):
            self.assertIn(part, str(refused))

    def test_no_such_host(self) -> None:
        """S17, S28: SRV targets without addresses lead nowhere; the domain's own address is not tried."""
        self.zone.add_srv("a.example", "gone.example", 5269)
        self.zone.add("a.example", "A", "192.0.2.1")
        refused = self.unreachable(self.connect())
        self.assertIs(StanzaCondition.REMOTE_SERVER_NOT_FOUND, refused.condition)
        self.assertIn("gone.example has no AAAA record; gone.example has no A record", str(refused))
        self.assertEqual([], self.tried())

    def test_reasons_are_bounded(self) -> None:
        """S17: reasons stand in every bounce; a domain cannot make them longer than the limit by what its DNS says."""
        for number in range(8):
            host = ".".join([f"{number}" * 60] * 3)
            self.zone.add_srv("a.example", f"{host}.example", 5269, priority=number)
        whole = self.unreachable(self.connect())
        self.assertEqual(MAX_REASONS_CHARACTERS, len(str(whole).removesuffix("...")))
        self.assertTrue(str(whole).startswith("no connection to a.example: 000"))

    def test_reasons_up_to_the_limit(self) -> None:
        """S17: reasons of just the longest length are told in full."""
        self.zone.add("a.example", "A", "192.0.2.1")
        rest = "; a.example has no AAAA record; a.example:5269 (192.0.2.1): Connection was refused by other side."
        shorter = 2_000 - len(f"no connection to a.example: {rest}")
        for length, suffix in ((shorter, ""), (shorter + 1, "...")):
            connecting = self.connector.attempt(A_EXAMPLE, self.make).next("x" * length)
            self.refuse()
            told = str(self.unreachable(connecting))
            self.assertEqual(f"no connection to a.example: {'x' * length}{rest}"[:2_000] + suffix, told)

    def test_same_reason_once(self) -> None:
        """A reason that several attempts gave is told once."""
        for priority in (1, 2):
            self.zone.add_srv("a.example", "x.example", 5269, priority=priority)
        told = str(self.unreachable(self.connect()))
        self.assertEqual("no connection to a.example: x.example has no AAAA record; x.example has no A record", told)

    def test_not_offered(self) -> None:
        """S28: an SRV target of '.' ends it before any connection."""
        self.zone.add_srv("a.example", ".", 0)
        self.failureResultOf(self.connect(), ServiceNotOffered)
        self.assertEqual([], self.tried())

    def test_max_targets(self) -> None:
        """As many targets as allowed are tried, not one more."""
        for number in range(1, 4):
            self.zone.add_srv("a.example", f"x{number}.example", 5269, priority=number)
            self.zone.add(f"x{number}.example", "A", f"192.0.2.{number}")
        self.connector = Connector(self.reactor, self.lookup, limits=ConnectLimits(max_targets=2))
        connecting = self.connect()
        self.refuse()
        self.refuse()
        self.unreachable(connecting)
        self.assertEqual(["192.0.2.1", "192.0.2.2"], [host for host, _ in self.tried()])


class DomainItselfTests(ConnectingTestCase):
    """Without SRV records."""

    def test_domain_itself(self) -> None:
        """S28, D1: SRV is asked first; where there is none the domain's own addresses are tried on port 5269."""
        self.zone.add("a.example", "A", "192.0.2.1")
        connecting = self.connect()
        self.assertEqual(["SRV", "SRV", "AAAA", "A"], [question.rdtype for question in self.zone.asked])
        self.assertEqual([("192.0.2.1", 5269)], self.tried())
        self.accept()
        self.successResultOf(connecting)

    def test_nothing_in_dns(self) -> None:
        """S17: a domain that is not in DNS is not found."""
        refused = self.unreachable(self.connect())
        self.assertIs(StanzaCondition.REMOTE_SERVER_NOT_FOUND, refused.condition)

    def test_srv_unknown(self) -> None:
        """S28: where DNS does not tell the SRV records the domain itself is tried, and DNS's reason kept."""
        self.zone.fail("_xmpp-server._tcp.a.example")
        self.zone.add("a.example", "A", "192.0.2.1")
        connecting = self.connect()
        self.assertEqual([("192.0.2.1", 5269)], self.tried())
        self.refuse()
        self.assertIn("SRV for _xmpp-server._tcp.a.example failed: memory: SERVFAIL", str(self.unreachable(connecting)))

    def test_dns_fails(self) -> None:
        """S17: where DNS tells nothing at all the domain is not found, and the message names every question."""
        for name in ("_xmpps-server._tcp.a.example", "_xmpp-server._tcp.a.example", "a.example"):
            self.zone.fail(name, "REFUSED")
        refused = self.unreachable(self.connect())
        self.assertIs(StanzaCondition.REMOTE_SERVER_NOT_FOUND, refused.condition)
        for question in ("SRV for _xmpp-server._tcp.a.example", "AAAA for a.example", "A for a.example"):
            self.assertIn(f"DNS lookup of {question} failed: memory: REFUSED", str(refused))


class AddressTests(ConnectingTestCase):
    """The addresses of one host."""

    def test_both_families(self) -> None:
        """S28: IPv6 and IPv4 addresses are both tried, a quarter of a second apart; the first connection counts."""
        self.zone.add("a.example", "A", "192.0.2.1")
        self.zone.add("a.example", "AAAA", "2001:db8::1")
        connecting = self.connect()
        self.assertEqual([("2001:db8::1", 5269)], self.tried())
        self.reactor.advance(0.25)
        self.assertEqual([("2001:db8::1", 5269), ("192.0.2.1", 5269)], self.tried())
        self.accept()
        self.successResultOf(connecting)
        self.assertTrue(self.reactor.connectors[0].stoppedConnecting)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_one_family_unknown(self) -> None:
        """A DNS server that never answers for one family holds up the other for 50 milliseconds only."""
        self.zone.add("a.example", "A", "192.0.2.1")
        self.connector = Connector(self.reactor, OtherAAAA(self.lookup, Deferred()))
        connecting = self.connect()
        self.reactor.advance(0.05)
        self.assertEqual([("192.0.2.1", 5269)], self.tried())
        self.accept()
        self.successResultOf(connecting)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_connect_seconds(self) -> None:
        """Each address has ten seconds to answer."""
        self.zone.add("a.example", "A", "192.0.2.1")
        self.connect()
        self.assertEqual(10.0, self.reactor.tcpClients[0][3])

    def test_max_addresses(self) -> None:
        """As many addresses of one host as allowed are tried; the message tells of one more."""
        self.zone.add("a.example", "A", "192.0.2.1", "192.0.2.2", "192.0.2.3")
        limits = ConnectLimits(race=RaceLimits(max_addresses=2))
        self.connector = Connector(self.reactor, self.lookup, limits=limits)
        connecting = self.connect()
        self.refuse()
        self.refuse()
        self.assertIn("1 more addresses not tried", str(self.unreachable(connecting)))
        self.assertEqual(2, len(self.tried()))

    def test_bind_address(self) -> None:
        """Connections go out from the address set for their family; the other family goes out as the system likes."""
        self.zone.add("a.example", "A", "192.0.2.1")
        self.zone.add("a.example", "AAAA", "2001:db8::1")
        for bound, expected in {"127.0.0.7": [None, ("127.0.0.7", 0)], "::1": [("::1", 0), None]}.items():
            self.reactor.tcpClients.clear()
            self.connector = Connector(self.reactor, self.lookup, bind_address=bound)
            connecting = self.connect()
            self.reactor.advance(0.25)
            self.assertEqual(expected, [client[4] for client in self.reactor.tcpClients])
            connecting.cancel()
            self.failureResultOf(connecting)

    def test_bind_address_is_an_address(self) -> None:
        """A name to connect from is our caller's mistake."""
        refused = self.assertRaises(LocalMisuse, Connector, self.reactor, self.lookup, bind_address="localhost")
        self.assertIn("'localhost'", str(refused))


class OverrideTests(ConnectingTestCase):
    """Where the operator says a domain is."""

    def override(self, text: str) -> None:
        """Set the override of the domain."""
        overrides = Overrides(domains={A_EXAMPLE: read_target(text)})
        self.connector = Connector(self.reactor, self.lookup, overrides=overrides)

    def test_address(self) -> None:
        """S28: an address set by the operator is connected to without asking DNS."""
        for text, expected in {"192.0.2.9:5280": ("192.0.2.9", 5280), "2001:db8::9": ("2001:db8::9", 5269)}.items():
            self.override(text)
            connecting = self.connect()
            self.assertEqual(expected, self.tried()[-1])
            self.refuse()
            self.assertIn(f"{read_target(text)}: Connection was refused", str(self.unreachable(connecting)))
        self.assertEqual([], list(self.zone.asked))

    def test_host(self) -> None:
        """S28: of a host set by the operator only the addresses are looked up."""
        self.zone.add_srv("a.example", "elsewhere.example", 5269)
        self.zone.add("proxy.example", "A", "192.0.2.8")
        self.override("proxy.example:5280")
        self.connect()
        self.assertEqual([("192.0.2.8", 5280)], self.tried())
        self.assertEqual({"proxy.example"}, {question.name for question in self.zone.asked})

    def test_others(self) -> None:
        """Other domains are found in DNS as ever."""
        self.override("192.0.2.9")
        self.zone.add("b.example", "A", "192.0.2.2")
        self.connect(DomainName.parse("b.example"))
        self.assertEqual([("192.0.2.2", 5269)], self.tried())


class DirectTLSTests(ConnectingTestCase):
    """Targets of which some begin with TLS."""

    def setUp(self) -> None:
        """One target of each kind, direct TLS first."""
        super().setUp()
        self.zone.add_srv("a.example", "x.example", 5270, priority=1, service="xmpps-server")
        self.zone.add_srv("a.example", "x.example", 5269, priority=2)
        self.zone.add("x.example", "A", "192.0.2.1")

    def test_target_is_told(self) -> None:
        """S29: whoever connects is told how TLS begins at the target that was chosen."""
        connecting = self.connect()
        self.refuse()
        self.accept()
        self.successResultOf(connecting)
        direct = Target(host="x.example", port=5270, direct_tls=True)
        self.assertEqual([direct, Target(host="x.example", port=5269)], self.asked_for)
        self.assertEqual([5270, 5269], [port for _, port in self.tried()])

    def test_override(self) -> None:
        """S29: an override may say direct TLS; the domain has the same servers for every attempt."""
        self.connector.overrides = Overrides(every=read_override("xmpps://192.0.2.9"))
        self.connect()
        self.assertEqual([Target(host="192.0.2.9", port=5270, direct_tls=True)], self.asked_for)

    def attempt(self) -> Attempt:
        """An attempt whose first target has answered."""
        attempt = self.connector.attempt(A_EXAMPLE, self.make)
        connecting = attempt.next()
        self.accept()
        self.successResultOf(connecting)
        return attempt

    def test_next_target(self) -> None:
        """S29: where the handshake of TLS fails at one target the next one has its turn; DNS is not asked again."""
        attempt = self.attempt()
        asked = [question for question in self.zone.asked if question.rdtype == "SRV"]
        connecting = attempt.next("xmpps://x.example:5270: TLS failed")
        self.accept()
        self.successResultOf(connecting)
        self.assertEqual(["xmpps://x.example:5270", "x.example:5269"], [str(target) for target in self.asked_for])
        self.assertEqual(2, len(asked))

    def test_none_left(self) -> None:
        """S17: when no target is left the reasons are told, that of the handshake among them."""
        connecting = self.attempt().next("xmpps://x.example:5270: TLS failed")
        self.refuse()
        refused = self.unreachable(connecting)
        self.assertIs(StanzaCondition.REMOTE_SERVER_TIMEOUT, refused.condition)
        for part in ("xmpps://x.example:5270: TLS failed", "x.example:5269 (192.0.2.1): Connection was refused"):
            self.assertIn(part, str(refused))

    def test_time_on_a_connection_does_not_count(self) -> None:
        """What is spent on a connection leaves the next target its time; what is spent on connecting does not."""
        attempt = self.connector.attempt(A_EXAMPLE, self.make)
        connecting = attempt.next()
        self.reactor.advance(50.0)
        self.accept()
        self.successResultOf(connecting)
        self.reactor.advance(100.0)
        connecting = attempt.next("TLS failed")
        self.reactor.advance(9.9)
        self.assertNoResult(connecting)
        self.reactor.advance(0.1)
        self.assertIn("TLS failed; gave up after 60 s", str(self.unreachable(connecting)))

    def test_no_time_left(self) -> None:
        """An attempt whose time is up begins nothing that lasts."""
        attempt = self.connector.attempt(A_EXAMPLE, self.make)
        connecting = attempt.next()
        self.reactor.advance(60.0)
        self.unreachable(connecting)
        connecting = attempt.next()
        self.reactor.advance(0.0)
        self.assertIn("gave up after 60 s", str(self.unreachable(connecting)))


class BusyTests(ConnectingTestCase):
    """We ourselves are busy connecting to others."""

    def setUp(self) -> None:
        """One connection at a time, which somebody has begun."""
        super().setUp()
        limits = ConnectLimits(dial=DialLimits(max_connections=1))
        self.connector = Connector(self.reactor, self.lookup, limits=limits)
        self.other = self.connector._means.dialler.dial(
            "192.0.2.9",
            read_target("192.0.2.9"),
            Factory.forProtocol(Protocol),
            transcript=Transcript(self.reactor),
            begun=lambda: None,
        )
        self.zone.add("a.example", "A", "192.0.2.1")
        self.connecting = self.connect()

    def tried_next(self) -> list[tuple[str, int]]:
        """What was tried after the connection of the other one."""
        return self.tried()[1:]

    def test_turn(self) -> None:
        """A connection that has to wait is made when its turn has come."""
        self.reactor.advance(50.0)
        self.assertEqual([], self.tried_next())
        self.refuse()
        self.failureResultOf(self.other, AttemptFailed)
        self.assertEqual([("192.0.2.1", 5269)], self.tried_next())
        self.accept()
        self.successResultOf(self.connecting)

    def test_never_had_a_turn(self) -> None:
        """A domain that never had its turn is not said to be silent: the fault is ours, and so is the remedy."""
        self.reactor.advance(60.0)
        refused = self.failureResultOf(self.connecting, Unreachable).value
        assert isinstance(refused, Unreachable)
        self.assertIs(StanzaCondition.RESOURCE_CONSTRAINT, refused.condition)
        self.assertIn("its turn had not come within 60 s, as this server was busy with others", str(refused))
        self.assertEqual([], self.tried_next())

    def test_tried_before(self) -> None:
        """One of whose servers one was tried is said to be silent, even if the next never had its turn."""
        self.zone.add_srv("b.example", "x.example", 5269, priority=1)
        self.zone.add_srv("b.example", "a.example", 5269, priority=2)
        self.zone.add("x.example", "A", "192.0.2.2")
        connecting = self.connect(DomainName.parse("b.example"))
        self.refuse()  # the other one: now it is the turn of a.example, then of x.example
        self.refuse()
        self.failureResultOf(self.connecting, Unreachable)
        self.connector.connect_to(read_target("192.0.2.9"), self.make).addErrback(lambda _: None)
        self.refuse()
        self.reactor.advance(60.0)
        refused = self.failureResultOf(connecting, Unreachable).value
        assert isinstance(refused, Unreachable)
        self.assertIs(StanzaCondition.REMOTE_SERVER_TIMEOUT, refused.condition)
        self.failureResultOf(self.other, AttemptFailed)

    def test_cancelled(self) -> None:
        """Cancelling works while it waits."""
        self.connecting.cancel()
        self.failureResultOf(self.connecting, CancelledError)
        self.accept()
        self.successResultOf(self.other)
        self.assertEqual(([], []), (self.tried_next(), self.reactor.getDelayedCalls()))


class SearchTests(ConnectingTestCase):
    """Domains looked for at the same time."""

    def setUp(self) -> None:
        """Two at most; of two of them DNS tells nothing yet."""
        super().setUp()
        self.connector = Connector(self.reactor, self.lookup, limits=ConnectLimits(max_searches=2))
        self.zone.add("a.example", "A", "192.0.2.1")
        self.silent = [self.connect(domain) for domain in map(self.silence, ("b.example", "c.example"))]

    def silence(self, domain: str) -> DomainName:
        """Have DNS tell nothing of a domain."""
        self.zone.silence(f"_xmpp-server._tcp.{domain}")
        return DomainName.parse(domain)

    def give_up(self) -> None:
        """Look no longer for one of them."""
        searching = self.silent.pop()
        searching.cancel()
        self.failureResultOf(searching, CancelledError)
        self.reactor.advance(0.0)

    def test_max_searches(self) -> None:
        """As many domains as allowed are looked for at the same time; one more when one of them is done."""
        connecting = self.connect()
        self.assertEqual((4, []), (len(self.zone.asked), self.tried()))
        self.give_up()
        self.accept()
        self.successResultOf(connecting)

    def test_never_had_a_turn(self) -> None:
        """A domain whose turn does not come in time is not said to be unknown, and DNS is not asked in vain."""
        connecting = self.connect()
        self.reactor.advance(60.0)
        refused = self.failureResultOf(connecting, Unreachable).value
        assert isinstance(refused, Unreachable)
        self.assertIs(StanzaCondition.RESOURCE_CONSTRAINT, refused.condition)
        self.assertEqual(4, len(self.zone.asked))
        for searching in self.silent:
            self.failureResultOf(searching, Unreachable)

    def test_cancelled(self) -> None:
        """Cancelling works while it waits, and leaves the turn to the next."""
        cancelled, connecting = self.connect(self.silence("d.example")), self.connect()
        cancelled.cancel()
        self.failureResultOf(cancelled, CancelledError)
        self.give_up()
        self.accept()
        self.successResultOf(connecting)


class RedirectTests(ConnectingTestCase):
    """One target, which a peer has named."""

    def test_address(self) -> None:
        """S26: an address is connected to; overrides and DNS have no say."""
        self.connector.overrides = Overrides(every=read_target("192.0.2.9"))
        connecting = self.connector.connect_to(read_target("[2001:db8::7]:5280"), self.make)
        self.assertEqual([("2001:db8::7", 5280)], self.tried())
        self.accept()
        self.successResultOf(connecting)
        self.assertEqual([], list(self.zone.asked))

    def test_host(self) -> None:
        """S26: of a host the addresses are looked up; the same limits hold, and messages name the target."""
        self.zone.add("y.example", "A", "192.0.2.1")
        connecting = self.connector.connect_to(read_target("y.example"), self.make)
        self.reactor.advance(60.0)
        told = "no connection to y.example:5269: y.example has no AAAA record; gave up after 60 s"
        self.assertEqual(told, str(self.unreachable(connecting)))


class TranscriptTests(ConnectingTestCase):
    """What is written down of an attempt."""

    def setUp(self) -> None:
        """A transcript."""
        super().setUp()
        self.transcript = Transcript(self.reactor)

    def begin(self) -> Deferred[IProtocol]:
        """Connect, and have it written down."""
        return self.connector.connect(A_EXAMPLE, self.make, transcript=self.transcript)

    def written(self) -> list[tuple[str, str, str, Culprit | None]]:
        """What stands there."""
        return [(step.what, step.subject, step.text, step.culprit) for step in self.transcript.steps]

    def test_success(self) -> None:
        """Every question and every connection is a step."""
        self.zone.add_srv("a.example", "x.example", 5269, priority=10, weight=5)
        self.zone.add("x.example", "A", "192.0.2.1")
        self.begin()
        self.accept()
        expected = [
            ("srv", "SRV _xmpps-server._tcp.a.example", "no record", None),
            ("srv", "SRV _xmpp-server._tcp.a.example", "10 5 5269 x.example.", None),
            ("address", "AAAA x.example", "no record", None),
            ("address", "A x.example", "192.0.2.1", None),
            ("connect", "x.example:5269 (192.0.2.1)", "connected", None),
        ]
        self.assertEqual(expected, self.written())

    def test_culprits(self) -> None:
        """Of a connection that fails it is told whose fault that is."""
        self.connector.overrides = Overrides(every=read_target("192.0.2.1"))
        for reason, culprit in (
            (error.ConnectionRefusedError(), Culprit.PEER),
            (error.TimeoutError(), Culprit.NETWORK),
            (error.NoRouteError(), Culprit.NETWORK),
            (error.ConnectError(113, "No route to host"), Culprit.NETWORK),
            (error.ConnectBindError(24, "Too many open files"), Culprit.US),
        ):
            connecting = self.begin()
            self.refuse(reason)
            self.unreachable(connecting)
            self.assertIs(culprit, self.transcript.steps[-1].culprit)

    def test_dns_fails(self) -> None:
        """A question that DNS does not answer is the fault of DNS."""
        self.zone.fail("a.example")
        self.unreachable(self.begin())
        self.assertEqual([None, None, Culprit.DNS, Culprit.DNS], [step.culprit for step in self.transcript.steps])

    def test_given_up(self) -> None:
        """A connection that another one has beaten is no failure, and has no end."""
        self.zone.add("a.example", "A", "192.0.2.1", "192.0.2.2")
        connecting = self.begin()
        self.reactor.advance(0.25)
        self.accept()
        self.successResultOf(connecting)
        beaten = self.transcript.steps[-2]
        self.assertEqual(("connect", "", None), (beaten.what, beaten.text, beaten.took_seconds))

    def test_of_an_attempt(self) -> None:
        """Whoever goes on with a connection finds the transcript with the attempt."""
        attempt = self.connector.attempt(A_EXAMPLE, self.make, transcript=self.transcript)
        self.assertIs(self.transcript, attempt.transcript)


class EndTests(ConnectingTestCase):
    """Giving up."""

    def test_total_seconds(self) -> None:
        """The whole attempt has 60 seconds; what failed until then is told."""
        self.zone.add_srv("a.example", "x1.example", 5269, priority=1)
        self.zone.add_srv("a.example", "x2.example", 5269, priority=2)
        self.zone.add("x1.example", "A", "192.0.2.1")
        self.zone.silence("x2.example")
        connecting = self.connect()
        self.refuse()
        self.reactor.advance(59.9)
        self.assertNoResult(connecting)
        self.reactor.advance(0.1)
        refused = self.unreachable(connecting)
        self.assertIs(StanzaCondition.REMOTE_SERVER_TIMEOUT, refused.condition)
        self.assertIn("192.0.2.1", str(refused))
        self.assertIn("gave up after 60 s", str(refused))

    def test_silent_lookup(self) -> None:
        """S17: a lookup that tells nothing at all had no place for the question; that says nothing of the domain."""
        self.zone.silence("_xmpp-server._tcp.a.example")
        connecting = self.connect()
        self.reactor.advance(60.0)
        self.assertIs(StanzaCondition.RESOURCE_CONSTRAINT, self.unreachable(connecting).condition)

    def test_silent_dns(self) -> None:
        """S17: a domain of which DNS said nothing of use until time was up is not found."""
        self.zone.add_srv("a.example", "x1.example", 5269, priority=1)
        self.zone.add_srv("a.example", "x2.example", 5269, priority=2)
        self.zone.fail("x1.example")
        self.zone.silence("x2.example")
        connecting = self.connect()
        self.reactor.advance(60.0)
        self.assertIs(StanzaCondition.REMOTE_SERVER_NOT_FOUND, self.unreachable(connecting).condition)

    def test_cancelled(self) -> None:
        """Cancelling ends connections, lookups and timers."""
        self.zone.add("a.example", "AAAA", "2001:db8::1")
        connecting = self.connect()
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.assertTrue(self.reactor.connectors[0].stoppedConnecting)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_factory_fails(self) -> None:
        """An error in the factory is logged as ours, and the attempt has failed."""

        class Broken(Factory):
            def buildProtocol(self, addr: IAddress | None) -> None:
                raise ZeroDivisionError("our mistake")

        self.zone.add("a.example", "A", "192.0.2.1")
        connecting = self.connector.connect(A_EXAMPLE, lambda _target: Broken())
        self.reactor.tcpClients[-1][2].buildProtocol(IPv4Address("TCP", "192.0.2.1", 5269))
        self.assertIn("our mistake", str(self.unreachable(connecting)))
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_lookup_fails_unexpectedly(self) -> None:
        """An error in a lookup is logged as ours, and counts as an answer without addresses."""
        self.zone.add("a.example", "A", "192.0.2.1")
        self.connector = Connector(self.reactor, OtherAAAA(self.lookup, fail(ZeroDivisionError())))
        connecting = self.connect()
        self.accept()
        self.successResultOf(connecting)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
