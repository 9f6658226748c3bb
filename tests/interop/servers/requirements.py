"""
What has to be installed before a server can be a peer.

Knows how to ask for it, and that a missing server skips a case or fails it. Does not know what the
server is for.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache

from twisted.trial.unittest import SkipTest

__all__ = ["Requirement", "program", "require", "version_of_package"]

Requirement = tuple[Sequence[str], str]
"""A command that succeeds where something is installed, and what to do where it does not."""

_EVERYWHERE: tuple[Requirement, ...] = (
    ((sys.executable, "-c", "import slixmpp"), "slixmpp is not installed: make test"),
)


def program(name: str) -> str:
    """Where a program is; servers are often where only root looks for them."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
    return shutil.which(name, path=path) or name


@cache
def require(server: str, requirements: tuple[Requirement, ...]) -> None:
    """
    Make sure that a server and all it takes is installed, and print its version once.

    :raises SkipTest: if something is missing.
    :raises AssertionError: instead, if the environment says MUXS2S_REQUIRE_SERVERS=1.
    """
    for command, remedy in (*requirements, *_EVERYWHERE):
        if not _succeeds(command):
            if os.environ.get("MUXS2S_REQUIRE_SERVERS") == "1":
                raise AssertionError(remedy)
            raise SkipTest(remedy)
    print(f"\n{server} {version_of_package(server)}")


@cache
def version_of_package(package: str) -> str:
    """As Debian's package has it; where there is no such package, a word that says so."""
    asked = ["dpkg-query", "--show", "--showformat=${Version}", package]
    found = subprocess.run(asked, capture_output=True, text=True, check=False) if shutil.which(asked[0]) else None
    return found.stdout.strip() if found is not None and found.returncode == 0 else "(not Debian's)"


def _succeeds(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
