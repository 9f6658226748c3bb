"""
Draws the machines of multiplexing into ``doc/machines/multiplexing.txt``.

Run it with ``python -m tests.multiplex.draw_machines`` after a change of the tables or of the standings of names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from muxs2s.multiplex.accepted import AcceptedCertificate
from muxs2s.multiplex.exchanges import PRESENTING, VERIFYING, PresenterState, VerifierState
from muxs2s.multiplex.names import AcceptedNames, Standing
from muxs2s.wire.names import DomainName
from tests import drawing as machines

DRAWING: Final = Path(__file__).parents[2] / "doc" / "machines" / "multiplexing.txt"

NAME: Final = DomainName.parse("a.example")

UNKNOWN: Final = "UNKNOWN"
OPEN: Final = "OPEN"
WITHDRAWING: Final = "WITHDRAWING"
REVOKING: Final = "REVOKING"
LAPSING: Final = "LAPSING"
CLOSED: Final = "CLOSED"

WAYS: Final[Mapping[str, tuple[str, ...]]] = {
    UNKNOWN: (),
    OPEN: ("listed",),
    WITHDRAWING: ("listed", "withdraw"),
    REVOKING: ("listed", "revoke"),
    LAPSING: ("listed", "certificate_lost"),
    CLOSED: ("listed", "withdraw", "fence_ends"),
}
"""How a name comes to be what it is."""


class OneName:
    """A name, and what can happen to it; what cannot come does nothing."""

    def __init__(self) -> None:
        self.names = AcceptedNames()
        self._certificates = 0
        self._lapses = 0
        self._removals: list[Standing] = []
        self.does: Mapping[str, Callable[[], None]] = {
            "listed": lambda: self._give(None),
            "proven": lambda: self._give(NAME),
            "certificate_lost": self._lose,
            "withdraw": lambda: self._remove(Standing.WITHDRAWING),
            "revoke": lambda: self._remove(Standing.REVOKING),
            "fence_ends": self._end,
        }

    @property
    def state(self) -> str:
        """What it is."""
        standing = self.names.standing(NAME)
        if standing is Standing.OUT:
            return CLOSED if NAME in self.names else UNKNOWN
        if standing is Standing.REVOKING and not self._removals:
            return LAPSING
        return standing.name

    def _give(self, proven: DomainName | None) -> None:
        self._certificates += 1
        self.names.add(AcceptedCertificate(id=self._certificates))
        self.names.give(self._certificates, [NAME], proven=proven)

    def _lose(self) -> None:
        for id in list(self.names.certificates):
            lapsed = self.names.drop(id)
            self.names.begin_lapse(lapsed)
            self._lapses += bool(lapsed)

    def _remove(self, standing: Standing) -> None:
        if standing not in self._removals:
            self._removals.append(standing)
            self.names.begin_removal([NAME], standing)

    def _end(self) -> None:
        for standing in self._removals:
            self.names.end_removal([NAME], standing)
        self._removals.clear()
        for _ in range(self._lapses):
            self.names.end_lapse([NAME])
        self._lapses = 0


def standings() -> dict[tuple[str, str], str]:
    """Try every input in every state."""
    table = {}
    for state, way in WAYS.items():
        for given in OneName().does:
            one = OneName()
            for step in way:
                one.does[step]()
            assert one.state == state, f"{state} is not reached by {way}"
            one.does[given]()
            table[state, given] = one.state
    return table


def presenter() -> dict[tuple[str, str], str]:
    """The table by name."""
    return {(state.name, given.name): after.name for (state, given), after in PRESENTING.items()}


def verifier() -> dict[tuple[str, str], str]:
    """The table by name."""
    return {(state.name, given.name): after.name for (state, given), after in VERIFYING.items()}


def drawing() -> str:
    """The text of the file."""
    verifying = [state for state in VerifierState.__members__ if state != VerifierState.RECALLING.name]
    return "\n".join(
        (
            machines.drawing("AN EXCHANGE, AT THE PRESENTER", presenter(), [*PresenterState.__members__]),
            machines.drawing("AN EXCHANGE, AT THE VERIFIER", verifier(), verifying, VerifierState.RECALLING.name),
            machines.drawing("A NAME", standings(), (UNKNOWN, OPEN, WITHDRAWING, CLOSED), REVOKING, LAPSING),
        )
    )


if __name__ == "__main__":
    DRAWING.write_text(drawing(), encoding="utf-8")
