"""One question to one DNS server: which message is taken for its answer, and what the others are called."""

from __future__ import annotations

import dns.flags
import dns.message
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.interfaces import IProtocol
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.answers import Question, ServerFailed
from muxs2s.network.dnstransport import MAX_MISMATCHES, Received, Server, ask
from muxs2s.testing.dns import Zone
from tests.network.memoryudp import MemoryNetworkReactor, MemoryUDPPort, answer_datagrams, answer_stream

QUESTION = Question("a.example", "A")
SERVER = Server("192.0.2.53", 53)


def flipped(wire: bytes, place: int) -> bytes:
    """The same message with one octet changed."""
    return wire[:place] + bytes([wire[place] ^ 1]) + wire[place + 1 :]


class AskTestCase(SynchronousTestCase):
    """A reactor without a network, a zone, and a question under way."""

    def setUp(self) -> None:
        """Nothing asked yet."""
        self.reactor = MemoryNetworkReactor()
        self.zone = Zone()
        self.zone.add("a.example", "A", "192.0.2.1")

    def ask(self, server: Server = SERVER, question: Question = QUESTION) -> Deferred[Received]:
        """Put the question, with three seconds to answer it."""
        return Deferred.fromCoroutine(ask(self.reactor, server, question, 3.0))

    @property
    def port(self) -> MemoryUDPPort:
        """The port opened last."""
        return self.reactor.udp_ports[-1]

    def true_answer(self) -> bytes:
        """What the zone answers to the query sent last."""
        wire = self.zone.respond_to_wire(self.port.sent[-1], over_udp=True)
        assert wire is not None
        return wire

    def assert_fails_with(self, asked: Deferred[Received], *parts: str) -> None:
        """The server failed, and the message has all these parts."""
        text = str(self.failureResultOf(asked, ServerFailed).value)
        for part in parts:
            self.assertIn(part, text)

    def assert_tidy(self) -> None:
        """No port is open, no timer runs."""
        self.assertTrue(all(port.closed for port in self.reactor.udp_ports))
        self.assertEqual([], self.reactor.getDelayedCalls())


class DatagramTests(AskTestCase):
    """Over UDP."""

    def test_answer(self) -> None:
        """The answer to the query is taken, and the port closed."""
        asked = self.ask()
        answer_datagrams(self.reactor, self.zone)
        received = self.successResultOf(asked)
        self.assertEqual("192.0.2.1", received.message.answer[0][0].to_text())
        self.assertEqual(len(received.message.to_wire()), received.octets)
        self.assert_tidy()

    def test_query(self) -> None:
        """The query wishes for recursion and for the AD bit, and takes 1,232 octets."""
        self.ask()
        query = dns.message.from_wire(self.port.sent[0])
        self.assertEqual(("192.0.2.53", 53), self.port.peer)
        self.assertEqual(dns.flags.RD | dns.flags.AD, query.flags)
        self.assertEqual(1232, query.payload)

    def test_written(self) -> None:
        """What is sent is, octet by octet, what dnspython writes for the same question."""
        for question in (QUESTION, Question("_xmpp-server._tcp.b.example", "SRV"), Question(r"b\.c.example", "TLSA")):
            self.ask(question=question)
            sent = self.port.sent[0]
            query = dns.message.make_query(f"{question.name}.", question.rdtype, payload=1232, flags=dns.flags.RD)
            query.id, query.flags = int.from_bytes(sent[:2]), query.flags | dns.flags.AD
            self.assertEqual(query.to_wire(), sent)

    def test_chance(self) -> None:
        """Each query has an identifier of its own and leaves the choice of a port to the system."""
        asked = [self.ask() for _ in range(20)]
        identifiers = {port.sent[0][:2] for port in self.reactor.udp_ports}
        self.assertGreater(len(identifiers), 10)
        self.assertEqual([0] * 20, self.reactor.asked_for)
        answer_datagrams(self.reactor, self.zone)
        for one in asked:
            self.successResultOf(one)

    def test_ipv6_server(self) -> None:
        """A server with an IPv6 address is asked from an IPv6 port; how the address is written does not matter."""
        asked = self.ask(Server("2001:db8::53", 53))
        self.assertEqual("::", self.port.interface)
        self.port.receive(self.true_answer(), ("2001:0db8:0:0::53", 53))
        self.successResultOf(asked)

    def test_servers_are_written_so_that_the_port_is_seen(self) -> None:
        """In messages an IPv6 address stands in brackets."""
        self.assertEqual("192.0.2.53:53", str(SERVER))
        self.assertEqual("[2001:db8::53]:5353", str(Server("2001:db8::53", 5353)))

    def test_silence(self) -> None:
        """A server that says nothing for three seconds has failed; the message names the port to look at."""
        asked = self.ask()
        self.reactor.advance(2.9)
        self.assertNoResult(asked)
        self.reactor.advance(0.1)
        self.assert_fails_with(asked, "no answer within 3 s", "firewall", "UDP port 53")
        self.assert_tidy()

    def test_there_when_time_is_up(self) -> None:
        """An answer that a busy reactor reads in the very turn in which its time is up still counts."""
        asked = self.ask()
        answers: list[int] = []
        self.reactor.callLater(3.0, lambda: answers.append(answer_datagrams(self.reactor, self.zone)))
        self.reactor.advance(3.0)
        self.successResultOf(asked)
        self.assertEqual([1], answers)
        self.assert_tidy()

    def test_nobody_there(self) -> None:
        """Where nothing listens the system says so, and the wait ends at once."""
        for say in ("connectionRefused", "stopProtocol"):  # reactors differ
            asked = self.ask()
            getattr(self.port.protocol, say)()
            self.assert_fails_with(asked, "no DNS server listens there", "name another")
            self.port.protocol.stopProtocol()
        self.assert_tidy()

    def test_no_route(self) -> None:
        """A network that cannot be reached is named."""
        self.reactor.broken = OSError(101, "Network is unreachable")
        self.assert_fails_with(self.ask(), "Network is unreachable", "name another")
        self.assert_tidy()

    def test_no_port_left(self) -> None:
        """When the system gives no port the message says which limit to raise."""
        self.reactor.no_more_ports = True
        self.assert_fails_with(self.ask(), "Too many open files", "raise the limit")

    def test_cancelled(self) -> None:
        """Who does not wait any longer leaves neither port nor timer behind."""
        asked = self.ask()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assert_tidy()


