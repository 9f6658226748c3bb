"""What becomes due, and when."""

from __future__ import annotations

from math import inf

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.conditions import LONGEST_RETRY_SECONDS, MultiplexCondition, Objection
from muxs2s.multiplex.events import Whose
from muxs2s.multiplex.refusals import MAX_KEPT_CHARACTERS, Refusals
from muxs2s.multiplex.waits import DueWait, Waits
from tests.multiplex.twoends import name


class WaitsTests(SynchronousTestCase):
    """Times, the first one at hand."""

    def setUp(self) -> None:
        self.waits = Waits()

    def test_nothing(self) -> None:
        """If nothing waits, nothing is ever due."""
        self.assertEqual(inf, self.waits.first)
        self.assertEqual([], list(self.waits.due(1e9)))

    def test_order(self) -> None:
        """What is due comes in the order of its times, and no earlier than they say."""
        self.waits.add(30.0, DueWait.VERIFIER, 1)
        self.waits.add(10.0, DueWait.PRESENTER, 1)
        self.waits.add(20.0, DueWait.CERTIFICATE, 7)
        self.assertEqual(10.0, self.waits.first)
        self.assertEqual([], list(self.waits.due(9.9)))
        self.assertEqual([(DueWait.PRESENTER, 1), (DueWait.CERTIFICATE, 7)], list(self.waits.due(20.0)))
        self.assertEqual(30.0, self.waits.first)

    def test_cancelled(self) -> None:
        """A wait that is over is not due, nor does anybody wake for it; to end it twice is no error."""
        self.waits.add(10.0, DueWait.REMOVAL, 3)
        self.waits.cancel(DueWait.REMOVAL, 3)
        self.waits.cancel(DueWait.REMOVAL, 3)
        self.assertEqual(inf, self.waits.first)

    def test_replaced(self) -> None:
        """A later wait of one thing takes the place of the earlier one."""
        self.waits.add(10.0, DueWait.PRESENTER, 3)
        self.waits.add(40.0, DueWait.PRESENTER, 3)
        self.assertEqual([], list(self.waits.due(39.0)))
        self.assertEqual([(DueWait.PRESENTER, 3)], list(self.waits.due(40.0)))

    def test_added_meanwhile(self) -> None:
        """What is added while something is due is met in its turn."""
        self.waits.add(10.0, DueWait.REMOVAL, 1)
        met = []
        for _, id in self.waits.due(20.0):
            met.append(id)
            if id == 1:
                self.waits.add(15.0, DueWait.REMOVAL, 2)
        self.assertEqual([1, 2], met)

    def test_memory(self) -> None:
        """A thousand waits that are over leave next to nothing behind."""
        self.waits.add(1e9, DueWait.CERTIFICATE, 0)
        for id in range(1, 1_001):
            self.waits.add(1_000.0 + id, DueWait.VERIFIER, id)
            self.waits.cancel(DueWait.VERIFIER, id)
        self.assertEqual(1, len(self.waits))
        self.assertLess(len(self.waits._heap), 100)
        self.assertEqual(1e9, self.waits.first)


class RefusalsTests(SynchronousTestCase):
    """What was said of domains that are not proven."""

    def setUp(self) -> None:
        self.refusals = Refusals(max_domains=2)

    def note(
        self, domain: str = "b.example", condition: MultiplexCondition = MultiplexCondition.TRY_AGAIN, **given: float
    ) -> float:
        """Note a refusal at 1,000; when it may be tried again."""
        objection = Objection(condition=condition, text="not now", **given)
        return self.refusals.note(Whose.PEERS, name(domain), objection, 1_000.0).retry_at - 1_000.0

    def test_doubling(self) -> None:
        """M4: what is undecided is tried again after a minute, then after twice as long each time, up to an hour."""
        waits = [self.note() for _ in range(9)]
        self.assertEqual([60.0, 120.0, 240.0, 480.0, 960.0, 1_920.0, *[LONGEST_RETRY_SECONDS] * 3], waits)

    def test_no_doubling(self) -> None:
        """M4: a domain that is not there is tried again after an hour, however often."""
        self.assertEqual({3_600.0}, {self.note(condition=MultiplexCondition.UNKNOWN_DOMAIN) for _ in range(3)})
        self.assertEqual(inf, self.note(condition=MultiplexCondition.BAD_REQUEST))
        self.assertEqual(0.0, self.note(condition=MultiplexCondition.DUPLICATE))

    def test_told(self) -> None:
        """M4: what the peer says of when to try again counts, be it sooner or later."""
        self.assertEqual([5.0, 9_999.0], [self.note(retry_seconds=seconds) for seconds in (5.0, 9_999.0)])

    def test_until_then(self) -> None:
        """M4: until its time has come a domain is not tried, then it is; whose it is counts."""
        self.note()
        domain = name("b.example")
        self.assertIsNotNone(self.refusals.find(Whose.PEERS, domain, 1_059.9))
        self.assertIsNone(self.refusals.find(Whose.PEERS, domain, 1_060.0))
        self.assertIsNone(self.refusals.find(Whose.OURS, domain, 1_000.0))

    def test_forgotten(self) -> None:
        """M4: what is proven after all begins anew with the shortest wait."""
        self.note()
        self.refusals.forget(Whose.PEERS, name("b.example"))
        self.refusals.forget(Whose.PEERS, name("b.example"))
        self.assertEqual(60.0, self.note())

    def test_limit(self) -> None:
        """As many refusals are kept as there are domains; one more, and the one refused longest ago is forgotten."""
        for domain in ("a.example", "b.example", "a.example"):
            self.note(domain)
        self.assertEqual(2, len(self.refusals))
        self.note("c.example")
        kept = [each for each in ("a", "b", "c") if self.refusals.find(Whose.PEERS, name(f"{each}.example"), 1_000.0)]
        self.assertEqual(["a", "c"], kept)

    def test_text(self) -> None:
        """Of what was said for people the first 200 characters are kept."""
        for length in (MAX_KEPT_CHARACTERS, MAX_KEPT_CHARACTERS + 1):
            objection = Objection(condition=MultiplexCondition.TIMEOUT, text="x" * length)
            said = self.refusals.note(Whose.OURS, name("a.example"), objection, 1_000.0)
            self.assertEqual(MAX_KEPT_CHARACTERS, len(said.text))
