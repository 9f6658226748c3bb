"""``muxs2s check``: options, exit statuses and what is printed where."""

from __future__ import annotations

import contextlib
import io
import json
from argparse import Namespace
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.check import Finding, Report
from muxs2s.commands import check, main
from muxs2s.commands.check import FAULTY
from muxs2s.commands.running import INTERRUPTED
from tests.check.test_report import BAD, GOOD, POOR
from tests.commands.loop import Loop


class CheckCase(SynchronousTestCase):
    """A check that finds what it is told to find."""

    def setUp(self) -> None:
        self.findings: tuple[Finding, ...] = (GOOD, POOR)
        self.waiting: Deferred[None] | None = None
        self.checked: list[Path] = []
        self.patch(check, "check", self.check)

    async def check(self, _reactor: object, path: Path) -> Report:
        """Find it."""
        self.checked.append(path)
        if self.waiting is not None:
            await self.waiting
        return Report(path=path, findings=self.findings)

    def run_check(self, loop: Loop | None = None, *, as_json: bool = False) -> tuple[int, str, str]:
        """Run it; its status, and what it printed to either output."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = check.run(Namespace(config=Path("muxs2s.toml"), json=as_json), loop or Loop())
        return status, out.getvalue(), err.getvalue()


class RunTests(CheckCase):
    """What comes of it."""

    def test_good(self) -> None:
        """Without an error the status is 0, and people see what was found."""
        status, out, err = self.run_check()
        self.assertEqual((0, ""), (status, err))
        self.assertIn("no errors, 1 warning.", out)
        self.assertEqual([Path("muxs2s.toml")], self.checked)

    def test_faulty(self) -> None:
        """With an error the exit status says that something is faulty."""
        self.findings = (BAD,)
        self.assertEqual(FAULTY, self.run_check()[0])

    def test_json(self) -> None:
        """Programs get one JSON object on standard output; nothing else is written."""
        status, out, err = self.run_check(as_json=True)
        self.assertEqual((0, ""), (status, err))
        self.assertEqual(["ports", "system"], [finding["area"] for finding in json.loads(out)["findings"]])

    def test_interrupted(self) -> None:
        """Ctrl-C ends it."""
        self.waiting = Deferred()
        loop = Loop()
        loop.turns = [loop.stop]
        self.assertEqual((INTERRUPTED, "", "muxs2s check: interrupted\n"), self.run_check(loop))


class OptionTests(SynchronousTestCase):
    """What stands behind ``muxs2s check``."""

    def run_main(self, *argv: str) -> tuple[int, str, str]:
        """Run the command wrongly, or for help."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            exited = self.assertRaises(SystemExit, main, argv)
        return int(exited.code or 0), out.getvalue(), err.getvalue()

    def test_which(self) -> None:
        """Without a configuration there is nothing to check: it says so, with its own options."""
        status, _, err = self.run_main("check")
        self.assertEqual(2, status)
        self.assertIn("muxs2s check: error: the following arguments are required: --config", err)
        self.assertIn("--config FILE", err)

    def test_unknown(self) -> None:
        """What it does not know is named, with the options it has."""
        status, _, err = self.run_main("check", "--config", "a", "twice")
        self.assertEqual(2, status)
        self.assertIn("muxs2s check: error: unrecognized arguments: twice", err)

    def test_help(self) -> None:
        """Help names what is looked at, every option and every exit status."""
        status, out, _ = self.run_main("check", "--help")
        self.assertEqual(0, status)
        for part in ("certificates", "what DNS says", "--config FILE", "--json", "exit status:", "  130 "):
            self.assertIn(part, out)
