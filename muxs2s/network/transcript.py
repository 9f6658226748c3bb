"""
What was done to reach a domain, step by step, with times and results.

Knows steps: of the search in DNS, of connecting, and of whatever others have to tell. Does not know what
they mean to anybody: see :mod:`muxs2s.network.connecting` for those it takes itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import Final

from twisted.internet.interfaces import IReactorTime

from muxs2s.network.resolver import Answer, Lookup, LookupFailed
from muxs2s.wire.reasons import readable

__all__ = ["MAX_RECORDS_SHOWN", "MAX_STEPS", "Culprit", "OpenStep", "RecordedLookup", "Step", "Transcript"]

MAX_STEPS: Final = 200
"""Of one transcript; a domain with eight targets of eight addresses each takes 82."""

MAX_RECORDS_SHOWN: Final = 8
"""Records of an answer from DNS in the text of a step; it tells how many more there are."""

_WORDS: Final = {"AAAA": "address", "A": "address"}
"""What a question is called, if not after the type of the records asked for."""


class Culprit(Enum):
    """Whose fault it is that a step failed."""

    DNS = "dns"
    """The name servers of the domain, or those that were asked for it."""

    NETWORK = "network"
    """Something between us and the peer: nothing comes back."""

    PEER = "peer"
    """The peer answered, and not as it should."""

    US = "us"
    """This server, its host or its configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """
    One thing that was done.

    It is over if it has a ``took_seconds``, and went well if it also has no ``culprit``. One that never
    is over was given up, or the whole attempt was while it was under way.
    """

    what: str
    """
    A word for what was done. From the connector: ``srv`` and ``address`` for questions to DNS, ``connect``
    for TCP. Whoever goes on from there adds words of its own: ``tls``, ``features``.
    """

    subject: str
    """With whom: ``AAAA xmpp.b.example``, ``xmpp.b.example:5269 (192.0.2.7)``."""

    began_seconds: float
    """Since the beginning of the transcript."""

    took_seconds: float | None = None
    text: str = ""
    """What came of it, in words: one readable line of bounded length."""

    culprit: Culprit | None = None
    """Whose fault it is that the step failed."""

    @property
    def went_well(self) -> bool:
        """Whether it is over and did what it was for."""
        return self.took_seconds is not None and self.culprit is None

    def __str__(self) -> str:
        """One line for a log, such as ``0.012 s connect b.example:5269 (192.0.2.7): Connection was refused``."""
        return f"{self.began_seconds:.3f} s {self.what} {self.subject}: {self.text or 'given up'}"


class Transcript:
    """
    The steps towards one domain.

    :param clock: tells the time; the reactor.
    :param max_steps: how many are written down; those that begin later are only counted.
    """

    def __init__(self, clock: IReactorTime, *, max_steps: int = MAX_STEPS) -> None:
        self._clock, self._max_steps = clock, max_steps
        self._began_at = clock.seconds()
        self._steps: list[Step] = []
        self.left_out = 0
        """Steps that were too many to be written down."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """What there is so far, in the order in which it began."""
        return tuple(self._steps)

    def begin(self, what: str, subject: str) -> OpenStep:
        """Write down that something begins; whoever calls says how it ended, or drops it where it never does."""
        index = len(self._steps)
        if index < self._max_steps:
            self._steps.append(Step(what=what, subject=readable(subject), began_seconds=self._seconds()))
        else:
            self.left_out += 1
        return OpenStep(partial(self._end, index))

    def _end(self, index: int, text: str, culprit: Culprit | None) -> None:
        if index < len(self._steps):
            step = self._steps[index]
            took = self._seconds() - step.began_seconds
            self._steps[index] = replace(step, took_seconds=took, text=readable(text), culprit=culprit)

    def _seconds(self) -> float:
        return self._clock.seconds() - self._began_at


class OpenStep:
    """A step under way; one of the methods is called, once. See :meth:`Transcript.begin`."""

    def __init__(self, end: Callable[[str, Culprit | None], None]) -> None:
        self._end = end

    def succeed(self, text: str) -> None:
        """It did what it was for; ``text`` says what came of it."""
        self._end(text, None)

    def fail(self, text: str, culprit: Culprit) -> None:
        """It did not; ``text`` says why."""
        self._end(text, culprit)


class RecordedLookup:
    """A :class:`~muxs2s.network.resolver.Lookup` that writes every question and its answer into a transcript."""

    def __init__(self, lookup: Lookup, transcript: Transcript) -> None:
        self._lookup, self._transcript = lookup, transcript

    async def query(self, name: str, rdtype: str) -> Answer:
        """As :meth:`muxs2s.network.resolver.Lookup.query`."""
        step = self._transcript.begin(_WORDS.get(rdtype, rdtype.lower()), f"{rdtype} {name}")
        try:
            answer = await self._lookup.query(name, rdtype)
        except LookupFailed as failed:
            step.fail(str(failed), Culprit.DNS)
            raise
        step.succeed(_shown(answer))
        return answer


def _shown(answer: Answer) -> str:
    texts = [str(record) for record in answer.records[:MAX_RECORDS_SHOWN]]
    more = len(answer.records) - len(texts)
    return ", ".join([*texts, *([f"{more} more"] if more else [])]) or "no record"
