"""
Writes ``tests/coverage.md``: which tests show which row of ``doc/standards.rst`` at work.

A test claims rows by beginning its docstring with their ids: ``S28: ...`` or ``T14, T15: ...``.
Run it with ``make rows`` or ``python -m tests.make_coverage``.
"""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parent
STANDARDS = TESTS.parent / "doc" / "standards.rst"
TABLE = TESTS / "coverage.md"

ID = r"[A-Z]\d+(?:\.\d+)?"

HEAD = """\
# Rows and their tests

Written by `make rows` from the docstrings of the tests; do not edit. The rows are those of
`doc/standards.rst`, where "milestone" tells which stage of the project brings a row. Where a row has no
test, it says why instead.

"""


class Row(NamedTuple):
    """One rule of one standard: its id, what it says, and the milestone that brings it."""

    id: str
    rule: str
    milestone: str

    def why_untested(self, milestones: Mapping[str, str]) -> str:
        """Why there is no test: it is yet to come, or nothing will, and then the rule itself says why."""
        coming = milestones.get(self.milestone)
        return f"*{self.rule}*" if coming is None else f"*comes with: {coming}*"


class Claim(NamedTuple):
    """A test and the rows its docstring begins with."""

    test: str
    ids: tuple[str, ...]


def rows(standards: str) -> list[Row]:
    """Every row of the tables in the text of ``doc/standards.rst``, in order."""
    lines = re.findall(rf'^   ({ID}, ".*)$', standards, re.MULTILINE)
    return [Row(cells[0], cells[1], cells[-1]) for cells in csv.reader(lines, skipinitialspace=True)]


def milestones(standards: str) -> dict[str, str]:
    """What each milestone is called, by its number, in the text of ``doc/standards.rst``."""
    return dict(re.findall(r"^(\d)\. (.*)$", standards, re.MULTILINE))


def ids_claimed(docstring: str) -> tuple[str, ...]:
    """
    The ids a docstring begins with, none if it begins like any sentence.

    :raises ValueError: if it begins with an id but not with ``id:`` or ``id, id:``.
    """
    if not re.match(rf"{ID}\b", docstring):
        return ()
    claim = re.match(rf"{ID}(?:,\s*{ID})*:\s", docstring)
    if claim is None:
        message = f"a list of rows ends with a colon, as in 'S28: ...' or 'T14, T15: ...', not as in {docstring[:40]!r}"
        raise ValueError(message)
    return tuple(re.findall(ID, claim[0]))


def claims(root: Path = TESTS) -> Iterator[Claim]:
    """Every test below a directory that claims a row, by its dotted name."""
    for path in sorted(root.rglob("test_*.py")):
        module = ".".join(path.relative_to(root.parent).with_suffix("").parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for case in (node for node in tree.body if isinstance(node, ast.ClassDef)):
            for name, docstring in methods(case):
                ids = ids_claimed(docstring) if name.startswith("test_") else ()
                if ids:
                    yield Claim(f"{module}.{case.name}.{name}", ids)


def methods(case: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """The name and docstring of each method of a class."""
    for node in case.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, ast.get_docstring(node) or ""


def tests_by_row(claimed: Sequence[Claim]) -> dict[str, list[str]]:
    """The names of the tests for each id that is claimed at all."""
    found: dict[str, list[str]] = {}
    for claim in claimed:
        for row_id in claim.ids:
            found.setdefault(row_id, []).append(claim.test)
    return found


def render(table: Sequence[Row], tests: Mapping[str, Sequence[str]], names: Mapping[str, str]) -> str:
    """
    The text of ``tests/coverage.md``.

    :param names: of the milestones.
    """
    lines = ["| milestone | rows | with a test | without |", "|---|---|---|---|"]
    for milestone in sorted({row.milestone for row in table}):
        brought = [row.id for row in table if row.milestone == milestone]
        without = [row_id for row_id in brought if row_id not in tests]
        lines.append(f"| {milestone} | {len(brought)} | {len(brought) - len(without)} | {', '.join(without)} |")
    lines += ["", "| row | milestone | tests, or why there are none |", "|---|---|---|"]
    for row in table:
        shown = "<br>".join(tests[row.id]) if row.id in tests else row.why_untested(names)
        lines.append(f"| {row.id} | {row.milestone} | {shown} |")
    return HEAD + "\n".join(lines) + "\n"


def current() -> str:
    """What the table must say now."""
    standards = STANDARDS.read_text(encoding="utf-8")
    return render(rows(standards), tests_by_row(list(claims())), milestones(standards))


if __name__ == "__main__":
    TABLE.write_text(current(), encoding="utf-8")
