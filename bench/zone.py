"""
The name server of a run, in a process of its own: ``python -m bench.zone ADDRESS PORT RECORDS``.

Knows the records, from a file of JSON: which domain is served at which address and port. Remembers its answers
as bytes, so that it takes next to nothing from the servers that ask. Does not know who asks.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import react

from muxs2s.testing import Zone

__all__ = ["LISTENING", "Answers", "serve", "write_records", "zone_of"]

LISTENING: Final = "answers"
"""What the process says as soon as it does."""

WAITING_BYTES: Final = 4 * 1024 * 1024
"""Of questions that come in a burst."""

_TTL_SECONDS: Final = 3_600
_ID_OCTETS: Final = 2
"""Where a message of DNS begins with what tells questions of one asker apart."""


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


class Answers(DatagramProtocol):
    """Answers questions over UDP from a zone that does not change."""

    noisy = False

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._known: dict[bytes, bytes] = {}

    def startProtocol(self) -> None:
        """Let a burst of questions wait."""
        handle: socket.socket = cast("Any", self.transport).getHandle()
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WAITING_BYTES)

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Answer, out of memory if the same was asked before."""
        id, question = datagram[:_ID_OCTETS], datagram[_ID_OCTETS:]
        if question not in self._known:
            answer = self._zone.respond_to_wire(datagram, over_udp=True)
            if answer is None:
                return
            self._known[question] = answer[_ID_OCTETS:]
        cast("IUDPTransport", self.transport).write(id + self._known[question], addr)


def serve(reactor: Any, address: str, port: str, records: str) -> Deferred[None]:
    """Answer until we are ended."""
    reactor.listenUDP(int(port), Answers(zone_of(Path(records))), address)
    print(LISTENING, flush=True)
    return Deferred()


if __name__ == "__main__":
    react(serve, sys.argv[1:])
