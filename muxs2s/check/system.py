"""
What a server needs of the machine it runs on: open files, a clock that is right, a user of its own.

Knows how Linux tells. Does not know certificates or ports.
"""

from __future__ import annotations

import ctypes
import os
import resource
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from muxs2s.check.finding import Area, Finding, Grade, moment
from muxs2s.server.config import Configuration

__all__ = [
    "OTHER_FILES",
    "Machine",
    "check_system",
    "clock_is_disciplined",
    "files_needed",
    "open_files",
    "owns_address",
]

OTHER_FILES: Final = 100
"""Logs, places to listen, code that is being read."""

_MORE_FILES: Final = (
    "raise the hard limit, by LimitNOFILE in the unit for systemd or ulimit -Hn, or lower accept.max_connections"
)

SKEW_SECONDS: Final = 60.0
"""So far ahead of the clock may a file have been written: clocks of file servers differ."""

_TIME_ERROR: Final = 5
"""What adjtimex(2) returns while nothing keeps the clock right."""

_TIMEX_OCTETS: Final = 512
"""More than its structure has anywhere."""

_SOFTWARE: Final = Path(__file__)

_finding = partial(Finding, area=Area.SYSTEM)


def owns_address(address: str) -> bool:
    """Whether an IP address is one of this host."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probing:
            probing.bind((address, 0))
    except OSError:
        return False
    return True


def open_files() -> int:
    """How many files a process may open that asks for as many as it gets."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def clock_is_disciplined() -> bool | None:
    """
    Whether the clock is kept right by NTP or the like; ``None`` if the system does not tell.

    Source: adjtimex(2); timedatectl goes by the same.
    """
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_OCTETS))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """How this machine is asked; tests ask another one."""

    owns_address: Callable[[str], bool] = owns_address
    open_files: Callable[[], int] = open_files
    clock_is_disciplined: Callable[[], bool | None] = clock_is_disciplined
    user: Callable[[], int] = os.geteuid


def files_needed(configuration: Configuration) -> int:
    """How many files the limits of a configuration allow for, without streams to peers, which have no limit."""
    limits = configuration.limits
    components = configuration.component_limits.max_unproven_connections + len(configuration.component_secrets)
    asking = limits.connect.dial.max_connections + configuration.dns_limits.max_questions_at_once
    return limits.accept.max_connections + components + asking + OTHER_FILES


def check_system(
    machine: Machine, now: float, files: Iterable[Path], *, needed: int = OTHER_FILES
) -> Iterator[Finding]:
    """
    Look at what the machine gives.

    :param now: seconds since the epoch, by the clock in question.
    :param files: of the configuration; none of them can have been written in the future.
    :param needed: see :func:`files_needed`.
    """
    yield _open_files(machine.open_files(), needed)
    yield _clock(machine.clock_is_disciplined(), now, (_SOFTWARE, *files))
    if machine.user() == 0:
        yield _finding(
            about="user",
            grade=Grade.WARNING,
            text="root may read every file, so whether the user of the server may read its own is not known",
            remedy="run the check as that user, by sudo -u",
        )


def _open_files(limit: int, needed: int) -> Finding:
    is_unlimited = limit == resource.RLIM_INFINITY
    is_enough = is_unlimited or limit >= needed
    shown = "as many as wanted" if is_unlimited else f"{limit}"
    return _finding(
        about="open files",
        grade=Grade.OK if is_enough else Grade.WARNING,
        text=(
            f"{shown} at once, for a process started from here; the limits of the configuration come to {needed}, and "
            "each stream to a peer is one more"
        ),
        remedy="" if is_enough else _MORE_FILES,
        details={"limit": None if is_unlimited else limit, "needed": needed},
    )


def _clock(disciplined: bool | None, now: float, files: Iterable[Path]) -> Finding:  # noqa: FBT001 - the kernel's word
    newest = max(((_written(path), path) for path in files), default=(0.0, _SOFTWARE))
    if newest[0] > now + SKEW_SECONDS:
        return _finding(
            about="clock",
            grade=Grade.ERROR,
            text=f"it says {moment(now)}, but {newest[1]} was written at {moment(newest[0])}",
            remedy="set the clock, and have NTP keep it right: certificates are judged by it",
        )
    if disciplined is False:
        return _finding(
            about="clock",
            grade=Grade.WARNING,
            text=f"it says {moment(now)}, and nothing keeps it right",
            remedy="run chrony, systemd-timesyncd or the like: certificates are judged by the clock",
        )
    kept = "kept right by the system" if disciplined else "the system does not tell whether it is kept right"
    return _finding(about="clock", grade=Grade.OK, text=f"it says {moment(now)}; {kept}")


def _written(path: Path) -> float:
    """When a file was written last, in seconds since the epoch; never, if it cannot be found."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
