"""``doc/incidents.rst`` is complete, and the tests it names exist and say the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.make_coverage import methods
from tests.test_limits_table import PAGE as LIMITS_PAGE
from tests.test_limits_table import TESTS, known_tests

PAGE: Final = LIMITS_PAGE.with_name("incidents.rst")

INCIDENTS: Final = 24

REASON: Final = "Comes with certificate multiplexing."


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One row of the page."""

    number: int
    happened: str
    kept: str
    tests: str
    """Names in literals, or a reason."""

    @property
    def named(self) -> list[str]:
        """The tests: a module, a class in it, or a method of that."""
        return [name for name in re.findall(r"``([^`]+)``", self.tests) if not name.startswith("make ")]


def incidents() -> list[Incident]:
    """Every row of the table."""
    rows = re.findall(r"^   \* - (\d+)\n((?:     .*\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    found = []
    for number, text in rows:
        cells = re.split(r"^     - ", text, flags=re.MULTILINE)[1:]
        happened, kept, tests = (re.sub(r"\s+", " ", cell).strip() for cell in cells)
        found.append(Incident(number=int(number), happened=happened, kept=kept, tests=tests))
    return found


@cache
def claimed() -> dict[int, set[str]]:
    """By number of the incident, the tests whose docstrings begin with it, as the page names them."""
    found: dict[int, set[str]] = {}
    for path in TESTS.rglob("test_*.py"):
        module = path.relative_to(TESTS).with_suffix("").as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for case in (node for node in tree.body if isinstance(node, ast.ClassDef)):
            for name, docstring in methods(case):
                lead = re.match(r"(?:[\w., ]+: )?incidents? ([\d, ]+):", docstring, re.IGNORECASE)
                for number in re.findall(r"\d+", lead[1] if lead else ""):
                    found.setdefault(int(number), set()).add(f"{module} {case.name}.{name}")
    return found


def is_among(test: str, names: Iterable[str]) -> bool:
    """Whether a test is one of those named, or of a module or class that is."""
    return any(test == name or test.startswith((f"{name} ", f"{name}.")) for name in names)


class IncidentsPageTests(SynchronousTestCase):
    """Page and tests say the same."""

    def test_every_incident(self) -> None:
        """Each of them has its row, once and in order, with what happened and what keeps it from happening."""
        rows = incidents()
        self.assertEqual(list(range(1, INCIDENTS + 1)), [row.number for row in rows])
        self.assertEqual([], [row.number for row in rows if not (row.happened and row.kept)])

    def test_tests_exist(self) -> None:
        """Each names tests that there are, or says when there can be some."""
        known = known_tests()
        for row in incidents():
            absent = [name for name in row.named if not any(is_among(test, [name]) for test in known)]
            self.assertEqual([], absent, row.number)
            self.assertTrue(row.named or row.tests == REASON, row.number)

    def test_tests_say_so(self) -> None:
        """Of those that a row names one at least begins with its number."""
        tests = claimed()
        for row in incidents():
            if row.named:
                self.assertTrue(any(is_among(test, row.named) for test in tests[row.number]), row.number)

    def test_numbers(self) -> None:
        """No test is about an incident that is not on the page."""
        self.assertEqual(set(), set(claimed()) - {row.number for row in incidents() if row.named})
