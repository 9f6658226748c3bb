"""
Answers from DNS.

Knows which DNS servers to ask, in which order and how often, follows aliases, remembers answers, and
lets everybody with the same question share one query. Does not validate DNSSEC itself: an answer is
secure if a server configured as trusted says so. Reads neither ``/etc/hosts`` nor search domains: an
override per domain does that service (:mod:`muxs2s.network.targets`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, Protocol

import dns.exception
import dns.name
import dns.rdatatype
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.logger import Logger

from muxs2s.network.addresses import is_address, is_port
from muxs2s.network.answers import (
    Answer,
    AnswerCache,
    AnswerStatus,
    LookupFailed,
    Question,
    Reply,
    ServerFailed,
    read_reply,
)
from muxs2s.network.dnstransport import Server, ask
from muxs2s.network.reactors import INetworkReactor
from muxs2s.network.sharing import SharedJobs
from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.names import MAX_DOMAIN_OCTETS

__all__ = [
    "DNS_PORT",
    "Answer",
    "AnswerStatus",
    "Lookup",
    "LookupFailed",
    "Resolver",
    "ResolverLimits",
    "read_question",
    "system_servers",
]

DNS_PORT: Final = 53
"""Where name servers listen (RFC 1035, section 4.2)."""

RESOLV_CONF: Final = "/etc/resolv.conf"

MAX_SYSTEM_SERVERS: Final = 3
"""Name servers taken from ``/etc/resolv.conf``, as its manual page has it."""

_PLAIN: Final = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")
"""Names that are in that form already, as nearly all are."""

_log = Logger()


class Lookup(Protocol):
    """Whoever answers questions to DNS: a :class:`Resolver` or a double."""

    async def query(self, name: str, rdtype: str) -> Answer:
        """
        Ask for the records of one type at one name.

        :param name: in A-labels, such as ``_xmpp-server._tcp.a.example``.
        :param rdtype: such as ``SRV``, ``A``, ``AAAA``, ``TLSA``.
        :returns: the records; none if the name or the type does not exist.
        :raises LookupFailed: if nobody could say.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverLimits:
    """How long a resolver waits and how much it remembers."""

    try_seconds: float = 3.0
    """For one answer of one server."""

    rounds: int = 2
    """How often every server is asked."""

    total_seconds: float = 15.0
    """For one question, all tries and aliases included; from when it has a free place."""

    max_questions_at_once: int = 200
    """Under way at the same time, each on a UDP port of its own; others wait."""

    max_aliases: int = 8
    """CNAMEs followed by asking again; those inside one message are not counted."""

    min_ttl_seconds: int = 5
    max_ttl_seconds: int = 86_400
    max_negative_ttl_seconds: int = 900
    """How long it is remembered that something does not exist."""

    max_cached_answers: int = 10_000
    max_cached_octets: int = 4 * 1024 * 1024
    """Of the DNS messages the remembered answers came in."""


def read_question(name: str, rdtype: str) -> Question:
    """
    Bring a question into the form answers are remembered under.

    :raises LookupFailed: if the name cannot stand in DNS: an empty label, one over 63 octets, or more
        than 255 octets in all.
    :raises LocalMisuse: if the name is not in A-labels or the type is unknown.
    """
    if not name.isascii():
        raise LocalMisuse(f"{name!r} is not in A-labels")
    try:
        parsed_type = dns.rdatatype.from_text(rdtype)
    except (dns.exception.DNSException, ValueError):
        raise LocalMisuse(f"{rdtype!r} is no type of DNS record") from None
    if len(name) <= MAX_DOMAIN_OCTETS and _PLAIN.fullmatch(name):
        return Question(name, dns.rdatatype.to_text(parsed_type))
    try:
        parsed = dns.name.from_text(name)
    except dns.exception.DNSException as error:
        raise LookupFailed(Question(name, rdtype), [f"no name for DNS: {error}"]) from None
    return Question(parsed.canonicalize().to_text(omit_final_dot=True), dns.rdatatype.to_text(parsed_type))


