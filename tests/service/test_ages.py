"""One alarm for all that waits."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.service.ages import AgeAlarm
from muxs2s.service.queues import PairQueue, QueueBudget, QueueLimits
from tests.service.linkpeer import LinkWorld
from tests.service.samples import PAIR, bodies, message


class AgeAlarmTests(SynchronousTestCase):
    """Queues in which something waits since different times."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.rung: list[PairQueue] = []
        self.expired: list[str] = []
        self.ages = AgeAlarm(self.clock, self.overdue)
        self.budget = QueueBudget(QueueLimits())

    def overdue(self, queue: PairQueue) -> None:
        """Take what is too old."""
        self.rung.append(queue)
        self.expired += bodies(queue.expire(self.clock.seconds()))

    def queue(self, *since: float) -> PairQueue:
        """A queue in which messages wait since these times, watched."""
        queue = PairQueue(PAIR, self.budget, LinkWorld().outgoing)
        for now in since:
            queue.push(message(str(now)), now)
        self.ages.watch(queue)
        return queue

    def test_each_at_its_time(self) -> None:
        """Each is told when its oldest stanza is too old, in whatever order they are watched, by a single alarm."""
        for since in ((5.0,), (1.0, 3.0), (2.0,)):
            self.queue(*since)
        for now, expired in ((61.0, ["1.0"]), (62.0, ["2.0"]), (63.0, ["3.0"]), (65.0, ["5.0"])):
            self.assertEqual(1, len(self.clock.getDelayedCalls()))
            self.clock.advance(now - self.clock.seconds())
            self.assertEqual(expired, self.expired[-1:])
        self.assertEqual((4, []), (len(self.expired), self.clock.getDelayedCalls()))

    def test_together(self) -> None:
        """Those that are due together are told together."""
        self.queue(1.0)
        self.queue(1.0, 1.0)
        self.clock.advance(61.0)
        self.assertEqual((3, 2), (len(self.expired), len(self.rung)))

    def test_nothing_waits(self) -> None:
        """For a queue in which nothing waits no alarm is set."""
        self.queue()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_younger_now(self) -> None:
        """A queue whose oldest stanza has left is told too early, once, and then at its time."""
        queue = self.queue(1.0, 9.0)
        queue.take()
        queue.confirm()
        self.ages.watch(queue)
        self.clock.advance(61.0)
        self.assertEqual((1, []), (len(self.rung), self.expired))
        self.clock.advance(8.0)
        self.assertEqual(["9.0"], self.expired)

    def test_older_again(self) -> None:
        """A queue to which older stanzas come back is told when these are too old, once."""
        queue = PairQueue(PAIR, self.budget, LinkWorld().outgoing)
        queue.push(message("1.0"), 1.0)
        queue.take()
        queue.push(message("9.0"), 9.0)
        self.ages.watch(queue)
        queue.put_back()
        self.ages.watch(queue)
        self.clock.advance(61.0)
        self.assertEqual(["1.0"], self.expired)
        self.clock.advance(8.0)
        self.assertEqual((["1.0", "9.0"], 2), (self.expired, len(self.rung)))

    def test_forgotten(self) -> None:
        """A queue that was forgotten is not told; an alarm that rings for nobody is the last."""
        queue, other = self.queue(1.0), self.queue(2.0)
        self.ages.forget(queue)
        self.ages.forget(other)
        self.ages.forget(other)
        self.clock.advance(100.0)
        self.assertEqual(([], []), (self.rung, self.clock.getDelayedCalls()))

    def test_memory(self) -> None:
        """Queues that come and go leave nothing behind, while one stays."""
        self.queue(1.0)
        for _ in range(100):
            self.ages.forget(self.queue(2.0))
        self.assertLessEqual(len(self.ages), 3)

    def test_stop(self) -> None:
        """After a stop nothing rings; whatever is watched then does."""
        self.queue(1.0)
        self.ages.stop()
        self.ages.stop()
        self.assertEqual((0, []), (len(self.ages), self.clock.getDelayedCalls()))
        self.queue(2.0)
        self.clock.advance(62.0)
        self.assertEqual(["2.0"], self.expired)
