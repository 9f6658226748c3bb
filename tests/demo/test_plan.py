"""What a demonstration is made of."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.demo.plan import FIRST, SECOND, SPARE_FILES, DemoWay, Plan, host_name, message, other
from muxs2s.testing.federation import stanza_of


class PlanTests(SynchronousTestCase):
    """Numbers and names."""

    def test_numbers(self) -> None:
        """Every domain of one cloud is paired with every domain of the other; on its own, a pair takes two files."""
        plan = Plan(domains=3, peer_domains=4, messages=5)
        self.assertEqual((12, 60, SPARE_FILES), (plan.pairs, plan.expected, plan.open_files))
        self.assertEqual(24 + SPARE_FILES, replace(plan, way=DemoWay.STREAMS).open_files)

    def test_sample(self) -> None:
        """To compare with, ten domains of each cloud at most are carried pair by pair."""
        plan = Plan(domains=3, peer_domains=40, messages=5)
        self.assertEqual(Plan(domains=3, peer_domains=10, messages=5, way=DemoWay.STREAMS), plan.sample)

    def test_names(self) -> None:
        """The clouds have domains of their own, under a name that belongs to nobody."""
        plan = Plan(domains=2, peer_domains=1)
        self.assertEqual(["a1.example", "a2.example"], plan.names(FIRST))
        self.assertEqual(["b1.example"], plan.names(SECOND))
        self.assertEqual("xmpp.b.example", host_name(SECOND))

    def test_other(self) -> None:
        """Each of the two clouds is the other of the other."""
        self.assertEqual((SECOND, FIRST), (other(FIRST), other(SECOND)))

    def test_message(self) -> None:
        """A message says of itself what its bytes say."""
        written = message("a1.example", "b2.example", "7")
        read = stanza_of(written.data.decode())
        self.assertEqual(
            (read.namespace, read.name, read.from_address, read.to_address, read.type, read.id),
            (written.namespace, written.name, written.from_address, written.to_address, written.type, written.id),
        )
        self.assertEqual(("a1.example", "b2.example"), tuple(read.pair))
