"""The table of rows and tests, and what writes it."""

from __future__ import annotations

from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.make_coverage import (
    STANDARDS,
    TABLE,
    Claim,
    Row,
    claims,
    current,
    ids_claimed,
    milestones,
    render,
    rows,
    tests_by_row,
)

REACHED: Final = ("1", "2", "3")
"""Milestones whose rows are all there."""


class TableTests(SynchronousTestCase):
    """``tests/coverage.md`` as it stands."""

    def test_up_to_date(self) -> None:
        """The table says what the docstrings of the tests say; after a change, run ``make rows``."""
        self.assertTrue(current() == TABLE.read_text(encoding="utf-8"), "tests/coverage.md is out of date: make rows")

    def test_claimed_rows_exist(self) -> None:
        """Every row that a test claims to show stands in ``doc/standards.rst``."""
        known = {row.id for row in rows(STANDARDS.read_text(encoding="utf-8"))}
        astray = [claim for claim in claims() if set(claim.ids) - known]
        self.assertEqual([], astray)

    def test_what_is_there_is_tested(self) -> None:
        """Each row of the milestones that are reached has a test."""
        tested = tests_by_row(list(claims()))
        table = rows(STANDARDS.read_text(encoding="utf-8"))
        reached = [row.id for row in table if row.milestone[0] in REACHED]
        self.assertEqual([], [row for row in reached if row not in tested])

    def test_rows_are_told_apart(self) -> None:
        """No id stands for two rows, and each row names the milestone that brings it, or a dash."""
        table = rows(STANDARDS.read_text(encoding="utf-8"))
        self.assertEqual(len(table), len({row.id for row in table}))
        self.assertEqual({"1", "2", "3", "4", "5", "2, 3", "–"}, {row.milestone for row in table})


class WritingTests(SynchronousTestCase):
    """From a docstring to a line of the table."""

    def test_claims(self) -> None:
        """A docstring claims the rows it begins with, up to the colon, also across a line."""
        self.assertEqual(("S28",), ids_claimed("S28: a lone dot means no service."))
        self.assertEqual(("T14", "P1.2"), ids_claimed("T14,\nP1.2: names count."))
        self.assertEqual((), ids_claimed("Rows such as S28: are not claimed later on."))

    def test_malformed_claims(self) -> None:
        """An id that leads a docstring without a colon, or as a range, is a mistake and not passed over."""
        for docstring in ("S28 a lone dot", "S1-S3: headers", "S1 and S2: headers", "S28"):
            with self.assertRaises(ValueError, msg=docstring):
                ids_claimed(docstring)

    def test_rows(self) -> None:
        """A row is a line of a table that begins with its id; commas in its text do not matter."""
        text = '   :header: "Row"\n\n   P1.1, "one, two", "RFC 1", 4\n   S25, "x", "y", "2, 3"\n\nS9, "none", "", 1\n'
        self.assertEqual([Row("P1.1", "one, two", "4"), Row("S25", "x", "2, 3")], rows(text))

    def test_milestones(self) -> None:
        """A milestone is a line that begins with its number."""
        self.assertEqual({"1": "First", "2": "And second"}, milestones("1. First\n2. And second\n\n 3. no\n10. no\n"))

    def test_render(self) -> None:
        """Each row gets a line with its tests, each milestone one with what is missing."""
        tests = tests_by_row([Claim("tests.a.T.test_x", ("S1", "S2")), Claim("tests.b.T.test_y", ("S1",))])
        table = [Row("S1", "", "1"), Row("S2", "", "1"), Row("S3", "", "1"), Row("S4", "Not done: too odd.", "–")]
        lines = render(table, tests, {"1": "The first"}).splitlines()
        self.assertIn("| 1 | 3 | 2 | S3 |", lines)
        self.assertIn("| S1 | 1 | tests.a.T.test_x<br>tests.b.T.test_y |", lines)
        self.assertIn("| S3 | 1 | *comes with: The first* |", lines)
        self.assertIn("| S4 | – | *Not done: too odd.* |", lines)
