"""
What came of a check: for programs as JSON, for people as a table.

Knows how findings are put together. Does not know how anything was looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from muxs2s.check.finding import Area, Finding, Grade

__all__ = ["MAX_GOOD_SHOWN", "MAX_NAMES_SHOWN", "Report"]

MAX_GOOD_SHOWN: Final = 10
"""Rows of one area on which all is well; the others are counted."""

MAX_NAMES_SHOWN: Final = 5
"""Of things of which the same is to be said."""

_STYLES: Final = MappingProxyType({Grade.OK: "green", Grade.WARNING: "yellow", Grade.ERROR: "bold red"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that was found."""

    path: Path
    """Of the configuration."""

    findings: tuple[Finding, ...]
    skipped: tuple[Area, ...] = ()
    """What could not be looked at, because the configuration is faulty."""

    @property
    def is_good(self) -> bool:
        """Whether there is no error; there may be warnings."""
        return not self._count(Grade.ERROR)

    def as_json(self) -> str:
        """Write one JSON object; ``doc/operations.rst`` describes its keys."""
        document = {
            "config": str(self.path),
            "ok": self.is_good,
            "errors": self._count(Grade.ERROR),
            "warnings": self._count(Grade.WARNING),
            "skipped": [area.value for area in self.skipped],
            "findings": [_object(finding) for finding in self.findings],
        }
        return json.dumps(document, indent=2, ensure_ascii=False)

    def for_people(self) -> RenderableType:
        """A table, area by area, and the count."""
        parts: list[RenderableType] = []
        for area, findings in groupby(self.findings, lambda finding: finding.area):
            parts += [Text(area.value, style="bold"), _table(findings)]
        for area in self.skipped:
            parts += [Text(area.value, style="bold"), Text("  not looked at: mend the configuration first")]
        errors, warnings = self._count(Grade.ERROR), self._count(Grade.WARNING)
        style = _STYLES[Grade.ERROR if errors else Grade.WARNING if warnings else Grade.OK]
        return Group(
            *parts, Text(), Text(f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}.", style=style)
        )

    def _count(self, grade: Grade) -> int:
        return sum(finding.grade is grade for finding in self.findings)


def _object(finding: Finding) -> dict[str, object]:
    return {
        "area": finding.area.value,
        "about": finding.about,
        "grade": finding.grade.value,
        "text": finding.text,
        "remedy": finding.remedy,
        **({"details": dict(finding.details)} if finding.details else {}),
    }


def _table(findings: Iterator[Finding]) -> Table:
    """One row for all the things of which the same is to be said."""
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(overflow="fold")
    good = 0
    for (grade, text, remedy), alike in groupby(findings, lambda one: (one.grade, one.text, one.remedy)):
        names = [finding.about for finding in alike]
        good += grade is Grade.OK
        if grade is Grade.OK and good > MAX_GOOD_SHOWN:
            continue
        more = f" and {len(names) - MAX_NAMES_SHOWN} more" if len(names) > MAX_NAMES_SHOWN else ""
        said = Text.assemble((", ".join(names[:MAX_NAMES_SHOWN]) + more, "bold"), f": {text}")
        if remedy:
            said.append(f"\nRemedy: {remedy}.", style="italic")
        table.add_row(Text(f"  {grade.value:7}", style=_STYLES[grade]), said)
    if good > MAX_GOOD_SHOWN:
        table.add_row(Text("  ok", style=_STYLES[Grade.OK]), f"{good - MAX_GOOD_SHOWN} more")
    return table


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
