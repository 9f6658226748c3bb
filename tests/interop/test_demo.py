"""``muxs2s demo`` as a newcomer runs it: processes, sockets, DNS and TLS, all real."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.commands.demo import CANNOT_RUN, INCOMPLETE
from muxs2s.commands.running import INTERRUPTED

COMMAND: Final = (sys.executable, "-c", "import sys; from muxs2s.commands import main; sys.exit(main())", "demo")
"""The console script, by the Python that runs the tests."""

MAX_SECONDS: Final = 90.0
"""For one run, on a slow machine."""

Running = subprocess.Popen[str]


class DemoTests(SynchronousTestCase):
    """The command in a process of its own, with whatever processes it starts."""

    def start(self, *options: str, hard_limit: int | None = None) -> Running:
        """
        Start it in a new process group.

        :param hard_limit: of open files.
        """

        def limit() -> None:
            if hard_limit is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))

        return subprocess.Popen(
            [*COMMAND, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=limit,  # noqa: PLW1509 - no thread is running
        )

    def finish(self, running: Running) -> tuple[int, str, str]:
        """Wait for its end: status and both outputs. No process of it may be left."""
        try:
            out, err = running.communicate(timeout=MAX_SECONDS)
        finally:
            running.kill()
        self.assertRaises(ProcessLookupError, os.killpg, running.pid, 0)
        return running.returncode, out, err

    def start_and_wait(self) -> Running:
        """Start a long one and wait until a first stream is proven."""
        running = self.start("--way", "streams", "--domains", "20", "--peer-domains", "20", "--verbose")
        assert running.stderr is not None
        for line in running.stderr:
            if "accepted" in line:
                break
        return running

    def processes_of(self, running: Running) -> bool:
        """Whether it, or a process it started, is there."""
        try:
            os.killpg(running.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def test_json(self) -> None:
        """Every message and reply arrives over TLS, every stream proven at both ends; one JSON object says so."""
        status, out, err = self.finish(self.start("--domains", "2", "--peer-domains", "2", "--json"))
        self.assertEqual((0, ""), (status, err))
        found = json.loads(out)
        numbers = ("pairs", "delivered", "replied", "connections", "presentations")
        self.assertEqual((4, 4, 4, 1, 2), tuple(found[key] for key in numbers))
        self.assertEqual({"pkix": 2}, found["proofs"])
        self.assertEqual((4, 4, 4, 4, 0), tuple(found["streams"][key] for key in numbers))
        self.assertEqual({"pkix": 8}, found["streams"]["proofs"])
        for key in ("seconds", "cpu_seconds", "rss_kib_per_pair"):
            self.assertGreater(found[key], 0, key)

    def test_in_order(self) -> None:
        """Many messages of one pair arrive once and in order, which the command checks; people read so."""
        options = ("--domains", "1", "--peer-domains", "2", "--messages", "100")
        status, out, _ = self.finish(self.start(*options))
        self.assertEqual(0, status)
        self.assertIn("Everything arrived, once and in order.", out)
        self.assertIn("200  replies from b to a", out)

    def test_time_over(self) -> None:
        """A time that is too short ends it, with what there is."""
        status, out, _ = self.finish(self.start("--seconds", "0.001", "--json"))
        self.assertEqual(INCOMPLETE, status)
        self.assertLess(json.loads(out)["replied"], 100)

    def test_raises_its_limit(self) -> None:
        """A hard limit that is high enough for its streams is enough."""
        options = ("--domains", "2", "--peer-domains", "2", "--json")
        self.assertEqual(0, self.finish(self.start(*options, hard_limit=308))[0])

    def test_too_few_files(self) -> None:
        """One that is too low is named, with the remedy, before anything begins."""
        status, out, err = self.finish(self.start("--domains", "2", "--peer-domains", "2", "--json", hard_limit=307))
        self.assertEqual((CANNOT_RUN, ""), (status, out))
        self.assertIn("ulimit -Hn", err)

    def test_interrupted(self) -> None:
        """Ctrl-C, which reaches every process at a terminal, ends it quickly and leaves nothing behind."""
        running = self.start_and_wait()
        os.killpg(running.pid, signal.SIGINT)
        status, out, err = self.finish(running)
        self.assertEqual((INTERRUPTED, ""), (status, out))
        self.assertIn("muxs2s demo: interrupted", err)
        self.assertNotIn("Traceback", err)

    def test_killed(self) -> None:
        """If the parent is killed the clouds end by themselves."""
        running = self.start_and_wait()
        running.kill()
        running.communicate(timeout=MAX_SECONDS)
        deadline = time.monotonic() + MAX_SECONDS
        while self.processes_of(running) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertFalse(self.processes_of(running))

    def test_cloud_killed(self) -> None:
        """If a cloud is killed the command says so and ends, with the other cloud."""
        running = self.start_and_wait()
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text(encoding="ascii").split()
        os.kill(int(children[0]), signal.SIGKILL)
        status, _, err = self.finish(running)
        self.assertEqual(CANNOT_RUN, status)
        self.assertIn("the process of cloud a ended", err)
