"""Links that share a stream."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.writing import MAX_WRITE_BYTES
from muxs2s.service.linkseams import Carrier, Link
from muxs2s.service.users import StreamUsers
from muxs2s.wire.names import DomainPair
from muxs2s.wire.stanza import Slice
from tests.service.samples import PAIR, message


class DoubleConnection:
    """A stream with room for so many writes."""

    def __init__(self) -> None:
        self.writes_left = 0
        self.sent: list[Slice] = []
        self.is_closed = False
        self.stream = SimpleNamespace(peer_limits=SimpleNamespace(max_bytes=10_000.0), is_secure=True)

    @property
    def room(self) -> bool:
        """As :class:`~muxs2s.network.protocol.StreamProtocol`."""
        return self.writes_left > 0

    def send(self, _pair: DomainPair, stanzas: Sequence[Slice]) -> None:
        """As :class:`~muxs2s.network.protocol.StreamProtocol`."""
        self.writes_left -= 1
        self.sent += stanzas

    def close(self) -> None:
        """As :class:`~muxs2s.network.protocol.StreamProtocol`."""
        self.is_closed = True


class DoubleLink:
    """A link that sends whenever it may, and keeps what it is told."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.place: Carrier
        self.told: list[str] = []

    def has_room(self) -> None:
        """Send one message."""
        self.place.send(PAIR, [message(self.name)])

    def closing(self) -> None:
        """Keep that."""
        self.told.append("closing")

    def gone(self, unsent: bool) -> None:  # noqa: FBT001 - as links have it
        """Keep that."""
        self.told.append(f"gone {unsent}")


class StreamUsersTests(SynchronousTestCase):
    """Three links on one stream."""

    def setUp(self) -> None:
        self.connection = DoubleConnection()
        self.users = StreamUsers(cast(StreamProtocol, self.connection))
        self.links = [DoubleLink(name) for name in "123"]
        for link in self.links:
            link.place = self.users.admit(cast(Link, link))

    def sent(self) -> str:
        """Who has sent, in order."""
        return "".join(str(stanza.tree().body) for stanza in self.connection.sent)

    def test_turns(self) -> None:
        """When there is room each has its turn; who had one comes last the next time."""
        for writes, so_far in ((1, "1"), (1, "12"), (2, "1231"), (5, "1231231")):
            self.connection.writes_left = writes
            self.users.has_room()
            self.assertEqual(so_far, self.sent())

    def test_place(self) -> None:
        """A place has the room and the limit of the stream, and can end it."""
        place = self.links[0].place
        self.assertEqual((False, 10_000.0, MAX_WRITE_BYTES), (place.room, place.max_bytes, place.max_write_bytes))
        self.connection.stream.is_secure = False
        self.assertEqual(0, place.max_write_bytes)
        place.close()
        self.assertIs(True, self.connection.is_closed)

    def test_end(self) -> None:
        """All hear of the end; what never left is of the one that has sent last."""
        self.connection.writes_left = 2
        self.users.has_room()
        self.users.closing()
        self.users.gone([message("2")])
        self.assertEqual(
            [["closing", "gone False"], ["closing", "gone True"], ["closing", "gone False"]],
            [link.told for link in self.links],
        )

    def test_end_of_an_unused_stream(self) -> None:
        """Where nothing was in hand nobody has lost anything."""
        self.users.gone(())
        self.assertEqual([["gone False"]] * 3, [link.told for link in self.links])
