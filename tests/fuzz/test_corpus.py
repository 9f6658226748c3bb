"""What the fuzzer has found, tried again without it; and how a run of it is summed up."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz import run
from tests.fuzz.targets import TARGETS, try_one

DONE = "stat::number_of_executed_units: 1234\n"


class CorpusTests(SynchronousTestCase):
    """The inputs that are kept."""

    def test_every_input(self) -> None:
        """No input that has led the fuzzer anywhere new shows a fault, whatever the target."""
        for name in TARGETS:
            for path in (run.CORPUS / name).iterdir():
                try_one(name, path.read_bytes())

    def test_kept_small(self) -> None:
        """Each target has inputs, few and short, and there are no others."""
        self.assertEqual(set(TARGETS), {path.name for path in run.CORPUS.iterdir()})
        for name in TARGETS:
            paths = [path for path in (run.CORPUS / name).iterdir() if not path.name.startswith(run.FAULT)]
            self.assertTrue(0 < len(paths) <= run.MAX_KEPT, name)
            self.assertLessEqual(max(path.stat().st_size for path in paths), run.MAX_INPUT_BYTES)


class RunTests(SynchronousTestCase):
    """A run, with what the fuzzer would say made up."""

    def setUp(self) -> None:
        self.asked: list[list[str]] = []
        self.patch(run, "FOUND", Path(self.mktemp()))
        self.patch(run, "CORPUS", Path(self.mktemp()))

    def main(self, *arguments: str, output: str = DONE, status: int = 0) -> tuple[int, str]:
        """The exit status of a run, and what it prints."""

        def atheris(_target: str, options: list[str], _seconds: int) -> tuple[str, int]:
            self.asked.append(options)
            return output, status

        self.patch(run, "_atheris", atheris)
        with redirect_stdout(io.StringIO()) as printed:
            ended = run.main(arguments)
        return ended, printed.getvalue()

    def test_figures(self) -> None:
        """Each target runs for the time that is asked for, at least five minutes in all by default; all is counted."""
        ended, printed = self.main("7")
        self.assertEqual((0, len(TARGETS)), (ended, len(self.asked)))
        self.assertIn("-max_total_time=7", self.asked[0])
        self.assertIn("1,234", printed)
        self.assertIn(f"{1_234 * len(TARGETS):,}", printed)
        self.assertGreaterEqual(run.DEFAULT_SECONDS * len(TARGETS), 300)

    def test_fault(self) -> None:
        """A fault ends the run with 1 when all targets have had their time, and is shown."""
        ended, printed = self.main("1", output=f"AssertionError: what is wrong\n{DONE}", status=77)
        self.assertEqual((1, len(TARGETS)), (ended, len(self.asked)))
        self.assertIn("what is wrong", printed)
        self.assertIn("faults: framing, names", printed)

    def test_nothing_tried(self) -> None:
        """A run in which nothing was tried is no success."""
        self.assertEqual(1, self.main("1", output="")[0])

    def test_dictionary(self) -> None:
        """The fuzzer is told of the pieces that streams are made of."""
        self.main("1")
        self.assertIn(r'"\x3c\x21\x5b\x43\x44\x41\x54\x41\x5b"', (run.FOUND / "markup.dict").read_text())

    def test_keep(self) -> None:
        """What the fuzzer leaves replaces the corpus, the shortest first, and what has shown a fault stays."""
        corpus = self.corpus("old", "fault-once")
        for left, kept in ((run.MAX_KEPT + 9, run.MAX_KEPT), (1, 1)):
            self.merge(left)
            self.assertEqual(kept, run.keep("names"))
            self.assertEqual({"fault-once", *map(str, range(kept))}, {path.name for path in corpus.iterdir()})

    def test_keep_nothing(self) -> None:
        """A fuzzer that fails, or leaves nothing, replaces nothing."""
        corpus = self.corpus("old")
        for left, status in ((0, 0), (1, 1)):
            self.merge(left, status)
            self.assertRaises(SystemExit, run.keep, "names")
            self.assertEqual(["old"], [path.name for path in corpus.iterdir()])

    def corpus(self, *names: str) -> Path:
        """A corpus of inputs with these names."""
        directory = run.CORPUS / "names"
        directory.mkdir(parents=True)
        for name in names:
            (directory / name).write_bytes(b"input")
        return directory

    def merge(self, left: int, status: int = 0) -> None:
        """Let the fuzzer leave so many inputs, each named after its length."""

        def atheris(_target: str, options: list[str], _seconds: int) -> tuple[str, int]:
            for length in range(left):
                (Path(options[1]) / str(length)).write_bytes(b"x" * length)
            return "", status

        self.patch(run, "_atheris", atheris)
