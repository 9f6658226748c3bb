"""
What the servers that are measured have in common.

Knows where a server stands and what it takes. How it is configured is known to one module for each.
"""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import ClassVar

from bench.certificates import CertificateFiles
from bench.children import Child
from bench.meters import cpu_seconds, resident_kib
from tests.interop.servers.peer import free_port
from tests.interop.servers.requirements import program

__all__ = ["Server", "Site"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a server stands, and whom it serves."""

    place: Path
    """A directory of its own."""

    address: str
    s2s_port: int
    component_port: int
    dns: tuple[str, int]
    certificates: CertificateFiles
    domains: Sequence[str]
    """Each is the domain of a component."""

    host: str
    """One more domain, of those servers that cannot do without one of their own."""

    @classmethod
    def at(
        cls, place: Path, address: str, dns: tuple[str, int], certificates: CertificateFiles, domains: Sequence[str]
    ) -> Site:
        """Choose ports that are free."""
        place.mkdir(parents=True)
        return cls(
            place=place,
            address=address,
            s2s_port=free_port(address),
            component_port=free_port(address),
            dns=dns,
            certificates=certificates,
            domains=domains[1:],
            host=domains[0],
        )


class Server(ABC):
    """A server that runs, from when it is made until it is stopped."""

    name: ClassVar[str]
    program: ClassVar[str]
    """What has to be installed."""

    finds_addresses: ClassVar[bool] = True
    """Whether it asks our name server for addresses; otherwise SRV records must have addresses for targets."""

    settling_seconds: ClassVar[float] = 2.0
    """Until it has come to rest after it was started, or after its work."""

    directory: ClassVar[Path | None] = None
    """Where it has to run, if not in its own directory."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.configure()
        self.child = Child(
            self.argv(), site.place / "log", directory=self.directory or site.place, environment=self.environment()
        )

    @classmethod
    def is_installed(cls) -> bool:
        """Whether it can be measured here."""
        return shutil.which(program(cls.program)) is not None

    @abstractmethod
    def configure(self) -> None:
        """Write whatever it reads when it starts."""

    @abstractmethod
    def argv(self) -> Sequence[str]:
        """How it is started."""

    def environment(self) -> Mapping[str, str]:
        """What it finds in its environment beside ours."""
        return {}

    def wait(self) -> None:
        """Wait until it listens."""
        self.child.wait_for((self.site.address, self.site.component_port), (self.site.address, self.site.s2s_port))

    def cpu_seconds(self) -> float:
        """What it has taken so far."""
        return cpu_seconds(self.child.pid)

    def resident_kib(self) -> int:
        """What it holds now."""
        return resident_kib(self.child.pid)

    def fill(self, name: str, **facts: object) -> Path:
        """Make a file from the template of that name beside this module, and give its path."""
        site = self.site
        known = {
            "place": site.place,
            "address": site.address,
            "s2s_port": site.s2s_port,
            "component_port": site.component_port,
            "host": site.host,
            "certificates": site.certificates.place,
            "authority": site.certificates.authority,
        }
        text = Template((Path(__file__).parent / name).read_text(encoding="utf-8"))
        path = site.place / name
        path.write_text(text.substitute(known | facts), encoding="utf-8")
        return path
