"""The names of one end, as the other accepts them."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.accepted import AcceptedCertificate
from muxs2s.multiplex.names import AcceptedNames, Standing
from muxs2s.proof.identity import CertificateNames
from muxs2s.wire.names import DomainName, DomainPattern, Name
from tests.multiplex.twoends import name

A, B, C, X = map(name, ("a.example", "b.example", "c.example", "x.w.example"))
PATTERN = DomainPattern(name("w.example"))
EVERYTHING = (A, B, C, X, PATTERN)


def certificate(id: int, *names: Name, subject: bytes | None = None) -> AcceptedCertificate:
    """A certificate with some names in it."""
    domains = frozenset(each.ascii for each in names if isinstance(each, DomainName))
    patterns = frozenset(each.ascii for each in names if isinstance(each, DomainPattern))
    return AcceptedCertificate(id=id, subject=subject, names_in_it=CertificateNames(dns=domains, patterns=patterns))


class NamesCase(SynchronousTestCase):
    """Names of one end."""

    def setUp(self) -> None:
        self.names = AcceptedNames(never={name("ours.w.example")}, max_served=2)

    def give(self, id: int, *names: Name, proven: DomainName | None = None, subject: bytes | None = None) -> list[Name]:
        """Accept a certificate, if it is new, and let it give names; those that are open then and were not."""
        if id not in self.names.certificates:
            self.names.add(certificate(id, *names, subject=subject))
        return self.names.give(id, names, proven=proven)

    def remove(self, standing: Standing, *names: Name) -> None:
        """Take names off from beginning to end."""
        self.names.begin_removal(names, standing)
        self.names.end_removal(names, standing)

    def lapse(self, id: int) -> Sequence[Name]:
        """Accept a certificate no longer; the names that are out in the end."""
        lapsed = self.names.drop(id)
        self.names.begin_lapse(lapsed)
        return self.names.end_lapse(lapsed)

    def assertStanding(self, standing: Standing, *domains: DomainName) -> None:
        """Hold domains to a standing."""
        self.assertEqual([standing] * len(domains), [self.names.standing(domain) for domain in domains])


class GivingTests(NamesCase):
    """M7: what a certificate gives."""

    def test_nothing(self) -> None:
        """A name that nothing gives is out, and nothing is known of it."""
        self.assertStanding(Standing.OUT, A, X)
        self.assertIsNone(self.names.giver(A))
        self.assertEqual((0, False, []), (len(self.names), A in self.names, list(self.names)))

    def test_listed(self) -> None:
        """M7: what is listed is open, and told of once; what else the certificate names is not."""
        self.names.add(certificate(1, A, B, C))
        self.assertEqual([A, B], self.names.give(1, [A, B]))
        self.assertEqual([C], self.names.give(1, [B, C]))
        self.assertStanding(Standing.OPEN, A, B, C)
        self.assertStanding(Standing.OUT, X)

    def test_pattern(self) -> None:
        """M7, T24: a pattern stands for one label, and never for a domain of the end that accepts."""
        self.give(1, PATTERN)
        self.assertStanding(Standing.OPEN, X)
        self.assertStanding(Standing.OUT, *map(name, ("w.example", "y.x.w.example", "ours.w.example")))
        self.assertEqual(1, getattr(self.names.giver(X), "id", None))

    def test_exact_first(self) -> None:
        """M12: a name that was taken off stays off, though a pattern stands for it."""
        self.give(1, PATTERN)
        self.remove(Standing.WITHDRAWING, X)
        self.assertStanding(Standing.OUT, X)
        self.assertStanding(Standing.OPEN, name("y.w.example"))

    def test_several(self) -> None:
        """M7: a name is open as long as any certificate gives it."""
        self.give(1, A, B)
        self.assertEqual([C], self.give(2, B, C))
        self.assertEqual([A], self.lapse(1))
        self.assertStanding(Standing.OPEN, B, C)
        self.assertEqual(2, getattr(self.names.giver(B), "id", None))

    def test_gone(self) -> None:
        """A certificate that is not accepted can be dropped without harm."""
        self.assertEqual([], self.names.drop(9))

    def test_subject(self) -> None:
        """M6: there is one certificate of a subject, the last; when an older one goes it is still found."""
        self.give(1, A, subject=b"s")
        self.give(2, A, subject=b"s")
        self.give(3, B)
        self.names.drop(1)
        self.assertEqual(2, getattr(self.names.of_subject(b"s"), "id", None))
        self.names.drop(2)
        self.assertIsNone(self.names.of_subject(b"s"))

    def test_only_given(self) -> None:
        """M6: what only one certificate gives would go with it."""
        self.give(1, A, B)
        self.give(2, B, C)
        self.assertEqual([A], list(self.names.only_given_by(self.names.certificates[1])))

    def test_naming(self) -> None:
        """M7: a certificate that names a domain without giving it is found; one that gives it comes first."""
        self.names.add(certificate(1, A, B))
        self.names.give(1, [A])
        self.assertEqual(1, getattr(self.names.naming(B), "id", None))
        self.assertIsNone(self.names.naming(C))
        self.give(2, B)
        self.assertEqual(2, getattr(self.names.naming(B), "id", None))

    def test_naming_limit(self) -> None:
        """M9: among certificates that name more than they give the newest 64 are searched, no more."""
        self.names.add(certificate(1, A))
        for id in range(2, 65):
            self.names.add(certificate(id, B))
        self.assertIsNotNone(self.names.naming(A))
        self.names.add(certificate(65, B))
        self.assertIsNone(self.names.naming(A))

    def test_naming_what_was_taken_off(self) -> None:
        """M12: a certificate still names what was taken off, for whoever proves it again."""
        self.give(1, A, B)
        self.remove(Standing.WITHDRAWING, A)
        self.assertEqual(1, getattr(self.names.naming(A), "id", None))


class ServingTests(NamesCase):
    """Which of the accepted names may be sent to."""

    def test_shown(self) -> None:
        """S12: an accepted name is served once its end has shown it."""
        self.give(1, A, PATTERN)
        self.assertFalse(self.names.is_served(A))
        self.names.serve(A)
        self.names.serve(X)
        self.assertEqual([True, True], [self.names.is_served(each) for each in (A, X)])

    def test_before(self) -> None:
        """S12: what is shown before it has a place of its own stays shown; the header's domain is."""
        self.names.header_domain = B
        self.names.serve(A)
        self.give(1, A, B, C)
        self.assertEqual([True, True, False], [self.names.is_served(each) for each in (A, B, C)])

    def test_removed(self) -> None:
        """M12: what was taken off has to be shown anew."""
        self.give(1, A)
        self.names.serve(A)
        self.remove(Standing.REVOKING, A)
        self.give(2, A, proven=A)
        self.assertEqual((Standing.OPEN, False), (self.names.standing(A), self.names.is_served(A)))

    def test_limit(self) -> None:
        """Of domains below patterns so many are remembered, and one more is not."""
        domains = [name(f"{each}.w.example") for each in "xyz"]
        self.give(1, PATTERN)
        for domain in domains:
            self.names.serve(domain)
        self.assertEqual([True, True, False], [self.names.is_served(domain) for domain in domains])


