"""
What becomes due on a stream that multiplexes, and when.

Knows times only. What no longer waits is passed over when its time comes, so that ending a wait costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from heapq import heappop, heappush
from math import inf

__all__ = ["DueWait", "Waits"]


class DueWait(Enum):
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
    """Times, the first one at hand."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, int]] = []
        self._kinds = tuple(DueWait)

    @property
    def first(self) -> float:
        """When something may be due next, seconds; infinite if nothing waits."""
        return self._heap[0][0] if self._heap else inf

    def add(self, when: float, kind: DueWait, id: int = 0) -> None:
        """Have something become due."""
        heappush(self._heap, (when, kind.value, id))

    def due(self, now: float) -> Iterator[tuple[DueWait, int, float]]:
        """Take out what is due, with the time it was due at."""
        while self._heap and self._heap[0][0] <= now:
            when, kind, id = heappop(self._heap)
            yield self._kinds[kind - 1], id, when
