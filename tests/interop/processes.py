"""
Child processes: started, watched line by line, and ended by their own id.

Knows nothing of what they do.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from signal import Signals

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProcessTransport, IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

__all__ = ["END_SECONDS", "Child", "IChildReactor", "ends_with_us"]

END_SECONDS = 15.0
"""How long a child may take to end when it is asked to; then it is killed."""

MAX_LINE_BYTES = 4 * 1024 * 1024


class IChildReactor(IReactorProcess, IReactorTime):
    """What starting and ending children takes."""


class _Lines(LineReceiver):
    """Cuts what a child writes into lines."""

    delimiter = b"\n"
    MAX_LENGTH = MAX_LINE_BYTES

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take

    def lineReceived(self, line: bytes) -> None:
        self._take(line.decode("utf-8", "replace"))


class Child(ProcessProtocol):
    """
    A program under our care.

    :param argv: found on the path. Where the system can (Linux), it ends with us, whatever befalls us.
    :param take_line: gets each line of its standard output and standard error.
    :param environment: what it finds there beside ours.
    :param directory: where it runs, if not where we do.
    """

    def __init__(
        self,
        reactor: IChildReactor,
        argv: Sequence[str],
        take_line: Callable[[str], None],
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        self._reactor = reactor
        self._lines = {1: _Lines(take_line), 2: _Lines(take_line)}
        self._waiting: list[Deferred[None]] = []
        self.status: str | None = None
        """How it ended; ``None`` while it runs."""
        argv = (*ends_with_us(), *argv)
        started: IProcessTransport = reactor.spawnProcess(
            self,
            argv[0],
            argv,
            env={**os.environ, **(environment or {})},
            path=None if directory is None else str(directory),
        )
        self._process = started

    # What Twisted calls.

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N802, N803 - Twisted's names
        """Hand on whole lines."""
        self._lines[childFD].dataReceived(data)

    def processEnded(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """Tell whoever waits."""
        self.status = reason.getErrorMessage()
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)

    # What tests call.

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        self._process.writeToChild(0, f"{line}\n".encode())

    def signal(self, number: Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.status is None:
            self._process.signalProcess(number)

    def ended(self) -> Deferred[None]:
        """Fires when it has ended."""
        deferred: Deferred[None] = Deferred()
        if self.status is not None:
            deferred.callback(None)
        else:
            self._waiting.append(deferred)
        return deferred

    async def end(self, signal: Signals | None = Signals.SIGTERM) -> bool:
        """
        Make it end: by a signal, or by the end of its standard input.

        :returns: whether it ended by itself, within :data:`END_SECONDS`; otherwise it was killed.
        """
        if self.status is not None:
            return True
        if signal is None:
            self._process.closeStdin()
        else:
            self.signal(signal)
        overdue = self._reactor.callLater(END_SECONDS, self.signal, Signals.SIGKILL)
        await self.ended()
        if overdue.active():
            overdue.cancel()
            return True
        return False


def ends_with_us() -> tuple[str, ...]:
    """What to write before a command so that its process ends with ours; nothing where the system cannot do so."""
    setpriv = shutil.which("setpriv")
    return () if setpriv is None else (setpriv, "--pdeathsig", "KILL", "--")
