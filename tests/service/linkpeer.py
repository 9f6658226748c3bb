"""A link with everything around it: a clock, streams that do as told, and a record of what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from muxs2s.network.writing import MAX_WRITE_BYTES
from muxs2s.service.backoff import Backoff
from muxs2s.service.links import new_link
from muxs2s.service.linkseams import Carrier, Link, LinkSeams, StreamUnavailable
from muxs2s.service.queues import PairQueue, QueueBudget, QueueLimits
from muxs2s.wire.errors import LocalMisuse, StanzaCondition
from muxs2s.wire.names import DomainPair
from muxs2s.wire.stanza import Slice
from tests.service.samples import PAIR, bodies, message

UNLIMITED = QueueLimits()


class DoubleCarrier:
    """A stream that has room for one write at a time."""

    def __init__(self) -> None:
        self.room = True
        self.max_bytes = inf
        self.max_write_bytes = MAX_WRITE_BYTES
        self.in_hand: list[Slice] = []
        self.taken: list[Slice] = []
        """What has gone its way."""
        self.is_proven = True
        self.closed = False

    def send(self, pair: DomainPair, stanzas: Sequence[Slice]) -> None:
        """As :class:`~muxs2s.service.links.Carrier`."""
        assert (pair, self.room) == (PAIR, True), "sent where nothing may be sent"
        if not self.is_proven:
            raise LocalMisuse("not proven")
        self.in_hand += stanzas
        self.room = False

    def close(self) -> None:
        """As :class:`~muxs2s.service.links.Carrier`."""
        self.closed = True

    def take(self) -> None:
        """What was sent last has gone."""
        self.taken += self.in_hand
        self.in_hand = []
        self.room = True


class LinkWorld:
    """A link of :data:`~tests.service.samples.PAIR`, and what it does to the world."""

    def __init__(self, limits: QueueLimits = UNLIMITED) -> None:
        self.clock = Clock()
        self.budget = QueueBudget(limits)
        self.queue = PairQueue(self.budget)
        self.dials: list[Deferred[Carrier]] = []
        self.refuse_at_once: StreamUnavailable | None = None
        self.cancelled = 0
        self.bounces: list[tuple[Slice, StanzaCondition, str]] = []
        self.on_bounce: Callable[[], None] = lambda: None
        """What whoever gets something back does at once."""
        self.forgotten: list[DomainPair] = []
        self.chance = 0.5
        self.backoff = Backoff(chance=lambda: 1.0)
        seams = LinkSeams(
            clock=self.clock,
            dial=self._dial,
            bounce=self._give_back,
            forget=self.forgotten.append,
            chance=lambda: self.chance,
        )
        self.link: Link = new_link(PAIR, self.queue, seams, self.backoff)

    @property
    def state(self) -> str:
        """What the link calls the state it is in."""
        name: str = self.link.__automat_transitioner__._state.name  # type: ignore[attr-defined]  # Automat's own
        return name

    @property
    def returned(self) -> list[str]:
        """What has come back."""
        return bodies([stanza for stanza, _, _ in self.bounces])

    @property
    def conditions(self) -> set[StanzaCondition]:
        """Why it has come back."""
        return {condition for _, condition, _ in self.bounces}

    def push(self, *texts: str) -> None:
        """Let messages wait."""
        self.push_stanzas(*map(message, texts))

    def push_stanzas(self, *stanzas: Slice) -> None:
        """Let stanzas wait; the link hears of the first, as from whoever routes them."""
        for stanza in stanzas:
            was_empty = not self.queue
            assert self.queue.push(stanza, self.clock.seconds())
            if was_empty:
                self.link.stanzas_wait()

    def dialling(self, *texts: str) -> Deferred[Carrier]:
        """Let messages wait and the time for dialling come."""
        self.push(*texts)
        self.clock.advance(0)
        return self.dials[-1]

    def open(self, *texts: str) -> DoubleCarrier:
        """Let messages wait and a stream be had for them."""
        self.dialling(*texts)
        return self.succeed()

    def succeed(self) -> DoubleCarrier:
        """Let the last attempt succeed."""
        carrier = DoubleCarrier()
        self.dials[-1].callback(carrier)
        return carrier

    def refuse(
        self, *, final: bool = False, condition: StanzaCondition = StanzaCondition.REMOTE_SERVER_TIMEOUT
    ) -> None:
        """Let the last attempt fail."""
        self.dials[-1].errback(StreamUnavailable(condition, "not today", final=final))

    def passed_on(self, carrier: DoubleCarrier) -> list[str]:
        """Let a stream pass on everything; what it has passed on in its life."""
        while carrier.in_hand:
            carrier.take()
            self.link.has_room()
        return bodies(carrier.taken)

    def _dial(self, pair: DomainPair, link: Link) -> Deferred[Carrier]:
        assert (pair, link) == (PAIR, self.link)
        self.dials.append(Deferred(self._note_cancelled))
        if self.refuse_at_once is not None:
            self.dials[-1].errback(self.refuse_at_once)
        return self.dials[-1]

    def _note_cancelled(self, _dialled: Deferred[Carrier]) -> None:
        self.cancelled += 1

    def _give_back(self, stanzas: Sequence[Slice], condition: StanzaCondition, text: str) -> None:
        self.bounces += [(stanza, condition, text) for stanza in stanzas]
        self.on_bounce()
