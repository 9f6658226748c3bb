"""Tests of :mod:`muxs2s.stream.bidi`, and of stanzas in both directions on one stream."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream import (
    AnnouncedLimits,
    Association,
    Direction,
    Grant,
    InitiatingStream,
    PairRefused,
    ReceivingStream,
    StreamLimits,
    StreamReady,
    StreamState,
)
from muxs2s.stream.bidi import bidi_request, is_bidi_request
from muxs2s.testing.streams import StreamPair
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.names import DomainPair
from tests.stream import scripts
from tests.stream.scripts import (
    AUTH,
    BIDI,
    CLOSING,
    FROM_A,
    INITIATING_STEPS,
    INITIATING_TWO_WAY,
    OFFER_BIDI,
    OFFER_EXTERNAL,
    OFFER_EXTERNAL_AND_BIDI,
    OWN_LIMITS,
    PAIR,
    RECEIVING_BY_DIALBACK,
    RECEIVING_PLAIN,
    RECEIVING_STEPS,
    RECEIVING_TWO_WAY,
    STREAM_ERROR,
    VALID,
    A,
    B,
    C,
    CountingEntropy,
    ending,
    initiating,
    message,
    proven,
    received,
    receiving,
    take,
)
from tests.wire.samples import read_slice

IN, OUT = Direction.INBOUND, Direction.OUTBOUND
BACK = PAIR.reversed()
REQUEST = f"<bidi xmlns='urn:xmpp:bidi'>{OWN_LIMITS}</bidi>".encode()
"""What we send, with our limits."""

REPLY = message("y@b.example", "x@a.example").data
"""From the server that was called to the one that called."""


class RequestTests(SynchronousTestCase):
    """The element that asks for both directions."""

    def test_written(self) -> None:
        """B2, B9: it is written with our limits inside."""
        self.assertEqual(REQUEST, bidi_request(AnnouncedLimits(max_bytes=524_288, idle_seconds=3_600)))

    def test_read(self) -> None:
        """B9: it is known by name and namespace, whatever is in it."""
        for inside in ("", OWN_LIMITS, "<x xmlns='urn:x'>text</x>", "text"):
            self.assertTrue(is_bidi_request(read_slice(f"<bidi xmlns='urn:xmpp:bidi'>{inside}</bidi>".encode())))

    def test_look_alikes(self) -> None:
        """B1, B2: the feature is no request: the two have different namespaces."""
        for other in (b"<bidi xmlns='urn:xmpp:features:bidi'/>", b"<bidi/>", b"<Bidi xmlns='urn:xmpp:bidi'/>"):
            self.assertFalse(is_bidi_request(read_slice(other)))


class AskedForByUsTests(SynchronousTestCase):
    """The initiating server."""

    def after(self, offer: bytes, *, is_bidi: bool = True) -> InitiatingStream:
        """A stream that has just read features inside TLS."""
        stream = InitiatingStream(PAIR, scripts.side({A}, is_bidi=is_bidi), 0.0)
        for step in INITIATING_STEPS[:6]:
            take(stream, step)
        stream.bytes_to_send()
        take(stream, offer)
        return stream

    def test_first(self) -> None:
        """B2: it is asked for inside TLS, before ``auth`` or a key, once, and not waited for."""
        for offer, proof in ((OFFER_EXTERNAL_AND_BIDI, b"<auth "), (OFFER_BIDI, b"<db:result ")):
            stream = self.after(offer)
            said = stream.bytes_to_send()
            self.assertTrue(said.startswith(REQUEST + proof), said)
            self.assertEqual((True, 1), (stream.is_two_way, said.count(b"urn:xmpp:bidi")))

    def test_once(self) -> None:
        """B2: features after SASL that offer it again are not taken up again."""
        stream = self.after(OFFER_EXTERNAL_AND_BIDI)
        stream.bytes_to_send()
        for step in (scripts.SUCCESS, scripts.FROM_B, OFFER_BIDI):
            take(stream, step)
        self.assertNotIn(b"bidi", stream.bytes_to_send())
        self.assertIs(StreamState.CARRYING, stream.state)

    def test_not_outside_tls(self) -> None:
        """B2: an offer outside TLS is not taken up there, nor remembered."""
        stream = InitiatingStream(PAIR, scripts.side({A}), 0.0)
        outside = scripts.OFFER_TLS.replace(b"</stream:f", b"<bidi xmlns='urn:xmpp:features:bidi'/></stream:f")
        said = b""
        for step in (INITIATING_STEPS[0], outside, *INITIATING_STEPS[2:7]):
            take(stream, step)
            said += stream.bytes_to_send()
        self.assertEqual((0, False), (said.count(b"urn:xmpp:bidi"), stream.is_two_way))

    def test_not_on_a_plain_stream(self) -> None:
        """B2: nor on a stream that stays without TLS."""
        stream = initiating(StreamState.PLAIN_NEGOTIATING, way=scripts.INITIATING_PLAIN)
        take(stream, OFFER_BIDI)
        take(stream, proven(B))
        self.assertNotIn(b"bidi", stream.bytes_to_send())
        self.assertFalse(stream.is_two_way)

    def test_not_offered(self) -> None:
        """B2: where it is not offered, or something that looks like it is, it is not asked for."""
        request_for_offer = OFFER_EXTERNAL.replace(b"</stream:f", b"<bidi xmlns='urn:xmpp:bidi'/></stream:f")
        for offer in (OFFER_EXTERNAL, request_for_offer):
            stream = self.after(offer)
            self.assertTrue(stream.bytes_to_send().startswith(b"<auth "))
            self.assertFalse(stream.is_two_way)

    def test_switched_off(self) -> None:
        """Where we do not want it, it is not asked for."""
        stream = self.after(OFFER_EXTERNAL_AND_BIDI, is_bidi=False)
        self.assertTrue(stream.bytes_to_send().startswith(b"<auth "))
        self.assertFalse(stream.is_two_way)

    def test_ready(self) -> None:
        """B4: both directions open together, when we have proven ourselves and the peer has."""
        stream = initiating(StreamState.PROVEN_NEGOTIATING, way=INITIATING_TWO_WAY)
        told = stream.receive_bytes(scripts.OFFER_NOTHING, 0.0)
        self.assertEqual([StreamReady(pair=PAIR, direction=OUT), StreamReady(pair=BACK, direction=IN)], told)
        self.assertEqual([REPLY], received(stream.receive_bytes(REPLY, 0.0)))

    def test_ready_by_dialback(self) -> None:
        """B4: so they do where our key proves us: the inverse of its pair may answer."""
        stream = self.after(OFFER_BIDI)
        told = stream.receive_bytes(VALID, 0.0)
        self.assertEqual([StreamReady(pair=PAIR, direction=OUT), StreamReady(pair=BACK, direction=IN)], told)

    def test_only_what_was_proven(self) -> None:
        """B4, S9, S12: from the server we called nothing passes but from its domain to ours."""
        for sender, target in (("x@c.example", "y@a.example"), ("x@a.example", "y@b.example")):
            stream = initiating(way=INITIATING_TWO_WAY)
            self.assertEqual([], received(stream.receive_bytes(message(sender, target).data, 0.0)))
            self.assertEqual(1, stream.dropped)
        stream = initiating(way=INITIATING_TWO_WAY)
        ended = ending(stream.receive_bytes(message("x@b.example", "y@c.example").data, 0.0))
        self.assertIs(StreamCondition.HOST_UNKNOWN, ended.condition)

    def test_too_early(self) -> None:
        """B3, S10: a stanza of the peer before we are proven ends the stream."""
        for state in (StreamState.SECURE_NEGOTIATING, StreamState.PROVING):
            stream = initiating(state, way=INITIATING_TWO_WAY)
            ended = ending(stream.receive_bytes(REPLY, 0.0))
            self.assertIs(StreamCondition.NOT_AUTHORIZED, ended.condition)

    def test_grant(self) -> None:
        """The peer's stanzas have the right that its own proof gives, as long as that lasts."""
        stream = initiating(StreamState.JUDGING, way=INITIATING_TWO_WAY)
        for step in (proven(B, until=500.0), *INITIATING_TWO_WAY.steps[5:]):
            take(stream, step)
        grant = Grant(prooftype="pkix", evidence="sha256:00", until=500.0)
        listed = [*stream.associations.associations()]
        self.assertIn(Association(direction=IN, sender=B, target=A, grant=grant), listed)
        self.assertEqual([REPLY], received(stream.receive_bytes(REPLY, 499.999)))
        self.assertEqual([], received(stream.receive_bytes(REPLY, 500.0)))


