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

from tests.interop.matrix import HEALTHY, SELECTED, Situation
from tests.interop.results import Result, read

__all__ = ["agree", "main", "render", "replaced"]

PAGE: Final = Path(__file__).resolve().parents[2] / "doc" / "interop.rst"

BEGIN: Final = ".. Measured from here on: written by tests/interop/page.py.\n"
END: Final = ".. Measured up to here.\n"

VARYING: Final = re.compile(r"(?<=^     - )\d\S*$", re.MULTILINE)

COLUMNS: Final = tuple(product(("one domain", "ten domains"), ("we first", "peer first")))

NAMES: Final = {"prosody": "Prosody", "ejabberd": "ejabberd", "jabberd2": "jabberd2"}

OUTAGES: Final = {
    "restarted": "restarted in a burst of messages",
    "killed": "killed in a burst of messages",
    "half-open": "silent in a burst of messages, then killed",
    "refuses": "nobody listens, then somebody does",
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
    yield from (".. list-table::", "   :header-rows: 1", "")
    for row in (head, *rows):
        marks = ("   * - ", *["     - "] * (len(row) - 1))
        yield from (mark + cell for mark, cell in zip(marks, row, strict=True))
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
            row[case.domains, case.first] = f"{result.arrived} of {result.sent}, {result.streams} streams"
    head = ("Server", "Proof", "TLS", "Streams", *(f"{domains}, {first}" for domains, first in COLUMNS))
    yield from _titled("While all is well")
    yield from _table(head, [(*row, *(columns[key] for key in COLUMNS)) for row, columns in cells.items()])


def _in_outages(results: Sequence[Result]) -> Iterator[str]:
    """One row for each outage and server."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for fault, name in product(OUTAGES, NAMES):
        groups[fault, name] = [each for each in results if _is_of(each.situation, fault, name)]
    rows = [
        (OUTAGES[fault], NAMES[name], *(f"{sum(numbers)}" for numbers in _numbers(group)))
        for (fault, name), group in groups.items()
    ]
    yield from _titled("When something happens")
    yield from _table(("What happens", "Server", "Cases", "Sent", "Arrived", "Came back", "Lost"), rows)


def _is_of(situation: Situation | None, fault: str, name: str) -> bool:
    return situation is not None and (situation.fault, situation.peer) == (fault, name)


def _numbers(group: Sequence[Result]) -> Iterator[list[int]]:
    yield [1 for _ in group]
    yield [result.sent for result in group]
    yield [result.arrived for result in group]
    yield [sum(result.bounced.values()) for result in group]
    yield [result.lost for result in group]


def _titled(title: str) -> Iterator[str]:
    yield from (title, "-" * len(title), "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
