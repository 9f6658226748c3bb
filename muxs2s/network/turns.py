"""
Places for a limited number of things at once, given in turn.

Knows who has a place, who waits, and whose turn it is: everybody one waits for has a turn, however many
wait for the same one. Does not know what a place is good for, nor how long anybody waits.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

__all__ = ["Turns"]

K = TypeVar("K", bound=Hashable)


class Turns(Generic[K]):
    """
    Places, each taken for somebody.

    What is given back is given on in the next turn of the reactor. So those whose time is up in this one have
    left by then, and nothing is begun for them.

    :param max_places: how many there are.
    :param max_places_each: how many of them may be taken for one; all, if nothing is said.
    """

    def __init__(self, clock: IReactorTime, max_places: int, max_places_each: int | None = None) -> None:
        self._clock, self._max_places, self._max_places_each = clock, max_places, max_places_each or max_places
        self._taken: Counter[K] = Counter()
        self._total = 0
        self._waiting: dict[K, OrderedDict[Deferred[None], None]] = {}
        """Those who wait, the longest first, by whom they wait for."""
        self._due: OrderedDict[K, None] = OrderedDict()
        """Of these, whoever has not taken all it may, the next to have a turn first."""
        self._is_giving = False
        """Whether places are being given away, or will be in the next turn of the reactor."""

    def take(self, key: K) -> Deferred[None]:
        """
        Take a place for somebody.

        :returns: fires when there is one, at once if nobody is before. Cancelled before that, it takes none;
            after it, the place is to be given back.
        """
        waiter: Deferred[None] = Deferred(lambda leaving: self._leave(key, leaving))
        self._waiting.setdefault(key, OrderedDict())[waiter] = None
        self._line_up(key)
        if not self._is_giving:
            self._give()
        return waiter

    def give_back(self, key: K) -> None:
        """Give a place back, to be taken by whoever's turn it is."""
        self._total -= 1
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]
        self._line_up(key)
        if self._due and not self._is_giving:
            self._is_giving = True
            self._clock.callLater(0, self._give)

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    def _line_up(self, key: K) -> None:
        if key in self._waiting and self._taken[key] < self._max_places_each:
            self._due.setdefault(key)

    def _give(self) -> None:
        self._is_giving = True
        while self._due and self._total < self._max_places:
            key, _ = self._due.popitem(last=False)
            waiter, _ = self._waiting[key].popitem(last=False)
            self._forget_if_none_waits(key)
            self._taken[key] += 1
            self._total += 1
            self._line_up(key)
            waiter.callback(None)
        self._is_giving = False

    def _leave(self, key: K, waiter: Deferred[None]) -> None:
        del self._waiting[key][waiter]
        self._forget_if_none_waits(key)

    def _forget_if_none_waits(self, key: K) -> None:
        if not self._waiting[key]:
            del self._waiting[key]
            self._due.pop(key, None)
