"""What many measurements come to."""

from __future__ import annotations

from statistics import StatisticsError

from twisted.trial.unittest import SynchronousTestCase

from bench.figures import median_of, percentile, slope


class FigureTests(SynchronousTestCase):
    def test_median(self) -> None:
        """The median is the one in the middle, or between the two in the middle, whatever the order."""
        self.assertEqual(2, median_of(["bb", "aaaaaaa", "c"], len))
        self.assertEqual(1.5, median_of(["bb", "c"], len))
        self.assertRaises(StatisticsError, median_of, [], len)

    def test_percentile(self) -> None:
        """So many percent of the values do not exceed it, and it is one of them."""
        values = [float(value) for value in range(200, 0, -1)]
        self.assertEqual([100, 198, 200, 1], [percentile(values, percent) for percent in (50, 99, 100, 0.1)])
        self.assertEqual(7, percentile([7], 99))

    def test_no_percentile(self) -> None:
        """There is none of nothing, none of 0 percent and none of more than 100."""
        for values, percent in (([], 50), ([1], 0), ([1], 101)):
            self.assertRaises(ValueError, percentile, values, percent)

    def test_slope(self) -> None:
        """Growth is taken from the least to the greatest, and takes two points."""
        self.assertEqual(4, slope([(1_000, 5_800), (300, 3_000), (600, 9_999)]))
        self.assertRaises(ValueError, slope, [(300, 1), (300, 2)])
