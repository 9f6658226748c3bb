"""A pair with everything around it: a clock, streams that do as told, and a record of what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from types import SimpleNamespace
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from muxs2s.network.protocol import StreamProtocol
from muxs2s.service.backoff import Backoff
from muxs2s.service.links import new_link
from muxs2s.service.linkseams import Link, LinkSeams, StreamUnavailable
from muxs2s.service.lobbies import Lobby
from muxs2s.service.outgoing import Outgoing, OutgoingSeams
from muxs2s.service.queues import Carrier, PairQueue, QueueBudget, QueueLimits
from muxs2s.service.users import StreamUsers
from muxs2s.stream.stream import Turn
from muxs2s.wire.errors import LocalMisuse, StanzaCondition
from muxs2s.wire.names import DomainPair
from muxs2s.wire.stanza import Slice
from tests.service.samples import PAIR, bodies, message

UNLIMITED = QueueLimits()


class DoubleStream:
    """A stream that has room for one write at a time, and those who use it."""

    def __init__(self, *, is_secure: bool = True) -> None:
        self.stream = SimpleNamespace(
            peer_limits=SimpleNamespace(max_bytes=inf),
            is_secure=is_secure,
            multiplexer=None,
            may_send=lambda pair, _now: pair not in self.unproven,
        )
        self.has_room = True
        self.unproven: set[DomainPair] = set()
        self.in_hand: list[Slice] = []
        self.taken: list[Slice] = []
        """What has gone its way."""
        self.closed = False
        self.users = StreamUsers(cast(StreamProtocol, self), lambda: 0.0)

    @property
    def room(self) -> bool:
        """As :class:`~muxs2s.network.protocol.StreamProtocol`."""
        return self.has_room and not self.in_hand and not self.closed

    def send_all(self, turns: Sequence[Turn]) -> None:
        """As :class:`~muxs2s.network.protocol.StreamProtocol`."""
        assert self.room, "sent where nothing may be sent"
        if not self.unproven.isdisjoint(pair for pair, _ in turns):
            raise LocalMisuse("not proven")
        self.in_hand += [stanza for _, stanzas in turns for stanza in stanzas]

    def close(self) -> None:
        """As :class:`~muxs2s.network.protocol.StreamProtocol`."""
        self.closed = True

    def take(self) -> None:
        """What was sent last has gone."""
        self.taken += self.in_hand
        self.in_hand = []
        self.has_room = True
        if not self.closed:
            self.users.serve()

    def gone(self, *, unsent: bool) -> None:
        """The stream is over; what it has in hand has left, or not."""
        self.closed = True
        self.users.gone(self.in_hand if unsent else ())

    def pass_on(self) -> list[str]:
        """Pass on everything; what it has passed on in its life."""
        while self.in_hand:
            self.take()
        return bodies(self.taken)


class LinkWorld:
    """What waits for peers, and what becomes of it: by default all of one pair."""

    def __init__(self, limits: QueueLimits = UNLIMITED) -> None:
        self.clock = Clock()
        self.budget = QueueBudget(limits)
        self.dials: list[Deferred[Carrier]] = []
        self.refuse_at_once: StreamUnavailable | None = None
        self.cancelled = 0
        self.bounces: list[tuple[Slice, StanzaCondition, str]] = []
        self.on_bounce: Callable[[], None] = lambda: None
        """What whoever gets something back does at once."""
        self.links: list[Link] = []
        """All that were ever made."""
        self.stream = DoubleStream()
        """The one that was had last."""
        self.found: dict[DomainPair, DoubleStream] = {}
        """Streams that can be found without a search."""
        self.halls: dict[DomainPair, Lobby] = {}
        """Where pairs wait together."""
        self.chance = 0.5
        self.backoff = Backoff(chance=lambda: 1.0)
        self.outgoing = Outgoing(
            self.budget, OutgoingSeams(clock=self.clock, find=self._find, link=self.make_link), self._give_back
        )
        self._seams = LinkSeams(
            clock=self.clock,
            dial=self._dial,
            opened=self.outgoing.opened,
            forget=self.outgoing.forget,
            chance=lambda: self.chance,
        )

    @property
    def link(self) -> Link:
        """The link that was made last."""
        return self.links[-1]

    @property
    def state(self) -> str:
        """What that link calls the state it is in; "none" if there never was one."""
        return state_of(self.link) if self.links else "none"

    @property
    def queue(self) -> PairQueue | None:
        """The queue of the pair, if there is one."""
        return next((queue for queue in self.outgoing if queue.pair == PAIR), None)

    @property
    def returned(self) -> list[str]:
        """What has come back."""
        return bodies([stanza for stanza, _, _ in self.bounces])

    @property
    def conditions(self) -> set[StanzaCondition]:
        """Why it has come back."""
        return {condition for _, condition, _ in self.bounces}

    @property
    def is_clear(self) -> bool:
        """Whether nothing is left of anything but, at most, an alarm for all."""
        return not list(self.outgoing) and len(self.clock.getDelayedCalls()) <= 1

    def push(self, *texts: str) -> None:
        """Let messages wait, one by one."""
        self.push_stanzas(*map(message, texts))

    def push_stanzas(self, *stanzas: Slice) -> None:
        """Let stanzas wait, one by one."""
        for stanza in stanzas:
            self.push_together(stanza)

    def push_together(self, *stanzas: Slice) -> None:
        """Let stanzas wait that come in one batch."""
        woken: list[PairQueue] = []
        for stanza in stanzas:
            self.outgoing.push(stanza.pair, stanza, woken)
        self.outgoing.wake(woken)

    def dialling(self, *texts: str) -> Deferred[Carrier]:
        """Let messages wait and the time for dialling come."""
        self.push(*texts)
        self.clock.advance(0)
        return self.dials[-1]

    def open(self, *texts: str) -> DoubleStream:
        """Let messages wait and a stream be had for them."""
        self.dialling(*texts)
        return self.succeed()

    def succeed(self, stream: DoubleStream | None = None) -> DoubleStream:
        """Let the last attempt succeed."""
        self.stream = stream or DoubleStream()
        self.dials[-1].callback(self.stream.users)
        return self.stream

    def open_all(self, stream: DoubleStream) -> None:
        """Let no pair rest any more, and one stream carry them all."""
        made = len(self.dials)
        self.outgoing.reached_all()
        for dialled in self.dials[made:]:
            dialled.callback(stream.users)

    def refuse(
        self, *, final: bool = False, condition: StanzaCondition = StanzaCondition.REMOTE_SERVER_TIMEOUT
    ) -> None:
        """Let the last attempt fail."""
        self.dials[-1].errback(StreamUnavailable(condition, "not today", final=final))

    def stop(self) -> None:
        """Stop everything."""
        self.outgoing.stop()

    def make_link(self, queue: PairQueue) -> Link:
        """Make a link and remember it."""
        self.links.append(new_link(queue, self._seams, self.backoff))
        return self.links[-1]

    def _find(self, pair: DomainPair) -> Carrier | None:
        return self.found[pair].users if pair in self.found else self.halls.get(pair)

    def _dial(self, _pair: DomainPair) -> Deferred[Carrier]:
        self.dials.append(Deferred(self._note_cancelled))
        if self.refuse_at_once is not None:
            self.dials[-1].errback(self.refuse_at_once)
        return self.dials[-1]

    def _note_cancelled(self, _dialled: Deferred[Carrier]) -> None:
        self.cancelled += 1

    def _give_back(self, stanzas: Sequence[Slice], condition: StanzaCondition, text: str) -> None:
        self.bounces += [(stanza, condition, text) for stanza in stanzas]
        self.on_bounce()


def state_of(link: Link) -> str:
    """What a link calls the state it is in."""
    name: str = link.__automat_transitioner__._state.name  # type: ignore[attr-defined]  # Automat's own
    return name
