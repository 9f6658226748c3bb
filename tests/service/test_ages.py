"""One alarm for all that waits."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.service.ages import AgeAlarm
from muxs2s.service.queues import PairQueue, QueueBudget, QueueLimits
from muxs2s.wire.names import DomainName, DomainPair
from tests.service.linkpeer import LinkWorld
from tests.service.samples import A, bodies, message


class AgeAlarmTests(SynchronousTestCase):
    """Queues in which something waits since different times."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.queues: dict[DomainPair, PairQueue] = {}
        self.looked_at: list[PairQueue] = []
        self.expired: list[str] = []
        self.ages = AgeAlarm(self.clock, 60.0, self.queues, self.overdue)
        self.budget = QueueBudget(QueueLimits())

    def overdue(self, queue: PairQueue) -> None:
        """Take what is too old."""
        self.looked_at.append(queue)
        self.expired += bodies(queue.expire(self.clock.seconds()))

    def queue(self, *since: float) -> PairQueue:
        """A queue that was made when the first of these messages came, after all others."""
        pair = DomainPair(A, DomainName.parse(f"peer{len(self.queues)}.example"))
        queue = self.queues[pair] = PairQueue(pair, self.budget, LinkWorld().outgoing, since[0])
        self.push(queue, *since)
        if not self.ages.is_set:
            self.ages.set()
        return queue

    def push(self, queue: PairQueue, *times: float) -> None:
        """Let messages wait."""
        for now in times:
            queue.push(message(str(now)), now)

    def until(self, now: float) -> list[str]:
        """Let time pass; what has become too old in all."""
        self.clock.advance(now - self.clock.seconds())
        return self.expired

    def test_each_at_its_time(self) -> None:
        """Each stanza is taken when it is too old, and a single alarm is set for all of them."""
        for since in ((1.0, 3.0), (2.0,), (5.0,)):
            self.queue(*since)
        for now, expired in ((61.0, "1.0"), (62.0, "2.0"), (63.0, "3.0"), (65.0, "5.0")):
            self.assertEqual(1, len(self.clock.getDelayedCalls()))
            self.assertNotIn(expired, self.until(now - 0.1))
            self.assertEqual(expired, self.until(now)[-1])

    def test_together(self) -> None:
        """What is due together is taken at one ring."""
        self.queue(1.0)
        self.queue(1.0, 1.0)
        self.assertEqual(["1.0"] * 3, self.until(61.0))

    def test_long_life(self) -> None:
        """A queue that is never empty is looked at when something in it is too old, however long it lives."""
        queue = self.queue(1.0)
        for now in range(20, 400, 20):
            self.push(queue, float(now))
        for now in range(80, 460, 20):
            self.assertNotIn(str(float(now - 60)), self.until(now - 0.1))
            self.assertEqual(str(float(now - 60)), self.until(float(now))[-1])
        self.assertLess(len(self.looked_at), 30)

    def test_nothing_is_too_old(self) -> None:
        """A queue whose old stanzas have left is looked at in vain, once in the time that a stanza may wait."""
        queue = self.queue(1.0)
        for now in range(30, 600, 30):
            self.push(queue, float(now))
            queue.take()
            queue.confirm()
            self.assertEqual([], self.until(float(now)))
        self.assertLess(len(self.looked_at), 12)

    def test_older_than_its_queue(self) -> None:
        """Stanzas that come back to a queue are as old as they were."""
        queue = self.queue(1.0)
        queue.take()
        self.push(queue, 50.0)
        self.assertEqual([], self.until(70.0))
        queue.put_back()
        self.ages.watch(queue)
        self.assertEqual(["1.0"], self.until(70.0))
        self.assertEqual(["1.0", "50.0"], self.until(110.0))

    def test_gone(self) -> None:
        """A queue that is gone is not looked at; an alarm that rings for nobody is the last."""
        self.queue(1.0)
        self.queues.clear()
        self.until(100.0)
        self.assertEqual(([], []), (self.looked_at, self.clock.getDelayedCalls()))

    def test_stop(self) -> None:
        """After a stop nothing rings; it may be set again."""
        queue = self.queue(1.0)
        self.ages.stop()
        self.ages.stop()
        self.assertEqual([], self.clock.getDelayedCalls())
        self.ages.watch(queue)
        self.assertFalse(self.ages.is_set)
        self.ages.set()
        self.assertEqual(["1.0"], self.until(61.0))
