"""How a stream ends, and when it gives up: what both roles share."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream import (
    ReceivingStream,
    StreamClosing,
    StreamEnded,
    StreamLimits,
    StreamState,
)
from muxs2s.testing.streams import StreamPair
from muxs2s.wire.errors import StreamCondition
from tests.stream import scripts
from tests.stream.scripts import (
    CLOSING,
    FROM_A,
    FROM_B,
    PAIR,
    PATIENT,
    RECEIVING_STEPS,
    STREAM_ERROR,
    A,
    B,
    CountingEntropy,
    ending,
    header,
    initiating,
    message,
    proven,
    received,
    receiving,
    streams,
    streams_in,
    take,
)

CLOSED_BY_US = StreamClosing(by_peer=False, condition=None, text="", see_other="")
CLOSED_BY_PEER = StreamClosing(by_peer=True, condition=None, text="the peer closed the stream", see_other="")
FAILED_BY_PEER = StreamClosing(by_peer=True, condition=StreamCondition.SYSTEM_SHUTDOWN, text="until noon", see_other="")
ENDED = StreamEnded()
STRICT = StreamLimits(close_on_foreign_sender=True)


class ClosingTests(SynchronousTestCase):
    """S8: who closes, who answers, what is still taken."""

    def test_we_close(self) -> None:
        """S8: we say the closing tag, wait for the peer's, and only then give the connection up."""
        for stream in streams_in(StreamState.CARRYING):
            self.assertEqual([CLOSED_BY_US], stream.close(1.0))
            self.assertEqual((CLOSING, StreamState.CLOSING), (stream.bytes_to_send(), stream.state))
            self.assertEqual([ENDED], stream.receive_bytes(CLOSING, 2.0))
            self.assertEqual((b"", StreamState.CLOSED), (stream.bytes_to_send(), stream.state))

    def test_peer_closes(self) -> None:
        """S8: the peer's closing tag is answered with ours, and that is the end."""
        for stream in streams_in(StreamState.CARRYING):
            self.assertEqual([CLOSED_BY_PEER, ENDED], stream.receive_bytes(CLOSING, 1.0))
            self.assertEqual((CLOSING, StreamState.CLOSED), (stream.bytes_to_send(), stream.state))

    def test_both_close(self) -> None:
        """S8: where both close at once, each says its tag once and takes the other's for the answer."""
        pair = StreamPair()
        pair.run()
        for stream in (pair.initiating, pair.receiving):
            pair.note(stream, stream.close(pair.now))
        pair.exchange()
        for events in (pair.initiating_events, pair.receiving_events):
            self.assertEqual([CLOSED_BY_US, ENDED], events[-2:])

    def test_silent_peer(self) -> None:
        """S8: a peer that does not close within 10 seconds is not waited for."""
        for stream in streams_in(StreamState.CARRYING):
            stream.close(100.0)
            self.assertEqual((110.0, []), (stream.deadline, stream.wake(109.999)))
            self.assertEqual([ENDED], stream.wake(110.0))

    def test_silent_after_an_error(self) -> None:
        """S8: the same goes for a peer that is silent after an error, be it ours or its own."""
        for stream in streams_in(StreamState.CARRYING):
            stream.fail(StreamCondition.RESET, "new keys", 100.0)
            self.assertEqual((110.0, [ENDED]), (stream.deadline, stream.wake(110.0)))
        for stream in streams_in(StreamState.CARRYING):
            stream.receive_bytes(STREAM_ERROR, 100.0)
            self.assertEqual((110.0, [ENDED]), (stream.deadline, stream.wake(110.0)))

    def test_unreadable_peer(self) -> None:
        """What follows in a stream that is no XML any more changes nothing; our error stands, and the wait."""
        for stream in streams_in(StreamState.CARRYING):
            stream.receive_bytes(b"<a></b>", 100.0)
            stream.bytes_to_send()
            self.assertEqual([], stream.receive_bytes(message().data + CLOSING, 101.0))
            self.assertEqual((StreamState.FAILING, b""), (stream.state, stream.bytes_to_send()))

    def test_stanzas_do_not_keep_it_open(self) -> None:
        """S8: what a peer goes on sending does not prolong the wait for its closing tag."""
        stream = receiving()
        stream.close(100.0)
        stream.receive_bytes(message().data, 109.0)
        self.assertEqual([ENDED], stream.wake(110.0))

    def test_stanzas_on_their_way(self) -> None:
        """S8: stanzas that come after our closing tag are delivered, up to the peer's tag and not beyond."""
        stream = receiving()
        stream.close(1.0)
        events = stream.receive_bytes(message().data * 2 + CLOSING + message().data, 2.0)
        self.assertEqual([message().data] * 2, received(events))
        self.assertEqual(ENDED, events[-1])

    def test_nothing_after_our_error(self) -> None:
        """S8: what comes after an error of ours is not taken, up to the peer's closing tag."""
        stream = receiving()
        stream.fail(StreamCondition.RESET, "new keys", 1.0)
        self.assertEqual([], stream.receive_bytes(message().data + STREAM_ERROR, 2.0))
        self.assertEqual((2, [ENDED]), (stream.ignored, stream.receive_bytes(CLOSING, 3.0)))

    def test_nothing_after_their_error(self) -> None:
        """S8: a peer's error is answered with our closing tag; what it sends after it is not taken."""
        stream = receiving()
        events = stream.receive_bytes(message().data + STREAM_ERROR + message().data, 1.0)
        self.assertEqual([message().data], received(events))
        self.assertEqual((FAILED_BY_PEER, CLOSING), (events[-1], stream.bytes_to_send()))
        self.assertEqual([ENDED], stream.receive_bytes(CLOSING, 1.0))

    def test_conflict(self) -> None:
        """S24: a peer may refuse a second stream with ``conflict``; before it carries, and then, that ends it alone."""
        error = STREAM_ERROR.replace(b"system-shutdown", b"conflict")
        first = initiating()
        for stream in (initiating(StreamState.PLAIN_NEGOTIATING), initiating(StreamState.PROVING), initiating()):
            ended = ending(stream.receive_bytes(error, 1.0))
            self.assertEqual((True, StreamCondition.CONFLICT), (ended.by_peer, ended.condition))
        self.assertTrue(first.may_send(PAIR, 1.0))

    def test_error_after_our_closing_tag(self) -> None:
        """S8: a peer that fails while we close is told nothing more and heard no more."""
        for stream in (initiating(StreamState.CLOSING), receiving(StreamState.CLOSING)):
            self.assertEqual([], stream.receive_bytes(STREAM_ERROR + message().data, 1.0))
            self.assertEqual((b"", StreamState.FAILING), (stream.bytes_to_send(), stream.state))
            self.assertEqual([ENDED], stream.receive_bytes(CLOSING, 1.0))

    def test_violation_while_closing(self) -> None:
        """A peer that breaks the protocol while we close cannot be told any more: the stream ends."""
        for stream in streams_in(StreamState.CLOSING, StreamState.FAILING):
            self.assertEqual([ENDED], stream.receive_bytes(b"<!-- -->", 1.0))
            self.assertEqual(b"", stream.bytes_to_send())

    def test_header_while_closing(self) -> None:
        """A header that crosses our closing tag is not answered; the wait for the peer's tag goes on."""
        for stream, theirs in (
            (initiating(StreamState.PLAIN_OPENING), FROM_B),
            (receiving(StreamState.PLAIN_OPENING), FROM_A),
            (receiving(StreamState.PROVEN_OPENING), FROM_A),
            (receiving(StreamState.PLAIN_OPENING), header(to="nowhere.example")),
        ):
            stream.close(1.0)
            stream.bytes_to_send()
            self.assertEqual([], stream.receive_bytes(theirs, 2.0))
            self.assertEqual((b"", StreamState.CLOSING, 1), (stream.bytes_to_send(), stream.state, stream.ignored))

    def test_close_from_anywhere(self) -> None:
        """A stream can be closed in every state, by a whole document; during the handshake nothing is said."""
        for stream in streams():
            before, events, said = stream.state, stream.close(1.0), stream.bytes_to_send()
            if before is StreamState.SECURING:
                self.assertEqual(([CLOSED_BY_US, ENDED], b""), (events, said))
            elif before in {StreamState.CLOSING, StreamState.FAILING, StreamState.CLOSED}:
                self.assertEqual(([], b""), (events, said))
            else:
                self.assertEqual(([CLOSED_BY_US], CLOSING), (events, said[-len(CLOSING) :]))

    def test_fail_from_anywhere(self) -> None:
        """A stream can be failed in every state; one that is closing already ends at once."""
        failed = StreamClosing(by_peer=False, condition=StreamCondition.RESET, text="new keys", see_other="")
        for stream in streams():
            before = stream.state
            events, said = stream.fail(StreamCondition.RESET, "new keys", 1.0), stream.bytes_to_send()
            if before is StreamState.SECURING:
                self.assertEqual(([failed, ENDED], b""), (events, said))
            elif before in {StreamState.CLOSING, StreamState.FAILING}:
                self.assertEqual(([ENDED], b""), (events, said))
            elif before is not StreamState.CLOSED:
                self.assertEqual([failed], events)
                self.assertIn(b"<reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>", said)
                self.assertTrue(said.endswith(b"</stream:error></stream:stream>"))

    def test_connection_lost(self) -> None:
        """A lost connection ends the stream in every state; nothing is left to be said."""
        lost = StreamClosing(by_peer=True, condition=None, text="reset by peer", see_other="")
        for stream in streams():
            known = {StreamState.CLOSING: [ENDED], StreamState.FAILING: [ENDED], StreamState.CLOSED: []}
            wanted = known.get(stream.state, [lost, ENDED])
            self.assertEqual(wanted, stream.connection_lost("reset by peer"))
            self.assertIs(StreamState.CLOSED, stream.state)

    def test_after_the_end(self) -> None:
        """A stream that has ended takes nothing, says nothing and waits for nothing."""
        for stream in streams_in(StreamState.CLOSED):
            happened = [
                *stream.receive_bytes(FROM_A + scripts.AUTH + message().data, 1.0),
                *stream.tls_established(1.0),
                *stream.decide(proven(A), 1.0),
                *stream.wake(1_000_000.0),
                *stream.close(1.0),
                *stream.fail(StreamCondition.RESET, "late", 1.0),
                *stream.connection_lost("again"),
            ]
            self.assertEqual(([], b"", None), (happened, stream.bytes_to_send(), stream.deadline))
            self.assertFalse(stream.may_send(PAIR, 1.0))

    def test_nothing_in_the_piece_that_ended_it(self) -> None:
        """What stands in the same piece behind the end of a stream is not read."""
        stream = receiving(limits=STRICT)
        stream.close(1.0)
        events = stream.receive_bytes(message("x@c.example").data + scripts.AUTH + message().data, 1.0)
        self.assertEqual(([ENDED], b"", 0), (events, stream.bytes_to_send()[len(CLOSING) :], stream.ignored))


