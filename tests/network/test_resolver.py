"""Answers from DNS: servers in turn, aliases, memory, shared questions, limits."""

from __future__ import annotations

import dns.flags
import dns.message
from dns.rdtypes.ANY.TLSA import TLSA
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.resolver import (
    Answer,
    AnswerStatus,
    LookupFailed,
    Resolver,
    ResolverLimits,
    read_question,
    system_servers,
)
from muxs2s.testing.dns import Zone
from muxs2s.wire.errors import LocalMisuse
from tests.network.memoryudp import MemoryNetworkReactor, answer_datagrams, answer_stream

ONE, OTHER = ("192.0.2.53", 53), ("192.0.2.54", 53)


class ResolverTestCase(SynchronousTestCase):
    """A resolver, a reactor without a network, and a zone that answers when told to."""

    def setUp(self) -> None:
        """One DNS server, one address."""
        self.reactor = MemoryNetworkReactor()
        self.zone = Zone()
        self.zone.add("a.example", "A", "192.0.2.1")
        self.resolver = Resolver(self.reactor, [ONE])

    def ask(self, name: str = "a.example", rdtype: str = "A") -> Deferred[Answer]:
        """Begin a lookup."""
        return Deferred.fromCoroutine(self.resolver.query(name, rdtype))

    def answer(self, name: str = "a.example", rdtype: str = "A") -> Answer:
        """Ask, and let the zone answer."""
        asked = self.ask(name, rdtype)
        answer_datagrams(self.reactor, self.zone)
        return self.successResultOf(asked)

    def peers(self) -> list[str]:
        """Who was asked, in order."""
        return [port.peer[0] for port in self.reactor.udp_ports if port.peer]

    def assert_tidy(self) -> None:
        """No port is open, no timer runs."""
        self.assertTrue(all(port.closed for port in self.reactor.udp_ports))
        self.assertEqual([], self.reactor.getDelayedCalls())


class AnswerTests(ResolverTestCase):
    """What a lookup gives back."""

    def test_records(self) -> None:
        """The records, under the name and type asked for."""
        answer = self.answer()
        self.assertEqual(("a.example", "A"), (answer.name, answer.rdtype))
        self.assertEqual(["192.0.2.1"], [record.to_text() for record in answer.records])
        self.assert_tidy()

    def test_nothing(self) -> None:
        """P3.2: a name or a type that does not exist is an answer without records, not a failure."""
        self.assertEqual((), self.answer("b.example").records)
        self.assertEqual((), self.answer("a.example", "AAAA").records)

    def test_pitfall_18_tlsa_records_are_known(self) -> None:
        """TLSA records, which Twisted's own resolver does not know, are read."""
        self.zone.add("_5269._tcp.a.example", "TLSA", "3 1 1 " + "ab" * 32)
        (record,) = self.answer("_5269._tcp.a.example", "TLSA").records
        assert isinstance(record, TLSA)
        self.assertEqual((3, 1, 1, b"\xab" * 32), (record.usage, record.selector, record.mtype, record.cert))

    def test_truncated(self) -> None:
        """An answer too large for a datagram is fetched over TCP."""
        self.zone.add("a.example", "A", *(f"198.51.100.{number}" for number in range(1, 200)))
        asked = self.ask()
        answer_datagrams(self.reactor, self.zone)
        answer_stream(self.reactor, self.zone)
        self.assertEqual(200, len(self.successResultOf(asked).records))

    def test_claims_of_a_stranger(self) -> None:
        """P3.15: a server that is not configured as trusted may set AD as it likes; the answer stays insecure."""
        self.zone.authentic = True
        self.assertIs(AnswerStatus.INSECURE, self.answer().status)

    def test_four_states(self) -> None:
        """P3.2: secure, insecure, nothing and failed are told apart."""
        self.resolver = Resolver(self.reactor, [ONE], trusted=True)
        self.assertIs(AnswerStatus.INSECURE, self.answer().status)
        self.resolver.forget()
        self.zone.authentic = True
        self.assertIs(AnswerStatus.SECURE, self.answer().status)
        denied = self.answer("b.example")
        self.assertEqual(((), AnswerStatus.SECURE), (denied.records, denied.status))
        self.zone.fail("bogus.example")
        asked = self.ask("bogus.example")
        answer_datagrams(self.reactor, self.zone)
        self.failureResultOf(asked, LookupFailed)


