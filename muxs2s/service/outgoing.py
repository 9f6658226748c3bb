"""
What waits for peers, by domain pair, and which way it goes.

Knows that a pair which a stream carries goes straight there, that for any other one a link looks for a stream,
and that nothing waits too long. Keeps nothing of a pair for which nothing waits and nothing is on its way. Does
not know whether a stanza may be sent (:mod:`muxs2s.service.routing`), nor how a stream is looked for
(:mod:`muxs2s.service.links`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from muxs2s.service.ages import AgeAlarm
from muxs2s.service.linkseams import Link
from muxs2s.service.queues import Carrier, PairQueue, QueueBudget
from muxs2s.wire.errors import StanzaCondition
from muxs2s.wire.names import DomainPair
from muxs2s.wire.stanza import Slice

__all__ = ["Outgoing", "OutgoingSeams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingSeams:
    """What it needs from outside."""

    clock: IReactorTime
    find: Callable[[DomainPair], Carrier | None]
    """Gives the stream that carries a pair, if there is one."""

    link: Callable[[PairQueue], Link]
    """Makes the link of a queue that has no stream."""


class Outgoing:
    """
    The queues of all pairs; a :class:`~muxs2s.service.queues.QueueKeeper`.

    :param bounce: takes what cannot be sent.
    """

    def __init__(
        self,
        budget: QueueBudget,
        seams: OutgoingSeams,
        bounce: Callable[[Sequence[Slice], StanzaCondition, str], None],
    ) -> None:
        self._budget, self._seams, self._bounce = budget, seams, bounce
        self._queues: dict[DomainPair, PairQueue] = {}
        self._links: dict[PairQueue, Link] = {}
        """Of the queues for which a stream is looked for."""
        self._ages = AgeAlarm(seams.clock, budget.limits.max_age_seconds, self._queues, self._overdue)

    def __iter__(self) -> Iterator[PairQueue]:
        """Every queue in which something waits, or of which something is on its way."""
        return iter(tuple(self._queues.values()))

    # What routing wants.

    def push(self, pair: DomainPair, stanza: Slice, woken: list[PairQueue]) -> None:
        """
        Let a stanza wait, or bounce it where too much waits already.

        :param woken: takes the queue if nothing waited in it before; give it to :meth:`wake`.
        """
        now = self._seams.clock.seconds()
        queue = self._queues.get(pair)
        if queue is None:
            queue = PairQueue(pair, self._budget, self, now)
        was_empty = not queue.waiting
        if not queue.push(stanza, now):
            self.bounce([stanza], StanzaCondition.RESOURCE_CONSTRAINT, f"too much waits for {pair.target} already")
        elif was_empty:
            self._queues[pair] = queue
            woken.append(queue)
            if not self._ages.is_set:
                self._ages.set()

    def wake(self, queues: Sequence[PairQueue]) -> None:
        """Something waits in these queues now: have it sent, or a stream looked for."""
        carriers: dict[Carrier, None] = {}
        for queue in queues:
            carrier = self._carrier_of(queue) if queue.waiting else None
            if carrier is not None:
                carrier.admit(queue)
                carriers[carrier] = None
        for carrier in carriers:
            carrier.serve()

    def reached(self, pair: DomainPair) -> None:
        """The target of a pair has shown that it is there."""
        queue = self._queues.get(pair)
        if queue is not None and queue in self._links:
            self._links[queue].reached()

    def reached_all(self) -> None:
        """Every target may be there again."""
        for link in tuple(self._links.values()):
            link.reached()

    def close(self, queue: PairQueue) -> None:
        """Bounce what waits in a queue; what is on its way goes or comes back, too."""
        link = self._links.pop(queue, None)
        self.emptied(queue)
        if link is not None:
            link.stop()
        self._give_up(queue)

    def stop(self) -> None:
        """Bounce everything that waits."""
        for queue in self:
            self.close(queue)
        self._ages.stop()

    # What links and streams tell.

    def opened(self, queue: PairQueue, carrier: Carrier) -> None:
        """A link has found a stream."""
        self._links.pop(queue, None)
        if queue:
            queue.carrier = carrier
            carrier.admit(queue)
            carrier.serve()
        else:
            self.emptied(queue)

    def forget(self, queue: PairQueue) -> None:
        """A link has nothing to look for any more."""
        self._links.pop(queue, None)
        self.emptied(queue)

    def emptied(self, queue: PairQueue) -> None:
        """As :meth:`muxs2s.service.queues.QueueKeeper.emptied`."""
        if self._queues.get(queue.pair) is queue:
            del self._queues[queue.pair]

    def parted(self, queues: Sequence[PairQueue]) -> None:
        """As :meth:`muxs2s.service.queues.QueueKeeper.parted`."""
        for queue in queues:
            queue.carrier = None
        self.wake(queues)

    def stranded(self, queue: PairQueue) -> None:
        """As :meth:`muxs2s.service.queues.QueueKeeper.stranded`."""
        queue.carrier = None
        if self._queues.get(queue.pair) is queue:
            self._new_link(queue).missed()
            self._ages.watch(queue)
        else:
            self._give_up(queue)

    def bounce(self, stanzas: Sequence[Slice], condition: StanzaCondition, text: str) -> None:
        """As :meth:`muxs2s.service.queues.QueueKeeper.bounce`."""
        if stanzas:
            self._bounce(stanzas, condition, text)

    # The inside.

    def _carrier_of(self, queue: PairQueue) -> Carrier | None:
        """Give the stream that takes what waits in a queue; where there is none, tell its link."""
        if queue.carrier is None:
            link = self._links.get(queue)
            if link is None:
                queue.carrier = self._seams.find(queue.pair)
                link = self._new_link(queue) if queue.carrier is None else None
            if link is not None:
                link.stanzas_wait()
        return queue.carrier

    def _new_link(self, queue: PairQueue) -> Link:
        link = self._links[queue] = self._seams.link(queue)
        return link

    def _overdue(self, queue: PairQueue) -> None:
        if queue in self._links:
            self._links[queue].overdue()
            return
        text = f"{queue.pair.target} did not take the stanza in time"
        self.bounce(queue.expire(self._seams.clock.seconds()), StanzaCondition.REMOTE_SERVER_TIMEOUT, text)
        if not (queue or queue.taken):
            self.emptied(queue)

    def _give_up(self, queue: PairQueue) -> None:
        sender, target = queue.pair
        text = f"{sender} went out of service before {target} had taken the stanza"
        self.bounce(queue.clear(), StanzaCondition.REMOTE_SERVER_TIMEOUT, text)
