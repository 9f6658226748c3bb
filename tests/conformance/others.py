"""
What the kit has found of servers of others: a file that the tests against them hold to and the page quotes.

Knows the file: for each server the version of Debian's package, and of every case that could be played whether it
is met. What is broken deviates from the words of a standard; not all of that matters to anybody.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muxs2s.conformance.cases import CASES
from muxs2s.conformance.result import CaseResult, RowResult, State, of_rows
from muxs2s.conformance.rows import ROWS

__all__ = ["FOUND", "Other", "keep", "others"]

FOUND: Final = Path(__file__).with_name("others.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """What is known of one server."""

    name: str
    version: str
    results: tuple[CaseResult, ...]

    @property
    def rows(self) -> tuple[RowResult, ...]:
        """The same, row by row."""
        return of_rows(self.results, tuple(ROWS))

    @property
    def broken(self) -> list[str]:
        """The titles of the cases that are not met."""
        return [result.title for result in self.results if result.state is State.BROKEN]


def others() -> tuple[Other, ...]:
    """Every server that is known."""
    found = json.loads(FOUND.read_text(encoding="utf-8"))
    return tuple(_other(name, facts["version"], facts["cases"]) for name, facts in found.items())


def keep(name: str, version: str, results: Sequence[CaseResult]) -> None:
    """Write down what was found of one server."""
    found = json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.exists() else {}
    cases = {result.title: result.state.value for result in results if result.state is not State.UNSEEN}
    found[name] = {"version": version, "cases": cases}
    FOUND.write_text(json.dumps(found, indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def _other(name: str, version: str, states: dict[str, str]) -> Other:
    results = tuple(
        CaseResult(rows=case.rows, title=case.title, state=State(states.get(case.title, State.UNSEEN.value)))
        for case in CASES
    )
    return Other(name=name, version=version, results=results)
