"""Tests of :mod:`muxs2s.proof.keys`, and that keys too costly to check are not checked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.x509 import Certificate
from cryptography.x509.verification import PolicyBuilder
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof import Evidence, PkixProof, Refused
from muxs2s.proof.keys import MAX_RSA_BITS, MAX_RSA_EXPONENT_BITS, MIN_RSA_BITS, why_costly, why_weak
from muxs2s.proof.schemes import KeyUnfit, schemes_of
from muxs2s.testing import CertificateAuthority
from tests.proof.authenticated import DOMAIN
from tests.proof.certified import certified, pss
from tests.proof.test_schemes import ED25519

AUTHORITY: Final = CertificateAuthority()
ISSUED: Final = AUTHORITY.issue("a.example")
BEGINS: Final = datetime(2020, 1, 1, tzinfo=UTC)
ENDS: Final = datetime(2099, 1, 1, tzinfo=UTC)
NOW: Final = 1_780_000_000.0


def rsa_key(bits: int, exponent_bits: int = 17) -> RSAPublicKey:
    """A key of this size, to which nobody has the other half."""
    return RSAPublicNumbers(1 << exponent_bits - 1 | 1, 1 << bits - 1 | 1).public_key()


def shown(key: RSAPublicKey) -> Certificate:
    """A certificate for this key, signed by whoever shows it."""
    name = x509.Name([])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key).serial_number(1)
    builder = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(
        datetime(2099, 1, 1, tzinfo=UTC)
    )
    return builder.sign(ED25519, None)


class CostTests(SynchronousTestCase):
    """Keys that are too large, or not."""

    def test_modulus(self) -> None:
        """E9: an RSA key of 8,192 bits is checked, a longer one is not."""
        self.assertEqual("", why_costly(shown(rsa_key(MAX_RSA_BITS))))
        self.assertIn("8193 bits is too long", why_costly(shown(rsa_key(MAX_RSA_BITS + 1))))

    def test_exponent(self) -> None:
        """E9: an RSA exponent of 32 bits is checked, a longer one is not."""
        self.assertEqual("", why_costly(shown(rsa_key(2_048, MAX_RSA_EXPONENT_BITS))))
        self.assertIn("33 bits is too long", why_costly(shown(rsa_key(2_048, MAX_RSA_EXPONENT_BITS + 1))))

    def test_weak(self) -> None:
        """E9: an RSA key of 2,048 bits is believed, a shorter one is not."""
        self.assertEqual("", why_weak(shown(rsa_key(MIN_RSA_BITS))))
        self.assertIn("2047 bits is too short", why_weak(shown(rsa_key(MIN_RSA_BITS - 1))))

    def test_other_kinds(self) -> None:
        """E9: keys of other kinds are of one size, and neither; those for RSASSA-PSS are looked at."""
        for certificate in (certified(ED25519), ISSUED.leaf, pss("any hash")[0]):
            self.assertEqual(("", ""), (why_weak(certificate), why_costly(certificate)))

    def test_authenticator(self) -> None:
        """E9, E12: a certificate with such a key is proven by no scheme."""
        for key in (rsa_key(3_072, 3_064), rsa_key(16_384), rsa_key(1_024)):
            self.assertRaises(KeyUnfit, schemes_of, shown(key), key)


class ChainTests(SynchronousTestCase):
    """Chains with such a key: one of ten could keep a server busy for a third of a second."""

    def test_not_checked(self) -> None:
        """A chain that shows such a key anywhere is refused, and no path is looked for."""
        self.patch(PolicyBuilder, "store", None)
        costly = shown(rsa_key(3_072, 3_064))
        for chain in ((costly,), (ISSUED.leaf, costly), (ISSUED.leaf, *ISSUED.chain, *(ISSUED.leaf,) * 8, costly)):
            outcome = PkixProof(AUTHORITY.trust_anchors).judge(DOMAIN, Evidence(chain=chain), NOW)
            assert isinstance(outcome, Refused)
            self.assertIn("exponent of 3064 bits is too long", outcome.reasons[-1])
