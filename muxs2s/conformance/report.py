"""
What came of it all: for programs as JSON, for people as a table.

Knows how it is told; ``doc/conformance.rst`` describes it. Does not know how it came about.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from muxs2s.conformance.result import CaseResult, RowResult, State
from muxs2s.wire.names import DomainName

__all__ = ["Report"]

_STYLES: Final = MappingProxyType({State.MET: "green", State.BROKEN: "bold red", State.UNSEEN: "dim"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Every row that was looked for."""

    place: str
    """Where the server is."""

    domain: DomainName
    tls_version: str
    rows: tuple[RowResult, ...]
    seconds: float

    @property
    def is_conforming(self) -> bool:
        """Whether nothing is broken."""
        return not self.count(State.BROKEN)

    def count(self, state: State) -> int:
        """How many rows there are of which this is known."""
        return sum(row.state is state for row in self.rows)

    def as_json(self) -> str:
        """Write one JSON object."""
        document = {
            "server": self.place,
            "domain": self.domain,
            "tls": self.tls_version,
            "conforming": self.is_conforming,
            **{state.name.lower(): self.count(state) for state in State},
            "seconds": round(self.seconds, 3),
            "rows": [_row(row) for row in self.rows],
        }
        return json.dumps(document, indent=2, ensure_ascii=False)

    def for_people(self) -> RenderableType:
        """A table, then what was said and heard where something is broken, then the count."""
        table = Table.grid(padding=(0, 2))
        table.add_column()
        table.add_column()
        table.add_column(overflow="fold")
        for row in self.rows:
            style = _STYLES[row.state]
            table.add_row(row.row, Text(row.state.value, style=style), Text.assemble(row.text, *_remarks(row)))
        counts = ", ".join(f"{self.count(state)} {state.value}" for state in State)
        verdict = Text(f"{self.place}, {self.domain}: {counts}.", style="green" if self.is_conforming else "bold red")
        return Group(table, *self._transcripts(), Text(), verdict)

    def _transcripts(self) -> Iterator[Text]:
        broken = {case: None for row in self.rows for case in row.cases if case.state is State.BROKEN}
        for case in broken:
            yield Text(f"\n{' '.join(case.rows)}: {case.title}", style="bold")
            yield Text(f"  {case.text}", style="red")
            yield from (Text(f"  {line}", style="dim") for line in case.transcript)


def _remarks(row: RowResult) -> Iterator[tuple[str, str]]:
    if row.state is State.UNSEEN:
        yield f"\n{row.reason}", "dim"
    for case in row.cases:
        if case.state is State.BROKEN:
            yield f"\n{case.title}: {case.text}", "red"


def _row(row: RowResult) -> dict[str, object]:
    return {
        "row": row.row,
        "text": row.text,
        "state": row.state.value,
        "reason": row.reason,
        "cases": [_case(case) for case in row.cases],
    }


def _case(case: CaseResult) -> dict[str, object]:
    return {
        "title": case.title,
        "state": case.state.value,
        "text": case.text,
        **({"transcript": list(case.transcript)} if case.transcript else {}),
    }
