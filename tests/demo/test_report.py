"""What came of a demonstration."""

from __future__ import annotations

import io
import json
from dataclasses import replace

from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.demo.plan import DemoWay, Plan
from muxs2s.demo.report import Report

GOOD = Report(
    plan=Plan(domains=30, peer_domains=40),
    delivered=1_200,
    replied=1_200,
    connections=1,
    seconds=12.3456,
    cpu_seconds=10.0,
    rss_kib_per_pair=79.51,
    bounced=0,
    bounces=(),
    repeated=0,
    disordered=0,
    unasked=0,
    proofs={"pkix": 2},
    tls_versions={"TLSv1.3": 2},
    presentations=68,
    round_trips=98,
    gave_up=False,
)


def shown(report: Report, width: int = 80) -> str:
    """What people see."""
    console = Console(file=io.StringIO(), width=width)
    console.print(report.for_people())
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


class ReportTests(SynchronousTestCase):
    """Verdict, JSON and summary."""

    def test_complete(self) -> None:
        """Everything there once and in order is complete."""
        self.assertEqual([], list(GOOD.complaints()))
        self.assertTrue(GOOD.is_complete)

    def test_complaints(self) -> None:
        """Whatever is not as it should be makes it incomplete, and is named with its number."""
        for change, *expected in (
            ({"delivered": 1_190, "replied": 1_190}, "10 of 1200 messages did not arrive"),
            ({"replied": 1_199}, "1 of 1200 replies did not arrive"),
            ({"bounced": 1, "replied": 1_199}, "1 of 1200 replies did not arrive", "1 came back as errors"),
            ({"bounced": 1}, "1 came back as errors", "some came back though they had arrived"),
            ({"repeated": 2}, "2 arrived more than once"),
            ({"disordered": 3}, "3 arrived out of order"),
            ({"unasked": 4}, "4 arrived that nobody had sent"),
            ({"gave_up": True}, "the time was over after 12.3 s; --seconds allows more"),
        ):
            report = replace(GOOD, **change)
            self.assertEqual(expected, list(report.complaints()))
            self.assertFalse(report.is_complete)

    def test_json(self) -> None:
        """Programs get one object on one line, with numbers and the proofs."""
        line = GOOD.as_json()
        self.assertNotIn("\n", line)
        self.assertEqual(
            {
                "way": "multiplex",
                "pairs": 1_200,
                "delivered": 1_200,
                "replied": 1_200,
                "connections": 1,
                "presentations": 68,
                "round_trips": 98,
                "seconds": 12.346,
                "cpu_seconds": 10.0,
                "cpu_ms_per_pair": 8.333,
                "rss_kib_per_pair": 79.51,
                "bounced": 0,
                "repeated": 0,
                "disordered": 0,
                "unasked": 0,
                "proofs": {"pkix": 2},
            },
            json.loads(line),
        )

    def test_summary(self) -> None:
        """People get a table that fits a terminal, and a verdict."""
        text = shown(GOOD)
        for part in ("pairs    1,200", "68", "98", "12.35", "10.00", "8.33 ms", "80 KiB", "pkix", "2 ends", "TLSv1.3"):
            self.assertIn(part, text)
        self.assertEqual("Everything arrived, once and in order.", text.splitlines()[-1])

    def test_compared(self) -> None:
        """What the same costs on streams of their own stands beside it, in either form."""
        plan = Plan(domains=2, peer_domains=3, way=DemoWay.STREAMS)
        beside = replace(GOOD, plan=plan, connections=6, cpu_seconds=0.06, rss_kib_per_pair=90.0)
        report = replace(GOOD, beside=beside)
        text = shown(report, 120)
        self.assertIn("per pair; 10.00 ms for 6 pairs on 6 streams", text)
        self.assertIn("both processes; 90.00 KiB for 6 pairs on 6 streams", text)
        self.assertEqual(json.loads(beside.as_json()), json.loads(report.as_json())["streams"])
        self.assertIn("one per pair", shown(beside))
        self.assertNotIn("presentations", shown(beside))

    def test_bad_summary(self) -> None:
        """If something is missing they read what, and the first few reasons, as they are."""
        reason = "a@a1.example to b@b1.example: forbidden: [red]no[/red]"
        text = shown(replace(GOOD, replied=1_199, bounced=1, bounces=[reason], proofs={}), width=160)
        self.assertIn("Not everything is as it should be: 1 of 1200 replies did not arrive; 1 came back", text)
        self.assertIn(reason, text)
        self.assertIn("none", text)
