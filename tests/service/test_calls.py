"""Calls that others wait for."""

from __future__ import annotations

from functools import partial

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.service.calls import PATIENCE_SECONDS, Call, Calls
from muxs2s.service.linkseams import StreamUnavailable
from muxs2s.wire.errors import StanzaCondition

HERE = frozenset({("xmpp.b.example", 5269), ("192.0.2.2", 5269)})
ADDRESS = frozenset({("192.0.2.2", 5269)})
ELSEWHERE = frozenset({("192.0.2.2", 5270)})
UNREACHABLE = StreamUnavailable(StanzaCondition.REMOTE_SERVER_TIMEOUT, "nobody there", final=False)


class CallTests(SynchronousTestCase):
    """A call that is under way."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.calls = Calls(self.clock)
        self.call = self.calls.begin(HERE, ADDRESS)

    def join(self, call: Call | None = None, *, is_patient: bool = False) -> Deferred[bool]:
        """Wait for it."""
        return (call or self.call).join(is_patient=is_patient)

    def test_found(self) -> None:
        """It is found by any of its endpoints while it lasts, and by no other."""
        self.assertIs(self.call, self.calls.find(frozenset({("elsewhere.example", 1), ("192.0.2.2", 5269)})))
        self.assertIsNone(self.calls.find(ELSEWHERE))
        self.call.end()
        self.assertIsNone(self.calls.find(HERE))

    def test_beside(self) -> None:
        """Of several that is found which leads nowhere else, else the first; each ends by itself."""
        beside = self.calls.begin(HERE | ELSEWHERE, ADDRESS | ELSEWHERE)
        self.assertIs(self.call, self.calls.find(HERE))
        self.assertIs(beside, self.calls.find(ELSEWHERE))
        self.assertEqual({self.call, beside}, set(self.calls.at(HERE)))
        self.call.end()
        self.assertIs(beside, self.calls.find(HERE))
        again = self.calls.begin(HERE, ADDRESS)
        self.assertIs(again, self.calls.find(HERE))
        beside.end()
        self.assertIsNone(self.calls.find(ELSEWHERE))

    def test_other_names(self) -> None:
        """Where addresses are known they decide what a call leads to; else the names do."""
        self.assertTrue(self.call.leads_nowhere_but(frozenset({("xmpp.c.example", 5269), ("192.0.2.2", 5269)})))
        self.assertFalse(self.call.leads_nowhere_but(frozenset({("xmpp.b.example", 5269), ("192.0.2.3", 5269)})))
        names = frozenset({("xmpp.b.example", 5269)})
        nameless = self.calls.begin(names, names)
        self.assertTrue(nameless.leads_nowhere_but(HERE))
        self.assertFalse(nameless.leads_nowhere_but(ELSEWHERE))

    def test_end(self) -> None:
        """Whoever waits looks again when it has shown something, in turn."""
        order: list[int] = []
        for number in range(3):
            self.join().addCallback(partial(_note, order, number))
        self.call.end()
        self.assertEqual(([0, 1, 2], []), (order, self.clock.getDelayedCalls()))

    def test_woken(self) -> None:
        """Whoever is told to look again while it goes on may come back, and waits anew."""
        back: list[Deferred[bool]] = []
        self.join(is_patient=True).addCallback(lambda _again: back.append(self.join()))
        self.call.wake()
        self.assertNoResult(back[0])
        self.assertIs(self.call, self.calls.find(HERE))
        self.call.end()
        self.assertIs(True, self.successResultOf(back[0]))

    def test_unavailable(self) -> None:
        """Where the peer cannot be reached, nobody else needs to try."""
        waiting = [self.join(), self.join(is_patient=True)]
        self.call.end(UNREACHABLE)
        for waiter in waiting:
            failure = self.failureResultOf(waiter, StreamUnavailable).value
            self.assertEqual(("nobody there", False), (str(failure), failure.final))

    def test_patience(self) -> None:
        """It is waited for so long from its beginning, and no longer; unless the peer is known to multiplex."""
        early, patient = self.join(), self.join(is_patient=True)
        self.clock.advance(PATIENCE_SECONDS - 0.1)
        late = self.join()
        self.assertNoResult(early)
        self.clock.advance(0.1)
        self.assertEqual([False, False], [self.successResultOf(early), self.successResultOf(late)])
        self.assertIs(False, self.successResultOf(self.join()))
        self.assertNoResult(patient)
        self.call.end()
        self.assertIs(True, self.successResultOf(patient))

    def test_gets_on(self) -> None:
        """One that gets on is waited for, however long all of it takes; where it gets stuck, it is no longer."""
        waiting = self.join()
        for stage in ("connected", "secured", "proven"):
            self.call.stage = lambda stage=stage: stage  # type: ignore[misc]  # mypy infers no default of a lambda
            self.clock.advance(PATIENCE_SECONDS)
            self.assertNoResult(waiting)
        self.clock.advance(PATIENCE_SECONDS - 0.1)
        self.assertNoResult(waiting)
        self.clock.advance(0.1)
        self.assertIs(False, self.successResultOf(waiting))

    def test_gets_on_unseen(self) -> None:
        """Nobody has to wait already for it to be seen that it has got on."""
        self.clock.advance(PATIENCE_SECONDS)
        self.call.stage = lambda: "connected"
        self.assertNoResult(self.join())

    def test_long_turn(self) -> None:
        """That it has got on counts though its time is up, where that was to be read in the same turn."""
        waiting = self.join()
        self.clock.callLater(PATIENCE_SECONDS, setattr, self.call, "stage", lambda: "connected")
        self.clock.advance(PATIENCE_SECONDS)
        self.assertNoResult(waiting)

    def test_left(self) -> None:
        """Who leaves is not told any more, even if another makes it leave; with the last one goes the alarm."""
        for leaving, alarms in ((self.join(), 1), (self.join(), 0)):
            leaving.cancel()
            self.failureResultOf(leaving, CancelledError)
            self.assertEqual(alarms, len(self.clock.getDelayedCalls()))
        for tell in (self.call.end, lambda: self.clock.advance(PATIENCE_SECONDS)):
            second = self.two_of_whom_one_makes_the_other_leave()
            tell()
            self.assertIs(CancelledError, self.successResultOf(second))

    def two_of_whom_one_makes_the_other_leave(self) -> Deferred[object]:
        """The second of them."""
        first, second = self.join(), self.join()
        first.addCallback(lambda _again: second.cancel())
        return second.addErrback(lambda failure: failure.trap(CancelledError))


def _note(order: list[int], number: int, _again: bool) -> None:  # noqa: FBT001 - as a waiter is told
    order.append(number)
