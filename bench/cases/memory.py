"""
Memory: what a stream keeps of each domain that is accepted on it.

Knows which measurements are made and what they come to; how they are made is known to :mod:`bench.inside`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.children import answer_of
from bench.figures import median_of, slope
from bench.options import Options, say
from bench.rows import Goal, Row

__all__ = ["Footprint", "memory", "rows_of"]

SIDES: Final = 2
"""Both are in the process that is measured, with as many domains each."""

SIZES: Final = (100, 300, 1_000)
"""Domains of each side; the slope is that between the last two."""

CLOUDS: Final = 2
"""Each grows by a domain from one size to the next: a side has one more of its own, and one more of the peer."""

MOST_KIB: Final = 4.0
"""For each domain and side; two domains together stay below it as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What one process holds with so many domains a side, and another one that only loads the certificates."""

    alone_kib: float
    after_kib: float
    """When all domains are accepted and have been used."""

    further_kib: float
    """What comes to it for each further pair of these domains, in both sides together."""

    connections: float

    @property
    def kept_kib(self) -> float:
        """What one side holds beyond the certificates."""
        return (self.after_kib - self.alone_kib) / SIDES


def memory(options: Options) -> list[Row]:
    """Measure every size in processes of their own, in as many rounds as are asked for."""
    measured: dict[int, list[Footprint]] = {size: [] for size in SIZES}
    for number in range(options.rounds):
        for size in SIZES:
            say(f"memory, round {number + 1} of {options.rounds}: {size:,} domains a side")
            measured[size].append(_footprint(size, options))
            say(f"  {measured[size][-1]}")
    return list(rows_of(measured))


def rows_of(measured: Mapping[int, Sequence[Footprint]]) -> Iterator[Row]:
    """Make rows of the medians of all measurements, by domains of each side."""
    kept = {size: median_of(found, lambda footprint: footprint.kept_kib) for size, found in measured.items()}
    *_, smaller, larger = sorted(kept)
    for size, kib in kept.items():
        yield _row(f"{size:,} domains a side: a side holds, beyond the certificates", "KiB", kib)
    grown = slope((size, kept[size]) for size in (smaller, larger))
    for what, kib in (("domain of either cloud", grown / CLOUDS), ("step (a domain more of each cloud)", grown)):
        metric = f"per {what} and side, as the slope from {smaller:,} to {larger:,}"
        yield _row(metric, "KiB", kib, Goal(fixed=MOST_KIB))
    yield _row(
        f"{larger:,} x {larger:,} domains: per further pair, both sides",
        "bytes",
        1_024 * median_of(measured[larger], lambda footprint: footprint.further_kib),
    )
    yield _row(
        f"{larger:,} x {larger:,} domains: connections",
        "connections",
        median_of(measured[larger], lambda footprint: footprint.connections),
        Goal(fixed=1),
    )


def _row(metric: str, unit: str, figure: float, goal: Goal | None = None) -> Row:
    return Row(case="memory", metric=metric, unit=unit, figures={"muxs2s": figure}, goal=goal or Goal())


def _footprint(size: int, options: Options) -> Footprint:
    growing = answer_of(("-m", "bench.inside", "growing", str(size), str(options.pending)), options.seconds)
    alone = answer_of(("-m", "bench.inside", "alone", str(size)), options.seconds)
    return Footprint(
        alone_kib=alone["after_kib"],
        after_kib=growing["after_kib"],
        further_kib=growing["further_kib"],
        connections=growing["connections"],
    )
