"""What a process uses, and how many files it may open."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.demo.usage import TooFewFiles, allow_open_files, current_usage


class UsageTests(SynchronousTestCase):
    """Memory and processor time."""

    def test_linux(self) -> None:
        """Where the system describes a process, its resident memory is taken from there."""
        status = Path(self.mktemp())
        status.write_text("Name:\tpython\nVmHWM:\t 99999 kB\nVmRSS:\t   51234 kB\n", encoding="ascii")
        self.assertEqual(51_234, current_usage(status).resident_kib)

    def test_elsewhere(self) -> None:
        """Elsewhere the most memory ever resident is taken, which macOS tells in bytes and others in KiB."""
        most = 100_000
        self.patch(resource, "getrusage", lambda _who: resource.struct_rusage((0.0, 0.0, most, *[0] * 13)))
        for platform, expected in (("freebsd", most), ("darwin", most // 1_024)):
            self.patch(sys, "platform", platform)
            self.assertEqual(expected, current_usage(Path(self.mktemp())).resident_kib)

    def test_cpu_time(self) -> None:
        """Processor time grows while the process works."""
        before = current_usage().cpu_seconds
        sum(range(1_000_000))
        self.assertGreater(current_usage().cpu_seconds, before)


class OpenFilesTests(SynchronousTestCase):
    """The limit of open files, whose soft part a process may raise itself."""

    def setUp(self) -> None:
        """A system with limits of our choice."""
        self.limits = (256, 4_096)
        self.patch(resource, "getrlimit", lambda _what: self.limits)
        self.patch(resource, "setrlimit", self.set)

    def set(self, _what: int, limits: tuple[int, int]) -> None:
        """Change the limits."""
        self.limits = limits

    def test_enough(self) -> None:
        """A limit that is high enough stays, and so does none at all."""
        for soft in (256, resource.RLIM_INFINITY):
            self.limits = (soft, soft)
            allow_open_files(256)
            self.assertEqual((soft, soft), self.limits)

    def test_raised(self) -> None:
        """A soft limit that is too low is raised as far as needed, up to the hard one."""
        for needed in (257, 4_096):
            allow_open_files(needed)
            self.assertEqual((needed, 4_096), self.limits)

    def test_no_hard_limit(self) -> None:
        """Without a hard limit the soft one is raised to anything."""
        self.limits = (256, resource.RLIM_INFINITY)
        allow_open_files(1_000_000)
        self.assertEqual((1_000_000, resource.RLIM_INFINITY), self.limits)

    def test_too_few(self) -> None:
        """One more than the hard limit cannot be had: the message has both numbers and the remedy."""
        refused = self.assertRaises(TooFewFiles, allow_open_files, 4_097)
        for part in ("4097", "4096", "ulimit -Hn"):
            self.assertIn(part, str(refused))
        self.assertEqual((256, 4_096), self.limits)
