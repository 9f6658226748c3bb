"""Certificates of the peer that are recalled, replaced, or end."""

from __future__ import annotations

from dataclasses import replace

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import Accept, Offer, Revoke, Revoked
from muxs2s.multiplex.events import ProofRecalled, ProofShown, Whose
from muxs2s.multiplex.names import Standing
from muxs2s.wire.errors import RemoteViolation, StreamCondition
from tests.multiplex.twoends import OneEnd, closed, issued, name, rejected, vouched
from tests.multiplex.verifyingcase import VerifyingCase, listed

A, B, C, D = map(name, ("a.example", "b.example", "c.example", "d.example"))


class RecallTests(VerifyingCase):
    """A certificate that was accepted names the domain."""

    def setUp(self) -> None:
        super().setUp()
        self.one.hear(Offer(id=2, domain=C))
        self.one.show(2, issued("c.example", "d.example"))
        verdict = vouched(C, (issued("c.example", "d.example").leaf,))
        self.one.multiplexer.conclude(2, replace(verdict, names=listed(C)), self.one.now)
        self.one.said()
        self.one.end.told(ProofShown)

    def test_recalled(self) -> None:
        """M7: a further name of an accepted certificate is judged by itself, and given by that certificate."""
        self.offer(4, "d.example")
        (recalled,) = self.one.end.told(ProofRecalled)
        chain = (issued("c.example", "d.example").leaf,)
        self.assertEqual(ProofRecalled(id=4, domain=D, chain=chain), recalled)
        self.one.multiplexer.conclude(
            4, replace(vouched(D, (issued("d.example").leaf,)), names=listed(D)), self.one.now
        )
        self.assertEqual([Accept(id=4, certificate=2, names=listed(D))], self.one.said())
        self.assertEqual([0, 2], list(self.one.multiplexer.peers.certificates))

    def test_renewed(self) -> None:
        """M6: with a newer certificate the domain is asked for, though an older one names it."""
        self.offer(4, "d.example", renew=True)
        self.assertTrue(self.asked())

    def test_gone(self) -> None:
        """M12: a certificate that has gone while it was judged gives nothing."""
        self.offer(4, "d.example")
        self.one.multiplexer.revoke_certificate(2, MultiplexCondition.CERTIFICATE_EXPIRED, self.one.now)
        self.conclude(4, "d.example")
        self.assertEqual([(4, MultiplexCondition.TRY_AGAIN)], rejected(self.one.said()))

    def test_judged_later(self) -> None:
        """M7: names that were judged later are added to a certificate, as long as it is accepted."""
        self.one.multiplexer.add_names(2, listed(D, A))
        self.assertEqual([Accept(id=2, certificate=None, names=listed(D))], self.one.said())
        self.one.multiplexer.add_names(2, listed(A))
        self.one.multiplexer.add_names(9, listed(C))
        self.assertEqual([], self.one.said())


class ReplacingTests(VerifyingCase):
    """M6: a certificate of the same subject."""

    def test_replaced(self) -> None:
        """M6: the new one is accepted, then the old one revoked; names of both have no gap, the others lapse."""
        self.one.prove(2, "c.example", "d.example", subject="one")
        self.one.said()
        self.one.prove(4, "c.example", "e.example", subject="one")
        accept, revoke = self.one.said()[-2:]
        self.assertIsInstance(accept, Accept)
        self.assertEqual(Revoke(id=1, certificate=2, names=(), condition=MultiplexCondition.REPLACED), revoke)
        self.assertEqual([0, 4], list(self.one.multiplexer.peers.certificates))
        standings = [self.one.multiplexer.peers.standing(each) for each in (C, D)]
        self.assertEqual([Standing.OPEN, Standing.REVOKING], standings)
        self.assertEqual({D}, closed(self.one.end.events, Whose.PEERS))

    def test_other_subject(self) -> None:
        """M6: certificates of other subjects stand beside each other."""
        self.one.prove(2, "c.example", subject="one")
        self.one.prove(4, "c.example", subject="two")
        self.assertEqual([0, 2, 4], list(self.one.multiplexer.peers.certificates))

    def test_handshake(self) -> None:
        """M6, S25: certificate 0 is replaced like any other; the stream goes with the header's domain."""
        self.one.prove(2, "b.example")
        self.assertEqual([2], list(self.one.multiplexer.peers.certificates))
        self.one = OneEnd()
        self.one.multiplexer.peers.drop(0)
        shown = issued("b.example", subject="one")
        self.one.multiplexer.begin(vouched(B, (shown.leaf,)), self.one.now)
        violation = self.assertRaises(RemoteViolation, self.one.prove, 2, "c.example", subject="one")
        self.assertIs(StreamCondition.RESET, violation.condition)


