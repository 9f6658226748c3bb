"""
Half-open connections, and the process of the server that they are made to.

Knows how far a connection of each kind goes. Does not know what is measured: see
:mod:`tests.soak.half_open`.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self

from tests.soak.survey import Survey

__all__ = ["KINDS", "Kind", "ServerProcess", "Visitor", "visit"]

TARGET: Final = "127.0.0.1"

AT_A_TIME: Final = 100
"""Connections that are brought to their point together."""

ADDRESSES_OF_A_NETWORK: Final = 250

WAIT_SECONDS: Final = 60.0
"""For the server to say or close what it has to."""

LOOK_SECONDS: Final = 0.1
"""Between two looks at whether it has."""

ALL_ALLOCATED_COUNTS: Final = {"MALLOC_PERTURB_": "85"}
"""
Has glibc write to all it gives out (mallopt(3)): a buffer of which little is used counts in full, in every
round, and not only where a page of it was used before.
"""

HEADER: Final = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'"
    b" from='b.example' to='a.example' version='1.0'>"
)
STARTTLS: Final = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
FEATURES_END: Final = b"</stream:features>"
PROCEED: Final = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"


def half_a_client_hello() -> bytes:
    """The beginning of the first message of a handshake."""
    outgoing = ssl.MemoryBIO()
    connection = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="a.example")
    with suppress(ssl.SSLWantReadError):
        connection.do_handshake()
    hello = outgoing.read()
    return hello[: len(hello) // 2]


Ports = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How far connections of one kind go."""

    name: str
    dialogue: tuple[tuple[bytes, bytes], ...] = ()
    """What the server has to say first, then what is said."""

    direct_tls: bool = False
    """Whether the connection begins with TLS."""


KINDS: Final = (
    Kind(name="silent"),
    Kind(name="half a header", dialogue=((b"", HEADER[:60]),)),
    Kind(name="STARTTLS without a ClientHello", dialogue=((b"", HEADER), (FEATURES_END, STARTTLS), (PROCEED, b""))),
    Kind(
        name="half a ClientHello",
        dialogue=((b"", HEADER), (FEATURES_END, STARTTLS), (PROCEED, half_a_client_hello())),
    ),
    Kind(name="silent, with direct TLS", direct_tls=True),
    Kind(name="half a ClientHello, with direct TLS", dialogue=((b"", half_a_client_hello()),), direct_tls=True),
)


class Visitor:
    """One connection, and how far it has come."""

    def __init__(self, kind: Kind, source: str, ports: Ports) -> None:
        self._rest = iter(kind.dialogue)
        self._heard = b""
        self._socket = socket.create_connection((TARGET, ports[kind.direct_tls]), WAIT_SECONDS, (source, 0))

    def go_on(self) -> bool:
        """Say the next thing, once the server has said what comes before it; tells whether there was one."""
        for awaited, said in self._rest:
            while awaited not in self._heard:
                data = self._socket.recv(65_536)
                if not data:
                    raise ConnectionError(f"closed by the server before {awaited!r}")
                self._heard += data
            self._socket.sendall(said)
            return True
        return False

    def close(self) -> None:
        """Be gone."""
        self._socket.close()


def visit(ports: Ports, count: int, addresses: int) -> list[Visitor]:
    """Open connections of all kinds from all addresses in turn, and bring each to where it breaks off."""
    visitors: list[Visitor] = []
    while len(visitors) < count:
        numbers = range(len(visitors), min(len(visitors) + AT_A_TIME, count))
        batch = [Visitor(KINDS[number % len(KINDS)], source(number % addresses), ports) for number in numbers]
        while sum(visitor.go_on() for visitor in batch):
            pass
        visitors += batch
    return visitors


def source(number: int) -> str:
    """One of the addresses of this host."""
    network, host = divmod(number, ADDRESSES_OF_A_NETWORK)
    return f"127.0.{1 + network}.{1 + host}"


class ServerProcess:
    """The process of the server, and what it says; see :mod:`tests.soak.server`."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.soak.server"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **ALL_ALLOCATED_COUNTS},
        )
        self.ports: Ports = tuple(self._hear())
        """For STARTTLS, and for direct TLS."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        try:
            self._process.communicate(timeout=WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise

    def ask(self, what: str) -> Any:
        """Ask for something."""
        assert self._process.stdin is not None
        print(what, file=self._process.stdin, flush=True)
        return self._hear()

    def survey(self) -> Survey:
        """What it holds now."""
        return Survey(**self.ask("survey"))

    def files(self) -> int:
        """How many files it has open."""
        return int(self.ask("files"))

    def wait_for_files(self, wanted: int) -> int:
        """Wait, not for ever, until it has that many files open; tells how many it has."""
        deadline = time.monotonic() + WAIT_SECONDS
        while (files := self.files()) != wanted and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        return files

    def _hear(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())
