"""
The examples of the documentation start as they stand and do what they say.

These tests use real sockets, on loopback, for TLS and a process that runs on asyncio. The world an
example finds is made here: the reactor opens free ports in place of those that are named, names are
looked up in memory, one authority vouches for everybody, and ``/etc/letsencrypt`` is a directory of
the test.
"""

from __future__ import annotations

import contextlib
import os
import sys
import unittest
import warnings
from collections.abc import Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final, cast

import twisted.internet
from twisted.application.service import IService, loadApplication
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol, ServerFactory
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import directlyProvides, implementer, providedBy

from muxs2s import CertificateStore, DomainName, Resolver, S2SService, Slice
from muxs2s.network import pem
from muxs2s.network.reactors import INetworkReactor
from muxs2s.tap import Options, makeService
from muxs2s.testing import CertificateAuthority, MemoryFederation, MemoryResolver, Zone, stanza_of
from tests.hosts.wokkelrouter import Router

EXAMPLES: Final = Path(__file__).resolve().parent.parent / "doc" / "examples"

ANSWER_SECONDS: Final = 30.0
"""How long anything may take here; where the machine is not busy it takes less than one."""

BOT: Final = "bot.a.example"
PEER: Final = "b.example"
WRITER: Final = f"u@{PEER}/home"

RUN_COMPONENT: Final = """
import runpy, sys
from slixmpp.xmlstream import XMLStream

connect = XMLStream.connect

def connect_elsewhere(self, host, port, **others):
    return connect(self, host, int(sys.argv[2]) if port == 5347 else port, **others)

XMLStream.connect = connect_elsewhere
runpy.run_path(sys.argv[1], run_name="__main__")
"""
"""Runs an example of slixmpp with another port in place of 5347."""


class INetworkAndProcessReactor(INetworkReactor, IReactorProcess):
    """What these tests take of the reactor."""


reactor = cast(INetworkAndProcessReactor, global_reactor)


class PortsElsewhere:
    """The reactor, but for ports: whatever is to be opened is opened on loopback, where one is free."""

    def __init__(self) -> None:
        self.opened: dict[int, int] = {}
        """Which port stands for which."""
        directlyProvides(self, providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)

    def listenTCP(self, port: int, factory: ServerFactory[Any], backlog: int = 50, interface: str = "") -> Any:
        """Listen."""
        listening = reactor.listenTCP(0, factory, backlog, "127.0.0.1")
        self.opened[port] = cast(Any, listening.getHost()).port
        return listening


class Writer:
    """Somebody elsewhere, who waits for a stanza to come."""

    def __init__(self) -> None:
        self._first: Deferred[Slice] = Deferred()

    def deliver(self, stanzas: Sequence[Slice]) -> None:
        """Take what comes."""
        first, self._first = self._first, Deferred()
        first.callback(stanzas[0])

    def answer(self) -> Deferred[Slice]:
        """Wait for the next stanza."""
        return self._first.addTimeout(ANSWER_SECONDS, reactor)


class Child(ProcessProtocol):
    """A process of ours; what it complains of goes to our standard error."""

    def __init__(self) -> None:
        self.ended: Deferred[None] = Deferred()

    def errReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Pass it on."""
        sys.stderr.write(data.decode(errors="replace"))

    def processEnded(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """Tell whoever waits."""
        self.ended.callback(None)


def imported(name: str) -> Any:
    """An example as a module."""
    found = spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = module_from_spec(found)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # wokkel's
        found.loader.exec_module(module)
    return module


class ExampleTestCase(TestCase):
    """Each test finds another world, and its own directory to work in."""

    timeout = 90

    def setUp(self) -> None:
        self.opened = PortsElsewhere()
        self.authority, self.zone = CertificateAuthority(), Zone()
        self.zone.add("loopback.example", "A", "127.0.0.1")
        self.place = Path(self.mktemp()).absolute()
        self.place.mkdir()
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(self.place)
        add_directory = CertificateStore.add_directory
        self.patch(CertificateStore, "add_directory", lambda store, path: add_directory(store, self.below(path)))
        authorities = self.authority.write(self.place / "authorities.pem")
        self.patch(pem, "SYSTEM_TRUST_ANCHORS", str(authorities))
        self.patch(Resolver, "from_system", lambda reactor, **_limits: MemoryResolver(self.zone, reactor))
        self.patch(twisted.internet, "reactor", self.opened)

    def below(self, path: str | os.PathLike[str]) -> Path:
        """Where an absolute path is in the world of the test."""
        return self.place / os.fspath(path).removeprefix("/")

    def start_application(self, name: str, *domains: str) -> None:
        """Start an example in Python as ``twistd -y`` would."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # wokkel's
            application = loadApplication(str(EXAMPLES / name), "python")
        self.start(IService(application), *domains)

    def start_configuration(self, name: str, *domains: str) -> None:
        """Start an example in TOML as ``twistd muxs2s`` would."""
        options = Options()
        options.parseOptions(["--config", str(EXAMPLES / name)])
        self.start(makeService(options), *domains)

    def start(self, service: IService, *domains: str) -> None:
        """Start a service, whose domains are found in DNS from now on."""
        service.startService()
        self.addCleanup(service.stopService)
        for domain in domains:
            self.zone.add_srv(domain, "loopback.example", self.opened.opened[5269])

    def start_peer(self) -> None:
        """Start a server elsewhere, with somebody to write."""
        certificates = CertificateStore()
        certificates.add(self.authority.issue(PEER))
        anchors, lookup = self.authority.trust_anchors, MemoryResolver(self.zone, reactor)
        self.peer = S2SService(reactor, [PEER], certificates=certificates, anchors=anchors, lookup=lookup)
        self.peer.startService()
        self.addCleanup(self.peer.stopService)
        port = self.successResultOf(TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(self.peer.factory))
        self.addCleanup(port.stopListening)
        self.zone.add_srv(PEER, "loopback.example", cast(Any, port.getHost()).port)
        self.writer = Writer()
        self.peer.attach(DomainName.parse(PEER), self.writer)

    async def assert_echo(self, address: str) -> None:
        """Whoever lives at that address sends a message from elsewhere back."""
        answer = self.writer.answer()
        message = f"<message from='{WRITER}' to='{address}' type='chat'><body>good morning</body></message>"
        self.peer.send([stanza_of(message)])
        stanza = await answer
        self.assertEqual((address, WRITER, "chat"), (stanza.from_address, stanza.to_address, stanza.type))
        self.assertEqual("good morning", str(stanza.tree().body))


