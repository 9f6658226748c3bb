"""Tests of :mod:`muxs2s.stream.associations`."""

from __future__ import annotations

from itertools import product

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream.associations import Admission, Association, AssociationTable, Direction, Grant
from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.names import DomainName, DomainPair
from tests.stream.scripts import PAIR, A, B, C, message

FOR_EVER = Grant(prooftype="pkix", evidence="sha256:00")
UNTIL_NOON = Grant(prooftype="dialback", evidence="key for stream 1", until=12.0)

IN, OUT = Direction.INBOUND, Direction.OUTBOUND


def names(prefix: str, count: int) -> list[DomainName]:
    """Some domains."""
    return [DomainName.parse(f"{prefix}{number}.example") for number in range(count)]


class GrantTests(SynchronousTestCase):
    """How long a grant holds."""

    def test_end(self) -> None:
        """A grant holds up to its end and not at it; one without an end holds for ever."""
        self.assertEqual([True, False, False], [UNTIL_NOON.holds(now) for now in (11.999, 12.0, 13.0)])
        self.assertTrue(FOR_EVER.holds(1e12))


class DomainGrantTests(SynchronousTestCase):
    """Domains of either side, accepted by the other."""

    def setUp(self) -> None:
        """Accept a domain of each side, inbound."""
        self.table = AssociationTable()
        self.table.accept_sender(IN, A, FOR_EVER)
        self.table.accept_target(IN, B, FOR_EVER)

    def test_admitted(self) -> None:
        """A stanza passes from an accepted sender domain to an accepted target domain."""
        self.assertIs(Admission.ADMITTED, self.table.examine(IN, PAIR, 0.0))

    def test_not_admitted(self) -> None:
        """A foreign sender is told from an unknown target; the sender is looked at first."""
        for pair, admission in (
            (DomainPair(C, B), Admission.FOREIGN_SENDER),
            (DomainPair(A, C), Admission.UNKNOWN_TARGET),
            (DomainPair(C, C), Admission.FOREIGN_SENDER),
            (DomainPair(B, A), Admission.FOREIGN_SENDER),
        ):
            self.assertIs(admission, self.table.examine(IN, pair, 0.0), pair)

    def test_direction(self) -> None:
        """A grant for one direction is none for the other, for the pair as for its reverse."""
        for pair in (PAIR, PAIR.reversed()):
            self.assertIs(Admission.FOREIGN_SENDER, self.table.examine(OUT, pair, 0.0))

    def test_one_side_is_not_enough(self) -> None:
        """A target without a sender admits nothing."""
        table = AssociationTable()
        table.accept_target(IN, B, FOR_EVER)
        self.assertIs(Admission.FOREIGN_SENDER, table.examine(IN, PAIR, 0.0))

    def test_expiry(self) -> None:
        """Where either grant has ended nothing passes; a new grant takes the place of the old."""
        self.table.accept_sender(IN, A, UNTIL_NOON)
        self.assertIs(Admission.ADMITTED, self.table.examine(IN, PAIR, 11.999))
        self.assertIs(Admission.FOREIGN_SENDER, self.table.examine(IN, PAIR, 12.0))
        self.table.accept_sender(IN, A, FOR_EVER)
        self.table.accept_target(IN, B, UNTIL_NOON)
        self.assertIs(Admission.UNKNOWN_TARGET, self.table.examine(IN, PAIR, 12.0))

    def test_withdraw(self) -> None:
        """A withdrawn domain is out in either place and direction; others stay."""
        self.table.accept_sender(OUT, B, FOR_EVER)
        self.table.accept_sender(IN, C, FOR_EVER)
        self.table.withdraw_domain(A)
        self.assertIs(Admission.FOREIGN_SENDER, self.table.examine(IN, PAIR, 0.0))
        self.assertIs(Admission.ADMITTED, self.table.examine(IN, DomainPair(C, B), 0.0))
        self.table.withdraw_domain(B)
        self.assertEqual([C], [line.sender for line in self.table.associations()])

    def test_withdraw_unknown(self) -> None:
        """Withdrawing what was never accepted changes nothing."""
        before = [*self.table.associations()]
        self.table.withdraw_domain(C)
        self.assertEqual(before, [*self.table.associations()])

    def test_memory(self) -> None:
        """A hundred domains on one side and fifty on the other: 150 entries carry 5,000 pairs."""
        table, senders, targets = AssociationTable(), names("s", 100), names("t", 50)
        for sender in senders:
            table.accept_sender(IN, sender, FOR_EVER)
        for target in targets:
            table.accept_target(IN, target, FOR_EVER)
        admitted = {table.examine(IN, DomainPair(*pair), 0.0) for pair in product(senders, targets)}
        self.assertEqual(({Admission.ADMITTED}, 150), (admitted, len([*table.associations()])))


