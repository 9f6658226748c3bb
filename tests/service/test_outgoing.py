"""Which way a pair's stanzas go, and what is kept of it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.service.queues import QueueLimits
from muxs2s.wire.errors import StanzaCondition
from muxs2s.wire.names import DomainPair
from tests.service.linkpeer import DoubleStream, LinkWorld
from tests.service.samples import PAIR, A, C, bodies, message, of_size

OTHER = DomainPair(A, C)


class WayTests(SynchronousTestCase):
    """A stream that carries a pair, or a search for one."""

    def setUp(self) -> None:
        self.world = LinkWorld()
        self.stream = DoubleStream()

    def test_straight(self) -> None:
        """Pairs that a stream carries need no links, no timers of their own, and nothing is kept once all has gone."""
        self.world.found = {PAIR: self.stream, OTHER: self.stream}
        self.world.push_together(message("1"), message("2", target="y@c.example"))
        self.assertEqual((["1", "2"], []), (bodies(self.stream.in_hand), self.world.links))
        self.assertEqual(1, len(self.world.clock.getDelayedCalls()))
        self.stream.take()
        self.assertEqual([], list(self.world.outgoing))

    def test_search(self) -> None:
        """A pair that no stream carries has a link, for as long as it takes."""
        self.world.open("1")
        self.assertEqual(("over", 1), (self.world.state, len(self.world.links)))
        self.world.push("2")
        self.assertEqual((["1", "2"], 1), (self.world.stream.pass_on(), len(self.world.links)))

    def test_same_stream_while_in_hand(self) -> None:
        """B11: while something is on its way the pair stays on that stream, though another one were found now."""
        self.world.found[PAIR] = self.stream
        self.world.push("1")
        self.world.found[PAIR] = other = DoubleStream()
        self.world.push("2")
        self.assertEqual([], other.in_hand)
        self.assertEqual(["1", "2"], self.stream.pass_on())
        self.world.push("3")
        self.assertEqual(["3"], bodies(other.in_hand))

    def test_parted(self) -> None:
        """A pair that its stream carries no more goes another way at once, with all that waits."""
        self.world.found[PAIR] = self.stream
        self.stream.has_room = False
        self.world.push("1", "2")
        self.world.found[PAIR] = other = DoubleStream()
        self.world.outgoing.parted(list(self.world.outgoing))
        self.assertEqual(["1", "2"], other.pass_on())

    def test_nothing_waits_any_more(self) -> None:
        """A stream that is found when all has come back is not used, and nothing is left."""
        self.world.dialling("1")
        self.world.clock.advance(60.0)
        self.assertEqual(["1"], self.world.returned)
        self.assertEqual(([], True), (self.world.succeed().in_hand, self.world.is_clear))

    def test_one_stream_is_served_once(self) -> None:
        """Stanzas of many pairs that come together go out together."""
        self.world.found = {PAIR: self.stream, OTHER: self.stream}
        self.world.push_together(message("1"), message("2", target="y@c.example"), message("3"))
        self.assertEqual(["1", "3", "2"], bodies(self.stream.in_hand))


class LimitTests(SynchronousTestCase):
    """Too much waits, or for too long."""

    def test_too_much(self) -> None:
        """A first stanza that may not wait comes back, and leaves neither queue nor link."""
        world = LinkWorld(QueueLimits(max_pair_bytes=1_000))
        world.push_stanzas(of_size(1_001))
        self.assertEqual({StanzaCondition.RESOURCE_CONSTRAINT}, world.conditions)
        self.assertEqual((True, []), (world.is_clear, world.links))

    def test_too_long_on_a_stream(self) -> None:
        """S17: what a stream has had no room for in time comes back; what it has in hand does not."""
        world, stream = LinkWorld(), DoubleStream()
        world.found[PAIR] = stream
        world.push("1", "2")
        world.clock.advance(60.0)
        self.assertEqual((["2"], ["1"]), (world.returned, bodies(stream.in_hand)))
        self.assertEqual(["1"], stream.pass_on())
        self.assertTrue(world.is_clear)

    def test_all_of_it_too_long(self) -> None:
        """S17: where nothing is in hand nothing is left, and the stream goes on without the pair."""
        world, stream = LinkWorld(), DoubleStream()
        world.found[PAIR] = stream
        stream.has_room = False
        world.push("1")
        world.clock.advance(60.0)
        self.assertEqual((["1"], True), (world.returned, world.is_clear))
        stream.take()
        world.push("2")
        self.assertEqual(["2"], bodies(stream.in_hand))


class CloseTests(SynchronousTestCase):
    """What waits is not to be sent any more."""

    def test_close(self) -> None:
        """What waits comes back; another queue of the same pair has nothing to do with what was on its way."""
        world, stream = LinkWorld(), DoubleStream()
        world.found[PAIR] = stream
        world.push("1", "2")
        (queue,) = world.outgoing
        world.outgoing.close(queue)
        self.assertEqual(["2"], world.returned)
        world.push("3")
        stream.take()
        self.assertEqual((["3"], 1), (bodies(stream.in_hand), len(list(world.outgoing))))

    def test_reached(self) -> None:
        """Every pair that rests is told that its peer is there; those that have a stream need not be."""
        world, stream = LinkWorld(), DoubleStream()
        world.found[OTHER] = stream
        world.push_together(message("1"), message("2", target="y@c.example"))
        world.outgoing.reached(OTHER)
        world.outgoing.reached(OTHER.reversed())
        self.assertEqual("resting", world.state)
        world.outgoing.reached_all()
        self.assertEqual(("dialling", 1), (world.state, len(world.links)))
