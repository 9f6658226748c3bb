"""
Work that takes the processor for long, done in slices: one between two turns of the reactor, never two.

Knows whose turn it is, how fast each may go on, how much may wait, and when somebody has to wait for more. Does
not know what the work is.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from muxs2s.network.buckets import TokenBucket

__all__ = ["MAX_GATHER_SECONDS", "MAX_REMEMBERED_LINES", "Owner", "Rate", "Slices", "Work"]

MAX_REMEMBERED_LINES: Final = 10_000
"""Lines whose past is known though nothing waits in them, the one least recently used first out."""

MAX_GATHER_SECONDS: Final = 0.01
"""What comes of slices waits no longer for what comes of the next ones."""

Work = Callable[[], "Work | None"]
"""Does one slice of a piece of work; gives what is left of it, if anything is. It must not raise."""


class Owner(Protocol):
    """Whom slices are done for. What comes of many small ones is sent best in one go."""

    def gather(self) -> None:
        """More is due at once: what comes of it may wait, until :meth:`settle`."""
        ...

    def settle(self) -> None:
        """Wait no longer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How fast pieces of work are begun in one line."""

    per_second: float
    burst: float
    """At once, if few came before."""

    max_waiting: int
    """Pieces that wait; more are not taken."""


@dataclass(slots=True)
class _Piece:
    """A piece of work: for whom, and what is left of it."""

    owner: Owner
    work: Work
    is_begun: bool = False


class _Line:
    """The pieces of work that are done one after the other."""

    __slots__ = ("gathers_since", "is_due", "owners", "pause", "pieces", "tokens")

    def __init__(self, tokens: TokenBucket) -> None:
        self.tokens = tokens
        self.pieces: deque[_Piece] = deque()
        self.is_due = False
        """Whether it has its turn among the others."""
        self.pause: IDelayedCall | None = None
        """Until it may go on, if it has gone on too fast."""
        self.owners: dict[Owner, None] = {}
        """Those who gather what comes of their slices."""
        self.gathers_since = 0.0
        """When the first of them began to, seconds."""

    @property
    def is_idle(self) -> bool:
        return not (self.pieces or self.is_due or self.pause)

    def may_go_on(self, now: float) -> bool:
        """Whether the first piece may have its next slice."""
        return self.pieces[0].is_begun or self.tokens.take(now)

    def work(self) -> None:
        """Do one slice; its owner may leave meanwhile."""
        piece = self.pieces[0]
        piece.is_begun = True
        left = piece.work()
        if self.pieces and self.pieces[0] is piece:
            if left is None:
                self.pieces.popleft()
            else:
                piece.work = left


class Slices:
    """
    Lines of work.

    Lines take turns slice by slice; in a line one piece of work is done after the other.
    """

    def __init__(self, clock: IReactorTime, *, max_remembered: int = MAX_REMEMBERED_LINES) -> None:
        self._clock, self._max_remembered = clock, max_remembered
        self._lines: OrderedDict[Hashable, _Line] = OrderedDict()
        self._due: deque[_Line] = deque()
        self._turn: IDelayedCall | None = None

    def add(self, name: Hashable, rate: Rate, owner: Owner, work: Work) -> bool:
        """
        Have a piece of work done, when its turn has come.

        :param name: of the line.
        :param owner: for whom it is; see :meth:`leave`. It gathers what comes of it until it is told not to.
        :returns: whether there was room for it.
        """
        line = self._line(name, rate)
        if len(line.pieces) >= rate.max_waiting:
            return False
        line.pieces.append(_Piece(owner, work))
        if not (line.is_due or line.pause):
            self._line_up(line)
        if not line.pause:
            self._gather(line, owner)
        return True

    def leave(self, name: Hashable, owner: Owner) -> None:
        """Drop what was to be done in a line for somebody."""
        line = self._lines.get(name)
        if line is not None:
            line.pieces = deque(piece for piece in line.pieces if piece.owner is not owner)
            line.owners.pop(owner, None)

    def close(self) -> None:
        """Drop everything."""
        turn, self._turn = self._turn, None
        for call in (turn, *(line.pause for line in self._lines.values())):
            if call is not None:
                call.cancel()
        for line in self._lines.values():
            line.pieces.clear()
        self._lines.clear()
        self._due.clear()

    def _line(self, name: Hashable, rate: Rate) -> _Line:
        line = self._lines.get(name)
        if line is None:
            line = _Line(TokenBucket(rate.per_second, rate.burst, self._clock.seconds()))
            if len(self._lines) >= self._max_remembered:
                self._forget_one()
            self._lines[name] = line
        self._lines.move_to_end(name)
        return line

    def _forget_one(self) -> None:
        """Forget the line in which nothing has happened for longest, unless something waits in all of them."""
        idle = next((name for name, line in self._lines.items() if line.is_idle), None)
        self._lines.pop(idle, None)

    def _line_up(self, line: _Line) -> None:
        line.is_due, line.pause = True, None
        self._due.append(line)
        self._have_turn()

    def _have_turn(self) -> None:
        if self._turn is None and self._due:
            self._turn = self._clock.callLater(0, self._take_turn)

    def _take_turn(self) -> None:
        """Do one slice in the first line that may go on, then let the reactor have its turn."""
        self._turn = None
        now, worked = self._clock.seconds(), False
        while self._due and not worked:
            line = self._due.popleft()
            line.is_due = False
            if not line.pieces:  # who had some has left; what has come of others' is due
                self._settle(line)
                continue
            worked = line.may_go_on(now)
            if worked:
                self._work(line, now)
            else:
                line.pause = self._clock.callLater(line.tokens.seconds_to_next, self._line_up, line)
                self._settle(line)
        self._have_turn()

    def _work(self, line: _Line, now: float) -> None:
        line.is_due = True
        self._gather(line, line.pieces[0].owner)
        line.work()
        line.is_due = bool(line.pieces)
        if line.is_due:
            self._due.append(line)
        if not line.is_due or now >= line.gathers_since + MAX_GATHER_SECONDS:
            self._settle(line)

    # What comes of slices.

    def _gather(self, line: _Line, owner: Owner) -> None:
        if owner not in line.owners:
            if not line.owners:
                line.gathers_since = self._clock.seconds()
            line.owners[owner] = None
            owner.gather()

    def _settle(self, line: _Line) -> None:
        owners, line.owners = line.owners, {}
        for owner in owners:
            owner.settle()