class ShutdownTests(SynchronousTestCase):
    """S26: this server stops."""

    stopped = StreamClosing(
        by_peer=False, condition=StreamCondition.SYSTEM_SHUTDOWN, text="this server stops", see_other=""
    )

    def test_said(self) -> None:
        """S26: the peer is told with ``system-shutdown``, and has its time to close."""
        for stream in streams_in(StreamState.CARRYING):
            self.assertEqual([self.stopped], stream.shut_down(1.0))
            said = stream.bytes_to_send()
            self.assertIn(b"<system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>", said)
            self.assertTrue(said.endswith(CLOSING))
            self.assertEqual((11.0, [ENDED]), (stream.deadline, stream.receive_bytes(CLOSING, 2.0)))

    def test_stanzas_on_their_way(self) -> None:
        """S26, S8: what the peer had sent by then is still taken; its own error then is none for us."""
        stream = receiving()
        stream.shut_down(1.0)
        self.assertEqual([message().data], received(stream.receive_bytes(message().data, 2.0)))
        self.assertEqual([], stream.receive_bytes(STREAM_ERROR, 2.0))
        self.assertEqual([ENDED], stream.receive_bytes(CLOSING, 3.0))

    def test_from_anywhere(self) -> None:
        """S26: in every state; in the handshake nothing is said, and one that is closing goes on closing."""
        for stream in streams():
            before, events, said = stream.state, stream.shut_down(1.0), stream.bytes_to_send()
            if before is StreamState.SECURING:
                self.assertEqual(([self.stopped, ENDED], b""), (events, said))
            elif before in {StreamState.CLOSING, StreamState.FAILING, StreamState.CLOSED}:
                self.assertEqual(([], b"", before), (events, said, stream.state))
            else:
                self.assertEqual(([self.stopped], CLOSING), (events, said[-len(CLOSING) :]))


