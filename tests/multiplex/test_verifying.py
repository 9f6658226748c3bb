"""Having domains of the peer proven."""

from __future__ import annotations

from dataclasses import replace

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import Accept, Offer, Present, Reject, Request, Revoked
from muxs2s.multiplex.events import ProofRecalled, ProofShown, Whose
from muxs2s.multiplex.limits import MultiplexLimits
from muxs2s.multiplex.verdicts import NotVouched
from muxs2s.proof.peers import PeerPolicies, PeerPolicy
from muxs2s.wire.names import DomainName
from tests.multiplex.twoends import AUTHORITY, OneEnd, issued, name, opened, pair, refused, rejected, vouched
from tests.multiplex.verifyingcase import VerifyingCase, listed

A, B, C, D = map(name, ("a.example", "b.example", "c.example", "d.example"))
UNTRUSTED = NotVouched(condition=MultiplexCondition.CERTIFICATE_UNTRUSTED, text="no issuer we know")


class OfferTests(VerifyingCase):
    """A domain that the peer would like to prove."""

    def test_way(self) -> None:
        """M5, M7: an offered domain is asked for, judged, opened, and then accepted with all its certificate gives."""
        self.offer(2)
        request = self.asked()
        self.one.hear(Present(id=2, data=b"proof"))
        (shown,) = self.one.end.told(ProofShown)
        self.assertEqual(ProofShown(id=2, domain=C, request=request, authenticator=b"proof"), shown)
        self.conclude(2, "c.example", issued("c.example", "e.example"))
        expected = Accept(id=2, certificate=None, names=listed(C, name("e.example")))
        self.assertEqual([expected], self.one.said())
        self.assertEqual({B, C, name("e.example")}, opened(self.one.end.events, Whose.PEERS))
        self.assertEqual((1, 0), (self.one.multiplexer.judged, self.one.multiplexer.exchanges))

    def test_kept(self) -> None:
        """What was shown is kept to be judged again, an issuer that came with several certificates once."""
        issuers = [load_der_x509_certificate(AUTHORITY.certificate.public_bytes(Encoding.DER)) for _ in range(2)]
        shown = [(issued(domain).leaf, issuer) for domain, issuer in zip((C, D), issuers, strict=True)]
        for id, domain, chain in ((2, C, shown[0]), (4, D, shown[1])):
            self.offer(id, domain)
            self.one.hear(Present(id=id, data=b"proof"))
            self.one.multiplexer.conclude(id, vouched(domain, chain), self.one.now)
        kept = [self.one.multiplexer.peers.certificates[id].chain for id in (2, 4)]
        self.assertEqual(shown, kept)
        self.assertIs(kept[0][1], kept[1][1])

    def test_served(self) -> None:
        """S12: the domain of the exchange is served then, the others of its certificate are accepted alone."""
        self.one.prove(2, "c.example", "e.example")
        may_send = [self.one.multiplexer.may_send(pair("a.example", each)) for each in ("c.example", "e.example")]
        self.assertEqual([True, False], may_send)

    def test_refused(self) -> None:
        """M4: what is not proven is rejected with its reason, and may be tried again under a new id."""
        self.offer(2)
        self.one.hear(Present(id=2, data=b"proof"))
        self.one.said()
        self.one.multiplexer.conclude(2, UNTRUSTED, self.one.now)
        self.assertEqual([Reject(id=2, condition=UNTRUSTED.condition, text=UNTRUSTED.text)], self.one.said())
        self.one.prove(4, "c.example")
        self.assertTrue(self.one.multiplexer.peers.is_open(C))

    def test_late(self) -> None:
        """M4: neither the peer nor the judgement has more than a minute each; what comes later counts for nothing."""
        for id, is_shown in ((2, False), (4, True)):
            self.offer(id)
            self.one.pass_time(59.0)
            self.one.hear(*[Present(id=id, data=b"proof")] * is_shown)
            self.one.said()
            self.one.pass_time(59.0 if is_shown else 0.0)
            self.assertEqual([], self.one.said())
            self.one.pass_time(1.0)
            self.assertEqual([(id, MultiplexCondition.TIMEOUT)], rejected(self.one.said()))
            self.conclude(id, "c.example")
            self.assertEqual([], self.one.said())

    def test_request_is_spent(self) -> None:
        """E7: whatever ends an exchange, what was asked in it is good for nothing any more."""
        self.offer(2)
        self.assertEqual(1, len(self.one.end.authenticators.outstanding))
        self.one.hear(Reject(id=2, condition=MultiplexCondition.TIMEOUT))
        self.assertEqual(set(), self.one.end.authenticators.outstanding)

    def test_taken_back(self) -> None:
        """A proof that was shown cannot be taken back."""
        self.offer(2)
        self.one.hear(Present(id=2, data=b"proof"))
        self.assertFalse(self.one.hear(Reject(id=2, condition=MultiplexCondition.TIMEOUT)))
        self.assertFalse(self.one.hear(Present(id=2, data=b"proof")))
        self.assertEqual(1, self.one.multiplexer.exchanges)

    def test_offer_taken_back(self) -> None:
        """M4: a peer that waits no longer, while a certificate of before is judged, ends the exchange in good faith."""
        self.one.prove(2, "d.example", "c.example")
        self.one.multiplexer.revoke([C], MultiplexCondition.POLICY_VIOLATION, self.one.now)
        self.one.hear(Revoked(id=self.one.said()[-1].id))  # type: ignore[union-attr]  # it has one
        self.one.hear(Offer(id=4, domain=C))
        self.assertEqual(1, len(self.one.end.told(ProofRecalled)))
        self.assertTrue(self.one.hear(Reject(id=4, condition=MultiplexCondition.TIMEOUT)))
        self.assertEqual(0, self.one.multiplexer.exchanges)

    def test_any_size(self) -> None:
        """E12: whether a proof is of the right size is asked of whoever checks it, also of one that is empty."""
        for id, size in ((2, 24_001), (4, 0)):
            self.offer(id, f"c{id}.example")
            self.one.hear(Present(id=id, data=b"x" * size))
        self.assertEqual(2, len(self.one.end.told(ProofShown)))

    def test_unreadable(self) -> None:
        """A proof that cannot be read ends its exchange; where none is due it is counted."""
        self.offer(2)
        broken = b"<present xmlns='urn:xmpp:mux-cert:0' id='2'>?</present>"
        self.assertEqual([True, False], [self.one.end.take(broken, self.one.now) for _ in range(2)])
        self.assertEqual([(2, MultiplexCondition.BAD_REQUEST)], rejected(self.one.said()))

    def test_unreadable_offer(self) -> None:
        """An offer that cannot be read is rejected where its id can; else it is counted."""
        offers = (b"<offer xmlns='urn:xmpp:mux-cert:0' id='%d' domain='-'/>" % id for id in (2, 3))
        self.assertEqual([True, False], [self.one.end.take(offer, self.one.now) for offer in offers])
        self.assertFalse(self.one.end.take(b"<offer xmlns='urn:xmpp:mux-cert:0' domain='c.example'/>", self.one.now))
        self.assertEqual([(2, MultiplexCondition.BAD_REQUEST)], rejected(self.one.said()))


