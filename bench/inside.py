"""
What is measured inside a process of ours: ``python -m bench.inside WHAT NUMBER...``, an answer in JSON.

Each measurement has a process of its own, so that none finds what another has left behind. Knows what is
measured and how; what the answers mean is known to :mod:`bench.cases`.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.logger import ILogObserver, LogEvent, globalLogBeginner
from zope.interface import implementer

from bench.bare import presentation_seconds
from bench.embedded import EmbeddedClouds, issued, stanza, stored
from bench.meters import resident_kib
from muxs2s.testing import CertificateAuthority

__all__ = ["adding", "alone", "growing", "main"]

FURTHER_PAIRS: Final = 10_000
"""Pairs of domains that are accepted already, which are used once all are."""

AT_ONCE: Final = 1_000
"""Of them, so that the driver itself does not hold too much."""


async def adding(reactor: Any, domains: int, pending: int, lone: int) -> dict[str, float]:
    """
    Add domains of one cloud to what another accepts.

    At first as many as may be under way, then as many that each send a stanza, so many at a time, then some more
    one after the other.

    :returns: of one domain each, for both services together: ``cpu_seconds`` and ``seconds`` to add it,
        ``stanza_cpu_seconds`` with its first stanza, ``lone_cpu_seconds`` alone, ``bare_seconds`` of cryptography;
        and how many were ``presented`` and how many ``connections`` it took.
    """
    clouds = EmbeddedClouds(reactor, 1, 2 * domains + lone)
    clouds.start()
    first, *rest = [stanza(number, 0) for number in range(1 + 2 * domains + lone)]
    announced, sending, single = rest[:domains], rest[domains : 2 * domains], rest[2 * domains :]
    await clouds.carry([first], 1)
    await clouds.settle()
    clouds.announces = True
    bare_before = presentation_seconds()
    watch = _Stopwatch()
    clouds.host(domains)
    await clouds.carry(announced[-1:], 1)
    await clouds.settle()
    answer = {"cpu_seconds": watch.cpu_seconds / domains, "seconds": watch.seconds / domains}
    answer["bare_seconds"] = (bare_before + presentation_seconds()) / 2
    clouds.announces = False
    clouds.host(domains + lone)
    watch = _Stopwatch()
    await clouds.carry(sending, pending)
    answer["stanza_cpu_seconds"] = watch.cpu_seconds / domains
    watch = _Stopwatch()
    for each in single:
        await clouds.carry([each], 1)
    answer["lone_cpu_seconds"] = watch.cpu_seconds / lone
    answer |= {"presented": clouds.presented, "connections": clouds.connections}
    await clouds.stop()
    return answer


class _Stopwatch:
    """What passes from its making on."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    @property
    def cpu_seconds(self) -> float:
        """Of this process, user and system."""
        return time.process_time() - self._cpu

    @property
    def seconds(self) -> float:
        """By the clock."""
        return time.perf_counter() - self._wall


async def growing(reactor: Any, domains: int, pending: int) -> dict[str, float]:
    """
    Have every domain of two clouds accepted, then use more pairs of them.

    :returns: ``after_kib``, what is resident when all are accepted, ``further_kib``, what has come to it for each
        further pair, and how many ``connections`` it took, with those pairs.
    """
    clouds = EmbeddedClouds(reactor, domains)
    clouds.start()
    await clouds.carry([stanza(number, number) for number in range(domains)], pending)
    after = _resident_kib()
    for first in range(0, FURTHER_PAIRS, AT_ONCE):
        pairs = [(number % domains, (number * 7 + first // AT_ONCE + 1) % domains) for number in range(AT_ONCE)]
        await clouds.carry([stanza(*pair) for pair in pairs], pending)
    further = (_resident_kib() - after) / FURTHER_PAIRS
    connections = clouds.connections
    await clouds.stop()
    return {"after_kib": after, "further_kib": further, "connections": connections}


async def alone(_reactor: Any, domains: int) -> dict[str, float]:
    """
    Load the certificates that :func:`growing` has in the end, and do nothing with them.

    :returns: ``after_kib``, what is resident then.
    """
    authority = CertificateAuthority()
    own = {cloud: stored(issued(authority, cloud, domains)) for cloud in "ab"}
    shown = [each.leaf.public_bytes(Encoding.DER) for store in own.values() for each in store]
    peers = [x509.load_der_x509_certificate(each) for each in shown]
    del shown
    return {"after_kib": _resident_kib(), "certificates": len(peers) + sum(map(len, own.values()))}


MEASUREMENTS: Final[dict[str, Callable[..., Coroutine[Deferred[Any], Any, dict[str, float]]]]] = {
    "adding": adding,
    "growing": growing,
    "alone": alone,
}


def main(arguments: Sequence[str]) -> None:
    """Measure what is asked for, and print the answer."""
    measure = MEASUREMENTS[arguments[0]]

    async def measured(reactor: Any) -> None:
        try:
            print(json.dumps(await measure(reactor, *map(int, arguments[1:]))), flush=True)
        except Exception:
            traceback.print_exc()
            raise

    globalLogBeginner.beginLoggingTo([_Silence()], discardBuffer=True, redirectStandardIO=False)
    react(lambda reactor: Deferred.fromCoroutine(measured(reactor)))


@implementer(ILogObserver)
class _Silence:
    """Without it Twisted would keep every line in memory until somebody wants to see it."""

    def __call__(self, event: LogEvent) -> None:
        """Let it go."""


def _resident_kib() -> int:
    """What is resident without garbage, and without what the allocator only keeps for later."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return resident_kib(os.getpid())


if __name__ == "__main__":
    main(sys.argv[1:])
