"""
The rows as people read them.

Knows how figures, ratios and verdicts are written. Does not judge: see :mod:`bench.rows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from bench.rows import SYSTEMS, Row

__all__ = ["number", "ratio", "table"]

COMPARED: Final = ("prosody", "ejabberd")
"""Those whose ratio to muxs2s has a column."""

SIGNIFICANT_DIGITS: Final = 3


def table(rows: Sequence[Row]) -> Table:
    """Make a table of all rows, a section for each case."""
    shown = [system for system in SYSTEMS if any(system in row.figures for row in rows)]
    compared = [system for system in COMPARED if system in shown]
    made = Table(title="muxs2s : others is what muxs2s takes of what the other takes")
    made.add_column("case")
    made.add_column("figure")
    made.add_column("unit")
    for heading in (*shown, *(f"muxs2s : {system}" for system in compared), "limit", "met"):
        made.add_column(heading, justify="right")
    for position, row in enumerate(rows):
        is_last = position + 1 == len(rows) or rows[position + 1].case != row.case
        made.add_row(*_cells(row, shown, compared), end_section=is_last)
    return made


def number(figure: float | None) -> str:
    """Write a figure with three significant digits, or as it is where it has more before the point."""
    if figure is None:
        return "-"
    if abs(figure) >= 10 ** (SIGNIFICANT_DIGITS - 1) or float(figure).is_integer():
        return f"{figure:,.0f}"
    return f"{figure:#.{SIGNIFICANT_DIGITS}g}"


def ratio(multiple: float | None) -> str:
    """Write a ratio so that it is a number of at least one: ``1/17`` for less, ``2.5 x`` for more."""
    if multiple is None:
        return "-"
    if not multiple:
        return "0"
    return f"1/{number(1 / multiple)}" if multiple < 1 else f"{number(multiple)} x"


def _cells(row: Row, shown: Iterable[str], compared: Iterable[str]) -> Iterator[str | Text]:
    yield from (row.case, row.metric, row.unit)
    yield from (number(row.figures.get(system)) for system in shown)
    yield from (ratio(row.ratio(system)) for system in compared)
    yield "-" if row.limit is None else f"{'>=' if row.goal.is_least else '<='} {number(row.limit)}"
    yield {None: Text("-"), True: Text("yes", style="green"), False: Text("NO", style="bold red")}[row.is_met]
