"""Streams that multiplex: what they lead to, and what becomes of one too many."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.protocol import StreamProtocol
from muxs2s.service.preference import SILENCE_SECONDS, SPARE_SECONDS
from muxs2s.service.shared import SharedStreams
from muxs2s.wire.names import DomainName, DomainPair, DomainPattern, Name
from tests.service.samples import PAIR, B
from tests.service.sharedpeer import BUSY, DoubleConnection, names, pair

HERE, THERE = ("192.0.2.2", 5269), ("192.0.2.3", 5269)
ANY = DomainPattern(DomainName.parse("example"))


class SharedTestCase(SynchronousTestCase):
    """Some streams that multiplex."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.shared = SharedStreams(self.clock)

    def stream(
        self, *opened: Name, id: str = "1", initiated: bool = True, carries: DomainPair = PAIR
    ) -> DoubleConnection:
        """One on which names of the peer are accepted."""
        connection = DoubleConnection(id=id, initiated=initiated)
        connection.usable.add(carries)
        connection.stream.last_stanza_at = self.clock.seconds()
        self.shared.add(connection.protocol)
        self.shared.opened(connection.protocol, opened)
        return connection

    def find(self, pair: DomainPair = PAIR) -> StreamProtocol | None:
        """The stream for a pair."""
        return self.shared.find(pair, self.clock.seconds())


class FindTests(SharedTestCase):
    """A stream by the domain it leads to."""

    def test_by_name(self) -> None:
        """A pair goes where its target is accepted and the stream may carry it, not where one of the two fails."""
        connection = self.stream(B)
        self.assertIs(connection.protocol, self.find())
        self.assertIsNone(self.find(pair("a", "c")))
        self.assertIsNone(self.find(pair("x", "b")))

    def test_by_pattern(self) -> None:
        """A pattern leads to its domains, beside a name that has the same stream or another."""
        connection = self.stream(ANY, B)
        self.assertIs(connection.protocol, self.find())
        other = self.stream(ANY, id="0", carries=pair("a", "c"))
        self.assertIs(other.protocol, self.find(pair("a", "c")))
        self.assertIsNone(self.find(DomainPair(PAIR.sender, DomainName.parse("b.other"))))

    def test_closed(self) -> None:
        """A name that is accepted no longer leads nowhere; one that never was changes nothing."""
        connection = self.stream(B, ANY)
        self.shared.opened(connection.protocol, [B])
        self.shared.closed(connection.protocol, [B, ANY, *names("x")])
        self.shared.closed(DoubleConnection().protocol, [B])
        self.assertIsNone(self.find())

    def test_gone(self) -> None:
        """A stream that is over is forgotten, one that never multiplexed too."""
        connection = self.stream(B)
        self.shared.leads(connection.protocol, [HERE], is_sure=True)
        self.assertIn(connection.protocol, self.shared)
        self.shared.gone(connection.protocol)
        self.shared.gone(DoubleConnection().protocol)
        self.assertNotIn(connection.protocol, self.shared)
        self.assertEqual((None, None), (self.find(), self.shared.leading_to([HERE])))


class SuppositionTests(SharedTestCase):
    """A stream by the endpoint it leads to."""

    def test_preferred(self) -> None:
        """Of several streams to one endpoint the preferred one is asked."""
        first, second = self.stream(id="2"), self.stream(id="1")
        for connection in (first, second):
            self.shared.leads(connection.protocol, [HERE], is_sure=True)
        self.assertIs(second.protocol, self.shared.leading_to([THERE, HERE]))
        self.assertIsNone(self.shared.leading_to([THERE]))
        second.multiplexer = None
        self.assertIs(first.protocol, self.shared.leading_to([HERE]))

    def test_hint(self) -> None:
        """Where a peer says that it is counts for less than where it was called, and only where hints are taken."""
        hinted, called = self.stream(id="1"), self.stream(id="2")
        self.shared.leads(hinted.protocol, [HERE, THERE], is_sure=False)
        self.shared.leads(called.protocol, [HERE], is_sure=True)
        self.assertIs(called.protocol, self.shared.leading_to([HERE]))
        self.assertIs(hinted.protocol, self.shared.leading_to([THERE]))
        self.assertIsNone(self.shared.leading_to([THERE], takes_hints=False))
        sure = [self.shared.is_sure(each.protocol, [HERE, THERE]) for each in (hinted, called)]
        self.assertEqual([False, True], sure)

    def test_misled_by_another(self) -> None:
        """A hint of one stream is no hint of another."""
        hinted = self.stream(id="1")
        self.shared.leads(hinted.protocol, [HERE], is_sure=False)
        self.shared.misled(self.stream(id="2").protocol, [HERE])
        self.assertIs(hinted.protocol, self.shared.leading_to([HERE]))

    def test_misled(self) -> None:
        """A hint that was wrong is not followed again."""
        hinted = self.stream()
        self.shared.leads(hinted.protocol, [HERE, THERE], is_sure=False)
        self.shared.misled(hinted.protocol, [HERE])
        self.assertIsNone(self.shared.leading_to([HERE]))
        self.assertIs(hinted.protocol, self.shared.leading_to([THERE]))