class OtherHostTests(SynchronousTestCase):
    """S26: a peer sends us somewhere else."""

    error = STREAM_ERROR.replace(
        b"<system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>",
        b"<see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>b2.example:5270</see-other-host>",
    )

    def test_inside_tls_only(self) -> None:
        """S26: where it sends us counts inside TLS; outside, anybody on the way can have said so."""
        for stream in streams():
            before, secure = stream.state, stream.is_secure
            events = stream.receive_bytes(self.error, 0.0)
            if StreamClosing in {type(event) for event in events} and ending(events).by_peer:
                ended = ending(events)
                self.assertIs(StreamCondition.SEE_OTHER_HOST, ended.condition)
                self.assertEqual("b2.example:5270" if secure else "", ended.see_other, before)

    def test_told_where(self) -> None:
        """S26: a server that we called tells it instead of its features."""
        stream = initiating(StreamState.SECURE_NEGOTIATING)
        wanted = StreamClosing(
            by_peer=True, condition=StreamCondition.SEE_OTHER_HOST, text="until noon", see_other="b2.example:5270"
        )
        self.assertEqual([wanted], stream.receive_bytes(self.error, 0.0))

    def test_plain(self) -> None:
        """S26: a server without TLS sends us nowhere."""
        stream = initiating(StreamState.PLAIN_NEGOTIATING)
        self.assertEqual("", ending(stream.receive_bytes(self.error, 0.0)).see_other)

    def test_ours_is_none(self) -> None:
        """An error of ours names no place."""
        stream = receiving()
        self.assertEqual("", ending(stream.fail(StreamCondition.SEE_OTHER_HOST, "b2.example", 0.0)).see_other)