class Resolver:
    """
    Asks DNS servers over UDP and TCP, and remembers what they say.

    :param servers: IP address and port of each, the preferred one first.
    :param trusted: believe these servers when they claim to have validated an answer (AD). Only for
        validating servers on this host or behind a secured path.
    :raises LocalMisuse: if there is no server, or one is not an IP address and a port.

    Source: RFC 7672, section 2.1.1 and RFC 6698, section 4.1, on whom to trust.
    """

    def __init__(
        self,
        reactor: INetworkReactor,
        servers: Sequence[tuple[str, int]],
        *,
        trusted: bool = False,
        limits: ResolverLimits | None = None,
    ) -> None:
        self._reactor, self._trusted = reactor, trusted
        self._limits = limits or ResolverLimits()
        self._servers = tuple(_server(address, port) for address, port in servers)
        if not self._servers:
            raise LocalMisuse("a resolver needs at least one DNS server")
        self._first = 0
        self._places = DeferredSemaphore(self._limits.max_questions_at_once)
        self._jobs: SharedJobs[Question, Answer] = SharedJobs()
        self._cache = AnswerCache(
            max_answers=self._limits.max_cached_answers, max_octets=self._limits.max_cached_octets
        )

    @classmethod
    def from_system(
        cls,
        reactor: INetworkReactor,
        *,
        trusted: bool = False,
        limits: ResolverLimits | None = None,
        path: str = RESOLV_CONF,
    ) -> Resolver:
        """
        Ask the DNS servers this host is set up with.

        :param path: a file in the format of resolv.conf(5), read once; if there is none, the DNS server
            of this host is asked.
        """
        try:
            text = Path(path).read_text(encoding="ascii", errors="replace")
        except OSError:
            text = ""
        return cls(reactor, system_servers(text), trusted=trusted, limits=limits)

    async def query(self, name: str, rdtype: str) -> Answer:
        """As :meth:`Lookup.query`; cancelling leaves the query to others who asked the same."""
        question = read_question(name, rdtype)
        known = self._cache.find(question, self._reactor.seconds())
        if known is not None:
            return known
        return await self._jobs.join(question, lambda: self._ask_in_turn(question))

    def forget(self) -> None:
        """Drop every remembered answer."""
        self._cache.clear()

    async def _ask_in_turn(self, question: Question) -> Answer:
        await self._places.acquire()
        try:
            return await self._ask_in_time(question)
        finally:
            self._places.release()

    async def _ask_in_time(self, question: Question) -> Answer:
        reasons: list[str] = []

        def give_up(_result: object, seconds: float) -> NoReturn:
            raise LookupFailed(question, [*reasons, f"gave up after {seconds:g} s"])

        work = Deferred.fromCoroutine(self._follow(question, reasons))
        return await work.addTimeout(self._limits.total_seconds, self._reactor, give_up)

    async def _follow(self, question: Question, reasons: list[str]) -> Answer:
        """Ask, and ask on where the answer is but an alias."""
        limits, authentic, ttl, octets, asked = self._limits, self._trusted, self._limits.max_ttl_seconds, 0, question
        for _ in range(limits.max_aliases + 1):
            reply, size = await self._ask_servers(asked, reasons)
            authentic, ttl, octets = authentic and reply.authentic, min(ttl, reply.ttl_seconds), octets + size
            if reply.alias is None:
                lasts = ttl if reply.records else min(ttl, limits.max_negative_ttl_seconds)
                answer = Answer(
                    name=question.name,
                    rdtype=question.rdtype,
                    records=reply.records,
                    status=AnswerStatus.SECURE if authentic else AnswerStatus.INSECURE,
                    expires_at=self._reactor.seconds() + max(lasts, limits.min_ttl_seconds),
                )
                self._cache.store(question, answer, octets)
                return answer
            asked = Question(reply.alias.canonicalize().to_text(omit_final_dot=True), question.rdtype)
        raise LookupFailed(question, [f"more than {limits.max_aliases} aliases (CNAME) in a row"])

    async def _ask_servers(self, question: Question, reasons: list[str]) -> tuple[Reply, int]:
        for index in self._tries():
            server = self._servers[index]
            try:
                received = await ask(self._reactor, server, question, self._limits.try_seconds)
                reply = read_reply(received.message)
            except ServerFailed as failure:
                reasons.append(f"{server}: {failure}")
                continue
            self._first = index
            return reply, received.octets
        raise LookupFailed(question, reasons)

    def _tries(self) -> Iterator[int]:
        """The server that answered last time first, then the others in turn, in every round."""
        count = len(self._servers)
        first = self._first
        for offset in range(count * self._limits.rounds):
            yield (first + offset) % count


def _server(address: str, port: int) -> Server:
    if not is_address(address):
        raise LocalMisuse(f"DNS server {address!r} is no IP address")
    if not is_port(port):
        raise LocalMisuse(f"DNS server {address}: {port} is no port")
    return Server(address, port)


def system_servers(text: str) -> list[tuple[str, int]]:
    """
    Read the name servers out of a resolv.conf.

    :param text: what the file holds; a line that names no IP address is logged and passed over.
    :returns: at most three; the local one if there are none.

    Source: resolv.conf(5).
    """
    servers: list[tuple[str, int]] = []
    for line in text.splitlines():
        keyword, address, *_ = [*line.split(), "", ""]
        if keyword != "nameserver":
            continue
        if is_address(address):
            servers.append((address, DNS_PORT))
        else:
            _log.warn("name server passed over, it is no IP address: {line!r}", line=line)
    return servers[:MAX_SYSTEM_SERVERS] or [("127.0.0.1", DNS_PORT)]