class AskedForByPeerTests(SynchronousTestCase):
    """The receiving server."""

    def test_offered(self) -> None:
        """B1: it is offered outside TLS and inside, until the peer is proven; not where we do not want it."""
        for is_bidi in (True, False):
            stream = ReceivingStream(scripts.side({B}, is_bidi=is_bidi), CountingEntropy(), 0.0)
            said = []
            for step in RECEIVING_STEPS:
                take(stream, step)
                said.append(b"<bidi xmlns='urn:xmpp:features:bidi'>" in stream.bytes_to_send())
            self.assertEqual([is_bidi, False, False, False, is_bidi, False, False], said)

    def test_taken_up(self) -> None:
        """B2: there is no answer and no restart."""
        stream = receiving(StreamState.PROVING)
        self.assertEqual([], stream.receive_bytes(REQUEST, 0.0))
        self.assertEqual((b"", StreamState.PROVING, True), (stream.bytes_to_send(), stream.state, stream.is_two_way))

    def test_ready(self) -> None:
        """B3, B4: when the peer is proven, and not before, our domain that it called may answer."""
        stream = receiving(StreamState.PROVEN_OPENING, way=RECEIVING_TWO_WAY)
        self.assertFalse(stream.may_send(BACK, 0.0))
        told = stream.receive_bytes(FROM_A, 0.0)
        self.assertEqual([StreamReady(pair=BACK, direction=OUT), StreamReady(pair=PAIR, direction=IN)], told)
        stream.bytes_to_send()
        stream.send(BACK, [message("y@b.example", "x@a.example")], 0.0)
        self.assertEqual(REPLY, stream.bytes_to_send())

    def test_ready_by_dialback(self) -> None:
        """B4: so it may when the peer's key is good, for the inverse of its pair."""
        stream = receiving(StreamState.PROVING, way=RECEIVING_BY_DIALBACK)
        for step in (BIDI, scripts.ASSERTION):
            take(stream, step)
        told = take(stream, scripts.ACCEPTED)
        self.assertEqual([StreamReady(pair=BACK, direction=OUT), StreamReady(pair=PAIR, direction=IN)], told)
        further = scripts.dialback("result", "c.example", "b.example", "00")
        take(stream, further)
        take(stream, scripts.PairVerdict(pair=DomainPair(C, B), outcome=proven(C)))
        self.assertTrue(stream.may_send(DomainPair(B, C), 0.0))

    def test_only_what_was_called(self) -> None:
        """B4: no other domain of ours may answer, nor may ours send to another of the peer's."""
        stream = receiving(way=RECEIVING_TWO_WAY, hosted={B, C})
        for pair in (DomainPair(C, A), DomainPair(B, C), PAIR):
            self.assertFalse(stream.may_send(pair, 0.0))

    def test_not_heard(self) -> None:
        """B2: a request outside TLS, before our features or after the proof, or unwanted, changes nothing."""
        unwanted = ReceivingStream(scripts.side({B}, is_bidi=False), CountingEntropy(), 0.0)
        for step in RECEIVING_STEPS[:5]:
            take(unwanted, step)
        for stream in (
            receiving(StreamState.PLAIN_NEGOTIATING),
            receiving(StreamState.JUDGING),
            receiving(),
            receiving(StreamState.PROVING, way=RECEIVING_PLAIN),
            receiving(way=RECEIVING_BY_DIALBACK),
            unwanted,
        ):
            before = stream.state
            self.assertEqual([], stream.receive_bytes(BIDI, 0.0))
            self.assertEqual((False, 1, before), (stream.is_two_way, stream.ignored, stream.state))

    def test_outside_tls_is_forgotten(self) -> None:
        """S6, B2: what was asked for before TLS does not count inside."""
        stream = receiving(StreamState.PLAIN_NEGOTIATING)
        for step in (BIDI, *RECEIVING_STEPS[1:]):
            take(stream, step)
        self.assertEqual((False, False), (stream.is_two_way, stream.may_send(BACK, 0.0)))

    def test_namespaces_confused(self) -> None:
        """B1, B2: the feature sent in place of the request asks for nothing."""
        stream = receiving(StreamState.PROVING)
        ended = ending(stream.receive_bytes(b"<bidi xmlns='urn:xmpp:features:bidi'/>", 0.0))
        self.assertIs(StreamCondition.UNSUPPORTED_STANZA_TYPE, ended.condition)
        self.assertFalse(stream.is_two_way)

    def test_without_it(self) -> None:
        """A stream that nobody asked it for goes one way, though it was offered."""
        self.assertFalse(receiving().may_send(BACK, 0.0))

    def test_limits(self) -> None:
        """B9, S21: the limits of the peer, which it can tell nowhere else, stand inside; others do not matter."""
        limits = OWN_LIMITS.replace("524288", "20000").replace("3600", "100")
        for inside in (limits, f"<x xmlns='urn:x'/>{limits}"):
            stream = receiving(StreamState.PROVING)
            for step in (f"<bidi xmlns='urn:xmpp:bidi'>{inside}</bidi>".encode(), AUTH, FROM_A):
                take(stream, step)
            self.assertEqual(AnnouncedLimits(max_bytes=20_000, idle_seconds=100), stream.peer_limits)
            self.assertEqual(90.0, stream.deadline)

    def test_no_limits(self) -> None:
        """S21: where there are none, ours alone count."""
        stream = receiving(way=RECEIVING_TWO_WAY, limits=scripts.PATIENT)
        self.assertEqual(3_600.0, stream.deadline)