class RemovingTests(NamesCase):
    """M12: taking names off."""

    def test_withdrawing(self) -> None:
        """M12: while its own end takes a name off, it is on its way out, then out for whatever gives it."""
        self.give(1, A, B)
        self.names.begin_removal([A], Standing.WITHDRAWING)
        self.assertStanding(Standing.WITHDRAWING, A)
        self.assertEqual([], self.names.give(1, [A], proven=A))
        self.names.end_removal([A], Standing.WITHDRAWING)
        self.assertStanding(Standing.OUT, A)
        self.assertEqual([], self.give(2, A))
        self.assertEqual((True, [B]), (self.names.is_closed(A), self.names.certificates[1].gives))

    def test_revoking(self) -> None:
        """M12: while the other end takes a name off, what comes from it is bounced."""
        self.give(1, A)
        self.names.begin_removal([A], Standing.REVOKING)
        self.assertStanding(Standing.REVOKING, A)
        self.assertTrue(self.names.is_fenced(A) and self.names.is_being_removed(A, Standing.REVOKING))
        self.assertFalse(self.names.is_being_removed(A, Standing.WITHDRAWING))
        self.assertFalse(self.names.is_fenced(B) or self.names.is_being_removed(B, Standing.REVOKING))

    def test_proven_again(self) -> None:
        """M12: an exchange for the very domain brings it back, once the fence is over."""
        self.give(1, A)
        self.remove(Standing.WITHDRAWING, A)
        self.assertEqual([A], self.give(2, A, proven=A))
        self.assertStanding(Standing.OPEN, A)

    def test_makes_nothing_good(self) -> None:
        """M11: to take off what was never accepted makes it good for nothing, at no time."""
        for standing in (Standing.WITHDRAWING, Standing.REVOKING):
            self.names.begin_removal([A, PATTERN], standing)
            self.assertStanding(Standing.OUT, A, X)

    def test_nor_what_has_ended(self) -> None:
        """M11: what its end takes off once its certificate has ended is bounced until then, never delivered."""
        self.give(1, A)
        self.names.begin_lapse(self.names.drop(1))
        self.names.begin_removal([A], Standing.WITHDRAWING)
        self.assertStanding(Standing.REVOKING, A)
        self.names.end_lapse([A])
        self.assertStanding(Standing.REVOKING, A)
        self.names.end_removal([A], Standing.WITHDRAWING)
        self.assertStanding(Standing.OUT, A)

    def test_from_pattern(self) -> None:
        """M12: a name that only a pattern gives keeps its standing until the fence is over."""
        self.give(1, PATTERN)
        self.names.begin_removal([X], Standing.WITHDRAWING)
        self.assertStanding(Standing.WITHDRAWING, X)
        self.assertEqual({PATTERN, X}, set(self.names.drop(1)))

    def test_both(self) -> None:
        """M12: where both ends take a name off, it is out by whichever fence ends first, and free after both."""
        self.give(1, A)
        for standing in (Standing.WITHDRAWING, Standing.REVOKING):
            self.names.begin_removal([A], standing)
        self.assertStanding(Standing.REVOKING, A)
        self.names.end_removal([A], Standing.WITHDRAWING)
        self.assertStanding(Standing.OUT, A)
        self.assertEqual([], self.give(2, A, proven=A))
        self.names.end_removal([A], Standing.REVOKING)
        self.assertEqual([A], self.give(3, A, proven=A))


