"""Taking names off a stream."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import Accept, ListedName, Offer, Reject, Request, Revoke, Revoked, Withdraw, Withdrawn
from muxs2s.multiplex.events import Whose
from muxs2s.multiplex.limits import MultiplexLimits
from muxs2s.multiplex.names import Standing
from muxs2s.stream.associations import Admission, Direction, Grant
from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.names import DomainPattern, Name
from tests.multiplex.twoends import OneEnd, TwoEnds, closed, issued, name, pair, refused, rejected

A, B, C, D = map(name, ("a.example", "b.example", "c.example", "d.example"))
PATTERN = DomainPattern(name("w.example"))
DENIED = MultiplexCondition.POLICY_VIOLATION


class RemovingCase(SynchronousTestCase):
    """An end of ``c.example`` and ``d.example``; the peer has accepted both and proven ``p.example``."""

    def setUp(self, *, known: bool = True) -> None:
        self.one = OneEnd("c.example", "d.example", known=known)
        self.one.end.certificates[C] = issued("c.example", "d.example", "*.w.example")
        self.one.multiplexer.offer(C, self.one.now)
        self.one.hear(Request(id=1, domain=C, data=b"peer 1: c.example"))
        self.one.multiplexer.present(1, b"proof", self.one.now)
        names = tuple(ListedName(name=each) for each in (C, D, PATTERN))
        self.one.hear(Accept(id=1, certificate=None, names=names))
        self.one.prove(2, "p.example", "*.q.example")
        self.one.said()
        self.one.end.events.clear()
        self.own, self.peers = self.one.multiplexer.own, self.one.multiplexer.peers

    def examine(self, direction: Direction, sender: str, target: str) -> Admission:
        """What the check says of a pair."""
        return self.one.end.associations.examine(direction, pair(sender, target), self.one.now)


class WithdrawTests(RemovingCase):
    """M12: our domains, taken off by us."""

    def test_fence(self) -> None:
        """M12: nothing new leaves from the start, what comes is taken until the peer is done; then the name is out."""
        self.one.multiplexer.withdraw([C], self.one.now)
        self.assertEqual([Withdraw(id=3, names=(C,))], self.one.said())
        self.assertEqual({C}, closed(self.one.end.events, Whose.OURS))
        self.assertIs(Admission.FOREIGN_SENDER, self.examine(Direction.OUTBOUND, "c.example", "p.example"))
        self.assertIs(Admission.ADMITTED, self.examine(Direction.INBOUND, "p.example", "c.example"))
        self.one.pass_time(1_000_000.0)
        self.assertFalse(self.one.multiplexer.is_idle)
        self.one.hear(Withdrawn(id=3))
        self.assertEqual([Withdrawn(id=3)], self.one.said())
        self.assertIs(Admission.UNKNOWN_TARGET, self.examine(Direction.INBOUND, "p.example", "c.example"))
        self.assertIs(Admission.ADMITTED, self.examine(Direction.OUTBOUND, "d.example", "p.example"))
        self.assertTrue(self.one.multiplexer.is_idle)

    def test_again(self) -> None:
        """M12: what was taken off can be proven again."""
        self.one.multiplexer.withdraw([C], self.one.now)
        self.one.hear(Withdrawn(id=3))
        self.one.said()
        self.assertIsNone(self.one.want("c.example", "p.example"))
        self.one.hear(Accept(id=5, certificate=1, names=(ListedName(name=C),)))
        self.assertTrue(self.one.multiplexer.may_send(pair("c.example", "p.example")))

    def test_never_there(self) -> None:
        """Of a domain that was never on this stream, or is off it by now, the peer hears nothing."""
        for _ in range(2):
            self.one.multiplexer.withdraw([A, name("secret.example"), DomainPattern(A)], self.one.now)
            self.assertEqual([], self.one.said())
            self.one.multiplexer.withdraw([C, C, PATTERN], self.one.now)
            self.one.multiplexer.withdraw([C, PATTERN], self.one.now)
            self.assertEqual([Withdraw(id=3, names=(C, PATTERN))], self.one.said()[:1])
            self.one.hear(Withdrawn(id=3))
            self.assertIs(Standing.OUT, self.own.standing(C))
            self.setUp()

    def test_below_pattern(self) -> None:
        """M12: a domain that a pattern gives can be taken off by itself, and so can the pattern."""
        x, y = name("x.w.example"), name("y.w.example")
        self.one.multiplexer.withdraw([x], self.one.now)
        self.one.hear(Withdrawn(id=3))
        self.assertEqual([Standing.OUT, Standing.OPEN], [self.own.standing(each) for each in (x, y)])
        self.one.multiplexer.withdraw([PATTERN], self.one.now)
        self.one.hear(Withdrawn(id=5))
        self.assertIs(Standing.OUT, self.own.standing(y))

    def test_wanted(self) -> None:
        """M12: a domain that stands in line is in it no longer, and the peer need not know."""
        one = OneEnd("c.example", "d.example", max_pending=1)
        one.want("c.example", "b.example")
        one.want("d.example", "b.example")
        one.said()
        one.multiplexer.withdraw([D], one.now)
        one.hear(Reject(id=1, condition=MultiplexCondition.TIMEOUT))
        self.assertEqual([], one.said())

    def test_open_exchange(self) -> None:
        """M12: a domain whose exchange is open is taken off, though an accept is on its way."""
        self.one.multiplexer.offer(A, self.one.now)
        self.one.said()
        self.one.multiplexer.withdraw([A], self.one.now)
        self.assertEqual([Withdraw(id=5, names=(A,))], self.one.said())
        self.one.hear(Accept(id=3, certificate=0, names=(ListedName(name=A),)))
        self.assertIs(Standing.WITHDRAWING, self.own.standing(A))
        self.one.hear(Withdrawn(id=5))
        self.assertIs(Standing.OUT, self.own.standing(A))

    def test_earlier_pair(self) -> None:
        """M12: a pair proven earlier goes with its domain, and pauses while the fence is open."""
        table = self.one.end.associations
        for direction, each in (
            (Direction.OUTBOUND, pair("a.example", "p.example")),
            (Direction.INBOUND, pair("p.example", "a.example")),
        ):
            table.accept_pair(direction, each, Grant(prooftype="dialback", evidence="a test"))
        self.one.multiplexer.withdraw([A], self.one.now)
        self.assertEqual([Withdraw(id=3, names=(A,))], self.one.said())
        self.assertIs(Admission.FOREIGN_SENDER, self.examine(Direction.OUTBOUND, "a.example", "p.example"))
        self.assertIs(Admission.ADMITTED, self.examine(Direction.INBOUND, "p.example", "a.example"))
        self.one.hear(Withdrawn(id=3))
        self.assertFalse(table.involves(A))

    def test_many(self) -> None:
        """M12: a thousand domains are taken off in as few elements as they fit into, and both ends agree."""
        first = {f"{'n' * 50}{number}.example": (f"{'n' * 50}{number}.example",) for number in range(2)}
        names = [name(f"{'n' * 50}{number}.example") for number in range(1_000)]
        ends = TwoEnds(first, {"b.example": ("b.example",)})
        for end, accepted in ((ends.first, ends.first.multiplexer.own), (ends.second, ends.second.multiplexer.peers)):
            accepted.give(0, names)
            end.events.clear()
        ends.first.multiplexer.withdraw(names, ends.now)
        self.assertEqual(3, len(ends.first.said))
        ends.settle()
        self.assertEqual({Standing.OUT}, {ends.second.multiplexer.peers.standing(each) for each in names})
        self.assertTrue(ends.first.multiplexer.is_idle and ends.second.multiplexer.is_idle)


class RevokeTests(RemovingCase):
    """M12: domains of the peer, taken off by us."""

    P = name("p.example")

    def test_fence(self) -> None:
        """M12: nothing goes to the name, what comes from it bounces; when the peer is done it is out."""
        self.one.multiplexer.revoke([self.P], DENIED, self.one.now)
        self.assertEqual([Revoke(id=3, certificate=None, names=(self.P,), condition=DENIED)], self.one.said())
        self.assertEqual({self.P}, closed(self.one.end.events, Whose.PEERS))
        self.assertIs(Admission.UNKNOWN_TARGET, self.examine(Direction.OUTBOUND, "c.example", "p.example"))
        self.assertIs(Admission.REVOKED, self.examine(Direction.INBOUND, "p.example", "c.example"))
        self.one.hear(Revoked(id=3))
        self.assertEqual([Revoked(id=3)], self.one.said())
        self.assertIs(Admission.FOREIGN_SENDER, self.examine(Direction.INBOUND, "p.example", "c.example"))

    def test_while_withdrawn(self) -> None:
        """M12, T24: a domain that its end is taking off, and that moves to us, is revoked beside that."""
        self.one.hear(Withdraw(id=4, names=(self.P,)))
        self.one.said()
        self.assertIs(Admission.ADMITTED, self.examine(Direction.INBOUND, "p.example", "c.example"))
        self.one.multiplexer.revoke([self.P], DENIED, self.one.now)
        self.assertIs(Admission.REVOKED, self.examine(Direction.INBOUND, "p.example", "c.example"))
        self.one.multiplexer.revoke([self.P], DENIED, self.one.now)
        self.assertEqual([Revoke(id=3, certificate=None, names=(self.P,), condition=DENIED)], self.one.said())

    def test_unconfirmed(self) -> None:
        """M12: a minute without an answer counts as one, and an answer after that as none."""
        self.one.multiplexer.revoke([self.P], DENIED, self.one.now)
        self.one.said()
        self.one.pass_time(59.9)
        self.assertEqual([], self.one.said())
        self.one.pass_time(0.1)
        self.assertEqual([Revoked(id=3)], self.one.said())
        self.assertTrue(self.one.hear(Revoked(id=3)))
        self.assertEqual((Standing.OUT, True), (self.peers.standing(self.P), self.one.multiplexer.is_idle))

    def test_exchange(self) -> None:
        """M12: an exchange for the name ends with try-again, before the revocation is said."""
        self.one.hear(Offer(id=4, domain=self.P, renew=True))
        self.one.said()
        self.one.multiplexer.revoke([self.P, DomainPattern(name("q.example"))], DENIED, self.one.now)
        reject, revoke = self.one.said()
        self.assertEqual([(4, MultiplexCondition.TRY_AGAIN)], rejected([reject]))
        self.assertIsInstance(revoke, Revoke)
        self.assertEqual({self.P: MultiplexCondition.TRY_AGAIN}, refused(self.one.end.events, Whose.PEERS))

    def test_never_there(self) -> None:
        """Of what was never accepted the peer hears nothing."""
        self.one.multiplexer.revoke([name("x.example"), DomainPattern(C)], DENIED, self.one.now)
        self.assertEqual([], self.one.said())

    def test_below_pattern(self) -> None:
        """T24: a domain below a pattern that is to be ours is taken off before it is."""
        domain = name("x.q.example")
        self.one.multiplexer.revoke([domain], DENIED, self.one.now)
        self.one.end.hosted.add(domain)
        self.assertIs(Standing.REVOKING, self.peers.standing(domain))
        self.assertIs(Standing.OPEN, self.peers.standing(name("y.q.example")))

    def test_earlier_pair(self) -> None:
        """M12: stanzas of a pair proven earlier bounce like others from a name that is revoked."""
        self.setUp(known=False)
        grant = Grant(prooftype="dialback", evidence="a test")
        self.one.end.associations.accept_pair(Direction.INBOUND, pair("b.example", "c.example"), grant)
        self.assertIs(Admission.ADMITTED, self.examine(Direction.INBOUND, "b.example", "c.example"))
        self.one.multiplexer.revoke([B], DENIED, self.one.now)
        self.assertIs(Admission.REVOKED, self.examine(Direction.INBOUND, "b.example", "c.example"))
        self.one.hear(Revoked(id=3))
        self.assertIs(Admission.FOREIGN_SENDER, self.examine(Direction.INBOUND, "b.example", "c.example"))


class ByPeerTests(RemovingCase):
    """M12: what the peer takes off."""

    P = name("p.example")

    def withdraw(self, id: int, *names: Name) -> bool:
        """Have the peer take names of its own off."""
        return self.one.hear(Withdraw(id=id, names=names))

    def test_withdraw(self) -> None:
        """M12: the peer hears that nothing more goes to its name; until it is done too, what comes is taken."""
        self.withdraw(4, self.P)
        self.assertEqual([Withdrawn(id=4)], self.one.said())
        self.assertEqual({self.P}, closed(self.one.end.events, Whose.PEERS))
        self.assertIs(Admission.UNKNOWN_TARGET, self.examine(Direction.OUTBOUND, "c.example", "p.example"))
        self.assertIs(Admission.ADMITTED, self.examine(Direction.INBOUND, "p.example", "c.example"))
        self.one.hear(Withdrawn(id=4))
        self.assertEqual([], self.one.said())
        self.assertIs(Admission.FOREIGN_SENDER, self.examine(Direction.INBOUND, "p.example", "c.example"))

    def test_revoke(self) -> None:
        """M12: the peer hears that nothing more comes from our name; errors to it are taken until it is done."""
        self.one.hear(Revoke(id=4, certificate=None, names=(C,), condition=DENIED))
        self.assertEqual([Revoked(id=4)], self.one.said())
        self.assertIs(Admission.FOREIGN_SENDER, self.examine(Direction.OUTBOUND, "c.example", "p.example"))
        self.assertIs(Admission.ADMITTED, self.examine(Direction.INBOUND, "p.example", "c.example"))
        self.one.hear(Revoked(id=4))
        self.assertIs(Admission.UNKNOWN_TARGET, self.examine(Direction.INBOUND, "p.example", "c.example"))

    def test_certificate(self) -> None:
        """M12: with a certificate go the names that no other gives; a list gives them back."""
        self.one.hear(Revoke(id=4, certificate=1, names=(), condition=DENIED))
        self.assertEqual({C, D, PATTERN}, closed(self.one.end.events, Whose.OURS))
        self.one.hear(Accept(id=0, certificate=None, names=(ListedName(name=A),)), Revoked(id=4))
        self.assertEqual([Revoked(id=4)], self.one.said())
        self.assertEqual([A], [each for each in self.own if isinstance(each, str)])

    def test_unknown_certificate(self) -> None:
        """A certificate that we do not know, or that gives nothing alone, is answered all the same, and not kept."""
        for id in (4, 6):
            self.one.hear(Revoke(id=id, certificate=99, names=(), condition=DENIED))
        self.assertEqual([Revoked(id=4), Revoked(id=6)], self.one.said())
        self.assertTrue(self.one.hear(Revoked(id=4)))
        self.assertTrue(self.one.multiplexer.is_idle)
        self.assertEqual(set(), closed(self.one.end.events, Whose.OURS))

    def test_nothing_there(self) -> None:
        """M11, M12: what was never accepted is answered all the same, and good for nothing meanwhile."""
        self.withdraw(4, name("victim.example"))
        self.assertEqual([Withdrawn(id=4)], self.one.said())
        self.assertIs(Admission.FOREIGN_SENDER, self.examine(Direction.INBOUND, "victim.example", "c.example"))
        self.one.hear(Revoke(id=6, certificate=None, names=(A,), condition=DENIED))
        self.assertIs(Admission.UNKNOWN_TARGET, self.examine(Direction.INBOUND, "p.example", "a.example"))

    def test_other_kind(self) -> None:
        """A withdrawal is not confirmed by the word for a revocation, nor the other way about."""
        self.withdraw(4, self.P)
        self.one.hear(Revoke(id=6, certificate=None, names=(C,), condition=DENIED))
        self.assertEqual([False, False], [self.one.hear(each) for each in (Revoked(id=4), Withdrawn(id=6))])
        self.assertFalse(self.one.multiplexer.is_idle)

    def test_twice(self) -> None:
        """M12: names that are being taken off already are answered again, and leave with the first fence."""
        self.withdraw(4, self.P)
        self.withdraw(6, self.P, self.P)
        self.assertEqual([Withdrawn(id=4), Withdrawn(id=6)], self.one.said())
        self.one.hear(Withdrawn(id=6))
        self.assertIs(Standing.WITHDRAWING, self.peers.standing(self.P))
        self.one.hear(Withdrawn(id=4))
        self.assertIs(Standing.OUT, self.peers.standing(self.P))

    def test_crossing(self) -> None:
        """M12: a withdrawal and a revocation of one name cross; both fences run and end at both ends."""
        ends = TwoEnds({"a.example": ("a.example",), "c.example": ("c.example",)}, {"b.example": ("b.example",)})
        ends.first.multiplexer.offer(C, ends.now)
        ends.settle()
        ends.first.multiplexer.withdraw([C], ends.now)
        ends.second.multiplexer.revoke([C], DENIED, ends.now)
        ends.settle()
        self.assertTrue(ends.first.multiplexer.is_idle and ends.second.multiplexer.is_idle)
        ends.first.multiplexer.offer(C, ends.now)
        ends.settle()
        self.assertTrue(ends.second.multiplexer.peers.is_open(C))


class RoomTests(RemovingCase):
    """How many names a peer can make us keep by taking them off."""

    def take_off(self, id: int, element: type[Withdraw], first: int, count: int) -> None:
        """Have the peer take off names that were never there."""
        self.one.hear(
            element(id=id, names=tuple(name(f"n{number}.x.example") for number in range(first, first + count)))
        )

    def test_withdrawn(self) -> None:
        """Up to max-domains names are kept, closed ones too; one more ends the stream. Known names are no more."""
        self.one = OneEnd(limits=MultiplexLimits(max_domains=3))
        self.take_off(2, Withdraw, 0, 2)
        self.take_off(4, Withdraw, 0, 1)
        self.one.hear(Withdraw(id=6, names=(B,)))
        violation = self.assertRaises(RemoteViolation, self.take_off, 8, Withdraw, 7, 1)
        self.assertIs(StreamCondition.POLICY_VIOLATION, violation.condition)

    def test_revoked(self) -> None:
        """So it is with names that are not ours; our own can always be revoked."""
        self.one = OneEnd("c.example", "d.example", "e.example", limits=MultiplexLimits(max_domains=3))
        hosted = tuple(map(name, ("a.example", "c.example", "d.example", "e.example")))
        self.one.hear(Revoke(id=2, certificate=None, names=hosted, condition=DENIED))
        foreign = Revoke(id=4, certificate=None, names=(name("x.example"),), condition=DENIED)
        self.assertRaises(RemoteViolation, self.one.hear, foreign)
        self.assertEqual(4, len(self.one.multiplexer.own))

    def test_hidden(self) -> None:
        """A hidden domain counts as one that is not ours: the room that is left tells nothing of it."""
        self.one = OneEnd("c.example", limits=MultiplexLimits(max_domains=3))
        self.one.end.hidden.add(name("c.example"))
        full = tuple(map(name, ("x.example", "y.example", "z.example")))
        self.one.hear(Revoke(id=2, certificate=None, names=full, condition=DENIED))
        hidden = Revoke(id=4, certificate=None, names=(name("c.example"),), condition=DENIED)
        self.assertRaises(RemoteViolation, self.one.hear, hidden)
