"""
A process test: twistd on real sockets of the loopback interface, from start to end.

The only unit test that starts a process. It ends after :data:`MAX_SECONDS` whatever happens, and uses
ports the system chooses.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path
from typing import cast

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ProcessTerminated
from twisted.internet.interfaces import IProcessTransport, IReactorProcess, ITCPTransport
from twisted.internet.protocol import ProcessProtocol, Protocol
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from muxs2s.network.reactors import INetworkReactor
from muxs2s.testing import CertificateAuthority

MAX_SECONDS = 30.0

RUN_TWISTD = "from twisted.scripts.twistd import run; run()"

HEADER = (
    "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
    "from='b.example' to='a.example' version='1.0'>"
)


class Awaiting:
    """Text that arrives bit by bit, and those who wait for something in it."""

    def __init__(self) -> None:
        self.text = ""
        self._waiting: list[tuple[re.Pattern[str], Deferred[str]]] = []

    def grow(self, data: bytes) -> None:
        """More has arrived."""
        self.text += data.decode("utf-8", "replace")
        for entry in list(self._waiting):
            found = entry[0].search(self.text)
            if found:
                self._waiting.remove(entry)
                entry[1].callback(found[1])

    def shows(self, pattern: str) -> Deferred[str]:
        """Fires with the first group, once it is there."""
        shown: Deferred[str] = Deferred()
        self._waiting.append((re.compile(pattern), shown))
        self.grow(b"")
        return shown


class Twistd(ProcessProtocol):
    """The process: what it logs, and how it ended."""

    def __init__(self) -> None:
        self.log = Awaiting()
        self.ended: Deferred[int | None] = Deferred()
        """Fires with the exit status, ``None`` if a signal ended it."""

    def outReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted calls it
        """Keep what it says."""
        self.log.grow(data)

    errReceived = outReceived  # noqa: N815 - Twisted calls it

    def processEnded(self, reason: Failure) -> None:  # noqa: N802 - Twisted calls it
        """Tell."""
        self.ended.callback(cast(ProcessTerminated, reason.value).exitCode)


class Peer(Protocol):
    """A connection that only listens."""

    def __init__(self) -> None:
        self.heard = Awaiting()

    @property
    def wire(self) -> ITCPTransport:
        """What it writes to."""
        return cast(ITCPTransport, self.transport)

    def dataReceived(self, data: bytes) -> None:
        """Keep what is said."""
        self.heard.grow(data)


class ProcessTests(TestCase):
    """``twistd -n muxs2s --config FILE``."""

    timeout = MAX_SECONDS

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.file = self.directory / "muxs2s.toml"
        self.authority = CertificateAuthority()
        self.authority.write(self.directory / "ca.pem")
        self.authority.issue("a.example").write(self.directory / "a.example")

    def write(self, *domains: str) -> None:
        """Write a configuration for these domains, on any free ports."""
        self.file.write_text(
            f"domains = {list(domains)}\nlisten = ['127.0.0.1:0']\ncertificates.directories = ['.']\n"
            "trust.anchors = 'ca.pem'\ndns.servers = ['127.0.0.1:9']\n"
            "components.listen = ['127.0.0.1:0']\ncomponents.secrets.'bot.a.example' = 'sesame'\n",
            encoding="utf-8",
        )

    def spawn(self) -> tuple[Twistd, IProcessTransport]:
        """Start the process, in a directory of its own."""
        twistd = Twistd()
        command = [sys.executable, "-c", RUN_TWISTD, "-n", "--pidfile=", "muxs2s", "--config", "muxs2s.toml"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        transport = cast(IReactorProcess, global_reactor).spawnProcess(
            twistd, sys.executable, command, environment, str(self.directory)
        )

        def kill() -> Deferred[int | None] | None:
            if transport.pid is None:
                return None
            transport.signalProcess("KILL")
            return twistd.ended

        self.addCleanup(kill)
        return twistd, transport

    async def connect(self, port: str) -> Peer:
        """Connect to a port of the process."""
        endpoint = TCP4ClientEndpoint(cast(INetworkReactor, global_reactor), "127.0.0.1", int(port))
        peer: Peer = await connectProtocol(endpoint, Peer())
        self.addCleanup(peer.wire.abortConnection)
        return peer

    async def test_life(self) -> None:
        """It starts, answers a peer and a component, reads a changed file on SIGHUP and ends on SIGTERM."""
        self.write("a.example")
        twistd, transport = self.spawn()
        peer = await self.connect(await twistd.log.shows(r"StreamFactory starting on (\d+)"))
        peer.wire.write(HEADER.encode())
        await peer.heard.shows("from=.(a.example)")
        await peer.heard.shows("<(starttls)")
        component = await self.connect(await twistd.log.shows(r"ComponentFactory starting on (\d+)"))
        component.wire.write(HEADER.replace("server", "component:accept").replace("a.ex", "bot.a.ex").encode())
        await component.heard.shows("from=.(bot.a.example)")
        self.write("a.example", "c.example")
        transport.signalProcess(signal.Signals.SIGHUP.name.removeprefix("SIG"))
        await twistd.log.shows("domains added: (c.example)")
        transport.signalProcess("TERM")
        await peer.heard.shows("(</stream:stream>)")
        await component.heard.shows("<(system-shutdown)")
        peer.wire.loseConnection()
        await twistd.ended
        self.assertIn("Server Shut Down", twistd.log.text)
        self.assertNotIn("Traceback", twistd.log.text)

    async def test_faulty(self) -> None:
        """On a faulty configuration it says what is wrong and ends by itself."""
        self.file.write_text("colour = 1\n", encoding="utf-8")
        twistd, _ = self.spawn()
        self.assertIn(await twistd.ended, (0, 1))  # the older versions of twistd end with 0
        self.assertIn("muxs2s.toml: colour: there is no such option", twistd.log.text)
        self.assertNotIn("Traceback", twistd.log.text)