class AliasTests(ResolverTestCase):
    """CNAMEs that lead out of the message they stand in."""

    def setUp(self) -> None:
        """A server that tells one alias at a time."""
        super().setUp()
        self.resolver = Resolver(self.reactor, [ONE], trusted=True, limits=ResolverLimits(max_aliases=2))
        self.zone.authentic = True

    def walk(self, asked: Deferred[Answer], steps: dict[str, str], *, unsigned: str = "") -> None:
        """Answer each query by the next alias, ``unsigned`` without AD; where there is none, by an address."""
        for port in self.reactor.udp_ports:
            query = dns.message.from_wire(port.sent[0])
            name = query.question[0].name.to_text()
            response = dns.message.make_response(query)
            response.flags |= 0 if name == unsigned else dns.flags.AD
            line = f"{name} 30 IN CNAME {steps[name]}" if name in steps else f"{name} 60 IN A 192.0.2.9"
            response.answer = dns.message.from_text(f"id 1\n;QUESTION\n{name} IN A\n;ANSWER\n{line}\n").answer
            port.receive(response.to_wire())

    def test_followed(self) -> None:
        """As many aliases as allowed are followed by asking on; the answer is as secure as its weakest part."""
        for unsigned, status in {"": AnswerStatus.SECURE, "b.example.": AnswerStatus.INSECURE}.items():
            self.resolver.forget()
            self.reactor.udp_ports.clear()
            asked = self.ask()
            self.walk(asked, {"a.example.": "b.example.", "b.example.": "c.example."}, unsigned=unsigned)
            answer = self.successResultOf(asked)
            self.assertEqual(["192.0.2.9"], [record.to_text() for record in answer.records])
            self.assertEqual(("a.example", 30.0, status), (answer.name, answer.expires_at, answer.status))

    def test_too_many(self) -> None:
        """One alias more than allowed fails, as does a circle."""
        asked = self.ask()
        self.walk(asked, {"a.example.": "b.example.", "b.example.": "a.example."})
        failure = self.failureResultOf(asked, LookupFailed)
        self.assertIn("more than 2 aliases", str(failure.value))


class MemoryTests(ResolverTestCase):
    """What is remembered, and for how long."""

    def lasts(self, ttl: int, name: str = "a.example", rdtype: str = "A") -> float:
        """For how many seconds an answer with this life is remembered."""
        self.zone.remove("a.example", "A")
        self.zone.add("a.example", "A", "192.0.2.1", ttl=ttl)
        self.resolver.forget()
        return self.answer(name, rdtype).expires_at - self.reactor.seconds()

    def test_until_it_expires(self) -> None:
        """DNS is asked again when an answer's life has ended, not before."""
        self.answer()
        self.reactor.advance(59.0)
        self.assertEqual("192.0.2.1", self.successResultOf(self.ask()).records[0].to_text())
        self.assertEqual(1, len(self.zone.asked))
        self.reactor.advance(1.0)
        self.answer()
        self.assertEqual(2, len(self.zone.asked))

    def test_bounds(self) -> None:
        """A life below five seconds counts as five, one over a day as a day."""
        self.assertEqual([5.0, 5.0, 6.0], [self.lasts(ttl) for ttl in (0, 5, 6)])
        self.assertEqual([86_399.0, 86_400.0, 86_400.0], [self.lasts(ttl) for ttl in (86_399, 86_400, 86_401)])

    def test_denial(self) -> None:
        """That nothing exists is remembered as long as the zone says, a quarter of an hour at most."""
        self.assertEqual(60.0, self.lasts(7_200, "b.example"))
        self.resolver = Resolver(self.reactor, [ONE], limits=ResolverLimits(max_negative_ttl_seconds=59))
        self.assertEqual(59.0, self.lasts(7_200, "b.example"))
        self.assertEqual(7_200.0, self.lasts(7_200))

    def test_failures_are_not_remembered(self) -> None:
        """After a failure DNS is asked again."""
        self.zone.fail("a.example")
        asked = self.ask()
        answer_datagrams(self.reactor, self.zone)
        self.failureResultOf(asked, LookupFailed)
        self.zone.mend("a.example")
        self.answer()

    def test_spelling(self) -> None:
        """Upper case and a trailing dot ask the same question."""
        self.answer("A.Example.", "a")
        self.successResultOf(self.ask())

    def test_max_cached_answers(self) -> None:
        """Of one answer more than fits the oldest is asked for again."""
        self.resolver = Resolver(self.reactor, [ONE], limits=ResolverLimits(max_cached_answers=2))
        for name in ("a.example", "b.example", "c.example"):
            self.answer(name)
        self.successResultOf(self.ask("b.example"))
        self.assertNoResult(self.ask("a.example"))


