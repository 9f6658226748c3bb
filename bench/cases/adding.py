"""
Adding domains: what it takes to have one more domain accepted on a stream, held against the bare cryptography.

Knows which measurements are made and what they come to; how they are made is known to :mod:`bench.inside`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from bench.children import answer_of
from bench.figures import median_of
from bench.options import Options, say
from bench.rows import Goal, Row

__all__ = ["LONE", "adding", "rows_of"]

LONE: Final = 50
"""Domains that are added one after the other, each when the one before has been accepted."""

MOST_BARE: Final = 2.5
"""How many times the bare cryptography a domain may take."""

MS: Final = 1_000.0

Answer = Mapping[str, float]
"""See :func:`bench.inside.adding`."""


def adding(options: Options) -> list[Row]:
    """Measure in as many processes as there are rounds."""
    answers = []
    for number in range(options.rounds):
        say(f"adding, round {number + 1} of {options.rounds}")
        numbers = map(str, (options.added, options.pending, LONE))
        answers.append(answer_of(("-m", "bench.inside", "adding", *numbers), options.seconds))
        say(f"  {answers[-1]}")
    return list(rows_of(answers, options.added, options.pending))


def rows_of(answers: Sequence[Answer], added: int, pending: int) -> Iterator[Row]:
    """Make rows of the medians of all answers."""

    def row(metric: str, unit: str, figure: Callable[[Answer], float], goal: Goal | None = None) -> Row:
        case = f"adding {added:,}, {pending} pending"
        return Row(
            case=case, metric=metric, unit=unit, figures={"muxs2s": median_of(answers, figure)}, goal=goal or Goal()
        )

    yield row("connections", "connections", lambda answer: answer["connections"], Goal(fixed=1))
    yield row("certificates shown", "certificates", lambda answer: answer["presented"], Goal(fixed=2 * added + LONE))
    yield row("CPU per domain, both ends", "ms", lambda answer: MS * answer["cpu_seconds"])
    yield row("bare cryptography per domain, both ends", "ms", lambda answer: MS * answer["bare_seconds"])
    yield row(
        "CPU as a multiple of the bare cryptography",
        "x",
        lambda answer: answer["cpu_seconds"] / answer["bare_seconds"],
        Goal(fixed=MOST_BARE),
    )
    yield row("wall time per domain", "ms", lambda answer: MS * answer["seconds"])
    yield row("CPU per domain with its first stanza, both ends", "ms", lambda answer: MS * answer["stanza_cpu_seconds"])
    yield row("CPU of a lone addition, both ends", "ms", lambda answer: MS * answer["lone_cpu_seconds"])
