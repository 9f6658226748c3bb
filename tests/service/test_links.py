"""The way from a domain of ours to one of a peer: when it dials, rests, bounces and ends."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.service.links import Carrier, Link, LinkSeams, new_link
from muxs2s.service.queues import PairQueue, QueueBudget, QueueLimits
from muxs2s.wire.errors import StanzaCondition
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.stanza import Slice

PAIR = DomainPair(DomainName.parse("a.example"), DomainName.parse("b.example"))


class Stream:
    """A carrier that takes everything."""

    room = True

    def __init__(self) -> None:
        self.sent: list[Slice] = []

    def send(self, _pair: DomainPair, stanzas: Sequence[Slice]) -> None:
        """Take stanzas."""
        self.sent.extend(stanzas)


class EndingTests(SynchronousTestCase):
    """What a link leaves behind."""

    def setUp(self) -> None:
        """Make a link that dials a stream of ours."""
        self.clock = Clock()
        self.queue = PairQueue(QueueBudget(QueueLimits()))
        self.dialled: Deferred[Carrier] = Deferred()
        self.forgotten: list[DomainPair] = []
        self.bounced: list[Slice] = []
        seams = LinkSeams(
            clock=self.clock,
            dial=lambda _pair, _link: self.dialled,
            bounce=self.bounce,
            forget=self.forgotten.append,
            chance=lambda: 0.5,
        )
        self.link: Link = new_link(PAIR, self.queue, seams)

    def bounce(self, stanzas: Sequence[Slice], _condition: StanzaCondition, _text: str) -> None:
        """Note what comes back."""
        self.bounced.extend(stanzas)

    def send(self, times: int = 1) -> None:
        """Let stanzas wait, one at a time."""
        for _ in range(times):
            self.queue.push(Slice(b"<message/>", "jabber:server", "message", "a", "b", None, None), 0.0)
            self.link.stanzas_wait()

    def test_forgotten_without_a_trace(self) -> None:
        """A link that has sent everything and lost its stream is forgotten, and no alarm of it remains."""
        self.send(2)
        stream = Stream()
        self.dialled.callback(stream)
        self.link.has_room()
        self.link.gone(unsent=False)
        self.clock.advance(0)
        self.assertEqual(([PAIR], 2, []), (self.forgotten, len(stream.sent), self.bounced))
        self.assertEqual([], self.clock.getDelayedCalls())
