"""The process of one cloud: its pipes and its log."""

from __future__ import annotations

import io
import os
import sys

from twisted.internet.testing import MemoryReactorClock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.commands import cloud
from muxs2s.commands.cloud import converse, log_observer, main
from muxs2s.demo.words import Failed, Measure, Word, WordReader, write_word
from tests.commands.loop import Loop


class PipedReactor(MemoryReactorClock):
    """A reactor that can be left."""

    crashed = False

    def crash(self) -> None:
        """Be left."""
        self.crashed = True


class PipeTests(SynchronousTestCase):
    """Two pipes to the parent."""

    def setUp(self) -> None:
        """Pipes, and a cloud between them."""
        self.reactor = PipedReactor()
        stdin, self.to_cloud = os.pipe()
        self.from_cloud, stdout = os.pipe()
        for end in (self.to_cloud, self.from_cloud):
            self.addCleanup(os.close, end)
        os.set_blocking(self.from_cloud, False)
        self.conversation = converse(self.reactor, stdin=stdin, stdout=stdout)

    def turn(self) -> list[Word]:
        """Let the reactor read and write what there is; what comes from the cloud."""
        for reader in list(self.reactor.getReaders()):
            reader.doRead()
        for writer in list(self.reactor.getWriters()):
            writer.doWrite()
        return list(WordReader().feed(os.read(self.from_cloud, 1_000)))

    def test_answers(self) -> None:
        """What comes in on one is answered on the other."""
        os.write(self.to_cloud, write_word(Measure()))
        self.assertEqual([Failed(reason="a cloud has to be prepared first")], self.turn())
        self.assertFalse(self.reactor.crashed)

    def test_end(self) -> None:
        """When the parent closes its end, or is gone, the reactor is left at once."""
        self.conversation.connectionLost()
        self.assertTrue(self.reactor.crashed)


class LogTests(SynchronousTestCase):
    """What is written to standard error."""

    def written(self, *, verbose: bool) -> str:
        """What becomes of a few events."""
        out = io.StringIO()
        source = Logger(namespace="muxs2s.test", observer=log_observer(out, verbose=verbose))
        source.debug("a detail")
        source.info("accepted {domain}", domain="a1.example")
        source.warn("a warning")
        return out.getvalue()

    def test_quiet(self) -> None:
        """As a rule only what is wrong."""
        text = self.written(verbose=False)
        self.assertNotIn("accepted", text)
        self.assertIn("a warning", text)

    def test_verbose(self) -> None:
        """If asked for, what goes on as well."""
        text = self.written(verbose=True)
        self.assertIn("accepted a1.example", text)
        self.assertNotIn("a detail", text)


class Beginner:
    """Keeps how logging was begun."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, bool]] = []

    def beginLoggingTo(self, observers: list[object], *, redirectStandardIO: bool) -> None:  # noqa: N802, N803 - Twisted's
        """Keep it."""
        self.begun.append((len(observers), redirectStandardIO))


class MainTests(SynchronousTestCase):
    """The process as a whole."""

    def test_main(self) -> None:
        """It logs without touching the pipes, leaves signals alone, and converses until the reactor ends."""
        beginner, conversing = Beginner(), list[object]()
        self.patch(cloud, "globalLogBeginner", beginner)
        self.patch(cloud, "converse", conversing.append)
        loop = Loop()
        main(["--verbose"], loop)
        self.patch(sys, "argv", ["cloud"])
        main(reactor=loop)
        self.assertEqual([(1, False)] * 2, beginner.begun)
        self.assertIs(loop, conversing[0])
        self.assertEqual({"installSignalHandlers": False}, loop.options)
