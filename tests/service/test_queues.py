"""Stanzas that wait: their order, their limits, their age."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.service.backoff import Backoff
from muxs2s.service.queues import PairQueue, QueueBudget, QueueLimits
from muxs2s.wire.errors import MuxS2SError
from tests.service.samples import PAIR, bodies, message, of_size

LIMITS = QueueLimits(
    max_pair_stanzas=3, max_pair_bytes=1_000, max_total_stanzas=5, max_total_bytes=2_000, max_age_seconds=60.0
)
WIDE = QueueLimits()


class Keeper:
    """Nobody who hears of anything."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        raise AssertionError(name)


def new_queue(budget: QueueBudget) -> PairQueue:
    """An empty queue."""
    return PairQueue(PAIR, budget, Keeper(), 0.0)


def queue_of(*texts: str, limits: QueueLimits = WIDE) -> PairQueue:
    """A queue where messages wait since 0, 1, 2 ... seconds."""
    queue = new_queue(QueueBudget(limits))
    for now, text in enumerate(texts):
        assert queue.push(message(text), float(now))
    return queue


def take(queue: PairQueue, count: int) -> list[str]:
    """Take messages; what they say."""
    return bodies([queue.take() for _ in range(count)])


class OrderTests(SynchronousTestCase):
    """First come, first served."""

    def test_order(self) -> None:
        """B11: stanzas leave in the order in which they came."""
        queue = queue_of("1", "2", "3")
        self.assertEqual(3, len(queue))
        self.assertEqual(["1", "2", "3"], take(queue, 3))
        self.assertEqual((0, True), (len(queue), queue.taken))

    def test_next(self) -> None:
        """What comes next can be measured before it is taken."""
        queue = new_queue(QueueBudget(WIDE))
        for size in (200, 300):
            queue.push(of_size(size), 0.0)
            queue.push(of_size(size), 0.0)
        sizes = [(queue.next_bytes, len(queue.take().data)) for _ in range(4)]
        self.assertEqual([(200, 200)] * 2 + [(300, 300)] * 2, sizes)

    def test_drop(self) -> None:
        """What is dropped is nobody's business any more."""
        budget = QueueBudget(WIDE)
        queue = new_queue(budget)
        queue.push(message("1"), 0.0)
        self.assertEqual(["1"], bodies([queue.drop()]))
        queue.put_back()
        self.assertEqual((0, 0, 0), (len(queue), budget.stanzas, budget.bytes))

    def test_nothing_there(self) -> None:
        """In an empty queue nothing has to be confirmed."""
        queue = queue_of()
        self.assertIs(False, queue.taken)
        queue.confirm()
        queue.put_back()
        self.assertEqual([], queue.clear())

    def test_put_back(self) -> None:
        """B11: what was taken and did not go stands in front again, in its order."""
        queue = queue_of("1", "2", "3")
        take(queue, 2)
        queue.put_back()
        self.assertEqual(["1", "2", "3"], take(queue, 3))

    def test_attempts_that_bore_fruit(self) -> None:
        """The back-off of the attempts for a queue begins anew as soon as something has gone, not before."""
        queue, backoff = queue_of("1"), Backoff()
        backoff.fail(0.0, MuxS2SError("sorry"))
        queue.backoff = backoff
        queue.confirm()
        queue.take()
        self.assertIsNotNone(backoff.why)
        queue.confirm()
        self.assertEqual((None, None), (backoff.why, queue.backoff))

    def test_confirm(self) -> None:
        """What has gone does not come back."""
        queue = queue_of("1", "2")
        queue.take()
        queue.confirm()
        queue.put_back()
        self.assertEqual((False, ["2"]), (queue.taken, bodies(queue.clear())))


class PairLimitTests(SynchronousTestCase):
    """What one domain pair may let wait."""

    def test_stanzas(self) -> None:
        """At the limit of stanzas one more is refused; when one has gone there is room for one."""
        queue = queue_of("1", "2", "3", limits=LIMITS)
        self.assertIs(False, queue.push(message("4"), 3.0))
        queue.take()
        self.assertIs(False, queue.push(message("4"), 3.0), "what was taken has not gone yet")
        queue.confirm()
        self.assertIs(True, queue.push(message("4"), 3.0))
        self.assertEqual(["2", "3", "4"], bodies(queue.clear()))

    def test_bytes(self) -> None:
        """A stanza that makes up the limit of bytes waits, one of a byte more does not."""
        for size, waits in ((500, True), (501, False)):
            queue = new_queue(QueueBudget(LIMITS))
            queue.push(of_size(500), 0.0)
            self.assertIs(waits, queue.push(of_size(size), 0.0))

    def test_bytes_of_what_was_taken(self) -> None:
        """What was taken counts until it is confirmed; what was put back still counts."""
        queue = new_queue(QueueBudget(LIMITS))
        queue.push(of_size(1_000), 0.0)
        queue.take()
        self.assertIs(False, queue.push(of_size(200), 0.0))
        queue.put_back()
        self.assertIs(False, queue.push(of_size(200), 0.0))
        queue.take()
        queue.confirm()
        self.assertIs(True, queue.push(of_size(1_000), 0.0))


class TotalLimitTests(SynchronousTestCase):
    """What all domain pairs together may let wait."""

    def test_stanzas(self) -> None:
        """At the limit of all stanzas no queue takes another, until one of any queue has left."""
        budget = QueueBudget(LIMITS)
        one, two = new_queue(budget), new_queue(budget)
        for queue in (one, one, one, two, two):
            self.assertIs(True, queue.push(message(), 0.0))
        self.assertIs(False, two.push(message(), 0.0))
        one.take()
        one.confirm()
        self.assertIs(True, two.push(message(), 0.0))

    def test_bytes(self) -> None:
        """A stanza that makes up the limit of all bytes waits, one of a byte more does not."""
        for size, waits in ((300, True), (301, False)):
            budget = QueueBudget(LIMITS)
            for other in (900, 800):
                new_queue(budget).push(of_size(other), 0.0)
            self.assertIs(waits, new_queue(budget).push(of_size(size), 0.0))

    def test_everything_is_given_back(self) -> None:
        """Whichever way stanzas leave, the budget is as it was."""
        budget = QueueBudget(WIDE)
        queue = new_queue(budget)
        for now in (0.0, 1.0, 2.0):
            queue.push(message(), now)
        self.assertEqual((3, 3 * len(message().data)), (budget.stanzas, budget.bytes))
        queue.take()
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
        queue.take()
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
        queue.take()
        self.assertEqual(["1"], bodies(queue.expire(100.0)))
        queue.put_back()
        self.assertEqual(["0"], bodies(queue.expire(100.0)))

    def test_limit_is_an_option(self) -> None:
        """The age limit is that of the limits."""
        queue = queue_of("0", limits=replace(WIDE, max_age_seconds=5.0))
        self.assertEqual(5.0, queue.deadline)
