"""Tests of :mod:`muxs2s.proof.outcome`."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof import NO_NAMES, PkixProof, Prooftype, Proven, Refused, Scope, TrustAnchors, Undecided
from muxs2s.wire.names import DomainName

DOMAIN = DomainName.parse("a.example")


class OutcomeTests(SynchronousTestCase):
    """What comes of looking at evidence is a value."""

    def test_values(self) -> None:
        """Outcomes that say the same are equal, so that they can be compared and kept in sets."""
        self.assertEqual(
            {Refused(domain=DOMAIN, reasons=("x",)), Undecided(domain=DOMAIN, reasons=("x",))},
            {Undecided(domain=DOMAIN, reasons=("x",)), Refused(domain=DOMAIN, reasons=("x",))},
        )

    def test_frozen(self) -> None:
        """Nobody can change an outcome afterwards."""
        refused = Refused(domain=DOMAIN, reasons=("x",))
        with self.assertRaises(FrozenInstanceError):
            refused.reasons = ()  # type: ignore[misc]  # that is what must fail

    def test_asked_domain_only(self) -> None:
        """A proof vouches for no further names unless they are given."""
        proof = Proven(domain=DOMAIN, prooftype="dane", evidence="3 1 1", scope=Scope.ASKED_DOMAIN, until=None)
        self.assertEqual(proof.names, NO_NAMES)

    def test_pkix_is_a_prooftype(self) -> None:
        """P1.1: PKIX says what is shown, how it is matched, where its material is from, and needs no secure DNS."""
        prooftype: Prooftype = PkixProof(TrustAnchors(()))
        self.assertEqual((prooftype.name, prooftype.needs_secure_dns), ("pkix", False))
        self.assertEqual(
            (prooftype.shows, prooftype.matched, prooftype.material),
            ("X.509 certificate", "a name of the certificate, after path validation", "configured trust anchors"),
        )
