"""What DNS said, read and remembered."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
from dns.message import QueryMessage
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.answers import (
    Answer,
    AnswerCache,
    AnswerStatus,
    LookupFailed,
    Question,
    ServerFailed,
    read_reply,
)


def message(text: str) -> QueryMessage:
    """A response as dnspython writes it down."""
    read = dns.message.from_text(text)
    assert isinstance(read, QueryMessage)
    read.flags |= dns.flags.QR
    return read


def response(*answers: str, authority: str = "", question: str = "a.example. IN A") -> QueryMessage:
    """A response with the given answer lines."""
    lines = ["id 1", ";QUESTION", question, ";ANSWER", *answers, ";AUTHORITY", authority]
    return message("\n".join(line for line in lines if line))


SOA = "example. 300 IN SOA ns.example. operator.example. 1 2 3 4 40"


class ReadReplyTests(SynchronousTestCase):
    """One message, read."""

    def test_records(self) -> None:
        """The records asked for are found, and the shortest life among them counts."""
        reply = read_reply(response("a.example. 90 IN A 192.0.2.1", "a.example. 60 IN A 192.0.2.2"))
        self.assertEqual({"192.0.2.1", "192.0.2.2"}, {record.to_text() for record in reply.records})
        self.assertEqual(60, reply.ttl_seconds)
        self.assertIsNone(reply.alias)
        self.assertFalse(reply.authentic)

    def test_authentic(self) -> None:
        """P3.2: the AD bit is handed on, whatever it may be worth."""
        validated = response("a.example. 90 IN A 192.0.2.1")
        validated.flags |= dns.flags.AD
        self.assertTrue(read_reply(validated).authentic)

    def test_chain_of_aliases(self) -> None:
        """An alias is followed within the message, and its life counts too."""
        reply = read_reply(response("a.example. 20 IN CNAME b.example.", "b.example. 90 IN A 192.0.2.1"))
        self.assertEqual(["192.0.2.1"], [record.to_text() for record in reply.records])
        self.assertEqual(20, reply.ttl_seconds)
        self.assertIsNone(reply.alias)

    def test_open_end(self) -> None:
        """An alias that leads out of the message says where to ask on."""
        reply = read_reply(response("a.example. 20 IN CNAME b.example."))
        self.assertEqual("b.example.", reply.alias and reply.alias.to_text())

    def test_alias_to_nothing(self) -> None:
        """An alias whose end is denied in the same message is an answer without records."""
        for denial in (response("a.example. 20 IN CNAME b.example.", authority=SOA), response()):
            reply = read_reply(denial)
            self.assertEqual(((), None), (reply.records, reply.alias))
        missing = response("a.example. 20 IN CNAME b.example.")
        missing.set_rcode(dns.rcode.NXDOMAIN)
        self.assertIsNone(read_reply(missing).alias)

    def test_denial_lasts_as_the_zone_says(self) -> None:
        """That a name does not exist is remembered for the SOA's minimum."""
        denial = response(authority=SOA)
        denial.set_rcode(dns.rcode.NXDOMAIN)
        self.assertEqual(40, read_reply(denial).ttl_seconds)

    def test_refusals(self) -> None:
        """A server that refuses is quoted, with what to do about it."""
        for code, remedy in {"SERVFAIL": "operator", "REFUSED": "another DNS server", "YXDOMAIN": "operator"}.items():
            refusal = response()
            refusal.set_rcode(dns.rcode.from_text(code))
            failure = self.assertRaises(ServerFailed, read_reply, refusal)
            self.assertIn(code, str(failure))
            self.assertIn(remedy, str(failure))

    def test_contradictions(self) -> None:
        """A name that does not exist but has records, and aliases in a circle, are no answers."""
        impossible = response("a.example. 90 IN A 192.0.2.1")
        impossible.set_rcode(dns.rcode.NXDOMAIN)
        circle = response("a.example. 9 IN CNAME b.example.", "b.example. 9 IN CNAME a.example.")
        for contradiction in (impossible, circle):
            failure = self.assertRaises(ServerFailed, read_reply, contradiction)
            self.assertIn("contradicts itself", str(failure))


