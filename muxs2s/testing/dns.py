"""
DNS without the world: records in memory, served on a socket or asked directly.

Knows how a name server answers from a handful of records, over UDP (truncated where it must be) and
TCP, and how it fails if told to. Does not know delegation, zone files or signatures: it claims to have
validated everything if told so.

A federation on loopback needs no more than this::

    zone = Zone()
    zone.add_srv("a.example", "xmpp.a.example", 5269)
    zone.add("xmpp.a.example", "A", "127.0.0.2")
    served = zone.listen(reactor, "127.0.0.1")
    resolver = Resolver(reactor, [(served.address, served.port)])
"""

from __future__ import annotations

from collections import deque
from typing import Final, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset
from dns.message import QueryMessage
from dns.name import Name
from dns.rdataclass import IN
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rrset import RRset
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, IReactorTime, ITransport, IUDPTransport
from twisted.internet.protocol import DatagramProtocol, ServerFactory, connectionDone
from twisted.protocols.basic import Int16StringReceiver
from twisted.python.failure import Failure

from muxs2s.network.answers import Answer, AnswerStatus, LookupFailed, Question, ServerFailed, read_reply
from muxs2s.network.reactors import INetworkReactor
from muxs2s.network.resolver import read_question

__all__ = ["MemoryResolver", "ServedZone", "Zone"]

MAX_REMEMBERED_QUESTIONS: Final = 10_000
"""Questions a zone keeps in :attr:`Zone.asked`, the oldest first out."""

MAX_ALIASES: Final = 16
"""CNAMEs one answer follows."""

MAX_DATAGRAM_OCTETS: Final = 4_096
"""Of one query over UDP."""

PORT_TRIES: Final = 16
"""How often a port is chosen that has to be free for both UDP and TCP."""

MAX_MESSAGE_OCTETS: Final = 65_535
"""Of one DNS message over TCP."""

DENIAL_TTL_SECONDS: Final = 60
"""How long it may be remembered that something does not exist."""

PLAIN_UDP_OCTETS: Final = 512
"""What fits into a datagram for those who do not speak EDNS (RFC 1035, section 4.2.1)."""

_DENIAL: Final = dns.rrset.from_text(
    dns.name.root, DENIAL_TTL_SECONDS, IN, "SOA", "ns.invalid. operator.invalid. 1 3600 600 86400 60"
)
"""What stands in an answer that says that there is nothing."""


class Zone:
    """
    Records by name and type, answered as an authoritative server would.

    :param authentic: set AD in every answer, as a validating server does for signed zones.
    """

    def __init__(self, *, authentic: bool = False) -> None:
        self.authentic = authentic
        self.asked: deque[Question] = deque(maxlen=MAX_REMEMBERED_QUESTIONS)
        """What was asked, the oldest first."""

        self._records: dict[tuple[Name, RdataType], RRset] = {}
        self._names: set[Name] = set()
        self._failing: dict[Name, dns.rcode.Rcode | None] = {}

    def add(self, name: str, rdtype: str, *records: str, ttl: int = 60) -> None:
        """
        Add records.

        :param name: in A-labels, with or without a trailing dot.
        :param records: as a zone file has them, names in full: ``127.0.0.2``, ``10 0 5269 b.example``.
        :param ttl: seconds.
        :raises dns.exception.DNSException: if a record is malformed.
        """
        owner, kind = dns.name.from_text(name), dns.rdatatype.from_text(rdtype)
        rrset = self._records.setdefault((owner, kind), RRset(owner, IN, kind))
        for record in records:
            rrset.add(dns.rdata.from_text(IN, kind, record, origin=dns.name.root, relativize=False), ttl)
        self._names.update(_with_ancestors(owner))

    def add_srv(
        self,
        domain: str,
        target: str,
        port: int,
        *,
        priority: int = 0,
        weight: int = 0,
        service: str = "xmpp-server",
        ttl: int = 60,
    ) -> None:
        """Say where the servers of a domain are found; the target ``.`` says nowhere."""
        self.add(f"_{service}._tcp.{domain}", "SRV", f"{priority} {weight} {port} {target}", ttl=ttl)

    def remove(self, name: str, rdtype: str) -> None:
        """Take all records of one type away again."""
        self._records.pop((dns.name.from_text(name), dns.rdatatype.from_text(rdtype)), None)
        self._names = {known for owner, _ in self._records for known in _with_ancestors(owner)}

    def fail(self, name: str, rcode: str = "SERVFAIL") -> None:
        """Refuse every question about a name from now on."""
        self._failing[dns.name.from_text(name)] = dns.rcode.from_text(rcode)

    def silence(self, name: str) -> None:
        """Leave every question about a name without an answer from now on."""
        self._failing[dns.name.from_text(name)] = None

    def mend(self, name: str) -> None:
        """Answer again."""
        self._failing.pop(dns.name.from_text(name), None)

    def respond_to_wire(self, wire: bytes, *, over_udp: bool) -> bytes | None:
        """
        Answer a query as it came off the wire.

        :param over_udp: cut the answer short (TC) where it is larger than the asker takes.
        :returns: the response, or nothing if ``wire`` is no query or the name was silenced.

        Source: RFC 1034, section 4.3.2; RFC 2181, section 9 (TC); RFC 2308, section 3 (denials).
        """
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        if not isinstance(query, QueryMessage) or not query.question or query.flags & dns.flags.QR:
            return None
        response = self._respond(query)
        if response is None:
            return None
        try:
            return response.to_wire(max_size=_datagram_octets(query) if over_udp else MAX_MESSAGE_OCTETS)
        except dns.exception.TooBig:
            cut = dns.message.make_response(query, recursion_available=True)
            cut.flags |= dns.flags.TC
            return cut.to_wire()

    def listen(self, reactor: INetworkReactor, interface: str = "127.0.0.1", port: int = 0) -> ServedZone:
        """
        Serve these records over UDP and TCP; what is added later is served too.

        :param interface: an IP address of this host.
        :param port: 0 for one that is free for both.
        :raises twisted.internet.error.CannotListenError: if the port is taken.
        """
        tries_left = PORT_TRIES if port == 0 else 1
        while True:
            tries_left -= 1
            factory = _StreamFactory(self)
            stream = reactor.listenTCP(port, factory, 50, interface)
            number = cast("IPv4Address | IPv6Address", stream.getHost()).port
            try:
                datagrams = reactor.listenUDP(number, _Datagrams(self), interface, MAX_DATAGRAM_OCTETS)
            except CannotListenError:
                stream.stopListening()
                if not tries_left:
                    raise
            else:
                return ServedZone(interface, number, (stream, datagrams), factory)

    def _respond(self, query: QueryMessage) -> QueryMessage | None:
        """The response, or nothing if the name was silenced."""
        asked = query.question[0]
        self.asked.append(Question(asked.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(asked.rdtype)))
        failing = self._failing.get(asked.name, dns.rcode.NOERROR)
        if failing is None:
            return None
        response = cast("QueryMessage", dns.message.make_response(query, recursion_available=True))
        response.set_rcode(failing)
        if failing == dns.rcode.NOERROR:
            self._fill(response, asked.name, asked.rdtype)
        return response

    def _fill(self, response: QueryMessage, name: Name, rdtype: RdataType) -> None:
        response.flags |= dns.flags.AA
        if self.authentic:
            response.flags |= dns.flags.AD
        for _ in range(MAX_ALIASES):
            found = self._records.get((name, rdtype))
            alias = self._records.get((name, dns.rdatatype.CNAME))
            if found is not None or alias is None:
                break
            response.answer.append(alias)
            name = cast("CNAME", alias[0]).target
        if found is not None:
            response.answer.append(found)
            return
        if name not in self._names:
            response.set_rcode(dns.rcode.NXDOMAIN)
        response.authority.append(_DENIAL)


