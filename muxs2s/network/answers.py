"""
What DNS said, read and remembered.

Knows the value a lookup gives back, how a DNS message is read into it, what each refusal of a server
means to its operator, and how long an answer may be kept. Does not know how a server is reached: see
:mod:`muxs2s.network.dnstransport`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple

import dns.flags
import dns.rcode
import dns.rdatatype
from dns.exception import DNSException
from dns.message import QueryMessage
from dns.name import Name
from dns.rdata import Rdata

from muxs2s.wire.errors import MuxS2SError

__all__ = ["Answer", "AnswerCache", "AnswerStatus", "LookupFailed", "Question", "Reply", "ServerFailed", "read_reply"]

_MEANINGS: Final[Mapping[dns.rcode.Rcode, str]] = MappingProxyType(
    {
        dns.rcode.SERVFAIL: (
            "the domain's own name servers fail or their DNSSEC signatures are wrong; its operator can mend that"
        ),
        dns.rcode.REFUSED: "it does not serve this host; name another DNS server",
        dns.rcode.FORMERR: "it does not understand a query with EDNS; name another DNS server",
        dns.rcode.NOTIMP: "it does not understand this type of query; name another DNS server",
    }
)


class Question(NamedTuple):
    """What is asked: a name in A-labels without a trailing dot, lower case, and a record type."""

    name: str
    rdtype: str


class AnswerStatus(Enum):
    """
    Whether DNSSEC vouches for an answer.

    A bogus answer is none: a validating server says SERVFAIL, and the lookup fails.

    Source: RFC 4035, section 4.3; RFC 6840, section 5.8.
    """

    SECURE = "secure"
    """Validated by a DNS server that is configured as trusted."""

    INSECURE = "insecure"
    """Not signed, or nobody we trust has validated it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What DNS says about one question; a name or type that does not exist has no records."""

    name: str
    """As asked, in A-labels without a trailing dot."""

    rdtype: str
    records: tuple[Rdata, ...]
    status: AnswerStatus
    """Of the whole way there, aliases included; of the denial if there are no records."""

    expires_at: float
    """Seconds, on the clock of the lookup."""


class LookupFailed(MuxS2SError):
    """Nobody could say what DNS holds; says what was asked of whom, and why it failed."""

    def __init__(self, question: Question, reasons: Sequence[str]) -> None:
        told = "; ".join(dict.fromkeys(reasons))  # a server asked twice mostly says the same twice
        super().__init__(f"DNS lookup of {question.rdtype} for {question.name} failed: {told}")
        self.name = question.name
        self.rdtype = question.rdtype
        self.reasons = tuple(reasons)
        """One for each try, led by the server that was asked: ``192.0.2.1:53: SERVFAIL: ...``."""


class ServerFailed(MuxS2SError):
    """One DNS server gave nothing that can be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One DNS message, read."""

    records: tuple[Rdata, ...]
    alias: Name | None
    """Where to ask on, if the message ends in an alias and says nothing of what it leads to."""

    ttl_seconds: int
    authentic: bool
    """The server claims to have validated all of it (AD)."""


def read_reply(message: QueryMessage) -> Reply:
    """
    Read a DNS message that answers our question.

    :raises ServerFailed: if the server refuses, or the message contradicts itself.

    Source: RFC 1034, section 3.6.2 (aliases); RFC 2308, section 5 (how long a denial holds).
    """
    code = message.rcode()
    if code not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        meaning = _MEANINGS.get(code, "ask the operator of this DNS server")
        raise ServerFailed(f"{dns.rcode.to_text(code)}: {meaning}")
    try:
        chain = message.resolve_chaining()
    except DNSException as error:
        raise ServerFailed(f"the answer contradicts itself ({error}); the domain's operator can mend that") from None
    return Reply(
        records=() if chain.answer is None else tuple(chain.answer),
        alias=chain.canonical_name if _ends_in_alias(message, chain.canonical_name) and chain.answer is None else None,
        ttl_seconds=chain.minimum_ttl,
        authentic=bool(message.flags & dns.flags.AD),
    )


def _ends_in_alias(message: QueryMessage, canonical: Name) -> bool:
    denied = message.rcode() == dns.rcode.NXDOMAIN
    denied = denied or any(rrset.rdtype == dns.rdatatype.SOA for rrset in message.authority)
    return not denied and canonical != message.question[0].name


class AnswerCache:
    """
    Answers until they expire, the least recently used first out.

    :param max_answers: how many are kept.
    :param max_octets: what their DNS messages may sum up to; in memory they take about ten times that.
    """

    def __init__(self, *, max_answers: int, max_octets: int) -> None:
        self._max_answers, self._max_octets = max_answers, max_octets
        self._octets = 0
        self._entries: OrderedDict[Question, tuple[Answer, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, question: Question, now: float) -> Answer | None:
        """
        The answer to a question, if it is known and has not expired.

        :param now: seconds, on the clock of the answers.
        """
        entry = self._entries.get(question)
        if entry is None:
            return None
        if entry[0].expires_at <= now:
            self._remove(question)
            return None
        self._entries.move_to_end(question)
        return entry[0]

    def store(self, question: Question, answer: Answer, octets: int) -> None:
        """
        Keep an answer, and drop others where there is no room.

        :param octets: the size of the DNS messages it came in.
        """
        self._remove(question)
        self._entries[question] = answer, octets
        self._octets += octets
        while len(self._entries) > self._max_answers or self._octets > self._max_octets:
            self._remove(next(iter(self._entries)))

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._octets = 0

    def _remove(self, question: Question) -> None:
        _, octets = self._entries.pop(question, (None, 0))
        self._octets -= octets
