"""When to try again after failures."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.service.backoff import Backoff, BackoffLimits


class BackoffTests(SynchronousTestCase):
    """Waits that grow, and what chance makes of them."""

    def test_at_first_no_wait(self) -> None:
        """Before any failure an attempt may begin at once."""
        backoff = Backoff()
        self.assertEqual(100.0, backoff.ready_at(100.0))
        self.assertTrue(backoff.is_ready(100.0))

    def test_doubles_up_to_the_longest(self) -> None:
        """S27: waits double from five seconds up to one hour, and stay there."""
        backoff = Backoff(chance=lambda: 1.0)
        waits = [backoff.fail(0.0) for _ in range(12)]
        self.assertEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600], waits)

    def test_longest_met_exactly(self) -> None:
        """A wait may be as long as the longest, not a second longer."""
        for most in (20.0, 19.0):
            backoff = Backoff(limits=BackoffLimits(max_seconds=most), chance=lambda: 1.0)
            self.assertEqual([5.0, 10.0, most], [backoff.fail(0.0) for _ in range(3)])

    def test_chance(self) -> None:
        """S27: chance shortens each wait by up to a half, so that the first retry comes within 60 seconds at random."""
        chances = iter([0.0, 0.5, 1.0])
        waits = [Backoff(chance=lambda: next(chances)).fail(0.0) for _ in range(3)]
        self.assertEqual([2.5, 3.75, 5.0], waits)
        drawn = {Backoff().fail(0.0) for _ in range(50)}
        self.assertGreater(len(drawn), 40)
        self.assertTrue(all(2.5 <= wait <= 5.0 for wait in drawn))

    def test_ready(self) -> None:
        """Until the wait is over no attempt may begin; after it, any time."""
        backoff = Backoff(chance=lambda: 1.0)
        self.assertEqual(105.0, backoff.fail(100.0))
        self.assertFalse(backoff.is_ready(104.9))
        self.assertEqual(105.0, backoff.ready_at(104.9))
        self.assertTrue(backoff.is_ready(105.0))
        self.assertEqual(200.0, backoff.ready_at(200.0))

    def test_success(self) -> None:
        """S27: a success ends the waiting, and the next failure begins anew."""
        backoff = Backoff(chance=lambda: 1.0)
        backoff.fail(0.0)
        backoff.fail(0.0)
        backoff.succeed()
        self.assertTrue(backoff.is_ready(1.0))
        self.assertEqual(6.0, backoff.fail(1.0))