class WokkelEchoTests(ExampleTestCase):
    """The bot in wokkel."""

    async def test_echo(self) -> None:
        """It proves its domain to a server elsewhere and sends a message from there back."""
        self.authority.issue(BOT).write(self.place)
        self.start_application("wokkel_echo.py", BOT)
        self.start_peer()
        await self.assert_echo(f"someone@{BOT}")


class ComponentTests(ExampleTestCase):
    """The bot in slixmpp, behind either server for components."""

    def setUp(self) -> None:
        super().setUp()
        self.authority.issue(BOT).write(self.below(f"/etc/letsencrypt/live/{BOT}"))

    async def test_configured(self) -> None:
        """Behind a server started with the minimal configuration it sends a message from elsewhere back."""
        self.start_configuration("minimal.toml", BOT)
        await self.assert_echo_behind()

    async def test_in_code(self) -> None:
        """Behind a server set up in code it does the same."""
        self.start_application("components.py", BOT)
        await self.assert_echo_behind()

    async def assert_echo_behind(self) -> None:
        """The bot connects with its secret, and answers."""
        self.start_peer()
        connected = self.logged(f"component {BOT} connected")
        self.run_component("component_echo.py")
        await connected
        await self.assert_echo(f"someone@{BOT}")

    def logged(self, beginning: str) -> Deferred[str]:
        """Wait for a line of the log."""
        line: Deferred[str] = Deferred()

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            if formatEvent(event).startswith(beginning) and not line.called:
                line.callback(formatEvent(event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        return line.addTimeout(ANSWER_SECONDS, reactor)

    def run_component(self, name: str) -> None:
        """Start a component in a process of its own, for slixmpp runs on asyncio."""
        child = Child()
        command = [sys.executable, "-c", RUN_COMPONENT, str(EXAMPLES / name), str(self.opened.opened[5347])]
        process = reactor.spawnProcess(child, sys.executable, command, env=None)

        def end() -> Deferred[None]:
            with contextlib.suppress(ProcessExitedAlready):
                process.signalProcess("KILL")
            return child.ended

        self.addCleanup(end)


class MigrationTests(ExampleTestCase):
    """The server before and after."""

    def setUp(self) -> None:
        super().setUp()
        self.authority.issue("a.example", "chat.a.example").write(self.place)
        self.routers: list[Router] = []

        def make_router() -> Router:
            self.routers.append(Router())
            return self.routers[-1]

        self.patch(sys.modules["wokkel.component"], "Router", make_router)

    def test_before(self) -> None:
        """The server as it was starts: both its domains and the default route lead into the same Router."""
        self.start_application("server_service.py")
        self.assertEqual({"a.example", "chat.a.example", None}, set(self.routers[0].routes))

    async def test_after(self) -> None:
        """The server as it is now has the same routes, and both its domains answer a server elsewhere."""
        self.start_application("s2s_service.py", "a.example", "chat.a.example")
        self.assertEqual({"a.example", "chat.a.example", None}, set(self.routers[0].routes))
        self.start_peer()
        await self.assert_echo("bot@a.example")
        await self.assert_echo("bot@chat.a.example")


class TestedExampleTests(SynchronousTestCase):
    """The examples that are tests themselves."""

    def assert_passes(self, name: str) -> None:
        """All tests of an example pass, and there are some."""
        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromModule(imported(name)).run(result)
        self.assertEqual([], [*result.errors, *result.failures])
        self.assertGreaterEqual(result.testsRun, 2)

    def test_bot(self) -> None:
        """The tests of a bot without a network pass."""
        self.assert_passes("test_bot")

    def test_two_servers(self) -> None:
        """The tests of two servers on loopback pass."""
        self.assert_passes("test_two_servers")

    def test_doubles(self) -> None:
        """The tests of certificates and streams pass."""
        self.assert_passes("test_doubles")


class HostTests(SynchronousTestCase):
    """The host of one's own."""

    def test_greeter(self) -> None:
        """It sends a message back, and lets an error be."""
        federation = MemoryFederation("a.example")
        federation.attach(DomainName.parse("a.example"), imported("greeter").Greeter(federation))
        federation.deliver(f"<message from='{WRITER}' to='a.example'><body>hi</body></message>")
        federation.deliver(f"<message from='{WRITER}' to='a.example' type='error'/>")
        self.assertEqual([("a.example", WRITER)], [(sent.from_address, sent.to_address) for sent in federation.sent])


class EveryExampleTests(SynchronousTestCase):
    """None is forgotten."""

    def test_tested(self) -> None:
        """Each example in Python is named in the tests above."""
        tests = Path(__file__).read_text(encoding="utf-8")
        names = [path.name for path in EXAMPLES.glob("*.py")]
        self.assertEqual([], [name for name in names if f'"{name.removesuffix(".py")}' not in tests])
        self.assertGreaterEqual(len(names), 7)
