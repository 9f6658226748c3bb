"""
How much is measured, and where its files go.

Does not know what any case does with it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.servers import Ejabberd, Muxs2s, Prosody, Server

__all__ = ["KINDS", "Options", "say"]

KINDS: Final[Mapping[str, type[Server]]] = {kind.name: kind for kind in (Muxs2s, Prosody, Ejabberd)}
"""The servers that can be measured, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a case is given."""

    place: Path
    """A directory for whatever is made on the way."""

    systems: Sequence[str] = tuple(KINDS)
    """The servers to measure, by name."""

    rounds: int = 3
    """How often each server has its turn."""

    domains: int = 50
    """Of each cloud, in the case of the fan-out."""

    added: int = 1_000
    """Domains, where domains are added."""

    pending: int = 64
    """How many of them at a time."""

    seconds: float = 180.0
    """The longest that one measurement may take."""

    @property
    def kinds(self) -> Iterable[type[Server]]:
        """The servers to measure that are installed here."""
        for name in self.systems:
            if KINDS[name].is_installed():
                yield KINDS[name]
            else:
                say(f"{name} is not installed: not measured")

    def turns(self) -> Iterable[tuple[int, type[Server]]]:
        """Every server in every round, interleaved, the number of the round from one on."""
        kinds = list(self.kinds)
        for number in range(self.rounds):
            shift = number % len(kinds) if kinds else 0
            yield from ((number + 1, kind) for kind in kinds[shift:] + kinds[:shift])


def say(line: str) -> None:
    """Tell how far it has got, beside the table."""
    print(line, file=sys.stderr, flush=True)
