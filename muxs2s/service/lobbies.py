"""
Where queues wait together, for what concerns all of them.

Knows who waits, and sends everyone off to look again. Does not know what for: see
:mod:`muxs2s.service.searching` and :mod:`muxs2s.service.asking`. A queue that waits here costs an entry, where a
search of its own would cost a machine, a timer and a coroutine: when two clouds meet, thousands of pairs wait
for the same few answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from operator import attrgetter

from muxs2s.service.queues import Carrier, PairQueue
from muxs2s.wire.names import DomainPair

__all__ = ["Lobby"]


class Lobby:
    """A :class:`~muxs2s.service.queues.Carrier` that carries nothing."""

    def __init__(self) -> None:
        self._queues: dict[DomainPair, PairQueue] = {}

    def admit(self, queue: PairQueue) -> None:
        """As :meth:`muxs2s.service.queues.Carrier.admit`."""
        self._queues[queue.pair] = queue

    def serve(self) -> None:
        """As :meth:`muxs2s.service.queues.Carrier.serve`: nothing is sent from here."""

    def move(self, find: Callable[[DomainPair], Carrier | None]) -> None:
        """
        Have queues wait elsewhere.

        :param find: tells where; ``None`` for those that are to stay.
        """
        for pair, queue in tuple(self._queues.items()):
            carrier = find(pair) if queue.waiting else None
            if carrier is not None:
                del self._queues[pair]
                queue.carrier = carrier
                carrier.admit(queue)

    def send_off(self, pairs: Iterable[DomainPair] | None = None) -> None:
        """Have queues look for their way again: those of some pairs, or all."""
        leaving = [self._queues.pop(pair, None) for pair in tuple(self._queues if pairs is None else pairs)]
        waiting = [queue for queue in leaving if queue is not None and queue.waiting]
        for keeper, parted in groupby(waiting, key=attrgetter("keeper")):
            keeper.parted(list(parted))
