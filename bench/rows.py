"""
What was measured, a row for each figure, and what muxs2s has to reach.

Knows how a goal is held against a row, and the form of ``build/bench.json``. Does not know how
anything is measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["SYSTEMS", "Goal", "Row", "as_json"]

SYSTEMS: Final = ("muxs2s", "prosody", "ejabberd", "wokkel")
"""Whose figures a row may have, in the order of the table."""

DIGITS: Final = 6
"""Of a figure in JSON, behind the point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What the figure of muxs2s is held against."""

    fixed: float | None = None
    """A limit that depends on nobody else, in the unit of the row."""

    factors: Mapping[str, float] = field(default_factory=dict)
    """How much of the figure of another system is the limit: ``{"prosody": 1 / 16}``."""

    is_least: bool = False
    """Whether muxs2s must reach the limit; otherwise it must not exceed it."""

    def limit(self, figures: Mapping[str, float]) -> float | None:
        """Give the strictest limit, in the unit of the figures; ``None`` if whatever it depends on is missing."""
        limits = [figures[system] * factor for system, factor in self.factors.items() if system in figures]
        if self.fixed is not None:
            limits.append(self.fixed)
        if not limits:
            return None
        return max(limits) if self.is_least else min(limits)

    def is_met(self, figures: Mapping[str, float]) -> bool | None:
        """Whether muxs2s is within the limit; ``None`` if that cannot be said."""
        limit, reached = self.limit(figures), figures.get("muxs2s")
        if limit is None or reached is None:
            return None
        return reached >= limit if self.is_least else reached <= limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure of every system that was measured."""

    case: str
    metric: str
    unit: str
    figures: Mapping[str, float]
    """By system; one that was not measured is not there."""

    goal: Goal = field(default_factory=Goal)

    @property
    def limit(self) -> float | None:
        """What muxs2s has to reach in this run, in the unit of the row."""
        return self.goal.limit(self.figures)

    @property
    def is_met(self) -> bool | None:
        """Whether it does; ``None`` where no goal is set, or it cannot be said."""
        return self.goal.is_met(self.figures)

    def ratio(self, system: str) -> float | None:
        """The figure of muxs2s as a multiple of that of another system; ``None`` where that says nothing."""
        own, other = self.figures.get("muxs2s"), self.figures.get(system)
        return None if own is None or other is None or own < 0 or other <= 0 else own / other

    def as_object(self) -> dict[str, str | float | None]:
        """Give the row as JSON has it; what was not measured is null."""
        return {
            "case": self.case,
            "metric": self.metric,
            "unit": self.unit,
            **{system: _rounded(self.figures.get(system)) for system in SYSTEMS},
            "limit": _rounded(self.limit),
        }


def as_json(rows: Iterable[Row]) -> str:
    """Write a list of rows, an object each."""
    return json.dumps([row.as_object() for row in rows], indent=1) + "\n"


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, DIGITS)
