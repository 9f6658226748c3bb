"""
When waiting stanzas have become too old: one alarm for all queues.

Knows which queue is to be looked at next. Does not know what is done with what is too old: see
:mod:`muxs2s.service.outgoing`.

Nearly all queues are empty long before anything in them is too old, so a queue costs nothing here until it is as old
itself as a stanza may become. They stand in the order in which they were made, and a stanza is not older than
its queue: whoever looks at the first queue knows about all of them. Only the few that live longer have entries of
their own.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count, islice, takewhile

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from muxs2s.service.queues import PairQueue
from muxs2s.wire.names import DomainPair

__all__ = ["AgeAlarm"]


class AgeAlarm:
    """
    Rings for each queue whose oldest stanza has waited too long, and for some that need not be looked at.

    :param queues: those that may have something waiting, in the order of :attr:`PairQueue.since`.
    :param overdue: takes one of them.
    """

    def __init__(
        self,
        clock: IReactorTime,
        max_age_seconds: float,
        queues: dict[DomainPair, PairQueue],
        overdue: Callable[[PairQueue], None],
    ) -> None:
        self._clock, self._max_age, self._queues, self._overdue = clock, max_age_seconds, queues, overdue
        self._numbers = count()
        self._due: list[tuple[float, int, PairQueue]] = []
        """A heap: when to look at which of the long-lived queues."""
        self._alarm: IDelayedCall | None = None

    @property
    def is_set(self) -> bool:
        """Whether there is an alarm."""
        return self._alarm is not None

    def set(self) -> None:
        """Have an alarm for the queue that is to be looked at next, or for one that was to be before it."""
        times = [time for time, _, _ in self._due[:1]]
        times += [queue.since + self._max_age for queue in islice(self._queues.values(), 1)]
        if times and (self._alarm is None or min(times) < self._alarm.getTime()):
            self._cancel()
            self._alarm = self._clock.callLater(max(0.0, min(times) - self._clock.seconds()), self._ring)

    def watch(self, queue: PairQueue) -> None:
        """Look at a queue in time that may hold stanzas which are older than it is."""
        deadline = queue.deadline
        if deadline is not None and deadline < queue.since + self._max_age:
            heappush(self._due, (deadline, next(self._numbers), queue))
            self.set()

    def stop(self) -> None:
        """Ring no more."""
        self._due.clear()
        self._cancel()

    def _cancel(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _ring(self) -> None:
        self._alarm = None
        now = self._clock.seconds()
        due = dict.fromkeys(takewhile(lambda queue: queue.since + self._max_age <= now, self._queues.values()))
        for queue in due:
            queue.since = now
            self._queues[queue.pair] = self._queues.pop(queue.pair)
        while self._due and self._due[0][0] <= now:
            due[heappop(self._due)[2]] = None
        for queue in due:
            self._overdue(queue)
            self.watch(queue)
        self.set()
