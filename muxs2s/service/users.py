"""
Who uses a stream: the links of the pairs that go over it, taking turns.

Knows which link is to send next, and whose stanzas were in hand when a stream broke. Does not know how
links find streams: see :mod:`muxs2s.service.streams`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.writing import MAX_WRITE_BYTES
from muxs2s.service.linkseams import Link
from muxs2s.wire.names import DomainPair
from muxs2s.wire.stanza import Slice

__all__ = ["Place", "StreamUsers"]


class StreamUsers:
    """The links that share one stream."""

    def __init__(self, connection: StreamProtocol) -> None:
        self.connection = connection
        self.pairs: list[DomainPair] = []
        """The pairs of ours that the peer has accepted on it."""
        self.last: Place | None = None
        """Who has sent last."""

        self._places: deque[Place] = deque()

    def admit(self, link: Link) -> Place:
        """Let a link use the stream."""
        place = Place(self, link)
        self._places.append(place)
        return place

    def has_room(self) -> None:
        """Let the links send in turn, as long as there is room."""
        for _ in range(len(self._places)):
            if not self.connection.room:
                break
            self._places.rotate(-1)
            self._places[-1].link.has_room()

    def closing(self) -> None:
        """Nothing more may be sent."""
        for place in tuple(self._places):
            place.link.closing()

    def gone(self, unsent: Sequence[Slice]) -> None:
        """
        The stream is over.

        :param unsent: what never left; it is of the link that has sent last.
        """
        for place in tuple(self._places):
            place.link.gone(bool(unsent) and place is self.last)


class Place:
    """One link's place on a stream; a :class:`~muxs2s.service.linkseams.Carrier`."""

    def __init__(self, users: StreamUsers, link: Link) -> None:
        self._users, self.link = users, link

    @property
    def room(self) -> bool:
        """Whether the stream can take stanzas now."""
        return self._users.connection.room

    @property
    def max_bytes(self) -> float:
        """The largest stanza the peer takes; infinite if it has not said."""
        return self._users.connection.stream.peer_limits.max_bytes

    @property
    def max_write_bytes(self) -> int:
        """
        How many bytes of stanzas can be sent at once; a single stanza can in any case.

        A peer cannot read a part of a TLS record. Outside TLS it can: when the connection breaks, it may have
        all but the last of those that were sent together, and would have them twice.
        """
        return MAX_WRITE_BYTES if self._users.connection.stream.is_secure else 0

    def send(self, pair: DomainPair, stanzas: Sequence[Slice]) -> None:
        """Send stanzas, as :meth:`muxs2s.network.protocol.StreamProtocol.send`."""
        self._users.connection.send(pair, stanzas)
        self._users.last = self

    def close(self) -> None:
        """End the stream."""
        self._users.connection.close()
