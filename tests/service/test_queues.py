"""Stanzas that wait: their order, their limits, their age."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.service.queues import PairQueue, QueueBudget, QueueLimits
from tests.service.samples import bodies, message, of_size

LIMITS = QueueLimits(
    max_pair_stanzas=3, max_pair_bytes=1_000, max_total_stanzas=5, max_total_bytes=2_000, max_age_seconds=60.0
)
WIDE = QueueLimits()


def queue_of(*texts: str, limits: QueueLimits = WIDE) -> PairQueue:
    """A queue where messages wait since 0, 1, 2 ... seconds."""
    queue = PairQueue(QueueBudget(limits))
    for now, text in enumerate(texts):
        assert queue.push(message(text), float(now))
    return queue


class OrderTests(SynchronousTestCase):
    """First come, first served."""

    def test_order(self) -> None:
        """B11: stanzas leave in the order in which they came."""
        queue = queue_of("1", "2", "3")
        self.assertEqual(3, len(queue))
        self.assertEqual(["1", "2", "3"], bodies(queue.take(10_000)))
        self.assertEqual((0, True), (len(queue), queue.taken))

    def test_as_many_as_fit(self) -> None:
        """Only so many are taken as fit, to the byte."""
        size = len(message("1").data)
        for room, taken in ((2 * size, ["1", "2"]), (2 * size - 1, ["1"])):
            self.assertEqual(taken, bodies(queue_of("1", "2", "3").take(room)))

    def test_one_at_least(self) -> None:
        """A stanza that does not fit is taken nevertheless, alone."""
        self.assertEqual(["1"], bodies(queue_of("1", "2").take(1)))

    def test_nothing_there(self) -> None:
        """Of an empty queue nothing can be taken, and nothing has to be confirmed."""
        queue = queue_of()
        self.assertEqual([], queue.take(1_000))
        self.assertIs(False, queue.taken)
        queue.confirm()
        queue.put_back()
        self.assertEqual([], queue.clear())

    def test_put_back(self) -> None:
        """B11: what was taken and did not go stands in front again, in its order."""
        queue = queue_of("1", "2", "3")
        queue.take(2 * len(message("1").data))
        queue.put_back()
        self.assertEqual(["1", "2", "3"], bodies(queue.take(10_000)))

    def test_confirm(self) -> None:
        """What has gone does not come back."""
        queue = queue_of("1", "2")
        queue.take(1)
        queue.confirm()
        queue.put_back()
        self.assertEqual((False, ["2"]), (queue.taken, bodies(queue.clear())))


class PairLimitTests(SynchronousTestCase):
    """What one domain pair may let wait."""

    def test_stanzas(self) -> None:
        """At the limit of stanzas one more is refused; when one has gone there is room for one."""
        queue = queue_of("1", "2", "3", limits=LIMITS)
        self.assertIs(False, queue.push(message("4"), 3.0))
        queue.take(1)
        self.assertIs(False, queue.push(message("4"), 3.0), "what was taken has not gone yet")
        queue.confirm()
        self.assertIs(True, queue.push(message("4"), 3.0))
        self.assertEqual(["2", "3", "4"], bodies(queue.clear()))

    def test_bytes(self) -> None:
        """A stanza that makes up the limit of bytes waits, one of a byte more does not."""
        for size, waits in ((500, True), (501, False)):
            queue = PairQueue(QueueBudget(LIMITS))
            queue.push(of_size(500), 0.0)
            self.assertIs(waits, queue.push(of_size(size), 0.0))

    def test_bytes_of_what_was_taken(self) -> None:
        """What was taken counts until it is confirmed; what was put back still counts."""
        queue = PairQueue(QueueBudget(LIMITS))
        queue.push(of_size(1_000), 0.0)
        queue.take(1)
        self.assertIs(False, queue.push(of_size(200), 0.0))
        queue.put_back()
        self.assertIs(False, queue.push(of_size(200), 0.0))
        queue.take(1)
        queue.confirm()
        self.assertIs(True, queue.push(of_size(1_000), 0.0))


class TotalLimitTests(SynchronousTestCase):
    """What all domain pairs together may let wait."""

    def test_stanzas(self) -> None:
        """At the limit of all stanzas no queue takes another, until one of any queue has left."""
        budget = QueueBudget(LIMITS)
        one, two = PairQueue(budget), PairQueue(budget)
        for queue in (one, one, one, two, two):
            self.assertIs(True, queue.push(message(), 0.0))
        self.assertIs(False, two.push(message(), 0.0))
        one.take(1)
        one.confirm()
        self.assertIs(True, two.push(message(), 0.0))

    def test_bytes(self) -> None:
        """A stanza that makes up the limit of all bytes waits, one of a byte more does not."""
        for size, waits in ((300, True), (301, False)):
            budget = QueueBudget(LIMITS)
            for other in (900, 800):
                PairQueue(budget).push(of_size(other), 0.0)
            self.assertIs(waits, PairQueue(budget).push(of_size(size), 0.0))

    def test_everything_is_given_back(self) -> None:
        """Whichever way stanzas leave, the budget is as it was."""
        budget = QueueBudget(WIDE)
        queue = PairQueue(budget)
        for now in (0.0, 1.0, 2.0):
            queue.push(message(), now)
        self.assertEqual((3, 3 * len(message().data)), (budget.stanzas, budget.bytes))
        queue.take(1)
        queue.confirm()
        queue.expire(61.0)
        self.assertEqual(1, budget.stanzas)
        queue.clear()
        self.assertEqual((0, 0), (budget.stanzas, budget.bytes))


class AgeTests(SynchronousTestCase):
    """How long a stanza may wait."""

    def test_deadline(self) -> None:
        """The oldest decides: 60 seconds after it came."""
        queue = queue_of("0", "1")
        self.assertEqual(60.0, queue.deadline)
        queue.take(1)
        self.assertEqual(61.0, queue.deadline)
        queue.put_back()
        self.assertEqual(60.0, queue.deadline)
        queue.clear()
        self.assertIsNone(queue.deadline)

    def test_expire(self) -> None:
        """At the age limit a stanza is removed, before it none."""
        queue = queue_of("0", "1", "2")
        self.assertEqual([], queue.expire(59.9))
        self.assertEqual(["0", "1"], bodies(queue.expire(61.0)))
        self.assertEqual(["2"], bodies(queue.clear()))

    def test_taken_ones_do_not_expire(self) -> None:
        """What was taken may have gone, so it does not expire; what was put back is as old as it was."""
        queue = queue_of("0", "1")
        queue.take(1)
        self.assertEqual(["1"], bodies(queue.expire(100.0)))
        queue.put_back()
        self.assertEqual(["0"], bodies(queue.expire(100.0)))

    def test_limit_is_an_option(self) -> None:
        """The age limit is that of the limits."""
        queue = queue_of("0", limits=replace(WIDE, max_age_seconds=5.0))
        self.assertEqual(5.0, queue.deadline)
