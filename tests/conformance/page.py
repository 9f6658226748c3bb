"""
Writes what the kit shows into ``doc/conformance.rst``: ``python -m tests.conformance.page``.

The column of our server is played in memory each time; those of others are what was found of them (see
:mod:`tests.conformance.others`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from muxs2s.conformance import Report
from muxs2s.conformance.result import State
from tests.conformance.others import Other, others
from tests.conformance.world import KitCase

__all__ = ["PAGE", "renewed"]

PAGE: Final = Path(__file__).resolve().parents[2] / "doc" / "conformance.rst"

BEGIN: Final = ".. Played from here on: written by tests/conformance/page.py.\n"
END: Final = ".. Played up to here.\n"

_MARKS: Final = {State.MET: "met", State.BROKEN: "broken", State.UNSEEN: "--"}


def renewed(page: str, report: Report) -> str:
    """A page with the tables of what was played: every row, why some cannot be seen, what others do otherwise."""
    known = others()
    tables = "\n".join([*_table(report, known), *_reasons(report), *_deviations(known)])
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables}\n{END}{after}"


def _table(report: Report, known: tuple[Other, ...]) -> Iterator[str]:
    versions = [f"{other.name} {other.version}" for other in known]
    yield from (".. list-table::", "   :header-rows: 1", "   :widths: 6 54 12 14 14", "")
    yield from _row("Row", "What it asks for", "muxs2s", *versions)
    for rows in zip(report.rows, *(other.rows for other in known), strict=True):
        yield from _row(rows[0].row, rows[0].text, *(_MARKS[row.state] for row in rows))
    yield ""


def _row(first: str, *cells: str) -> Iterator[str]:
    yield f"   * - {first}"
    yield from (f"     - {cell}" for cell in cells)


def _reasons(report: Report) -> Iterator[str]:
    yield from _titled("What cannot be seen of muxs2s")
    for row in report.rows:
        if row.state is State.UNSEEN:
            yield f"* {row.row}, {row.text}: {row.reason}"
    yield ""


def _deviations(known: tuple[Other, ...]) -> Iterator[str]:
    for other in known:
        yield from _titled(f"What {other.name} does otherwise")
        yield from (
            f"* {' '.join(result.rows)}: {result.title}" for result in other.results if result.title in other.broken
        )
        yield ""


def _titled(title: str) -> Iterator[str]:
    yield from (title, "-" * len(title), "")


def main() -> int:
    """Renew the page; the exit status says whether it had not to be."""
    case = KitCase()
    case.setUp()
    page = PAGE.read_text(encoding="utf-8")
    new = renewed(page, case.report())
    PAGE.write_text(new, encoding="utf-8")
    return 0 if new == page else 1


if __name__ == "__main__":
    sys.exit(main())
