"""The table of cases against servers of others, and how it is told: what holds without any server."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.matrix import EVERY, HEALTHY, OUTAGES, SELECTED, Situation, meetings, select
from tests.interop.page import BEGIN, END, PAGE, agree, render, replaced
from tests.interop.results import Result

LEAST_SELECTED: Final = 40


def result(situation: Situation, lost: int = 0) -> Result:
    """What a case might have measured."""
    bounced: dict[str, int] = {}
    return Result(
        case="test", version="1.2-3", situation=situation, streams=2, sent=8, arrived=8, bounced=bounced, lost=lost
    )


class MatrixTests(SynchronousTestCase):
    """Which cases there are."""

    def test_counts(self) -> None:
        """There are 52 situations while all is well, and 312 in all, each with a name of its own."""
        self.assertEqual((52, 260, 312), (len(HEALTHY), len(OUTAGES), len(EVERY)))
        self.assertEqual(312, len({situation.name for situation in EVERY}))

    def test_what_peers_can(self) -> None:
        """Of those while all is well 32 are Prosody's, 16 ejabberd's, without bidi, and 4 jabberd2's, by dialback."""
        by_peer = {
            name: [each for each in HEALTHY if each.peer == name] for name in ("prosody", "ejabberd", "jabberd2")
        }
        self.assertEqual([32, 16, 4], [len(situations) for situations in by_peer.values()])
        self.assertEqual({"one way"}, {each.bidi for each in by_peer["ejabberd"]})
        self.assertEqual(
            {("dialback", "one way", "starttls")},
            {(each.proof, each.bidi, each.security) for each in by_peer["jabberd2"]},
        )

    def test_every_two_meet(self) -> None:
        """At least 40 outages are selected, and any two values that can meet do so in one of them."""
        self.assertGreaterEqual(len(SELECTED), LEAST_SELECTED)
        self.assertLessEqual(set(SELECTED), set(OUTAGES))
        words = sorted({word for situation in OUTAGES for word in situation.words})
        for pair in combinations(words, 2):
            able = [situation for situation in OUTAGES if set(pair) <= set(situation.words)]
            chosen = [situation for situation in SELECTED if set(pair) <= set(situation.words)]
            self.assertEqual(bool(able), bool(chosen), pair)

    def test_every_three_meet(self) -> None:
        """Any three values that can meet do so as well."""
        self.assertEqual(meetings(OUTAGES, 3), meetings(SELECTED, 3))

    def test_selection(self) -> None:
        """The selection is the same each time, and no larger than it has to be for what it promises."""
        self.assertEqual(SELECTED, select(OUTAGES))
        self.assertLess(len(select(OUTAGES, 2)), len(SELECTED))


class PageTests(SynchronousTestCase):
    """How it is told."""

    results = tuple(result(situation) for situation in (*HEALTHY, *SELECTED))

    def test_whole(self) -> None:
        """Every server has a row, and every way to be connected, and every outage one for each server."""
        tables = render(self.results)
        rows = [re.findall("^   [^:].*,", table, re.MULTILINE) for table in tables.split("csv-table")[1:]]
        self.assertEqual([3, 13, 15], [*map(len, rows)])
        self.assertEqual(len(HEALTHY), tables.count("8 of 8 over 2"))

    def test_incomplete(self) -> None:
        """A case without a result is named."""
        refused = self.assertRaises(ValueError, render, self.results[1:])
        self.assertIn(str(HEALTHY[0]), str(refused))

    def test_numbers_vary(self) -> None:
        """Pages that differ in how much was lost agree; those that differ in anything else do not."""
        page = f"before\n{BEGIN}{END}after\n"
        one = replaced(page, render(self.results))
        other = replaced(page, render([result(each.situation, 7) for each in self.results if each.situation]))
        self.assertTrue(one != other and agree(one, other))
        self.assertFalse(agree(one, one.replace("over 2", "over 3")))
        self.assertTrue(one.startswith("before\n") and one.endswith("after\n"))

    def test_committed(self) -> None:
        """The page in the documentation has the tables of these cases, whatever their numbers."""
        page = PAGE.read_text(encoding="utf-8")
        expected = replaced(page, render(self.results))
        self.assertEqual(*(re.sub(r"\d[\d.+\w-]*", "#", text) for text in (page, expected)))
