"""Certificates of ours that name several domains, are renewed, or would take another's place."""

from __future__ import annotations

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import Offer, Present, Reject
from muxs2s.multiplex.events import Whose
from muxs2s.multiplex.names import Standing
from muxs2s.wire.names import DomainPattern
from tests.multiplex.presentingcase import PresentingCase, accept
from tests.multiplex.twoends import OneEnd, TwoEnds, issued, name, opened, pair, refused, rejected

A, C, D = map(name, ("a.example", "c.example", "d.example"))


class SharedCertificateTests(PresentingCase):
    """One certificate of ours that names both domains: shown for one of them, it may give the other."""

    def setUp(self) -> None:
        super().setUp()
        both = issued("c.example", "d.example")
        self.one.end.certificates.update({C: both, D: both})

    def both_wanted(self) -> None:
        """Both are wanted, and one is offered."""
        self.offered()
        self.one.want("d.example", "b.example")
        self.assertEqual([], self.one.said())

    def shown(self) -> None:
        """The certificate is shown for the first of them."""
        self.both_wanted()
        self.ask(1)
        self.present(1)
        self.one.said()

    def assert_offered(self) -> None:
        """The second is offered by now."""
        self.assertEqual([3], [each.id for each in self.one.said() if isinstance(each, Offer) and each.domain == D])

    def test_given(self) -> None:
        """M7: it is shown once where the peer lists both names."""
        self.shown()
        self.assertFalse(self.one.multiplexer.is_idle)
        self.one.hear(accept(1, C, D))
        self.assertEqual([], self.one.said())
        self.assertEqual({C, D}, opened(self.one.end.events, Whose.OURS))
        self.assertTrue(self.one.multiplexer.is_idle)

    def test_not_given(self) -> None:
        """M7: a name that the peer does not list is offered by itself."""
        self.shown()
        self.one.hear(accept(1, C))
        self.assert_offered()

    def test_rejected(self) -> None:
        """M4: where the first is refused, the second is offered all the same."""
        self.shown()
        self.one.hear(Reject(id=1, condition=MultiplexCondition.POLICY_VIOLATION))
        self.assert_offered()

    def test_late(self) -> None:
        """M4: a verdict that does not come holds up the domain it is on, and no other."""
        self.shown()
        self.one.pass_time(60.0)
        self.assert_offered()

    def test_asked_for(self) -> None:
        """It makes no difference who began."""
        self.ask(2)
        self.one.want("d.example", "b.example")
        self.present(2)
        self.assertEqual([Present(id=2, data=b"proof")], self.one.said())
        self.one.hear(accept(2, C, D))
        self.assertEqual([], self.one.said())
        self.assertTrue(self.one.multiplexer.may_send(pair("d.example", "b.example")))

    def test_renewed(self) -> None:
        """A renewal waits for no other domain, nor does one that has waited before."""
        self.both_wanted()
        self.one.multiplexer.offer(D, self.one.now, renew=True)
        self.assertEqual([Offer(id=3, domain=D, renew=True)], self.one.said())

    def test_withdrawn(self) -> None:
        """M12: what is taken off waits no longer."""
        self.shown()
        self.one.multiplexer.withdraw([D], self.one.now)
        self.one.hear(accept(1, C))
        self.assertEqual([], self.one.said())

    def test_too_many(self) -> None:
        """M4: where the peer takes up nothing more, who waits for the certificate hears of it, too."""
        self.both_wanted()
        self.one.hear(Reject(id=1, condition=MultiplexCondition.TOO_MANY))
        self.assertEqual({C, D}, set(refused(self.one.end.events, Whose.OURS)))


