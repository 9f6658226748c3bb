"""
Programs that run beside the driver: started, waited for and ended by their own id.

Does not know what they do.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from muxs2s.wire.errors import MuxS2SError
from tests.interop.processes import ends_with_us

__all__ = ["CHECKOUT", "BenchmarkFailed", "Child", "answer_of"]

CHECKOUT: Final = Path(__file__).resolve().parent.parent
"""Where our own programs run, so that they find the packages of this checkout."""

START_SECONDS: Final = 60.0
"""For a program to listen on its ports."""

END_SECONDS: Final = 10.0
"""For a program to end when it is asked to; then it is killed."""

LOOK_SECONDS: Final = 0.05
TAIL_CHARACTERS: Final = 2_000


class BenchmarkFailed(MuxS2SError):
    """A figure cannot be had; the message says why."""


def answer_of(argv: Sequence[str], seconds: float) -> dict[str, float]:
    """
    Run a program of ours to its end, and read the JSON it prints.

    :param seconds: the longest it may take; then it is killed.
    :raises BenchmarkFailed: if it does not end well.
    """
    command = [*ends_with_us(), sys.executable, *argv]
    try:
        done = subprocess.run(
            command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=True
        )
    except subprocess.TimeoutExpired:
        raise BenchmarkFailed(f"{' '.join(argv)} did not end within {seconds:.0f} s") from None
    except subprocess.CalledProcessError as failed:
        raise BenchmarkFailed(f"{' '.join(argv)} failed: {failed.stderr[-TAIL_CHARACTERS:]}") from None
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


class Child:
    """
    A program under our care, which ends with us wherever the system can see to that.

    :param log: the file for what it says.
    :param environment: what it finds there beside ours.
    """

    def __init__(
        self,
        argv: Sequence[str],
        log: Path,
        *,
        directory: Path = CHECKOUT,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*ends_with_us(), *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=directory,
                env={**os.environ, **(environment or {})},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait_for(self, *places: tuple[str, int]) -> None:
        """
        Wait until it listens.

        :raises BenchmarkFailed: if it does not within :data:`START_SECONDS`, or has ended.
        """
        for place in places:
            self._wait(partial(_answers, place), f"listen on {place}")

    def wait_to_say(self, text: str) -> None:
        """
        Wait until it has said something.

        :raises BenchmarkFailed: if it does not within :data:`START_SECONDS`, or has ended.
        """
        self._wait(lambda: text in self.tail(), f"say {text!r}")

    def tail(self) -> str:
        """The end of what it has said."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-TAIL_CHARACTERS:]

    def _wait(self, is_so: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not is_so():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise BenchmarkFailed(f"a program did not {what}: {self.tail()}")
            time.sleep(LOOK_SECONDS)

    def end(self) -> None:
        """Ask it to end; kill it if it does not."""
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(END_SECONDS)


def _answers(place: tuple[str, int]) -> bool:
    try:
        socket.create_connection(place, 1).close()
    except OSError:
        return False
    return True
