"""
One job under the reactor of this process, from the start to the exit of a command.

Knows how a job is begun, awaited and, if the process is interrupted, given up. Does not know any job.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

__all__ = ["INTERRUPTED", "completed"]

INTERRUPTED: Final = 130
"""The exit status of a command that was interrupted: what shells give for SIGINT."""

T = TypeVar("T")


def completed(reactor: Any, begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """
    Run the reactor for one job, and let that clear up if the reactor is stopped meanwhile.

    :raises CancelledError: if it was stopped.
    """
    results: list[T | Failure] = []
    running: list[Deferred[None]] = []
    stopping: list[bool] = []

    def start() -> None:
        running.append(Deferred.fromCoroutine(begin()).addBoth(results.append))
        running[0].addCallback(lambda _: None if stopping else reactor.stop())

    def clear_up() -> Deferred[None] | None:
        stopping.append(True)
        if running and not results:
            running[0].cancel()
            return running[0]
        return None

    reactor.addSystemEventTrigger("before", "shutdown", clear_up)
    reactor.callWhenRunning(start)
    reactor.run()
    [result] = results or [Failure(CancelledError())]
    if isinstance(result, Failure):
        result.raiseException()
    return result
