"""
When waiting stanzas have become too old: one alarm for all queues.

Knows in which queues something waits, and which of them is due first. Does not know what is done with
what is too old: see :mod:`muxs2s.service.outgoing`.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from muxs2s.service.queues import PairQueue

__all__ = ["AgeAlarm"]


class AgeAlarm:
    """
    Rings for each queue whose oldest stanza has waited too long.

    :param overdue: takes such a queue.
    """

    def __init__(self, clock: IReactorTime, overdue: Callable[[PairQueue], None]) -> None:
        self._clock, self._overdue = clock, overdue
        self._numbers = count()
        self._due: list[tuple[float, int, PairQueue]] = []
        """A heap: when to look at which queue."""
        self._watched: dict[PairQueue, tuple[float, int, PairQueue]] = {}
        """The entry of each queue that counts; others may be left of before."""
        self._alarm: IDelayedCall | None = None

    def __len__(self) -> int:
        return len(self._due)

    def watch(self, queue: PairQueue) -> None:
        """Ring for a queue, if something waits in it; costs little if it is watched already."""
        deadline = queue.deadline
        watched = self._watched.get(queue)
        if deadline is not None and (watched is None or deadline < watched[0]):
            self._watched[queue] = entry = deadline, next(self._numbers), queue
            heappush(self._due, entry)
            self._set()

    def forget(self, queue: PairQueue) -> None:
        """Nothing waits in a queue any more; it may not have been watched."""
        self._watched.pop(queue, None)
        if len(self._due) > 2 * len(self._watched):
            self._due = list(self._watched.values())
            heapify(self._due)

    def stop(self) -> None:
        """Ring no more for anybody."""
        self._watched.clear()
        self._due.clear()
        self._cancel()

    def _set(self) -> None:
        """Have an alarm for the queue that is due first, or for one that was due before it."""
        if self._due and (self._alarm is None or self._due[0][0] < self._alarm.getTime()):
            self._cancel()
            self._alarm = self._clock.callLater(max(0.0, self._due[0][0] - self._clock.seconds()), self._ring)

    def _cancel(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _ring(self) -> None:
        self._alarm = None
        now = self._clock.seconds()
        while self._due and self._due[0][0] <= now:
            entry = heappop(self._due)
            queue = entry[2]
            if self._watched.get(queue) is entry:
                del self._watched[queue]
                self._overdue(queue)
                self.watch(queue)
        self._set()
