"""
What came of a probe: for programs as JSON, for people step by step.

Knows how it is told; ``doc/design/probe.rst`` has the keys one by one. Does not know how it came about.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from muxs2s.check.finding import moment
from muxs2s.network.targets import Target
from muxs2s.network.transcript import Step
from muxs2s.probe.record import CallRecord
from muxs2s.probe.verdict import Verdict
from muxs2s.proof.outcome import Outcome, Proven
from muxs2s.wire.names import DomainPair

__all__ = ["Report", "Way"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One server of the domain, and what came of calling it."""

    target: Target
    verdict: Verdict
    goes_on: bool
    """Whether the server, after a failure of this kind, would go on to the next."""

    steps: tuple[Step, ...]
    record: CallRecord

    def as_object(self) -> dict[str, object]:
        """For JSON."""
        record = self.record
        return {
            "target": str(self.target),
            "host": self.target.host,
            "port": self.target.port,
            "direct_tls": self.target.direct_tls,
            **_verdict(self.verdict),
            "answers_as": record.answered_as,
            "tls": None
            if record.tls is None
            else {"version": record.tls.version, "cipher": record.tls.cipher, "alpn": record.tls.alpn},
            "certificates": [certificate.as_object() for certificate in record.certificates],
            "proofs": [_proof(name, outcome) for name, outcome in record.outcomes],
            "proven_by": record.outcome.prooftype if isinstance(record.outcome, Proven) else None,
            "features": {when: list(names) for when, names in record.features.items()},
            "limits": {
                "max_bytes": _finite(record.limits.max_bytes),
                "idle_seconds": _finite(record.limits.idle_seconds),
            },
            "steps": [_step(step) for step in self.steps],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that was seen."""

    pair: DomainPair
    """As whom we called, then whom."""

    verdict: Verdict
    """Of the way at which the server would end."""

    search: tuple[Step, ...]
    """In DNS."""

    ways: tuple[Way, ...]
    """In the order of the server."""

    seconds: float

    @property
    def is_healthy(self) -> bool:
        """Whether all that was tried works."""
        return self.verdict.culprit is None

    def as_json(self) -> str:
        """Write one JSON object."""
        document = {
            "domain": self.pair.target,
            "from": self.pair.sender,
            "healthy": self.is_healthy,
            **_verdict(self.verdict),
            "way": next((str(way.target) for way in self.ways if way.verdict is self.verdict), None),
            "seconds": round(self.seconds, 3),
            "search": [_step(step) for step in self.search],
            "ways": [way.as_object() for way in self.ways],
        }
        return json.dumps(document, indent=2, ensure_ascii=False)

    def for_people(self) -> RenderableType:
        """Step by step, then the verdict."""
        parts: list[RenderableType] = [Text(f"{self.pair.target}, called as {self.pair.sender}", style="bold")]
        if self.search:
            parts += [_table(self.search)]
        for way in self.ways:
            parts += [Text(), Text(str(way.target), style="bold"), _table(way.steps, way.record.subject), *_shown(way)]
        others = [way for way in self.ways if way.verdict != self.verdict and way.verdict.culprit is not None]
        parts += [Text(), *_told(self.verdict)]
        for way in others:
            parts += [Text(), Text(f"Another way does not work: {way.verdict.text}.", style="yellow")]
        return Group(*parts)


def _verdict(verdict: Verdict) -> dict[str, object]:
    return {
        "complete": verdict.is_complete,
        "culprit": None if verdict.culprit is None else verdict.culprit.value,
        "text": verdict.text,
        "remedy": verdict.remedy,
    }


def _step(step: Step) -> dict[str, object]:
    took = step.took_seconds
    return {
        "what": step.what,
        "subject": step.subject,
        "began_seconds": round(step.began_seconds, 3),
        "took_seconds": None if took is None else round(took, 3),
        "text": step.text,
        "culprit": None if step.culprit is None else step.culprit.value,
    }


def _proof(name: str, outcome: Outcome) -> dict[str, object]:
    if isinstance(outcome, Proven):
        until = None if outcome.until is None else moment(outcome.until)
        return {"prooftype": name, "outcome": "proven", "evidence": outcome.evidence, "until": until}
    return {"prooftype": name, "outcome": type(outcome).__name__.lower(), "reasons": list(outcome.reasons)}


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _table(steps: Sequence[Step], known: str = "") -> Table:
    """One row for each step; whom it was taken with is left out where the heading says it."""
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right")
    table.add_column()
    table.add_column(overflow="fold")
    for step in steps:
        style = "" if step.went_well else "dim" if step.culprit is None else "red"
        whom = "" if step.subject == known else f"{step.subject}: "
        text = Text(f"{whom}{step.text or 'given up'}", style=style)
        table.add_row(f"  {step.began_seconds:.3f} s", Text(step.what, style=style), text)
    return table


def _shown(way: Way) -> Iterator[Text]:
    """What the peer showed and announced."""
    for number, certificate in enumerate(way.record.certificates):
        whose = f"certificate: {certificate.names}" if number == 0 else f"issuer: {certificate.subject}"
        yield Text(f"  {whose}; {certificate.period}; issued by {certificate.issuer}")
    limits = way.record.limits
    if math.isfinite(limits.max_bytes):
        yield Text(f"  limits: {limits.max_bytes:.0f} bytes, {limits.idle_seconds:g} seconds")


def _told(verdict: Verdict) -> Iterator[Text]:
    if verdict.culprit is not None:
        yield Text(f"{verdict.text}.", style="bold red")
        yield Text(f"Culprit: {verdict.culprit.value}.")
    else:
        yield Text(f"{verdict.text}.", style="green" if verdict.is_complete else "yellow")
    if verdict.remedy:
        yield Text(f"Remedy: {verdict.remedy}.", style="italic")
