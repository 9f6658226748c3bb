"""The processes of the clouds, seen from their parent."""

from __future__ import annotations

import errno

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.demo.processes import ANSWER_SECONDS, GOODBYE_SECONDS, CloudProcess, DemoFailed
from muxs2s.demo.words import Begin, Failed, Finish, Measure, Progress, Usage
from tests.demo.memoryprocesses import MemoryProcess, ProcessReactor

USAGE = Usage(resident_kib=1, cpu_seconds=2.0)


class ProcessCase(SynchronousTestCase):
    """One process."""

    def setUp(self) -> None:
        """A process that runs and says nothing by itself."""
        self.reactor = ProcessReactor()
        self.noted: list[tuple[CloudProcess, Progress]] = []
        self.lost: list[str] = []
        self.cloud = CloudProcess(
            "a",
            self.reactor,
            noted=lambda cloud, progress: self.noted.append((cloud, progress)),
            lost=lambda failure: self.lost.append(str(failure)),
        )
        self.cloud.start(self.reactor, ["program", "argument"])

    @property
    def process(self) -> MemoryProcess:
        """The process as it is inside."""
        return self.reactor.processes[0]

    def ask(self) -> Deferred[Usage]:
        """Ask it something."""
        return self.cloud.ask(Measure(), Usage)


class CloudProcessTests(ProcessCase):
    """How the parent talks with a process."""

    def test_starts(self) -> None:
        """It is started with the command given."""
        self.assertEqual(["program", "argument"], self.process.command)

    def test_cannot_start(self) -> None:
        """Where the system refuses another process, the message says so; there is nothing to end then."""
        self.reactor.refusal = OSError(errno.EAGAIN, "no more processes")
        cloud = CloudProcess("b", self.reactor, noted=lambda *_: None, lost=lambda _: None)
        failed = self.assertRaises(DemoFailed, cloud.start, self.reactor, ["program"])
        self.assertEqual("cannot start a process for cloud b: no more processes", str(failed))
        cloud.tell(Begin())
        self.successResultOf(Deferred.fromCoroutine(cloud.end()))

    def test_asked(self) -> None:
        """A question is put, and its answer given to who asked."""
        answer = self.ask()
        self.assertEqual([Measure()], self.process.heard)
        self.assertNoResult(answer)
        self.process.say(USAGE)
        self.assertEqual(USAGE, self.successResultOf(answer))

    def test_progress(self) -> None:
        """Word of progress is handed on, a question open or not."""
        progress = Progress(arrived=1, bounced=0, connections=1)
        answer = self.ask()
        self.process.say(progress, USAGE, progress)
        self.successResultOf(answer)
        self.assertEqual([(self.cloud, progress)] * 2, self.noted)

    def test_no_answer(self) -> None:
        """A question is open for so long and no longer."""
        answer = self.ask()
        self.reactor.advance(ANSWER_SECONDS - 0.1)
        self.assertNoResult(answer)
        self.reactor.advance(0.1)
        failure = self.failureResultOf(answer, DemoFailed)
        self.assertEqual("cloud a did not answer Measure within 60 s", failure.getErrorMessage())
        self.process.say(USAGE)
        self.assertEqual([], self.lost)

    def test_wrong_answer(self) -> None:
        """An answer of another kind is none."""
        answer = self.cloud.ask(Finish(), Usage)
        self.process.say(Measure())
        self.assertIn("answered Finish with Measure", self.failureResultOf(answer, DemoFailed).getErrorMessage())

    def test_failure(self) -> None:
        """A cloud that cannot go on says why, to who asked or else to who wants to know."""
        answer = self.ask()
        self.process.say(Failed(reason="no certificate"))
        self.assertEqual("cloud a: no certificate", self.failureResultOf(answer, DemoFailed).getErrorMessage())
        self.process.say(Failed(reason="no more"), Failed(reason="told once is enough"))
        self.assertEqual(["cloud a: no more"], self.lost)

    def test_nonsense(self) -> None:
        """What cannot be understood, or was not asked for, is the end."""
        self.process.print(b"Segmentation fault\n")
        self.assertIn("said what cannot be understood: b'Segmentation fault'", self.lost[0])

    def test_unasked(self) -> None:
        """So is an answer to no question."""
        self.process.say(USAGE)
        self.assertEqual(["cloud a said Usage unasked"], self.lost)

    def test_ends_by_itself(self) -> None:
        """A process that ends is missed at once, and whoever asks it later hears so."""
        answer = self.ask()
        self.process.end()
        self.assertIn("the process of cloud a ended", self.failureResultOf(answer, DemoFailed).getErrorMessage())
        self.assertEqual("cloud a is gone", self.failureResultOf(self.ask(), DemoFailed).getErrorMessage())


class EndingTests(ProcessCase):
    """How the parent ends a process."""

    def end(self) -> Deferred[None]:
        """Begin to end it."""
        return Deferred.fromCoroutine(self.cloud.end())

    def test_politely(self) -> None:
        """A process whose standard input is closed ends; no signal is needed, and nobody is alarmed."""
        self.successResultOf(self.end())
        self.assertEqual((["EOF"], []), (self.process.told_to_end, self.lost))
        self.successResultOf(self.end())
        self.assertEqual(["EOF"], self.process.told_to_end)

    def test_signals(self) -> None:
        """One that does not is sent a signal after a while, and then one it cannot ignore."""
        self.process.obeys = {"KILL"}
        ending = self.end()
        self.reactor.advance(GOODBYE_SECONDS)
        self.assertEqual(["EOF", "TERM"], self.process.told_to_end)
        self.assertNoResult(ending)
        self.reactor.advance(GOODBYE_SECONDS)
        self.assertEqual(["EOF", "TERM", "KILL"], self.process.told_to_end)
        self.successResultOf(ending)

    def test_not_even_then(self) -> None:
        """The parent does not wait for ever, whatever the process does."""
        self.process.obeys = set()
        ending = self.end()
        for _ in range(3):
            self.assertNoResult(ending)
            self.reactor.advance(GOODBYE_SECONDS)
        self.successResultOf(ending)

    def test_gone_meanwhile(self) -> None:
        """A process that has just gone, though nobody has said so yet, is signalled without harm."""
        self.process.over = True
        ending = self.end()
        self.reactor.advance(GOODBYE_SECONDS)
        self.process.end()
        self.successResultOf(ending)
