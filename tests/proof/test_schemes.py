"""Tests of :mod:`muxs2s.proof.schemes`."""

from __future__ import annotations

from typing import Final, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.dsa import generate_private_key as generate_dsa_key
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256K1,
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurve,
)
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, KeyUsage, ObjectIdentifier
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.pem import PrivateKey
from muxs2s.proof.schemes import SCHEMES, KeyUnfit, demand_signing_usage, schemes_of, sign, verify
from tests.proof.certified import certified, pss, usage
from tests.wire.samples import vectors

CONTENT: Final = b"what is signed"
RSA: Final = generate_rsa_key(65_537, 2_048)
ED25519: Final = Ed25519PrivateKey.generate()
ED448: Final = Ed448PrivateKey.generate()


def on(curve: EllipticCurve) -> PrivateKey:
    """A new ECDSA key."""
    return generate_ec_key(curve)


def fitting(key: PrivateKey) -> set[int]:
    """The schemes of a key."""
    return set(schemes_of(certified(key), key.public_key()))


class FittingTests(SynchronousTestCase):
    """Which schemes a certificate is proven by."""

    def test_curves(self) -> None:
        """E9: each curve has the scheme with its own hash and no other: a P-384 key does not sign by 0x0403."""
        for curve, scheme in ((SECP256R1(), 0x0403), (SECP384R1(), 0x0503), (SECP521R1(), 0x0603)):
            self.assertEqual({scheme}, fitting(on(curve)))

    def test_other_keys(self) -> None:
        """E9: Edwards curves have a scheme each, RSA keys three, with the hash of choice."""
        self.assertEqual(
            [{0x0807}, {0x0808}, {0x0804, 0x0805, 0x0806}], [fitting(key) for key in (ED25519, ED448, RSA)]
        )

    def test_keys_of_no_use(self) -> None:
        """E9: curves and kinds of keys that TLS 1.3 does not sign with fit no scheme."""
        self.assertEqual(set(), fitting(on(SECP256K1())))
        dsa = generate_dsa_key(2_048)
        self.assertEqual((), schemes_of(certified(cast("PrivateKey", dsa)), dsa.public_key()))

    def test_short_rsa_key(self) -> None:
        """E9: an RSA key of 2,048 bits is believed, one of 1,024 is not."""
        short = generate_rsa_key(65_537, 1_024)  # noqa: S505 - to see it refused
        refusal = self.assertRaises(KeyUnfit, fitting, short)
        self.assertIn("1024 bits is too short: 2048", str(refusal))

    def test_pss_keys(self) -> None:
        """E9: a key for RSASSA-PSS only has schemes of its own; where it names a hash, only the one with that."""
        for which, schemes in (("any hash", (0x0809, 0x080A, 0x080B)), ("sha256 only", (0x0809,))):
            certificate, key = pss(which)
            self.assertEqual(schemes, schemes_of(certificate, key.public_key()))

    def test_other_pss_parameters(self) -> None:
        """E9: a key for RSASSA-PSS with parameters that no scheme has fits none."""
        der = bytes.fromhex(vectors("exported_authenticators")["rsassa_pss"]["sha256 only"]["certificate"])
        salt = bytes.fromhex("a203020120")
        at = der.rindex(salt, 0, len(der) // 2)
        odd = x509.load_der_x509_certificate(der[:at] + bytes.fromhex("a203020121") + der[at + len(salt) :])
        self.assertEqual((), schemes_of(odd, odd.public_key()))

    def test_no_others(self) -> None:
        """E9: no scheme is taken that TLS 1.3 does not sign handshakes with: no PKCS #1 v1.5, no SHA-1."""
        self.assertEqual({*range(0x0804, 0x080C), 0x0403, 0x0503, 0x0603}, set(SCHEMES))


class UsageTests(SynchronousTestCase):
    """What the key of a certificate may be used for."""

    def demand(self, certificate: Certificate) -> None:
        """See that its key may sign."""
        demand_signing_usage(certificate, certificate.public_bytes(Encoding.DER))

    def refused(self, certificate: Certificate) -> None:
        """See that its key may not."""
        refusal = self.assertRaises(KeyUnfit, self.demand, certificate)
        self.assertIn("lacks digitalSignature", str(refusal))

    def test_unstated(self) -> None:
        """E10: a certificate that says nothing of key usage lets its key sign."""
        self.demand(certified(ED25519))

    def test_signing(self) -> None:
        """E10: key usage with digitalSignature lets the key sign, without it does not; critical or not."""
        for critical in (True, False):
            self.demand(certified(ED25519, usage(digital_signature=True), critical=critical))
            self.refused(certified(ED25519, usage(key_agreement=True), critical=critical))

    def test_spelled_otherwise(self) -> None:
        """E10: key usage of two octets, or of none, is read as well."""
        self.demand(certified(ED25519, usage(digital_signature=True, key_agreement=True, decipher_only=True)))
        self.refused(certified(ED25519, usage(key_agreement=True, decipher_only=True)))
        self.refused(certified(ED25519, x509.UnrecognizedExtension(KeyUsage.oid, b"\x03\x01\0")))

    def test_said_elsewhere(self) -> None:
        """E10: what looks like key usage in another extension does not count, beside the real one or without it."""
        kind = ObjectIdentifier("1.3.6.1.4.1.99999.1")
        for octet, meant in ((b"\x80", False), (b"\x08", True)):
            said = x509.UnrecognizedExtension(kind, b"\x06\x03\x55\x1d\x0f\x04\x04\x03\x02\x03" + octet)
            real = usage(digital_signature=meant, key_agreement=not meant)
            for extensions in ((said, real), (real, said)):
                (self.demand if meant else self.refused)(certified(ED25519, *extensions))
            self.demand(certified(ED25519, said))


class SignatureTests(SynchronousTestCase):
    """Signatures, made and checked."""

    def test_either_half(self) -> None:
        """E9: the private half of a key tells as much as the public one."""
        for certificate, key in (pss("sha256 only"), *((certified(key), key) for key in self.keys().values())):
            self.assertEqual(schemes_of(certificate, key.public_key()), schemes_of(certificate, key))

    def test_every_scheme(self) -> None:
        """E9: what is signed by a scheme is checked by it, but with no other content and no other signature."""
        for scheme, key in self.keys().items():
            signature = sign(scheme, key, CONTENT)
            verify(scheme, key.public_key(), signature, CONTENT)
            self.assertRaises(KeyUnfit, verify, scheme, key.public_key(), signature, CONTENT + b"!")
            refusal = self.assertRaises(KeyUnfit, verify, scheme, key.public_key(), signature[:-1] + b"\0\0", CONTENT)
            self.assertIn(SCHEMES[scheme].name, str(refusal))

    def keys(self) -> dict[int, PrivateKey]:
        """A key for each scheme."""
        keys: dict[int, PrivateKey] = dict.fromkeys((*range(0x0804, 0x0807), *range(0x0809, 0x080C)), RSA)
        keys |= {0x0403: on(SECP256R1()), 0x0503: on(SECP384R1()), 0x0603: on(SECP521R1())}
        return keys | {0x0807: ED25519, 0x0808: ED448}

    def test_every_scheme_has_a_key(self) -> None:
        """E9: the test before this one leaves no scheme out."""
        self.assertEqual(set(SCHEMES), set(self.keys()))

    def test_rsa_padding(self) -> None:
        """E9: RSA signs by PSS, MGF1 with the same hash, a salt as long as it; nothing else is taken."""
        hash_, other = SHA256(), SHA384()
        verify(0x0804, RSA.public_key(), RSA.sign(CONTENT, PSS(MGF1(hash_), 32), hash_), CONTENT)
        for signature in (
            RSA.sign(CONTENT, PKCS1v15(), hash_),
            RSA.sign(CONTENT, PSS(MGF1(hash_), 20), hash_),
            RSA.sign(CONTENT, PSS(MGF1(other), 32), hash_),
            RSA.sign(CONTENT, PSS(MGF1(other), 48), other),
            RSA.sign(CONTENT, PKCS1v15(), SHA1()),  # noqa: S303 - to see it refused
        ):
            self.assertRaises(KeyUnfit, verify, 0x0804, RSA.public_key(), signature, CONTENT)

    def test_ecdsa_hash(self) -> None:
        """E9: an ECDSA signature with the hash of another curve is refused."""
        key = generate_ec_key(SECP256R1())
        signature = key.sign(CONTENT, ECDSA(SHA512()))
        self.assertRaises(KeyUnfit, verify, 0x0403, key.public_key(), signature, CONTENT)

    def test_key_without_signatures(self) -> None:
        """E9: a key that cannot sign at all is refused, private or public."""
        key = X25519PrivateKey.generate()
        self.assertRaises(KeyUnfit, sign, 0x0807, key, CONTENT)
        self.assertRaises(KeyUnfit, verify, 0x0807, key.public_key(), b"", CONTENT)
