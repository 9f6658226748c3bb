"""Tests of :mod:`muxs2s.stream.deadlines`, and of the times that streams keep."""

from __future__ import annotations

from math import inf

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream import StreamEnded, StreamLimits, StreamState
from muxs2s.stream.deadlines import IDLE_SHARE, Deadlines, Due
from muxs2s.wire.errors import StreamCondition
from tests.stream import scripts
from tests.stream.scripts import TLS_DONE, Way, begin, ending, streams, take

LIMITS = StreamLimits(
    negotiation_seconds=60.0,
    handshake_seconds=20.0,
    dialback_seconds=30.0,
    idle_seconds=1_000.0,
    quiet_seconds=300.0,
    answer_seconds=5.0,
    closing_seconds=10.0,
)
NEGOTIATING = frozenset(StreamState) - {
    *(StreamState.SECURING, StreamState.PROVING, StreamState.CARRYING),
    *(StreamState.CLOSING, StreamState.FAILING, StreamState.CLOSED),
}


class DeadlinesTests(SynchronousTestCase):
    """What it is time for, in each state."""

    def setUp(self) -> None:
        """A stream that began at 100 seconds."""
        self.deadlines = Deadlines(LIMITS, 100.0)

    def assert_due(self, state: StreamState, at: float, what: Due) -> None:
        """Nothing is due a moment earlier, and then this."""
        self.assertEqual(at, self.deadlines.next(state))
        self.assertEqual((None, what), (self.deadlines.due(state, at - 0.001), self.deadlines.due(state, at)))

    def test_negotiation(self) -> None:
        """Until stanzas pass, the time to negotiate runs, from the beginning."""
        for state in NEGOTIATING | {StreamState.PROVING}:
            self.assert_due(state, 160.0, Due.NEGOTIATION)

    def test_handshake(self) -> None:
        """TLS has its own time from when it begins; that of the whole negotiation goes on beside it."""
        self.assert_due(StreamState.SECURING, 120.0, Due.HANDSHAKE)
        self.deadlines.begin_handshake(130.0)
        self.assert_due(StreamState.SECURING, 150.0, Due.HANDSHAKE)
        self.deadlines.begin_handshake(141.0)
        self.assert_due(StreamState.SECURING, 160.0, Due.NEGOTIATION)

    def test_answers(self) -> None:
        """D20: where the peer owes an answer, that is waited for while pairs are proven and stanzas pass."""
        self.deadlines.answers_due = 130.0
        self.assert_due(StreamState.PROVING, 130.0, Due.ANSWERS)
        self.deadlines.carry(110.0, inf)
        self.deadlines.liveness.heard(110.0)
        self.assert_due(StreamState.CARRYING, 130.0, Due.ANSWERS)
        self.assert_due(StreamState.CLOSING, 1_110.0, Due.END)

    def test_life(self) -> None:
        """S22: a silent peer is asked, then given up."""
        self.deadlines.carry(110.0, inf)
        self.deadlines.liveness.heard(110.0)
        self.assert_due(StreamState.CARRYING, 410.0, Due.LIFE)
        self.deadlines.liveness.ping(scripts.PAIR, 410.0)
        self.assert_due(StreamState.CARRYING, 415.0, Due.LIFE)

    def test_idle(self) -> None:
        """S21, S23: an idle stream ends at our time, or shortly before the peer's."""
        self.deadlines.liveness.heard(1_000.0)
        self.deadlines.carry(110.0, inf)
        self.assert_due(StreamState.CARRYING, 1_110.0, Due.IDLE)
        self.deadlines.carry(110.0, 1_000.0)
        self.assert_due(StreamState.CARRYING, 110.0 + 1_000.0 * IDLE_SHARE, Due.IDLE)

    def test_proof(self) -> None:
        """S25: with the proof of the peer ends the stream, whatever else is due."""
        self.deadlines.carry(110.0, inf)
        self.deadlines.liveness.heard(110.0)
        self.deadlines.proof_ends = 200.0
        self.assert_due(StreamState.CARRYING, 200.0, Due.PROOF)
        self.assertIs(Due.PROOF, self.deadlines.due(StreamState.CARRYING, 5_000.0))

    def test_closing(self) -> None:
        """S8: who does not close is given up, in either way of closing."""
        self.deadlines.begin_closing(200.0)
        for state in (StreamState.CLOSING, StreamState.FAILING):
            self.assert_due(state, 210.0, Due.END)

    def test_closed(self) -> None:
        """After the end nothing is due."""
        self.assertIs(None, self.deadlines.next(StreamState.CLOSED))
        self.assertIs(None, self.deadlines.due(StreamState.CLOSED, inf))


class HandshakeTests(SynchronousTestCase):
    """Streams on which TLS does not come about."""

    def test_starttls(self) -> None:
        """After STARTTLS, 20 seconds from the agreement."""
        for way in (scripts.INITIATING_WAY, scripts.RECEIVING_WAY):
            self.assert_times_out(way, 27.0)

    def test_direct_tls(self) -> None:
        """S29: on direct TLS, 20 seconds from the connection."""
        for way in (scripts.INITIATING_DIRECT, scripts.RECEIVING_DIRECT):
            self.assert_times_out(way, 20.0)

    def assert_times_out(self, way: Way, at: float) -> None:
        """Nothing is said inside a handshake: no error, no closing tag."""
        stream = begin(way)
        stream.begin()
        for step in way.steps[: way.steps.index(TLS_DONE)]:
            take(stream, step, 7.0)
        stream.bytes_to_send()
        self.assertEqual((at, []), (stream.deadline, stream.wake(at - 0.001)))
        closing, ended = stream.wake(at)
        self.assertIs(StreamCondition.CONNECTION_TIMEOUT, ending([closing]).condition)
        self.assertEqual("no TLS within 20 seconds", ending([closing]).text)
        self.assertEqual((StreamEnded(), b""), (ended, stream.bytes_to_send()))


class WakingTests(SynchronousTestCase):
    """That no state holds a stream for ever."""

    def test_every_state_ends(self) -> None:
        """Woken at each of its deadlines, with a peer that says nothing, every stream ends within bounds."""
        for stream in streams():
            wakes = 0
            while (deadline := stream.deadline) is not None:
                self.assertLessEqual(deadline, 3_610.0)
                stream.wake(deadline)
                wakes += 1
                self.assertLess(wakes, 20)
            self.assertIs(StreamState.CLOSED, stream.state)

    def test_too_early(self) -> None:
        """A stream that is woken too early does nothing."""
        for stream in streams():
            before = stream.state, stream.deadline
            self.assertEqual([], stream.wake((stream.deadline or 1.0) - 0.001))
            self.assertEqual((*before, b""), (stream.state, stream.deadline, stream.bytes_to_send()))
