"""
Every input of a peer in every state, in both roles.

One grid for each role says what comes of it, so that nothing a peer can say at the wrong time is
left to chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream.events import AnswerUnasked, PairAsserted, StanzasReceived, StreamClosing
from muxs2s.stream.machine import StreamState
from muxs2s.stream.stream import Stream
from tests.stream import scripts
from tests.stream.scripts import Way, dialback, initiating, message, receiving, states


def inputs(way: Way) -> Mapping[str, bytes]:
    """Whatever a peer can say, with the addresses that fit the role of our stream."""
    peer, ours = ("b.example", "a.example") if way.is_initiating else ("a.example", "b.example")
    return {
        "header": scripts.FROM_B if way.is_initiating else scripts.FROM_A,
        "stanza": message(f"x@{peer}", f"y@{ours}").data,
        "features": scripts.OFFER_EXTERNAL,
        "starttls": scripts.STARTTLS,
        "proceed": scripts.PROCEED,
        "tls-failure": scripts.TLS_FAILURE,
        "auth": scripts.AUTH,
        "success": scripts.SUCCESS,
        "sasl-failure": scripts.SASL_FAILURE,
        "result": dialback("result", peer, ours, "00"),
        "valid": dialback("result", peer, ours, type="valid"),
        "verify": dialback("verify", peer, ours, "00", id="s1"),
        "verified": dialback("verify", peer, ours, type="valid", id="s1"),
        "bidi": scripts.BIDI,
        "error": scripts.STREAM_ERROR,
        "closing": scripts.CLOSING,
    }


CODES: Final = {
    "bad-format": "bf",
    "host-unknown": "hu",
    "invalid-namespace": "in",
    "not-authorized": "na",
    "not-well-formed": "wf",
    "policy-violation": "pv",
    "undefined-condition": "uc",
    "unsupported-stanza-type": "us",
}
"""
How the grids write that we fail the stream with a condition. Besides: ``>`` the stream moves on,
``.`` nothing comes of it, an element is ignored, dropped or taken, ``no`` answers SASL, ``yes`` answers
dialback, ``pair`` is to be judged, ``odd`` answers what nobody asked, the stream is failed by the peer or at
its end.
"""

INITIATING: Final = """
                   header stanza features starttls proceed tls-failure auth success sasl-failure error closing
PLAIN_OPENING      >      in     wf       in       in      in          in   in      in           wf    wf
PLAIN_NEGOTIATING  bf     na     >        ign      pv      pv          ign  pv      pv           fail  end
TLS_REQUESTED      bf     na     pv       ign      >       uc          ign  pv      pv           fail  end
SECURING           .      .      .        .        .       .           .    .       .            .     .
JUDGING            pv     in     wf       in       in      in          in   in      in           wf    wf
SECURE_OPENING     >      in     wf       in       in      in          in   in      in           wf    wf
SECURE_NEGOTIATING bf     na     >        ign      pv      pv          ign  pv      pv           fail  end
PROVING            bf     na     pv       ign      pv      pv          ign  >       uc           fail  end
PROVEN_OPENING     >      in     wf       in       in      in          in   in      in           wf    wf
PROVEN_NEGOTIATING bf     na     >        ign      pv      pv          ign  pv      pv           fail  end
CARRYING           bf     drop   ign      ign      pv      pv          ign  pv      pv           fail  end
CLOSING            end    drop   ign      ign      ign     ign         ign  ign     ign          fail  end
FAILING            end    ign    ign      ign      ign     ign         ign  ign     ign          ign   end
CLOSED             .      .      .        .        .       .           .    .       .            .     .
"""

INITIATING_PAIRS: Final = """
                   result valid verify verified bidi
PLAIN_OPENING      in     in    in     in       in
PLAIN_NEGOTIATING  us     us    us     us       ign
TLS_REQUESTED      us     us    us     us       ign
SECURING           .      .     .      .        .
JUDGING            in     in    in     in       in
SECURE_OPENING     in     in    in     in       in
SECURE_NEGOTIATING us     us    us     us       ign
PROVING            ign    odd   yes    odd      ign
PROVEN_OPENING     in     in    in     in       in
PROVEN_NEGOTIATING us     us    us     us       ign
CARRYING           ign    odd   yes    odd      ign
CLOSING            ign    ign   ign    ign      ign
FAILING            ign    ign   ign    ign      ign
CLOSED             .      .     .      .        .
"""
"""What belongs to dialback and bidi: on a one-way stream a peer that was called may ask and answer, not assert."""

RECEIVING: Final = """
                  header stanza features starttls proceed tls-failure auth success sasl-failure error closing
PLAIN_OPENING     >      in     wf       in       in      in          in   in      in           wf    wf
PLAIN_NEGOTIATING bf     na     us       >        us      us          pv   us      us           fail  end
SECURING          .      .      .        .        .       .           .    .       .            .     .
SECURE_OPENING    >      in     wf       in       in      in          in   in      in           wf    wf
JUDGING           bf     na     us       pv       us      us          pv   us      us           fail  end
PROVING           bf     na     us       pv       us      us          >    us      us           fail  end
PROVEN_OPENING    >      in     wf       in       in      in          in   in      in           wf    wf
CARRYING          bf     take   ign      pv       ign     ign         no   ign     ign          fail  end
CLOSING           end    take   ign      ign      ign     ign         ign  ign     ign          fail  end
FAILING           end    ign    ign      ign      ign     ign         ign  ign     ign          ign   end
CLOSED            .      .      .        .        .       .           .    .       .            .     .
"""

RECEIVING_PAIRS: Final = """
                  result valid verify verified bidi
