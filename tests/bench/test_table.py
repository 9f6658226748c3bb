"""The table people read."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO

from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from bench.rows import Goal, Row
from bench.table import number, ratio, table


def shown(*rows: Row) -> list[list[str]]:
    """The cells of the table as it is printed, heading first."""
    printed = StringIO()
    Console(file=printed, width=200, color_system=None).print(table(rows))
    lines = [line.replace("┃", "│") for line in printed.getvalue().splitlines()]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if line.startswith("│")]


def row(figures: Mapping[str, float], goal: Goal | None = None) -> Row:
    return Row(case="fanout", metric="CPU", unit="ms", figures=figures, goal=goal or Goal())


class TableTests(SynchronousTestCase):
    def test_columns(self) -> None:
        """There is a column for each system that was measured in any row, and one for each ratio."""
        heading, *rows = shown(row({"muxs2s": 0.4, "prosody": 6.8}), row({"wokkel": 2.0}))
        expected = ["case", "figure", "unit", "muxs2s", "prosody", "wokkel", "muxs2s : prosody", "limit", "met"]
        self.assertEqual(expected, heading)
        self.assertEqual(["fanout", "CPU", "ms", "0.400", "6.80", "-", "1/17", "-", "-"], rows[0])
        self.assertEqual(["fanout", "CPU", "ms", "-", "-", "2", "-", "-", "-"], rows[1])

    def test_verdicts(self) -> None:
        """A goal that is missed stands out as one that is met does not."""
        _, *rows = shown(
            row({"muxs2s": 4}, Goal(fixed=4)),
            row({"muxs2s": 4}, Goal(fixed=3.5)),
            row({"muxs2s": 4}, Goal(fixed=5, is_least=True)),
        )
        self.assertEqual([["<= 4", "yes"], ["<= 3.50", "NO"], [">= 5", "NO"]], [cells[-2:] for cells in rows])


class NumberTests(SynchronousTestCase):
    def test_numbers(self) -> None:
        """Figures have three significant digits; whole ones, and large ones, are written out."""
        figures = (None, 0, 1, 12.0, 1234.5, 1_000_000, 0.012345, 0.4, 1.001, 12.345, 999.4, -124.2)
        expected = ["-", "0", "1", "12", "1,234", "1,000,000", "0.0123", "0.400", "1.00", "12.3", "999", "-124"]
        self.assertEqual(expected, [number(figure) for figure in figures])

    def test_ratios(self) -> None:
        """What is less than the other's is a part of it, what is more a multiple."""
        self.assertEqual(["-", "0", "1/16", "1 x", "2.50 x"], [ratio(each) for each in (None, 0, 1 / 16, 1, 2.5)])
