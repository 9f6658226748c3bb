"""
Two clouds of one kind of server, with a component for every domain: what a case drives and measures.

Knows what has to run, and in which order. Does not know what is measured.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bench.certificates import CertificateFiles
from bench.children import Child
from bench.components import Component
from bench.meters import connections_at
from bench.servers import Server, Site
from bench.zone import LISTENING, write_records
from tests.interop.servers.peer import free_port

__all__ = ["Clouds", "Names"]

ADDRESSES: Final = ("127.0.0.2", "127.0.0.3")
DNS_ADDRESS: Final = "127.0.0.4"

Names = tuple[Sequence[str], Sequence[str]]
"""The domains of both clouds, of each the first for the server itself."""

_numbers = count(1)


class Clouds:
    """
    Two servers, and everything around them, for the length of a ``with``.

    :param names: see :data:`Names`; the domains behind the first have components.
    :param place: a directory; what is made in it is gone in the end, unless something failed.
    """

    def __init__(self, kind: type[Server], names: Names, certificates: CertificateFiles, place: Path) -> None:
        self._place = place / f"{kind.name}-{next(_numbers)}"
        self._place.mkdir()
        self._running = ExitStack()
        dns = DNS_ADDRESS, free_port(DNS_ADDRESS)
        self._sites = [
            Site.at(self._place / letter, address, dns, certificates, domains)
            for letter, address, domains in zip("ab", ADDRESSES, names, strict=True)
        ]
        self._kind, self._dns = kind, dns
        self.servers: list[Server] = []
        self.components: tuple[list[Component], list[Component]] = [], []
        """Of both clouds, in the order of their domains."""

    def __enter__(self) -> Self:
        with ExitStack() as running:
            self._start(running)
            self._running = running.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._running.close()
        if kind is None:
            shutil.rmtree(self._place)

    def settle(self) -> None:
        """Wait until the servers have come to rest."""
        time.sleep(self._kind.settling_seconds)

    def cpu_seconds(self) -> float:
        """What both servers have taken so far."""
        return sum(server.cpu_seconds() for server in self.servers)

    def resident_kib(self) -> int:
        """What both servers hold now."""
        return sum(server.resident_kib() for server in self.servers)

    def connections(self) -> int:
        """How many connections from one server to the other stand now."""
        return connections_at((site.address, site.s2s_port) for site in self._sites)

    def _start(self, running: ExitStack) -> None:
        domains = {name: (site.address, site.s2s_port) for site in self._sites for name in site.domains}
        records = write_records(self._place / "records.json", domains, finds_addresses=self._kind.finds_addresses)
        address, port = self._dns
        argv = (sys.executable, "-m", "bench.zone", address, str(port), str(records))
        zone = running.enter_context(Child(argv, self._place / "zone.log"))
        zone.wait_to_say(LISTENING)
        for site in self._sites:
            server = self._kind(site)
            running.enter_context(server.child)
            self.servers.append(server)
        for server, components in zip(self.servers, self.components, strict=True):
            server.wait()
            for domain in server.site.domains:
                components.append(Component((server.site.address, server.site.component_port), domain))
                running.callback(components[-1].close)