class TurnedDownTests(VerifyingCase):
    """Offers that are over at once."""

    def test_duplicate(self) -> None:
        """A domain with an open exchange is a duplicate, be the exchange ours or the peer's."""
        self.offer(2)
        self.one.want("a.example", "d.example")
        self.offer(4)
        self.offer(6, "d.example")
        expected = [(4, MultiplexCondition.DUPLICATE), (6, MultiplexCondition.DUPLICATE)]
        self.assertEqual(expected, rejected(self.one.said()))

    def test_wanted(self) -> None:
        """T24: a domain of ours is not asked for."""
        found = self.one.want("a.example", "a.example")
        self.assertIs(MultiplexCondition.POLICY_VIOLATION, getattr(found, "condition", None))

    def test_policy(self) -> None:
        """M5: a domain that policy denies, or wants on a stream of its own, is turned down."""
        self.deny(C)
        self.offer(2)
        self.offer(4, "d.example")
        self.assertEqual([(2, MultiplexCondition.POLICY_VIOLATION)], rejected(self.one.said()))

    def test_order(self) -> None:
        """The first reason that fits is told: a limit, a duplicate, a fence, policy."""
        self.one.prove(2, "c.example")
        self.offer(4, "c.example", renew=True)
        self.one.multiplexer.revoke([C], MultiplexCondition.POLICY_VIOLATION, self.one.now)
        self.deny(C)
        self.one.said()
        self.offer(6)
        self.assertEqual([(6, MultiplexCondition.TRY_AGAIN)], rejected(self.one.said()))
        self.one.pass_time(60.0)
        self.one.said()
        self.offer(8)
        self.assertEqual([(8, MultiplexCondition.POLICY_VIOLATION)], rejected(self.one.said()))

    def deny(self, domain: DomainName) -> None:
        """Want a domain on a stream of its own."""
        policies = PeerPolicies(domains={domain: PeerPolicy(is_multiplexed=False)})
        conversation = self.one.end.conversation
        conversation.domains = replace(conversation.domains, policies=lambda: policies)


