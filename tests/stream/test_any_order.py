"""Streams to which anything may happen in any order."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream import (
    InitiatingStream,
    ProofWanted,
    ReceivingStream,
    StanzaDropped,
    StanzasReceived,
    Stream,
    StreamClosing,
    StreamEnded,
    StreamEvent,
    StreamReady,
    StreamState,
    TLSAgreed,
)
from muxs2s.wire.errors import LocalMisuse
from tests.stream import scripts
from tests.stream.scripts import (
    CLOSING,
    FROM_A,
    FROM_B,
    INITIATING_STEPS,
    PAIR,
    RECEIVING_STEPS,
    STREAM_ERROR,
    A,
    B,
    CountingEntropy,
    Step,
    header,
    message,
    proven,
    received,
    refused,
    take,
)

PEER_SAYS: Sequence[Step] = (
    *(FROM_A, FROM_B, header(from_="b.example", to="b.example"), message().data, message("x@c.example").data),
    *(scripts.OFFER_TLS, scripts.OFFER_EXTERNAL, scripts.STARTTLS, scripts.PROCEED, scripts.AUTH, scripts.SUCCESS),
    *(scripts.TLS_FAILURE, scripts.SASL_FAILURE, STREAM_ERROR, CLOSING, b"<a>", b"</a>", b"<", b"&"),
    *(scripts.TLS_DONE, proven(A), proven(B), refused(A, "no"), refused(B, "no")),
)


class AnyOrderTests(SynchronousTestCase):
    """Whatever happens, in whatever order."""

    @settings(derandomize=True, deadline=None, max_examples=150)
    @given(start=st.integers(0, 9), said=st.lists(st.sampled_from(PEER_SAYS), max_size=12), calling=st.booleans())
    def test_story_of_a_stream(self, start: int, said: list[Step], calling: bool) -> None:  # noqa: FBT001 - drawn
        """A stream tells at most one story: ready, stanzas, one reason for closing, one end, nothing more."""
        steps = INITIATING_STEPS if calling else RECEIVING_STEPS
        stream: Stream = (
            InitiatingStream(PAIR, scripts.side({A}), 0.0)
            if calling
            else ReceivingStream(scripts.side({B}), CountingEntropy(), 0.0)
        )
        told: list[StreamEvent] = []
        for now, step in enumerate((*steps[:start], *said)):
            try:
                told += take(stream, step, float(now))
            except LocalMisuse:
                self.assertIs(StreamState.JUDGING, stream.state)
        told += stream.connection_lost("the end of the story")
        self.assert_story([type(event) for event in told])
        self.assertFalse(received(told) and calling)

    def assert_story(self, kinds: list[type]) -> None:
        """Look at the order of events."""
        once = [kind for kind in kinds if not issubclass(kind, StanzasReceived | StanzaDropped)]
        order = [TLSAgreed, ProofWanted, StreamReady, StreamClosing, StreamEnded]
        self.assertEqual([kind for kind in order if kind in once], once)
        self.assertEqual([StreamClosing, StreamEnded], once[-2:])
        self.assertIs(StreamEnded, kinds[-1])
        if StanzasReceived in kinds:
            self.assertLess(kinds.index(StreamReady), kinds.index(StanzasReceived))
