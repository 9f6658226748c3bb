"""
One job for everybody who asks the same thing at the same time.

Knows who waits for which job, and ends a job when the last of them leaves. Does not know what a job
does, and remembers no result: a cache is its owner's business.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

__all__ = ["SharedJobs"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class _Job(Generic[T]):
    """A job under way and those who wait for it."""

    def __init__(self) -> None:
        self.askers: list[Deferred[T]] = []
        self.work: Deferred[None] = succeed(None)


class SharedJobs(Generic[K, T]):
    """The jobs under way, each under the key of its question."""

    def __init__(self) -> None:
        self._jobs: dict[K, _Job[T]] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, key: K) -> bool:
        """Whether a job is under way."""
        return key in self._jobs

    def join(self, key: K, start: Callable[[], Coroutine[Deferred[Any], Any, T]]) -> Deferred[T]:
        """
        Wait for the job of this key; begin it if nobody has.

        :param start: makes the job's coroutine; called only if none is under way.
        :returns: fires and fails as the job does. Cancelling it leaves the job to the other askers;
            when the last one has left, the job itself is cancelled.
        """
        job = self._jobs.get(key)
        begins = job is None
        if job is None:
            job = self._jobs[key] = _Job()
        asker = self._asker(key, job)
        if begins:
            job.work = Deferred.fromCoroutine(start()).addBoth(self._finish, key, job)
        return asker

    def _asker(self, key: K, job: _Job[T]) -> Deferred[T]:
        asker: Deferred[T] = Deferred(lambda leaving: self._leave(leaving, key, job))
        job.askers.append(asker)
        return asker

    def _leave(self, asker: Deferred[T], key: K, job: _Job[T]) -> None:
        job.askers.remove(asker)
        if not job.askers:
            self._forget(key, job)
            job.work.cancel()

    def _finish(self, result: T | Failure, key: K, job: _Job[T]) -> None:
        self._forget(key, job)
        askers, job.askers = job.askers, []
        for asker in askers:
            if isinstance(result, Failure):
                asker.errback(result)
            else:
                asker.callback(result)

    def _forget(self, key: K, job: _Job[T]) -> None:
        if self._jobs.get(key) is job:
            del self._jobs[key]
