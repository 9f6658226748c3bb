"""Which certificate takes the place of which: tests of :mod:`muxs2s.proof.identity`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.identity import subject_key
from muxs2s.testing import CertificateAuthority, general_name

AUTHORITY = CertificateAuthority()
OTHER = CertificateAuthority("another CA")


class SubjectTests(SynchronousTestCase):
    """Which certificate takes the place of which."""

    def test_renewed(self) -> None:
        """M6: certificates of one subject are alike, whoever issued them and whatever they name."""
        old = AUTHORITY.issue("a.example", common_name="a.example").leaf
        new = OTHER.issue("b.example", common_name="a.example").leaf
        self.assertEqual(subject_key(old), subject_key(new))

    def test_other_subject(self) -> None:
        """M6: certificates of different subjects are not, though they name the same."""
        one, other = (AUTHORITY.issue("a.example", common_name=name).leaf for name in ("one", "other"))
        self.assertNotEqual(subject_key(one), subject_key(other))

    def test_no_subject(self) -> None:
        """M6: where the subject is empty, equal sets of names make the same subject, in any order and of any kind."""
        old = AUTHORITY.issue("a.example", "*.b.example").leaf
        new = OTHER.issue("*.B.example", general_name("srv", "A.example")).leaf
        self.assertEqual(frozenset({"a.example", "*.b.example"}), subject_key(old))
        self.assertEqual(subject_key(old), subject_key(new))

    def test_other_names(self) -> None:
        """M6: where the subject is empty, another set of names is another subject."""
        old, more = AUTHORITY.issue("a.example").leaf, AUTHORITY.issue("a.example", "b.example").leaf
        self.assertNotEqual(subject_key(old), subject_key(more))

    def test_subject_and_none(self) -> None:
        """M6: a subject is never taken for a set of names."""
        named = AUTHORITY.issue("a.example", common_name="a.example").leaf
        self.assertNotEqual(subject_key(named), subject_key(AUTHORITY.issue("a.example").leaf))
