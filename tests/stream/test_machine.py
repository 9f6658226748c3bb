"""Tests of :mod:`muxs2s.stream.machine`."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream.machine import INITIATING, RECEIVING, StreamInput, StreamMachine, StreamState
from muxs2s.wire.errors import RemoteViolation, StreamCondition
from tests.stream import draw_machine

Table = Mapping[tuple[StreamState, StreamInput], StreamState]

RECEIVING_WAYS = (
    """
    PLAIN_OPENING HEADER PLAIN_NEGOTIATING TLS_AGREED SECURING TLS_DONE SECURE_OPENING HEADER JUDGING
    JUDGED PROVING AUTHENTICATED PROVEN_OPENING HEADER CARRYING
    """,
    "PLAIN_NEGOTIATING UNENCRYPTED PROVING PAIR_PROVEN CARRYING",
)
"""
States and the inputs between them: as RFC 6120 orders them for the server that was called, then what is
different without TLS and with dialback in place of SASL.
"""

INITIATING_WAYS = (
    """
    PLAIN_OPENING HEADER PLAIN_NEGOTIATING FEATURES TLS_REQUESTED TLS_AGREED SECURING TLS_DONE JUDGING
    JUDGED SECURE_OPENING HEADER SECURE_NEGOTIATING FEATURES PROVING AUTHENTICATED PROVEN_OPENING HEADER
    PROVEN_NEGOTIATING FEATURES CARRYING
    """,
    "PLAIN_NEGOTIATING UNENCRYPTED PLAIN_JUDGING JUDGED PROVING PAIR_PROVEN CARRYING",
)
"""The same for the server that called."""


def expected(ways: tuple[str, ...]) -> dict[tuple[str, str], str]:
    """Every transition there should be: these ways forward, and three ways out of them."""
    table: dict[tuple[str, str], str] = {}
    for names in map(str.split, ways):
        table.update(zip(zip(names[:-1:2], names[1::2], strict=True), names[2::2], strict=True))
    for state in StreamState.__members__:
        table[state, "END"] = "CLOSED"
        if state not in {"CLOSING", "FAILING", "CLOSED"}:
            table[state, "CLOSE"] = "CLOSING"
        if state not in {"FAILING", "CLOSED"}:
            table[state, "FAIL"] = "FAILING"
    return table


def advance(table: Table, state: StreamState, given: StreamInput) -> str:
    """Where a machine in ``state`` stands after ``given``, or which condition it raises; the latter moves nothing."""
    machine = StreamMachine(table)
    machine.state = state
    try:
        after = machine.advance(given)
    except RemoteViolation as violation:
        assert machine.state is state
        return violation.condition.value
    assert machine.state is after
    return after.name


class StreamMachineTests(SynchronousTestCase):
    """Each table with each state and each input."""

    def assert_table(self, table: Table, ways: tuple[str, ...]) -> None:
        """Go through all pairs of state and input."""
        wanted = expected(ways)
        for state, given in product(StreamState, StreamInput):
            after = wanted.get((state.name, given.name), StreamCondition.POLICY_VIOLATION.value)
            self.assertEqual(after, advance(table, state, given), (state.name, given.name))

    def test_receiving(self) -> None:
        """The receiving server takes each input in its own states and no other; what is not due moves nothing."""
        self.assert_table(RECEIVING, RECEIVING_WAYS)

    def test_initiating(self) -> None:
        """The initiating server takes each input in its own states and no other; what is not due moves nothing."""
        self.assert_table(INITIATING, INITIATING_WAYS)

    def test_begins_with_the_header(self) -> None:
        """A new stream waits for the peer's header, outside TLS."""
        for table in (INITIATING, RECEIVING):
            self.assertIs(StreamState.PLAIN_OPENING, StreamMachine(table).state)

    def test_begins_with_the_handshake(self) -> None:
        """S29: on direct TLS it waits for the handshake, and the way from there is the same."""
        for table in (INITIATING, RECEIVING):
            self.assertIs(StreamState.SECURING, StreamMachine(table, direct_tls=True).state)

    def test_violation_names_both(self) -> None:
        """A violation says what came and what was waited for."""
        with self.assertRaises(RemoteViolation) as raised:
            StreamMachine(RECEIVING).advance(StreamInput.TLS_AGREED)
        self.assertEqual("TLS_AGREED while PLAIN_OPENING", str(raised.exception))

    def test_every_state_can_end(self) -> None:
        """No state keeps a stream open for ever: each leads to the end, a second end is none."""
        for table, state in product((INITIATING, RECEIVING), StreamState):
            self.assertIs(StreamState.CLOSED, table[state, StreamInput.END])


class DrawingTests(SynchronousTestCase):
    """``doc/machines/stream.txt``."""

    drawing = draw_machine.DRAWING.read_text(encoding="utf-8")

    def test_in_step(self) -> None:
        """The drawing is what the tables say; after a change, run ``python -m tests.stream.draw_machine``."""
        self.assertEqual(draw_machine.drawing(), self.drawing)

    def test_every_step_is_drawn(self) -> None:
        """Every step of either role stands in its column or beside it, and no other does."""
        for index, table in enumerate((RECEIVING, INITIATING)):
            self.assertEqual(draw_machine.steps(table), draw_machine.read(self.drawing, index))

    def test_endings(self) -> None:
        """The ways out are the same in both roles and from wherever the drawing says."""
        for given in draw_machine.ENDINGS:
            self.assertIn(f"\n{draw_machine.ending(given)}\n", self.drawing)
            receiving, initiating = (
                {before: after for (before, by), after in table.items() if by is given}
                for table in (RECEIVING, INITIATING)
            )
            self.assertEqual(receiving, initiating)

    def test_page(self) -> None:
        """The page around the drawing explains every state and every input."""
        page = draw_machine.DRAWING.with_suffix(".rst").read_text(encoding="utf-8")
        for name in (*StreamState.__members__, *StreamInput.__members__):
            self.assertIn(f"``{name}``", page)