class PairGrantTests(SynchronousTestCase):
    """Single pairs, as dialback proves them."""

    def setUp(self) -> None:
        """Accept one pair, inbound, with an end."""
        self.table = AssociationTable()
        self.table.accept_pair(IN, PAIR, UNTIL_NOON)

    def test_exactly_the_pair(self) -> None:
        """A pair carries itself: no other target, no other sender, not the other way."""
        for pair, admission in (
            (PAIR, Admission.ADMITTED),
            (DomainPair(A, C), Admission.UNKNOWN_TARGET),
            (DomainPair(C, B), Admission.FOREIGN_SENDER),
            (PAIR.reversed(), Admission.FOREIGN_SENDER),
        ):
            self.assertIs(admission, self.table.examine(IN, pair, 0.0), pair)
        self.assertIs(Admission.FOREIGN_SENDER, self.table.examine(OUT, PAIR, 0.0))

    def test_expiry(self) -> None:
        """Once its only pair has ended a sender is foreign to every target: its stanzas are dropped, no stream ends."""
        for pair in (PAIR, DomainPair(A, C)):
            self.assertIs(Admission.FOREIGN_SENDER, self.table.examine(IN, pair, 12.0))

    def test_beside_domains(self) -> None:
        """Pairs and domains stand side by side: what either admits passes, and neither widens the other."""
        self.table.accept_sender(IN, C, FOR_EVER)
        self.table.accept_target(IN, A, FOR_EVER)
        for pair, admission in (
            (PAIR, Admission.ADMITTED),
            (DomainPair(C, A), Admission.ADMITTED),
            (DomainPair(C, B), Admission.UNKNOWN_TARGET),
            (DomainPair(A, A), Admission.UNKNOWN_TARGET),
        ):
            self.assertIs(admission, self.table.examine(IN, pair, 0.0), pair)

    def test_withdraw(self) -> None:
        """A withdrawn domain takes its pairs along, as sender and as target, and leaves nothing behind."""
        self.table.accept_pair(IN, DomainPair(B, A), FOR_EVER)
        self.table.accept_pair(IN, DomainPair(B, C), FOR_EVER)
        self.table.withdraw_domain(A)
        self.assertEqual([(B, C)], [(line.sender, line.target) for line in self.table.associations()])
        self.table.withdraw_domain(C)
        self.assertEqual(({}, []), (self.table._lanes[IN].pairs, [*self.table.associations()]))
        self.assertIs(Admission.FOREIGN_SENDER, self.table.examine(IN, DomainPair(B, A), 0.0))


class CheckTests(SynchronousTestCase):
    """The one check of every stanza that comes in."""

    def setUp(self) -> None:
        """Accept a domain of each side, inbound."""
        self.table = AssociationTable()
        self.table.accept_sender(IN, A, FOR_EVER)
        self.table.accept_target(IN, B, FOR_EVER)

    def test_check(self) -> None:
        """S9, S12: the check says what it found and for which pair."""
        for sender, target, found in (
            ("x@a.example/r", "y@b.example", (Admission.ADMITTED, PAIR)),
            ("A.EXAMPLE.", "b.example", (Admission.ADMITTED, PAIR)),
            ("x@c.example", "b.example", (Admission.FOREIGN_SENDER, DomainPair(C, B))),
            ("x@a.example", "c.example", (Admission.UNKNOWN_TARGET, DomainPair(A, C))),
        ):
            self.assertEqual(found, self.table.check(message(sender, target), 0.0))

    def test_bad_address(self) -> None:
        """S11: an address that is none is a violation."""
        for stanza in (message("x@"), message(target="b..example"), message()._replace(from_address=None)):
            with self.assertRaises(RemoteViolation) as raised:
                self.table.check(stanza, 0.0)
            self.assertIs(StreamCondition.IMPROPER_ADDRESSING, raised.exception.condition)


class PeerTests(SynchronousTestCase):
    """What the peer has proven, whichever way stanzas go."""

    def setUp(self) -> None:
        """Nothing is proven."""
        self.table = AssociationTable()

    def test_called(self) -> None:
        """Whom we called is proven as a target of ours; a domain of ours never is."""
        self.table.accept_sender(OUT, A, FOR_EVER)
        self.table.accept_target(OUT, B, UNTIL_NOON)
        self.assertEqual([None, UNTIL_NOON], [self.table.grant_of_peer(domain, 11.0) for domain in (A, B)])

    def test_calling(self) -> None:
        """Who called is proven as a sender of its own, by its certificate or in a pair."""
        self.table.accept_sender(IN, A, FOR_EVER)
        self.table.accept_target(IN, B, FOR_EVER)
        self.table.accept_pair(IN, DomainPair(C, B), UNTIL_NOON)
        grants = [self.table.grant_of_peer(domain, 11.0) for domain in (A, B, C)]
        self.assertEqual([FOR_EVER, None, UNTIL_NOON], grants)

    def test_pairs_of_ours(self) -> None:
        """That the peer takes a pair of ours proves nothing of the peer."""
        self.table.accept_pair(OUT, PAIR, FOR_EVER)
        self.assertEqual([None, None], [self.table.grant_of_peer(domain, 0.0) for domain in PAIR])

    def test_end(self) -> None:
        """A proof that has ended is none, and another one takes its place."""
        for accept in (self.table.accept_target, self.table.accept_sender):
            accept(OUT if accept == self.table.accept_target else IN, A, UNTIL_NOON)
        self.assertIs(None, self.table.grant_of_peer(A, 12.0))
        self.table.accept_pair(IN, PAIR, FOR_EVER)
        self.assertEqual(FOR_EVER, self.table.grant_of_peer(A, 12.0))

    def test_opposite(self) -> None:
        """The direction of the answers to the answers is the first."""
        self.assertEqual([OUT, IN], [direction.opposite for direction in (IN, OUT)])


class ListTests(SynchronousTestCase):
    """What operators see."""

    def test_associations(self) -> None:
        """Every grant is a line: its direction, its domains, its proof and its end."""
        table = AssociationTable()
        table.accept_sender(IN, A, FOR_EVER)
        table.accept_target(OUT, B, FOR_EVER)
        table.accept_pair(OUT, DomainPair(C, A), UNTIL_NOON)
        self.assertEqual(
            [
                Association(direction=IN, sender=A, target=None, grant=FOR_EVER),
                Association(direction=OUT, sender=None, target=B, grant=FOR_EVER),
                Association(direction=OUT, sender=C, target=A, grant=UNTIL_NOON),
            ],
            [*table.associations()],
        )
        self.assertEqual({A, B, C}, table.domains())
