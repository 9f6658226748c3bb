"""
Where and with what was measured.

Knows how to ask the system and the packages. Does not measure.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from OpenSSL import SSL

from tests.interop.servers.requirements import program, version_of_package

__all__ = ["describe"]

_PACKAGES: Final = ("Twisted", "wokkel", "cryptography", "pyOpenSSL")
_SERVERS: Final = ("prosody", "ejabberd")
_KIB_PER_GIB: Final = 1_048_576


def describe(proc: Path = Path("/proc")) -> Iterator[str]:
    """Say when, on which machine and with which versions, a line each."""
    yield f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    yield f"{os.cpu_count()} cores of {_model(proc)}, {_memory_gib(proc):.0f} GiB, {_system()}"
    yield f"muxs2s {version('muxs2s')}{_commit()}, Python {platform.python_version()}, " + ", ".join(
        f"{package} {version(package)}" for package in _PACKAGES
    )
    yield SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode("ascii", "replace")
    yield ", ".join(f"{server} {version_of_package(server)}" for server in _SERVERS)


def _model(proc: Path) -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", (proc / "cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _memory_gib(proc: Path) -> float:
    found = re.search(r"^MemTotal:\s*(\d+) kB", (proc / "meminfo").read_text(), re.MULTILINE)
    return int(found[1]) / _KIB_PER_GIB if found else 0.0


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def _commit() -> str:
    """The commit that is checked out, if this is a clone and git is there."""
    asked = [program("git"), "rev-parse", "--short", "HEAD"]
    try:
        found = subprocess.run(asked, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return f" ({found.stdout.strip()})" if found.returncode == 0 else ""
