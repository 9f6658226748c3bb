"""Queues that wait together."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.service.lobbies import Lobby
from muxs2s.wire.names import DomainPair
from tests.service.linkpeer import DoubleStream, LinkWorld
from tests.service.samples import PAIR, A, C, bodies, message

OTHER = DomainPair(A, C)


class LobbyTests(SynchronousTestCase):
    """Two pairs that find a lobby at first, and a stream when they look again."""

    def setUp(self) -> None:
        self.world, self.stream, self.lobby = LinkWorld(), DoubleStream(), Lobby()
        self.world.halls = {PAIR: self.lobby, OTHER: self.lobby}
        self.world.push_together(message("1"), message("2", target="y@c.example"), message("3"))
        self.world.halls = {}
        self.world.found = {PAIR: self.stream, OTHER: self.stream}

    def sent(self) -> list[str]:
        """What the stream has passed on."""
        self.stream.pass_on()
        return bodies(self.stream.taken)

    def test_wait(self) -> None:
        """Who waits needs no link; what comes meanwhile waits behind what was there."""
        self.world.push("4")
        self.assertEqual(([], []), (self.world.links, self.stream.in_hand))
        self.lobby.send_off()
        self.assertEqual(["1", "3", "4"], [text for text in self.sent() if text != "2"])

    def test_some(self) -> None:
        """Those of some pairs are sent off, each once; whoever does not wait here is none of them."""
        self.lobby.send_off([OTHER, OTHER.reversed()])
        self.lobby.send_off([OTHER])
        self.assertEqual(["2"], self.sent())

    def test_move(self) -> None:
        """Who is told where else to wait waits there, and whoever is not stays."""
        other = Lobby()
        self.lobby.move(lambda pair: other if pair == OTHER else None)
        other.send_off([PAIR])
        self.assertEqual([], self.sent())
        other.send_off()
        self.assertEqual(["2"], self.sent())
        self.lobby.send_off()
        self.assertEqual(["1", "3"], [text for text in self.sent() if text != "2"])

    def test_nothing_to_move(self) -> None:
        """What has come back meanwhile moves nowhere."""
        self.world.clock.advance(60.0)
        self.lobby.move(lambda _pair: self.fail("a queue in which nothing waits"))
        self.assertTrue(self.world.is_clear)

    def test_too_old(self) -> None:
        """S17: what waits here too long comes back, and nobody is sent off for it."""
        self.world.clock.advance(60.0)
        self.assertEqual(["1", "3", "2"], self.world.returned)
        self.lobby.send_off()
        self.assertEqual(([], True), (self.sent(), self.world.is_clear))

    def test_nothing_found(self) -> None:
        """Who finds no stream when it looks again has a link."""
        self.world.found = {}
        self.lobby.send_off([PAIR])
        self.assertEqual((1, "resting"), (len(self.world.links), self.world.state))
