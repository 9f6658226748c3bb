"""
Who hears of what happens on connections.

Knows what is told, and when. Does nothing itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from muxs2s.multiplex.events import MultiplexEvent
from muxs2s.stream.associations import Direction
from muxs2s.stream.events import KeyVerified, Negotiated, PairAsserted, PairRefused, StreamClosing
from muxs2s.wire.names import DomainPair
from muxs2s.wire.stanza import Slice

__all__ = ["DialbackEvent", "StreamObserver"]

DialbackEvent = PairAsserted | KeyVerified | PairRefused | Negotiated


_Connection = TypeVar("_Connection", contravariant=True)  # noqa: PLC0105 - the only one here


class StreamObserver(Protocol[_Connection]):
    """Whoever owns streams. Each method hands over and returns."""

    def ready(self, connection: _Connection, pair: DomainPair, direction: Direction) -> None:
        """The pair may carry stanzas from now on."""
        ...

    def dialback(self, connection: _Connection, event: DialbackEvent) -> None:
        """A pair is asserted or refused, a key verified, or a stream is ready to be asked about keys."""
        ...

    def multiplex(self, connection: _Connection, event: MultiplexEvent) -> None:
        """Something of multiplexing is to be done, or has changed."""
        ...

    def received(self, connection: _Connection, stanzas: Sequence[Slice]) -> None:
        """Stanzas came in and passed the check."""
        ...

    def has_room(self, connection: _Connection) -> None:
        """Everything sent is in the kernel; more may be sent."""
        ...

    def closing(self, connection: _Connection, event: StreamClosing) -> None:
        """Nothing more may be sent on this stream. Comes once, before :meth:`gone`."""
        ...

    def gone(self, connection: _Connection, unsent: Sequence[Slice]) -> None:
        """The connection is over; ``unsent`` never reached the kernel, in order."""
        ...
