"""The server under twistd: options, SIGHUP, open files."""

from __future__ import annotations

import gc
import os
import resource
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

from twisted.application.service import IService, MultiService
from twisted.internet import reactor as global_reactor
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.usage import UsageError
from zope.interface import implementer
from zope.interface.verify import verifyObject

from muxs2s import tap
from muxs2s.server.federation import FederationServer
from muxs2s.tap import LOW_OPEN_FILES, Options, OwnProcess, makeService, raise_open_files
from tests.hosts.logs import Logged
from tests.network.memoryudp import MemoryNetworkReactor
from tests.server.configured import ConfiguredTestCase

ONE = 'domains = ["a.example"]\n'
TWO = 'domains = ["a.example", "c.example"]\n'


@implementer(IReactorFromThreads)
class ThreadedReactor(MemoryNetworkReactor):
    """Keeps what is to be called in the reactor's own time."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Callable[[], object]] = []

    def callFromThread(self, callable: Callable[..., object], *args: object, **kwargs: object) -> None:  # noqa: A002, N802 - Twisted's names
        """Keep it."""
        self.waiting.append(partial(callable, *args, **kwargs))


class TapTestCase(ConfiguredTestCase):
    """Limits of open files are played, whatever those of this process are."""

    def setUp(self) -> None:
        super().setUp()
        self.logged = Logged(self)
        self.soft, self.hard = 1_024, 1_048_576
        self.patch(resource, "getrlimit", lambda _what: (self.soft, self.hard))
        self.patch(resource, "setrlimit", self.set_limit)

    def set_limit(self, what: int, limits: tuple[int, int]) -> None:
        """As the system does it."""
        self.assertEqual(resource.RLIMIT_NOFILE, what)
        self.soft, self.hard = limits


class OptionTests(TapTestCase):
    """The command line."""

    def test_configuration(self) -> None:
        """``--config`` names the configuration, and so does ``-c``; it is read at once."""
        self.write(ONE)
        for name in ("--config", "-c"):
            options = Options()
            options.parseOptions([name, str(self.file)])
            self.assertEqual(("a.example",), options.configuration.domains)

    def test_found_again(self) -> None:
        """A daemon that has changed its directory still finds the file."""
        self.write(ONE)
        options = Options()
        options.parseOptions(["--config", os.path.relpath(self.file)])
        self.assertEqual(self.file, options.path)

    def test_none(self) -> None:
        """Without a configuration the remedy is told."""
        self.assertIn("--config FILE", str(self.assertRaises(UsageError, Options().parseOptions, [])))

    def test_no_option(self) -> None:
        """A file named without the option is named in the refusal, with the remedy."""
        refused = self.assertRaises(UsageError, Options().parseOptions, ["muxs2s.toml"])
        self.assertEqual("'muxs2s.toml' is no option. Remedy: --config FILE.", str(refused))

    def test_faults(self) -> None:
        """With a faulty one every fault is told."""
        self.write("colour = 1\nlisten = 2")
        refused = self.assertRaises(UsageError, Options().parseOptions, ["--config", str(self.file)])
        self.assertEqual(["the configuration is faulty", "colour", "listen"], [*self.named(str(refused))])

    def named(self, text: str) -> list[str]:
        """The options a refusal names, behind its first line."""
        first, *others = text.replace(f"{self.file}: ", "").splitlines()
        return [first.rstrip(":"), *(line.partition(":")[0] for line in others)]

    def test_help(self) -> None:
        """The help says how the server is started."""
        self.assertIn("--config", Options().getUsage())


class ServiceTests(TapTestCase):
    """What twistd gets."""

    def test_service(self) -> None:
        """It is one service that holds federation, the listener for components and the eyes for SIGHUP."""
        self.write(ONE)
        options = Options()
        options.parseOptions(["--config", str(self.file)])
        service = makeService(options)
        verifyObject(IService, service)
        self.assertIsInstance(service, MultiService)
        self.assertEqual(3, len(list(service)))
        (process,) = [child for child in service if isinstance(child, OwnProcess)]
        self.assertIs(global_reactor, process._reactor)


class SignalTests(TapTestCase):
    """SIGHUP."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        self.addCleanup(gc.unfreeze)
        self.reactor = ThreadedReactor()
        self.server = FederationServer(self.reactor, self.read(ONE))
        self.process = OwnProcess(self.reactor, self.server, self.file)
        self.process.setServiceParent(self.server)

    def hang_up(self) -> None:
        """Send the signal, and let the reactor do what is due."""
        os.kill(os.getpid(), signal.SIGHUP)
        (due,) = self.reactor.waiting
        self.reactor.waiting.clear()
        due()

    def test_read_again(self) -> None:
        """On SIGHUP the configuration is read again, in the reactor's own time."""
        self.server.startService()
        self.write(TWO)
        self.hang_up()
        self.assertEqual({"a.example", "c.example"}, set(self.server.federation.hosted))

    def test_faulty(self) -> None:
        """A faulty configuration is told fault by fault and changes nothing; the next good one counts."""
        self.server.startService()
        self.write("domains = 1\ncolour = 2")
        self.hang_up()
        self.assertEqual({"a.example"}, set(self.server.federation.hosted))
        said = "\n".join(self.logged.lines)
        for part in ("domains: 1 is a number", "colour: there is no such option", "everything stays as it was"):
            self.assertIn(part, said)
        self.write(TWO)
        self.hang_up()
        self.assertIn("c.example", self.server.federation.hosted)

    def test_given_back(self) -> None:
        """The signal belongs to the server while it runs, and to whoever had it before afterwards."""
        heard: list[int] = []
        signal.signal(signal.SIGHUP, lambda number, _frame: heard.append(number))
        self.server.startService()
        self.successResultOf(self.server.stopService())
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual([signal.SIGHUP], heard)
        self.assertEqual([], self.reactor.waiting)

    def test_owned_elsewhere(self) -> None:
        """A handler that was not set by Python cannot be put back; the signal is left to the system then."""
        self.patch(signal, "signal", lambda _number, _action: None)
        self.process.startService()
        given: list[object] = []
        self.patch(signal, "signal", lambda _number, action: given.append(action))
        self.process.stopService()
        self.assertEqual([signal.SIG_DFL], given)

    def test_late(self) -> None:
        """A signal that came just before the end changes nothing after it."""
        self.server.startService()
        self.write(TWO)
        os.kill(os.getpid(), signal.SIGHUP)
        self.successResultOf(self.server.stopService())
        self.reactor.waiting.pop()()
        self.assertEqual({"a.example"}, set(self.server.federation.hosted))

    def test_unserved(self) -> None:
        """A domain no component can serve is warned of with the remedy, at the start and when it comes."""
        self.server.startService()
        self.write(TWO)
        self.hang_up()
        warned = [line.partition(":")[0] for line in self.logged.lines if "no component can serve it" in line]
        self.assertEqual(["a.example", "a.example", "c.example"], warned)


