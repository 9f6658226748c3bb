"""Messages of DNS, taken apart."""

from __future__ import annotations

from struct import pack

import dns.message
import dns.rdatatype
from dns.message import QueryMessage
from hypothesis import given, settings
from hypothesis import strategies as some
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.dnsmessages import (
    MAX_NAME_OCTETS,
    MAX_TTL_SECONDS,
    Message,
    MessageMalformed,
    Query,
    name_text,
    read_message,
)

QUESTION = b"\1a\0" + pack("!HH", dns.rdatatype.A, 1)
ADDRESS = b"\xc0\x00\x02\x01"
RESPONSE, TRUNCATED = 0x8000, 0x0200


def message(*answers: bytes, more: bytes = b"", additional: int = 0, flags: int = RESPONSE) -> bytes:
    """A message with a question and some answers."""
    return pack("!6H", 1, flags, 1, len(answers), 0, additional) + QUESTION + b"".join(answers) + more


def record(
    owner: bytes = b"\xc0\x0c", *, rdtype: int = 1, rdclass: int = 1, ttl: int = 60, data: bytes = ADDRESS
) -> bytes:
    """One record."""
    return owner + pack("!HHIH", rdtype, rdclass, ttl, len(data)) + data


class ReadTests(SynchronousTestCase):
    """What is found in a message."""

    def test_record(self) -> None:
        """A record is found by its name, in whatever letters, and type."""
        read = read_message(message(record(b"\1A\0"), record(b"\1b\0")))
        (found,) = read.records(b"\1a\0", dns.rdatatype.A)
        self.assertEqual(("192.0.2.1", 60), (read.data(found).to_text(), found.ttl_seconds))
        self.assertEqual([], read.records(b"\1a\0", dns.rdatatype.AAAA))

    def test_other_classes(self) -> None:
        """Records of other classes than that of the Internet are none."""
        self.assertEqual((), read_message(message(record(rdclass=3))).answers)

    def test_lasts(self) -> None:
        """What claims to last longer than anything can does not last at all."""
        for ttl, lasts in ((MAX_TTL_SECONDS, MAX_TTL_SECONDS), (MAX_TTL_SECONDS + 1, 0)):
            self.assertEqual(lasts, read_message(message(record(ttl=ttl))).answers[0].ttl_seconds)

    def test_code(self) -> None:
        """EDNS adds to the code."""
        edns = record(b"\0", rdtype=dns.rdatatype.OPT, rdclass=1232, ttl=1 << 24, data=b"")
        self.assertEqual(16, read_message(message(more=edns, additional=1)).code)

    def test_truncated(self) -> None:
        """Of a truncated message nothing is read behind the question."""
        read = read_message(message(record(), flags=RESPONSE | TRUNCATED)[:-3])
        self.assertEqual((True, ()), (read.is_truncated, read.answers))

    def test_ends_early(self) -> None:
        """A message that ends anywhere but in its end, or does not end there, is none."""
        whole = message(record())
        for length in range(len(whole)):
            self.assertRaises(MessageMalformed, read_message, whole[:length])
        self.assertRaises(MessageMalformed, read_message, whole + b"\0")


class NameTests(SynchronousTestCase):
    """Names, which a message may spread over many places."""

    def owner(self, name: bytes, more: bytes = b"") -> bytes:
        """Read the owner of the only record."""
        return read_message(message(record(name), more=more)).answers[0].owner

    def test_pointer(self) -> None:
        """The rest of a name may stand further in front."""
        self.assertEqual(b"\1b\1a\0", self.owner(b"\1B\xc0\x0c"))

    def test_circles(self) -> None:
        """A name that points to itself, forward, or to what points to it has no end, and is none."""
        for name in (b"\xc0\x13", b"\xc0\x20", b"\1b\xc0\x13", b"\1b\xc0\x15"):
            self.assertRaises(MessageMalformed, self.owner, name)

    def test_max_name_octets(self) -> None:
        """A name has 255 octets at most; one more is too much, be it by a pointer."""
        longest = (b"\x3f" + b"x" * 63) * 3 + b"\x3d" + b"x" * 61 + b"\0"
        self.assertEqual(MAX_NAME_OCTETS, len(longest))
        self.assertEqual(longest, self.owner(longest))
        self.assertRaises(MessageMalformed, self.owner, longest.replace(b"\x3d", b"\x3ex"))
        self.assertRaises(MessageMalformed, self.owner, longest[:-1] + b"\xc0\x0c")

    def test_labels(self) -> None:
        """A label has 63 octets at most."""
        self.assertRaises(MessageMalformed, self.owner, b"\x40" + b"x" * 64 + b"\0")

    def test_text(self) -> None:
        """People see names with dots, and what would mislead them spelled out."""
        self.assertEqual("a.b\\.c", name_text(b"\1a\3b.c\0"))


def of_zone(lines: list[str]) -> QueryMessage:
    """A response as dnspython writes it."""
    text = "\n".join(["id 1", "flags QR", ";QUESTION", "a.example. IN SRV", ";ANSWER", *lines])
    read = dns.message.from_text(text)
    assert isinstance(read, QueryMessage)
    return read


class SameTests(SynchronousTestCase):
    """dnspython reads the same."""

    @settings(max_examples=100, derandomize=True, deadline=None, database=None)
    @given(some.lists(some.sampled_from(["a", "B", "a.b", "x" * 63]), max_size=6), some.integers(0, 65_535))
    def test_same(self, hosts: list[str], port: int) -> None:
        """The records in a message of any names are those that dnspython finds there."""
        written = of_zone([f"a.example. 60 IN SRV 0 5 {port} {host}.Example." for host in hosts])
        wire = written.to_wire()
        read, found = read_message(wire), {each for rrset in written.answer for each in rrset}
        self.assertEqual(found, {read.data(record) for record in read.answers})


class QueryTests(SynchronousTestCase):
    """What is sent, and what answers it."""

    def test_written(self) -> None:
        """A query is what dnspython reads as one: the question, and EDNS with no flags."""
        query = dns.message.from_wire(Query("_xmpp-server._tcp.a.example", "SRV").wire)
        self.assertEqual("_xmpp-server._tcp.a.example. IN SRV", query.question[0].to_text())
        self.assertEqual((0, 0), (query.edns, query.ednsflags))

    def answers(self, flags: int, name: bytes = b"\1a\0") -> bool:
        """Whether a message with these flags and this name answers the query for a."""
        query = Query("a", "A")
        wire = query.wire[:2] + message(flags=flags)[2:].replace(b"\1a\0", name)
        read: Message = read_message(wire)
        self.assertTrue(query.is_identified(read))
        return query.is_answered(read)

    def test_answered(self) -> None:
        """An answer is a response, to a query and no other operation, that repeats the question."""
        self.assertTrue(self.answers(RESPONSE))
        self.assertTrue(self.answers(RESPONSE, b"\1A\0"))
        for flags, name in ((0, b"\1a\0"), (RESPONSE | 0x2800, b"\1a\0"), (RESPONSE, b"\1b\0")):
            self.assertFalse(self.answers(flags, name))
