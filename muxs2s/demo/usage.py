"""
What a process uses, and how many files it may open.

Knows how Linux tells, and what to ask instead elsewhere. Does not know what the process does.
"""

from __future__ import annotations

import re
import resource
import sys
import time
from pathlib import Path
from typing import Final

from muxs2s.demo.words import Usage
from muxs2s.wire.errors import MuxS2SError

__all__ = ["TooFewFiles", "allow_open_files", "current_usage"]

_STATUS: Final = Path("/proc/self/status")
_BYTES_PER_KIB: Final = 1_024


class TooFewFiles(MuxS2SError):
    """The system does not let a process open as many files as the plan needs; the message says what would."""


def current_usage(status: Path = _STATUS) -> Usage:
    """
    Measure this process.

    :param status: where Linux describes it; where there is no such file, the most memory ever
        resident is taken.
    """
    try:
        found = re.search(r"^VmRSS:\s*(\d+) kB", status.read_text(encoding="ascii", errors="replace"), re.MULTILINE)
    except OSError:
        found = None
    return Usage(resident_kib=int(found[1]) if found else _most_resident_kib(), cpu_seconds=time.process_time())


def _most_resident_kib() -> int:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // _BYTES_PER_KIB if sys.platform == "darwin" else most


def allow_open_files(needed: int) -> None:
    """
    Raise the soft limit of open files of this process, and of those it starts, to ``needed``.

    :raises TooFewFiles: if the hard limit is lower; then nothing is changed.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise TooFewFiles(
            f"each process needs up to {needed} open files (one per stream), the system allows {hard} at most:"
            " take fewer domains, or raise the hard limit (ulimit -Hn shows it; root may raise it, or"
            " /etc/security/limits.conf for good)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
