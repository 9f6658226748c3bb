"""
Measures, prints the table and writes ``build/bench.json``: ``python -m bench``, or ``make bench``.

Everything stays on loopback addresses. The exit status is 0 if all was measured, whatever came of it;
goals that are missed are in the table.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rich.console import Console

from bench.cases.adding import adding
from bench.cases.fanout import fanout
from bench.cases.memory import memory
from bench.cases.standstill import standstill
from bench.children import CHECKOUT, BenchmarkFailed
from bench.machine import describe
from bench.options import KINDS, Options, say
from bench.rows import Row, as_json
from bench.table import table
from muxs2s.demo.usage import allow_open_files

__all__ = ["main"]

CASES = {"fanout": fanout, "adding": adding, "memory": memory, "standstill": standstill}
"""In the order in which they run."""

OPEN_FILES = 16_384
"""For a process of those that make a connection for each pair."""

PLAIN_COLUMNS = 160
"""Of the table where no terminal says how wide it is."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for."""
    given = _parser().parse_args(arguments)
    allow_open_files(OPEN_FILES)
    rows: list[Row] = []
    failed = False
    with tempfile.TemporaryDirectory(prefix="muxs2s-bench-") as place:
        options = _options(given, Path(place))
        for name in given.cases:
            try:
                rows += CASES[name](options)
            except (BenchmarkFailed, OSError) as failure:
                failed = True
                say(f"{name} could not be measured: {failure}")
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(as_json(rows), encoding="utf-8")
    _show(rows)
    return int(failed)


def _show(rows: Sequence[Row]) -> None:
    console = Console(width=None if sys.stdout.isatty() else PLAIN_COLUMNS)
    for line in describe():
        console.print(line, highlight=False, markup=False)
    console.print(table(rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description="Measure muxs2s beside other servers, on loopback.")
    default = Options(place=Path())
    parser.add_argument("--cases", type=_names_of(CASES), default=list(CASES), help="names with commas between")
    parser.add_argument("--systems", type=_names_of(KINDS), default=list(KINDS), help="names with commas between")
    for name, text in (
        ("rounds", "how often each server has its turn"),
        ("domains", "of each cloud, for the fan-out"),
        ("added", "domains, where domains are added"),
        ("pending", "how many of them at a time"),
    ):
        parser.add_argument(
            f"--{name}", type=int, default=getattr(default, name), help=f"{text} (default: %(default)s)"
        )
    parser.add_argument("--output", type=Path, default=CHECKOUT / "build" / "bench.json", help="(default: %(default)s)")
    return parser


def _options(given: argparse.Namespace, place: Path) -> Options:
    return Options(
        place=place,
        systems=given.systems,
        rounds=given.rounds,
        domains=given.domains,
        added=given.added,
        pending=given.pending,
    )


def _names_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Make a reader of names with commas between; nothing means all of them."""

    def read(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",") if name.strip()] or list(known)
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: there are {', '.join(known)}")
        return names

    return read


if __name__ == "__main__":
    sys.exit(main())