class ExpiryTests(VerifyingCase):
    """Certificates end."""

    def test_end(self) -> None:
        """S25, T21: when its chain ends a certificate is revoked; its names lapse, the stream and the others go on."""
        self.one.prove(2, "c.example", until=2_000.0)
        self.one.said()
        self.assertEqual(2_000.0, self.one.multiplexer.deadline)
        self.one.pass_time(999.9)
        self.assertEqual([], self.one.said())
        self.one.pass_time(0.1)
        expected = Revoke(id=1, certificate=2, names=(), condition=MultiplexCondition.CERTIFICATE_EXPIRED)
        self.assertEqual([expected], self.one.said())
        self.assertIs(Standing.REVOKING, self.one.multiplexer.peers.standing(C))
        self.one.hear(Revoked(id=1))
        self.assertEqual([Revoked(id=1)], self.one.said())
        self.assertIs(Standing.OUT, self.one.multiplexer.peers.standing(C))

    def test_renewed_before(self) -> None:
        """M6: where a newer certificate was accepted before, nothing happens when the older one would have ended."""
        self.one.prove(2, "c.example", until=2_000.0)
        self.one.prove(4, "c.example", until=9_000.0)
        self.one.hear(Revoked(id=1))
        self.one.said()
        self.one.pass_time(1_500.0)
        self.assertEqual([], self.one.said())

    def test_renewed_after(self) -> None:
        """M6: where it is accepted after, stanzas bounce until then, and the name is back at once."""
        self.one.prove(2, "c.example", until=2_000.0)
        self.one.pass_time(1_000.0)
        self.one.prove(4, "c.example", until=9_000.0)
        self.assertIs(Standing.OPEN, self.one.multiplexer.peers.standing(C))
        self.one.hear(Revoked(id=1))
        self.assertIs(Standing.OPEN, self.one.multiplexer.peers.standing(C))

    def test_handshake(self) -> None:
        """S25: when certificate 0 ends and no other covers the header's domain, the stream is reset."""
        multiplexer = self.one.multiplexer
        violation = self.assertRaises(
            RemoteViolation, multiplexer.revoke_certificate, 0, MultiplexCondition.CERTIFICATE_EXPIRED, self.one.now
        )
        self.assertIs(StreamCondition.RESET, violation.condition)

    def test_handshake_covered(self) -> None:
        """S25: where another certificate covers it, the stream goes on."""
        self.one.prove(2, "c.example", "b.example")
        self.one.multiplexer.revoke_certificate(0, MultiplexCondition.CERTIFICATE_EXPIRED, self.one.now)
        self.assertTrue(self.one.multiplexer.peers.is_open(B))

    def test_not_accepted(self) -> None:
        """A certificate that is not accepted, or was not even that of the handshake, cannot be revoked."""
        one = OneEnd(known=False)
        for id in (0, 7):
            one.multiplexer.revoke_certificate(id, MultiplexCondition.CERTIFICATE_EXPIRED, one.now)
        self.assertEqual([], one.said())

    def test_until(self) -> None:
        """T21: the peer hears when what it has proven will end, by portions where there are many names."""
        names = [f"{'n' * 60}.{'n' * 60}{number}.example" for number in range(250)]
        credentials = issued("c.example", *names)
        self.offer(2)
        self.one.show(2, credentials)
        self.one.said()
        self.one.multiplexer.conclude(2, vouched(C, (credentials.leaf,), 2_000.0), self.one.now)
        accepts = self.one.said()
        self.assertEqual(2, len(accepts))
        every = [each for accept in accepts if isinstance(accept, Accept) for each in accept.names]
        self.assertEqual((251, {2_000.0}), (len(every), {each.until for each in every}))
