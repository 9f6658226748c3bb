"""Whatever a DNS server sends: it is an answer, or it is said why it is none."""

from __future__ import annotations

from dns.message import QueryMessage
from hypothesis import given, settings
from hypothesis import strategies as some
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network import dnstransport
from muxs2s.network.answers import Question, ServerFailed, read_reply
from muxs2s.testing.dns import Zone

EXAMPLES = settings(max_examples=200, derandomize=True, deadline=None, database=None)

QUESTIONS = [
    *(Question("a.example", "A"), Question("a.example", "AAAA"), Question("none.example", "A")),
    *(Question("_xmpp-server._tcp.a.example", "SRV"), Question("alias.example", "A"), Question("loop.example", "A")),
]
"""Of names with records, without, with aliases, and with aliases that lead nowhere."""


def zone() -> Zone:
    """What the names of the questions have."""
    made = Zone()
    made.add("a.example", "A", "192.0.2.1", "192.0.2.2")
    made.add("_xmpp-server._tcp.a.example", "SRV", "0 5 5269 s.a.example.", "1 0 5269 .")
    made.add("alias.example", "CNAME", "b.example.")
    made.add("b.example", "CNAME", "a.example.")
    made.add("loop.example", "CNAME", "loop.example.")
    return made


ZONE = zone()


class AnyReplyTests(SynchronousTestCase):
    """True replies of a server, with whatever else in them."""

    def read(self, query: QueryMessage, wire: bytes) -> None:
        """Read a message as what answers this query."""
        try:
            message = dnstransport._matched(wire, query)
            reply = read_reply(message)
        except (dnstransport._Mismatch, ServerFailed) as refused:
            self.assertTrue(str(refused))
            return
        self.assertEqual(message.id, query.id)
        self.assertGreaterEqual(reply.ttl_seconds, 0)
        self.assertTrue(reply.alias is None or not reply.records)
        self.assertEqual(
            {query.question[0].rdtype} if reply.records else set(), {each.rdtype for each in reply.records}
        )

    @EXAMPLES
    @given(
        some.sampled_from(QUESTIONS),
        some.lists(some.tuples(some.integers(0, 400), some.integers(0, 3), some.binary(max_size=3)), max_size=3),
        some.integers(0, 400),
    )
    def test_any_change(self, question: Question, changes: list[tuple[int, int, bytes]], end: int) -> None:
        """A reply of which octets are changed, left out or added is read or refused, and raises nothing else."""
        query, asked = dnstransport._query(question)
        wire = ZONE.respond_to_wire(asked, over_udp=False) or b""
        self.read(query, wire)
        self.read(query, wire[:end])
        for place, left_out, added in changes:
            at = place % len(wire)
            wire = wire[:at] + added + wire[at + left_out :]
        self.read(query, wire)
        self.read(query, asked[:2] + wire[2:])
        another = (query.id ^ 1).to_bytes(2, "big")
        self.assertRaises(dnstransport._Mismatch, dnstransport._matched, another + wire[2:], query)

    @EXAMPLES
    @given(some.sampled_from(QUESTIONS), some.integers(0, 2**16 - 1), some.binary(max_size=40))
    def test_any_flags(self, question: Question, flags: int, rest: bytes) -> None:
        """So it is whatever its flags and its code say, and whatever follows it."""
        query, asked = dnstransport._query(question)
        wire = ZONE.respond_to_wire(asked, over_udp=False) or b""
        self.read(query, wire[:2] + flags.to_bytes(2, "big") + wire[4:] + rest)
