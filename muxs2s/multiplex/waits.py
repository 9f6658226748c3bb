"""
What becomes due on a stream that multiplexes, and when.

Knows times only. A wait that is over is passed over when its time comes, and swept out when such waits prevail, so
that ending one costs next to nothing and memory follows those that go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum, auto
from heapq import heapify, heappop, heappush
from math import inf
from typing import Final

__all__ = ["DueWait", "Waits"]

_FEW: Final = 64
"""Waits that may be over and still kept, whatever goes on."""


class DueWait(IntEnum):
    """What has waited long enough."""

    PRESENTER = auto()
    """An exchange in which we present: the peer has not answered."""
    VERIFIER = auto()
    """An exchange in which we verify: no proof has come, or no verdict."""
    REMOVAL = auto()
    """The peer has not confirmed a revocation."""
    CERTIFICATE = auto()
    """A certificate of the peer has ended."""


class Waits:
    """Times, the first one at hand; one for each thing that waits."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, DueWait, int]] = []
        """Time, kind and id; what :attr:`_when` does not confirm is over."""

        self._when: dict[tuple[DueWait, int], float] = {}

    def __len__(self) -> int:
        """How many go on."""
        return len(self._when)

    @property
    def first(self) -> float:
        """When something is due next, seconds; infinite if nothing waits."""
        heap = self._heap
        while heap and not self._goes_on(heap[0]):
            heappop(heap)
        return heap[0][0] if heap else inf

    def add(self, when: float, kind: DueWait, id: int) -> None:
        """Have something become due, once, in the place of what was said of it before."""
        self._when[kind, id] = when
        heappush(self._heap, (when, kind, id))
        if len(self._heap) > 2 * len(self._when) + _FEW:
            self._heap = [wait for wait in self._heap if self._goes_on(wait)]
            heapify(self._heap)

    def cancel(self, kind: DueWait, id: int) -> None:
        """Something waits no longer, if it did."""
        self._when.pop((kind, id), None)

    def due(self, now: float) -> Iterator[tuple[DueWait, int]]:
        """Take out what is due, the earliest first."""
        while self.first <= now:
            _, kind, id = heappop(self._heap)
            del self._when[kind, id]
            yield kind, id

    def _goes_on(self, wait: tuple[float, DueWait, int]) -> bool:
        when, kind, id = wait
        return self._when.get((kind, id)) == when
