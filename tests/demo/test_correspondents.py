"""Somebody at every domain of a cloud."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.demo.correspondents import Correspondents
from muxs2s.demo.plan import FIRST, SECOND, Plan, message
from muxs2s.testing.federation import MemoryFederation
from muxs2s.wire.errors import StanzaCondition
from muxs2s.wire.stanza import error_reply

PLAN = Plan(domains=2, peer_domains=2, messages=2)


class CorrespondentsTests(SynchronousTestCase):
    """Two clouds of two domains, two messages for each pair."""

    def people(self, cloud: str) -> tuple[Correspondents, MemoryFederation]:
        """Those of one cloud, and what they hang on."""
        federation = MemoryFederation(*PLAN.names(cloud))
        self.changes = 0
        return Correspondents(PLAN, cloud, federation, self.changed), federation

    def changed(self) -> None:
        """Count what is reported."""
        self.changes += 1

    def test_everybody_writes(self) -> None:
        """Every domain of the first cloud writes to every domain of the second, in order for each pair."""
        people, federation = self.people(FIRST)
        people.begin()
        self.assertEqual(
            [(f"a{a}.example", f"b{b}.example", id_) for a in (1, 2) for b in (1, 2) for id_ in ("0", "1")],
            [(*stanza.pair, stanza.id) for stanza in federation.sent],
        )

    def test_everybody_replies(self) -> None:
        """The second cloud answers each message with one of the same number the other way."""
        people, federation = self.people(SECOND)
        federation.deliver(message("a1.example", "b2.example", "0"), message("a1.example", "b2.example", "1"))
        self.assertEqual(
            [("b2.example", "a1.example", "0"), ("b2.example", "a1.example", "1")],
            [(*stanza.pair, stanza.id) for stanza in federation.sent],
        )
        self.assertEqual((2, False, 1), (people.settled, people.is_settled, self.changes))

    def test_replies_once(self) -> None:
        """What comes twice or unasked is not answered."""
        people, federation = self.people(SECOND)
        federation.deliver(message("a1.example", "b2.example", "0"))
        federation.deliver(message("a1.example", "b2.example", "0"), message("c1.example", "b2.example", "0"))
        self.assertEqual(1, len(federation.sent))
        self.assertEqual((1, 1), (people.ledger.repeated, people.ledger.unasked))

    def test_replies_end_it(self) -> None:
        """A reply is not answered; when all have arrived or messages have come back, all is settled."""
        people, federation = self.people(FIRST)
        for a, b in ((1, 1), (1, 2), (2, 1)):
            federation.deliver(*(message(f"b{b}.example", f"a{a}.example", id_) for id_ in "01"))
        self.assertFalse(people.is_settled)
        for id_ in "01":
            bounced = message("a2.example", "b2.example", id_)
            bounce = error_reply(bounced, StanzaCondition.REMOTE_SERVER_NOT_FOUND, "not there")
            assert bounce is not None
            federation.deliver(bounce)
        self.assertEqual([], federation.sent)
        self.assertEqual((6, 2, 8), (people.ledger.arrived, people.bounces.count, people.settled))
        self.assertTrue(people.is_settled)
