"""
Lines of the log that others can cause, as many as they like: said with restraint.

Knows what was said within the last minute. Does not know what it is about.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

__all__ = ["MAX_LINES_PER_WINDOW", "WINDOW_SECONDS", "RestrainedLog"]

WINDOW_SECONDS: Final = 60.0
"""From the first line to the one that says how many were left out, and then over again."""

MAX_LINES_PER_WINDOW: Final = 20
"""Lines within that time."""


class RestrainedLog:
    """
    Says the same once in each window, and not too much of anything; counts what it leaves out.

    :param log: where it is said.
    """

    def __init__(self, log: Logger, clock: IReactorTime) -> None:
        self._log, self._clock = log, clock
        self._said: set[Hashable] = set()
        self._began = 0.0
        """When the first line of the window was written, if there was one; seconds."""
        self._left_out = 0
        self._end: IDelayedCall | None = None
        """Of the window, once something was left out."""

    def info(self, about: Hashable, line: str, /, **fields: object) -> None:
        """
        Say something, unless it was said within this window.

        :param about: the same for what is the same.
        :param line: as :meth:`twisted.logger.Logger.info` has it, with its fields.
        """
        now = self._clock.seconds()
        if not 0.0 <= now - self._began < WINDOW_SECONDS:
            self.close()
        if about in self._said or len(self._said) >= MAX_LINES_PER_WINDOW:
            self._leave_out(now)
            return
        if not self._said:
            self._began = now
        self._said.add(about)
        self._log.info(line, **fields)

    def close(self) -> None:
        """The window is over: say how many lines were left out, and begin anew with the next one."""
        if self._end is not None and self._end.active():
            self._end.cancel()
        self._end = None
        self._said.clear()
        left_out, self._left_out = self._left_out, 0
        if left_out:
            self._log.info("and {count} more lines like the last ones, left out of the log", count=left_out)

    def _leave_out(self, now: float) -> None:
        self._left_out += 1
        if self._end is None:
            self._end = self._clock.callLater(self._began + WINDOW_SECONDS - now, self.close)
