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
        self._left_out = 0
        self._window: IDelayedCall | None = None

    def info(self, about: Hashable, text: str, **fields: object) -> None:
        """
        Say something, unless it was said within this window.

        :param about: the same for what is the same.
        :param text: as :meth:`twisted.logger.Logger.info` has it, with its fields.
        """
        if about in self._said or len(self._said) >= MAX_LINES_PER_WINDOW:
            self._left_out += 1
            return
        if self._window is None:
            self._window = self._clock.callLater(WINDOW_SECONDS, self.close)
        self._said.add(about)
        self._log.info(text, **fields)

    def close(self) -> None:
        """The window is over: say how many lines were left out, and begin anew with the next one."""
        if self._window is not None and self._window.active():
            self._window.cancel()
        self._window = None
        self._said.clear()
        left_out, self._left_out = self._left_out, 0
        if left_out:
            self._log.info("and {count} more lines like the last ones, left out of the log", count=left_out)
