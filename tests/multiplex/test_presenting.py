"""Proving domains of ours."""

from __future__ import annotations

from math import inf

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import Accept, ListedName, Offer, Present, Reject, Request, Revoke, Revoked, Withdrawn
from muxs2s.multiplex.events import DomainRefused, SignatureWanted, Whose
from muxs2s.multiplex.limits import MultiplexLimits
from muxs2s.multiplex.names import Standing
from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.names import DomainPattern, Name
from tests.multiplex.twoends import OneEnd, TwoEnds, issued, name, opened, pair, refused, rejected

A, B, C, D = map(name, ("a.example", "b.example", "c.example", "d.example"))
UNASKED = b"peer 1: c.example"


def accept(id: int, *names: Name, certificate: int | None = None) -> Accept:
    """Names that the peer accepts."""
    return Accept(id=id, certificate=certificate, names=tuple(ListedName(name=each) for each in names))


class PresentingCase(SynchronousTestCase):
    """An end that hosts ``c.example`` and ``d.example``, and proves them."""

    def setUp(self) -> None:
        self.one = OneEnd("c.example", "d.example")

    def ask(self, id: int, domain: str = "c.example", data: bytes | None = None) -> None:
        """Have the peer ask for a domain, or answer an offer."""
        data = f"peer {id}: {domain}".encode() if data is None else data
        self.one.hear(Request(id=id, domain=name(domain), data=data))

    def present(self, id: int) -> None:
        """Sign."""
        self.one.multiplexer.present(id, b"proof", self.one.now)

    def offered(self) -> None:
        """Exchange 1 offers ``c.example``."""
        self.one.want("c.example", "b.example")
        self.one.said()

    def presented(self) -> None:
        """In exchange 1 ``c.example`` is presented."""
        self.offered()
        self.ask(1)
        self.present(1)
        self.one.said()


