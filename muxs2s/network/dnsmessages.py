"""
Messages of DNS: how a question is written, and what comes back is taken apart.

Knows the layout of a message, and that nothing in one can be trusted: names may point in circles, records
end behind the message. Reads no further than one question needs; the records asked for are left to
dnspython. Does not know what a reply means (:mod:`muxs2s.network.answers`) nor how it comes
(:mod:`muxs2s.network.dnstransport`).

Source: RFC 1035, section 4.1; RFC 6891, section 6.1.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from struct import error as TooShort  # noqa: N812 - what it means here
from struct import pack, unpack_from
from typing import Final, NamedTuple

import dns.flags
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdata import Rdata

from muxs2s.wire.errors import MuxS2SError

__all__ = [
    "EDNS_PAYLOAD_OCTETS",
    "MAX_NAME_OCTETS",
    "MAX_TTL_SECONDS",
    "Asked",
    "Message",
    "MessageMalformed",
    "Query",
    "Record",
    "name_text",
    "read_message",
]

EDNS_PAYLOAD_OCTETS: Final = 1_232
"""The largest answer asked for over UDP: what passes an IPv6 link of 1,280 octets unfragmented."""

MAX_NAME_OCTETS: Final = 255
"""Of a name, the lengths of its labels included (RFC 1035, section 2.3.4)."""

_MAX_LABEL_OCTETS: Final = 63
_POINTER: Final = 0xC0
"""Where a label has its length: the rest of the name stands elsewhere."""

MAX_TTL_SECONDS: Final = 0x7FFF_FFFF
"""For which a record can last; what claims to last longer does not last (RFC 2181, section 8)."""

_HEAD_OCTETS: Final = 12

_WISHES: Final = pack("!5H", dns.flags.RD | dns.flags.AD, 1, 0, 0, 1)
"""Behind the identifier of a query: flags, then how many records each part has: a question and EDNS."""

_EDNS: Final = pack("!BHHIH", 0, dns.rdatatype.OPT, EDNS_PAYLOAD_OCTETS, 0, 0)
_OPCODE: Final = 0x7800
"""All zero in queries and what answers them."""

_RESPONSE, _TRUNCATED, _AUTHENTIC = int(dns.flags.QR), int(dns.flags.TC), int(dns.flags.AD)

_MINIMUM_OCTETS: Final = 4
"""At the end of an SOA record."""

_REFUSALS: Final = frozenset({dns.rcode.FORMERR, dns.rcode.SERVFAIL, dns.rcode.NOTIMP, dns.rcode.REFUSED})


class MessageMalformed(MuxS2SError):
    """What came is no message of DNS; the text says why."""


class Asked(NamedTuple):
    """A question as it stands in a message."""

    name: bytes
    """Lower case: the length of each label, then the label, and 0 in the end."""

    rdtype: int
    rdclass: int


class Record(NamedTuple):
    """Where a record of the Internet is in its message."""

    owner: bytes
    """As :attr:`Asked.name`."""

    rdtype: int
    ttl_seconds: int
    start: int
    end: int
    """Of its data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message taken apart; one that is truncated has no records."""

    wire: bytes
    flags: int
    code: int
    """As :class:`dns.rcode.Rcode` names it; what EDNS adds included."""

    questions: tuple[Asked, ...]
    answers: tuple[Record, ...]
    authority: tuple[Record, ...]

    @property
    def is_truncated(self) -> bool:
        """Whether it did not fit."""
        return bool(self.flags & _TRUNCATED)

    @property
    def is_authentic(self) -> bool:
        """Whether the server claims to have validated all of it (AD)."""
        return bool(self.flags & _AUTHENTIC)

    def records(self, owner: bytes, rdtype: int) -> list[Record]:
        """The answers of one type at one name."""
        return [each for each in self.answers if each.rdtype == rdtype and each.owner == owner]

    def data(self, record: Record) -> Rdata:
        """
        Read the data of a record.

        :raises dns.exception.DNSException: if it is malformed.
        """
        rdtype, length = dns.rdatatype.RdataType.make(record.rdtype), record.end - record.start
        return dns.rdata.from_wire(dns.rdataclass.IN, rdtype, self.wire, record.start, length)

    def name(self, record: Record) -> bytes:
        """
        The name that is the data of a record, as :attr:`Asked.name`.

        :raises MessageMalformed: if it is none.
        """
        try:
            name, end = _read_name(self.wire, record.start)
        except IndexError:
            end = -1
        if end != record.end:
            raise MessageMalformed("a record is longer or shorter than the name it has")
        return name

    def denial_seconds(self, record: Record) -> int:
        """For how long an SOA record has it that something does not exist (RFC 2308, section 5)."""
        minimum = int.from_bytes(self.wire[max(record.start, record.end - _MINIMUM_OCTETS) : record.end])
        return min(record.ttl_seconds, minimum)


class Query:
    """
    One question, ready to be sent.

    Recursion is desired, and AD says that we would like to see AD (RFC 6840, section 5.7).

    :param name: in A-labels without a trailing dot.
    :param rdtype: such as ``SRV``.
    """

    def __init__(self, name: str, rdtype: str) -> None:
        written = dns.name.from_text(f"{name}.").to_wire() or b""  # it gives None only where it is given a file
        self._id = secrets.token_bytes(2)
        self._asked = Asked(written.lower(), dns.rdatatype.from_text(rdtype), dns.rdataclass.IN)
        self.wire = b"".join((self._id, _WISHES, written, pack("!HH", *self._asked[1:]), _EDNS))
        """What is sent."""

    def is_identified(self, message: Message) -> bool:
        """Whether a message has the identifier of this query."""
        return message.wire.startswith(self._id)

    def is_answered(self, message: Message) -> bool:
        """Whether a message is a response to this very question; a server that refuses it may leave it out."""
        if not message.flags & _RESPONSE or message.flags & _OPCODE:
            return False
        return message.questions == (self._asked,) or (not message.questions and message.code in _REFUSALS)


def read_message(wire: bytes) -> Message:
    """
    Take a message apart.

    :raises MessageMalformed: if it is none, or has something behind its end.
    """
    try:
        flags, *counts = unpack_from("!5H", wire, 2)
        questions, at = _read_questions(wire, counts[0])
        is_whole = not flags & _TRUNCATED
        answers, at, _ = _read_records(wire, at, counts[1] * is_whole)
        authority, at, _ = _read_records(wire, at, counts[2] * is_whole)
        _, at, edns = _read_records(wire, at, counts[3] * is_whole)
    except (IndexError, TooShort):
        raise MessageMalformed("it ends too early") from None
    if is_whole and at != len(wire):
        raise MessageMalformed("something follows its last record")
    code = int(dns.rcode.from_flags(flags, edns))
    return Message(wire=wire, flags=flags, code=code, questions=questions, answers=answers, authority=authority)


def name_text(name: bytes) -> str:
    """Write a name, as :attr:`Asked.name`, as people do, without a trailing dot."""
    return dns.name.from_wire(name, 0)[0].to_text(omit_final_dot=True)


def _read_questions(wire: bytes, count: int) -> tuple[tuple[Asked, ...], int]:
    questions, at = [], _HEAD_OCTETS
    for _ in range(count):
        name, at = _read_name(wire, at)
        questions.append(Asked(name, *unpack_from("!HH", wire, at)))
        at += 4
    return tuple(questions), at


def _read_records(wire: bytes, at: int, count: int) -> tuple[tuple[Record, ...], int, int]:
    """The records of one part that are of the Internet, where it ends, and the flags of EDNS, if they are here."""
    records, edns = [], 0
    for _ in range(count):
        owner, at = _read_name(wire, at)
        rdtype, rdclass, ttl, length = unpack_from("!HHIH", wire, at)
        start = at + 10
        at = start + length
        if at > len(wire):
            raise IndexError
        if rdtype == dns.rdatatype.OPT:
            edns = ttl
        elif rdclass == dns.rdataclass.IN:
            lasts = ttl if ttl <= MAX_TTL_SECONDS else 0
            records.append(Record(owner, rdtype, lasts, start, at))
    return tuple(records), at, edns


def _read_name(wire: bytes, at: int) -> tuple[bytes, int]:
    """A name, as :attr:`Asked.name`, and where what follows it begins. Pointers lead backwards only, so they end."""
    labels: list[bytes] = []
    end, begins, room = 0, at, MAX_NAME_OCTETS - 1
    while length := wire[at]:
        if length >= _POINTER:
            target = (length - _POINTER) << 8 | wire[at + 1]
            end = end or at + 2
            if target >= begins:
                raise MessageMalformed("a name does not point backwards")
            at = begins = target
            continue
        room -= length + 1
        if length > _MAX_LABEL_OCTETS or room < 0:
            raise MessageMalformed("a name is too long")
        labels.append(wire[at : at + length + 1])
        at += length + 1
    return b"".join(labels).lower() + b"\0", end or at + 1  # lengths are no letters, so they stay
