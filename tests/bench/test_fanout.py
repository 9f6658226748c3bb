"""What many bursts come to."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bench.cases.fanout import Burst, rows_of
from bench.rows import Row


def burst(cpu_seconds: float, seconds: float = 1.0, lost: int = 0) -> Burst:
    return Burst(
        pairs=2_500,
        lost=lost,
        seconds=seconds,
        connections=1,
        cpu_seconds=cpu_seconds,
        driver_seconds=0.2,
        resident_kib=5_000,
    )


class RowTests(SynchronousTestCase):
    def rows(self) -> dict[str, Row]:
        """Of bursts of two servers, by what they say."""
        bursts = {
            "muxs2s": [burst(0.8), burst(3.0), burst(1.0)],
            "prosody": [burst(16.0, seconds=12.0), burst(15.0, seconds=8.0), burst(99.0, seconds=9.0)],
        }
        return {row.metric.partition(" (")[0]: row for row in rows_of(bursts, 0.0004, 50)}

    def test_medians(self) -> None:
        """A figure is the median of all rounds, for each pair where it says so."""
        rows = self.rows()
        self.assertEqual({"muxs2s": 0.4, "prosody": 6.4}, rows["CPU of both servers per pair"].figures)
        self.assertEqual({"muxs2s": 1.0, "prosody": 9.0}, rows["until the last reply"].figures)
        self.assertEqual({"muxs2s": 2.0, "prosody": 2.0}, rows["resident memory per pair, both servers"].figures)

    def test_limits(self) -> None:
        """The limits are parts of what Prosody takes in the same run; one connection is enough, and no loss is."""
        limits = {metric: row.limit for metric, row in self.rows().items() if row.limit is not None}
        self.assertEqual({0, 1, 0.4, 9.0 / 8}, set(limits.values()))

    def test_losses(self) -> None:
        """What has lost much costs nothing that could be compared; what has lost little costs it per pair carried."""
        bursts = {"ejabberd": [burst(9.0, lost=501)], "prosody": [burst(9.0, lost=500)]}
        rows = list(rows_of(bursts, 0.0004, 50))
        self.assertEqual({"ejabberd": 501, "prosody": 500}, rows[0].figures)
        self.assertEqual({"prosody": 4.0}, rows[2].figures)

    def test_floor(self) -> None:
        """Each domain is presented once: a hundred presentations for two times fifty domains."""
        row = self.rows()["CPU as a multiple of the bare cryptography"]
        self.assertEqual(25.0, round(row.figures["muxs2s"], 6))
        self.assertIn("0.0160 ms per pair", row.metric)
