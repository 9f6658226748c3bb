"""Rows, goals and the file."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from bench.rows import Goal, Row, as_json

FIGURES = {"muxs2s": 0.4, "prosody": 6.4, "ejabberd": 20.0}


def row(goal: Goal, **figures: float) -> Row:
    return Row(case="fanout", metric="CPU", unit="ms", figures=figures or FIGURES, goal=goal)


class GoalTests(SynchronousTestCase):
    def test_strictest_counts(self) -> None:
        """Of several limits the strictest is the one to keep, in both senses."""
        parts = {"prosody": 1 / 16, "ejabberd": 1 / 40}
        self.assertEqual(0.4, row(Goal(factors=parts)).limit)
        self.assertEqual(0.1, row(Goal(factors=parts, fixed=0.1)).limit)
        self.assertEqual(40.0, row(Goal(factors={"prosody": 3, "ejabberd": 2}, is_least=True)).limit)

    def test_met_at_the_limit(self) -> None:
        """A goal is met at the limit and missed beyond it, in both senses."""
        self.assertIs(True, row(Goal(fixed=0.4)).is_met)
        self.assertIs(False, row(Goal(fixed=0.39)).is_met)
        self.assertIs(True, row(Goal(fixed=0.4, is_least=True)).is_met)
        self.assertIs(False, row(Goal(fixed=0.41, is_least=True)).is_met)

    def test_not_to_be_said(self) -> None:
        """Without a goal, without us or without those it depends on there is no verdict."""
        of_prosody = Goal(factors={"prosody": 1 / 16})
        self.assertIsNone(row(Goal()).is_met)
        self.assertIsNone(row(of_prosody, prosody=6.4).is_met)
        self.assertIsNone(row(of_prosody, muxs2s=6.4).is_met)


class RowTests(SynchronousTestCase):
    def test_ratio(self) -> None:
        """A ratio says what part of another's figure ours is."""
        self.assertEqual(0.02, row(Goal()).ratio("ejabberd"))

    def test_no_ratio(self) -> None:
        """With nothing, or with memory that was given back, there is nothing to compare."""
        self.assertIsNone(row(Goal()).ratio("wokkel"))
        self.assertIsNone(row(Goal(), muxs2s=1, prosody=0).ratio("prosody"))
        self.assertIsNone(row(Goal(), muxs2s=1, prosody=-5).ratio("prosody"))
        self.assertIsNone(row(Goal(), muxs2s=-1, prosody=5).ratio("prosody"))

    def test_file(self) -> None:
        """The file is a list of objects that all have the same keys; what was not measured is null."""
        written = json.loads(as_json([row(Goal(fixed=0.5)), row(Goal(), prosody=1 / 3)]))
        keys = ["case", "metric", "unit", "muxs2s", "prosody", "ejabberd", "wokkel", "limit"]
        self.assertEqual([keys, keys], [list(found) for found in written])
        self.assertEqual(["fanout", "CPU", "ms", 0.4, 6.4, 20.0, None, 0.5], list(written[0].values()))
        self.assertEqual(["fanout", "CPU", "ms", None, 0.333333, None, None, None], list(written[1].values()))