class OwnDomainTests(VerifyingCase):
    """The peer offers a domain that is ours."""

    def shown(self, id: int, domain: str) -> None:
        """Have the peer offer and show something."""
        self.offer(id, domain)
        self.assertTrue(self.asked())
        self.one.hear(Present(id=id, data=b"proof"))

    def test_proven(self) -> None:
        """T24: a domain of ours is the peer's at no time, though it holds a good certificate for it."""
        self.shown(2, "a.example")
        self.conclude(2, "a.example")
        self.assertEqual([(2, MultiplexCondition.POLICY_VIOLATION)], rejected(self.one.said()))
        self.assertFalse(self.one.multiplexer.peers.is_open(A))

    def test_not_proven(self) -> None:
        """Whoever cannot prove a domain hears of ours, be it hidden or not, what he hears of any other."""
        self.one.end.hosted.add(D)
        self.one.end.hidden.add(D)
        for id, domain in ((2, "a.example"), (4, "d.example"), (6, "x.example")):
            self.shown(id, domain)
            self.one.multiplexer.conclude(id, UNTRUSTED, self.one.now)
            self.assertEqual([Reject(id=id, condition=UNTRUSTED.condition, text=UNTRUSTED.text)], self.one.said())

    def test_guessed(self) -> None:
        """Failed proofs of domains of ours count against the peer as those of any other do."""
        self.one = OneEnd(limits=MultiplexLimits(max_failures=1))
        self.shown(2, "a.example")
        self.one.multiplexer.conclude(2, UNTRUSTED, self.one.now)
        self.one.said()
        self.offer(4)
        self.assertEqual([(4, MultiplexCondition.TOO_MANY)], rejected(self.one.said()))

    def test_named_before(self) -> None:
        """T24: where a certificate that was accepted names it, that one is judged, and does not give it either."""
        self.one.prove(2, "c.example", "a.example")
        self.one.said()
        self.offer(4, "a.example")
        self.assertEqual(1, len(self.one.end.told(ProofRecalled)))
        self.conclude(4, "a.example")
        self.assertEqual([(4, MultiplexCondition.POLICY_VIOLATION)], rejected(self.one.said()))


