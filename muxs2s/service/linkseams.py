"""
What a link is told, and what it needs from outside.

Knows the seams between the search for a stream (:mod:`muxs2s.service.links`), whoever opens streams
(:mod:`muxs2s.service.streams`) and whoever lets stanzas wait meanwhile (:mod:`muxs2s.service.outgoing`).
Does nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from muxs2s.service.queues import Carrier, PairQueue
from muxs2s.wire.errors import MuxS2SError, StanzaCondition
from muxs2s.wire.names import DomainPair

__all__ = ["Link", "LinkSeams", "StreamUnavailable"]


class StreamUnavailable(MuxS2SError):
    """No stream for a domain pair; the text says why, for the sender of what waited."""

    def __init__(self, condition: StanzaCondition, text: str, *, final: bool) -> None:
        super().__init__(text)
        self.condition = condition
        self.final = final
        """Whether trying again soon is idle: DNS knows no such server, or one end refused the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSeams:
    """What a link needs from outside."""

    clock: IReactorTime
    dial: Callable[[DomainPair], Deferred[Carrier]]
    """Fires with a stream or fails with :exc:`StreamUnavailable`; can be cancelled."""

    opened: Callable[[PairQueue, Carrier], None]
    """Takes the stream that was found; the link is over then."""

    forget: Callable[[PairQueue], None]
    """Called when the link has nothing left to do; it is over then."""

    chance: Callable[[], float]
    """A random number from 0 up to 1."""


class Link(Protocol):
    """
    What can happen to a link.

    An input that comes inside another, say because a host answers a bounce at once, waits until that
    one is over.
    """

    def missed(self) -> None:
        """The queue has lost its stream, and something waits."""

    def stanzas_wait(self) -> None:
        """Stanzas were put into the queue."""

    def nothing_waits(self) -> None:
        """The queue has become empty."""

    def overdue(self) -> None:
        """The oldest stanza has waited too long."""

    def rested(self) -> None:
        """It is time to dial."""

    def reached(self) -> None:
        """The peer is there: it has just proven its domain to us."""

    def opened(self, carrier: Carrier) -> None:
        """A stream was found."""

    def refused(self, unavailable: StreamUnavailable) -> None:
        """A stream could not be had."""

    def stop(self) -> None:
        """Bounce what waits, and end."""
