"""Places given in turn."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.turns import Turns


class TurnsTestCase(SynchronousTestCase):
    """Three places, two of them for one."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.turns: Turns[str] = Turns(self.clock, 3, 2)
        self.served: list[str] = []

    def take(self, *keys: str) -> list[Deferred[None]]:
        """Take a place for each, one after the other."""
        return [self.turns.take(key).addCallback(self.serve, key) for key in keys]

    def serve(self, _turn: None, key: str) -> None:
        """Keep who has had a turn."""
        self.served.append(key)

    def give_back(self, *keys: str) -> None:
        """Give back a place of each, one after the other, each in a turn of the reactor."""
        for key in keys:
            self.turns.give_back(key)
            self.clock.advance(0.0)

    def assert_served(self, keys: str) -> None:
        """See who was served since the last time, in order; each is a letter."""
        served, self.served = "".join(self.served), []
        self.assertEqual(keys, served)


class LimitTests(TurnsTestCase):
    """How many there are."""

    def test_in_all(self) -> None:
        """As many places as there are are given at once; one more waits until one is given back."""
        self.take(*"abcd")
        self.assert_served("abc")
        self.assertEqual(1, len(self.turns))
        self.give_back("b")
        self.assert_served("d")
        self.assertEqual(0, len(self.turns))

    def test_for_one(self) -> None:
        """One takes no more than its share, though there are others; it is no hindrance to anybody."""
        self.take(*"aaa")
        self.assert_served("aa")
        self.take("b")
        self.assert_served("b")
        self.give_back("b")
        self.assert_served("")
        self.give_back("a")
        self.assert_served("a")


class FairnessTests(TurnsTestCase):
    """Whose turn it is."""

    def test_everybody_has_a_turn(self) -> None:
        """Places go round: one for whom many wait does not keep others from theirs."""
        self.take(*"abc")
        self.assert_served("abc")
        self.take(*"xxxyz")
        self.give_back(*"abcyz")
        self.assert_served("xyzx")

    def test_first_come_first_served(self) -> None:
        """Among those who wait for the same, the longest has the first turn."""
        self.take(*"abc")
        first, second = self.take("x", "x")
        self.give_back("a")
        self.successResultOf(first)
        self.assertNoResult(second)

    def test_share_used_up(self) -> None:
        """One that has all it may is passed over, and lines up again when it has less."""
        self.take(*"aab")
        self.take(*"aac")
        self.assert_served("aab")
        self.give_back("b")
        self.assert_served("c")
        self.give_back("a")
        self.assert_served("a")
        self.give_back("c")
        self.assert_served("")


class EndTests(TurnsTestCase):
    """Those who do not wait any longer, and those who are done at once."""

    def test_cancelled(self) -> None:
        """Who leaves before the turn has come takes no place; the next has it."""
        self.take(*"abc")
        gone, left = self.take(*"xx")
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self.give_back("a")
        self.successResultOf(left)
        self.assertEqual(0, len(self.turns))

    def test_all_cancelled(self) -> None:
        """When all have left for one, it has no turn any more."""
        self.take(*"abc")
        (gone,) = self.take("x")
        self.take("y")
        self.assert_served("abc")
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self.give_back("a")
        self.assert_served("y")

    def test_done_at_once(self) -> None:
        """Thousands who give their place back as soon as they have it are served one after the other."""
        self.take(*"abc")
        waiting = [self.turns.take("x").addCallback(lambda _: self.give_back("x")) for _ in range(5_000)]
        self.give_back("a")
        for waiter in waiting:
            self.successResultOf(waiter)
        self.assertEqual(0, len(self.turns))
