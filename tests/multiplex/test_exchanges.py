"""Every state of an exchange with every input, at the ends that go through them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import Accept, ListedName, Offer, Present, Reject, Request
from muxs2s.multiplex.exchanges import (
    PRESENTING,
    VERIFYING,
    PresenterInput,
    PresenterState,
    VerifierInput,
    VerifierState,
)
from muxs2s.multiplex.verdicts import NotVouched
from tests.multiplex import draw_machines
from tests.multiplex.twoends import OneEnd, issued, name, vouched

C: Final = name("c.example")
ID: Final = 1
"""Of the exchange that is looked at; the end has begun it."""

UNASKED: Final = 2
"""Of one that the peer begins."""

WAIT: Final = 60.0


class PresenterGridTests(SynchronousTestCase):
    """The end that proves a domain of its own."""

    def begin(self, state: PresenterState) -> None:
        """Bring an exchange into a state."""
        self.one = OneEnd("c.example")
        self.number = ID
        way: Mapping[PresenterState, tuple[PresenterInput, ...]] = {
            PresenterState.NEW: (),
            PresenterState.OFFERED: (PresenterInput.OFFER,),
            PresenterState.ASKED: (PresenterInput.OFFER, PresenterInput.REQUEST),
            PresenterState.PRESENTED: (PresenterInput.OFFER, PresenterInput.REQUEST, PresenterInput.READY),
            PresenterState.OVER: (PresenterInput.OFFER, PresenterInput.REJECT),
        }
        for given in way[state]:
            self.give(given)
        if state is PresenterState.NEW:
            self.number = UNASKED

    def give(self, given: PresenterInput) -> None:
        """Have something happen to it."""
        one, multiplexer = self.one, self.one.multiplexer
        request = one.end.authenticators.request(C)
        condition, names = MultiplexCondition.INTERNAL_ERROR, (ListedName(name=C),)
        does: Mapping[PresenterInput, Callable[[], object]] = {
            PresenterInput.OFFER: lambda: multiplexer.offer(C, one.now),
            PresenterInput.REQUEST: lambda: one.hear(Request(id=self.number, domain=C, data=request)),
            PresenterInput.READY: lambda: multiplexer.present(self.number, b"proof", one.now),
            PresenterInput.DECLINE: lambda: multiplexer.decline(self.number, condition, "", one.now),
            PresenterInput.ACCEPT: lambda: one.hear(Accept(id=self.number, certificate=None, names=names)),
            PresenterInput.REJECT: lambda: one.hear(Reject(id=self.number, condition=condition, text="")),
            PresenterInput.LATE: lambda: one.pass_time(WAIT),
        }
        does[given]()

    def state(self, before: PresenterState) -> PresenterState:
        """Where it stands."""
        open_ones = self.one.multiplexer._presenter._open
        if before is PresenterState.NEW:
            found = next(iter(open_ones.values()), None)
            return PresenterState.NEW if found is None else found.state
        return open_ones[ID].state if ID in open_ones else PresenterState.OVER

    def test_grid(self) -> None:
        """M4: every input moves every state as the table says; what is absent from it changes nothing."""
        for before, given in product(PresenterState, PresenterInput):
            self.begin(before)
            self.assertIs(before, self.state(before))
            self.give(given)
            self.assertIs(PRESENTING.get((before, given), before), self.state(before), f"{before} {given}")


class DrawingTests(SynchronousTestCase):
    """The machines as they are drawn."""

    def test_drawing(self) -> None:
        """The drawing is what the machines do; after a change, run ``python -m tests.multiplex.draw_machines``."""
        self.assertEqual(draw_machines.drawing(), draw_machines.DRAWING.read_text(encoding="utf-8"))

    def test_told(self) -> None:
        """M12: the page tells of every state and every input."""
        page = draw_machines.DRAWING.with_suffix(".rst").read_text(encoding="utf-8")
        tables = draw_machines.presenter(), draw_machines.verifier(), draw_machines.standings()
        words = {word for table in tables for transition, after in table.items() for word in (*transition, after)}
        self.assertEqual(set(), {word for word in words if f"``{word}``" not in page})


class VerifierGridTests(SynchronousTestCase):
    """The end that verifies a domain of the peer."""

    def begin(self, state: VerifierState) -> None:
        """Bring an exchange into a state."""
        self.one = OneEnd()
        self.one.accept("a.example")
        self.one.prove(UNASKED, "d.example", "c.example")
        self.one.multiplexer.peers.drop(0)
        self.one.multiplexer.revoke([C], MultiplexCondition.POLICY_VIOLATION, self.one.now)
        self.revocation = self.one.said()[-1].id  # type: ignore[union-attr]  # it has one
        self.number = self.first = self.revocation + 2
        way: Mapping[VerifierState, tuple[VerifierInput, ...]] = {
            VerifierState.NEW: (),
            VerifierState.REQUESTED: (VerifierInput.REQUEST,),
            VerifierState.RECALLING: (VerifierInput.RECALL,),
            VerifierState.JUDGING: (VerifierInput.REQUEST, VerifierInput.PRESENT),
            VerifierState.OVER: (VerifierInput.REQUEST, VerifierInput.REJECT),
        }
        self.one.pass_time(WAIT)
        if state is VerifierState.RECALLING:
            self.number = self.first = UNASKED + 2
        for given in way[state]:
            self.give(given)
        if state is VerifierState.NEW:
            self.number = UNASKED + 2

    def give(self, given: VerifierInput) -> None:
        """Have something happen to it."""
        one, multiplexer, condition = self.one, self.one.multiplexer, MultiplexCondition.INTERNAL_ERROR
        good = vouched(C, (issued("c.example").leaf,))
        bad = NotVouched(condition=condition, text="")
        does: Mapping[VerifierInput, Callable[[], object]] = {
            VerifierInput.REQUEST: lambda: one.want("a.example", "c.example"),
            VerifierInput.RECALL: lambda: one.hear(Offer(id=self.number, domain=C)),
            VerifierInput.PRESENT: lambda: one.hear(Present(id=self.number, data=b"proof")),
            VerifierInput.REJECT: lambda: one.hear(Reject(id=self.number, condition=condition, text="")),
            VerifierInput.PROVEN: lambda: multiplexer.conclude(self.number, good, one.now),
            VerifierInput.NOT_PROVEN: lambda: multiplexer.conclude(self.number, bad, one.now),
            VerifierInput.LATE: lambda: one.pass_time(WAIT),
            VerifierInput.REMOVAL: lambda: multiplexer.revoke([C], condition, one.now),
        }
        does[given]()

    def state(self, before: VerifierState) -> VerifierState:
        """Where it stands."""
        open_ones = self.one.multiplexer._verifier._open
        if before is VerifierState.NEW:
            found = next(iter(open_ones.values()), None)
            return VerifierState.NEW if found is None else found.state
        return open_ones[self.first].state if self.first in open_ones else VerifierState.OVER

    def test_grid(self) -> None:
        """M4: every input moves every state as the table says; what is absent from it changes nothing."""
        for before, given in product(VerifierState, VerifierInput):
            self.begin(before)
            self.assertIs(before, self.state(before))
            self.give(given)
            self.assertIs(VERIFYING.get((before, given), before), self.state(before), f"{before} {given}")
