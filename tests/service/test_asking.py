"""Pairs that wait on a shared stream for their domains."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.events import Whose
from muxs2s.service.asking import Answer, Askers
from muxs2s.wire.names import DomainName, DomainPair, DomainPattern
from tests.service.linkpeer import LinkWorld
from tests.service.samples import PAIR, message
from tests.service.sharedpeer import DoubleConnection, names, pair


class AskersTests(SynchronousTestCase):
    """One stream, and who waits on it."""

    def setUp(self) -> None:
        self.connection = DoubleConnection()
        self.askers = Askers(Clock())

    def ask(self, pair: DomainPair = PAIR) -> Deferred[Answer]:
        """Ask for a pair."""
        return self.askers.ask(pair, self.connection.protocol)

    def open(self, *pairs: DomainPair, whose: Whose = Whose.PEERS) -> None:
        """Let the stream carry pairs, as one of their domains has become usable."""
        self.connection.usable.update(pairs)
        names = [each.target if whose is Whose.PEERS else each.sender for each in pairs]
        self.askers.opened(self.connection.protocol, whose, names)

    def test_nothing_missing(self) -> None:
        """A pair whose domains are accepted waits for nothing."""
        self.connection.usable.add(PAIR)
        self.assertIs(Answer.OPENED, self.successResultOf(self.ask()))

    def test_refused_lately(self) -> None:
        """A domain that was refused lately is not waited for."""
        self.connection.refusing.add(PAIR)
        self.assertIs(Answer.REFUSED, self.successResultOf(self.ask()))

    def test_gone(self) -> None:
        """On a stream that has just ended nobody waits."""
        self.connection.multiplexer = None
        self.assertIs(Answer.GONE, self.successResultOf(self.ask()))

    def test_opened(self) -> None:
        """A pair is told when nothing is missing any more, whichever of its domains came last."""
        for whose in Whose:
            asked = self.ask()
            self.askers.opened(self.connection.protocol, whose, [PAIR.sender, PAIR.target])
            self.assertNoResult(asked)
            self.open(PAIR, whose=whose)
            self.assertIs(Answer.OPENED, self.successResultOf(asked))
            self.connection.usable.clear()
        self.assertEqual(0, len(self.askers))

    def test_asked_once(self) -> None:
        """A pair of whose domains each is waited for already is not asked for again."""
        pairs = [pair(sender, target) for sender in ("a1", "a2") for target in ("b1", "b2")]
        for each in pairs:
            self.ask(each)
        self.assertEqual(pairs[:3], self.connection.wanted)

    def test_each_by_its_names(self) -> None:
        """Of many that wait those are told whose domain it is, in their order; a pattern stands for its domains."""
        order: list[DomainPair] = []
        pairs = [pair(sender, target) for sender in ("a1", "a2") for target in ("b1", "b2")]
        for each in pairs:
            self.ask(each).addCallback(partial(_note, order, each))
        self.connection.usable.update(pairs)
        self.askers.opened(self.connection.protocol, Whose.PEERS, names("b2", "x"))
        self.assertEqual([pairs[1], pairs[3]], order)
        self.askers.opened(self.connection.protocol, Whose.OURS, [DomainPattern(DomainName.parse("example"))])
        self.assertEqual([pairs[0], pairs[2]], order[2:])

    def test_refused(self) -> None:
        """All pairs of a domain that is refused look elsewhere; others wait on."""
        waiting = {each: self.ask(each) for each in (pair("a1", "b1"), pair("a1", "b2"), pair("a2", "b1"))}
        self.askers.refused(self.connection.protocol, Whose.OURS, names("a1"))
        refused = [self.successResultOf(waiting.pop(each)) for each in (pair("a1", "b1"), pair("a1", "b2"))]
        self.assertEqual([Answer.REFUSED, Answer.REFUSED], refused)
        self.assertNoResult(waiting.popitem()[1])

    def test_stream_ends(self) -> None:
        """When the stream ends everybody who waits on it is told."""
        waiting = [self.ask(pair("a", f"b{number}")) for number in range(3)]
        self.askers.closing(self.connection.protocol)
        self.assertEqual([Answer.GONE] * 3, [self.successResultOf(each) for each in waiting])

    def test_nobody_waits(self) -> None:
        """What happens on a stream on which nobody waits is no concern."""
        self.open(PAIR)
        self.askers.refused(self.connection.protocol, Whose.OURS, names("a"))
        self.askers.closing(self.connection.protocol)
        self.assertEqual(0, len(self.askers))

    def test_queues(self) -> None:
        """Queues wait in one lobby, and are sent off to look again whatever has come of it."""
        told: tuple[Callable[[DomainPair], None], ...] = (self.open, self.refuse, self.end)
        for number, happens in enumerate(told):
            world, each = LinkWorld(), pair("a", f"b{number}")
            held = self.askers.hold(each, self.connection.protocol)
            assert held is not None
            world.halls[each] = held
            world.push_stanzas(message(sender=f"x@{each.sender}", target=f"y@{each.target}"))
            del world.halls[each]
            happens(each)
            self.assertEqual("resting", world.state)
        self.assertEqual(0, len(self.askers))

    def test_no_need_to_wait(self) -> None:
        """A queue does not wait for what is known at once."""
        self.connection.refusing.add(PAIR)
        self.assertIsNone(self.askers.hold(PAIR, self.connection.protocol))

    def test_asks_again_when_refused(self) -> None:
        """Whoever asks again on hearing of a refusal is not taken for one who waits with the others."""
        asked = [self.ask(pair("a1", "b1")), self.ask(pair("a1", "b2"))]
        again: list[Answer] = []
        self.connection.refusing.add(pair("a1", "b1"))
        asked[0].addCallback(lambda _refused: self.ask(pair("a1", "b1"))).addCallback(again.append)
        self.askers.refused(self.connection.protocol, Whose.OURS, names("a1"))
        self.assertEqual(([Answer.REFUSED], 0), (again, len(self.askers)))

    def refuse(self, pair: DomainPair) -> None:
        """Let the target of a pair be refused."""
        self.askers.refused(self.connection.protocol, Whose.PEERS, [pair.target])

    def end(self, _pair: DomainPair) -> None:
        """Let the stream end."""
        self.askers.closing(self.connection.protocol)

    def test_left(self) -> None:
        """Who leaves is not told any more, not even by what another does when it is told."""
        first, second = self.ask(pair("a1", "b")), self.ask(pair("a2", "b"))
        second.addErrback(lambda failure: failure.trap(CancelledError))
        first.addCallback(lambda _answer: second.cancel())
        self.open(pair("a1", "b"), pair("a2", "b"))
        self.assertIs(CancelledError, self.successResultOf(second))
        self.assertEqual(0, len(self.askers))


def _note(order: list[DomainPair], pair: DomainPair, _answer: Answer) -> None:
    order.append(pair)
