"""When to try again after failures."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.service.backoff import MAX_BACKOFFS, Backoff, BackoffLimits, Backoffs
from muxs2s.wire.errors import MuxS2SError


class BackoffTests(SynchronousTestCase):
    """Waits that grow, and what chance makes of them."""

    def test_at_first_no_wait(self) -> None:
        """Before any failure an attempt may begin at once."""
        backoff = Backoff()
        self.assertEqual(100.0, backoff.ready_at(100.0))

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
        self.assertEqual(105.0, backoff.ready_at(104.9))
        self.assertEqual(105.0, backoff.ready_at(105.0))
        self.assertEqual(200.0, backoff.ready_at(200.0))

    def test_success(self) -> None:
        """S27: a success ends the waiting, and the next failure begins anew."""
        backoff = Backoff(chance=lambda: 1.0)
        backoff.fail(0.0)
        backoff.fail(0.0)
        backoff.succeed()
        self.assertEqual(1.0, backoff.ready_at(1.0))
        self.assertEqual(6.0, backoff.fail(1.0))

    def test_attempts_that_come_to_nothing(self) -> None:
        """S27: what an attempt leads to may be good for nothing once; from the second time in a row it is a failure."""
        backoff, why = Backoff(chance=lambda: 1.0), MuxS2SError("nothing")
        for now, ready in ((0.0, 0.0), (1.0, 6.0), (10.0, 20.0)):
            backoff.opened()
            backoff.bore_nothing(now, why)
            self.assertEqual(ready, backoff.ready_at(now))
        backoff.bore_fruit()
        backoff.bore_nothing(30.0, why)
        self.assertEqual((30.0, None), (backoff.ready_at(30.0), backoff.why))

    def test_attempt_that_succeeds(self) -> None:
        """An attempt that succeeds ends the waiting at once where none before it came to nothing."""
        backoff = Backoff(chance=lambda: 1.0)
        backoff.fail(0.0)
        backoff.opened()
        self.assertEqual(1.0, backoff.ready_at(1.0))

    def test_reason(self) -> None:
        """The last failure is remembered until a success."""
        backoff = Backoff()
        self.assertIsNone(backoff.why)
        backoff.fail(0.0, MuxS2SError("first"))
        backoff.fail(0.0, MuxS2SError("second"))
        self.assertEqual("second", str(backoff.why))
        backoff.succeed()
        self.assertIsNone(backoff.why)


class BackoffsTests(SynchronousTestCase):
    """Whose failures are remembered."""

    def test_each_has_one(self) -> None:
        """Everyone has a back-off, always the same."""
        backoffs = Backoffs(Backoff)
        self.assertIs(backoffs.of("one"), backoffs.of("one"))
        self.assertIsNot(backoffs.of("one"), backoffs.of("two"))
        self.assertEqual(2, len(backoffs))

    def test_max_backoffs(self) -> None:
        """At the limit all are remembered; past it the one asked for longest ago is forgotten."""
        backoffs = Backoffs(Backoff, max_backoffs=2)
        one, two = backoffs.of(1), backoffs.of(2)
        self.assertIs(one, backoffs.of(1))
        backoffs.of(3)
        self.assertEqual(2, len(backoffs))
        self.assertIs(one, backoffs.of(1))
        self.assertIsNot(two, backoffs.of(2))

    def test_default_limit(self) -> None:
        """Ten thousand are remembered unless told otherwise."""
        backoffs = Backoffs(Backoff)
        for number in range(MAX_BACKOFFS + 1):
            backoffs.of(number)
        self.assertEqual(10_000, len(backoffs))

    def test_reset(self) -> None:
        """Someone who was reached may be tried at once; whoever is not known stays so."""
        backoffs = Backoffs(Backoff)
        backoffs.of("one").fail(0.0)
        backoffs.reset("one")
        self.assertEqual(0.0, backoffs.of("one").ready_at(0.0))
        backoffs.reset("two")
        self.assertEqual(1, len(backoffs))
