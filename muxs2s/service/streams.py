"""
Every stream of this process: opened by us, accepted from peers, each under a number.

Knows which stream a domain pair may use and who is to hear of it. A stream belongs to the connection and
the peer at its other end, never to a pair: a pair only uses it. Does not know how a stream is opened
(:mod:`muxs2s.service.opening`), what waits for one (:mod:`muxs2s.service.outgoing`) or where a stanza goes
(:mod:`muxs2s.service.routing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from muxs2s.multiplex.events import Multiplexes, MultiplexEvent, ProofRecalled, ProofShown, SignatureWanted
from muxs2s.network.accepting import AcceptLimits, Visit
from muxs2s.network.connecting import Connector
from muxs2s.network.evidence import Judge
from muxs2s.network.observer import DialbackEvent
from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.targets import Target
from muxs2s.network.tls import TLSContexts
from muxs2s.service.entrance import Entrance
from muxs2s.service.factory import StreamFactory
from muxs2s.service.linkseams import StreamUnavailable
from muxs2s.service.opening import Opening, Purpose
from muxs2s.service.presenting import PresentationLimits, Presentations
from muxs2s.service.queues import Carrier
from muxs2s.service.searching import Search, SearchSeams
from muxs2s.service.users import StreamUsers
from muxs2s.service.verification import Verifications
from muxs2s.service.ways import Choice
from muxs2s.stream.associations import Direction
from muxs2s.stream.events import KeyVerified, Negotiated, PairAsserted, PairRefused, StreamClosing
from muxs2s.stream.initiating import InitiatingStream
from muxs2s.stream.machine import StreamState
from muxs2s.stream.receiving import ReceivingStream
from muxs2s.stream.side import OwnSide
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.stanza import Slice

__all__ = ["StreamSeams", "Streams"]

_ENDING: Final = frozenset({StreamState.CLOSING, StreamState.FAILING, StreamState.CLOSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSeams:
    """What streams need from outside."""

    clock: IReactorTime
    connector: Connector
    contexts: TLSContexts
    judge: Judge
    side: OwnSide
    accept: AcceptLimits = field(default_factory=AcceptLimits)
    presentation: PresentationLimits = field(default_factory=PresentationLimits)
    entropy: Callable[[int], bytes]
    deliver: Callable[[Sequence[Slice]], None]
    """Takes what peers send, in order."""

    reached: Callable[[DomainPair], None] = lambda _pair: None
    """Told of a pair whose target has just proven itself to its sender: it is there."""

    shared: Callable[[StreamProtocol], None] = lambda _connection: None
    """Told of a stream that many domains may share from now on."""

    server_reached: Callable[[AbstractSet[DomainName]], None] = lambda _targets: None
    """Told of domains whose server multiplexes with us from now on."""


class Streams:
    """Opens, accepts and watches streams."""

    _log = Logger()

    def __init__(self, seams: StreamSeams) -> None:
        self.seams = seams
        self._numbers = count(1)
        self._connections: dict[int, StreamProtocol] = {}
        self._opened: dict[DomainPair, list[StreamProtocol]] = {}
        """Those we have opened, by the pair they were opened for."""
        self._users: dict[StreamProtocol, StreamUsers] = {}
        """Of the streams that may carry something of ours."""
        self._carrying: dict[DomainPair, list[StreamProtocol]] = {}
        """Streams that have accepted a pair of ours, oldest first."""
        self._wishes: dict[DomainPair, Deferred[StreamProtocol]] = {}
        """Fires when there is a stream for the pair."""
        self._entrance = Entrance(seams.accept, seams.clock)
        self._opening = Opening(seams.connector, self._initiate)
        self._search = Search(
            SearchSeams(
                clock=seams.clock,
                guide=seams.connector,
                open=self._opening.open,
                find=self._find,
                may_share=seams.side.may_share,
                reached=seams.server_reached,
                found=self._found,
            )
        )
        self._verifications = Verifications(self, seams.judge, seams.side.policies, seams.clock)
        self._presentations = Presentations(
            seams.clock, seams.judge, seams.side.hosted, seams.side.policies, seams.presentation
        )
        self._stopping: list[Deferred[None]] = []
        self._is_stopped = False

    def __iter__(self) -> Iterator[StreamProtocol]:
        """Every stream that is not gone, oldest first."""
        return iter(tuple(self._connections.values()))

    def accepting(self, *, direct_tls: bool = False) -> StreamFactory:
        """
        A factory for the connections that peers open to us.

        :param direct_tls: whether they begin with TLS.
        """
        return StreamFactory(lambda address: self._accept(address, direct_tls=direct_tls))

    def find(self, pair: DomainPair) -> Carrier | None:
        """
        Give the stream that carries a pair, or where it waits with others for one.

        One that is closing has the pair wait until it is gone: what it was given is not overtaken on another.
        """
        found = self._find(pair)
        for connection in self._carrying.get(pair, ()):
            if connection is found:
                break
            if connection.stream.state in _ENDING:
                found = connection
        return self._search.hold(pair) if found is None else self._users[found]

    def dial(self, pair: DomainPair) -> Deferred[Carrier]:
        """
        Find a stream for a pair: one that there is, or a new one.

        :returns: fires with the stream once it may carry the pair; fails with
            :exc:`~muxs2s.service.linkseams.StreamUnavailable`. Can be cancelled.
        """
        found = self._find(pair)
        dialled = self._wish(pair) if found is None else succeed(found)
        return dialled.addCallback(self._users_of)

    def choices(self) -> tuple[Choice, ...]:
        """Which way leads to which peer, and why."""
        return self._search.ways.choices()

    def look_anew(self) -> None:
        """Forget where peers are: the operator knows better now."""
        self._search.whereabouts.forget()

    def start(self) -> None:
        """Open and accept streams again after :meth:`stop`."""
        self._is_stopped = False
        self._opening.start()

    def stop(self) -> Deferred[None]:
        """
        Close every stream politely; open and accept none from now on.

        :returns: fires when all are gone, which the streams' limits bound.
        """
        self._is_stopped = True
        stopped: Deferred[None] = Deferred()
        self._stopping.append(stopped)
        self._opening.stop()
        for connection in self:
            connection.shut_down()
        self._note_stopped()
        return stopped

    # What verifications ask of us.

    def asking(self, pair: DomainPair, *, other_than: StreamProtocol) -> StreamProtocol | None:
        """As :meth:`muxs2s.service.verification.AskableStreams.asking`."""
        opened = self._opened.get(pair, ())
        return next((each for each in opened if each is not other_than and each.stream.may_ask), None)

    async def open_to_ask(self, pair: DomainPair) -> StreamProtocol:
        """As :meth:`muxs2s.service.verification.AskableStreams.open_to_ask`."""
        return await self._opening.open(Purpose(pair=pair, only_to_ask=True))

    # What streams tell us.

    def ready(self, connection: StreamProtocol, pair: DomainPair, direction: Direction) -> None:
        """
        Give a stream to the link that waits for it.

        One on which the peer has proven itself shows that it is there.
        """
        if direction is Direction.INBOUND:
            self.seams.reached(pair.reversed())
            return
        self._carrying.setdefault(pair, []).append(connection)
        self._users_of(connection).pairs.append(pair)
        self._found(pair, connection)
        self._opening.negotiated(connection)
        self._search.ready(connection)
        self._search.carried(pair)
        if isinstance(connection.stream, ReceivingStream):
            self.seams.reached(pair)

    def dialback(self, connection: StreamProtocol, event: DialbackEvent) -> None:
        """Have a key judged or its judge's answer passed on, or end the wait for a pair that was refused."""
        match event:
            case PairAsserted():
                self._verifications.asserted(connection, event)
            case KeyVerified():
                self._verifications.verified(connection, event)
            case Negotiated():
                self._opening.negotiated(connection)
            case PairRefused(condition=condition, text=text):  # pragma: no branch - there is no other event
                self._opening.refused(connection, StreamUnavailable(condition, text, final=True))

    def multiplex(self, connection: StreamProtocol, event: MultiplexEvent) -> None:
        """Have a proof made or judged, or let pairs know what has changed."""
        if isinstance(event, SignatureWanted | ProofShown | ProofRecalled):
            self._presentations.take(connection, event)
        else:
            self._users_of(connection)
            self._search.multiplex(connection, event)
        if isinstance(event, Multiplexes):
            self.seams.shared(connection)

    def received(self, _connection: StreamProtocol, stanzas: Sequence[Slice]) -> None:
        """Hand on what came."""
        self.seams.deliver(stanzas)

    def has_room(self, connection: StreamProtocol) -> None:
        """Let those who use it have their turns."""
        if connection in self._users:
            self._users[connection].serve()

    def closing(self, connection: StreamProtocol, event: StreamClosing) -> None:
        """Tell whoever waits for the stream or for an answer on it."""
        self._verifications.closing(connection, event.text)
        self._opening.closing(connection, event)
        self._search.closing(connection)

    def gone(self, connection: StreamProtocol, unsent: Sequence[Slice]) -> None:
        """Forget the stream, and give back what waits for it or never left."""
        self._connections.pop(connection.number, None)
        if isinstance(connection.stream, InitiatingStream):
            _remove(self._opened, connection.stream.pair, connection)
        self._search.gone(connection)
        self._presentations.gone(connection)
        users = self._users.pop(connection, None)
        if users is not None:
            for pair in users.pairs:
                _remove(self._carrying, pair, connection)
            users.gone(unsent)
        self._note_stopped()

    # The inside.

    def _find(self, pair: DomainPair) -> StreamProtocol | None:
        """Find a stream that may carry a pair now: its own, if it has one, else one that it shares."""
        now, carrying = self.seams.clock.seconds(), self._carrying.get(pair)
        if carrying is None:
            return self._search.find(pair, now)
        usable = [each for each in carrying if each.stream.may_send(pair, now)]
        own = next((each for each in usable if each not in self._search), None)
        return own or self._search.find(pair, now) or next(iter(usable), None)

    def _users_of(self, connection: StreamProtocol) -> StreamUsers:
        users = self._users.get(connection)
        if users is None:
            users = self._users[connection] = StreamUsers(connection, self.seams.clock.seconds)
        return users

    def _wish(self, pair: DomainPair) -> Deferred[StreamProtocol]:
        """
        Look for a stream, and wait for it or any other that accepts the pair, whichever comes first.

        A peer that we cannot reach may reach us. What was begun then goes on: to break it off might meet
        a peer that does the same with the other stream.
        """
        wish: Deferred[StreamProtocol] = Deferred(lambda _leaving: searching.cancel())
        self._wishes[pair] = wish
        searching = Deferred.fromCoroutine(self._search.stream_for(pair))
        searching.addBoth(self._searched, pair, wish)
        return wish

    def _found(self, pair: DomainPair, connection: StreamProtocol) -> None:
        """A stream carries a pair: give it to whoever wishes for one."""
        wish = self._wishes.pop(pair, None)
        if wish is not None:
            wish.callback(connection)

    def _searched(self, result: StreamProtocol | Failure, pair: DomainPair, wish: Deferred[StreamProtocol]) -> None:
        """Nobody cares where another stream came first."""
        if self._wishes.get(pair) is not wish:
            return
        del self._wishes[pair]
        if isinstance(result, Failure):
            wish.errback(result)
        else:
            wish.callback(result)

    def _initiate(self, purpose: Purpose, target: Target) -> StreamProtocol:
        side = self.seams.side
        stream = InitiatingStream(
            purpose.pair,
            side if purpose.is_shared else replace(side, multiplex=False),
            self.seams.clock.seconds(),
            direct_tls=target.direct_tls,
            only_to_ask=purpose.only_to_ask,
        )
        connection = self._protocol(stream)
        self._opened.setdefault(stream.pair, []).append(connection)
        if purpose.is_shared and not purpose.only_to_ask:
            self._search.dials(connection, purpose.pair, target)
        return connection

    def _accept(self, address: IAddress | None, *, direct_tls: bool) -> StreamProtocol | None:
        visit = None if self._is_stopped else self._entrance.admit(address)
        if visit is None:
            return None
        seams = self.seams
        stream = ReceivingStream(seams.side, seams.entropy, seams.clock.seconds(), direct_tls=direct_tls)
        return self._protocol(stream, visit)

    def _protocol(self, stream: InitiatingStream | ReceivingStream, visit: Visit | None = None) -> StreamProtocol:
        seams = self.seams
        number = next(self._numbers)
        protocol = StreamProtocol(
            number,
            stream,
            clock=seams.clock,
            contexts=seams.contexts,
            judge=seams.judge,
            observer=self,
            notes=None if visit is None else self._entrance.notes(number, visit),
        )
        self._connections[protocol.number] = protocol
        return protocol

    def _note_stopped(self) -> None:
        if self._stopping and not self._connections:
            self._entrance.close()
            self._presentations.close()
            stopping, self._stopping = self._stopping, []
            for stopped in stopping:
                stopped.callback(None)


def _remove(index: dict[DomainPair, list[StreamProtocol]], pair: DomainPair, connection: StreamProtocol) -> None:
    """Take a stream out of an index, if it is there."""
    streams = index.get(pair, [])
    if connection in streams:
        streams.remove(connection)
    if not streams:
        index.pop(pair, None)
