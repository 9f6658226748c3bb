"""What a process holds, and when that is a fault."""

from __future__ import annotations

from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.soak.survey import MAX_GROWTH_PERCENT, Survey, count, faults

NOTHING = Survey(objects={}, peak_kib=1_000, memory_kib=1_000)


class Kept(Protocol):
    """A protocol."""


def after(peak_kib: int = 1_000, **objects: int) -> Survey:
    """A process after a round."""
    return Survey(objects=objects, peak_kib=peak_kib, memory_kib=1_000)


class FaultTests(SynchronousTestCase):
    """Rounds of the same work."""

    def test_none(self) -> None:
        """Where nothing is left but what was there before, there is no fault."""
        before = Survey(objects={"Port": 1}, peak_kib=1, memory_kib=1)
        self.assertEqual([], list(faults(before, [after(Port=1), after()])))

    def test_outlived(self) -> None:
        """Whatever there is more of than before is named, with the round."""
        found = list(faults(NOTHING, [after(Server=2), after(Server=2, DelayedCall=1)]))
        expected = ["2 Server outlived round 1", "1 DelayedCall outlived round 2", "2 Server outlived round 2"]
        self.assertEqual(expected, found)

    def test_growth(self) -> None:
        """The peak may grow by as much as the limit, and not by one KiB more."""
        most = 1_000 + 10 * MAX_GROWTH_PERCENT
        self.assertEqual([], list(faults(NOTHING, [after(), after(most)])))
        (fault,) = faults(NOTHING, [after(), after(most + 1)])
        self.assertIn("the peak grew from 1000 to 1051 KiB, more than 5 %", fault)


class CountTests(SynchronousTestCase):
    """The objects of a process."""

    def test_kinds(self) -> None:
        """What may not outlive a connection is counted by its type; other things are not."""
        clock = Clock()
        found = count([Kept(), Kept(), clock, clock.callLater(1.0, list), "text"])
        self.assertEqual({f"{__name__}.Kept": 2, "twisted.internet.base.DelayedCall": 1}, found)

    def test_cancelled_timer(self) -> None:
        """A timer that is cancelled counts no more: Twisted keeps some of those for a while."""
        timer = Clock().callLater(1.0, list)
        timer.cancel()
        self.assertEqual({}, count([timer]))
