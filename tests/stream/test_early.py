"""Stanzas that come between the end of SASL and the header that should precede them."""

from __future__ import annotations

import gc

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream import InitiatingStream, StreamReady, StreamState
from muxs2s.stream.early import EarlyStanzas
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.framing import Framer
from muxs2s.wire.limits import AFTER_AUTHENTICATION, BEFORE_AUTHENTICATION
from tests.garbage import leave_out_what_is_there
from tests.stream import scripts
from tests.stream.scripts import FROM_B, OFFER_NOTHING, PAIR, SUCCESS, ending, message, received, take

ANSWER = message("y@b.example", "x@a.example", "early").data
IQ = b"<iq from='b.example' to='a.example' type='set' id='1'><q xmlns='urn:x'/></iq>"
HEADER = b"<?xml version='1.0'?>" + FROM_B
OFFER = scripts.OFFER_EXTERNAL.replace(b"</stream", b"<bidi xmlns='urn:xmpp:features:bidi'/></stream")


def proving(offer: bytes = OFFER) -> InitiatingStream:
    """A stream that has asked for bidi, if that was offered, and waits for the end of SASL."""
    stream = scripts.initiating(StreamState.SECURE_NEGOTIATING)
    take(stream, offer)
    stream.bytes_to_send()
    return stream


def alive() -> int:
    """How many readers of early stanzas there are."""
    gc.collect()
    return sum(isinstance(each, EarlyStanzas) for each in gc.get_objects())


class EarlyTests(SynchronousTestCase):
    """What Prosody does with a two-way stream."""

    def test_any_pieces(self) -> None:
        """B3, S16: stanzas before the header are taken, in order, wherever the bytes are cut."""
        early, header = SUCCESS + ANSWER + b" \n" + IQ, HEADER + OFFER_NOTHING + ANSWER
        pieces = [(early[:cut], early[cut:], header) for cut in range(len(early))]
        pieces += [(early, header[:cut], header[cut:]) for cut in range(len(header))]
        for said in pieces:
            stream = proving()
            events = [event for piece in said for event in stream.receive_bytes(piece, 0.0)]
            self.assertEqual([ANSWER, IQ, ANSWER], received(events), said)
            self.assertEqual((2, StreamState.CARRYING), (sum(isinstance(e, StreamReady) for e in events), stream.state))

    def test_byte_by_byte(self) -> None:
        """The same, byte by byte."""
        stream, taken = proving(), list[bytes]()
        for byte in SUCCESS + IQ + ANSWER + HEADER + OFFER_NOTHING:
            taken += received(stream.receive_bytes(bytes([byte]), 0.0))
        self.assertEqual(([IQ, ANSWER], StreamState.CARRYING), (taken, stream.state))

    def test_nothing_kept(self) -> None:
        """Once the header is there, the framer of the stream before is let go."""
        leave_out_what_is_there(self)
        stream, before = proving(), alive()
        stream.receive_bytes(SUCCESS + ANSWER, 0.0)
        self.assertEqual(before + 1, alive())
        stream.receive_bytes(HEADER, 0.0)
        self.assertEqual(before, alive())
        self.assertEqual([ANSWER], received(stream.receive_bytes(OFFER_NOTHING + ANSWER, 0.0)))

    def test_before_features(self) -> None:
        """B3: between the new header and its features they may come as well."""
        stream = proving()
        stream.receive_bytes(SUCCESS, 0.0)
        stream.receive_bytes(HEADER, 0.0)
        self.assertEqual([ANSWER], received(stream.receive_bytes(ANSWER, 0.0)))

    def test_one_way(self) -> None:
        """S10: on a stream that goes one way there is nothing to come; it is not taken."""
        stream = proving(scripts.OFFER_EXTERNAL)
        stream.receive_bytes(SUCCESS, 0.0)
        events = stream.receive_bytes(ANSWER, 0.0)
        self.assertEqual([], received(events))
        self.assertIs(StreamCondition.INVALID_NAMESPACE, ending(events).condition)

    def test_checked(self) -> None:
        """S9: early stanzas pass the same check: one of a domain that is not proven is dropped."""
        stream = proving()
        events = stream.receive_bytes(SUCCESS + message("y@c.example", "x@a.example").data + ANSWER, 0.0)
        self.assertEqual(([ANSWER], 1), (received(events), stream.dropped))

    def test_peer_whose_proof_has_ended(self) -> None:
        """A peer whose proof has ended meanwhile says nothing that counts."""
        stream = scripts.initiating(StreamState.JUDGING)
        for step in (scripts.proven(PAIR.target, until=5.0), FROM_B, OFFER):
            take(stream, step, 1.0)
        self.assertEqual([], received(stream.receive_bytes(SUCCESS + ANSWER, 6.0)))

    def test_nothing_else(self) -> None:
        """What is no stanza is for the new stream to judge, as ever."""
        for nothing in (b"<stanza/>", b"<messages/>", b"text", b"<!-- -->", b"<i"):
            stream = proving()
            stream.receive_bytes(SUCCESS, 0.0)
            events = stream.receive_bytes(nothing + b">" + HEADER, 0.0)
            self.assertEqual([], received(events))
            self.assertIsNotNone(ending(events).condition, nothing)

    def test_broken(self) -> None:
        """S19: an early stanza that is not well-formed fails the stream, and nothing after it is read."""
        stream = proving()
        stream.receive_bytes(SUCCESS, 0.0)
        events = stream.receive_bytes(b"<message><body></message>" + HEADER + ANSWER, 0.0)
        self.assertEqual(([], StreamCondition.NOT_WELL_FORMED), (received(events), ending(events).condition))

    def test_limits(self) -> None:
        """S20: they may be as large as any stanza after authentication."""
        framer = Framer(BEFORE_AUTHENTICATION)
        framer.feed(FROM_B)
        early = EarlyStanzas(framer, Framer(AFTER_AUTHENTICATION))
        large = message("y@b.example", "x@a.example", "x" * 20_000).data
        self.assertEqual((1, None), (len(early.feed(large)), early.violation))
        self.assertIs(AFTER_AUTHENTICATION, early.limits)
