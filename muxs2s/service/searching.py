"""
How a pair comes by a stream: one that multiplexes and may lead to its peer, or a new one.

Knows that whoever wants the same peer at the same time waits for the first call, that a pair refused on a shared
stream has one of its own, and when waiting is no longer worth it. Streams belong to endpoints, never to
pairs. Does not know how a stream is opened (:mod:`muxs2s.service.opening`) nor what is proven on one.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from muxs2s.multiplex.events import DomainRefused, Multiplexes, MultiplexRefused, NamesClosed, NamesOpened, Whose
from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.targets import Target
from muxs2s.service.asking import Answer, Askers
from muxs2s.service.calls import PATIENCE_SECONDS, Call, Calls
from muxs2s.service.linkseams import StreamUnavailable
from muxs2s.service.lobbies import Lobby
from muxs2s.service.opening import Purpose
from muxs2s.service.shared import SharedStreams
from muxs2s.service.ways import MULTIPLEXING, ORDINARY, Ways
from muxs2s.service.whereabouts import Endpoint, Guide, Whereabouts, endpoint_of
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.reasons import readable

__all__ = ["ENABLE_SECONDS", "HINT_SECONDS", "Search", "SearchSeams"]

ENABLE_SECONDS: Final = 10.0
"""For a peer that has offered to multiplex to agree to it; then pairs no longer wait for that, though it may yet."""

LOBBY_TURNS: Final = 2
"""Of the reactor, until whoever wanted a domain first has begun to search, if it is to do so without delay."""

HINT_SECONDS: Final = 10.0
"""For the peer of a stream that only says that it leads somewhere to answer for a domain there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSeams:
    """What a search needs from outside."""

    clock: IReactorTime
    guide: Guide
    open: Callable[[Purpose], Coroutine[Deferred[Any], Any, StreamProtocol]]
    """As :meth:`muxs2s.service.opening.Opening.open`."""

    find: Callable[[DomainPair], StreamProtocol | None]
    """Gives the stream that carries a pair already, if any."""

    may_share: Callable[[DomainName], bool]
    """Whether we let a domain of a peer share a stream with others."""

    reached: Callable[[AbstractSet[DomainName]], None]
    """Told of domains whose server multiplexes with us from now on."""

    found: Callable[[DomainPair, StreamProtocol], None]
    """Told of a stream that carries a pair for which another one is being opened."""


