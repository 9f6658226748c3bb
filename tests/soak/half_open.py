"""
Opens thousands of half-open connections from many addresses, closes them, and does it again.

    python -m tests.soak.half_open [--connections 10000] [--addresses 250]

The server runs in a process of its own (:mod:`tests.soak.server`); the connections come from this one, from
127.0.1.1 and the addresses after it. They are of six kinds: some say nothing, some break off in the header, some
agree on STARTTLS and say nothing more, some break off in the ClientHello; on the port for direct TLS some say
nothing and some break off in the ClientHello. All of a round stand at the same time, or as many as the limit of
open files lets stand.

The exit status is 0 if no protocol, stream, TLS connection, socket or timer of the server outlives its
round, and if the second round takes at most 5 % more memory than the first at its peak.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Iterator

from tests.soak.survey import MAX_GROWTH_PERCENT, Survey, faults
from tests.soak.visitors import KINDS, ServerProcess, Visitor, visit

ROUNDS = 2
SPARE_FILES = 200
"""Open files of a process beside its connections."""

WARM_UP = 60
"""Connections before the first round, so that the server has made what it makes once."""

BETWEEN_COLLECTIONS = 1_000
"""Connections opened or closed before the server collects garbage: when it would by itself is chance."""


def main() -> int:
    """Do it, and say what came of it."""
    parser = argparse.ArgumentParser(description="Open half-open connections twice and see what stays behind.")
    parser.add_argument("--connections", type=int, default=10_000, help="in each round (default: %(default)s)")
    parser.add_argument("--addresses", type=int, default=250, help="that they come from (default: %(default)s)")
    given = parser.parse_args()
    at_once = min(given.connections, open_files() - SPARE_FILES)
    if at_once < given.connections:
        print(f"the limit of open files lets {at_once} connections stand at once: {given.connections} come in turns")
    with ServerProcess() as server:
        play(server, WARM_UP, WARM_UP, given.addresses)
        before = server.survey()
        rounds = [play(server, given.connections, at_once, given.addresses) for _ in range(ROUNDS)]
    found = list(faults(before, rounds))
    for fault in found:
        print(f"fault: {fault}")
    first, last = rounds[0].peak_kib, rounds[-1].peak_kib
    growth = f"the peak changed by {100 * (last - first) / first:+.1f} %, at most {MAX_GROWTH_PERCENT:+} is good"
    print(f"{'FAILED' if found else 'nothing outlived its round'}; {growth}")
    return 1 if found else 0


def play(server: ServerProcess, connections: int, at_once: int, addresses: int) -> Survey:
    """Open connections, as many at once as may be, close them, and see what the server holds then."""
    server.ask("forget")
    began = time.monotonic()
    for turn in parts(connections, at_once):
        open_and_close(server, turn, addresses)
    after = server.survey()
    print(
        f"{connections} connections of {len(KINDS)} kinds from {addresses} addresses,"
        f" {min(at_once, connections)} at once, {time.monotonic() - began:.1f} s:"
        f" peak {after.peak_kib} KiB, then {after.memory_kib} KiB"
    )
    print("  left:", ", ".join(f"{count} {name}" for name, count in sorted(after.objects.items())))
    return after


def open_and_close(server: ServerProcess, connections: int, addresses: int) -> None:
    """Open connections and close them when all are open."""
    idle = server.files()
    visits: list[list[Visitor]] = []
    for count in parts(connections, BETWEEN_COLLECTIONS):
        visits.append(visit(server.ports, count, addresses))
        server.ask("collect")
    held = server.wait_for_files(idle + connections) - idle
    if held != connections:
        sys.exit(f"FAILED: {connections} connections were opened, and the server holds {held}")
    while visits:
        for visitor in visits.pop():
            visitor.close()
        server.wait_for_files(idle + sum(map(len, visits)))
        server.ask("collect")


def parts(whole: int, most: int) -> Iterator[int]:
    """Cut a number into numbers that are not too large."""
    yield from [most] * (whole // most)
    if whole % most:
        yield whole % most


def open_files() -> int:
    """Raise the limit of open files, ours and that of processes we start, as far as the system lets us."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


if __name__ == "__main__":
    sys.exit(main())
