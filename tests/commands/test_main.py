"""The command as a whole."""

from __future__ import annotations

import contextlib
import io
from importlib.metadata import version

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.commands import demo, main


class MainTests(SynchronousTestCase):
    """What is printed, and the exit status."""

    def run_main(self, *argv: str) -> tuple[int, str, str]:
        """Run it; its status, and what it printed to either output."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = main(argv)
            except SystemExit as exited:
                status = int(exited.code or 0)
        return status, out.getvalue(), err.getvalue()

    def test_nothing(self) -> None:
        """Without a verb it says how it is used."""
        status, out, err = self.run_main()
        self.assertEqual((2, ""), (status, out))
        self.assertIn("usage: muxs2s", err)

    def test_unknown(self) -> None:
        """An unknown verb is named, with those there are."""
        status, _, err = self.run_main("dance")
        self.assertEqual(2, status)
        self.assertIn("dance", err)
        self.assertIn("demo", err)

    def test_unknown_arguments(self) -> None:
        """What a verb does not know is named, with the options it has."""
        status, _, err = self.run_main("demo", "3x7", "--quick")
        self.assertEqual(2, status)
        self.assertIn("muxs2s demo: error: unrecognized arguments: 3x7 --quick", err)
        self.assertIn("[--domains N]", err)

    def test_help(self) -> None:
        """Help lists the verbs and says how the server itself is started."""
        status, out, _ = self.run_main("--help")
        self.assertEqual(0, status)
        self.assertIn("two clouds of domains", out)
        self.assertIn("all that a server with it needs", out)
        self.assertIn("twistd -n muxs2s --config FILE", out)

    def test_version(self) -> None:
        """It tells its version."""
        self.assertEqual((0, f"muxs2s {version('muxs2s')}\n", ""), self.run_main("--version"))

    def test_verb(self) -> None:
        """A verb gets its options, and its status is the command's."""
        self.patch(demo, "run", lambda arguments: arguments.domains)
        self.assertEqual(7, self.run_main("demo", "--domains", "7")[0])

    def test_default_arguments(self) -> None:
        """Without arguments given it takes those of the process."""
        self.patch(demo, "run", lambda arguments: arguments.peer_domains)
        self.patch(__import__("sys"), "argv", ["muxs2s", "demo", "--peer-domains", "5"])
        self.assertEqual(5, main())

    def test_help_of_demo(self) -> None:
        """Help of the demonstration names every option and every exit status."""
        _, out, _ = self.run_main("demo", "--help")
        for part in (
            "--domains N",
            "--peer-domains M",
            "--seconds LIMIT",
            "--json",
            "--verbose",
            "exit status:",
            "  130 ",
        ):
            self.assertIn(part, out)