class OfferTests(PresentingCase):
    """A domain that we would like to prove."""

    def test_way(self) -> None:
        """M5, M7: a domain is offered, asked for, signed for and accepted, with all that the peer lists of it."""
        self.offered()
        self.ask(1)
        (wanted,) = self.one.end.told(SignatureWanted)
        self.assertEqual((1, C), (wanted.id, wanted.domain))  # type: ignore[union-attr]  # of that kind
        self.present(1)
        self.assertEqual([Present(id=1, data=b"proof")], self.one.said())
        self.one.hear(accept(1, C))
        self.assertEqual({C}, opened(self.one.end.events, Whose.OURS))
        self.assertEqual((True, 1), (self.one.multiplexer.may_send(pair("c.example", "b.example")), 1))
        self.assertEqual((1, 0), (self.one.multiplexer.presented, self.one.multiplexer.exchanges))

    def test_asked_once(self) -> None:
        """However many pairs want a domain, it is offered once; an accepted one is not."""
        for target in ("b.example", "x.example", "b.example"):
            self.assertIsNone(self.one.want("c.example", target))
        self.one.hear(accept(1, C))
        self.one.said()
        self.assertIsNone(self.one.want("c.example", "b.example"))
        self.assertIsNone(self.one.multiplexer.offer(C, self.one.now))
        self.assertEqual([], self.one.said())

    def test_late(self) -> None:
        """M4: an offer that nobody answers within a minute is given up, and may be tried again a minute later."""
        self.offered()
        self.one.pass_time(59.9)
        self.assertEqual([], self.one.said())
        self.one.pass_time(0.1)
        self.assertEqual([(1, MultiplexCondition.TIMEOUT)], rejected(self.one.said()))
        self.assertEqual({C: MultiplexCondition.TIMEOUT}, refused(self.one.end.events, Whose.OURS))
        self.assertIsNotNone(self.one.want("c.example", "b.example"))
        self.one.pass_time(60.0)
        self.assertIsNone(self.one.want("c.example", "b.example"))
        self.assertEqual([Offer(id=3, domain=C)], self.one.said())

    def test_presented_late(self) -> None:
        """M4: once a proof is shown the peer alone ends the exchange; what waits goes another way until it does."""
        self.presented()
        self.one.pass_time(60.0)
        self.assertEqual([], self.one.said())
        self.one.pass_time(100_000.0)
        self.assertEqual(inf, getattr(self.one.want("c.example", "b.example"), "retry_at", None))
        self.one.hear(accept(1, C))
        self.assertIsNone(self.one.want("c.example", "b.example"))

    def test_rejected(self) -> None:
        """M4: a rejected domain may be tried again, under a new id, when its time has come; others are not touched."""
        self.offered()
        self.one.hear(Reject(id=1, condition=MultiplexCondition.CERTIFICATE_EXPIRED, text="why"))
        (told,) = self.one.end.told(DomainRefused)
        self.assertEqual(("why", 1_060.0), (told.text, told.retry_at))  # type: ignore[union-attr]  # of that kind
        self.one.pass_time(60.0)
        self.one.want("c.example", "b.example")
        self.assertEqual([Offer(id=3, domain=C)], self.one.said())

    def test_wrong_domain(self) -> None:
        """A request for another domain than was offered fits no offer."""
        self.offered()
        self.assertFalse(self.one.hear(Request(id=1, domain=D, data=b"peer 1: d.example")))
        self.assertEqual([], self.one.said())

    def test_empty_request(self) -> None:
        """An offer is answered by a request for proof, never by an empty one."""
        self.offered()
        self.ask(1, data=b"")
        self.assertEqual([(1, MultiplexCondition.BAD_REQUEST)], rejected(self.one.said()))

    def test_bad_request(self) -> None:
        """E7: a request that was seen before, or is for another domain, is rejected, and the domain with it."""
        self.offered()
        self.ask(1, data=b"peer 1: d.example")
        self.assertEqual([(1, MultiplexCondition.BAD_REQUEST)], rejected(self.one.said()))
        self.assertEqual(inf, getattr(self.one.want("c.example", "b.example"), "retry_at", None))

    def test_unreadable_request(self) -> None:
        """A request that cannot be read ends the exchange of its offer, not the stream; after that it is ignored."""
        self.offered()
        broken = b"<request xmlns='urn:xmpp:mux-cert:0' id='1' domain='c.example'>?</request>"
        self.assertTrue(self.one.end.take(broken, self.one.now))
        self.assertEqual([(1, MultiplexCondition.BAD_REQUEST)], rejected(self.one.said()))
        self.assertFalse(self.one.end.take(broken, self.one.now))

    def test_declined(self) -> None:
        """M4: what cannot be signed is rejected by its presenter."""
        self.offered()
        self.ask(1)
        self.one.multiplexer.decline(1, MultiplexCondition.TOO_LARGE, "too long a chain", self.one.now)
        self.assertEqual([(1, MultiplexCondition.TOO_LARGE)], rejected(self.one.said()))

    def test_no_certificate(self) -> None:
        """A domain without a certificate is not offered; one that loses it meanwhile is not proven."""
        self.offered()
        self.one.end.certificates.clear()
        found = self.one.want("d.example", "b.example")
        self.assertIs(MultiplexCondition.UNKNOWN_DOMAIN, getattr(found, "condition", None))
        self.ask(1)
        self.assertEqual([(1, MultiplexCondition.UNKNOWN_DOMAIN)], rejected(self.one.said()))

    def test_accepted_without_the_domain(self) -> None:
        """An accept that leaves out the domain of its exchange leaves it unproven."""
        self.presented()
        self.one.hear(accept(1))
        self.assertEqual({C: MultiplexCondition.TRY_AGAIN}, refused(self.one.end.events, Whose.OURS))