class CrossedTests(SharedTestCase):
    """Two streams lead to one peer (rule 10)."""

    def setUp(self) -> None:
        super().setUp()
        self.older = self.stream(B, id="2")
        self.newer = self.stream(B, id="1")

    def is_spared(self) -> bool:
        """Whether the stream that is not preferred goes on."""
        return not self.older.is_closed

    def test_pairs_stay(self) -> None:
        """A pair stays where it may have sent last, and moves to the preferred stream after its silence."""
        for _ in range(3):
            self.assertIs(self.older.protocol, self.find())
            self.clock.advance(SILENCE_SECONDS - 1)
        self.clock.advance(1)
        self.assertIs(self.newer.protocol, self.find())

    def test_new_pairs(self) -> None:
        """A pair that may use the preferred stream alone does, and stays there."""
        other = pair("x", "b")
        self.newer.usable.add(other)
        self.assertIs(self.newer.protocol, self.find(other))
        self.older.usable.add(other)
        self.assertIs(self.newer.protocol, self.find(other))

    def test_one_remains(self) -> None:
        """When one of the two ends, the other carries everything at once, and nothing is kept or watched."""
        self.find()
        self.shared.gone(self.older.protocol)
        self.assertIs(self.newer.protocol, self.find())
        self.assertEqual((0, []), (len(self.shared._stays), self.clock.getDelayedCalls()))

    def test_spare_closed(self) -> None:
        """Whoever opened the stream that is not preferred closes it, after so long without a stanza."""
        self.clock.pump([SILENCE_SECONDS] * 4)
        self.assertTrue(self.is_spared())
        self.clock.advance(SPARE_SECONDS - 4 * SILENCE_SECONDS)
        self.assertEqual((True, False), (self.older.is_closed, self.newer.is_closed))
        self.shared.gone(self.older.protocol)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_spare_in_use(self) -> None:
        """Not while it carries stanzas, or has an exchange or a removal open."""
        self.older.stream.last_stanza_at = 100.0
        self.clock.pump([SILENCE_SECONDS] * 6)
        self.assertTrue(self.is_spared())
        self.older.multiplexer = BUSY
        self.clock.pump([SILENCE_SECONDS] * 6)
        self.assertTrue(self.is_spared())

    def test_spare_of_the_peer(self) -> None:
        """A stream of the peer is the peer's to close."""
        theirs = self.stream(B, id="3", initiated=False)
        self.clock.pump([SILENCE_SECONDS] * 10)
        self.assertEqual((True, False), (self.older.is_closed, theirs.is_closed))

    def test_closing(self) -> None:
        """While a stream closes a pair waits that has sent there; any other does not."""
        other = pair("x", "b")
        self.find()
        self.newer.usable.add(other)
        self.find(other)
        self.older.multiplexer = None
        self.older.usable.clear()
        self.assertIs(self.older.protocol, self.find())
        self.assertIs(self.newer.protocol, self.find(other))
        self.shared.gone(self.older.protocol)
        self.assertIs(self.newer.protocol, self.find())

    def test_memory(self) -> None:
        """A pair is forgotten after its silence, when another sends."""
        self.find()
        self.clock.advance(SILENCE_SECONDS)
        other = pair("x", "b")
        self.newer.usable.add(other)
        kept = len(self.shared._stays)
        self.find(other)
        self.assertEqual(kept, len(self.shared._stays))

    def test_moved_by_force(self) -> None:
        """A pair that may not stay moves, and one that may go nowhere has no stream."""
        self.find()
        self.older.usable.clear()
        self.assertIs(self.newer.protocol, self.find())
        self.assertIsNone(self.find(pair("x", "b")))

    def test_three(self) -> None:
        """Of three streams the least preferred may end, and the other two still cross."""
        third = self.stream(B, *names("c"), id="3")
        self.shared.gone(third.protocol)
        self.assertIs(self.older.protocol, self.find())
        self.assertEqual(1, len(self.clock.getDelayedCalls()))

    def test_name_by_name(self) -> None:
        """Streams that cross for one name need not for another."""
        for connection in (self.older, self.newer):
            self.shared.opened(connection.protocol, names("c"))
        self.shared.closed(self.older.protocol, names("c"))
        self.shared.closed(self.older.protocol, [B])
        self.assertEqual([], self.clock.getDelayedCalls())
