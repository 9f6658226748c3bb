"""
Fan-out: the first message and its reply on every pair of the domains of two clouds, all in one burst.

Knows what is sent and counted. Every component is connected before the clock starts, so what is measured
is what two servers take to find, prove and use each other's domains.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from bench.bare import presentation_seconds
from bench.certificates import issue
from bench.clouds import Clouds, Names
from bench.components import Component, Exchange
from bench.figures import median_of
from bench.options import Options, say
from bench.rows import Goal, Row

__all__ = ["Burst", "fanout", "rows_of"]

PADDING: Final = "x" * 120
TURN_SECONDS: Final = 0.05

LEAST_CARRIED: Final = 0.9
"""What part of its pairs a burst must have carried for its cost to be compared."""

SILENT_SECONDS: Final = 60.0
"""Without anything that arrives, until the rest counts as lost."""

MS: Final = 1_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What one burst came to."""

    pairs: int
    lost: int
    """Messages and replies that did not arrive."""

    seconds: float
    """Until the last reply was there."""

    connections: int
    cpu_seconds: float
    """Of both servers, until they had come to rest."""

    driver_seconds: float
    """The time of the processor that the driver took for itself."""

    resident_kib: int
    """Growth of both servers."""

    @property
    def carried(self) -> float:
        """Pairs whose message and reply have arrived."""
        return self.pairs - self.lost / 2

    @property
    def counts(self) -> bool:
        """Whether so little was lost that what it cost says something."""
        return self.carried >= LEAST_CARRIED * self.pairs


def fanout(options: Options) -> list[Row]:
    """Measure every server in turn."""
    names = _names(options.domains)
    certificates = issue(options.place / "fanout-certificates", (*names[0], *names[1]))
    bursts: dict[str, list[Burst]] = {}
    for number, kind in options.turns():
        say(f"fanout, round {number} of {options.rounds}: {kind.name}")
        with Clouds(kind, names, certificates, options.place) as clouds:
            bursts.setdefault(kind.name, []).append(_burst(clouds, options.seconds))
        say(f"  {bursts[kind.name][-1]}")
    return list(rows_of(bursts, presentation_seconds(), options.domains))


def rows_of(bursts: Mapping[str, Sequence[Burst]], bare_seconds: float, domains: int) -> Iterator[Row]:
    """
    Make rows of the medians of all bursts; costs are those of bursts that have lost little, per pair that was carried.

    :param bursts: of each system.
    :param bare_seconds: what the cryptography of one presentation takes.
    :param domains: of each cloud.
    """
    whole = {system: [burst for burst in measured if burst.counts] for system, measured in bursts.items()}

    def row(metric: str, unit: str, figure: Callable[[Burst], float], goal: Goal | None = None) -> Row:
        figures = {system: median_of(measured, figure) for system, measured in whole.items() if measured}
        return Row(case=case, metric=metric, unit=unit, figures=figures, goal=goal or Goal())

    case = f"fanout {domains} x {domains}"
    floor = 2 * domains * bare_seconds
    lost = {system: median_of(measured, lambda burst: burst.lost) for system, measured in bursts.items()}
    yield Row(case=case, metric="messages and replies lost", unit="stanzas", figures=lost, goal=Goal(fixed=0))
    yield row("connections", "connections", lambda burst: burst.connections, Goal(fixed=1))
    yield row(
        "CPU of both servers per pair",
        "ms",
        lambda burst: MS * burst.cpu_seconds / burst.carried,
        Goal(factors={"prosody": 1 / 16, "ejabberd": 1 / 40}),
    )
    yield row("until the last reply", "s", lambda burst: burst.seconds, Goal(factors={"prosody": 1 / 8}))
    yield row("resident memory per pair, both servers", "KiB", lambda burst: burst.resident_kib / burst.carried)
    yield row("CPU of the driver", "s", lambda burst: burst.driver_seconds)
    yield row(
        f"CPU as a multiple of the bare cryptography ({MS * floor / domains**2:.4f} ms per pair)",
        "x",
        lambda burst: burst.cpu_seconds / floor,
    )


def _names(domains: int) -> Names:
    first, second = ([f"{cloud}{number}.example" for number in range(domains)] for cloud in "ab")
    return ["host-a.example", *first], ["host-b.example", *second]


def _burst(clouds: Clouds, seconds: float) -> Burst:
    clouds.settle()
    senders, targets = clouds.components
    ledger = _Ledger(senders + targets, len(senders) * len(targets))
    cpu, resident, own = clouds.cpu_seconds(), clouds.resident_kib(), time.process_time()
    began = time.perf_counter()
    for target, sender in product(targets, senders):
        ledger.begin(sender, target)
    while not ledger.is_settled and time.perf_counter() < min(began + seconds, ledger.last_at + SILENT_SECONDS):
        ledger.exchange.turn(TURN_SECONDS)
    own, connections = time.process_time() - own, clouds.connections()
    clouds.settle()
    return Burst(
        pairs=ledger.pairs,
        lost=2 * ledger.pairs - ledger.arrived - ledger.replied,
        seconds=ledger.last_at - began,
        connections=connections,
        cpu_seconds=clouds.cpu_seconds() - cpu,
        driver_seconds=own,
        resident_kib=clouds.resident_kib() - resident,
    )


class _Ledger:
    """Who has heard from whom."""

    def __init__(self, components: list[Component], pairs: int) -> None:
        self.exchange = Exchange(components, self._take)
        self.pairs = pairs
        self.arrived = self.replied = self.errors = 0
        self.last_at = time.perf_counter()
        """When something arrived last."""

    @property
    def is_settled(self) -> bool:
        """Whether the fate of every message is known."""
        return self.replied + self.errors >= self.pairs

    def begin(self, sender: Component, target: Component) -> None:
        """Send the first message of a pair."""
        self.exchange.send_message(sender, target.domain, "first", PADDING)

    def _take(self, component: Component, data: bytes) -> None:
        self.last_at = time.perf_counter()
        for message in component.messages(data):
            if message.is_error:
                if not self.errors:
                    say(f"  came back, and perhaps others: {message}")
                self.errors += 1
            elif message.id == b"first":
                self.arrived += 1
                self.exchange.send_message(component, message.sender.decode(), "reply", PADDING)
            else:
                self.replied += 1
