"""
The process of one cloud, which ``muxs2s demo`` starts; nothing to be run by hand.

Knows its pipes and where its log goes. Does not know what a cloud does: see
:mod:`muxs2s.demo.cloud`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, TextIO

from twisted.internet.stdio import StandardIO
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)

from muxs2s.demo.cloud import Conversation

__all__ = ["converse", "log_observer", "main"]


def log_observer(out: TextIO, *, verbose: bool) -> FilteringLogObserver:
    """Write the log to ``out``; without ``verbose`` only what is wrong."""
    level = LogLevel.info if verbose else LogLevel.warn
    return FilteringLogObserver(textFileLogObserver(out), [LogLevelFilterPredicate(defaultLogLevel=level)])


def converse(reactor: Any, *, stdin: int = 0, stdout: int = 1) -> Conversation:
    """
    Hear the parent on one pipe and answer on the other until the parent wants no more.

    The reactor is left then as it is: whatever is under way is of no use any more.
    """
    conversation = Conversation(reactor)
    conversation.ended.addCallback(lambda _: reactor.crash())
    on_pipes: Any = StandardIO  # mypy sees that of Windows, which takes no pipes
    on_pipes(conversation, stdin, stdout, reactor=reactor)
    return conversation


def main(argv: Sequence[str] | None = None, reactor: Any = None) -> None:
    """Be a cloud until the parent closes the pipe."""
    if reactor is None:
        from twisted.internet import reactor
    verbose = "--verbose" in (sys.argv[1:] if argv is None else argv)
    globalLogBeginner.beginLoggingTo([log_observer(sys.stderr, verbose=verbose)], redirectStandardIO=False)
    reactor.callWhenRunning(converse, reactor)
    reactor.run(installSignalHandlers=False)
