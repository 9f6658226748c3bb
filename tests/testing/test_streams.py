"""Two streams joined in memory."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.outcome import Outcome, Refused
from muxs2s.proof.peers import DIALBACK_SUFFICES, PeerPolicies
from muxs2s.stream import (
    PairAsserted,
    PairRefused,
    ProofWanted,
    StanzasReceived,
    StreamClosing,
    StreamEnded,
    StreamEvent,
    StreamLimits,
    StreamReady,
    StreamState,
    TLSAgreed,
)
from muxs2s.testing.streams import StreamPair, prove_everyone
from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.namespaces import SERVER
from muxs2s.wire.stanza import Slice

PING = Slice(b"<message from='a.example' to='b.example'/>", SERVER, "message", "a.example", "b.example", None, None)


PONG = PING._replace(
    data=b"<message from='b.example' to='a.example'/>", from_address="b.example", to_address="a.example"
)


def prove_the_called(wanted: ProofWanted) -> Outcome:
    """Find b.example proven and nobody else."""
    return prove_everyone(wanted) if wanted.domain == "b.example" else refuse_everyone(wanted)


def without_scope(event: StreamEvent) -> StanzasReceived:
    """Stanzas as they were sent, without what their stream declares."""
    assert isinstance(event, StanzasReceived)
    return StanzasReceived(stanzas=tuple(stanza._replace(scope=PONG.scope) for stanza in event.stanzas))


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
        pair = StreamPair(bidi=False)
        pair.run()
        for events in (pair.initiating_events, pair.receiving_events):
            self.assertEqual([TLSAgreed, ProofWanted, StreamReady], [type(event) for event in events])

    def test_bidi(self) -> None:
        """Unless a test wants it otherwise, stanzas go in both directions on one stream."""
        pair = StreamPair()
        pair.run()
        back = pair.domains.reversed()
        self.assertTrue(pair.receiving.may_send(back, 0.0))
        pair.receiving.send(back, [PONG], 0.0)
        pair.exchange()
        self.assertEqual(StanzasReceived(stanzas=(PONG,)), without_scope(pair.initiating_events[-1]))
        one_way = StreamPair(bidi=False)
        one_way.run()
        self.assertFalse(one_way.receiving.may_send(back, 0.0))

    def test_direct_tls(self) -> None:
        """S29: both ends may begin with the handshake; then nobody says STARTTLS."""
        pair = StreamPair(direct_tls=True)
        pair.run()
        agreed = [events[0] for events in (pair.initiating_events, pair.receiving_events)]
        a, b = pair.domains
        self.assertEqual(TLSAgreed(own_domain=a, peer_domain=b, direct=True), agreed[0])
        self.assertEqual(TLSAgreed(own_domain=None, peer_domain=None, direct=True), agreed[1])
        self.assertEqual(["b.example"], [arrived.to_address for arrived in pair.send(PING)])

    def test_dialback(self) -> None:
        """Where the policies let it, a pair whose initiating end proves nothing else is proven by dialback."""
        pair = StreamPair(judge=prove_the_called, policies=PeerPolicies(default=DIALBACK_SUFFICES))
        pair.run()
        self.assertIn(PairAsserted, {type(event) for event in pair.receiving_events})
        self.assertEqual(["b.example"], [arrived.to_address for arrived in pair.send(PING)])
        self.assertEqual(0, len(pair.keys))

    def test_key_of_another(self) -> None:
        """A key that the initiating end has not sent proves nothing: ``run`` says why."""
        pair = StreamPair(judge=prove_the_called, policies=PeerPolicies(default=DIALBACK_SUFFICES))
        self.patch(pair.keys, "is_ours", lambda *_asked: False)
        with self.assertRaises(LocalMisuse) as raised:
            pair.run()
        self.assertIn("no stanza can pass from a.example -> b.example", str(raised.exception))
        self.assertIn(PairRefused, {type(event) for event in pair.initiating_events})

    def test_certificates_alone(self) -> None:
        """Where the policies ask for a certificate, dialback is no way around it."""
        pair = StreamPair(judge=prove_the_called)
        with self.assertRaises(LocalMisuse) as raised:
            pair.run()
        self.assertIn("no proof of a.example was accepted: pkix: not today", str(raised.exception))

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
        pair = StreamPair(limits=StreamLimits(idle_seconds=100.0), now=1_000.0)
        pair.run()
        pair.advance(89.0)
        self.assertIs(StreamState.CARRYING, pair.initiating.state)
        pair.advance(1.0)
        self.assertEqual((1_090.0, StreamState.CLOSED), (pair.now, pair.initiating.state))

    def test_connection_ends_with_either_end(self) -> None:
        """Where one end goes without a word, the other notices that the connection is gone."""
        pair = StreamPair()
        pair.run()
        pair.note(pair.initiating, pair.initiating.connection_lost("cut"))
        pair.exchange()
        gone = StreamClosing(by_peer=True, condition=None, text="the other end is gone", see_other="")
        self.assertEqual([gone, StreamEnded()], pair.receiving_events[-2:])
