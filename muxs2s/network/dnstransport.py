"""
One question to one DNS server, over UDP and, where that does not do, over TCP.

Knows how a query is written, and which message is the answer to it: from the server asked, with the
identifier and the question of the query. Does not know what an answer says, nor which server is asked
next: see :mod:`muxs2s.network.resolver`.
"""

from __future__ import annotations

import secrets
from ipaddress import ip_address
from struct import pack
from typing import Final, NamedTuple, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
from dns.message import QueryMessage
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

_NAME_ANOTHER: Final = "name another DNS server in the configuration or in /etc/resolv.conf"


class Server(NamedTuple):
    """A DNS server: an IP address and a port."""

    address: str
    port: int

    def __str__(self) -> str:
        return with_port(*self)


class Received(NamedTuple):
    """The message that answers a query, and its size on the wire."""

    message: QueryMessage
    octets: int


_HEAD_OCTETS: Final = 12

_QUERY_HEAD: Final = pack("!HHHHH", dns.flags.RD | dns.flags.AD, 1, 0, 0, 1)
"""Behind the identifier: flags, then how many records are in each part, one question and one of EDNS."""

_EDNS: Final = pack("!BHHIH", 0, dns.rdatatype.OPT, EDNS_PAYLOAD_OCTETS, 0, 0)
"""The record that says how much we take."""

_REFUSALS: Final = frozenset({dns.rcode.FORMERR, dns.rcode.SERVFAIL, dns.rcode.NOTIMP, dns.rcode.REFUSED})


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
    query = _Query(question)
    received = await _by_datagram(reactor, server, query, seconds)
    if received is None:
        received = await _by_stream(reactor, server, query, seconds)
    return received


class _Query:
    """
    One query, and what its answer is known by.

    Recursion is desired, and AD says that we would like to see AD (RFC 6840, section 5.7).

    Source: RFC 1035, section 4.1; RFC 6891, section 6.1.
    """

    def __init__(self, question: Question) -> None:
        self._id = secrets.token_bytes(2)
        self._name = dns.name.from_text(f"{question.name}.").to_wire() or b""  # it gives None only with a file
        self._kind = pack("!HH", dns.rdatatype.from_text(question.rdtype), dns.rdataclass.IN)
        self.wire = b"".join((self._id, _QUERY_HEAD, self._name, self._kind, _EDNS))
        """What is sent."""

    def answer(self, wire: bytes) -> QueryMessage:
        """
        Read what came back; it may be truncated.

        :raises _Mismatch: if it does not answer this query.
        """
        try:
            message = dns.message.from_wire(wire, raise_on_truncation=True)
        except dns.message.Truncated as cut:
            message = cut.message()  # type: ignore[no-untyped-call]  # dnspython leaves it so
        except (dns.exception.DNSException, ValueError) as error:
            raise _Mismatch(f"no DNS message ({type(error).__name__})") from None
        if not wire.startswith(self._id):
            raise _Mismatch("an answer with another identifier")
        if not (message.flags & dns.flags.QR and isinstance(message, QueryMessage) and self._repeats(wire, message)):
            raise _Mismatch("no answer to this question")
        return message

    def _repeats(self, wire: bytes, message: QueryMessage) -> bool:
        """Whether an answer has our question in it; a server that refuses it may leave it out."""
        if not message.question:
            return message.rcode() in _REFUSALS
        kind_at = _HEAD_OCTETS + len(self._name)
        same_name = wire[_HEAD_OCTETS:kind_at].lower() == self._name.lower()
        return same_name and wire.startswith(self._kind, kind_at) and len(message.question) == 1


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
        if (ip_address(addr[0]), addr[1]) != (ip_address(self._server.address), self._server.port):
            self._pass_over(f"an answer from {Server(*addr)}, which was not asked")
            return
        try:
            message = self._query.answer(datagram)
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
            received = Received(self._query.answer(string), len(string))
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
