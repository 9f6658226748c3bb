"""``muxs2s demo``: options, exit statuses and what is printed where."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.commands import demo
from muxs2s.commands.demo import CANNOT_RUN, INCOMPLETE, MAX_DOMAINS, add_parser, cloud_command
from muxs2s.commands.running import INTERRUPTED
from muxs2s.demo.ledger import MAX_MESSAGES
from muxs2s.demo.plan import DemoWay, Plan
from muxs2s.demo.processes import DemoFailed
from muxs2s.demo.progress import Bars, Silence, Watcher
from muxs2s.demo.report import Report
from muxs2s.demo.usage import TooFewFiles
from tests.commands.loop import Loop
from tests.demo.test_report import GOOD


class OptionTests(SynchronousTestCase):
    """What stands behind ``muxs2s demo``."""

    def read(self, *argv: str) -> Namespace:
        """Read options."""
        parser = ArgumentParser()
        add_parser(parser.add_subparsers())
        return parser.parse_args(["demo", *argv])

    def refusal(self, *argv: str) -> str:
        """Why options are refused."""
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            exited = self.assertRaises(SystemExit, self.read, *argv)
        self.assertEqual(2, exited.code)
        return err.getvalue()

    def test_defaults(self) -> None:
        """Without options ten domains write to ten, and people see it."""
        found = self.read()
        self.assertEqual((10, 10, 1), (found.domains, found.peer_domains, found.messages))
        self.assertEqual((None, False, False), (found.seconds, found.json, found.verbose))

    def test_all(self) -> None:
        """Every option is read."""
        found = self.read(
            *("--domains", "3", "--peer-domains", "4", "--messages", "5", "--seconds", "2.5", "--json", "--verbose")
        )
        self.assertEqual((3, 4, 5, 2.5), (found.domains, found.peer_domains, found.messages, found.seconds))
        self.assertTrue(found.json)
        self.assertTrue(found.verbose)

    def test_whole_numbers(self) -> None:
        """Numbers go from one to a limit; whatever else is given is named, with the limits."""
        for option, limit in (("domains", MAX_DOMAINS), ("peer-domains", MAX_DOMAINS), ("messages", MAX_MESSAGES)):
            for number in (1, limit):
                self.assertEqual(number, getattr(self.read(f"--{option}={number}"), option.replace("-", "_")))
            for text in ("0", str(limit + 1), "-1", "1.5", "ten", "²", ""):
                self.assertIn(f"{text!r} is no whole number from 1 to {limit}", self.refusal(f"--{option}={text}"))

    def test_seconds(self) -> None:
        """A time is a number above zero."""
        for text in ("0", "-1", "inf", "nan", "soon"):
            self.assertIn(f"{text!r} is no number of seconds above 0", self.refusal(f"--seconds={text}"))

    def test_cloud_command(self) -> None:
        """Clouds are started by the same Python, deaf to Ctrl-C from the first, and told what to log."""
        program, *rest = cloud_command(verbose=False)
        self.assertEqual(sys.executable, program)
        self.assertTrue(rest[1].startswith("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"))
        self.assertEqual([program, *rest, "--verbose"], cloud_command(verbose=True))


class RunCase(SynchronousTestCase):
    """A demonstration that is none."""

    def setUp(self) -> None:
        """One in which everything arrives at once."""
        self.result: Callable[[], Report] = lambda: GOOD
        self.waiting: Deferred[None] | None = None
        self.clearing: Deferred[None] | None = None
        self.cleared_up = False
        self.given: list[tuple[Plan, list[str], Watcher, float]] = []
        self.files: list[int] = []
        self.patch(demo, "demonstrate", self.demonstrate)
        self.patch(demo, "allow_open_files", self.files.append)

    async def demonstrate(
        self, _reactor: object, plan: Plan, *, command: list[str], watcher: Watcher, limit_seconds: float
    ) -> Report:
        """Keep what was asked for, wait if told so, and give the result."""
        self.given.append((plan, command, watcher, limit_seconds))
        try:
            if self.waiting is not None:
                await self.waiting
            return self.result()
        finally:
            if self.clearing is not None:
                await self.clearing
            self.cleared_up = True

    def fail_with(self, error: Exception) -> None:
        """Have it fail."""

        def fail() -> Report:
            raise error

        self.result = fail

    def run_demo(self, loop: Loop | None = None, **options: object) -> tuple[int, str, str]:
        """Run it; its status, and what it printed to either output."""
        defaults: dict[str, object] = {"domains": 2, "peer_domains": 3, "messages": 1, "seconds": None}
        defaults |= {"json": False, "verbose": False, "way": "streams"}
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = demo.run(Namespace(**{**defaults, **options}), loop or Loop())
        return status, out.getvalue(), err.getvalue()


class RunTests(RunCase):
    """What comes of it."""

    def test_for_people(self) -> None:
        """People see bars on standard error and the summary on standard output."""
        status, out, err = self.run_demo()
        self.assertEqual(0, status)
        self.assertIn("Everything arrived, once and in order.", out)
        self.assertIn("delivered", err)
        self.assertIsInstance(self.given[0][2], Bars)

    def test_json(self) -> None:
        """Programs get one JSON object on standard output; nothing else is written."""
        status, out, err = self.run_demo(json=True)
        self.assertEqual((0, ""), (status, err))
        self.assertEqual(1_200, json.loads(out)["pairs"])
        self.assertIsInstance(self.given[0][2], Silence)

    def test_verbose(self) -> None:
        """Where the logs of the clouds are shown there is no bar among them."""
        self.run_demo(verbose=True)
        self.assertIsInstance(self.given[0][2], Silence)
        self.assertEqual("--verbose", self.given[0][1][-1])

    def test_asked_for(self) -> None:
        """The options say how much is exchanged, for how long, and how many files may be open for it."""
        self.run_demo()
        self.run_demo(seconds=5.0)
        plan = Plan(domains=2, peer_domains=3, way=DemoWay.STREAMS)
        self.assertEqual([plan, plan], [given[0] for given in self.given])
        self.assertEqual([61.2, 5.0], [given[3] for given in self.given])
        self.assertEqual([plan.open_files] * 2, self.files)

    def test_compared(self) -> None:
        """Where all pairs share a stream some of them are then carried one by one, in the same run."""
        status, out, _ = self.run_demo(way="multiplex", domains=20, json=True)
        self.assertEqual(0, status)
        self.assertEqual(["multiplex", "streams"], [given[0].way.value for given in self.given])
        self.assertEqual((10, 3), (self.given[1][0].domains, self.given[1][0].peer_domains))
        self.assertIn("streams", json.loads(out))
        self.assertEqual([self.given[1][0].open_files], self.files)

    def test_not_compared(self) -> None:
        """If something is missing there is nothing to compare."""
        self.result = lambda: replace(GOOD, replied=0)
        self.assertEqual(INCOMPLETE, self.run_demo(way="multiplex", json=True)[0])
        self.assertEqual(1, len(self.given))

    def test_incomplete(self) -> None:
        """If something is missing the status says so, in either form."""
        self.result = lambda: replace(GOOD, replied=0)
        for as_json in (False, True):
            self.assertEqual(INCOMPLETE, self.run_demo(json=as_json)[0])

    def test_failed(self) -> None:
        """If it cannot be held the reason stands on standard error alone."""
        self.fail_with(DemoFailed("cannot serve [DNS] here"))
        status, out, err = self.run_demo(json=True)
        self.assertEqual((CANNOT_RUN, "", "muxs2s demo: cannot serve [DNS] here\n"), (status, out, err))

    def test_too_few_files(self) -> None:
        """If the system allows too few open files nothing is begun; the remedy stands in one line."""

        def refuse(needed: int) -> None:
            raise TooFewFiles(f"{needed} " * 40 + "ulimit -Hn")

        self.patch(demo, "allow_open_files", refuse)
        status, _, err = self.run_demo()
        self.assertEqual((CANNOT_RUN, 1), (status, err.count("\n")))
        self.assertEqual([], self.given)

    def test_unforeseen(self) -> None:
        """What nobody has foreseen is not hidden."""
        self.fail_with(ZeroDivisionError())
        self.assertRaises(ZeroDivisionError, self.run_demo)


class InterruptedTests(RunCase):
    """Ctrl-C."""

    def test_under_way(self) -> None:
        """While it is under way it is given up, and cleared up before the command ends."""
        self.waiting = Deferred()
        loop = Loop()
        loop.turns = [loop.stop]
        status, out, err = self.run_demo(loop, json=True)
        self.assertEqual((INTERRUPTED, "", "muxs2s demo: interrupted\n"), (status, out, err))
        self.assertTrue(self.cleared_up)
        self.assertEqual(1, loop.stops)

    def test_clearing_up_takes_time(self) -> None:
        """Clearing up is waited for."""
        self.waiting = Deferred()
        self.clearing = clearing = Deferred[None]()
        loop = Loop()
        loop.turns = [loop.stop, lambda: self.assertFalse(self.cleared_up), lambda: clearing.callback(None)]
        self.assertEqual(INTERRUPTED, self.run_demo(loop)[0])
        self.assertTrue(self.cleared_up)
        self.assertEqual(1, loop.stops)

    def test_before_it_begins(self) -> None:
        """Before it has begun there is nothing to give up."""
        loop = Loop()
        self.patch(loop, "callWhenRunning", lambda _call: None)
        self.assertEqual(INTERRUPTED, self.run_demo(loop)[0])
        self.assertEqual([], self.given)

    def test_later(self) -> None:
        """It may take its time; then the reactor is stopped once."""
        self.waiting = waiting = Deferred[None]()
        loop = Loop(lambda: waiting.callback(None))
        self.assertEqual(0, self.run_demo(loop)[0])
        self.assertEqual(1, loop.stops)
