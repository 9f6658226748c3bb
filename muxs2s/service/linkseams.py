"""
What a link is told, and what it needs from outside.

Knows the seams between the way of a domain pair (:mod:`muxs2s.service.links`), the streams that carry it
(:mod:`muxs2s.service.streams`) and whoever takes back what cannot be carried
(:mod:`muxs2s.service.routing`). Does nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from muxs2s.wire.errors import MuxS2SError, StanzaCondition
from muxs2s.wire.names import DomainPair
from muxs2s.wire.stanza import Slice

__all__ = ["Carrier", "Link", "LinkSeams", "StreamUnavailable"]


class StreamUnavailable(MuxS2SError):
    """No stream for a domain pair; the text says why, for the sender of what waited."""

    def __init__(self, condition: StanzaCondition, text: str, *, final: bool) -> None:
        super().__init__(text)
        self.condition = condition
        self.final = final
        """Whether trying again soon is idle: DNS knows no such server, or one end refused the other."""


@runtime_checkable
class Carrier(Protocol):
    """A stream that may carry the pair."""

    @property
    def room(self) -> bool:
        """Whether it can take stanzas now."""
        ...

    @property
    def max_bytes(self) -> float:
        """The largest stanza it can take; infinite if there is no limit."""
        ...

    @property
    def max_write_bytes(self) -> int:
        """How many bytes of stanzas it takes at once; a single stanza it takes all the same."""
        ...

    def send(self, pair: DomainPair, stanzas: Sequence[Slice]) -> None:
        """
        Take stanzas.

        :raises LocalMisuse: if the pair is no longer proven on the stream; nothing is taken then.
        """
        ...

    def close(self) -> None:
        """End the stream; it tells the link when that is done."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSeams:
    """What a link needs from outside."""

    clock: IReactorTime
    dial: Callable[[DomainPair, Link], Deferred[Carrier]]
    """
    Fires with a stream, which tells the link of room, closing and its end, or fails with
    :exc:`StreamUnavailable`; can be cancelled.
    """

    bounce: Callable[[Sequence[Slice], StanzaCondition, str], None]
    forget: Callable[[DomainPair], None]
    """Called when the link has nothing left to do; it is over then."""

    chance: Callable[[], float]
    """A random number from 0 up to 1."""


class Link(Protocol):
    """
    What can happen to a link.

    An input that comes inside another, say because a host answers a bounce at once, waits until that
    one is over.
    """

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
        """The stream is there."""

    def refused(self, unavailable: StreamUnavailable) -> None:
        """The stream could not be had."""

    def has_room(self) -> None:
        """The stream has passed on what it was given."""

    def closing(self) -> None:
        """Nothing more may be sent on the stream."""

    def gone(self, unsent: bool) -> None:  # noqa: FBT001 - the one fact this input carries
        """The stream is over; ``unsent`` says whether what it was given last never left."""

    def stop(self) -> None:
        """Bounce what waits, and end."""
