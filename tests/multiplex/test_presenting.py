"""Proving domains of ours."""

from __future__ import annotations

from math import inf

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import Offer, Present, Reject, Request, Revoke, Revoked, Withdrawn
from muxs2s.multiplex.events import DomainRefused, SignatureWanted, Whose
from muxs2s.multiplex.limits import MultiplexLimits
from muxs2s.multiplex.names import Standing
from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.names import DomainPattern
from tests.multiplex.presentingcase import PresentingCase, accept
from tests.multiplex.twoends import OneEnd, TwoEnds, issued, name, opened, pair, refused, rejected

A, C, D = map(name, ("a.example", "c.example", "d.example"))


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
