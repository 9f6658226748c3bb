"""
One job under the reactor of this process, from the start to the exit of a command.

Knows how a job is begun, awaited and, if the process is interrupted, given up; and where what came of it is
printed. Does not know any job.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol, TypeVar

from rich.console import Console, RenderableType
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

__all__ = ["INTERRUPTED", "Report", "completed", "interrupted", "show"]

INTERRUPTED: Final = 130
"""The exit status of a command that was interrupted: what shells give for SIGINT."""

T = TypeVar("T")


class Report(Protocol):
    """What came of a job."""

    def as_json(self) -> str:
        """For programs."""
        ...

    def for_people(self) -> RenderableType:
        """For people."""
        ...


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


def interrupted(verb: str) -> int:
    """Say on standard error that a verb was interrupted; returns the exit status."""
    Console(stderr=True).print(f"muxs2s {verb}: interrupted", markup=False)
    return INTERRUPTED


def show(report: Report, *, as_json: bool) -> None:
    """Print a report on standard output, in one of its forms."""
    if as_json:
        print(report.as_json())
    else:
        Console().print(report.for_people())
