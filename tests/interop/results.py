"""
What the cases have measured, kept in a file while they run.

Knows one line of JSON for each case. Does not know how it is told: see :mod:`tests.interop.page`.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.interop.ledger import Ledger
from tests.interop.matrix import Situation

__all__ = ["RESULTS", "Result", "note", "read"]

RESULTS: Final = "MUXS2S_INTEROP_RESULTS"
"""The variable of the environment that names the file; without it nothing is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of the messages of one case that held what it must."""

    case: str
    """As trial calls it."""

    version: str
    """Of the peer."""

    situation: Situation | None
    """``None`` for a case outside the matrix."""

    streams: int
    """Open before the end, if somebody looked."""

    sent: int
    arrived: int
    bounced: Mapping[str, int]
    """By condition."""

    lost: int
    """What a kernel, or a process that ended, had taken."""

    @classmethod
    def of(cls, case: str, version: str, ledger: Ledger, situation: Situation | None, streams: int) -> Result:
        """Count what is in the books."""
        flows = ledger.flows.values()
        return cls(
            case=case,
            version=version,
            situation=situation,
            streams=streams,
            sent=sum(len(flow.sent) for flow in flows),
            arrived=sum(len(flow.arrived) for flow in flows),
            bounced=dict(Counter(bounce.condition for flow in flows for bounce in flow.bounced)),
            lost=sum(len(flow.missing) for flow in flows),
        )

    def __str__(self) -> str:
        returned = " + ".join(f"{number} {condition}" for condition, number in sorted(self.bounced.items())) or "0"
        return f"{self.case}: {self.sent} sent, {self.arrived} arrived, {returned} came back, {self.lost} lost"


def note(result: Result) -> None:
    """Add a line to the file, if there is to be one."""
    path = os.environ.get(RESULTS)
    if path is not None:
        with Path(path).open("a", encoding="utf-8") as kept:
            kept.write(f"{json.dumps(asdict(result))}\n")


def read(lines: Iterable[str]) -> list[Result]:
    """Every result of a file."""
    return [_result(json.loads(line)) for line in lines]


def _result(facts: dict[str, object]) -> Result:
    situation = facts.pop("situation")
    made = Situation(**situation) if isinstance(situation, dict) else None
    return Result(situation=made, **facts)  # type: ignore[arg-type]  # as it was written
