"""
The processes of the clouds, seen from their parent.

Knows how one is started, asked and ended, and ends none but its own. Does not know what the words
mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NoReturn, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IProcessTransport, IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from muxs2s.demo.words import Failed, Progress, Word, WordReader, WordRefused, write_word
from muxs2s.wire.errors import MuxS2SError

__all__ = ["ANSWER_SECONDS", "GOODBYE_SECONDS", "CloudProcess", "DemoFailed"]

ANSWER_SECONDS: Final = 60.0
"""The longest wait for one answer of a cloud."""

GOODBYE_SECONDS: Final = 5.0
"""From closing a cloud's standard input to ending it by a signal, and from there to killing it."""

_PIPES: Final[Mapping[int, int | str]] = {0: "w", 1: "r", 2: 2}
"""The parent writes to standard input and reads standard output; standard error is shared."""

_Answer = TypeVar("_Answer")


class DemoFailed(MuxS2SError):
    """The demonstration could not be held; the message says why."""


class CloudProcess(ProcessProtocol):
    """
    One cloud's process.

    :param name: as messages call it.
    :param noted: takes word of progress.
    :param lost: called with the reason, once, when the process fails or ends unasked.
    """

    transport: IProcessTransport | None

    def __init__(
        self,
        name: str,
        clock: IReactorTime,
        *,
        noted: Callable[[CloudProcess, Progress], None],
        lost: Callable[[DemoFailed], None],
    ) -> None:
        self.name = name
        self.transport = None
        self._clock, self._noted, self._lost = clock, noted, lost
        self._reader = WordReader()
        self._answer: Deferred[Word] | None = None
        self._ended: Deferred[None] = Deferred()
        self._running = False

    def start(self, reactor: IReactorProcess, command: Sequence[str]) -> None:
        """
        Start the process.

        :param command: its program and arguments.
        :raises DemoFailed: if the system does not let us.
        """
        try:
            reactor.spawnProcess(self, command[0], list(command), env=None, childFDs=_PIPES)
        except OSError as error:
            raise DemoFailed(f"cannot start a process for cloud {self.name}: {error.strerror}") from None
        self._running = True

    def tell(self, word: Word) -> None:
        """Say something that has no answer."""
        if self._running and self.transport is not None:
            self.transport.write(write_word(word))

    def ask(self, word: Word, kind: type[_Answer]) -> Deferred[_Answer]:
        """
        Say something and wait for the answer, for :data:`ANSWER_SECONDS` at most.

        :param kind: what the answer has to be.
        :returns: fires with the answer; fails with :exc:`DemoFailed` if the cloud cannot give one.
        """
        answer: Deferred[Word] = Deferred()
        self._answer = answer
        if self._running:
            self.tell(word)
        else:
            self._fail(f"cloud {self.name} is gone")

        def give_up(_result: object, seconds: float) -> NoReturn:
            raise DemoFailed(f"cloud {self.name} did not answer {type(word).__name__} within {seconds:g} s")

        def check(found: Word) -> _Answer:
            if not isinstance(found, kind):
                raise DemoFailed(f"cloud {self.name} answered {type(word).__name__} with {type(found).__name__}")
            return found

        return answer.addTimeout(ANSWER_SECONDS, self._clock, give_up).addCallback(check)

    async def end(self) -> None:
        """End the process: by closing its standard input, else by signals."""
        self._lost = _nobody
        if not self._running:
            return
        cast("IProcessTransport", self.transport).closeStdin()
        for signal in ("TERM", "KILL"):
            if not await self._is_over():
                self._signal(signal)
        await self._is_over()

    # What Twisted calls.

    def outReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted calls it
        """Hear the cloud."""
        try:
            for word in self._reader.feed(data):
                self._hear(word)
        except WordRefused as refused:
            self._fail(f"cloud {self.name} said what cannot be understood: {refused}")

    def processEnded(self, reason: Failure) -> None:  # noqa: N802 - Twisted calls it
        """Note the end, and whose it was."""
        self._running = False
        self._fail(f"the process of cloud {self.name} ended: {reason.getErrorMessage()}")
        self._ended.callback(None)

    # The inside.

    def _hear(self, word: Word) -> None:
        if isinstance(word, Progress):
            self._noted(self, word)
        elif isinstance(word, Failed):
            self._fail(f"cloud {self.name}: {word.reason}")
        elif self._answer is None:
            self._fail(f"cloud {self.name} said {type(word).__name__} unasked")
        else:
            answer, self._answer = self._answer, None
            answer.callback(word)

    def _fail(self, text: str) -> None:
        """Tell whoever waits for an answer, else whoever wants to know."""
        failure = DemoFailed(text)
        if self._answer is not None:
            answer, self._answer = self._answer, None
            answer.errback(failure)
        else:
            lost, self._lost = self._lost, _nobody
            lost(failure)

    async def _is_over(self) -> bool:
        """Wait for the end, for a while."""
        waiting: Deferred[bool] = Deferred()
        self._ended.addCallback(lambda _: waiting.callback(True) if not waiting.called else None)
        return await waiting.addTimeout(GOODBYE_SECONDS, self._clock, lambda _result, _seconds: False)

    def _signal(self, signal: str) -> None:
        try:
            cast("IProcessTransport", self.transport).signalProcess(signal)
        except ProcessExitedAlready:
            return


def _nobody(_failure: DemoFailed) -> None:
    """Nobody wants to know any more."""
