"""
When to try again after failures.

Knows how long the next wait is and how chance spreads it, so that servers that lost the same peer do
not return together. Does not know what is tried, and holds no timer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom
from typing import Final

__all__ = ["Backoff", "BackoffLimits"]

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
        self._limits, self._chance = limits or BackoffLimits(), chance
        self._wait_seconds = 0.0
        self._ready_at: float | None = None

    def fail(self, now: float) -> float:
        """
        Take note of a failed attempt.

        :param now: seconds.
        :returns: when to try again, seconds on the same clock.
        """
        doubled = self._wait_seconds * 2 or self._limits.first_seconds
        self._wait_seconds = min(doubled, self._limits.max_seconds)
        self._ready_at = now + self._wait_seconds * (0.5 + self._chance() / 2)
        return self._ready_at

    def succeed(self) -> None:
        """Begin anew: the peer was reached, by us or by itself."""
        self._wait_seconds, self._ready_at = 0.0, None

    def ready_at(self, now: float) -> float:
        """
        When the next attempt may begin: now, or later.

        :param now: seconds.
        """
        return now if self._ready_at is None else max(now, self._ready_at)

    def is_ready(self, now: float) -> bool:
        """Whether an attempt may begin now."""
        return self.ready_at(now) <= now
