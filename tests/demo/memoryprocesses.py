"""A reactor that starts processes in memory: each says what a test has told it to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from muxs2s.demo.run import IDemoReactor
from muxs2s.demo.words import Word, WordReader, write_word
from tests.network.memoryudp import MemoryNetworkReactor

__all__ = ["MemoryProcess", "ProcessReactor"]

Script = Callable[["MemoryProcess", Word], None]
"""What a process does when it is told something."""


def say_nothing(_process: MemoryProcess, _word: Word) -> None:
    """Let the parent wait."""


class MemoryProcess:
    """
    A process and the parent's pipes to it.

    :ivar obeys: what ends it: ``"EOF"`` and names of signals.
    """

    def __init__(self, number: int, protocol: ProcessProtocol, command: Sequence[str], script: Script) -> None:
        self.number, self.command = number, list(command)
        self.heard: list[Word] = []
        self.told_to_end: list[str] = []
        self.obeys = {"EOF", "TERM", "KILL"}
        self.over = False
        self._protocol, self._script, self._reader = protocol, script, WordReader()
        protocol.makeConnection(cast("IProcessTransport", self))

    def write(self, data: bytes) -> None:
        """Hear the parent and do what the script says."""
        for word in self._reader.feed(data):
            self.heard.append(word)
            self._script(self, word)

    def closeStdin(self) -> None:  # noqa: N802 - Twisted's name for it
        """The parent has nothing more to say."""
        self._told("EOF")

    def signalProcess(self, signal: str) -> None:  # noqa: N802 - Twisted's name for it
        """The parent sends a signal."""
        if self.over:
            raise ProcessExitedAlready
        self._told(signal)

    def say(self, *words: Word) -> None:
        """Write to standard output."""
        self.print(b"".join(map(write_word, words)))

    def print(self, data: bytes) -> None:
        """Write whatever to standard output."""
        self._protocol.outReceived(data)

    def end(self) -> None:
        """Be over."""
        self.over = True
        self._protocol.processEnded(Failure(ProcessDone(0)))

    def _told(self, what: str) -> None:
        self.told_to_end.append(what)
        if what in self.obeys and not self.over:
            self.end()


@implementer(IDemoReactor)
class ProcessReactor(MemoryNetworkReactor):
    """A reactor without a network or an operating system."""

    def __init__(self, script: Script = say_nothing) -> None:
        super().__init__()
        self.script = script
        self.processes: list[MemoryProcess] = []
        self.refusal: OSError | None = None

    def _follow(self, process: MemoryProcess, word: Word) -> None:
        """Do what the script of the moment says."""
        self.script(process, word)

    def _spawn(self, protocol: ProcessProtocol, _executable: str, args: Sequence[str], **_how: object) -> MemoryProcess:
        """Start a process in memory, or refuse."""
        if self.refusal is not None:
            raise self.refusal
        started = MemoryProcess(len(self.processes), protocol, args, self._follow)
        self.processes.append(started)
        return started

    spawnProcess: Any = _spawn  # noqa: N815 - Twisted's name for it
