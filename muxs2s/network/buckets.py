"""
How often something may happen.

Knows a rate and a burst. Knows no clock: it is told the time.
"""

from __future__ import annotations

__all__ = ["TokenBucket"]


class TokenBucket:
    """
    Tokens that come back at a steady rate: whatever may happen costs one.

    :param per_second: how many come back in a second.
    :param burst: how many there are at most, and at the beginning.
    :param now: seconds, on whichever clock; a step backwards gives nothing and takes nothing.
    """

    __slots__ = ("_at", "_burst", "_per_second", "_tokens")

    def __init__(self, per_second: float, burst: float, now: float) -> None:
        self._per_second, self._burst = per_second, burst
        self._tokens, self._at = burst, now

    @property
    def seconds_to_next(self) -> float:
        """From the last try to the next whole token; 0 if there is one."""
        return max(0.0, 1.0 - self._tokens) / self._per_second

    def take(self, now: float) -> bool:
        """Take a token, if there is a whole one; tells whether there was."""
        passed, self._at = max(0.0, now - self._at), now
        self._tokens = min(self._burst, self._tokens + passed * self._per_second)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
