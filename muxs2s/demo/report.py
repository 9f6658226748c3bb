"""
What came of a demonstration: for programs as JSON, for people as a table.

Knows when everything has arrived as it should, and how to say what has not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from muxs2s.demo.plan import Plan

__all__ = ["Report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of a demonstration."""

    plan: Plan
    delivered: int
    replied: int
    connections: int
    """Counted where they were accepted, at both clouds."""

    seconds: float
    """From the first dial until the last reply was there, or the last bounce."""

    cpu_seconds: float
    """User and system of both processes, in the same time."""

    rss_kib_per_pair: float
    """Growth of the resident memory of both processes in the same time, for each pair."""

    bounced: int
    bounces: Sequence[str]
    """The first few, for people."""

    repeated: int
    disordered: int
    unasked: int
    proofs: Mapping[str, int]
    """Ends of streams by the prooftype that proved the peer's domain."""

    tls_versions: Mapping[str, int]
    """Ends of streams by the version of TLS."""

    gave_up: bool
    """Whether the time was over before the fate of every message was known."""

    @property
    def is_complete(self) -> bool:
        """Whether everything arrived, once and in order, and nothing else."""
        return not any(self.complaints())

    def complaints(self) -> Iterator[str]:
        """Everything that is not as it should be, a sentence each."""
        expected = self.plan.expected
        if self.delivered < expected:
            yield f"{expected - self.delivered} of {expected} messages did not arrive"
        if self.replied < self.delivered:
            yield f"{self.delivered - self.replied} of {self.delivered} replies did not arrive"
        if self.gave_up:
            yield f"the time was over after {self.seconds:.1f} s; --seconds allows more"
        if self.bounced:
            yield f"{self.bounced} came back as errors"
        if self.bounced > 2 * expected - self.delivered - self.replied:
            yield "some came back though they had arrived"
        if self.repeated:
            yield f"{self.repeated} arrived more than once"
        if self.disordered:
            yield f"{self.disordered} arrived out of order"
        if self.unasked:
            yield f"{self.unasked} arrived that nobody had sent"

    def as_json(self) -> str:
        """Write one JSON object on one line; ``doc/demo.rst`` describes its keys."""
        keys = (
            *("delivered", "replied", "connections", "seconds", "cpu_seconds", "rss_kib_per_pair"),
            *("bounced", "repeated", "disordered", "unasked"),
        )
        numbers = {key: round(getattr(self, key), 3) for key in keys}
        return json.dumps({"pairs": self.plan.pairs, **numbers, "proofs": dict(self.proofs)})

    def for_people(self) -> RenderableType:
        """The summary as a table, and below it what was not as it should be."""
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right")
        table.add_column(justify="right", style="bold")
        table.add_column(style="dim", overflow="fold")
        for row in self._rows():
            table.add_row(*row)
        if self.is_complete:
            verdict = [Text("Everything arrived, once and in order.", style="green")]
        else:
            verdict = [Text("Not everything is as it should be: " + "; ".join(self.complaints()) + ".", style="red")]
            verdict += [Text(f"  {bounce}") for bounce in self.bounces]
        return Group(table, Text(), *verdict)

    def _rows(self) -> Iterator[tuple[str, str, str]]:
        plan = self.plan
        yield "pairs", f"{plan.pairs:,}", f"{plan.domains} domains of cloud a, each with {plan.peer_domains} of b"
        yield "delivered", f"{self.delivered:,}", "messages from a to b"
        yield "replied", f"{self.replied:,}", "replies from b to a"
        yield "connections", f"{self.connections:,}", "one per pair, counted where accepted"
        yield "seconds", f"{self.seconds:.2f}", "from the first dial to the last reply"
        yield "CPU seconds", f"{self.cpu_seconds:.2f}", "user and system, both processes"
        yield "memory", f"{self.rss_kib_per_pair:.0f} KiB", "per pair, both processes"
        ends = f"{sum(self.proofs.values()):,} ends of connections"
        yield "proof", _listed(self.proofs), f"at {ends}, over {_listed(self.tls_versions)}"


def _listed(counted: Mapping[str, int]) -> str:
    return ", ".join(sorted(counted)) or "none"
