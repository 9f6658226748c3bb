"""
What a process takes, and which connections stand, as Linux tells.

Knows the files below ``/proc``. Does not know whose processes they are.
"""

from __future__ import annotations

import os
import re
import socket
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

__all__ = ["connections_at", "cpu_seconds", "resident_kib"]

PROC: Final = Path("/proc")

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")

_USER_TICKS: Final = 11
_SYSTEM_TICKS: Final = 12
"""Where they stand behind the name of the program, which may hold anything: proc(5), fields 14 and 15."""

_ESTABLISHED: Final = "01"


def cpu_seconds(pid: int, proc: Path = PROC) -> float:
    """Time that all threads of a process have had so far, user and system together, in steps of 0.01 s."""
    fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])) / _TICKS_PER_SECOND


def resident_kib(pid: int, proc: Path = PROC) -> int:
    """Memory of a process that is resident, in KiB."""
    found = re.search(r"^VmRSS:\s*(\d+) kB", (proc / str(pid) / "status").read_text(), re.MULTILINE)
    if found is None:
        raise LookupError(f"process {pid} has no memory; it has ended")
    return int(found[1])


def connections_at(places: Iterable[tuple[str, int]], proc: Path = PROC) -> int:
    """
    Count the TCP connections that stand, at the end that was called.

    :param places: IPv4 addresses and ports that are listened on.
    """
    wanted = {_as_linux_writes(*place) for place in places}
    lines = (line.split() for line in (proc / "net" / "tcp").read_text().splitlines()[1:])
    return sum(1 for fields in lines if fields[1] in wanted and fields[3] == _ESTABLISHED)


def _as_linux_writes(address: str, port: int) -> str:
    return f"{struct.unpack('=I', socket.inet_aton(address))[0]:08X}:{port:04X}"
