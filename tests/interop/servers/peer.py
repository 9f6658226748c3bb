"""
What every server of others has in common: a place, ports, programs that run, a log.

Knows how programs are started, watched, stopped, paused and killed. What they are told and what they
say is known to one module for each server.
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from signal import Signals
from string import Template
from typing import ClassVar, Final

from twisted.internet.defer import Deferred

from muxs2s.testing import IssuedCredentials
from tests.interop.processes import Child, IChildReactor
from tests.interop.servers.requirements import Requirement, require, version_of_package

__all__ = ["ACCOUNT", "HostedDomain", "Peer", "Program", "Voice", "free_port"]

ACCOUNT: Final = "user"
"""At every domain of every server there is one address, with this localpart."""

START_SECONDS: Final = 60.0
"""How long a program may take until it listens, on a busy machine."""


_ports = count(20_000)
"""Below those that systems give to whoever connects, so that nobody takes one while its server is away."""


def free_port(address: str) -> int:
    """A TCP port that nobody uses on an address of this host; another one each time."""
    for port in _ports:
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
            return port
    raise AssertionError  # there is no end to numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedDomain:
    """One domain of a server, and what it shows; ``None`` for nothing."""

    name: str
    credentials: IssuedCredentials | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Who speaks for a domain at its server: a client or a component."""

    who: str
    """How it joins: the full address of a client, the domain of a component."""

    password: str
    port: int
    sender: str | None
    """What a component writes as its address; a client need not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One process of a server."""

    argv: Sequence[str]
    listening: Sequence[str]
    """How the lines end in which it says that it listens."""

    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Peer(ABC):
    """
    A server that can be started more than once, on the same ports and data.

    :param place: a directory of its own.
    :param dns: the address and port of the name server it asks.
    :param authorities: the file of certificates it trusts.
    :param dialback: whether dialback suffices, whatever certificate the other side shows.
    :param direct_tls: whether it listens for TLS without STARTTLS.
    """

    name: ClassVar[str]
    """What it is called, and Debian's package of it."""

    requirements: ClassVar[tuple[Requirement, ...]]

    finds_addresses: ClassVar[bool] = True
    """Whether it asks our name server for addresses; otherwise SRV records must have addresses for targets."""

    says_of_absent: ClassVar[tuple[str, ...]] = ("service-unavailable",)
    """With which conditions it returns a message when nobody speaks for the domain it is sent to."""

    processes: ClassVar[int] = 1
    """Through how many of its processes a message goes: one that ends loses a run of them, for itself."""

    reactor: IChildReactor
    place: Path
    address: str
    dns: tuple[str, int]
    authorities: Path
    hosts: Sequence[HostedDomain]
    dialback: bool = False
    direct_tls: bool = False
    s2s_port: int = 0
    direct_tls_port: int | None = None
    voice_port: int = 0
    """For clients or components."""

    starts: int = 0
    lines: list[str] = field(default_factory=list)
    """What it has said so far."""

    _children: list[Child] = field(default_factory=list)
    _awaited: dict[str, Deferred[None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Choose ports and write down its configuration."""
        self.s2s_port, self.voice_port = free_port(self.address), free_port(self.address)
        self.direct_tls_port = free_port(self.address) if self.direct_tls else None
        self.configure()

    @abstractmethod
    def configure(self) -> None:
        """Write whatever it reads when it starts."""

    @abstractmethod
    def programs(self) -> Sequence[Program]:
        """What runs, in the order in which it is started."""

    @abstractmethod
    def voice(self, domain: str) -> Voice:
        """Who speaks for a domain."""

    @classmethod
    def require(cls) -> None:
        """Skip the case, or fail it, where the server is not installed."""
        require(cls.name, cls.requirements)

    @classmethod
    def version(cls) -> str:
        """As Debian's package has it."""
        return version_of_package(cls.name)

    @property
    def domains(self) -> tuple[str, ...]:
        """Those it hosts."""
        return tuple(host.name for host in self.hosts)

    @property
    def log(self) -> str:
        """What it has said so far, as one text."""
        return "\n".join(self.lines)

    @property
    def passed_on(self) -> Sequence[str]:
        """The ids of the messages it has sent to other servers, in its order, if it has one of its own."""
        return ()

    async def start(self) -> None:
        """Start it; returns when it listens on every port."""
        self.starts += 1
        self._children = []
        overdue = self.reactor.callLater(START_SECONDS, self._not_listening)
        for program in self.programs():
            await self._run(program)
        overdue.cancel()

    async def stop(self) -> bool:
        """Ask it to end, as an administrator would; tells whether it did so by itself."""
        self.resume()
        return all([await child.end() for child in reversed(self._children)])

    async def kill(self) -> None:
        """End it without a word."""
        for child in reversed(self._children):
            child.signal(Signals.SIGKILL)
        for child in self._children:
            await child.ended()

    def pause(self) -> None:
        """Let it fall silent: it reads and says nothing, its kernel still answers."""
        self._signal(Signals.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(Signals.SIGCONT)

    def fill(self, template: str, name: str, **facts: object) -> Path:
        """Make a file from a template beside the modules; returns where it is."""
        path = self.place / name
        text = (Path(__file__).parent / template).read_text(encoding="utf-8")
        path.write_text(Template(text).substitute(place=self.place, address=self.address, **facts), encoding="utf-8")
        return path

    async def _run(self, program: Program) -> None:
        self._awaited = {text: Deferred() for text in program.listening}
        listening = tuple(self._awaited.values())
        child = Child(self.reactor, program.argv, self._take, program.environment, self.place)
        self._children.append(child)
        child.ended().addCallback(self._ended)
        for each in listening:
            await each

    def _signal(self, number: Signals) -> None:
        for child in self._children:
            child.signal(number)

    def _take(self, line: str) -> None:
        self.lines.append(line)
        for awaited in [text for text in self._awaited if line.rstrip().endswith(text)]:
            self._awaited.pop(awaited).callback(None)

    def _ended(self, _result: object) -> None:
        (self.place / f"log-{self.starts}.txt").write_text(self.log, encoding="utf-8")
        self._not_listening()

    def _not_listening(self) -> None:
        awaited, self._awaited = self._awaited, {}
        for each in awaited.values():
            each.errback(AssertionError(f"{self.name} does not listen:\n{self.log[-2000:]}"))
