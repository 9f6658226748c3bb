"""Tests of :mod:`muxs2s.proof.posh`."""

from __future__ import annotations

from hashlib import sha256
from typing import Final, cast

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof import Evidence, Fault, Outcome, PoshProof, Proven, Refused, Scope, Undecided
from muxs2s.proof.policy import ProofPolicy
from muxs2s.proof.poshdocument import Fingerprint, FingerprintsDocument, PoshAbsent, PoshFailed, PoshFound, PoshMaterial
from muxs2s.testing import CertificateAuthority
from muxs2s.wire.names import DomainName
from tests.proof.certified import NOW as MOMENT

A: Final = DomainName.parse("a.example")
NOW: Final = MOMENT.timestamp()
WEEK: Final = 7 * 86_400.0
SOURCE: Final = "https://a.example/.well-known/posh/xmpp-server.json"

AUTHORITY: Final = CertificateAuthority(now=NOW)
OF_HOST: Final = AUTHORITY.issue("hosting.example").leaf
"""Of nobody's authority, and it does not name the domain."""


def published(*certificates: Certificate, until: float = NOW + WEEK) -> PoshFound:
    """What a domain says of its certificates."""
    digests = tuple(Fingerprint(hash_name="sha-256", digest=_digest(certificate)) for certificate in certificates)
    document = FingerprintsDocument(fingerprints=digests, expires_seconds=int(WEEK))
    return PoshFound(document=document, source=SOURCE, until=until)


def _digest(certificate: Certificate) -> bytes:
    return sha256(certificate.public_bytes(Encoding.DER)).digest()


class Unreadable:
    """A certificate that the library cannot read."""

    def public_bytes(self, _encoding: Encoding) -> bytes:
        """As that of a certificate."""
        raise ValueError("broken\n")


class PoshProofTests(SynchronousTestCase):
    """When a published fingerprint proves a domain."""

    def judge(self, material: PoshMaterial | None, *chain: Certificate, now: float = NOW) -> Outcome:
        """Weigh what was shown against what was found."""
        return PoshProof().judge(A, Evidence(chain=chain, posh=material), now)

    def refused(self, outcome: Outcome) -> Refused:
        """It is refused, by reasons that name the prooftype."""
        assert isinstance(outcome, Refused), outcome
        self.assertEqual([], [reason for reason in outcome.reasons if not reason.startswith("posh: ")])
        return outcome

    def test_proven(self) -> None:
        """P4.1, P4.13: a certificate with the fingerprint proves the domain alone, whoever issued it."""
        outcome = self.judge(published(OF_HOST), OF_HOST)
        digest = _digest(OF_HOST).hex()[:16]
        expected = Proven(
            domain=A,
            prooftype="posh",
            evidence=f"sha256:{digest} published at {SOURCE}",
            scope=Scope.ASKED_DOMAIN,
            until=NOW + WEEK,
        )
        self.assertEqual(expected, outcome)

    def test_until(self) -> None:
        """P4.8, P4.13: the proof ends with the document or with the certificate, whichever ends first."""
        ends = OF_HOST.not_valid_after_utc.timestamp()
        for until in (ends - 1, ends, ends + 1):
            outcome = self.judge(published(OF_HOST, until=until), OF_HOST)
            assert isinstance(outcome, Proven)
            self.assertEqual(min(until, ends), outcome.until)

    def test_stale(self) -> None:
        """P4.8: what was found counts until its time is over, and then no more."""
        found = published(OF_HOST, until=NOW)
        self.assertIsInstance(self.judge(found, OF_HOST, now=NOW - 1), Proven)
        stale = Undecided(domain=A, reasons=(f"posh: the fingerprints at {SOURCE} are stale: fetch them again",))
        self.assertEqual(stale, self.judge(found, OF_HOST))

    def test_expired(self) -> None:
        """P4.13: a certificate whose time is over, or yet to come, proves nothing; at its last moment it does."""
        leaf = AUTHORITY.issue("a.example", not_before=NOW - 10, not_after=NOW).leaf
        found = published(leaf)
        self.assertIsInstance(self.judge(found, leaf), Proven)
        late = self.refused(self.judge(found, leaf, now=NOW + 1))
        early = self.refused(self.judge(found, leaf, now=NOW - 11))
        self.assertIn("expired on 2026-06-01T00:00:00Z", late.reasons[0])
        self.assertIn("not valid before 2026-05-31T23:59:50Z", early.reasons[0])
        self.assertEqual({frozenset({Fault.EXPIRED})}, {late.faults, early.faults})

    def test_rolled_over(self) -> None:
        """P4.11: of two published certificates either will do."""
        other = AUTHORITY.issue("a.example").leaf
        for leaf in (OF_HOST, other):
            self.assertIsInstance(self.judge(published(other, OF_HOST), leaf), Proven)

    def test_mismatch(self) -> None:
        """P4.12: a certificate that is not published is refused; that it is expired and weak is said as well."""
        leaf = AUTHORITY.issue("a.example", not_after=NOW - 1, key="rsa1024").leaf
        outcome = self.refused(self.judge(published(OF_HOST), leaf))
        none, expired, weak = outcome.reasons
        self.assertIn(f"(sha256:{_digest(leaf).hex()[:16]}) has none of the 1 fingerprints at {SOURCE}:", none)
        self.assertIn("expired", expired)
        self.assertIn("RSA key of 1024 bits", weak)
        self.assertEqual({Fault.UNTRUSTED, Fault.EXPIRED}, outcome.faults)

    def test_issuer(self) -> None:
        """P4.1: the fingerprint of an issuer does not stand for what it has issued."""
        self.refused(self.judge(published(AUTHORITY.certificate), OF_HOST, AUTHORITY.certificate))

    def test_mismatch_beside_others(self) -> None:
        """P4.12: what is not published is refused, unless a prooftype that suffices proves it."""
        leaf = AUTHORITY.issue("a.example").leaf
        refused = self.refused(self.judge(published(OF_HOST), leaf))
        proven = Proven(domain=A, prooftype="dane", evidence="", scope=Scope.ASKED_DOMAIN, until=None)
        self.assertEqual(proven, ProofPolicy(order=("posh", "dane")).decide([refused, proven]))
        undecided = Undecided(domain=A, reasons=("dane: nothing",))
        self.assertIsInstance(ProofPolicy(order=("posh", "dane")).decide([refused, undecided]), Refused)

    def test_no_material(self) -> None:
        """P4.10: where there is nothing to go by nothing is decided, and the reasons say why."""
        for material, reasons in (
            (None, ("posh: nobody has looked for fingerprints",)),
            (PoshAbsent(reason="404"), ("posh: 404",)),
            (PoshFailed(reasons=("one", "two")), ("posh: one", "posh: two")),
        ):
            self.assertEqual(Undecided(domain=A, reasons=reasons), self.judge(material, OF_HOST))

    def test_no_certificate(self) -> None:
        """Where no certificate was shown there is nothing to compare."""
        outcome = Undecided(domain=A, reasons=("posh: no certificate was shown",))
        self.assertEqual(outcome, self.judge(published(OF_HOST)))

    def test_unreadable(self) -> None:
        """A certificate that cannot be read is refused, with a reason of one line."""
        outcome = self.refused(self.judge(published(OF_HOST), cast("Certificate", Unreadable())))
        self.assertEqual(("posh: the certificate cannot be read: broken\\n",), outcome.reasons)

    def test_says_what_it_needs(self) -> None:
        """P4.1: secure DNS is not needed, a document over HTTPS is."""
        self.assertFalse(PoshProof.needs_secure_dns)
        self.assertIn("HTTPS", PoshProof.material)
