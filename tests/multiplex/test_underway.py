"""Certificates of ours on their way, and what waits for them."""

from __future__ import annotations

from cryptography.x509 import Certificate
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.underway import UnderWay
from tests.multiplex.twoends import issued, name

ONE = issued("c.example", "d.example", subject="one")
NEWER = issued("c.example", "d.example", subject="one", edition=1)
C, D = name("c.example"), name("d.example")


class UnderWayTests(SynchronousTestCase):
    """Exchanges 1 and 3, in which certificates of one subject are shown."""

    def setUp(self) -> None:
        self.arrived: list[Certificate] = []
        self.under_way = UnderWay(self.arrived.append)

    def test_first_leads(self) -> None:
        """What a certificate names waits for the first exchange in which it is shown, and for that alone."""
        self.under_way.lead(1, ONE.leaf)
        self.under_way.show(3, D, ONE)
        self.under_way.over(3)
        self.assertEqual([], self.arrived)
        self.assertIn(ONE.leaf, self.under_way)
        self.under_way.over(1)
        self.assertEqual([ONE.leaf], self.arrived)
        self.assertNotIn(ONE.leaf, self.under_way)

    def test_other_certificate(self) -> None:
        """M6: a certificate that takes another's place before it is shown is not waited for in that exchange."""
        self.under_way.lead(1, ONE.leaf)
        self.under_way.show(1, C, NEWER)
        self.assertNotIn(NEWER.leaf, self.under_way)
        self.under_way.over(1)
        self.assertEqual([ONE.leaf], self.arrived)

    def test_domains(self) -> None:
        """M6: it is known for which domains certificates of a subject are shown, as long as any is."""
        self.under_way.show(1, C, ONE)
        self.under_way.show(3, D, NEWER)
        self.assertEqual([C, D], [*self.under_way.domains_of(ONE.subject)])
        self.under_way.over(1)
        self.assertEqual([D], [*self.under_way.domains_of(ONE.subject)])
        self.under_way.over(3)
        self.assertEqual([], [*self.under_way.domains_of(ONE.subject)])

    def test_no_longer(self) -> None:
        """What has been waited for long enough is told once, though its exchange goes on."""
        self.under_way.show(1, C, ONE)
        self.under_way.stop_leading(1)
        self.under_way.over(1)
        self.assertEqual([ONE.leaf], self.arrived)
