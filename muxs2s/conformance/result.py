"""
What came of cases, and what that says of rows.

Knows values only. Does not know how a case is played, nor how a result is printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from muxs2s.conformance.rows import ROWS, UNOBSERVABLE

__all__ = ["CaseResult", "RowResult", "State", "of_rows"]


class State(Enum):
    """What is known of a row, or what one case has shown."""

    MET = "met"
    BROKEN = "broken"
    UNSEEN = "not observable"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What came of one case."""

    rows: tuple[str, ...]
    title: str
    state: State
    text: str = ""
    """Where it is not met: what was expected and what came, or why nothing can be seen."""

    transcript: tuple[str, ...] = ()
    """What was said and heard, where something is broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """What all cases of a row come to."""

    row: str
    state: State
    cases: tuple[CaseResult, ...]

    @property
    def text(self) -> str:
        """What the row asks for."""
        return ROWS[self.row]

    @property
    def reason(self) -> str:
        """Where nothing can be seen, why."""
        if self.state is not State.UNSEEN:
            return ""
        reasons = [UNOBSERVABLE.get(self.row, ""), *(case.text for case in self.cases)]
        return "; ".join(dict.fromkeys(filter(None, reasons)))


def of_rows(results: Sequence[CaseResult], rows: Sequence[str]) -> tuple[RowResult, ...]:
    """
    Sort cases under their rows.

    A row is broken if one of its cases is, and met if one is met and none broken.
    """
    return tuple(_of_row(row, tuple(result for result in results if row in result.rows)) for row in rows)


def _of_row(row: str, cases: tuple[CaseResult, ...]) -> RowResult:
    states = {case.state for case in cases}
    state = next((each for each in (State.BROKEN, State.MET) if each in states), State.UNSEEN)
    return RowResult(row=row, state=state, cases=cases)
