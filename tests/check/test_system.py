"""What a server needs of the machine it runs on."""

from __future__ import annotations

import ctypes
import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.check.finding import Finding, Grade
from muxs2s.check.system import (
    OTHER_FILES,
    SKEW_SECONDS,
    Machine,
    check_system,
    clock_is_disciplined,
    files_needed,
    open_files,
    owns_address,
)
from tests.server.configured import ConfiguredTestCase

NOW = 4_000_000_000.0
"""Later than any file of this checkout was written."""

T = TypeVar("T")


def always(value: T) -> Callable[[], T]:
    """Give the same answer whenever asked."""
    return lambda: value


GOOD = Machine(
    owns_address=lambda _address: True,
    open_files=always(1_000_000),
    clock_is_disciplined=always(True),
    user=always(1000),
)


class SystemTests(ConfiguredTestCase):
    """What is found."""

    def found(self, machine: Machine, *files: Path, now: float = NOW, needed: int = OTHER_FILES) -> dict[str, Finding]:
        """What is found, by what it is about."""
        return {finding.about: finding for finding in check_system(machine, now, files, needed=needed)}

    def test_good(self) -> None:
        """A machine that gives all that is needed."""
        found = self.found(GOOD)
        self.assertEqual({"open files", "clock"}, set(found))
        self.assertEqual({Grade.OK}, {finding.grade for finding in found.values()})
        self.assertIn("kept right by the system", found["clock"].text)

    def test_few_files(self) -> None:
        """One open file less than the limits allow for is worth a warning, no limit at all is not."""
        for limit, grade in ((500, Grade.OK), (499, Grade.WARNING), (resource.RLIM_INFINITY, Grade.OK)):
            machine = Machine(open_files=always(limit))
            self.assertIs(grade, self.found(machine, needed=500)["open files"].grade)

    def test_needed(self) -> None:
        """What the limits of a configuration come to."""
        limits = {"accept": {"max_connections": 2_000}, "connect": {"dial": {"max_connections": 100}}}
        others = {"dns": {"max_questions_at_once": 10}, "components": {"max_unproven_connections": 5}}
        configuration = self.made(**limits, **others)
        self.assertEqual(2_000 + 100 + 10 + 5 + OTHER_FILES, files_needed(configuration))

    def test_clock_left_alone(self) -> None:
        """A clock that nothing keeps right is worth a warning; where the system does not tell, nothing is said."""
        for disciplined, grade in ((False, Grade.WARNING), (None, Grade.OK)):
            machine = Machine(clock_is_disciplined=always(disciplined))
            self.assertIs(grade, self.found(machine)["clock"].grade)

    def test_clock_behind(self) -> None:
        """A file from the future shows that the clock is behind, but for the skew that clocks have."""
        file = Path(self.mktemp())
        file.touch()
        for ahead, grade in ((SKEW_SECONDS, Grade.OK), (SKEW_SECONDS + 1, Grade.ERROR)):
            os.utime(file, (NOW + ahead, NOW + ahead))
            self.assertIs(grade, self.found(GOOD, file)["clock"].grade)
        self.assertIn(f"{file} was written at 2096-10-02T07:07:41Z", self.found(GOOD, file)["clock"].text)

    def test_clock_before_this_software(self) -> None:
        """A clock that stands before this software was installed is wrong; files that are not there do not count."""
        found = self.found(GOOD, Path("nowhere"), now=0.0)
        self.assertIs(Grade.ERROR, found["clock"].grade)
        self.assertIn("it says 1970-01-01T00:00:00Z", found["clock"].text)

    def test_root(self) -> None:
        """Root is told that it sees more than the server's user will."""
        found = self.found(Machine(user=always(0)))
        self.assertIs(Grade.WARNING, found["user"].grade)
        self.assertIn("sudo -u", found["user"].remedy)


class Kernel:
    """A C library that says how the clock is."""

    def __init__(self, state: int) -> None:
        self._state = state

    def adjtimex(self, _timex: object) -> int:
        """Say it."""
        return self._state


class Socket:
    """A socket that can be bound to one address."""

    def __init__(self, family: int, _kind: int) -> None:
        self.family = family

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_why: object) -> None:
        pass

    def bind(self, place: tuple[str, int]) -> None:
        """Refuse any other address."""
        if (self.family, place) != (socket.AF_INET6, ("2001:db8::1", 0)):
            raise OSError(99, "Cannot assign requested address")


class MachineTests(SynchronousTestCase):
    """How this machine is asked."""

    def test_clock(self) -> None:
        """The kernel says whether the clock is kept right, or that it may not be asked."""
        for state, disciplined in ((0, True), (5, False), (-1, None)):
            self.patch(ctypes, "CDLL", lambda _name, state=state: Kernel(state))
            self.assertIs(disciplined, clock_is_disciplined())

    def test_no_such_kernel(self) -> None:
        """Where there is no such call nothing is known."""
        self.patch(ctypes, "CDLL", lambda _name: object())
        self.assertIsNone(clock_is_disciplined())

    def test_open_files(self) -> None:
        """The hard limit counts: the server asks for all it can have."""
        self.patch(resource, "getrlimit", lambda _kind: (1024, 4096))
        self.assertEqual(4096, open_files())

    def test_addresses(self) -> None:
        """An address is ours if a socket can be bound to it, of either version."""
        self.patch(socket, "socket", Socket)
        self.assertTrue(owns_address("2001:db8::1"))
        self.assertFalse(owns_address("2001:db8::2"))
        self.assertFalse(owns_address("192.0.2.1"))
