"""
One question to one DNS server, over UDP and, where that does not do, over TCP.

Knows how a query is written, and which message is the answer to it: from the server asked, with the
identifier and the question of the query. Does not know what an answer says, nor which server is asked
next: see :mod:`muxs2s.network.resolver`.
"""

from __future__ import annotations

import secrets
from functools import cache
from ipaddress import ip_address
from typing import Final, NamedTuple, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
from dns.message import QueryMessage
from dns.rdatatype import RdataType
from dns.rrset import RRset
from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import CannotListenError, ConnectError, ConnectingCancelledError
from twisted.internet.interfaces import IAddress, ITransport, IUDPTransport
from twisted.internet.protocol import DatagramProtocol, Factory, connectionDone
from twisted.protocols.basic import Int16StringReceiver
from twisted.python.failure import Failure

from muxs2s.network.addresses import with_port
from muxs2s.network.answers import Question, ServerFailed
from muxs2s.network.datagrams import open_port
from muxs2s.network.reactors import INetworkReactor

__all__ = ["EDNS_PAYLOAD_OCTETS", "MAX_MISMATCHES", "Received", "Server", "ask"]

EDNS_PAYLOAD_OCTETS: Final = 1_232
"""The largest answer asked for over UDP: what passes an IPv6 link of 1,280 octets unfragmented."""

MAX_DATAGRAM_OCTETS: Final = 4_096
"""Of one datagram, what is read; a server that sends more was not asked to."""

MAX_MISMATCHES: Final = 8
"""Datagrams that answer something else before the question is put over TCP, where nobody can guess along."""

_ID_OCTETS: Final = 2
_HEAD_OCTETS: Final = 12
"""Of a message, before the name that is asked for (RFC 1035, section 4.1.1)."""

_NAME_ANOTHER: Final = "name another DNS server in the configuration or in /etc/resolv.conf"


class Server(NamedTuple):
    """A DNS server: an IP address and a port."""

    address: str
    port: int

    def is_at(self, address: str, port: int) -> bool:
        """Whether it is there, however its address is written."""
        return (ip_address(address), port) == (ip_address(self.address), self.port)

    def __str__(self) -> str:
        return with_port(*self)


class Received(NamedTuple):
    """The message that answers a query, and its size on the wire."""

    message: QueryMessage
    octets: int


class _Mismatch(Exception):
    """What came is not the answer to the query."""


async def ask(reactor: INetworkReactor, server: Server, question: Question, seconds: float) -> Received:
    """
    Put a question to a DNS server.

    Each query has an identifier and a UDP port of its own, both chosen at random. An answer that did
    not fit into a datagram is asked for again over TCP.

    :param seconds: to wait for the answer, over UDP and over TCP each.
    :raises ServerFailed: if no answer comes; the message says why and what to do.

    Source: RFC 1035, section 4.2; RFC 5452, section 9.2; RFC 6891, section 6.2; RFC 7766, section 5.
    """
    query = _query(question)
    received = await _by_datagram(reactor, server, query, seconds)
    if received is None:
        received = await _by_stream(reactor, server, query, seconds)
    return received


class _Query(NamedTuple):
    """A query, and how it is written."""

    message: QueryMessage
    """The identifier and the question, by which its answer is known."""

    wire: bytes


def _query(question: Question) -> _Query:
    name, rdtype = dns.name.from_text(f"{question.name}."), dns.rdatatype.from_text(question.rdtype)
    message = QueryMessage(secrets.randbelow(1 << 16))
    message.question.append(RRset(name, dns.rdataclass.IN, rdtype))
    before, behind = _around_name(rdtype)
    written = name.to_wire() or b""  # None only where it is given a file to write to
    return _Query(message, b"".join((message.id.to_bytes(_ID_OCTETS), before, written, behind)))


@cache
def _around_name(rdtype: RdataType) -> tuple[bytes, bytes]:
    """
    What stands before and behind the name, the identifier apart, in every query for a type: written once.

    Recursion is desired, and AD says that we would like to see AD (RFC 6840, section 5.7).
    """
    flags = dns.flags.RD | dns.flags.AD
    query = dns.message.make_query(".", rdtype, use_edns=0, payload=EDNS_PAYLOAD_OCTETS, flags=flags)
    wire = query.to_wire()
    return wire[_ID_OCTETS:_HEAD_OCTETS], wire[_HEAD_OCTETS + len(b"\0") :]


def _matched(wire: bytes, query: QueryMessage) -> QueryMessage:
    """The message, if it answers the query; it may be truncated."""
    try:
        message = dns.message.from_wire(wire, raise_on_truncation=True)
    except dns.message.Truncated as cut:
        message = cut.message()  # type: ignore[no-untyped-call]  # dnspython leaves it so
    except (dns.exception.DNSException, ValueError) as error:
        raise _Mismatch(f"no DNS message ({type(error).__name__})") from None
    if message.id != query.id:
        raise _Mismatch("an answer with another identifier")
    if not query.is_response(message) or not isinstance(message, QueryMessage):
        raise _Mismatch("no answer to this question")
    return message