class TogetherTests(SynchronousTestCase):
    """Two of ours."""

    def test_certificate(self) -> None:
        """B4, B11: stanzas go both ways on one stream, each from and to what was proven."""
        pair = StreamPair()
        pair.run()
        for stream, domains in ((pair.initiating, PAIR), (pair.receiving, BACK)):
            self.assertEqual([True, False], [stream.may_send(each, 0.0) for each in (domains, domains.reversed())])

    def test_stream_error(self) -> None:
        """B10: an error of either end ends both directions."""
        for stream in (initiating(way=INITIATING_TWO_WAY), receiving(way=RECEIVING_TWO_WAY)):
            self.assertIs(StreamCondition.SYSTEM_SHUTDOWN, ending(stream.receive_bytes(STREAM_ERROR, 0.0)).condition)
            self.assertEqual(CLOSING, stream.bytes_to_send())
            self.assertFalse(stream.may_send(PAIR, 0.0) or stream.may_send(BACK, 0.0))
        for stream in (initiating(way=INITIATING_TWO_WAY), receiving(way=RECEIVING_TWO_WAY)):
            stream.fail(StreamCondition.RESET, "new keys", 0.0)
            self.assertFalse(stream.may_send(PAIR, 0.0) or stream.may_send(BACK, 0.0))

    def test_idle(self) -> None:
        """S23: a stanza in either direction keeps both open."""
        pair = StreamPair(limits=StreamLimits(idle_seconds=100.0))
        pair.run()
        for seconds, sender, domains in ((80.0, pair.receiving, BACK), (80.0, pair.initiating, PAIR)):
            pair.advance(seconds)
            sender.send(domains, [message(domains.sender, domains.target)], pair.now)
            pair.exchange()
        self.assertEqual(250.0, pair.receiving.deadline)
        self.assertEqual(250.0, pair.initiating.deadline)

    def test_further_pairs(self) -> None:
        """B6, B7: the called end asserts a pair of another domain; both ends then carry it, both ways."""
        pair = StreamPair()
        pair.run()
        further = DomainPair(C, A)
        pair.receiving.assert_pair(further, 0.0)
        pair.initiating.receive_bytes(pair.receiving.bytes_to_send(), 0.0)
        take(pair.initiating, scripts.PairVerdict(pair=further, outcome=proven(C)))
        pair.receiving.receive_bytes(pair.initiating.bytes_to_send(), 0.0)
        self.assertTrue(pair.receiving.may_send(further, 0.0))
        self.assertTrue(pair.initiating.may_send(further.reversed(), 0.0))
        pair.initiating.send(further.reversed(), [message("a.example", "c.example")], 0.0)
        said = pair.initiating.bytes_to_send()
        self.assertEqual(1, len(received(pair.receiving.receive_bytes(said, 0.0))))

    def test_error_for_a_reverse_pair(self) -> None:
        """B7: an error in answer to it fails the pair alone, at either end."""
        pair = StreamPair()
        pair.run()
        further = DomainPair(C, A)
        pair.receiving.assert_pair(further, 0.0)
        pair.initiating.receive_bytes(pair.receiving.bytes_to_send(), 0.0)
        take(pair.initiating, scripts.PairVerdict(pair=further, outcome=scripts.refused(C, "no")))
        (refusal,) = pair.receiving.receive_bytes(pair.initiating.bytes_to_send(), 0.0)
        assert isinstance(refusal, PairRefused)
        self.assertEqual(further, refusal.pair)
        self.assertEqual([StreamState.CARRYING] * 2, [pair.initiating.state, pair.receiving.state])