class SharingTests(ResolverTestCase):
    """Several who ask at the same time."""

    def test_same_question(self) -> None:
        """One query answers everybody who asks the same."""
        asked = [self.ask(), self.ask("A.EXAMPLE")]
        self.assertEqual(1, len(self.reactor.udp_ports))
        answer_datagrams(self.reactor, self.zone)
        self.assertIs(self.successResultOf(asked[0]), self.successResultOf(asked[1]))

    def test_cancelling(self) -> None:
        """Who leaves does not take the answer from the others; the last one closes the port."""
        leaving, staying = self.ask(), self.ask()
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        answer_datagrams(self.reactor, self.zone)
        self.successResultOf(staying)
        alone = self.ask("b.example")
        alone.cancel()
        self.failureResultOf(alone, CancelledError)
        self.assert_tidy()

    def test_max_questions_at_once(self) -> None:
        """As many questions as allowed are under way; one more waits for its turn."""
        self.resolver = Resolver(self.reactor, [ONE], limits=ResolverLimits(max_questions_at_once=2))
        asked = [self.ask(name) for name in ("a.example", "b.example", "c.example")]
        self.assertEqual(2, len(self.reactor.udp_ports))
        answer_datagrams(self.reactor, self.zone)
        self.assertEqual(3, len(self.reactor.udp_ports))
        for one in asked:
            self.successResultOf(one)

    def test_waiting_does_not_count(self) -> None:
        """Who waits for a turn has its whole time from then on: that we are busy is no fault of the DNS."""
        limits = ResolverLimits(max_questions_at_once=1, try_seconds=100.0, total_seconds=10.0)
        self.resolver = Resolver(self.reactor, [ONE], limits=limits)
        first, waiting = self.ask("a.example"), self.ask("b.example")
        self.reactor.advance(10.0)
        self.assertIn("gave up after 10 s", str(self.failureResultOf(first, LookupFailed).value))
        self.reactor.advance(9.9)
        self.assertNoResult(waiting)
        self.reactor.advance(0.1)
        self.assertIn("gave up after 10 s", str(self.failureResultOf(waiting, LookupFailed).value))
        self.assert_tidy()

    def test_cancelled_while_waiting(self) -> None:
        """Who gives up waiting for a turn frees no other's place."""
        self.resolver = Resolver(self.reactor, [ONE], limits=ResolverLimits(max_questions_at_once=1))
        first, waiting = self.ask("a.example"), self.ask("b.example")
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.ask("c.example")
        self.assertEqual(1, len(self.reactor.udp_ports))
        answer_datagrams(self.reactor, self.zone)
        self.successResultOf(first)
        self.assert_tidy()


