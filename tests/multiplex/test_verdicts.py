"""Tests of :mod:`muxs2s.multiplex.verdicts`."""

from __future__ import annotations

from cryptography.x509 import Certificate
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.verdicts import SubjectKey, subject_key
from muxs2s.proof.identity import names_in, subject_in
from muxs2s.testing import CertificateAuthority, general_name

AUTHORITY = CertificateAuthority()
OTHER = CertificateAuthority("another CA")


def subject_of(certificate: Certificate) -> SubjectKey:
    """What decides whose place a certificate takes."""
    return subject_key(subject_in(certificate), names_in(certificate))


class SubjectTests(SynchronousTestCase):
    """Which certificate takes the place of which."""

    def test_renewed(self) -> None:
        """M6: certificates of one subject are alike, whoever issued them and whatever they name."""
        old = AUTHORITY.issue("a.example", common_name="a.example").leaf
        new = OTHER.issue("b.example", common_name="a.example").leaf
        self.assertEqual(subject_of(old), subject_of(new))

    def test_other_subject(self) -> None:
        """M6: certificates of different subjects are not, though they name the same."""
        one, other = (AUTHORITY.issue("a.example", common_name=name).leaf for name in ("one", "other"))
        self.assertNotEqual(subject_of(one), subject_of(other))

    def test_no_subject(self) -> None:
        """M6: where the subject is empty, equal sets of names make the same subject, in any order and of any kind."""
        old = AUTHORITY.issue("a.example", "*.b.example").leaf
        new = OTHER.issue("*.B.example", general_name("srv", "A.example")).leaf
        self.assertEqual(frozenset({"a.example", "*.b.example"}), subject_of(old))
        self.assertEqual(subject_of(old), subject_of(new))

    def test_other_names(self) -> None:
        """M6: where the subject is empty, another set of names is another subject."""
        old, more = AUTHORITY.issue("a.example").leaf, AUTHORITY.issue("a.example", "b.example").leaf
        self.assertNotEqual(subject_of(old), subject_of(more))

    def test_subject_and_none(self) -> None:
        """M6: a subject is never taken for a set of names."""
        named = AUTHORITY.issue("a.example", common_name="a.example").leaf
        self.assertNotEqual(subject_of(named), subject_of(AUTHORITY.issue("a.example").leaf))
