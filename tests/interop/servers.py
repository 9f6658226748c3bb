"""
Servers of others, as child processes with directories of their own.

Knows how Debian's Prosody is configured, started, stopped, paused and killed. Does not know what is
tested.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from signal import Signals
from string import Template
from typing import Final

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest

from muxs2s.testing import IssuedCredentials
from tests.interop.processes import Child, IChildReactor

__all__ = ["ACCOUNT", "PASSWORD", "Prosody", "ProsodyHost", "free_port", "require_prosody"]

ACCOUNT: Final = "user"
"""There is one account of this name on every host."""

PASSWORD: Final = "interop"

_TEMPLATE: Final = Path(__file__).parent / "peers" / "prosody.cfg.lua"

_PASSED_ON: Final = re.compile(r"Sending\[s2sout\]: <message (?!.*type='error').*\bid='(\w+)'")
_RECEIVED: Final = re.compile(r"Received\[s2s\w+\]: <([\w:-]+)")

START_SECONDS: Final = 20.0


@cache
def require_prosody() -> str:
    """
    The version of the Prosody that is installed.

    :raises SkipTest: if there is none, or none with a DNS resolver that tests can direct, or no client.
    :raises AssertionError: instead, if the environment says MUXS2S_REQUIRE_SERVERS=1.
    """
    for program, missing in (
        (["prosodyctl", "about"], "prosody is not installed: apt-get install prosody"),
        (["lua5.4", "-e", "require 'lunbound'"], "lua-unbound is not installed: apt-get install lua-unbound"),
        ([sys.executable, "-c", "import slixmpp"], "slixmpp is not installed: make test"),
    ):
        found = None
        if shutil.which(program[0]):
            found = subprocess.run(program, capture_output=True, text=True, check=False)
        if found is None or found.returncode:
            if os.environ.get("MUXS2S_REQUIRE_SERVERS") == "1":
                raise AssertionError(missing)
            raise SkipTest(missing)
    version = _version()
    print(f"\nProsody {version}")
    return version


def _version() -> str:
    """As the package has it, else as the program."""
    asked = ["dpkg-query", "--show", "--showformat=${Version}", "prosody"]
    package = subprocess.run(asked, capture_output=True, text=True, check=False) if shutil.which(asked[0]) else None
    if package is not None and package.returncode == 0:
        return package.stdout.strip()
    about = subprocess.run(["prosodyctl", "about"], capture_output=True, text=True, check=False)
    return about.stdout.partition("\n")[0].removeprefix("Prosody ").strip()


def free_port(address: str) -> int:
    """A TCP port that nobody uses on an address of this host."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True, kw_only=True)
class ProsodyHost:
    """One domain that a Prosody hosts."""

    domain: str
    credentials: IssuedCredentials | None
    """What it shows; ``None`` for nothing."""

    options: str = ""
    """More of its section of the configuration, in Lua."""

    tls_options: str = ""
    """More of its table ``ssl``."""


