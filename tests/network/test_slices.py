"""Work in slices."""

from __future__ import annotations

from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.slices import MAX_GATHER_SECONDS, MAX_REMEMBERED_LINES, Owner, Rate, Slices, Work
from tests.network.gathering import Gathering
from tests.network.turning import TurningClock

FAST = Rate(per_second=1_000.0, burst=1_000.0, max_waiting=1_000)
SLOW = Rate(per_second=2.0, burst=3.0, max_waiting=1_000)


class SlicesTestCase(SynchronousTestCase):
    """Pieces of work that write down what they do."""

    def setUp(self) -> None:
        self.clock = TurningClock()
        self.slices = Slices(self.clock)
        self.owner = Gathering()
        self.done: list[str] = []

    def work(self, name: str, slices: int = 1) -> Work | None:
        """Do one slice of so many."""
        self.done.append(name)
        return partial(self.work, name, slices - 1) if slices > 1 else None

    def add(self, line: str, name: str, slices: int = 1, rate: Rate = FAST, owner: Owner | None = None) -> bool:
        """Have a piece of work done."""
        return self.slices.add(line, rate, owner or self.owner, partial(self.work, name, slices))

    def assert_done(self, expected: str, turns: int = 100) -> None:
        """So many turns bring this to be done since the last time, in order; each piece is a letter."""
        self.clock.turns(turns)
        done, self.done = "".join(self.done), []
        self.assertEqual(expected, done)


class TurnTests(SlicesTestCase):
    """One slice between two turns of the reactor."""

    def test_one_slice(self) -> None:
        """M9: whatever waits, in however many lines, one slice is done and then the reactor has its turn."""
        for name in "abc":
            self.add(name, name, slices=2)
        self.assertEqual([], self.done)
        for expected in "abcabc":
            self.assert_done(expected, turns=1)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_in_a_line(self) -> None:
        """In a line one piece is done after the other, each to its end."""
        for name in "ab":
            self.add("x", name, slices=2)
        self.assert_done("aabb")

    def test_lines_take_turns(self) -> None:
        """M9: who has much to do does not keep others waiting."""
        for name in "aaaa":
            self.add("x", name)
        self.add("y", "b")
        self.assert_done("abaaa")

    def test_begun_by_work(self) -> None:
        """What a slice asks for has its turn later, in its own line and in others."""

        def ask() -> None:
            self.work("a")
            self.add("x", "b")
            self.add("y", "c")

        self.slices.add("x", FAST, self.owner, ask)
        self.assert_done("a", turns=1)
        self.assert_done("c", turns=1)
        self.assert_done("b", turns=1)


class GatherTests(SlicesTestCase):
    """What comes of many slices is sent in one go, but never late."""

    def test_lone(self) -> None:
        """What comes of a lone piece of work waits for nothing else."""
        self.add("x", "a")
        self.assertTrue(self.owner.gathers)
        self.clock.turn()
        self.assertEqual((False, 1), (self.owner.gathers, self.owner.settled))

    def test_many(self) -> None:
        """What comes of pieces that are due in a row is sent when the last of them is done."""
        for name in "abc":
            self.add("x", name, slices=2)
        self.clock.turns(5)
        self.assertEqual((True, 0), (self.owner.gathers, self.owner.settled))
        self.clock.turn()
        self.assertEqual((False, 1), (self.owner.gathers, self.owner.settled))

    def test_no_longer(self) -> None:
        """As long as the limit says it waits for more, and no longer, whatever is due; then it waits anew."""
        for name in "abcde":
            self.add("x", name)
        for settled in (0, 1):
            self.clock.pass_over(MAX_GATHER_SECONDS / 2)
            self.clock.turn()
            self.assertEqual(settled, self.owner.settled)
        self.clock.turn()
        self.assertEqual((True, 1), (self.owner.gathers, self.owner.settled))

    def test_pause(self) -> None:
        """While a line pauses nothing waits for it."""
        for name in "abcd":
            self.add("x", name, rate=SLOW)
        self.assert_done("abc")
        self.add("x", "e", rate=SLOW)
        self.assertEqual((False, 1), (self.owner.gathers, self.owner.settled))

    def test_each_owner(self) -> None:
        """Of those who share a line each is told; not one that has left."""
        others = [Gathering(), Gathering()]
        for owner in (self.owner, *others):
            self.add("x", "a", slices=2, owner=owner)
        self.slices.leave("x", others[1])
        self.clock.turns(10)
        self.assertEqual([1, 1, 0], [each.settled for each in (self.owner, *others)])

    def test_left_alone(self) -> None:
        """What has come of one's pieces does not wait for ever because all others in the line have left."""
        other = Gathering()
        self.add("x", "a")
        self.add("x", "b", owner=other)
        self.assert_done("a", turns=1)
        self.slices.leave("x", other)
        self.clock.turn()
        self.assertEqual((False, 1), (self.owner.gathers, self.owner.settled))