PLAIN_OPENING     in     in    in     in       in
PLAIN_NEGOTIATING >      us    >      us       ign
SECURING          .      .     .      .        .
SECURE_OPENING    in     in    in     in       in
JUDGING           us     us    us     us       ign
PROVING           pair   odd   yes    odd      .
PROVEN_OPENING    in     in    in     in       in
CARRYING          pair   odd   yes    odd      ign
CLOSING           ign    ign   ign    ign      ign
FAILING           ign    ign   ign    ign      ign
CLOSED            .      .     .      .        .
"""
"""A peer that called may assert pairs as well."""

GRIDS: Final[Mapping[Way, tuple[str, ...]]] = {
    scripts.INITIATING_WAY: (INITIATING, INITIATING_PAIRS),
    scripts.INITIATING_DIRECT: (INITIATING, INITIATING_PAIRS),
    scripts.INITIATING_BY_DIALBACK: (
        *(INITIATING, INITIATING_PAIRS),
        """
                success sasl-failure valid
        PROVING pv      pv           >
        """,
    ),
    scripts.INITIATING_TWO_WAY: (
        *(INITIATING, INITIATING_PAIRS),
        """
                           stanza result
        PROVEN_OPENING     take   in
        PROVEN_NEGOTIATING take   us
        CARRYING           take   yes
        CLOSING            take   ign
        """,
    ),
    scripts.INITIATING_PLAIN: (
        *(INITIATING, INITIATING_PAIRS),
        """
                      header stanza features starttls proceed tls-failure auth success sasl-failure error closing
        PLAIN_JUDGING bf     na     pv       ign      pv      pv          ign  pv      pv           fail  end
        PROVING       bf     na     pv       ign      pv      pv          ign  pv      pv           fail  end
        """,
        """
                      result valid verify verified bidi
        PLAIN_JUDGING us     us    us     us       ign
        PROVING       ign    >     yes    odd      ign
        """,
    ),
    scripts.RECEIVING_WAY: (RECEIVING, RECEIVING_PAIRS),
    scripts.RECEIVING_DIRECT: (RECEIVING, RECEIVING_PAIRS),
    scripts.RECEIVING_TWO_WAY: (RECEIVING, RECEIVING_PAIRS),
    scripts.RECEIVING_BY_DIALBACK: (
        *(RECEIVING, RECEIVING_PAIRS),
        """
                 auth result
        PROVING  pv   pair
        CARRYING pv   yes
        """,
    ),
    scripts.RECEIVING_PLAIN: (
        *(RECEIVING, RECEIVING_PAIRS),
        """
                 auth result bidi
        PROVING  pv   ign    ign
        CARRYING pv   yes    ign
        """,
    ),
}
"""
For each way its grids; what is different on it stands last. Where the pair of ``result`` is being judged,
it is ignored, where it is accepted already, it is answered.
"""


def read(grid: str) -> dict[tuple[str, str], str]:
    """The cells of a grid by state and input."""
    head, *lines = [line.split() for line in grid.splitlines() if line.strip()]
    return {(state, given): cell for state, *cells in lines for given, cell in zip(head, cells, strict=True)}


_TOLD: Final = {StanzasReceived: "take", PairAsserted: "pair", AnswerUnasked: "odd"}


def came_of(stream: Stream, data: bytes) -> str:
    """Let the peer say something, and tell in the words of the grids what comes of it."""
    before, ignored, dropped = stream.state, stream.ignored, stream.dropped
    events = stream.receive_bytes(data, 0.0)
    closing = [event for event in events if isinstance(event, StreamClosing)]
    if stream.state is not before:
        if closing and not closing[0].by_peer:
            assert closing[0].condition is not None
            return CODES[closing[0].condition.value]
        return {StreamState.FAILING: "fail", StreamState.CLOSED: "end"}.get(stream.state, ">")
    told = [_TOLD[type(event)] for event in events if type(event) in _TOLD]
    if told:
        return told[0]
    if stream.ignored > ignored:
        return "ign"
    if stream.dropped > dropped:
        return "drop"
    said = stream.bytes_to_send()
    return "no" if b"<failure" in said else "yes" if b"<db:" in said else "."


class WrongStateTests(SynchronousTestCase):
    """What comes of what, and that nothing is forgotten."""

    def test_grids(self) -> None:
        """S10, S14, D18: each input in each state of each way has the outcome of the grids."""
        for way, grids in GRIDS.items():
            cells = {cell: outcome for grid in grids for cell, outcome in read(grid).items()}
            stream_in, said = initiating if way.is_initiating else receiving, inputs(way)
            came = {
                (state.name, name): came_of(stream_in(state, way=way), data)
                for state in states(way)
                for name, data in said.items()
            }
            self.assertEqual({}, {cell: (cells.get(cell), got) for cell, got in came.items() if cells.get(cell) != got})

    def test_every_way(self) -> None:
        """No way is left out."""
        self.assertEqual({*scripts.WAYS}, {*GRIDS})

    def test_early_stanza(self) -> None:
        """S10: a stanza before authentication is answered with ``not-authorized`` and never delivered."""
        for state in ("PLAIN_NEGOTIATING", "JUDGING", "PROVING"):
            stream = receiving(StreamState[state])
            events = stream.receive_bytes(message().data, 0.0)
            self.assertFalse([event for event in events if isinstance(event, StanzasReceived)])
            self.assertIn(b"<not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>", stream.bytes_to_send())