class LapsingTests(NamesCase):
    """M6, M12: a certificate is accepted no longer."""

    def test_lapse(self) -> None:
        """M12: a name without a certificate is bounced for a while, then forgotten: any list gives it back."""
        self.give(1, A)
        lapsed = self.names.drop(1)
        self.names.begin_lapse(lapsed)
        self.assertStanding(Standing.REVOKING, A)
        self.assertEqual([A], self.names.end_lapse(lapsed))
        self.assertEqual(0, len(self.names))
        self.assertEqual([A], self.give(2, A))

    def test_given_back(self) -> None:
        """M6: a name that another certificate gives meanwhile is open at once, and stays so."""
        self.give(1, A)
        self.names.begin_lapse(self.names.drop(1))
        self.give(2, A)
        self.assertStanding(Standing.OPEN, A)
        self.assertEqual([], self.names.end_lapse([A]))

    def test_closed_meanwhile(self) -> None:
        """M12: a name that is closed by name while it lapses stays closed."""
        self.give(1, A)
        self.names.begin_lapse(self.names.drop(1))
        self.remove(Standing.REVOKING, A)
        self.assertEqual([A], self.names.end_lapse([A]))
        self.assertTrue(self.names.is_closed(A))

    def test_pattern_covers(self) -> None:
        """M6: a name that a pattern of another certificate stands for has no gap, and stays served."""
        self.give(1, X)
        self.names.serve(X)
        self.give(2, PATTERN)
        self.assertEqual([], self.names.drop(1))
        self.assertStanding(Standing.OPEN, X)
        self.assertTrue(self.names.is_served(X))
        self.assertNotIn(X, self.names)

    def test_pattern_covers_in_the_end(self) -> None:
        """M6: nor is a name out that lapses and that a pattern stands for when that is over."""
        self.give(1, X)
        self.names.begin_lapse(self.names.drop(1))
        self.give(2, PATTERN)
        self.assertEqual([], self.names.end_lapse([X]))
        self.assertStanding(Standing.OPEN, X)

    def test_pattern_on_its_way_out(self) -> None:
        """M12: a pattern that is being taken off covers no name any more: its fence may end before the name's."""
        self.give(1, X)
        self.give(2, PATTERN)
        self.names.begin_removal([PATTERN], Standing.REVOKING)
        self.names.begin_lapse(self.names.drop(1))
        self.names.end_removal([PATTERN], Standing.REVOKING)
        self.assertStanding(Standing.REVOKING, X)
        self.assertEqual([X], self.names.end_lapse([X]))
        self.assertStanding(Standing.OUT, X)

    def test_withdrawn_below_a_revoked_pattern(self) -> None:
        """M11, M12: to be withdrawn makes no name better than its pattern, which is being revoked, leaves it."""
        self.give(2, PATTERN)
        self.names.begin_removal([PATTERN], Standing.REVOKING)
        self.names.begin_removal([X], Standing.WITHDRAWING)
        self.assertStanding(Standing.REVOKING, X)
        self.names.end_removal([PATTERN], Standing.REVOKING)
        self.assertStanding(Standing.REVOKING, X)
        self.names.end_removal([X], Standing.WITHDRAWING)
        self.assertStanding(Standing.OUT, X)

    def test_pattern_revoked_above_a_withdrawn(self) -> None:
        """M11, M12: a name that is withdrawn stands no better than its pattern when that is revoked after it."""
        self.give(2, PATTERN)
        self.names.begin_removal([X], Standing.WITHDRAWING)
        self.assertStanding(Standing.WITHDRAWING, X)
        self.names.begin_removal([PATTERN], Standing.REVOKING)
        self.assertStanding(Standing.REVOKING, X)
        self.names.end_removal([PATTERN], Standing.REVOKING)
        self.assertStanding(Standing.REVOKING, X)
        self.names.end_removal([X], Standing.WITHDRAWING)
        self.assertStanding(Standing.OUT, X)

    def test_pattern_goes(self) -> None:
        """M12: with a pattern goes what it stands for, and then a name costs one look."""
        self.give(1, PATTERN, X)
        self.assertEqual({PATTERN, X}, set(self.lapse(1)))
        self.assertStanding(Standing.OUT, X)
        self.assertEqual(0, len(self.names))

    def test_empty_pattern_does_not_cover(self) -> None:
        """M12: a pattern that nothing gives any more covers nothing."""
        self.give(1, X)
        self.remove(Standing.WITHDRAWING, PATTERN)
        self.assertEqual([X], self.names.drop(1))
