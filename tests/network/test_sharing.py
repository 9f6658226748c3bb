"""Who asks the same thing at the same time shares one job."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.sharing import SharedJobs


class SharedJobsTests(SynchronousTestCase):
    """Joining, leaving, finishing."""

    def setUp(self) -> None:
        """Nobody asks yet."""
        self.jobs: SharedJobs[str, int] = SharedJobs()
        self.started: list[Deferred[int]] = []
        self.cancelled = 0

    async def work(self) -> int:
        """Wait for what the test brings."""
        self.started.append(Deferred())
        try:
            return await self.started[-1]
        except CancelledError:
            self.cancelled += 1
            raise

    def join(self, key: str = "a") -> Deferred[int]:
        """Ask."""
        return self.jobs.join(key, self.work)

    def test_one_job_for_all(self) -> None:
        """Everybody who joins before the end gets the result of one job."""
        askers = [self.join() for _ in range(3)]
        self.assertEqual((1, True, False), (len(self.started), "a" in self.jobs, "b" in self.jobs))
        self.started[0].callback(7)
        self.assertEqual([7, 7, 7], [self.successResultOf(asker) for asker in askers])
        self.assertEqual(0, len(self.jobs))

    def test_failure_reaches_all(self) -> None:
        """A failed job fails for everybody who waits for it."""
        askers = [self.join() for _ in range(2)]
        self.started[0].errback(ZeroDivisionError())
        for asker in askers:
            self.failureResultOf(asker, ZeroDivisionError)

    def test_keys_are_apart(self) -> None:
        """Different questions are different jobs."""
        one, other = self.join("a"), self.join("b")
        self.started[1].callback(2)
        self.assertEqual(2, self.successResultOf(other))
        self.assertNoResult(one)
        self.assertEqual(1, len(self.jobs))

    def test_after_the_end_anew(self) -> None:
        """Who comes after the end starts a new job; nothing is remembered."""
        self.join()
        self.started[0].callback(1)
        late = self.join()
        self.assertNoResult(late)
        self.started[1].callback(2)
        self.assertEqual(2, self.successResultOf(late))

    def test_finished_at_once(self) -> None:
        """A job that does not have to wait leaves nothing behind."""

        async def at_once() -> int:
            return 5

        self.assertEqual(5, self.successResultOf(self.jobs.join("a", at_once)))
        self.assertEqual(0, len(self.jobs))

    def test_one_leaves(self) -> None:
        """An asker who leaves ends its own wait only."""
        leaving, staying = self.join(), self.join()
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        self.started[0].callback(3)
        self.assertEqual(3, self.successResultOf(staying))

    def test_last_leaves(self) -> None:
        """When nobody waits any more the job is cancelled, and the next asker starts a new one."""
        one, other = self.join(), self.join()
        one.cancel()
        self.assertEqual(0, self.cancelled)
        other.cancel()
        self.assertEqual(1, self.cancelled)
        self.failureResultOf(one, CancelledError)
        self.failureResultOf(other, CancelledError)
        later = self.join()
        self.started[1].callback(4)
        self.assertEqual(4, self.successResultOf(later))

    def test_slow_to_cancel(self) -> None:
        """A job that takes its time to end does not disturb the one begun after it."""
        ending: Deferred[int] = Deferred()

        async def stubborn() -> int:
            try:
                return await Deferred[int]()
            except CancelledError:
                return await ending

        abandoned = self.jobs.join("a", stubborn)
        abandoned.cancel()
        self.failureResultOf(abandoned, CancelledError)
        later = self.join()
        ending.callback(1)
        self.assertNoResult(later)
        self.started[0].callback(2)
        self.assertEqual(2, self.successResultOf(later))