class RateTests(SlicesTestCase):
    """How fast pieces of work are begun."""

    def test_burst(self) -> None:
        """A burst is done at once; what exceeds it waits, and so does a line that was at rest since."""
        for name in "abcde":
            self.add("x", name, rate=SLOW)
        self.assert_done("abc")
        self.clock.advance(0.5)
        self.assert_done("d")
        self.clock.advance(0.49)
        self.assert_done("")
        self.clock.advance(0.01)
        self.assert_done("e")

    def test_each_line(self) -> None:
        """The rate is that of a line: another goes on, and what comes in the first one meanwhile waits behind."""
        for name in "abcd":
            self.add("x", name, rate=SLOW)
        self.assert_done("abc")
        self.add("y", "z", rate=SLOW)
        self.add("x", "e", rate=SLOW)
        self.assert_done("z")
        self.clock.advance(0.5)
        self.assert_done("d")

    def test_begun_is_ended(self) -> None:
        """The rate is of pieces, not of slices: one that is begun goes on."""
        rate = Rate(per_second=1.0, burst=1.0, max_waiting=10)
        self.add("x", "a", slices=3, rate=rate)
        self.assert_done("aaa")

    def test_most_that_wait(self) -> None:
        """As many pieces as the limit says wait in a line; one more is not taken."""
        rate = Rate(per_second=1.0, burst=1.0, max_waiting=2)
        self.assertEqual([True, True, False], [self.add("x", name, rate=rate) for name in "abc"])
        self.assertTrue(self.add("y", "d", rate=rate))
        self.assert_done("ad")

    def test_remembered(self) -> None:
        """A line in which nothing waits is remembered, so that a burst is not to be had anew for the asking."""
        for name in "abc":
            self.add("x", name, rate=SLOW)
        self.assert_done("abc")
        self.add("x", "d", rate=SLOW)
        self.assert_done("")

    def test_most_remembered(self) -> None:
        """Of one line more than there is room for the one least recently used is forgotten, unless work waits in it."""
        self.assertEqual(10_000, MAX_REMEMBERED_LINES)
        self.slices = Slices(self.clock, max_remembered=2)
        for line in ("x", "x", "x", "x", "y"):
            self.add(line, line, rate=SLOW)
        self.assert_done("xyxx")
        self.add("z", "z", rate=SLOW)
        self.assert_done("z")
        self.clock.advance(0.5)
        self.assert_done("x")
        self.assertEqual({"x", "z"}, set(self.slices._lines))

    def test_all_busy(self) -> None:
        """Where work waits in all lines, none is forgotten."""
        self.slices = Slices(self.clock, max_remembered=2)
        for line in "xyz":
            self.add(line, line)
        self.assert_done("xyz")


class EndTests(SlicesTestCase):
    """Work that nobody waits for any more."""

    def test_leave(self) -> None:
        """Who leaves takes along what waits, and what is under way; others in the line go on."""
        one, other = Gathering(), Gathering()
        self.add("x", "a", slices=3, owner=one)
        self.add("x", "b", owner=other)
        self.add("x", "c", owner=one)
        self.assert_done("a", turns=1)
        self.slices.leave("x", one)
        self.assert_done("b")

    def test_leave_within(self) -> None:
        """A slice may make its owner leave."""

        def leave() -> Work:
            self.slices.leave("x", self.owner)
            return partial(self.work, "a")

        self.slices.add("x", FAST, self.owner, leave)
        self.add("x", "b", owner=Gathering())
        self.assert_done("b")

    def test_leave_nothing(self) -> None:
        """Who waits for nothing may leave, be there a line or not; a pause that was begun leads to nothing."""
        self.slices.leave("x", self.owner)
        for name in "abcd":
            self.add("x", name, rate=SLOW)
        self.assert_done("abc")
        self.slices.leave("x", self.owner)
        self.clock.advance(0.5)
        self.assert_done("")

    def test_close(self) -> None:
        """At the end nothing is done any more, nor asked of the reactor, be lines due or at rest."""
        for name in "abcd":
            self.add("x", name, rate=SLOW)
        self.assert_done("abc")
        self.add("y", "e")
        self.slices.close()
        self.assertEqual([], self.clock.getDelayedCalls())
        self.slices.close()

    def test_close_within(self) -> None:
        """A slice may end everything."""
        self.slices.add("x", FAST, self.owner, self.slices.close)
        self.add("x", "a")
        self.add("y", "b")
        self.assert_done("")
