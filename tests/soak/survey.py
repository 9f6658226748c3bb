"""
What a process holds: objects by type, timers, memory; and whether anything outlived its use.

Knows what is to be gone with a connection. Does not know how connections came about.
"""

from __future__ import annotations

import gc
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from OpenSSL.SSL import Connection
from twisted.internet.abstract import FileDescriptor
from twisted.internet.base import DelayedCall
from twisted.internet.protocol import BaseProtocol

from muxs2s.stream.stream import Stream

__all__ = ["MAX_GROWTH_PERCENT", "Survey", "count", "faults", "forget_peak", "take_survey"]

MAX_GROWTH_PERCENT: Final = 5
"""By how much the peak of the second round may exceed that of the first."""

_PASSING: Final = (BaseProtocol, Connection, DelayedCall, FileDescriptor, Stream)
"""Whatever is one of these belongs to a connection, or to the process from its start to its end."""

_STATUS: Final = Path("/proc/self/status")
_FORGET: Final = Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A process at one moment."""

    objects: Mapping[str, int]
    """How many protocols, streams, TLS connections, sockets and timers there are, by type."""

    peak_kib: int
    """The most memory it had since the last :func:`forget_peak`."""

    memory_kib: int


def take_survey() -> Survey:
    """Look at this process. Source: proc(5), status."""
    peak_kib = _status("VmHWM")
    gc.collect()
    return Survey(objects=count(gc.get_objects()), peak_kib=peak_kib, memory_kib=_status("VmRSS"))


def count(objects: Iterable[object]) -> Mapping[str, int]:
    """Count, by type, what belongs to a connection or to the process as a whole."""
    return dict(Counter(_name(type(thing)) for thing in objects if _is_passing(thing)))


def forget_peak() -> None:
    """Let the peak begin anew with the memory of now. Source: proc(5), clear_refs."""
    _FORGET.write_text("5")


def faults(before: Survey, rounds: list[Survey]) -> Iterator[str]:
    """
    What is wrong after rounds of the same work.

    :param before: taken before the first.
    :param rounds: each taken when everything was closed again.
    """
    for number, after in enumerate(rounds, 1):
        for name, count in sorted(after.objects.items()):
            more = count - before.objects.get(name, 0)
            if more > 0:
                yield f"{more} {name} outlived round {number}"
    first, *_, last = (after.peak_kib for after in rounds)
    if last * 100 > first * (100 + MAX_GROWTH_PERCENT):
        yield f"the peak grew from {first} to {last} KiB, more than {MAX_GROWTH_PERCENT} %"


def _is_passing(thing: object) -> bool:
    kind = type(thing)  # a proxy may lie about its class
    if not issubclass(kind, _PASSING):
        return False
    return not isinstance(thing, DelayedCall) or bool(thing.active())


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _status(field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])