class Search:
    """Looks for streams."""

    _log = Logger()

    def __init__(self, seams: SearchSeams) -> None:
        self._seams = seams
        self.ways = Ways()
        self.whereabouts = Whereabouts(seams.guide, seams.clock)
        self._shared = SharedStreams(seams.clock)
        self._askers = Askers(seams.clock)
        self._calls = Calls(seams.clock)
        self._lobbies: dict[DomainName, Lobby | None] = {}
        """For who wants the same domain of a peer, until it is known which way leads there; ``None``: just closed."""
        self._undecided: dict[StreamProtocol, tuple[Call, IDelayedCall]] = {}
        """Streams that were opened and may yet multiplex, with those who wait for that, and until when."""
        self._opening: dict[DomainPair, tuple[frozenset[Endpoint], Call]] = {}
        """Pairs for which a stream is being opened, with where it may lead and those who wait for it."""
        self._dialled: dict[StreamProtocol, Endpoint] = {}
        """Streams of ours that may multiplex, with the host and port that were dialled."""
        self._locating: dict[StreamProtocol, Deferred[None]] = {}
        """Streams of peers that multiplex, while it is found out where they lead."""

    def __contains__(self, connection: object) -> bool:
        """Whether a stream multiplexes."""
        return connection in self._shared

    def find(self, pair: DomainPair, now: float) -> StreamProtocol | None:
        """Find a stream that multiplexes for what a pair sends now."""
        return self._shared.find(pair, now)

    async def stream_for(self, pair: DomainPair) -> StreamProtocol:
        """
        Find or open a stream that carries a pair.

        :raises StreamUnavailable: if it cannot be had.
        """
        seams = self._seams
        if not seams.may_share(pair.target):
            return await seams.open(Purpose(pair=pair, is_shared=False))
        endpoints = await self.whereabouts.of(pair.target)
        until = seams.clock.seconds() + PATIENCE_SECONDS
        takes_hints = True
        while (found := seams.find(pair)) is None:
            shared = self._shared.leading_to(endpoints, takes_hints=takes_hints)
            if shared is not None:
                answer = await self._ask(pair, shared, endpoints)
                if answer is Answer.OPENED:
                    return shared
                takes_hints = takes_hints and answer is not Answer.MISLED
                if answer is Answer.REFUSED:
                    return await seams.open(Purpose(pair=pair, is_shared=False))
            elif not await self._waited(endpoints, until):
                return await self._call(pair, endpoints)
        return found

    def hold(self, pair: DomainPair) -> Lobby | None:
        """
        Let a pair wait with others for what concerns them all.

        :returns: where; ``None`` if it has to search by itself. The first one that wants a domain has to.
        """
        target = pair.target
        lobby = self._lobbies.get(target)
        if lobby is not None or not self._seams.may_share(target):
            return lobby
        endpoints = self.whereabouts.known(target) or frozenset()
        shared = self._shared.leading_to(endpoints, takes_hints=False)
        if shared is not None:
            return self._askers.hold(pair, shared)
        if target not in self._lobbies and not self.ways.is_ordinary(endpoints, self._seams.clock.seconds()):
            self._lobbies[target] = Lobby()
            Deferred.fromCoroutine(self._keep_lobby(target)).addErrback(self._not_located)
        return None

    # What streams tell us.

    def carried(self, pair: DomainPair) -> None:
        """A stream carries a pair, however that came about."""
        lobby = self._lobbies.get(pair.target)
        if lobby is not None:
            lobby.send_off([pair])

    def dials(self, connection: StreamProtocol, pair: DomainPair, target: Target) -> None:
        """A connection is there on which a stream that may multiplex is opened for a pair."""
        self._dialled[connection] = target.host, target.port
        _, call = self._opening.get(pair, (None, None))
        if call is not None:
            call.stage = lambda: (connection.number, connection.stream.state)

    def ready(self, connection: StreamProtocol) -> None:
        """A stream carries, or will not multiplex though its peer has offered to: see what it has shown."""
        if not self._is_ordinary(connection):
            return
        if connection in self._dialled:
            why, now = connection.stream.why_not_multiplexed, self._seams.clock.seconds()
            self.ways.note(self._called(connection), ORDINARY, now, why)
        self._decided(connection)

    def multiplex(
        self,
        connection: StreamProtocol,
        event: Multiplexes | MultiplexRefused | NamesOpened | NamesClosed | DomainRefused,
    ) -> None:
        """Something has changed on a stream: let those who wait look again."""
        match event:
            case Multiplexes():
                self._multiplexes(connection)
            case MultiplexRefused():
                self.ready(connection)
            case NamesOpened(whose=whose, names=names):
                if whose is Whose.PEERS:
                    self._shared.opened(connection, names)
                self._askers.opened(connection, whose, names)
            case NamesClosed(whose=whose, names=names):
                if whose is Whose.PEERS:
                    self._shared.closed(connection, names)
                self._askers.refused(connection, whose, names)
            case DomainRefused():  # pragma: no branch - there is no other event
                self._refused(connection, event)

    def closing(self, connection: StreamProtocol) -> None:
        """Nothing more may be sent on a stream."""
        self._dialled.pop(connection, None)
        self._locating.pop(connection, succeed(None)).cancel()
        self._askers.closing(connection)
        self._decided(connection)

    def gone(self, connection: StreamProtocol) -> None:
        """A stream is over, and what it was given has left or comes back."""
        self._shared.gone(connection)

    # The inside.

    def _refused(self, connection: StreamProtocol, event: DomainRefused) -> None:
        self._log.info(
            "{domain} is not taken on stream {number}, and goes another way: {condition}: {text}",
            domain=event.domain,
            number=connection.number,
            condition=event.condition.value,
            text=readable(event.text),
        )
        self._askers.refused(connection, event.whose, [event.domain])

    def _multiplexes(self, connection: StreamProtocol) -> None:
        self._shared.add(connection)
        if connection in self._dialled:
            self._leads(connection, self._called(connection))
        else:
            locating = Deferred.fromCoroutine(self._locate(connection))
            self._locating[connection] = locating.addErrback(self._not_located)
        self._decided(connection)

    async def _keep_lobby(self, target: DomainName) -> None:
        """Have others wait until a stream is there on which they can ask, or it is clear that there will be none."""
        try:
            for _ in range(LOBBY_TURNS):
                await _next_turn(self._seams.clock)
            if self.whereabouts.is_looking(target):
                await self.whereabouts.of(target)
            until = self._seams.clock.seconds() + PATIENCE_SECONDS
            await self._waited(self.whereabouts.known(target) or frozenset(), until)
        except StreamUnavailable:
            """Whoever waits makes out by itself what that means for it."""
        finally:
            lobby, self._lobbies[target] = self._lobbies[target], None
            if lobby is not None:  # pragma: no branch - nobody else closes it
                self._close(lobby, target)
            del self._lobbies[target]

    def _close(self, lobby: Lobby, target: DomainName) -> None:
        """Have those who waited ask on the stream that is there now, if one is; the others look again."""
        endpoints = self.whereabouts.known(target) or frozenset()
        shared = self._shared.leading_to(endpoints, takes_hints=False)
        if shared is not None:
            lobby.move(lambda pair: self._askers.hold(pair, shared))
        lobby.send_off()

    def _ask(self, pair: DomainPair, shared: StreamProtocol, endpoints: frozenset[Endpoint]) -> Deferred[Answer]:
        """Ask for a pair on a stream that may lead to its peer; where that is but a hint, not for long."""
        asking = self._askers.ask(pair, shared)
        if not self._shared.is_sure(shared, endpoints):
            asking.addTimeout(HINT_SECONDS, self._seams.clock, lambda _late, _seconds: Answer.REFUSED)
            asking.addCallback(self._followed, shared, endpoints)
        return asking

    def _followed(self, answer: Answer, shared: StreamProtocol, endpoints: frozenset[Endpoint]) -> Answer:
        """A hint was right, or is not followed again."""
        if answer is not Answer.REFUSED:
            return answer
        self._shared.misled(shared, endpoints)
        return Answer.MISLED

    def _waited(self, endpoints: frozenset[Endpoint], until: float) -> Deferred[bool]:
        """
        Wait for whoever calls the same peer; whether there was somebody, who has shown something in time.

        Anybody can have DNS name the servers of others for a domain of his, and one of his own before. A call that may
        lead elsewhere shows nothing of a peer, and keeps nobody from it for long.

        :param until: to wait for such calls, one after the other, seconds.
        """
        clock = self._seams.clock
        call = self._calls.find(endpoints)
        if call is None or self.ways.is_ordinary(endpoints, clock.seconds()):
            return succeed(False)
        if call.leads_nowhere_but(endpoints):
            return call.join(is_patient=self.ways.multiplexes(endpoints))
        waiting = call.join(is_patient=False).addErrback(_look_again)
        return waiting.addTimeout(max(0.0, until - clock.seconds()), clock, lambda _late, _seconds: False)

    async def _call(self, pair: DomainPair, endpoints: frozenset[Endpoint]) -> StreamProtocol:
        """Open a stream; whoever wants the same peer meanwhile may wait for what it shows."""
        call = self._calls.begin(endpoints, self.whereabouts.places(pair.target) or endpoints)
        self._opening[pair] = endpoints, call
        unreachable: StreamUnavailable | None = None
        is_decided = True
        try:
            connection = await self._seams.open(Purpose(pair=pair))
            is_decided = not connection.stream.awaits_multiplexing
            if not is_decided:
                alarm = self._seams.clock.callLater(ENABLE_SECONDS, self._unanswered, connection)
                self._undecided[connection] = call, alarm
            return connection
        except StreamUnavailable as unavailable:
            unreachable = None if unavailable.final else unavailable
            raise
        finally:
            self._opening.pop(pair, None)
            if is_decided:
                call.end(unreachable)

    def _is_ordinary(self, connection: StreamProtocol) -> bool:
        """Whether it is known by now that a stream will not multiplex."""
        return connection not in self._shared and not connection.stream.awaits_multiplexing

    def _decided(self, connection: StreamProtocol) -> None:
        call, alarm = self._undecided.pop(connection, (None, None))
        if alarm is not None and alarm.active():
            alarm.cancel()
        if call is not None:
            call.end()

    def _unanswered(self, connection: StreamProtocol) -> None:
        why = f"it has offered to, and not agreed within {ENABLE_SECONDS:g} seconds"
        self.ways.note(self._called(connection), ORDINARY, self._seams.clock.seconds(), why)
        self._decided(connection)

    async def _locate(self, connection: StreamProtocol) -> None:
        """
        Find out where a stream leads that the peer has opened.

        DNS says where its domain is. It says so for its owner, who could name the servers of others there: only
        the address that the peer calls from is sure.
        """
        assert connection.stream.pair is not None, "a stream that multiplexes has seen both headers"
        endpoints = await self.whereabouts.of(connection.stream.pair.sender)
        source = _address_of(connection)
        sure = tuple(sorted(endpoint for endpoint in endpoints if source and endpoint[0] == source[0]))
        self._shared.leads(connection, endpoints.difference(sure), is_sure=False)
        if sure:
            self._leads(connection, sure)

    def _leads(self, connection: StreamProtocol, endpoints: tuple[Endpoint, ...]) -> None:
        """It is sure where a stream leads: whoever waits or rests because of who is there need not any more."""
        self._shared.leads(connection, endpoints, is_sure=True)
        self.ways.note(endpoints, MULTIPLEXING, self._seams.clock.seconds())
        self._seams.reached(self.whereabouts.domains_at(endpoints))
        for pair in [pair for pair, (where, _) in self._opening.items() if not where.isdisjoint(endpoints)]:
            self._askers.ask(pair, connection).addCallback(self._overtaken, pair, connection)
        for call in tuple(self._calls.at(endpoints)):
            call.wake()

    def _overtaken(self, answer: Answer, pair: DomainPair, connection: StreamProtocol) -> None:
        """A stream has turned up while another one is being opened, which goes on: the peer may do the same."""
        if answer is Answer.OPENED:
            self._seams.found(pair, connection)

    def _not_located(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("looking for a peer failed in a way it must not", failure)

    def _called(self, connection: StreamProtocol) -> tuple[Endpoint, ...]:
        """Both names of where a stream was opened: as DNS has it, and the address."""
        address = _address_of(connection)
        called = self._dialled[connection]
        return (called,) if address is None or address == called else (called, address)


def _next_turn(clock: IReactorTime) -> Deferred[None]:
    turn: Deferred[None] = Deferred()
    clock.callLater(0, turn.callback, None)
    return turn


def _look_again(failure: Failure) -> bool:
    """A call that may have led elsewhere was in vain: that says nothing."""
    failure.trap(StreamUnavailable)
    return True


def _address_of(connection: StreamProtocol) -> Endpoint | None:
    """Where the other end is; ``None`` if that has no port."""
    return None if connection.transport is None else endpoint_of(connection.transport.getPeer())