class AcceptTests(PresentingCase):
    """M7: what the peer accepts."""

    def test_credible(self) -> None:
        """M7: of a certificate of ours names are taken that it holds, whatever the peer lists."""
        self.one.end.certificates[C] = issued("c.example", "*.c.example")
        self.presented()
        self.one.hear(accept(1, C, D, DomainPattern(C), DomainPattern(D)))
        self.assertEqual({C, DomainPattern(C)}, opened(self.one.end.events, Whose.OURS))

    def test_unknown_certificate(self) -> None:
        """M7: by a certificate that we do not know, names of ours are taken."""
        self.presented()
        self.one.hear(accept(1, C, D, name("x.example"), certificate=77))
        self.assertEqual({C, D}, opened(self.one.end.events, Whose.OURS))

    def test_hidden(self) -> None:
        """A peer that lists what it guesses learns of no hidden domain, but what it was offered is taken."""
        self.one.end.hidden |= {C, D}
        self.presented()
        self.one.hear(accept(1, C, D, A, certificate=77))
        self.assertEqual({C, A}, opened(self.one.end.events, Whose.OURS))

    def test_below_pattern(self) -> None:
        """M7: of the names below a pattern those are taken that are ours and shown, and of the others none is kept."""
        self.one.end.certificates[C] = issued("c.example", "*.c.example")
        self.presented()
        below = [name(f"{label}.c.example") for label in ("ours", "hidden", "header", "nobody")]
        self.one.end.hosted |= {*below[:3]}
        self.one.end.hidden |= {*below[1:3]}
        own = self.one.multiplexer.own
        own.header_domain = below[2]
        self.one.hear(accept(1, C, *below))
        self.assertEqual({C, below[0], below[2]}, set(own))

    def test_never_shown(self) -> None:
        """So many certificates may be accepted that we have not shown; with one more the stream ends."""
        most = MultiplexLimits().max_ignored_elements
        for id in range(2, 2 * most + 2, 2):
            self.ask(id, "a.example", b"")
            self.one.hear(accept(id, A))
        self.ask(2 * most + 2, "a.example", b"")
        with self.assertRaises(RemoteViolation) as caught:
            self.one.hear(accept(2 * most + 2, A, certificate=77))
        self.assertIs(StreamCondition.POLICY_VIOLATION, caught.exception.condition)

    def test_never_replaced(self) -> None:
        """Twice as many certificates of ours are kept as names of the peer may be; with one more the stream ends."""
        self.one = OneEnd("c.example", limits=MultiplexLimits(max_domains=1))
        for id, accepted in ((2, True), (4, False)):
            self.ask(id)
            self.present(id)
            if accepted:
                self.one.hear(accept(id, C))
                self.one.pass_time(60.0)
        self.assertEqual([0, 2], list(self.one.multiplexer.own.certificates))
        with self.assertRaises(RemoteViolation):
            self.one.hear(accept(4, C))

    def test_again(self) -> None:
        """M7: an accept may come again, for a certificate that is accepted still, and adds names."""
        self.one.end.certificates[C] = issued("c.example", "d.example")
        self.presented()
        self.one.hear(accept(1, C), accept(1, D))
        self.assertTrue(self.one.multiplexer.own.is_open(D))

    def test_again_for_nothing(self) -> None:
        """An accept for a certificate that has gone, or by an id never begun, gives nothing; the latter is counted."""
        self.presented()
        self.one.hear(accept(1, C), Revoke(id=2, certificate=1, names=(), condition=MultiplexCondition.REPLACED))
        self.assertTrue(self.one.hear(accept(1, C)))
        self.assertFalse(self.one.hear(accept(9, C, certificate=0)))
        self.assertIsNot(Standing.OPEN, self.one.multiplexer.own.standing(C))

    def test_handshake(self) -> None:
        """M8: the first list is that of the certificate of the handshake."""
        self.one.hear(accept(0, A, D))
        self.assertEqual({A}, opened(self.one.end.events, Whose.OURS))

    def test_nothing_shown(self) -> None:
        """M8: where we have shown no certificate in the handshake, names of ours are taken."""
        bare = OneEnd()
        bare.multiplexer.own.drop(0)
        self.assertTrue(bare.hear(accept(0, A)))
        self.assertFalse(bare.multiplexer.own.is_open(A))