class OpenFileTests(TapTestCase):
    """How many files may be open."""

    def test_raised(self) -> None:
        """The limit is raised to what the system allows, without a word if that is plenty."""
        self.assertEqual(1_048_576, raise_open_files())
        self.assertEqual((1_048_576, []), (self.soft, self.logged.lines))

    def test_low(self) -> None:
        """Where the system allows few, the log says so and what to do."""
        self.hard = LOW_OPEN_FILES - 1
        self.assertEqual(LOW_OPEN_FILES - 1, raise_open_files())
        self.assertIn("8191 files may be open at once", self.logged.lines[0])
        self.assertIn("LimitNOFILE", self.logged.lines[0])

    def test_just_enough(self) -> None:
        """At the limit of what is low nothing is said."""
        self.soft = self.hard = LOW_OPEN_FILES
        self.assertEqual(LOW_OPEN_FILES, raise_open_files())
        self.assertEqual([], self.logged.lines)

    def test_unlimited(self) -> None:
        """Without any limit nothing is to be said."""
        self.soft = self.hard = resource.RLIM_INFINITY
        raise_open_files()
        self.assertEqual([], self.logged.lines)

    def test_refused(self) -> None:
        """Where the system refuses after all, the server runs with what it has."""

        def refuse(_what: int, _limits: tuple[int, int]) -> None:
            raise ValueError

        self.patch(resource, "setrlimit", refuse)
        self.assertEqual(1_024, raise_open_files())
        self.assertIn("the limit of open files stays at 1024: the system refuses 1048576", self.logged.lines)

    def test_at_the_start(self) -> None:
        """The limit is raised when the server starts."""
        self.patch(signal, "signal", lambda _number, _action: None)
        self.addCleanup(gc.unfreeze)
        reactor = ThreadedReactor()
        process = OwnProcess(reactor, FederationServer(reactor, self.made()), Path())
        process.startService()
        self.assertEqual(self.hard, self.soft)

    def test_collector(self) -> None:
        """What is there from the start is not looked through for garbage again and again."""
        self.addCleanup(gc.unfreeze)
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        gc.unfreeze()
        reactor = ThreadedReactor()
        OwnProcess(reactor, FederationServer(reactor, self.made()), Path()).startService()
        self.assertGreater(gc.get_freeze_count(), 10_000)

    def test_reactor_is_imported_late(self) -> None:
        """Looking at the options does not choose a reactor: twistd does, by its own option."""
        self.assertNotIn("reactor", vars(tap))
