"""
Who uses a stream: the queues of all the pairs that go over it, taking turns.

Knows whose turn it is, and of which queues something is between us and the kernel. Keeps nothing of a pair
that has nothing waiting and nothing on its way. Does not know how pairs find streams
(:mod:`muxs2s.service.streams`), nor what becomes of a queue that has lost its own
(:mod:`muxs2s.service.outgoing`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from math import inf
from typing import Final

from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.writing import MAX_WRITE_BYTES
from muxs2s.service.queues import PairQueue
from muxs2s.stream.stream import Stream, Turn
from muxs2s.wire.errors import LocalMisuse, StanzaCondition
from muxs2s.wire.names import DomainPair
from muxs2s.wire.stanza import Slice

__all__ = ["TURN_BYTES", "StreamUsers"]

TURN_BYTES: Final = 2_048
"""Of stanzas that one pair may send in one turn; or a single larger one."""


class _Write:
    """
    What is sent at once: so many turns as fit one TLS record, or a single larger stanza.

    A peer cannot read a part of a record. Outside TLS it can: when the connection breaks, it may have all but
    the last of the stanzas that were sent together, and would have them twice. So there it is one stanza.
    """

    def __init__(self, stream: Stream) -> None:
        self.turns: list[Turn] = []
        self.queues: dict[PairQueue, None] = {}
        """Of which something was taken."""
        self.larger: list[tuple[PairQueue, Slice]] = []
        """What the peer does not take (XEP-0478, section 4)."""

        self._room = MAX_WRITE_BYTES if stream.is_secure else 0
        self._largest = stream.peer_limits.max_bytes

    def take_turn(self, queue: PairQueue) -> bool:
        """Let a queue have its turn; tells whether it had: if there was no room for it, the write is complete."""
        stanzas: list[Slice] = []
        size, room = 0, self._room if self.turns else inf
        while queue.waiting:
            next_bytes = queue.next_bytes
            if next_bytes > self._largest:
                self.larger.append((queue, queue.drop()))
            elif size + next_bytes <= room:
                stanzas.append(queue.take())
                size, room = size + next_bytes, min(self._room, TURN_BYTES)
            else:
                break
        if stanzas:
            self.turns.append((queue.pair, stanzas))
            self.queues[queue] = None
            self._room -= size
        return bool(stanzas or not queue.waiting)


class StreamUsers:
    """
    The queues that share one stream; a :class:`~muxs2s.service.queues.Carrier`.

    :param seconds: tells the time, since the epoch.
    """

    def __init__(self, connection: StreamProtocol, seconds: Callable[[], float]) -> None:
        self.connection, self._seconds = connection, seconds
        self.pairs: list[DomainPair] = []
        """The pairs of ours that the peer has accepted on it, one by one."""

        self._turns: OrderedDict[PairQueue, None] = OrderedDict()
        """Those that have something waiting, the next one first."""
        self._in_hand: dict[PairQueue, None] = {}
        """Those of which the last write has something."""

    def admit(self, queue: PairQueue) -> None:
        """As :meth:`muxs2s.service.queues.Carrier.admit`."""
        self._turns[queue] = None

    def serve(self) -> None:
        """As :meth:`muxs2s.service.queues.Carrier.serve`; to be called, too, whenever there is room again."""
        if self.connection.room:
            self._confirm()
        while self._turns and self.connection.room:
            self._send(self._next_write())

    def gone(self, unsent: Sequence[Slice]) -> None:
        """
        The stream is over.

        :param unsent: what never left, of the last write: all that it held, or nothing.
        """
        queues = {**self._in_hand, **self._turns}
        self._in_hand.clear()
        self._turns.clear()
        for queue in queues:
            if unsent:
                queue.put_back()
            else:
                queue.confirm()
        for queue in queues:
            if queue:
                queue.keeper.stranded(queue)
            else:
                queue.keeper.emptied(queue)

    def _confirm(self) -> None:
        """There is room: what was in hand has gone."""
        queues, self._in_hand = self._in_hand, {}
        for queue in queues:
            queue.confirm()
            if not queue.waiting:
                queue.keeper.emptied(queue)

    def _next_write(self) -> _Write:
        """Let the queues have their turns; whoever has more to send comes last then."""
        write = _Write(self.connection.stream)
        while self._turns:
            queue = next(iter(self._turns))
            if not write.take_turn(queue):
                break
            del self._turns[queue]
            if queue.waiting:
                self._turns[queue] = None
        self._in_hand = write.queues
        return write

    def _send(self, write: _Write) -> None:
        """Send, then let go of what the peer would not take: whoever has it back may send anew at once."""
        try:
            if write.turns:
                self.connection.send_all(write.turns)
        except LocalMisuse:
            self._take_back()
        for queue, stanza in write.larger:
            text = f"{queue.pair.target} takes stanzas of {self._max_bytes:.0f} bytes at most"
            queue.keeper.bounce([stanza], StanzaCondition.POLICY_VIOLATION, text)
            if not (queue or queue.taken):
                queue.keeper.emptied(queue)

    def _take_back(self) -> None:
        """
        A pair may no longer be sent here: what was taken stands in front again.

        On a stream that multiplexes the pair goes another way; any other stream ends, and the next one begins with a
        new proof.
        """
        queues, self._in_hand = self._in_hand, {}
        for queue in queues:
            queue.put_back()
            self._turns[queue] = None
        stream, now = self.connection.stream, self._seconds()
        if stream.multiplexer is None:
            self.connection.close()
            return
        for queue in queues:
            if not stream.may_send(queue.pair, now):
                del self._turns[queue]
                queue.keeper.parted([queue])

    @property
    def _max_bytes(self) -> float:
        return self.connection.stream.peer_limits.max_bytes
