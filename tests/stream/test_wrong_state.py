"""
Every input of a peer in every state, in both roles.

One grid for each role says what comes of it, so that nothing a peer can say at the wrong time is
left to chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream.events import StanzasReceived, StreamClosing
from muxs2s.stream.machine import StreamState
from muxs2s.stream.stream import Stream
from tests.stream import scripts
from tests.stream.scripts import INITIATING_STEPS, RECEIVING_STEPS, initiating, message, receiving, states

INPUTS: Final[Mapping[str, bytes]] = {
    "stanza": message().data,
    "features": scripts.OFFER_EXTERNAL,
    "starttls": scripts.STARTTLS,
    "proceed": scripts.PROCEED,
    "tls-failure": scripts.TLS_FAILURE,
    "auth": scripts.AUTH,
    "success": scripts.SUCCESS,
    "sasl-failure": scripts.SASL_FAILURE,
    "dialback": b"<db:result xmlns:db='jabber:server:dialback' from='a.example' to='b.example'>00</db:result>",
    "error": scripts.STREAM_ERROR,
    "closing": scripts.CLOSING,
}
"""And the peer's header, which depends on the role."""

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
``.`` nothing comes of it, an element is ignored, dropped or taken, ``no`` answers SASL, the stream is
failed by the peer or at its end.
"""

INITIATING: Final = """
                   header stanza features starttls proceed tls-failure auth success sasl-failure dialback error closing
PLAIN_OPENING      >      in     wf       in       in      in          in   in      in           in       wf    wf
PLAIN_NEGOTIATING  bf     na     >        ign      pv      pv          ign  pv      pv           ign      fail  end
TLS_REQUESTED      bf     na     pv       ign      >       uc          ign  pv      pv           ign      fail  end
SECURING           .      .      .        .        .       .           .    .       .            .        .     .
JUDGING            pv     in     wf       in       in      in          in   in      in           in       wf    wf
SECURE_OPENING     >      in     wf       in       in      in          in   in      in           in       wf    wf
SECURE_NEGOTIATING bf     na     >        ign      pv      pv          ign  pv      pv           ign      fail  end
PROVING            bf     na     pv       ign      pv      pv          ign  >       uc           ign      fail  end
PROVEN_OPENING     >      in     wf       in       in      in          in   in      in           in       wf    wf
PROVEN_NEGOTIATING bf     na     >        ign      pv      pv          ign  pv      pv           ign      fail  end
CARRYING           bf     drop   ign      ign      pv      pv          ign  pv      pv           ign      fail  end
CLOSING            end    drop   ign      ign      ign     ign         ign  ign     ign          ign      fail  end
FAILING            end    ign    ign      ign      ign     ign         ign  ign     ign          ign      ign   end
CLOSED             .      .      .        .        .       .           .    .       .            .        .     .
"""

RECEIVING: Final = """
                  header stanza features starttls proceed tls-failure auth success sasl-failure dialback error closing
PLAIN_OPENING     >      in     wf       in       in      in          in   in      in           in       wf    wf
PLAIN_NEGOTIATING bf     na     us       >        us      us          pv   us      us           us       fail  end
SECURING          .      .      .        .        .       .           .    .       .            .        .     .
SECURE_OPENING    >      in     wf       in       in      in          in   in      in           in       wf    wf
JUDGING           bf     na     us       pv       us      us          pv   us      us           us       fail  end
PROVING           bf     na     us       pv       us      us          >    us      us           us       fail  end
PROVEN_OPENING    >      in     wf       in       in      in          in   in      in           in       wf    wf
CARRYING          bf     take   ign      pv       ign     ign         no   ign     ign          ign      fail  end
CLOSING           end    take   ign      ign      ign     ign         ign  ign     ign          ign      fail  end
FAILING           end    ign    ign      ign      ign     ign         ign  ign     ign          ign      ign   end
CLOSED            .      .      .        .        .       .           .    .       .            .        .     .
"""


def read(grid: str) -> dict[tuple[str, str], str]:
    """The cells of a grid by state and input."""
    head, *lines = [line.split() for line in grid.strip("\n").splitlines()]
    return {(state, given): cell for state, *cells in lines for given, cell in zip(head, cells, strict=True)}


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
    if any(isinstance(event, StanzasReceived) for event in events):
        return "take"
    if stream.ignored > ignored:
        return "ign"
    if stream.dropped > dropped:
        return "drop"
    return "no" if b"<failure" in stream.bytes_to_send() else "."


class WrongStateTests(SynchronousTestCase):
    """What comes of what, and that nothing is forgotten."""

    def assert_grid(
        self, grid: str, stream_in: Callable[[StreamState], Stream], ways: list[StreamState], header: bytes
    ) -> None:
        """Try every input in every state."""
        cells, inputs = read(grid), {"header": header, **INPUTS}
        self.assertEqual(set(cells), {(state.name, name) for state in ways for name in inputs})
        came = {(state.name, name): came_of(stream_in(state), data) for state in ways for name, data in inputs.items()}
        differing = {cell: (wanted, came[cell]) for cell, wanted in cells.items() if wanted != came[cell]}
        self.assertEqual({}, differing, "as state and input: wanted, came")

    def test_initiating(self) -> None:
        """S10, S14: towards a server we called, each input in each state has the outcome of the grid."""
        self.assert_grid(INITIATING, initiating, states(INITIATING_STEPS), scripts.FROM_B)

    def test_receiving(self) -> None:
        """S10, S14: towards a server that called us, each input in each state has the outcome of the grid."""
        self.assert_grid(RECEIVING, receiving, states(RECEIVING_STEPS), scripts.FROM_A)

    def test_early_stanza(self) -> None:
        """S10: a stanza before authentication is answered with ``not-authorized`` and never delivered."""
        for state in ("PLAIN_NEGOTIATING", "JUDGING", "PROVING"):
            stream = receiving(StreamState[state])
            events = stream.receive_bytes(message().data, 0.0)
            self.assertFalse([event for event in events if isinstance(event, StanzasReceived)])
            self.assertIn(b"<not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>", stream.bytes_to_send())
