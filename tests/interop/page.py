"""
Writes what the matrix has measured into ``doc/interop.rst``: ``python -m tests.interop.page RESULTS``.

Says every case in a line, too. If the page as it is differs from what was measured, and not only in numbers
that vary, it is written anew and the exit status is 1: somebody has to look at it. With ``--only-say`` the
page is left alone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Final

from tests.interop.matrix import HEALTHY, SELECTED
from tests.interop.results import Result, read

__all__ = ["agree", "main", "render", "replaced"]

PAGE: Final = Path(__file__).resolve().parents[2] / "doc" / "interop.rst"

BEGIN: Final = ".. Measured from here on: written by tests/interop/page.py.\n"
END: Final = ".. Measured up to here.\n"

VARYING: Final = re.compile(r"(?<=, )\d[^\s,]*(?=,|$)", re.MULTILINE)
"""A cell that is a number or a version and nothing else."""

COLUMNS: Final = tuple(product(("one domain", "ten domains"), ("we first", "peer first")))

NAMES: Final = {"prosody": "Prosody", "ejabberd": "ejabberd", "jabberd2": "jabberd2"}

OUTAGES: Final = {
    "restarted": "it is restarted amid messages",
    "killed": "it is killed amid messages",
    "half-open": "it falls silent amid messages and is killed",
    "refuses": "who is called first does not listen at first",
    "slow dns": "DNS takes a second for every answer",
}
"""What happens, in words."""


def render(results: Sequence[Result]) -> str:
    """
    The tables, in reStructuredText.

    :raises ValueError: if a case of the matrix has no result, because it failed or was not run.
    """
    known = {result.situation: result for result in results if result.situation is not None}
    missing = [str(situation) for situation in (*HEALTHY, *SELECTED) if situation not in known]
    if missing:
        raise ValueError(f"no result for {len(missing)} cases: {'; '.join(missing[:5])}")
    healthy = [known[situation] for situation in HEALTHY]
    outages = [known[situation] for situation in SELECTED]
    return "\n".join([*_versions(healthy), *_all_well(healthy), *_in_outages(outages)])


def replaced(page: str, tables: str) -> str:
    """A page with other tables."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables}\n{END}{after}"


def agree(page: str, other: str) -> bool:
    """Whether two pages are the same but for cells that hold a number or a version and nothing else."""
    return VARYING.sub("#", page) == VARYING.sub("#", other)


def main(arguments: Sequence[str]) -> int:
    """Say every result, renew the page if it has to be; the exit status says whether it had not."""
    results = read(Path(arguments[-1]).read_text(encoding="utf-8").splitlines())
    print("\n".join(map(str, results)))
    if "--only-say" in arguments:
        return 0
    page = PAGE.read_text(encoding="utf-8")
    try:
        measured = replaced(page, render(results))
    except ValueError as incomplete:
        print(f"{PAGE.name} cannot be compared: {incomplete}", file=sys.stderr)
        return 1
    if agree(page, measured):
        return 0
    PAGE.write_text(measured, encoding="utf-8")
    print(f"{PAGE.name} said something else than was measured. It is written anew: look at it.", file=sys.stderr)
    return 1


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield from (".. csv-table::", f"   :header: {', '.join(head)}", "")
    yield from (f"   {', '.join(row)}" for row in rows)
    yield ""


def _versions(results: Sequence[Result]) -> Iterator[str]:
    versions = {result.situation.peer: result.version for result in results if result.situation}
    yield from _table(("Server", "Version of Debian's package"), [(NAMES[name], versions[name]) for name in versions])


def _all_well(results: Sequence[Result]) -> Iterator[str]:
    """One row for each way in which two servers can be connected."""
    cells: dict[tuple[str, ...], dict[tuple[str, str], str]] = {}
    for result in results:
        if (case := result.situation) is not None:
            row = cells.setdefault((NAMES[case.peer], case.proof, case.security, case.bidi), {})
            row[case.domains, case.first] = f"{result.arrived} of {result.sent} over {result.streams}"
    head = ("Server", "Proof", "TLS", "Streams", *(f"{domains}: {first}" for domains, first in COLUMNS))
    yield from _titled("While all is well")
    yield from _table(head, [(*row, *(columns[key] for key in COLUMNS)) for row, columns in cells.items()])


def _in_outages(results: Sequence[Result]) -> Iterator[str]:
    """One row for each outage and server."""
    rows = []
    for fault, name in product(OUTAGES, NAMES):
        group = [
            each for each in results if each.situation and (each.situation.fault, each.situation.peer) == (fault, name)
        ]
        came_back = sum(sum(each.bounced.values()) for each in group)
        numbers = (
            len(group),
            sum(each.sent for each in group),
            sum(each.arrived for each in group),
            came_back,
            sum(each.lost for each in group),
        )
        rows.append((OUTAGES[fault], NAMES[name], *map(str, numbers)))
    yield from _titled("When something happens")
    yield from _table(("What happens", "Server", "Cases", "Sent", "Arrived", "Came back", "Lost"), rows)


def _titled(title: str) -> Iterator[str]:
    yield from (title, "-" * len(title), "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
