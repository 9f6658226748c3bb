"""
One job under the reactor of this process, from the start to the exit of a command.

Knows how a job is begun, awaited and, if the process is interrupted, given up; and where what came of it is
printed. Does not know any job.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, Protocol, TypeVar

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
    job = _Job(reactor, begin)
    reactor.addSystemEventTrigger("before", "shutdown", job.clear_up)
    reactor.callWhenRunning(job.start)
    reactor.run()
    return job.result()


class _Job(Generic[T]):
    """A job, and what became of it."""

    def __init__(self, reactor: Any, begin: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._reactor, self._begin = reactor, begin
        self._running: Deferred[None] | None = None
        self._is_stopping = False
        self._outcome: T | Failure = Failure(CancelledError())
        """Until there is another one, that it never came to an end."""

    def start(self) -> None:
        """Begin, and stop the reactor at the end, unless it is stopping already."""
        self._running = Deferred.fromCoroutine(self._begin()).addBoth(self._keep)
        self._running.addCallback(self._stop)

    def clear_up(self) -> Deferred[None] | None:
        """The reactor stops: give up what is under way, and let it wait for that."""
        self._is_stopping = True
        if self._running is None or self._running.called:
            return None
        self._running.cancel()
        return self._running

    def result(self) -> T:
        """What came of it, or raise what it failed with."""
        if isinstance(self._outcome, Failure):
            self._outcome.raiseException()
        return self._outcome

    def _keep(self, outcome: T | Failure) -> None:
        self._outcome = outcome

    def _stop(self, _result: None) -> None:
        if not self._is_stopping:
            self._reactor.stop()


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