class WrongDatagramTests(AskTestCase):
    """Datagrams that are not the answer: passed over, and named if nothing better comes."""

    def assert_passed_over(self, wire: bytes, called: str, address: tuple[str, int] | None = None) -> None:
        """Neither taken nor an obstacle to the true answer; named when no other comes."""
        asked = self.ask()
        self.port.receive(wire, address)
        self.assertNoResult(asked)
        self.port.receive(self.true_answer())
        self.successResultOf(asked)
        unlucky = self.ask()
        self.port.receive(wire, address)
        self.reactor.advance(3.0)
        self.assert_fails_with(unlucky, called, "name another DNS server")

    def test_garbage(self) -> None:
        """What is no DNS message is passed over."""
        for garbage in (b"", b"\x00", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xf5" * 1232):
            self.assert_passed_over(garbage, "no DNS message")

    def test_cut_and_padded(self) -> None:
        """An answer that ends too early, or has something behind its end, is no DNS message."""
        for length in range(-1, 40):
            asked = self.ask()
            whole = self.true_answer()
            self.port.receive(whole[:length] if length >= 0 else whole + b"\x00")
            self.assertNoResult(asked)
            self.reactor.advance(3.0)
            self.assert_fails_with(asked, "no DNS message")

    def test_wrong_identifier(self) -> None:
        """An answer with another identifier is none to this query."""
        asked = self.ask()
        self.port.receive(flipped(self.true_answer(), 0))
        self.reactor.advance(3.0)
        self.assert_fails_with(asked, "another identifier", "name another DNS server")

    def test_wrong_question(self) -> None:
        """An answer that repeats another question is none to this query."""
        asked = self.ask()
        other = dns.message.make_query("b.example.", "A")
        other.id = int.from_bytes(self.port.sent[0][:2], "big")
        wire = self.zone.respond_to_wire(other.to_wire(), over_udp=True)
        assert wire is not None
        self.port.receive(wire)
        self.reactor.advance(3.0)
        self.assert_fails_with(asked, "no answer to this question", "name another DNS server")

    def test_not_an_answer(self) -> None:
        """The query itself, sent back, answers nothing."""
        asked = self.ask()
        self.port.receive(self.port.sent[0])
        self.reactor.advance(3.0)
        self.assert_fails_with(asked, "no answer to this question")

    def test_wrong_sender(self) -> None:
        """A true answer from somebody who was not asked is passed over: by address and by port."""
        for stranger in (("192.0.2.54", 53), ("192.0.2.53", 54)):
            asked = self.ask()
            self.port.receive(self.true_answer(), stranger)
            self.reactor.advance(3.0)
            self.assert_fails_with(asked, "which was not asked")

    def test_too_many(self) -> None:
        """Somebody may guess along: after eight wrong answers the question is put over TCP."""
        asked = self.ask()
        for _ in range(MAX_MISMATCHES - 1):
            self.port.receive(b"guess")
        self.assertEqual([], self.reactor.tcpClients)
        self.port.receive(b"guess")
        self.assertTrue(self.port.closed)
        answer_stream(self.reactor, self.zone)
        self.successResultOf(asked)

    def test_late(self) -> None:
        """What comes after the answer changes nothing."""
        asked = self.ask()
        wire = self.true_answer()
        self.port.receive(wire)
        self.port.receive(wire)
        self.successResultOf(asked)

    @given(st.binary(max_size=200), st.booleans())
    def test_any_octets(self, octets: bytes, identified: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        """Whatever comes, the wait ends with an answer to the query or with an error that says why."""
        self.reactor = MemoryNetworkReactor()
        asked = self.ask()
        self.port.receive((self.port.sent[0][:2] if identified else b"") + octets)
        self.reactor.advance(3.0)
        if self.reactor.tcpClients:  # a truncated answer
            asked.cancel()
        asked.addErrback(lambda failure: failure.trap(ServerFailed, CancelledError))
        self.successResultOf(asked)


class StreamTests(AskTestCase):
    """Over TCP, where the answer did not fit into a datagram."""

    def setUp(self) -> None:
        """Too many addresses for a datagram."""
        super().setUp()
        self.zone.add("a.example", "A", *(f"198.51.100.{number}" for number in range(1, 255)))

    def begin(self) -> Deferred[Received]:
        """Ask, and let the server cut its answer short."""
        asked = self.ask()
        answer_datagrams(self.reactor, self.zone)
        self.assertNoResult(asked)
        return asked

    def test_answer(self) -> None:
        """The whole answer comes over TCP, from the same server."""
        asked = self.begin()
        transport = answer_stream(self.reactor, self.zone)
        self.assertEqual(255, len(self.successResultOf(asked).message.answer[0]))
        self.assertEqual(SERVER, self.reactor.tcpClients[0][:2])
        self.assertTrue(transport.disconnecting)
        self.assert_tidy()

    def accept(self) -> tuple[StringTransport, bytes]:
        """Accept the connection; the query on it."""
        protocol = self.reactor.tcpClients[-1][2].buildProtocol(IPv4Address("TCP", "192.0.2.53", 53))
        assert protocol is not None
        self.protocol: IProtocol = protocol
        transport = StringTransport()
        protocol.makeConnection(transport)
        return transport, transport.value()[2:]

    def test_nothing_is_logged(self) -> None:
        """Peers decide how often DNS is asked: the connection comes and goes without a line in the log."""
        asked = self.begin()
        with capturedLogs() as logged:
            self.reactor.tcpClients[-1][2].doStart()
            answer_stream(self.reactor, self.zone)
            self.reactor.tcpClients[-1][2].doStop()
        self.successResultOf(asked)
        self.assertEqual([], logged)

    def test_refused(self) -> None:
        """A server that cuts answers short but does not speak TCP is named together with the firewall."""
        asked = self.begin()
        self.reactor.tcpClients[-1][2].clientConnectionFailed(self.reactor.connectors[-1], Failure(Refused()))
        self.assert_fails_with(asked, "needs TCP", "TCP port 53", "firewall")

    def test_silence(self) -> None:
        """Over TCP too, silence has its limit."""
        asked = self.begin()
        transport, _ = self.accept()
        self.reactor.advance(3.0)
        self.assert_fails_with(asked, "no answer over TCP within 3 s")
        self.assertTrue(transport.disconnecting)

    def test_hung_up(self) -> None:
        """A connection that ends without an answer is named."""
        asked = self.begin()
        self.accept()
        self.protocol.connectionLost(Failure(Refused()))
        self.assert_fails_with(asked, "ended without an answer")

    def test_wrong_answer(self) -> None:
        """Over TCP nobody guesses along: a wrong answer is the server's own fault, and ends it."""
        asked = self.begin()
        _, query = self.accept()
        self.protocol.dataReceived(b"\x00\x04oops")
        self.assert_fails_with(asked, "no DNS message", "over TCP")
        wire = self.zone.respond_to_wire(query, over_udp=False) or b""
        self.protocol.dataReceived(len(wire).to_bytes(2, "big") + wire)

    def test_octet_by_octet(self) -> None:
        """An answer may come in any pieces."""
        asked = self.begin()
        _, query = self.accept()
        wire = self.zone.respond_to_wire(query, over_udp=False) or b""
        for octet in len(wire).to_bytes(2, "big") + wire:
            self.assertNoResult(asked)
            self.protocol.dataReceived(bytes([octet]))
        self.successResultOf(asked)

    def test_cancelled(self) -> None:
        """Leaving while the connection is being made ends it."""
        asked = self.begin()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assertTrue(self.reactor.connectors[-1].stoppedConnecting)
        self.assert_tidy()

    def test_ipv6_server(self) -> None:
        """TCP goes to the same IPv6 address."""
        self.ask(Server("2001:db8::53", 53))
        answer_datagrams(self.reactor, self.zone)
        self.assertEqual(("2001:db8::53", 53), self.reactor.tcpClients[0][:2])
