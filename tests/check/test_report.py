"""What came of a check, for programs and for people."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.check import Area, Finding, Grade, Report
from muxs2s.check.report import MAX_GOOD_SHOWN, MAX_NAMES_SHOWN

GOOD = Finding(area=Area.PORTS, about="listen 5269", grade=Grade.OK, text="free", details={"place": "5269"})
POOR = Finding(area=Area.SYSTEM, about="clock", grade=Grade.WARNING, text="it is late", remedy="wind it up")
BAD = Finding(area=Area.DNS, about="a.example", grade=Grade.ERROR, text="lost [sic]", remedy="find it")


class ReportTests(SynchronousTestCase):
    """A report."""

    def report(self, *findings: Finding, skipped: tuple[Area, ...] = ()) -> Report:
        """Of these findings."""
        return Report(path=Path("muxs2s.toml"), findings=findings, skipped=skipped)

    def shown(self, *findings: Finding, skipped: tuple[Area, ...] = ()) -> str:
        """What people see."""
        out = io.StringIO()
        Console(file=out, width=80).print(self.report(*findings, skipped=skipped).for_people())
        return out.getvalue()

    def test_good(self) -> None:
        """Warnings leave a check good; one error does not."""
        self.assertTrue(self.report(GOOD, POOR).is_good)
        self.assertFalse(self.report(GOOD, BAD).is_good)

    def test_json(self) -> None:
        """Programs get the counts and every finding, with its facts where there are some."""
        told = json.loads(self.report(GOOD, BAD, POOR, skipped=(Area.DNS,)).as_json())
        findings = told.pop("findings")
        counts = {"ok": False, "errors": 1, "warnings": 1, "skipped": ["dns"]}
        self.assertEqual({"config": "muxs2s.toml", **counts}, told)
        bad = {"area": "dns", "about": "a.example", "grade": "error", "text": "lost [sic]", "remedy": "find it"}
        self.assertEqual(bad, findings[1])
        self.assertEqual({"place": "5269"}, findings[0]["details"])

    def test_people(self) -> None:
        """People see it area by area, each finding with its remedy, and the counts below."""
        lines = [line.strip() for line in self.shown(GOOD, BAD, POOR).splitlines()]
        self.assertEqual(
            [
                "ports",
                "ok       listen 5269: free",
                "dns",
                "error    a.example: lost [sic]",
                "Remedy: find it.",
                "system",
                "warning  clock: it is late",
                "Remedy: wind it up.",
                "",
                "1 error, 1 warning.",
            ],
            lines,
        )
        self.assertIn("no errors, no warnings.", self.shown(GOOD))

    def test_alike(self) -> None:
        """What is said of several things is said once, with the first few names."""
        many = [
            Finding(area=Area.DNS, about=f"a{number}.example", grade=Grade.OK, text="good")
            for number in range(1, MAX_NAMES_SHOWN + 3)
        ]
        self.assertIn("a1.example, a2.example, a3.example, a4.example, a5.example: good", self.shown(*many[:-2]))
        self.assertIn("a5.example and 2 more: good", " ".join(self.shown(*many).split()))

    def test_many_good(self) -> None:
        """Of many things that are well the first are shown, and all that are not."""
        many = [
            Finding(area=Area.DNS, about=f"a{number}.example", grade=Grade.OK, text=f"good as number {number}")
            for number in range(1, MAX_GOOD_SHOWN + 3)
        ]
        self.assertNotIn("more", self.shown(*many[:-2]))
        shown = self.shown(*many[:-1], BAD, many[-1])
        self.assertIn(f"a{MAX_GOOD_SHOWN}.example", shown)
        self.assertNotIn(f"a{MAX_GOOD_SHOWN + 1}.example", shown)
        self.assertRegex(shown, r"\n  ok +2 more *\n")
        self.assertIn("lost [sic]", shown)

    def test_skipped(self) -> None:
        """What was not looked at is named."""
        self.assertIn("dns\n  not looked at: mend the configuration first", self.shown(BAD, skipped=(Area.DNS,)))
