"""What was done to reach a domain, step by step."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.resolver import LookupFailed
from muxs2s.network.transcript import MAX_STEPS, Culprit, RecordedLookup, Step, Transcript
from muxs2s.testing.dns import MemoryResolver, Zone
from muxs2s.wire.reasons import MAX_REASON_CHARACTERS


class TranscriptTestCase(SynchronousTestCase):
    """A transcript that began some time ago."""

    def setUp(self) -> None:
        """Two seconds ago."""
        self.clock = Clock()
        self.clock.advance(1_000.0)
        self.transcript = Transcript(self.clock)
        self.clock.advance(2.0)


class StepTests(TranscriptTestCase):
    """One step after the other."""

    def test_success(self) -> None:
        """A step that went well has its times and no culprit."""
        step = self.transcript.begin("connect", "b.example:5269")
        self.clock.advance(0.5)
        step.succeed("connected")
        expected = Step(what="connect", subject="b.example:5269", began_seconds=2.0, took_seconds=0.5, text="connected")
        self.assertEqual((expected,), self.transcript.steps)
        self.assertTrue(expected.went_well)

    def test_failure(self) -> None:
        """A step that failed has a culprit, and did not go well."""
        self.transcript.begin("tls", "b.example:5270").fail("no TLS there", Culprit.PEER)
        (step,) = self.transcript.steps
        self.assertEqual(("no TLS there", Culprit.PEER, False), (step.text, step.culprit, step.went_well))

    def test_not_over(self) -> None:
        """A step that never ends neither went well nor failed; what was read before stays as it was."""
        begun = self.transcript.begin("connect", "b.example:5269")
        (step,) = self.transcript.steps
        begun.succeed("connected")
        self.assertEqual((None, None, False), (step.took_seconds, step.culprit, step.went_well))

    def test_order(self) -> None:
        """Steps stand in the order in which they began, however they end."""
        first, second = self.transcript.begin("srv", "a"), self.transcript.begin("srv", "b")
        second.succeed("2")
        first.fail("1", Culprit.DNS)
        self.assertEqual([("a", "1"), ("b", "2")], [(step.subject, step.text) for step in self.transcript.steps])

    def test_text(self) -> None:
        """Written as a line, a step says when it began, what it was and what came of it."""
        self.transcript.begin("tls", "b.example").fail("no TLS there", Culprit.PEER)
        self.transcript.begin("connect", "c.example")
        lines = ["2.000 s tls b.example: no TLS there", "2.000 s connect c.example: given up"]
        self.assertEqual(lines, [str(step) for step in self.transcript.steps])

    def test_hostile_text(self) -> None:
        """What a peer or DNS says makes neither a second line nor a long one."""
        self.transcript.begin("tls", "b\nexample").fail("x" * 10_000, Culprit.PEER)
        (step,) = self.transcript.steps
        self.assertEqual(r"b\nexample", step.subject)
        self.assertEqual("x" * MAX_REASON_CHARACTERS + "...", step.text)

    def test_limit(self) -> None:
        """As many steps as allowed are written down; further ones are counted, and end without a trace."""
        steps = [self.transcript.begin("srv", str(number)) for number in range(MAX_STEPS)]
        self.assertEqual((MAX_STEPS, 0), (len(self.transcript.steps), self.transcript.left_out))
        self.transcript.begin("srv", "one more").succeed("unseen")
        steps[-1].succeed("seen")
        self.assertEqual((MAX_STEPS, 1), (len(self.transcript.steps), self.transcript.left_out))
        self.assertEqual("seen", self.transcript.steps[-1].text)


class LookupTests(TranscriptTestCase):
    """Questions to DNS."""

    def setUp(self) -> None:
        """A zone to ask."""
        super().setUp()
        self.zone = Zone()
        self.lookup = RecordedLookup(MemoryResolver(self.zone, self.clock), self.transcript)

    def ask(self, rdtype: str, name: str = "b.example") -> Step:
        """Put a question; tells the step."""
        asking = Deferred.fromCoroutine(self.lookup.query(name, rdtype))
        self.successResultOf(asking)
        return self.transcript.steps[-1]

    def test_answers(self) -> None:
        """Each question is a step, named after its type, with the records."""
        self.zone.add("b.example", "A", "192.0.2.1")
        self.zone.add("b.example", "TLSA", "3 1 0 00")
        texts = [(step.what, step.text) for step in map(self.ask, ("A", "AAAA", "TLSA", "SRV"))]
        answers = [("address", "192.0.2.1"), ("address", "no record"), ("tlsa", "3 1 0 00")]
        self.assertEqual([*answers, ("srv", "no record")], texts)

    def test_many_records(self) -> None:
        """Of many records the first are shown, and how many there are more."""
        for count, ending in ((8, ""), (9, ", 1 more"), (10, ", 2 more")):
            self.zone.add("b.example", "A", *(f"192.0.2.{number}" for number in range(1, count + 1)))
            shown = self.ask("A").text
            self.assertRegex(shown, rf"^192\.0\.2\.\d+(, 192\.0\.2\.\d+){{7}}{ending}$")

    def test_failure(self) -> None:
        """A question without an answer is the fault of DNS, and fails for the asker too."""
        self.zone.fail("b.example")
        asking = Deferred.fromCoroutine(self.lookup.query("b.example", "A"))
        failed = self.failureResultOf(asking, LookupFailed).value
        (step,) = self.transcript.steps
        self.assertEqual((str(failed), Culprit.DNS), (step.text, step.culprit))