def _with_ancestors(name: Name) -> list[Name]:
    """A name and all names above it, which exist because of it (RFC 8020)."""
    return [name, *_with_ancestors(name.parent())] if name != dns.name.root else [name]


def _datagram_octets(query: QueryMessage) -> int:
    return max(query.payload, PLAIN_UDP_OCTETS) if query.edns >= 0 else PLAIN_UDP_OCTETS


class _Datagrams(DatagramProtocol):
    """Answers each datagram that is a query."""

    noisy = False

    def __init__(self, zone: Zone) -> None:
        self._zone = zone

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        response = self._zone.respond_to_wire(datagram, over_udp=True)
        if response is not None:
            cast("IUDPTransport", self.transport).write(response, addr)


class _Stream(Int16StringReceiver):
    """Answers each query on a TCP connection until the asker ends it."""

    def __init__(self, zone: Zone, open_streams: set[_Stream]) -> None:
        self._zone, self._open = zone, open_streams

    def connectionMade(self) -> None:
        self._open.add(self)

    def stringReceived(self, string: bytes) -> None:
        response = self._zone.respond_to_wire(string, over_udp=False)
        if response is not None:
            self.sendString(response)  # type: ignore[no-untyped-call]  # Twisted has not typed it

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._open.discard(self)


class _StreamFactory(ServerFactory):
    noisy = False

    def __init__(self, zone: Zone) -> None:
        self.open: set[_Stream] = set()
        self._zone = zone

    def buildProtocol(self, addr: IAddress | None) -> _Stream:
        return _Stream(self._zone, self.open)


class ServedZone:
    """A zone on the network: where it is reached, and how that ends."""

    def __init__(self, address: str, port: int, listening: tuple[IListeningPort, ...], factory: _StreamFactory) -> None:
        self.address, self.port = address, port
        self._listening, self._factory = listening, factory

    def stop(self) -> Deferred[None]:
        """Close both ports and every connection; fires when the ports are closed."""
        for stream in tuple(self._factory.open):
            cast("ITransport", stream.transport).loseConnection()
        return gatherResults([maybeDeferred(port.stopListening) for port in self._listening]).addCallback(
            lambda _closed: None
        )


class MemoryResolver:
    """
    Answers from a zone, without sockets and without remembering anything.

    Stands wherever a :class:`~muxs2s.network.resolver.Lookup` is asked for. A silenced name is never
    answered: the wait lasts until it is cancelled.
    """

    def __init__(self, zone: Zone, clock: IReactorTime) -> None:
        self._zone, self._clock = zone, clock

    async def query(self, name: str, rdtype: str) -> Answer:
        """As :meth:`muxs2s.network.resolver.Lookup.query`."""
        question = read_question(name, rdtype)
        query = dns.message.make_query(f"{question.name}.", question.rdtype)
        wire = self._zone.respond_to_wire(query.to_wire(), over_udp=False)
        if wire is None:
            return await Deferred()
        try:
            reply = read_reply(cast("QueryMessage", dns.message.from_wire(wire)))
        except ServerFailed as failure:
            raise LookupFailed(question, [f"memory: {failure}"]) from None
        return Answer(
            name=question.name,
            rdtype=question.rdtype,
            records=reply.records,
            status=AnswerStatus.SECURE if reply.authentic else AnswerStatus.INSECURE,
            expires_at=self._clock.seconds() + reply.ttl_seconds,
        )
