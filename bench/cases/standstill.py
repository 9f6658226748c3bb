"""
No standstill: what becomes of a steady flow of messages while a thousand domains are added beside it.

Knows the flow, what is added, and what is compared: latency while nothing else happens and latency until the
last of the domains has been heard of, in one run. Does not know how a server adds a domain; those
without multiplexing make a connection for each.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from bench.certificates import issue
from bench.clouds import Clouds, Names
from bench.components import Component, Exchange
from bench.figures import median_of, percentile
from bench.options import Options, say
from bench.rows import Goal, Row

__all__ = ["Addition", "Passage", "rows_of", "standstill"]

FLOWING: Final = 10
"""Domains of each cloud whose messages flow, pair by pair."""

MESSAGES_PER_SECOND: Final = 500
IDLE_SECONDS: Final = 6.0
LAST_SECONDS: Final = 10.0
"""For what was sent last to arrive."""

SILENT_SECONDS: Final = 15.0
"""Without a domain that is heard of, until the rest counts as missing."""

MOST_IDLE: Final = 2.0
"""How many times its latency at rest the slowest hundredth of the messages may take."""

AT_A_TIME: Final = 16
"""Domains whose first message the driver sends before it looks after the flow again."""

TURN_SECONDS: Final = 0.05
MS: Final = 1_000.0
NS: Final = 1e9

_BODY: Final = re.compile(rb"<body>(\d+) (\d+)</body>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What became of the flow for a while."""

    seconds: float
    lost: int
    """Messages that did not arrive."""

    latencies: Sequence[float]
    """Of each message that has arrived, in seconds."""

    disordered: int
    """Messages that did not come right after the one sent before them on their pair."""

    def milliseconds(self, percent: float) -> float:
        """The latency that so many percent of the messages did not exceed."""
        return MS * percentile(self.latencies, percent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What one server did, at rest and while domains were added."""

    idle: Passage
    busy: Passage
    missing: int
    """Domains that had not been by the end."""


def standstill(options: Options) -> list[Row]:
    """Measure every server in turn."""
    names = _names(options.added)
    certificates = issue(options.place / "standstill-certificates", (*names[0], *names[1]))
    found: dict[str, list[Addition]] = {}
    for number, kind in options.turns():
        say(f"standstill, round {number} of {options.rounds}: {kind.name}")
        with Clouds(kind, names, certificates, options.place) as clouds:
            clouds.settle()
            addition = _Flow(clouds).addition(options.seconds)
        found.setdefault(kind.name, []).append(addition)
        say(f"  {addition.busy.seconds:.2f} s, {addition.missing} missing")
    return list(rows_of(found, options.added))


def rows_of(found: Mapping[str, Sequence[Addition]], added: int) -> Iterator[Row]:
    """Make rows of the medians of all measurements."""

    def row(metric: str, unit: str, figure: Callable[[Addition], float], goal: Goal | None = None) -> Row:
        figures = {system: median_of(additions, figure) for system, additions in found.items()}
        case = f"standstill, adding {added:,}"
        return Row(case=case, metric=metric, unit=unit, figures=figures, goal=goal or Goal())

    yield row("domains not added", "domains", lambda addition: addition.missing, Goal(fixed=0))
    yield row("until all were added", "s", lambda addition: addition.busy.seconds)
    yield row("latency at rest, p50", "ms", lambda each: each.idle.milliseconds(50))
    yield row("latency meanwhile, p50", "ms", lambda each: each.busy.milliseconds(50))
    idle = row("latency at rest, p99", "ms", lambda each: each.idle.milliseconds(99))
    limit = MOST_IDLE * idle.figures["muxs2s"] if "muxs2s" in idle.figures else None
    yield idle
    yield row("latency meanwhile, p99", "ms", lambda each: each.busy.milliseconds(99), Goal(fixed=limit))
    yield row("messages lost", "stanzas", lambda each: each.idle.lost + each.busy.lost, Goal(fixed=0))
    yield row(
        "messages out of order", "stanzas", lambda each: each.idle.disordered + each.busy.disordered, Goal(fixed=0)
    )


def _names(added: int) -> Names:
    senders = [f"a{number}.example" for number in range(FLOWING + added)]
    targets = [f"b{number}.example" for number in range(FLOWING)]
    return ["host-a.example", *senders], ["host-b.example", *targets]


class _Flow:
    """Messages from some domains of one cloud to some of the other, at a steady rate."""

    def __init__(self, clouds: Clouds) -> None:
        senders, self._targets = clouds.components
        self._flowing, self._added = senders[:FLOWING], senders[FLOWING:]
        self._exchange = Exchange(senders + self._targets, self._take)
        self._sent = Counter[int]()
        self._awaited = Counter[bytes]()
        self._latencies: list[tuple[int, float]] = []
        """Of each message when it was sent, and how long it took."""

        self._disordered = 0
        self._waiting: Iterator[Component] = iter(())
        self._heard: set[bytes] = set()
        self._last_ns = 0
        """When a domain was heard of for the first time, of those the last."""

    def addition(self, seconds: float) -> Addition:
        """Open every pair, let messages flow, then add domains beside them."""
        self._passage(IDLE_SECONDS)
        idle = self._passage(IDLE_SECONDS)
        self._waiting, self._last_ns = iter(self._added), time.perf_counter_ns()
        busy = self._passage(seconds, beside=self._add)
        return Addition(idle=idle, busy=busy, missing=len(self._added) - len(self._heard))

    def _passage(self, seconds: float, beside: Callable[[], bool] | None = None) -> Passage:
        """
        Send at the rate, until the time is over.

        :param beside: is done in every turn, and tells whether it is done for good. Only what was sent up to then
            is compared.
        """
        self._latencies, self._disordered = [], 0
        began, sent = time.perf_counter(), 0
        while (now := time.perf_counter()) < began + seconds and not (beside and beside()):
            due = began + sent / MESSAGES_PER_SECOND
            if now >= due:
                self._send(sent % FLOWING)
                sent += 1
            self._exchange.turn(max(0.0, due - now))
        end_ns = self._last_ns if beside else time.perf_counter_ns()
        patience = time.perf_counter() + LAST_SECONDS
        while len(self._latencies) < sent and time.perf_counter() < patience:
            self._exchange.turn(TURN_SECONDS)
        return Passage(
            seconds=end_ns / NS - began,
            lost=sent - len(self._latencies),
            latencies=[latency for sent_ns, latency in self._latencies if sent_ns <= end_ns],
            disordered=self._disordered,
        )

    def _add(self) -> bool:
        """Have a few more domains send their first message; tells whether all, or no more, are heard of."""
        target = self._targets[0].domain
        for component in islice(self._waiting, AT_A_TIME):
            self._exchange.send_message(component, target, "added", "x")
        is_silent = time.perf_counter_ns() > self._last_ns + SILENT_SECONDS * NS
        return is_silent or len(self._heard) == len(self._added)

    def _send(self, number: int) -> None:
        self._sent[number] += 1
        body = f"{self._sent[number]} {time.perf_counter_ns()}"
        self._exchange.send_message(self._flowing[number], self._targets[number].domain, "flow", body)

    def _take(self, component: Component, data: bytes) -> None:
        now_ns = time.perf_counter_ns()
        for message in component.messages(data):
            if message.is_error:
                say(f"  came back: {message}")
            elif message.id == b"added":
                self._heard.add(message.sender)
                self._last_ns = now_ns
            else:
                number, sent_ns = map(int, _BODY.findall(message.content)[0])
                self._disordered += number != self._awaited[message.sender] + 1
                self._awaited[message.sender] = number
                self._latencies.append((sent_ns, (now_ns - sent_ns) / NS))