class _Datagrams(DatagramProtocol):
    """One query and what comes back; fires with nothing where TCP has to be asked."""

    noisy = False

    def __init__(self, server: Server, query: _Query) -> None:
        self.answered: Deferred[Received | None] = Deferred()
        self._server, self._query = server, query
        self._mismatches: list[str] = []

    def send(self) -> None:
        """Send the query; from now on the kernel drops what others send to this port."""
        transport = cast("IUDPTransport", self.transport)  # whoever opened the port has set it
        transport.connect(*self._server)
        transport.write(self._query.wire, None)

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        if addr != self._server and not self._server.is_at(*addr):
            self._pass_over(f"an answer from {Server(*addr)}, which was not asked")
            return
        try:
            message = _matched(datagram, self._query.message)
        except _Mismatch as mismatch:
            self._pass_over(str(mismatch))
            return
        self._answer(None if message.flags & dns.flags.TC else Received(message, len(datagram)))

    def connectionRefused(self) -> None:
        self.stopProtocol()

    def stopProtocol(self) -> None:
        """The port is closed: by us after an answer, or by an epoll reactor because nobody listens there."""
        if not self.answered.called:
            self.answered.errback(ServerFailed(f"no DNS server listens there; {_NAME_ANOTHER}"))

    def give_up(self, seconds: float) -> None:
        """No answer has come in time."""
        if not self.answered.called:
            self.answered.errback(ServerFailed(self._silence(seconds)))

    def _silence(self, seconds: float) -> str:
        if self._mismatches:
            return f"nothing that answers the query within {seconds:g} s, last: {self._mismatches[-1]}; {_NAME_ANOTHER}"
        port = self._server.port
        return f"no answer within {seconds:g} s; see whether it is up and whether a firewall lets UDP port {port} pass"

    def _pass_over(self, mismatch: str) -> None:
        self._mismatches.append(mismatch)
        if len(self._mismatches) >= MAX_MISMATCHES:
            self._answer(None)

    def _answer(self, received: Received | None) -> None:
        if not self.answered.called:
            self.answered.callback(received)


async def _by_datagram(reactor: INetworkReactor, server: Server, query: _Query, seconds: float) -> Received | None:
    exchange = _Datagrams(server, query)
    try:
        port = open_port(reactor, exchange, "::" if ":" in server.address else "", MAX_DATAGRAM_OCTETS)
    except CannotListenError as error:
        raise ServerFailed(f"no UDP port to ask from ({error.socketError}); raise the limit of open files") from None
    # A reactor does what is due before it reads: after a long turn an answer may be there when its time is up.
    alarm = reactor.callLater(seconds, reactor.callLater, 0, exchange.give_up, seconds)
    try:
        exchange.send()
        return await exchange.answered
    except OSError as error:
        raise ServerFailed(f"not reachable ({error.strerror}); {_NAME_ANOTHER}") from None
    finally:
        if alarm.active():
            alarm.cancel()
        port.stopListening()


class _Lengths(Int16StringReceiver):
    """One query and its answer, each behind its length in two octets."""

    def __init__(self, query: _Query) -> None:
        self.answered: Deferred[Received] = Deferred()
        self._query = query

    def connectionMade(self) -> None:
        self.sendString(self._query.wire)  # type: ignore[no-untyped-call]  # Twisted has not typed it

    def stringReceived(self, string: bytes) -> None:
        try:
            received = Received(_matched(string, self._query.message), len(string))
        except _Mismatch as mismatch:
            self._fail(f"{mismatch} over TCP; {_NAME_ANOTHER}")
            return
        if not self.answered.called:
            self.answered.callback(received)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._fail(f"the TCP connection ended without an answer; {_NAME_ANOTHER}")

    def _fail(self, text: str) -> None:
        if not self.answered.called:
            self.answered.errback(ServerFailed(text))


class _Exchange(Factory):
    """Makes the protocol of one connection, which was made before; tells the log nothing of it."""

    noisy = False

    def __init__(self, exchange: _Lengths) -> None:
        self._exchange = exchange

    def buildProtocol(self, addr: IAddress | None) -> _Lengths:
        return self._exchange


async def _by_stream(reactor: INetworkReactor, server: Server, query: _Query, seconds: float) -> Received:
    endpoint = TCP6ClientEndpoint if ":" in server.address else TCP4ClientEndpoint
    exchange = _Lengths(query)
    try:
        await endpoint(reactor, *server, timeout=seconds).connect(_Exchange(exchange))
    except ConnectingCancelledError:
        raise CancelledError from None
    except (ConnectError, OSError) as error:
        raise ServerFailed(
            f"the answer needs TCP, which fails ({error}); let TCP port {server.port} pass the firewall"
        ) from None
    try:
        return await exchange.answered.addTimeout(seconds, reactor)
    except defer.TimeoutError:
        raise ServerFailed(f"no answer over TCP within {seconds:g} s; {_NAME_ANOTHER}") from None
    finally:
        cast("ITransport", exchange.transport).loseConnection()
