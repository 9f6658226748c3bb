"""
When to try again after failures.

Knows how long the next wait is, how chance spreads it, so that servers that lost the same peer do not
return together, and of whom it is remembered. Does not know what is tried, and holds no timer.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from random import SystemRandom
from typing import Final

from muxs2s.wire.errors import MuxS2SError

__all__ = ["MAX_BACKOFFS", "Backoff", "BackoffLimits", "Backoffs"]

MAX_BACKOFFS: Final = 10_000
"""Back-offs remembered, one for each domain pair, least recently asked for first out."""

_chance: Final = SystemRandom().random


@dataclass(frozen=True, slots=True, kw_only=True)
class BackoffLimits:
    """The shortest and the longest wait, in seconds, before chance shortens it by up to a half."""

    first_seconds: float = 5.0
    max_seconds: float = 3_600.0


class Backoff:
    """
    The waits between attempts that fail in a row: each twice the one before.

    :param chance: a random number from 0 up to 1; the wait is its 50 to 100 hundredths.

    Source: RFC 6120, section 3.3, whose first wait is random within 60 seconds.
    """

    def __init__(self, *, limits: BackoffLimits | None = None, chance: Callable[[], float] = _chance) -> None:
        self.why: MuxS2SError | None = None
        """What failed last; ``None`` before any failure and after a success."""

        self._limits, self._chance = limits or BackoffLimits(), chance
        self._wait_seconds = 0.0
        self._ready_at: float | None = None
        self._barren = 0
        """Attempts in a row that succeeded and came to nothing."""

    def fail(self, now: float, why: MuxS2SError | None = None) -> float:
        """
        Take note of a failed attempt.

        :param now: seconds.
        :param why: what went wrong.
        :returns: when to try again, seconds on the same clock.
        """
        self.why = why
        doubled = self._wait_seconds * 2 or self._limits.first_seconds
        self._wait_seconds = min(doubled, self._limits.max_seconds)
        self._ready_at = now + self._wait_seconds * (0.5 + self._chance() / 2)
        return self._ready_at

    def succeed(self) -> None:
        """Begin anew: the peer was reached, by us or by itself."""
        self._wait_seconds, self._ready_at, self.why = 0.0, None, None

    def opened(self) -> None:
        """An attempt has succeeded: begin anew, unless the one before came to nothing."""
        if not self._barren:
            self.succeed()

    def bore_fruit(self) -> None:
        """What an attempt has led to was good for something."""
        self._barren = 0
        self.succeed()

    def bore_nothing(self, now: float, why: MuxS2SError) -> None:
        """What an attempt has led to was good for nothing: once may be an accident, twice in a row is a failure."""
        self._barren += 1
        if self._barren > 1:
            self.fail(now, why)

    def ready_at(self, now: float) -> float:
        """
        When the next attempt may begin: now, or later.

        :param now: seconds.
        """
        return now if self._ready_at is None else max(now, self._ready_at)


class Backoffs:
    """
    The back-off of everyone there were attempts for lately.

    :param make: makes that of someone new, or long forgotten.
    :param max_backoffs: how many are remembered.
    """

    def __init__(self, make: Callable[[], Backoff], *, max_backoffs: int = MAX_BACKOFFS) -> None:
        self._make, self._max_backoffs = make, max_backoffs
        self._known: dict[Hashable, Backoff] = {}

    def __len__(self) -> int:
        return len(self._known)

    def of(self, whom: Hashable) -> Backoff:
        """Give the back-off of someone, always the same one as long as it is remembered."""
        backoff = self._known.pop(whom, None) or self._make()
        self._known[whom] = backoff
        if len(self._known) > self._max_backoffs:
            del self._known[next(iter(self._known))]
        return backoff

    def reset(self, whom: Hashable) -> None:
        """Begin anew with someone who was reached."""
        backoff = self._known.get(whom)
        if backoff is not None:
            backoff.succeed()

    def failing(self) -> tuple[Hashable, ...]:
        """Everyone with whom the last attempt has failed."""
        return tuple(whom for whom, backoff in self._known.items() if backoff.why is not None)

    def clear(self) -> None:
        """Begin anew with everyone."""
        for backoff in self._known.values():
            backoff.succeed()