class AskingTests(VerifyingCase):
    """A domain that we ask for."""

    def test_unasked(self) -> None:
        """M5: a domain that the peer is believed to have is asked for, and proven like any other."""
        self.assertIsNone(self.one.want("a.example", "c.example"))
        self.assertTrue(self.asked())
        self.one.hear(Present(id=1, data=b"proof"))
        self.conclude(1, "c.example")
        self.assertTrue(self.one.multiplexer.may_send(pair("a.example", "c.example")))

    def test_not_there(self) -> None:
        """M4: a domain that the peer has not goes another way, and is not asked for within the hour."""
        self.one.want("a.example", "c.example")
        self.one.hear(Reject(id=1, condition=MultiplexCondition.UNKNOWN_DOMAIN))
        self.assertEqual({C: MultiplexCondition.UNKNOWN_DOMAIN}, refused(self.one.end.events, Whose.PEERS))
        self.one.pass_time(3_599.0)
        self.assertIsNotNone(self.one.want("a.example", "c.example"))
        self.one.pass_time(1.0)
        self.assertIsNone(self.one.want("a.example", "c.example"))

    def test_served(self) -> None:
        """S12: of an accepted name the peer is asked with nothing whether it serves it, then it may be sent to."""
        self.one.prove(2, "c.example", "*.w.example")
        self.one.said()
        self.one.want("a.example", "x.w.example")
        self.assertEqual([Request(id=1, domain=name("x.w.example"), data=b"")], self.one.said())
        self.assertFalse(self.one.hear(Present(id=1, data=b"more than asked for")))
        self.one.hear(Present(id=1, data=b""))
        self.assertEqual([Accept(id=1, certificate=2, names=listed(name("x.w.example")))], self.one.said())
        self.assertTrue(self.one.multiplexer.may_send(pair("a.example", "x.w.example")))

    def test_served_no_more(self) -> None:
        """S12: what is no longer accepted when the peer says that it serves it is not opened by that."""
        self.one.prove(2, "c.example", "d.example")
        self.one.want("a.example", "d.example")
        self.one.multiplexer.revoke_certificate(2, MultiplexCondition.CERTIFICATE_EXPIRED, self.one.now)
        self.one.hear(Present(id=1, data=b""))
        self.assertEqual([(1, MultiplexCondition.TRY_AGAIN)], rejected(self.one.said()))
        self.assertFalse(self.one.multiplexer.peers.is_open(D))

    def test_needless(self) -> None:
        """What has come to be usable while it stood in line is not asked for."""
        self.one = OneEnd(max_pending=1)
        self.one.accept("a.example")
        self.one.want("a.example", "c.example")
        self.one.want("a.example", "d.example")
        self.one.prove(2, "d.example")
        self.one.said()
        self.one.hear(Reject(id=1, condition=MultiplexCondition.TIMEOUT))
        self.assertEqual([], self.one.said())


class NamesLimitTests(VerifyingCase):
    """How many names and certificates are kept."""

    limits = MultiplexLimits(max_domains=4)

    def test_limit(self) -> None:
        """Up to max-domains names are kept; an offer of one more is too-many, one of a name that is kept is not."""
        self.one.prove(2, "c.example", "d.example", "e.example")
        self.one.said()
        self.assertEqual(4, len(self.one.multiplexer.peers))
        self.offer(4, "f.example")
        self.offer(6, "d.example", renew=True)
        self.assertEqual([(4, MultiplexCondition.TOO_MANY)], rejected(self.one.said()))

    def test_list(self) -> None:
        """Names for which there is no room are not listed."""
        self.one.prove(2, "c.example", "d.example", "e.example", "f.example")
        accept = self.one.said()[-1]
        self.assertEqual((3, C), (len(accept.names), accept.names[0].name))  # type: ignore[union-attr]  # it has some
        self.assertEqual(4, len(self.one.multiplexer.peers))

    def test_filled_meanwhile(self) -> None:
        """A domain for which there was room when it was offered, and is none when it is proven, is too-many."""
        self.offer(2, "f.example")
        self.one.hear(Present(id=2, data=b"proof"))
        self.one.prove(4, "c.example", "d.example", "e.example")
        self.one.said()
        self.conclude(2, "f.example")
        self.assertEqual([(2, MultiplexCondition.TOO_MANY)], rejected(self.one.said()))

    def test_served_without_room(self) -> None:
        """A name below a pattern that finds no room of its own is too-many."""
        self.one.prove(2, "c.example", "d.example", "*.w.example")
        self.one.want("a.example", "x.w.example")
        self.one.said()
        self.one.hear(Present(id=1, data=b""))
        self.assertEqual([(1, MultiplexCondition.TOO_MANY)], rejected(self.one.said()))

    def test_certificates(self) -> None:
        """Twice as many certificates as names are kept, whose names may be the same; one more is too-many."""
        for number in range(7):
            self.one.prove(2 * number + 2, "c.example", subject=f"{number}")
        self.assertEqual(8, len(self.one.multiplexer.peers.certificates))
        self.one.said()
        self.offer(100, renew=True)
        self.assertEqual([(100, MultiplexCondition.TOO_MANY)], rejected(self.one.said()))

    def test_hosted_meanwhile(self) -> None:
        """T24: a domain that we have come to host while it was judged is not accepted."""
        self.offer(2)
        self.one.hear(Present(id=2, data=b"proof"))
        self.one.end.hosted.add(C)
        self.one.said()
        self.conclude(2, "c.example")
        self.assertEqual([(2, MultiplexCondition.POLICY_VIOLATION)], rejected(self.one.said()))
