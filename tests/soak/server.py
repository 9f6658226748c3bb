"""
A server in a process of its own, which tells what it holds when it is asked.

It serves a.example on two free ports of 127.0.0.1, for STARTTLS and for direct TLS, with time-outs and limits
of connections that let thousands of half-open ones stand. It says its ports on a line, then answers each line,
all in JSON: see :data:`ANSWERS`. It ends with its standard input.

Run by :mod:`tests.soak.half_open`.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from muxs2s.server.config import make_configuration
from muxs2s.server.federation import FederationServer
from muxs2s.testing import CertificateAuthority
from tests.soak.survey import forget_peak, take_survey

MAX_BACKLOG: Final = 4_096
"""Connections the kernel may hold until they are accepted; fewer if it is set up so."""

ANSWERS: Final[Mapping[str, Callable[[], object]]] = {
    "survey": lambda: asdict(take_survey()),
    "files": lambda: len(list(Path("/proc/self/fd").iterdir())),
    "forget": forget_peak,
    "collect": gc.collect,
}
"""What we may be asked: what we hold, how many files are open; to forget the peak of memory, to collect garbage."""

PATIENT: Final = {"negotiation_seconds": 3_600, "handshake_seconds": 3_600}

MANY: Final = 1_000_000

CROWDED: Final = {
    f"max_{whose}{what}": MANY
    for whose in ("", "address_")
    for what in ("connections", "unproven_connections", "connections_per_second", "burst_connections")
}
"""No limit of connections is met."""


class Answers(LineOnlyReceiver):
    """What whoever has started us hears."""

    delimiter = b"\n"

    def __init__(self, *ports: int) -> None:
        self._ports = ports
        self.ended: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self._say(self._ports)

    def lineReceived(self, line: bytes) -> None:
        self._say(ANSWERS[line.decode()]())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended.callback(None)

    def _say(self, value: object) -> None:
        self.sendLine(json.dumps(value).encode())


async def serve(reactor: Any, directory: Path) -> None:
    """Serve until nobody listens to us any more."""
    authority = CertificateAuthority()
    authority.issue("a.example").write(directory / "live" / "a.example")
    server = FederationServer(
        reactor,
        make_configuration(
            {
                "domains": ["a.example"],
                "listen": [],
                "certificates": {"directories": ["."]},
                "trust": {"anchors": str(authority.write(directory / "authorities.pem"))},
                "dns": {"servers": ["127.0.0.1"]},
                "stream": PATIENT,
                "accept": CROWDED,
            },
            directory=directory,
        ),
    )
    server.startService()
    factories = (server.federation.factory, server.federation.direct_factory)
    ports = [reactor.listenTCP(0, factory, MAX_BACKLOG, "127.0.0.1") for factory in factories]
    answers = Answers(*(port.getHost().port for port in ports))
    StandardIO(answers)
    await answers.ended


def main(reactor: Any) -> Deferred[None]:
    """Serve from a directory that is gone afterwards."""
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    directory = TemporaryDirectory()
    return Deferred.fromCoroutine(serve(reactor, Path(directory.name))).addBoth(lambda _: directory.cleanup())


if __name__ == "__main__":
    react(main)
