"""The books of the cases themselves: what must never happen is seen."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.ledger import Bounce, Flow, Ledger


class FaultTests(SynchronousTestCase):
    """One flow of four stanzas."""

    def flow(self, *arrived: str, bounced: str = "") -> Flow:
        """A flow of which these have arrived and those come back."""
        returned = [Bounce(id=id_, condition="gone", text="") for id_ in bounced]
        return Flow(sent=list("abcd"), arrived=list(arrived), bounced=returned)

    def test_faultless(self) -> None:
        """What arrives once and in order, comes back or is missing is no fault."""
        flow = self.flow("a", "d", bounced="b")
        self.assertEqual(([], ["c"], 1), (flow.faults(), flow.missing, flow.gaps()))

    def test_faults(self) -> None:
        """Twice, out of order, unsent, bounced twice, bounced after all, bounced unsent: each is named."""
        for flow, fault in (
            (self.flow("a", "a"), "a arrived twice"),
            (self.flow("a", "b", "a"), "a arrived after b"),
            (self.flow("b", "a"), "a arrived after b"),
            (self.flow("x"), "x arrived, but was never sent"),
            (self.flow(bounced="aa"), "a was bounced 2 times"),
            (self.flow("a", bounced="a"), "a was bounced, but had arrived"),
            (self.flow(bounced="x"), "x was bounced, but was never sent"),
        ):
            self.assertIn(fault, flow.faults())

    def test_gaps(self) -> None:
        """Runs of missing stanzas are counted."""
        self.assertEqual(2, self.flow("b", bounced="c").gaps())

    def test_order_in_fact(self) -> None:
        """Another order of sending counts instead; what it does not name stays in its place."""
        flow = self.flow("c", "a")
        flow.put_in_order(["c", "x", "a"])
        self.assertEqual((["c", "b", "a", "d"], []), (flow.sent, flow.faults()))


class LedgerTests(SynchronousTestCase):
    """Stanzas find their flow."""

    def test_note(self) -> None:
        """Resources do not matter, an error belongs to the way there, what was not sent is struck out."""
        ledger = Ledger()
        ledger.send("u@b.example/home", "a.example", ["m0", "m1", "m2"])
        ledger.note("u@b.example/home", "a.example", "m0", None, None)
        ledger.note("a.example", "u@b.example/home", "m1", "gone", "away")
        ledger.unsend("m2")
        flow = ledger.flow("u@b.example", "a.example")
        self.assertEqual((["m0"], {"gone"}, []), (flow.arrived, flow.conditions, flow.missing))
        self.assertEqual([flow], ledger.between(["b.example"]))
        self.assertEqual([], ledger.faults())
