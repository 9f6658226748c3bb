"""Streams to which anything may happen in any order, cut into any pieces."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream import (
    Direction,
    Negotiated,
    ProofWanted,
    ProvingStream,
    StanzasReceived,
    StreamClosing,
    StreamEnded,
    StreamEvent,
    StreamReady,
    StreamState,
    TLSAgreed,
)
from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.names import DomainPair
from tests.stream import scripts
from tests.stream.scripts import (
    BIDI,
    CLOSING,
    FROM_A,
    FROM_B,
    PAIR,
    STREAM_ERROR,
    WAYS,
    A,
    B,
    C,
    PairVerdict,
    Step,
    Way,
    begin,
    dialback,
    header,
    message,
    proven,
    received,
    refused,
    take,
)

BACK = PAIR.reversed()

FURTHER = DomainPair(C, B)
"""Asserted by us wherever that is possible."""

PAIRS: Sequence[DomainPair] = (PAIR, BACK, DomainPair(C, B), DomainPair(C, A), DomainPair(A, C), DomainPair(B, C))

PEER_SAYS: Sequence[bytes] = (
    *(FROM_A, FROM_B, header(from_="b.example", to="b.example"), message().data, message("x@c.example").data),
    *(message("y@b.example", "x@a.example").data, message("x@c.example", "x@a.example").data),
    *(scripts.OFFER_TLS, scripts.OFFER_EXTERNAL, scripts.OFFER_BIDI, scripts.OFFER_EXTERNAL_AND_BIDI),
    *(scripts.STARTTLS, scripts.PROCEED, scripts.AUTH, scripts.SUCCESS, BIDI),
    *(scripts.TLS_FAILURE, scripts.SASL_FAILURE, STREAM_ERROR, CLOSING, b"<a>", b"</a>", b"<", b"&", b" "),
    *(dialback("result", pair.sender, pair.target, "00") for pair in PAIRS),
    *(dialback("result", pair.sender, pair.target, type=said) for pair in PAIRS for said in ("valid", "invalid")),
    *(dialback("verify", pair.sender, pair.target, "00", id="s1") for pair in PAIRS[:3]),
    *(
        dialback("verify", pair.sender, pair.target, id="s1", type=said)
        for pair in PAIRS[:3]
        for said in ("valid", "error")
    ),
)

STEADY = [said for said in PEER_SAYS if said not in {scripts.STARTTLS, scripts.PROCEED, scripts.AUTH, scripts.SUCCESS}]
"""What does not make a stream begin anew; after that, the rest of a piece is dropped."""

FAVOURS: Sequence[Step] = [PairVerdict(pair=pair, outcome=proven(pair.sender)) for pair in PAIRS]

STEPS: Sequence[Step] = (
    *PEER_SAYS,
    *(scripts.TLS_DONE, proven(A), proven(B), refused(A, "no"), refused(B, "no")),
    *FAVOURS,
    *(PairVerdict(pair=pair, outcome=refused(pair.sender, "no")) for pair in PAIRS),
)

WAY = st.sampled_from(WAYS)
STORY = st.lists(st.sampled_from(STEPS), max_size=12)


def tell(way: Way, steps: Sequence[Step]) -> tuple[ProvingStream, list[StreamEvent]]:
    """Let a stream take steps, one each second, and ask and assert in between where that is possible."""
    stream = begin(way)
    told = [*stream.begin()]
    for now, step in enumerate(steps):
        try:
            told += take(stream, step, float(now))
        except LocalMisuse:
            assert stream.state in {StreamState.JUDGING, StreamState.PLAIN_JUDGING}
        with contextlib.suppress(LocalMisuse):
            told += stream.question(BACK, "s1", "00", float(now))
        with contextlib.suppress(LocalMisuse):
            told += stream.assert_pair(FURTHER, float(now))
    return stream, told


class AnyOrderTests(SynchronousTestCase):
    """Whatever happens, in whatever order."""

    @settings(derandomize=True, deadline=None, max_examples=400)
    @given(way=WAY, start=st.integers(0, 10), story=STORY)
    def test_story_of_a_stream(self, way: Way, start: int, story: list[Step]) -> None:
        """A stream tells one story: TLS, a proof, ready, stanzas, one reason for closing, one end, nothing more."""
        stream, told = tell(way, [*way.steps[:start], *story])
        told += stream.connection_lost("the end of the story")
        kinds = [type(event) for event in told]
        once = [kind for kind in kinds if kind in {TLSAgreed, ProofWanted, Negotiated, StreamClosing, StreamEnded}]
        self.assertEqual([*dict.fromkeys(once)], once)
        self.assertEqual([StreamClosing, StreamEnded], once[-2:])
        self.assertIs(StreamEnded, kinds[-1])
        if StanzasReceived in kinds:
            self.assertLess(kinds.index(StreamReady), kinds.index(StanzasReceived))
        self.assertEqual(0, len(stream._side.keys))

    @settings(derandomize=True, deadline=None, max_examples=400)
    @given(way=WAY, start=st.integers(0, 10), story=STORY)
    def test_nothing_unproven(self, way: Way, start: int, story: list[Step]) -> None:
        """D18, S9, B4: stanzas pass in a direction only of pairs told ready for it, and those only after a proof."""
        stream, told = tell(way, [*way.steps[:start], *story])
        ready = {(event.direction, event.pair) for event in told if isinstance(event, StreamReady)}
        judged = {PAIR, FURTHER, *(step.pair for step in story if isinstance(step, PairVerdict) and step in FAVOURS)}
        self.assertLessEqual({pair for _, pair in ready}, judged | {pair.reversed() for pair in judged})
        for event in told:
            if isinstance(event, StanzasReceived):
                self.assertLessEqual({(Direction.INBOUND, stanza.pair) for stanza in event.stanzas}, ready)
        for pair in PAIRS:
            if stream.may_send(pair, float(len(story))):
                self.assertIn((Direction.OUTBOUND, pair), ready)

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(way=WAY, start=st.integers(0, 10), said=st.lists(st.sampled_from(STEADY), max_size=8), data=st.data())
    def test_any_pieces(self, way: Way, start: int, said: list[bytes], data: st.DataObject) -> None:
        """However what a peer says is cut, the same comes of it, in events, bytes and state."""
        whole, cut = (tell(way, way.steps[:start])[0] for _ in range(2))
        text = b"".join(said)
        places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
        pieces = [text[begin:end] for begin, end in zip([0, *places], [*places, len(text)], strict=True)]
        one = told_by(whole.receive_bytes(text, 20.0))
        self.assertEqual(one, told_by([event for piece in pieces for event in cut.receive_bytes(piece, 20.0)]))
        self.assertEqual(whole.bytes_to_send(), cut.bytes_to_send())
        self.assertEqual((whole.state, whole.ignored, whole.dropped), (cut.state, cut.ignored, cut.dropped))


def told_by(events: Sequence[StreamEvent]) -> list[object]:
    """Events, with stanzas one by one: how many come in one event depends on the pieces."""
    told: list[object] = []
    for event in events:
        told += received([event]) if isinstance(event, StanzasReceived) else [event]
    return told
