"""
The name server of a run, in a process of its own: ``python -m bench.zone ADDRESS PORT RECORDS``.

Knows the records, from a file of JSON: which domain is served at which address and port. Does not
know who asks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from muxs2s.testing import Zone

__all__ = ["serve", "write_records", "zone_of"]

_TTL_SECONDS = 3_600


def write_records(path: Path, domains: Mapping[str, tuple[str, int]], *, finds_addresses: bool) -> Path:
    """
    Write down where domains are served.

    :param finds_addresses: whether the servers look up the addresses of hosts with us as well; otherwise SRV
        records have an address where a name should stand.
    :returns: ``path``.
    """
    path.write_text(json.dumps({"domains": domains, "finds_addresses": finds_addresses}), encoding="utf-8")
    return path


def zone_of(path: Path) -> Zone:
    """Make a zone of what :func:`write_records` has written."""
    records = json.loads(path.read_text(encoding="utf-8"))
    zone = Zone()
    for domain, (address, port) in records["domains"].items():
        target = domain if records["finds_addresses"] else address
        zone.add_srv(domain, target, port, ttl=_TTL_SECONDS)
        zone.add(domain, "A", address, ttl=_TTL_SECONDS)
    return zone


def serve(reactor: Any, address: str, port: str, records: str) -> Deferred[None]:
    """Answer until we are ended."""
    zone_of(Path(records)).listen(reactor, address, int(port))
    return Deferred()


if __name__ == "__main__":
    react(serve, sys.argv[1:])
