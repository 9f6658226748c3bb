"""What the measurements inside our processes come to."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bench.cases import adding, memory, standstill
from bench.cases.memory import Footprint
from bench.cases.standstill import Addition, Passage
from bench.rows import Row

OTHERS = ("seconds", "stanza_cpu_seconds", "lone_cpu_seconds", "presented", "connections")


class AddingTests(SynchronousTestCase):
    def test_multiple(self) -> None:
        """Each round is held against the cryptography measured in it; the median of the rounds counts."""
        rounds = [(0.001, 0.0005), (0.0012, 0.0004), (0.0009, 0.0003)]
        answers = [{"cpu_seconds": cpu, "bare_seconds": bare, **dict.fromkeys(OTHERS, 1.0)} for cpu, bare in rounds]
        rows = {row.metric: row for row in adding.rows_of(answers, 1_000, 64)}
        row = rows["CPU as a multiple of the bare cryptography"]
        self.assertEqual((3.0, 2.5, False), (round(row.figures["muxs2s"], 6), row.limit, row.is_met))
        self.assertEqual({"adding 1,000, 64 pending"}, {row.case for row in rows.values()})


def footprint(after_kib: float, alone_kib: float = 50_000) -> Footprint:
    return Footprint(alone_kib=alone_kib, after_kib=after_kib, further_kib=0.25, connections=1)


class MemoryTests(SynchronousTestCase):
    def test_slope(self) -> None:
        """What counts is the growth of one side between the two larger sizes, less that of the certificates."""
        measured = {
            100: [footprint(51_000)],
            300: [footprint(52_000)],
            1_000: [footprint(60_600, 55_000), footprint(99_999), footprint(55_001, 55_000)],
        }
        rows = list(memory.rows_of(measured))
        self.assertEqual([500, 1_000, 2_800], [row.figures["muxs2s"] for row in rows[:3]])
        each, both = rows[3:5]
        self.assertEqual((900 / 700, 4.0, True), (each.figures["muxs2s"], each.limit, each.is_met))
        self.assertEqual((1_800 / 700, 4.0, True), (both.figures["muxs2s"], both.limit, both.is_met))
        self.assertEqual((256.0, None), (rows[5].figures["muxs2s"], rows[5].limit))


def passage(milliseconds: list[float], lost: int = 0, disordered: int = 0) -> Passage:
    latencies = [each / 1_000 for each in milliseconds]
    return Passage(seconds=1.5, lost=lost, latencies=latencies, disordered=disordered)


class StandstillTests(SynchronousTestCase):
    def rows(self, **systems: Addition) -> dict[str, Row]:
        """Rows of one round, by what they say."""
        return {row.metric: row for row in standstill.rows_of({name: [each] for name, each in systems.items()}, 9)}

    def test_limit(self) -> None:
        """The slowest hundredth is held against twice what it was at rest, in the same run."""
        idle, busy = passage([1.0] * 98 + [2.0] * 2), passage([1.0] * 97 + [4.5] * 2, lost=1, disordered=1)
        rows = self.rows(muxs2s=Addition(idle=idle, busy=busy, missing=0))
        row = rows["latency meanwhile, p99"]
        self.assertEqual((4.5, 4.0, False), (row.figures["muxs2s"], row.limit, row.is_met))
        self.assertEqual(1, rows["messages lost"].figures["muxs2s"])
        self.assertEqual(1, rows["messages out of order"].figures["muxs2s"])

    def test_others_alone(self) -> None:
        """Where only others are measured nothing is judged."""
        quiet = passage([1.0] * 100)
        rows = self.rows(prosody=Addition(idle=quiet, busy=quiet, missing=0))
        self.assertEqual({None}, {row.is_met for row in rows.values()})