class RenewalTests(PresentingCase):
    """M6: a newer certificate."""

    def test_renew(self) -> None:
        """M6: an accepted domain is offered again when its certificate is renewed, and has no gap."""
        ends = TwoEnds({"a.example": ("a.example",)}, {"b.example": ("b.example",)})
        ends.first.certificates[A] = issued("a.example", edition=1)
        ends.first.multiplexer.offer(A, ends.now, renew=True)
        ends.first.events.clear()
        ends.settle()
        own, peers = ends.first.multiplexer.own, ends.second.multiplexer.peers
        self.assertEqual(([1], [1]), (list(own.certificates), list(peers.certificates)))
        self.assertEqual(issued("a.example", edition=1).leaf, peers.certificates[1].chain[0])
        self.assertEqual((Standing.OPEN, Standing.OPEN), (own.standing(A), peers.standing(A)))

    def test_renew_meanwhile(self) -> None:
        """M6: a renewal that is wanted while an exchange for the domain is open follows it."""
        self.presented()
        self.assertIsNone(self.one.multiplexer.offer(C, self.one.now, renew=True))
        self.assertEqual([], self.one.said())
        self.one.hear(accept(1, C))
        self.assertEqual([Offer(id=3, domain=C, renew=True)], self.one.said())

    def test_renewal_stays_one(self) -> None:
        """M6: a domain that waits to be renewed is renewed, though a pair wants it by then."""
        one = OneEnd("c.example", "d.example", max_pending=1)
        one.want("d.example", "b.example")
        one.multiplexer.offer(C, one.now, renew=True)
        one.want("c.example", "b.example")
        one.hear(accept(1, D))
        self.assertEqual(Offer(id=3, domain=C, renew=True), one.said()[-1])

    def test_other_certificate(self) -> None:
        """M6: where the peer knows another certificate with the domain, it is told that there is a newer one."""
        self.one.end.certificates[D] = issued("c.example", "d.example")
        self.one.multiplexer.offer(D, self.one.now)
        self.ask(1, "d.example")
        self.present(1)
        self.one.hear(accept(1, D))
        self.one.said()
        self.one.want("c.example", "b.example")
        self.assertEqual([Offer(id=3, domain=C, renew=True)], self.one.said())

    def test_same_certificate(self) -> None:
        """M7: where it is the same certificate, or none is at hand, nothing is newer."""
        for here in (True, False):
            self.setUp()
            both = issued("c.example", "d.example")
            self.one.end.certificates.update({C: both, D: both})
            self.one.multiplexer.offer(D, self.one.now)
            self.ask(1, "d.example")
            self.present(1)
            self.one.hear(accept(1, D))
            self.one.said()
            if not here:
                self.one.multiplexer._seeker._wanted.add(Whose.OURS, C)
                self.one.end.certificates.clear()
                self.one.multiplexer._seeker.go_on(self.one.now)
            else:
                self.one.want("c.example", "b.example")
            self.assertEqual([Offer(id=3, domain=C)], self.one.said())

    def test_refused(self) -> None:
        """M6: a renewal is refused like anything else that is to wait."""
        self.presented()
        self.one.hear(Reject(id=1, condition=MultiplexCondition.TIMEOUT))
        found = self.one.multiplexer.offer(C, self.one.now, renew=True)
        self.assertIs(MultiplexCondition.TIMEOUT, getattr(found, "condition", None))


class OustingTests(PresentingCase):
    """M6: a certificate that would take the place of one in use."""

    def accepted(self, *names: str, subject: str | None = "one") -> None:
        """``c.example`` is accepted with a certificate."""
        self.one.end.certificates[C] = issued(*names, subject=subject)
        self.presented()
        listed = [DomainPattern(name(each[2:])) if each[0] == "*" else name(each) for each in names]
        self.one.hear(accept(1, *listed))
        self.one.said()

    def wants(self, *names: str, subject: str | None = "one") -> MultiplexCondition | None:
        """Why ``d.example`` with such a certificate is not offered."""
        self.one.end.certificates[D] = issued(*names, subject=subject)
        return getattr(self.one.want("d.example", "b.example"), "condition", None)

    def test_ousts(self) -> None:
        """M6: a certificate of the same subject that lacks names in use is not shown; its domain goes another way."""
        self.accepted("c.example")
        self.assertIs(MultiplexCondition.POLICY_VIOLATION, self.wants("d.example"))
        self.assertEqual([], self.one.said())

    def test_spares(self) -> None:
        """M6: one that has them, or of another subject, is shown; so is one that lacks what is nobody's here."""
        for names, subject in ((("c.example", "d.example"), "one"), (("d.example",), "two")):
            self.setUp()
            self.accepted("c.example", "nobody.example")
            self.assertIsNone(self.wants(*names, subject=subject))

    def test_pattern(self) -> None:
        """M6: a pattern may stand for a name in use, and is not given up either."""
        self.accepted("c.example", "*.w.example")
        self.assertIs(MultiplexCondition.POLICY_VIOLATION, self.wants("c.example", "d.example"))
        self.assertIsNone(self.wants("c.example", "d.example", "*.w.example"))

    def test_on_its_way(self) -> None:
        """M6: nor is one shown that would oust what is on its way."""
        self.one.end.certificates[C] = issued("c.example", subject="one")
        self.offered()
        self.assertIsNone(self.wants("d.example"))
        self.ask(1)
        self.ask(3, "d.example")
        self.assertEqual([(3, MultiplexCondition.POLICY_VIOLATION)], rejected(self.one.said()))

    def test_twice_on_its_way(self) -> None:
        """M6: one certificate may be on its way for two domains at once."""
        both = issued("c.example", "d.example")
        self.one.end.certificates.update({C: both, D: both})
        self.offered()
        self.one.want("d.example", "b.example")
        self.ask(1)
        self.ask(3, "d.example")
        self.one.hear(accept(1, C), accept(3, D, C))
        self.assertEqual([], rejected(self.one.said()))
        self.assertEqual([True, True], [self.one.multiplexer.own.is_open(each) for each in (C, D)])