class DeadlineTests(SynchronousTestCase):
    """How long a stream waits, and for what."""

    def test_negotiation(self) -> None:
        """A stream not ready within 60 seconds of its connection fails, wherever it stands."""
        for stream in streams(PATIENT):
            if stream.state in {StreamState.CARRYING, StreamState.CLOSING, StreamState.FAILING, StreamState.CLOSED}:
                continue
            before = stream.state
            self.assertEqual((60.0, []), (stream.deadline, stream.wake(59.999)))
            failed = ending(stream.wake(60.0))
            self.assertIs(StreamCondition.CONNECTION_TIMEOUT, failed.condition)
            self.assertEqual(f"not negotiated within 60 seconds ({before.name})", failed.text)

    def test_negotiation_is_not_prolonged(self) -> None:
        """Progress does not move the deadline, so nobody keeps a connection open for nothing."""
        stream = ReceivingStream(scripts.side({B}, PATIENT), CountingEntropy(), 0.0)
        for second, step in enumerate(RECEIVING_STEPS[:-1]):
            take(stream, step, 8.0 * second)
            self.assertEqual(60.0, stream.deadline)

    def test_idle(self) -> None:
        """S23: a stream that carried nothing for an hour is closed without an error."""
        for stream in streams_in(StreamState.CARRYING, limits=PATIENT):
            self.assertEqual((3_600.0, []), (stream.deadline, stream.wake(3_599.999)))
            self.assertEqual([CLOSED_BY_US], stream.wake(3_600.0))
            self.assertEqual(CLOSING, stream.bytes_to_send())

    def test_received_stanza_is_life(self) -> None:
        """S23: a stanza that came in moves the deadline of an idle stream."""
        stream = receiving(limits=PATIENT)
        stream.receive_bytes(message().data, 100.0)
        self.assertEqual(3_700.0, stream.deadline)

    def test_sent_stanza_is_life(self) -> None:
        """S23: a stanza that went out moves it too."""
        stream = initiating(limits=PATIENT)
        stream.send(PAIR, [message()], 100.0)
        self.assertEqual(3_700.0, stream.deadline)

    def test_chatter_is_no_life(self) -> None:
        """White space, unknown elements and stanzas without a right keep no stream open."""
        stream = receiving(limits=PATIENT)
        for chatter in (b" \n", b"<r xmlns='urn:xmpp:sm:3'/>", message("x@c.example").data):
            stream.receive_bytes(chatter, 100.0)
        self.assertEqual(3_600.0, stream.deadline)

    def test_limits_are_settings(self) -> None:
        """Each time-out is what the limits say."""
        limits = StreamLimits(negotiation_seconds=5.0, idle_seconds=50.0, closing_seconds=2.0)
        self.assertEqual(5.0, receiving(StreamState.PROVING, limits).deadline)
        stream = receiving(limits=limits)
        self.assertEqual(50.0, stream.deadline)
        stream.wake(50.0)
        self.assertEqual(52.0, stream.deadline)
