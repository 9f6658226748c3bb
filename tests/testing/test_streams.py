"""Two streams joined in memory."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.outcome import Outcome, Refused
from muxs2s.stream import (
    ProofWanted,
    StreamClosing,
    StreamEnded,
    StreamLimits,
    StreamReady,
    StreamState,
    TLSAgreed,
)
from muxs2s.testing.streams import StreamPair
from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.namespaces import SERVER
from muxs2s.wire.stanza import Slice

PING = Slice(b"<message from='a.example' to='b.example'/>", SERVER, "message", "a.example", "b.example", None, None)


def refuse_everyone(wanted: ProofWanted) -> Outcome:
    """Find nobody proven."""
    return Refused(domain=wanted.domain, reasons=("pkix: not today",))


class StreamPairTests(SynchronousTestCase):
    """As those who embed us use it."""

    def test_carries(self) -> None:
        """A pair that ran carries stanzas, and hands over those that came out."""
        pair = StreamPair()
        pair.run()
        self.assertEqual(["b.example"] * 2, [arrived.to_address for arrived in pair.send(PING, PING)])

    def test_events_are_kept(self) -> None:
        """What each end told on the way is kept for the test to read."""
        pair = StreamPair()
        pair.run()
        for events in (pair.initiating_events, pair.receiving_events):
            self.assertEqual([TLSAgreed, ProofWanted, StreamReady], [type(event) for event in events])

    def test_domains(self) -> None:
        """The domains of both ends can be chosen, in any spelling."""
        pair = StreamPair("xn--bcher-kva.example", "C.example.")
        pair.run()
        self.assertEqual("bücher.example -> c.example", str(pair.domains))
        self.assertEqual(pair.domains, pair.receiving.pair)

    def test_verdict(self) -> None:
        """A test may refuse: then nothing is carried, and ``run`` says why."""
        pair = StreamPair(judge=refuse_everyone)
        with self.assertRaises(LocalMisuse) as raised:
            pair.run()
        self.assertIn("b.example is not proven: pkix: not today", str(raised.exception))
        self.assertRaises(LocalMisuse, pair.send, PING)

    def test_close(self) -> None:
        """Either end can close; both end."""
        for closing in ("initiating", "receiving"):
            pair = StreamPair()
            pair.run()
            pair.close(getattr(pair, closing))
            self.assertEqual([StreamState.CLOSED] * 2, [pair.initiating.state, pair.receiving.state])
            self.assertEqual([StreamEnded()] * 2, [pair.initiating_events[-1], pair.receiving_events[-1]])

    def test_time_passes(self) -> None:
        """Time moves on only when told to, and wakes both ends."""
        pair = StreamPair(limits=StreamLimits(idle_seconds=30.0), now=1_000.0)
        pair.run()
        pair.advance(29.0)
        self.assertIs(StreamState.CARRYING, pair.initiating.state)
        pair.advance(1.0)
        self.assertEqual((1_030.0, StreamState.CLOSED), (pair.now, pair.initiating.state))

    def test_connection_ends_with_either_end(self) -> None:
        """Where one end goes without a word, the other notices that the connection is gone."""
        pair = StreamPair()
        pair.run()
        pair.note(pair.initiating, pair.initiating.connection_lost("cut"))
        pair.exchange()
        gone = StreamClosing(by_peer=True, condition=None, text="the other end is gone")
        self.assertEqual([gone, StreamEnded()], pair.receiving_events[-2:])
