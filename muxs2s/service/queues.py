"""
Stanzas that wait for a stream, in order and within bounds.

Knows how many stanzas and bytes may wait, for one domain pair and for all of them, and for how long.
Does not know why they wait or what becomes of those that wait in vain: see
:mod:`muxs2s.service.outgoing`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from muxs2s.service.backoff import Backoff
from muxs2s.wire.errors import StanzaCondition
from muxs2s.wire.names import DomainPair
from muxs2s.wire.stanza import Slice

__all__ = ["Carrier", "PairQueue", "QueueBudget", "QueueKeeper", "QueueLimits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLimits:
    """What may wait."""

    max_pair_stanzas: int = 1_000
    """For one domain pair."""

    max_pair_bytes: int = 2 * 1024 * 1024
    """For one domain pair."""

    max_total_stanzas: int = 100_000
    """For all domain pairs together."""

    max_total_bytes: int = 128 * 1024 * 1024
    """For all domain pairs together."""

    max_age_seconds: float = 60.0
    """From when a stanza was queued until it is bounced."""


class QueueBudget:
    """What all queues hold together."""

    def __init__(self, limits: QueueLimits) -> None:
        self.limits = limits
        self.stanzas = 0
        self.bytes = 0

    def take(self, size: int) -> bool:
        """
        Let one more stanza wait, of ``size`` bytes.

        :returns: ``False`` if a limit is reached.
        """
        limits = self.limits
        if self.stanzas >= limits.max_total_stanzas or self.bytes + size > limits.max_total_bytes:
            return False
        self.stanzas += 1
        self.bytes += size
        return True

    def give_back(self, stanzas: int, size: int) -> None:
        """So many stanzas, of so many bytes together, do not wait any more."""
        self.stanzas -= stanzas
        self.bytes -= size


@runtime_checkable
class Carrier(Protocol):
    """A stream, as far as queues go."""

    def admit(self, queue: PairQueue) -> None:
        """
        Give a queue its turn, behind all others that have something waiting.

        Whatever is taken from it is confirmed or put back in the end. Its keeper is told when that leaves it empty,
        and when the stream carries it no more.
        """
        ...

    def serve(self) -> None:
        """Send what waits, for as long as there is room; goes on by itself whenever there is room again."""
        ...


class QueueKeeper(Protocol):
    """Whoever has made a queue, and hears what becomes of it."""

    def emptied(self, queue: PairQueue) -> None:
        """Its stream has passed on everything."""
        ...

    def parted(self, queues: Sequence[PairQueue]) -> None:
        """Streams cannot carry these pairs any more; something waits in each."""
        ...

    def stranded(self, queue: PairQueue) -> None:
        """Its stream is over; something waits."""
        ...

    def bounce(self, stanzas: Sequence[Slice], condition: StanzaCondition, text: str) -> None:
        """Stanzas of it cannot be sent: they are to go back."""
        ...


class PairQueue:
    """
    The stanzas of one domain pair, oldest first.

    Those taken from it stay its business until they are confirmed or put back: then they stand in
    front again, as old as they were.
    """

    __slots__ = (
        "_budget",
        "_bytes",
        "_taken",
        "_taken_bytes",
        "backoff",
        "carrier",
        "keeper",
        "pair",
        "since",
        "waiting",
    )

    def __init__(self, pair: DomainPair, budget: QueueBudget, keeper: QueueKeeper, now: float) -> None:
        self.pair, self.keeper = pair, keeper
        self.since = now
        """From when on its age is counted, seconds: see :mod:`muxs2s.service.ages`."""
        self.carrier: Carrier | None = None
        """The stream that takes what waits, while there is one."""
        self.backoff: Backoff | None = None
        """Of the attempts that led to that stream, until it has passed on anything."""

        self.waiting: deque[tuple[float, Slice]] = deque()
        """With the times since when, seconds. For others to see whether there are any: that is asked all the time."""

        self._budget = budget
        self._taken: list[tuple[float, Slice]] = []
        self._bytes = self._taken_bytes = 0
        """Of all of them, and of those taken."""

    def __len__(self) -> int:
        return len(self.waiting)

    @property
    def taken(self) -> bool:
        """Whether something was taken and is neither confirmed nor put back."""
        return bool(self._taken)

    @property
    def next_bytes(self) -> int:
        """The size of the oldest waiting stanza; there must be one."""
        return len(self.waiting[0][1].data)

    @property
    def deadline(self) -> float | None:
        """When the oldest waiting stanza has waited too long, seconds; ``None`` if none waits."""
        return self.waiting[0][0] + self._budget.limits.max_age_seconds if self.waiting else None

    def push(self, stanza: Slice, now: float) -> bool:
        """
        Let a stanza wait.

        :returns: ``False`` if a limit is reached; it does not wait then.
        """
        budget, size = self._budget, len(stanza.data)
        limits, count = budget.limits, len(self.waiting) + len(self._taken)
        fits = count < limits.max_pair_stanzas and self._bytes + size <= limits.max_pair_bytes
        if not (fits and budget.take(size)):
            return False
        self.waiting.append((now, stanza))
        self._bytes += size
        return True

    def take(self) -> Slice:
        """Take the oldest waiting stanza, to send it; there must be one."""
        entry = self.waiting.popleft()
        self._taken.append(entry)
        self._taken_bytes += len(entry[1].data)
        return entry[1]

    def drop(self) -> Slice:
        """Remove the oldest waiting stanza; there must be one."""
        _, stanza = self.waiting.popleft()
        self._release([stanza])
        return stanza

    def confirm(self) -> None:
        """What was taken has gone its way."""
        if self._taken:
            self._budget.give_back(len(self._taken), self._taken_bytes)
            self._bytes -= self._taken_bytes
            self._taken, self._taken_bytes = [], 0
            if self.backoff is not None:
                self.backoff.bore_fruit()
                self.backoff = None

    def put_back(self) -> None:
        """What was taken did not go; it stands in front again."""
        self.waiting.extendleft(reversed(self._taken))
        self._taken, self._taken_bytes = [], 0

    def expire(self, now: float) -> list[Slice]:
        """Remove what has waited too long."""
        return self._release(list(self._overdue(now)))

    def clear(self) -> list[Slice]:
        """Remove everything that waits."""
        waiting, self.waiting = self.waiting, deque()
        return self._release([stanza for _, stanza in waiting])

    def _overdue(self, now: float) -> Iterator[Slice]:
        while (deadline := self.deadline) is not None and deadline <= now:
            yield self.waiting.popleft()[1]

    def _release(self, stanzas: list[Slice]) -> list[Slice]:
        size = sum(len(stanza.data) for stanza in stanzas)
        self._bytes -= size
        self._budget.give_back(len(stanzas), size)
        return stanzas
