"""
Counts the work that parsers are made to do, instead of measuring how long it takes.

A count is the same on every machine, however busy; what grows faster than the input shows in it all the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, SupportsIndex
from xml.parsers import expat

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.wire.framing import Framer
from muxs2s.wire.limits import AFTER_AUTHENTICATION, FramingLimits
from tests.wire.samples import opened_framer

Position = SupportsIndex | None


class Work:
    """What framing some bytes took."""

    calls = 0
    """Into expat."""

    read = 0
    """Bytes that expat has read, those that it has read again included."""

    touched = 0
    """Bytes of the buffer that have been searched or copied."""


class CountedParser:
    """A parser of expat that notes what it does."""

    def __init__(self, parser: expat.XMLParserType, work: Work) -> None:
        self.__dict__.update(parser=parser, work=work, given=0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.parser, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.parser, name, value)

    def Parse(self, data: bytes, final: bool) -> int:  # noqa: N802, FBT001 - as expat has it
        """Parse; a tag that has been read in part is read again from its beginning."""
        again = self.given - max(self.parser.CurrentByteIndex, 0)
        self.__dict__["given"] += len(data)
        self.work.calls += 1
        self.work.read += again + len(data)
        parsed: int = self.parser.Parse(data, final)
        return parsed


class CountedBuffer(bytearray):
    """A buffer that notes what is done with it."""

    def __init__(self, data: bytearray, work: Work) -> None:
        super().__init__(data)
        self._work = work

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        self._work.touched += len(found) if isinstance(key, slice) else 1
        return found

    def lstrip(self, given: Any = None) -> bytearray:
        """Strip and copy."""
        self._work.touched += len(self)
        return super().lstrip(given)

    def find(self, sub: Any, start: Position = None, end: Position = None) -> int:
        """Search from the start to what is found."""
        found = super().find(sub, start, end)
        self._note(start, end if found < 0 else found + 1)
        return found

    def rfind(self, sub: Any, start: Position = None, end: Position = None) -> int:
        """Search from the end to what is found."""
        found = super().rfind(sub, start, end)
        self._note(start if found < 0 else found, end)
        return found

    def _note(self, start: Position, end: Position) -> None:
        first, last, _ = slice(start, end).indices(len(self))
        self._work.touched += max(0, last - first)


class WorkCase(SynchronousTestCase):
    """Knows what a framer does with what it is fed."""

    def feed(self, chunks: Iterable[bytes], limits: FramingLimits = AFTER_AUTHENTICATION) -> tuple[Framer, Work]:
        """Let an open stream have these pieces; work counts from its header on."""
        work, create = Work(), expat.ParserCreate

        def counted(*arguments: Any, **named: Any) -> Any:
            return CountedParser(create(*arguments, **named), work)

        self.patch(expat, "ParserCreate", counted)
        framer = opened_framer(limits)
        framer._buffer = CountedBuffer(framer._buffer, work)
        work.calls = work.read = 0
        for chunk in chunks:
            framer.feed(chunk)
        return framer, work


def calls_made(function: Callable[[], object]) -> int:
    """How many calls, into generators and the interpreter's own functions too, it takes to call this."""
    made = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal made
        made += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(before)
    return made