class FailureTests(ResolverTestCase):
    """Broken DNS servers: the next is asked, and if none is left the message names them all."""

    def setUp(self) -> None:
        """Two servers."""
        super().setUp()
        self.resolver = Resolver(self.reactor, [ONE, OTHER])

    def fail_with(self, wire: bytes | None) -> str:
        """Let every server answer by these octets, or not at all; the text of the failure."""
        asked = self.ask()
        for port in self.reactor.udp_ports:
            if wire is not None:
                port.receive(port.sent[0][:2] + wire)
            self.reactor.advance(3.0)
        self.assert_tidy()
        return str(self.failureResultOf(asked, LookupFailed).value)

    def test_silence(self) -> None:
        """Silent servers are asked twice each, then the message names both, the question and a remedy."""
        text = self.fail_with(None)
        self.assertEqual(["192.0.2.53", "192.0.2.54"] * 2, self.peers())
        for part in ("A for a.example", "192.0.2.53:53: no answer within 3 s", "192.0.2.54:53", "firewall"):
            self.assertIn(part, text)

    def test_garbage(self) -> None:
        """A server that sends garbage is named, with a remedy."""
        text = self.fail_with(b"garbage")
        self.assertIn("192.0.2.53:53: nothing that answers the query", text)
        self.assertIn("name another DNS server", text)

    def test_servfail(self) -> None:
        """SERVFAIL is quoted with the server and the one who can mend it."""
        self.zone.fail("a.example")
        asked = self.ask()
        answer_datagrams(self.reactor, self.zone)
        text = str(self.failureResultOf(asked, LookupFailed).value)
        self.assertIn("192.0.2.53:53: SERVFAIL", text)
        self.assertIn("operator", text)

    def test_total_seconds(self) -> None:
        """The whole of a question has its limit, and what failed until then is told."""
        self.resolver = Resolver(self.reactor, [ONE, OTHER], limits=ResolverLimits(total_seconds=5.0))
        asked = self.ask()
        self.reactor.advance(3.0)
        self.reactor.advance(1.9)
        self.assertNoResult(asked)
        self.reactor.advance(0.1)
        text = str(self.failureResultOf(asked, LookupFailed).value)
        self.assertIn("192.0.2.53:53: no answer", text)
        self.assertIn("gave up after 5 s", text)
        self.assert_tidy()

    def test_next_server(self) -> None:
        """When one server fails the next one answers, and is asked first from then on."""
        asked = self.ask()
        self.reactor.advance(3.0)
        answer_datagrams(self.reactor, self.zone)
        self.successResultOf(asked)
        self.answer("b.example")
        self.assertEqual(["192.0.2.53", "192.0.2.54", "192.0.2.54"], self.peers())

    def test_names_dns_cannot_hold(self) -> None:
        """A name that is too long for DNS fails without anybody being asked."""
        long = ".".join(["a" * 63] * 3 + ["a" * 50])
        for name in (f"_xmpp-server._tcp.{long}", "a..example", "a" * 64 + ".example"):
            failed = self.failureResultOf(self.ask(name), LookupFailed)
            self.assertIn("no name for DNS", str(failed.value))
        self.assertEqual([], self.reactor.udp_ports)


class SetupTests(SynchronousTestCase):
    """Where the DNS servers come from, and what is refused."""

    def test_misuse(self) -> None:
        """No servers, a name instead of an address, and a port out of range are our caller's mistakes."""
        reactor = MemoryNetworkReactor()
        for servers in ([], [("dns.example", 53)], [("192.0.2.53", 0)], [("192.0.2.53", 65_536)]):
            self.assertRaises(LocalMisuse, Resolver, reactor, servers)
        self.assertRaises(LocalMisuse, read_question, "bücher.example", "A")
        self.assertRaises(LocalMisuse, read_question, "a.example", "NONSENSE")
        self.assertRaises(LocalMisuse, read_question, "a.example", "TYPE99999")

    def test_highest_port(self) -> None:
        """A DNS server may have the highest port there is."""
        Resolver(MemoryNetworkReactor(), [("192.0.2.53", 65_535)])

    def test_system_servers(self) -> None:
        """The first three name servers are taken; comments, other lines and bad addresses are not."""
        text = (
            "# generated\nsearch example\noptions edns0\nnameserver 192.0.2.1\nnameserver 2001:db8::1\n"
            "nameserver\nnameserver dns.example\n nameserver 192.0.2.3 \nnameserver 192.0.2.4\n"
        )
        with capturedLogs() as logs:
            servers = system_servers(text)
        self.assertEqual([("192.0.2.1", 53), ("2001:db8::1", 53), ("192.0.2.3", 53)], servers)
        warnings = [event["line"] for event in logs if event["log_level"] is LogLevel.warn]
        self.assertEqual(["nameserver", "nameserver dns.example"], warnings)

    def test_no_system_servers(self) -> None:
        """Where none is named, or the file is missing, the DNS server of this host is asked."""
        self.assertEqual([("127.0.0.1", 53)], system_servers("search example\n"))
        reactor = MemoryNetworkReactor()
        resolver = Resolver.from_system(reactor, path=self.mktemp())
        Deferred.fromCoroutine(resolver.query("a.example", "A"))
        self.assertEqual(("127.0.0.1", 53), reactor.udp_ports[0].peer)