class LookupFailedTests(SynchronousTestCase):
    """The error that names everything."""

    def test_text(self) -> None:
        """Name, type, server and reason are all in the message."""
        failed = LookupFailed(Question("a.example", "SRV"), ["192.0.2.53:53: no answer", "[2001:db8::1]:53: SERVFAIL"])
        for part in ("a.example", "SRV", "192.0.2.53:53: no answer", "[2001:db8::1]:53: SERVFAIL"):
            self.assertIn(part, str(failed))
        self.assertEqual(("a.example", "SRV", 2), (failed.name, failed.rdtype, len(failed.reasons)))

    def test_same_reason_once(self) -> None:
        """A server that was asked twice and said the same twice is quoted once."""
        failed = LookupFailed(Question("a.example", "SRV"), ["192.0.2.53:53: SERVFAIL", "192.0.2.53:53: SERVFAIL"])
        self.assertEqual(1, str(failed).count("SERVFAIL"))
        self.assertEqual(2, len(failed.reasons))


def question(number: int) -> Question:
    """One of many questions."""
    return Question(f"d{number}.example", "A")


def answer(number: int, expires_at: float = 100.0) -> Answer:
    """The answer to one of many questions."""
    return Answer(
        name=question(number).name, rdtype="A", records=(), status=AnswerStatus.INSECURE, expires_at=expires_at
    )


class AnswerCacheTests(SynchronousTestCase):
    """What is kept, and for how long."""

    def test_until_it_expires(self) -> None:
        """An answer is known until its life ends, not beyond."""
        cache = AnswerCache(max_answers=2, max_octets=100)
        cache.store(question(1), answer(1, expires_at=10.0), 1)
        self.assertIsNotNone(cache.find(question(1), 9.9))
        self.assertIsNone(cache.find(question(1), 10.0))
        self.assertEqual(0, len(cache))

    def test_unknown(self) -> None:
        """What was never stored is not found."""
        self.assertIsNone(AnswerCache(max_answers=1, max_octets=1).find(question(1), 0.0))

    def test_max_answers(self) -> None:
        """As many answers as allowed are kept; one more drops the one that was longest unused."""
        cache = AnswerCache(max_answers=2, max_octets=100)
        cache.store(question(1), answer(1), 1)
        cache.store(question(2), answer(2), 1)
        self.assertEqual(2, len(cache))
        cache.find(question(1), 0.0)
        cache.store(question(3), answer(3), 1)
        self.assertEqual(2, len(cache))
        self.assertIsNone(cache.find(question(2), 0.0))
        self.assertIsNotNone(cache.find(question(1), 0.0))

    def test_max_octets(self) -> None:
        """Answers are kept up to the octets allowed; one octet more drops the oldest."""
        cache = AnswerCache(max_answers=9, max_octets=10)
        cache.store(question(1), answer(1), 4)
        cache.store(question(2), answer(2), 6)
        self.assertEqual(2, len(cache))
        cache.store(question(2), answer(2), 7)
        self.assertEqual(1, len(cache))
        self.assertIsNotNone(cache.find(question(2), 0.0))
        cache.store(question(3), answer(3), 11)
        self.assertEqual(0, len(cache))

    def test_replaced(self) -> None:
        """A newer answer takes the place of the older one, and its room."""
        cache = AnswerCache(max_answers=9, max_octets=10)
        for expires_at in (1.0, 2.0, 3.0):
            cache.store(question(1), answer(1, expires_at), 10)
        self.assertEqual(3.0, getattr(cache.find(question(1), 0.0), "expires_at", None))

    def test_clear(self) -> None:
        """After clearing there is room for everything again."""
        cache = AnswerCache(max_answers=9, max_octets=10)
        cache.store(question(1), answer(1), 10)
        cache.clear()
        cache.store(question(2), answer(2), 10)
        self.assertEqual(1, len(cache))
