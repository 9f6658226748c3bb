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

from muxs2s.demo.plan import DemoWay, Plan

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

    presentations: int
    """Certificates shown inside streams, beyond those of handshakes, by both clouds."""

    round_trips: int
    """That proving these domains has taken: two for one that was offered, one for one that was asked for."""

    gave_up: bool
    """Whether the time was over before the fate of every message was known."""

    beside: Report | None = None
    """What came of some of the pairs on streams of their own, measured after it for comparison."""

    @property
    def cpu_ms_per_pair(self) -> float:
        """User and system of both processes, milliseconds."""
        return 1_000 * self.cpu_seconds / self.plan.pairs

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
            *("delivered", "replied", "connections", "presentations", "round_trips"),
            *("seconds", "cpu_seconds", "cpu_ms_per_pair", "rss_kib_per_pair"),
            *("bounced", "repeated", "disordered", "unasked"),
        )
        numbers = {key: round(getattr(self, key), 3) for key in keys}
        beside = {} if self.beside is None else {"streams": json.loads(self.beside.as_json())}
        return json.dumps(
            {
                "way": self.plan.way.value,
                "pairs": self.plan.pairs,
                **numbers,
                "proofs": dict(self.proofs),
                **beside,
            }
        )

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
        is_shared = plan.way is DemoWay.MULTIPLEX
        carried = "for all pairs" if is_shared else "one per pair"
        yield "connections", f"{self.connections:,}", f"{carried}, counted where accepted"
        if is_shared:
            yield "presentations", f"{self.presentations:,}", "domains proven by certificate inside the stream"
            yield "round trips", f"{self.round_trips:,}", "for these, beside stanzas of other pairs"
        yield "seconds", f"{self.seconds:.2f}", "from the first dial to the last reply"
        yield "CPU seconds", f"{self.cpu_seconds:.2f}", "user and system, both processes"
        yield "CPU", f"{self.cpu_ms_per_pair:.2f} ms", f"per pair{self._compared('cpu_ms_per_pair', ' ms')}"
        memory = self._compared("rss_kib_per_pair", " KiB")
        yield "memory", f"{self.rss_kib_per_pair:.0f} KiB", f"per pair, both processes{memory}"
        ends = f"{sum(self.proofs.values()):,} ends of connections"
        yield "proof", _listed(self.proofs), f"at {ends}, over {_listed(self.tls_versions)}"

    def _compared(self, figure: str, unit: str) -> str:
        """The same figure without multiplexing, if that was measured."""
        if self.beside is None:
            return ""
        pairs = f"{self.beside.plan.pairs:,} pairs on {self.beside.connections:,} streams"
        return f"; {getattr(self.beside, figure):.2f}{unit} for {pairs}"


def _listed(counted: Mapping[str, int]) -> str:
    return ", ".join(sorted(counted)) or "none"
