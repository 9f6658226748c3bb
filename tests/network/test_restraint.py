"""Lines of the log that others can cause."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.restraint import MAX_LINES_PER_WINDOW, WINDOW_SECONDS, RestrainedLog
from tests.hosts.logs import Logged


class RestrainedLogTests(SynchronousTestCase):
    """What is said, and what is left out."""

    def setUp(self) -> None:
        self.logged = Logged(self)
        self.clock = Clock()
        self.log = RestrainedLog(Logger(namespace="muxs2s.test"), self.clock)

    def say(self, *about: int) -> None:
        """Say something about each."""
        for number in about:
            self.log.info(number, "number {number}", number=number)

    def test_once(self) -> None:
        """The same is said once; what is new is said."""
        self.say(1, 1, 2, 1)
        self.assertEqual(["number 1", "number 2"], self.logged.lines)

    def test_many(self) -> None:
        """As many lines as the limit are written within a minute, and not one more."""
        self.say(*range(MAX_LINES_PER_WINDOW))
        self.assertEqual(MAX_LINES_PER_WINDOW, len(self.logged.lines))
        self.say(MAX_LINES_PER_WINDOW)
        self.assertEqual(MAX_LINES_PER_WINDOW, len(self.logged.lines))

    def test_left_out(self) -> None:
        """When the minute is over the log says how many were left out, and what is said then is written again."""
        self.say(1, 1, 1)
        self.clock.advance(WINDOW_SECONDS - 0.001)
        self.assertEqual(1, len(self.logged.lines))
        self.clock.advance(0.001)
        self.say(1)
        left_out = "and 2 more lines like the last ones, left out of the log"
        self.assertEqual(["number 1", left_out, "number 1"], self.logged.lines)

    def test_nothing_left_out(self) -> None:
        """Where nothing was left out nothing is said of it, and there is no timer."""
        self.say(1)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.clock.advance(WINDOW_SECONDS)
        self.say(1)
        self.assertEqual(["number 1"] * 2, self.logged.lines)

    def test_end_of_the_window(self) -> None:
        """The window ends a minute after its first line, whenever something was left out."""
        self.say(1)
        self.clock.advance(WINDOW_SECONDS - 1.0)
        self.say(1)
        self.clock.advance(1.0)
        self.assertEqual((2, []), (len(self.logged.lines), self.clock.getDelayedCalls()))

    def test_clock_set_back(self) -> None:
        """A clock that is set back begins a new window."""
        self.clock.advance(1_000.0)
        self.say(1)
        self.clock.rightNow = 0.0
        self.say(1)
        self.assertEqual(["number 1"] * 2, self.logged.lines)

    def test_close(self) -> None:
        """At the end the log says at once what was left out; to close twice is no fault."""
        self.say(1, 1)
        self.log.close()
        self.log.close()
        self.assertEqual((2, []), (len(self.logged.lines), self.clock.getDelayedCalls()))