@dataclass(slots=True, kw_only=True)
class Prosody:
    """
    A Prosody that can be started more than once, on the same ports and data.

    :param place: a directory of its own.
    :param dns: the address and port of the name server it asks.
    :param authorities: the file of certificates it trusts.
    :param modules: more modules, and ``disabled`` those it shall not have.
    """

    reactor: IChildReactor
    place: Path
    address: str
    dns: tuple[str, int]
    authorities: Path
    hosts: Sequence[ProsodyHost]
    modules: Sequence[str] = ()
    disabled: Sequence[str] = ()
    options: str = ""
    c2s_port: int = 0
    s2s_port: int = 0
    starts: int = 0
    _child: Child | None = None
    _lines: list[str] = field(default_factory=list)
    _awaited: dict[str, Deferred[None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Write down its configuration and accounts."""
        self.c2s_port = free_port(self.address)
        self.s2s_port = free_port(self.address)
        for host in self.hosts:
            accounts = self.place / "data" / _stored(host.domain) / "accounts"
            accounts.mkdir(parents=True)
            (accounts / f"{ACCOUNT}.dat").write_text(f'return {{ ["password"] = "{PASSWORD}" }};\n')
        (self.place / "no-certificates").mkdir()
        self._configuration.write_text(self._filled(), encoding="utf-8")

    @property
    def log(self) -> str:
        """What it has said so far."""
        return "\n".join(self._lines)

    @property
    def passed_on(self) -> list[str]:
        """The ids of the messages it has sent to other servers, in its order."""
        return [found[1] for found in map(_PASSED_ON.search, self._lines) if found]

    @property
    def elements_received(self) -> set[str]:
        """The names of all first-level elements that other servers have sent."""
        return {found[1] for found in map(_RECEIVED.search, self._lines) if found}

    async def start(self) -> None:
        """Start it; returns when it accepts clients and servers."""
        self.starts += 1
        ports = [f"on [{self.address}]:{port}" for port in (self.c2s_port, self.s2s_port)]
        self._awaited = {port: Deferred() for port in ports}
        listening = tuple(self._awaited.values())
        self._child = Child(self.reactor, ["prosody", "-F", "--config", str(self._configuration)], self._take)
        self._child.ended().addCallback(self._ended)
        overdue = self.reactor.callLater(START_SECONDS, self._not_listening)
        for each in listening:
            await each
        overdue.cancel()

    async def stop(self) -> bool:
        """Ask it to end, as an administrator would; tells whether it did so by itself."""
        self.resume()
        return self._child is None or await self._child.end()

    async def kill(self) -> None:
        """End it without a word."""
        if self._child is not None:
            await self._child.end(Signals.SIGKILL)

    def pause(self) -> None:
        """Let it fall silent: it reads and says nothing, its kernel still answers."""
        self._signal(Signals.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(Signals.SIGCONT)

    @property
    def _configuration(self) -> Path:
        return self.place / "prosody.cfg.lua"

    def _signal(self, number: Signals) -> None:
        if self._child is not None:
            self._child.signal(number)

    def _take(self, line: str) -> None:
        self._lines.append(line)
        for awaited in [text for text in self._awaited if line.rstrip().endswith(text)]:
            self._awaited.pop(awaited).callback(None)

    def _ended(self, _result: object) -> None:
        (self.place / f"log-{self.starts}.txt").write_text(self.log, encoding="utf-8")
        self._not_listening()

    def _not_listening(self) -> None:
        awaited, self._awaited = self._awaited, {}
        for each in awaited.values():
            each.errback(AssertionError(f"Prosody does not listen:\n{self.log[-2000:]}"))

    def _filled(self) -> str:
        return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
            place=self.place,
            address=self.address,
            c2s_port=self.c2s_port,
            s2s_port=self.s2s_port,
            dns="@".join(map(str, self.dns)),
            authorities=self.authorities,
            modules=_quoted(self.modules),
            disabled=_quoted(self.disabled),
            options=self.options,
            hosts="\n".join(map(self._section, self.hosts)),
        )

    def _section(self, host: ProsodyHost) -> str:
        lines = [f'VirtualHost "{host.domain}"', host.options]
        if host.credentials is not None:
            certificate, key = host.credentials.write(self.place / "certificates" / _stored(host.domain))
            lines.append(f'ssl = {{ certificate = "{certificate}"; key = "{key}"; {host.tls_options} }}')
        return "\n\t".join(filter(None, lines))


def _quoted(names: Iterable[str]) -> str:
    return " ".join(f'"{name}";' for name in names)


def _stored(name: str) -> str:
    """As Prosody names a directory: whatever is neither letter nor digit of ASCII stands as ``%`` and two digits."""
    return "".join(chr(octet) if chr(octet).isalnum() and octet < 128 else f"%{octet:02x}" for octet in name.encode())