class UnaskedTests(PresentingCase):
    """A domain that the peer asks for by itself."""

    def test_way(self) -> None:
        """M5: a request that comes unasked is answered like any other."""
        self.ask(2)
        self.present(2)
        self.assertEqual([Present(id=2, data=b"proof")], self.one.said())

    def test_hidden(self) -> None:
        """Hidden domains, unknown ones and those without a certificate get the same answer, word for word."""
        self.one.end.hidden.add(C)
        del self.one.end.certificates[D]
        for id, domain in ((2, "c.example"), (4, "nobody.example"), (6, "d.example")):
            self.ask(id, domain)
        said = [(each.condition, each.text, each.retry_seconds) for each in self.one.said() if isinstance(each, Reject)]
        self.assertEqual(3, len(said))
        self.assertEqual({(MultiplexCondition.UNKNOWN_DOMAIN, "no such domain here", None)}, set(said))

    def test_served(self) -> None:
        """S12: who asks with nothing hears that a domain is here, which needs no signature nor certificate."""
        self.one.end.certificates.clear()
        for id, domain in ((2, "c.example"), (4, "nobody.example")):
            self.ask(id, domain, b"")
        said = self.one.said()
        self.assertEqual([Present(id=2, data=b"")], said[:1])
        self.assertEqual([(4, MultiplexCondition.UNKNOWN_DOMAIN)], rejected(said))

    def test_repeated(self) -> None:
        """A domain that was shown less than a minute ago is not shown again unasked, and after a minute it is."""
        self.presented()
        self.one.hear(Reject(id=1, condition=MultiplexCondition.TRY_AGAIN))
        self.one.pass_time(59.9)
        self.ask(2)
        self.assertEqual([(2, MultiplexCondition.TRY_AGAIN)], rejected(self.one.said()))
        self.one.pass_time(0.1)
        self.ask(4)
        self.assertEqual([], rejected(self.one.said()))

    def test_duplicate(self) -> None:
        """A second request for one domain is a duplicate."""
        self.ask(2)
        self.ask(4)
        self.assertEqual([(4, MultiplexCondition.DUPLICATE)], rejected(self.one.said()))

    def test_unreadable(self) -> None:
        """An unasked request that cannot be read is rejected; its id counts as used."""
        broken = b"<request xmlns='urn:xmpp:mux-cert:0' id='2' domain='C.example'/>"
        self.assertTrue(self.one.end.take(broken, self.one.now))
        self.assertEqual([(2, MultiplexCondition.BAD_REQUEST)], rejected(self.one.said()))
        self.ask(2)
        self.assertEqual([], self.one.said())

    def test_crossing(self) -> None:
        """An offer and an unasked request that cross make one exchange, that of the verifier; neither end gives up."""
        for renew in (False, True):
            ends = TwoEnds({"a.example": ("a.example",), "c.example": ("c.example",)}, {"b.example": ("b.example",)})
            ends.first.multiplexer.offer(C, ends.now, renew=renew)
            ends.second.multiplexer.want(pair("b.example", "c.example"), ends.now)
            ends.settle()
            self.assertTrue(ends.first.multiplexer.may_send(pair("c.example", "b.example")))
            self.assertTrue(ends.second.multiplexer.may_send(pair("b.example", "c.example")))
            self.assertEqual({}, refused(ends.first.events, Whose.OURS) | refused(ends.second.events, Whose.PEERS))

    def test_duplicate_of_nothing(self) -> None:
        """A duplicate of what is over by now leaves the domain to be tried at once."""
        self.offered()
        self.one.hear(Reject(id=1, condition=MultiplexCondition.DUPLICATE))
        self.assertEqual({C: MultiplexCondition.DUPLICATE}, refused(self.one.end.events, Whose.OURS))
        self.assertIsNone(self.one.want("c.example", "b.example"))


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


class FenceTests(PresentingCase):
    """M12: domains that are being taken off."""

    def test_signed_too_late(self) -> None:
        """M12: a proof that is ready when its domain is being taken off is not shown."""
        self.offered()
        self.ask(1)
        self.one.multiplexer.withdraw([C], self.one.now)
        self.one.said()
        self.present(1)
        self.assertEqual([(1, MultiplexCondition.TRY_AGAIN)], rejected(self.one.said()))

    def test_asked_meanwhile(self) -> None:
        """M12: while a domain is being taken off it is neither offered nor shown."""
        self.presented()
        self.one.hear(accept(1, C))
        self.one.multiplexer.withdraw([C], self.one.now)
        self.one.said()
        found = self.one.want("c.example", "b.example")
        self.assertIs(MultiplexCondition.TRY_AGAIN, getattr(found, "condition", None))
        self.ask(2)
        self.assertEqual([(2, MultiplexCondition.TRY_AGAIN)], rejected(self.one.said()))

    def test_accept_crosses(self) -> None:
        """M12: an accept that crosses a withdrawal opens nothing; what the peer sent on it before it knew is taken."""
        self.presented()
        self.one.multiplexer.withdraw([C], self.one.now)
        self.one.hear(accept(1, C))
        self.assertIs(Standing.WITHDRAWING, self.one.multiplexer.own.standing(C))
        self.assertEqual(set(), opened(self.one.end.events, Whose.OURS))
        self.one.hear(Withdrawn(id=3))
        self.assertIs(Standing.OUT, self.one.multiplexer.own.standing(C))

    def test_revoked_while_offered(self) -> None:
        """M12: a revocation of what is not accepted is answered all the same, and closes the domain."""
        self.one.hear(Revoke(id=2, certificate=None, names=(C,), condition=MultiplexCondition.POLICY_VIOLATION))
        self.one.hear(Revoked(id=2))
        self.assertEqual([Revoked(id=2)], self.one.said())
        self.assertTrue(self.one.multiplexer.own.is_closed(C))


class LimitsTests(SynchronousTestCase):
    """How long an answer is waited for."""

    def test_answer_seconds(self) -> None:
        """The wait is that of the limits."""
        one = OneEnd("c.example", limits=MultiplexLimits(answer_seconds=5.0))
        one.want("c.example", "b.example")
        self.assertEqual(1_005.0, one.multiplexer.deadline)
