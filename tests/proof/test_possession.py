"""Tests of :mod:`muxs2s.proof.possession`."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP384R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.authenticators import AuthenticatorRefused, TLSRole
from muxs2s.proof.possession import AuthenticatorSender
from muxs2s.proof.schemes import KeyUnfit, sign
from muxs2s.proof.tlsmessages import (
    certificate_message,
    finished_message,
    read_authenticator,
    read_request,
    verify_message,
)
from tests.proof.authenticated import AUTHORITY, DOMAIN, OF_DOMAIN, Own, changes, end, keys
from tests.proof.certified import certified, pss, usage
from tests.wire.samples import vectors

VECTORS: Final[Any] = vectors("exported_authenticators")
COMPUTED: Final = VECTORS["computed"]
LIVE: Final = [found for found in VECTORS["live_connections"]["vectors"] if found.get("kind") != "request"]
FIZZ: Final = {found["name"]: found for found in VECTORS["fizz"]["vectors"]}


def sender_in(found: Any) -> AuthenticatorSender:
    """Who made the authenticator of a sample."""
    context, finished = (bytes.fromhex(found[name]) for name in ("handshake_context", "finished_mac_key"))
    return AuthenticatorSender(found.get("hash", "sha256"), context, finished)


def check(sender: AuthenticatorSender, found: Any, authenticator: bytes) -> tuple[Certificate, ...]:
    """Check an authenticator against the request of a sample."""
    request = bytes.fromhex(found["authenticator_request"])
    at = 0 if found.get("request_framing") == "none" else 4
    context = request[at + 1 : at + 1 + request[at]]
    return sender.check(request, context, read_authenticator(authenticator, max_certificates=10))


class KnownAnswerTests(SynchronousTestCase):
    """Bytes that are known from elsewhere."""

    def setUp(self) -> None:
        leaf = x509.load_der_x509_certificate(bytes.fromhex(COMPUTED["certificate"]))
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(COMPUTED["private_seed"]))
        self.own = Own(leaf=leaf, private_key=key)
        self.sender = sender_in(COMPUTED)

    def test_made(self) -> None:
        """E4, E8, E9: for both kinds of request the authenticator is the known one, to the byte."""
        for case in COMPUTED["vectors"]:
            request = bytes.fromhex(case["authenticator_request"])
            made = self.sender.make(request, request[5:37], (0x0807, 0x0403), self.own)
            self.assertEqual(case["authenticator_sha256"], hashlib.sha256(made).hexdigest())
            self.assertEqual(case["certificate_verify"] + case["finished"], made[346:].hex())
            self.assertEqual((self.own.leaf,), check(self.sender, case, made))

    def test_empty(self) -> None:
        """E11: the known empty authenticators are refusals, each for its own request."""
        first, second = COMPUTED["vectors"]
        for case, other in ((first, second), (second, first)):
            self.assertEqual((), check(self.sender, case, bytes.fromhex(case["empty_authenticator"])))
            foreign = bytes.fromhex(other["empty_authenticator"])
            self.assertRaises(AuthenticatorRefused, check, self.sender, case, foreign)

    def test_of_another_implementation(self) -> None:
        """E4, E6, E9, E11: what Go has made over real connections, as client and server, with each suite, is good."""
        for found in LIVE:
            chain = check(sender_in(found), found, bytes.fromhex(found["authenticator"]))
            self.assertEqual(0 if found.get("kind") == "empty" else 1, len(chain))

    def test_not_on_another_connection(self) -> None:
        """E14: each of them is refused with the secrets of any other connection or role."""
        connections = {found["handshake_context"]: found for found in LIVE}
        for found in LIVE:
            for context, other in connections.items():
                if context != found["handshake_context"] and other["hash"] == found["hash"]:
                    authenticator = bytes.fromhex(found["authenticator"])
                    self.assertRaises((AuthenticatorRefused, KeyUnfit), check, sender_in(other), found, authenticator)

    def test_without_header(self) -> None:
        """E11: Fizz hashes its requests without their header; given them as they are, the arithmetic is the same."""
        found = FIZZ["TestEmptyAuthenticator"]
        self.assertEqual((), check(sender_in(found), found, bytes.fromhex(found["authenticator"])))

    def test_without_certificate(self) -> None:
        """E12: a Certificate without entries proves nothing, though the rest is as it should be."""
        for name in ("TestValidAuthenticator", "TestValidateRejectsEmptyCertificateList"):
            found = FIZZ[name]
            authenticator = bytes.fromhex(found["authenticator"])
            self.assertRaises(AuthenticatorRefused, check, sender_in(found), found, authenticator)

    def test_signed_for_something_else(self) -> None:
        """E9: a signature made for the handshake of TLS is refused, though its Finished is good."""
        found = FIZZ["TestGetContext full authenticator"]
        refusal = self.assertRaises(KeyUnfit, check, sender_in(found), found, bytes.fromhex(found["authenticator"]))
        self.assertIn("signature", str(refusal))


Signer = Callable[[bytes], bytes]


def by_domain(content: bytes) -> bytes:
    """Sign as the domain does."""
    key = OF_DOMAIN.private_key
    assert isinstance(key, EllipticCurvePrivateKey)
    return key.sign(content, ECDSA(SHA256()))


def forged(
    request: bytes,
    *chain: bytes,
    scheme: int = 0x0403,
    signer: Signer = by_domain,
    context: bytes | None = None,
    label: bytes = b"Exported Authenticator",
) -> bytes:
    """An authenticator by the TLS server, put together apart from the code; whatever is wrong, its MAC is right."""
    exported = keys()
    shown = certificate_message(read_request(request).context if context is None else context, chain)
    heard = exported.server_context + request + shown
    proof = verify_message(scheme, signer(b" " * 64 + label + b"\0" + hashlib.sha256(heard).digest()))
    digest = hashlib.sha256(heard + proof).digest()
    return shown + proof + finished_message(hmac.digest(exported.server_finished, digest, "sha256"))


def der_of(certificate: Certificate) -> bytes:
    """A certificate as it is shown."""
    return certificate.public_bytes(Encoding.DER)


LEAF: Final = der_of(OF_DOMAIN.leaf)
EC_KEY: Final = bytes.fromhex("06072a8648ce3d0201")
"""What says that a key is one for ECDSA."""


class StepTests(SynchronousTestCase):
    """Each step of the check, refused at by an authenticator that is good up to it."""

    def setUp(self) -> None:
        self.client = end(TLSRole.CLIENT)
        self.request = self.client.request(DOMAIN)

    def refused(self, authenticator: bytes, words: str) -> None:
        """See an authenticator refused."""
        refusal = self.assertRaises(AuthenticatorRefused, self.client.check, self.request, authenticator)
        self.assertIn(words, str(refusal))

    def test_good(self) -> None:
        """E12: what these tests put together is good when nothing is wrong with it."""
        self.assertEqual((OF_DOMAIN.leaf,), self.client.check(self.request, forged(self.request, LEAF)))

    def test_shape(self) -> None:
        """E12: step 1, the shape: bytes left over."""
        self.refused(forged(self.request, LEAF) + b"\0", "too many")

    def test_sequence(self) -> None:
        """E12: step 2, the sequence: no CertificateVerify."""
        shown = certificate_message(read_request(self.request).context, (LEAF,))
        self.refused(shown + finished_message(b"F" * 32), "CERTIFICATE_VERIFY")

    def test_context(self) -> None:
        """E8, E12: step 3, the context: another one, or none."""
        for context in (b"x" * 32, b""):
            self.setUp()
            self.refused(forged(self.request, LEAF, context=context), "another request")

    def test_no_certificate(self) -> None:
        """E11, E12: step 4, the list: empty, which with a signature is neither a proof nor a refusal."""
        self.refused(forged(self.request), "no certificate")

    def test_scheme_not_asked_for(self) -> None:
        """E9, E12: step 5, the scheme: PKCS #1 v1.5, SHA-1, or one unheard of."""
        key = AUTHORITY.issue("a.example", key="rsa")
        assert isinstance(key.private_key, RSAPrivateKey)
        signer = partial(key.private_key.sign, padding=PKCS1v15(), algorithm=SHA256())
        for scheme in (0x0401, 0x0203, 0xFE00):
            self.setUp()
            self.refused(forged(self.request, der_of(key.leaf), scheme=scheme, signer=signer), "was not asked for")

    def test_scheme_of_another_curve(self) -> None:
        """E9, E12: step 5, the scheme: a P-384 key that signs with SHA-256."""
        key = generate_ec_key(SECP384R1())
        signer = partial(key.sign, signature_algorithm=ECDSA(SHA256()))
        self.refused(forged(self.request, der_of(certified(key)), signer=signer), "does not sign by ecdsa_secp256r1")

    def test_scheme_of_another_rsa_key(self) -> None:
        """E9, E12: step 5, the scheme: a key for RSASSA-PSS only under 0x0804, a plain one under 0x0809."""
        certificate, key = pss("any hash")
        plain = AUTHORITY.issue("a.example", key="rsa")
        for leaf, private_key, scheme in ((certificate, key, 0x0804), (plain.leaf, plain.private_key, 0x0809)):
            self.setUp()
            signer = partial(sign, scheme, private_key)
            self.refused(forged(self.request, der_of(leaf), scheme=scheme, signer=signer), "does not sign by rsa_pss")

    def test_pss_key(self) -> None:
        """E9: a key for RSASSA-PSS only is good under its own scheme."""
        certificate, key = pss("sha256 only")
        authenticator = forged(self.request, der_of(certificate), scheme=0x0809, signer=partial(sign, 0x0809, key))
        self.assertEqual((certificate,), self.client.check(self.request, authenticator))

    def test_short_key(self) -> None:
        """E9, E12: step 5, the key: RSA with 1,024 bits."""
        key = AUTHORITY.issue("a.example", key="rsa1024")
        signer = partial(sign, 0x0804, key.private_key)
        self.refused(forged(self.request, der_of(key.leaf), scheme=0x0804, signer=signer), "too short")

    def test_usage(self) -> None:
        """E10, E12: step 5, the key: its usage does not allow signatures."""
        key = Ed25519PrivateKey.generate()
        leaf = certified(key, usage(key_agreement=True))
        self.refused(forged(self.request, der_of(leaf), scheme=0x0807, signer=key.sign), "digitalSignature")

    def test_signature(self) -> None:
        """E9, E12: step 6, the signature: by another key, for another purpose, or none."""
        other = Ed25519PrivateKey.generate()
        for authenticator in (
            forged(self.request, der_of(certified(Ed25519PrivateKey.generate())), scheme=0x0807, signer=other.sign),
            forged(self.request, LEAF, label=b"TLS 1.3, server CertificateVerify"),
            forged(self.request, LEAF, signer=lambda _content: b""),
        ):
            self.setUp()
            self.refused(authenticator, "signature")

    def test_finished(self) -> None:
        """E12: step 7, the MAC: wrong, too short, too long, none."""
        good = forged(self.request, LEAF)
        for verify_data in (b"F" * 32, good[-32:-1], good[-32:] + b"F", b""):
            self.setUp()
            self.refused(good[:-36] + finished_message(verify_data), "Finished")


class HostileTests(SynchronousTestCase):
    """Certificates made to break what reads them; who shows them owns the connection, so their MAC is right."""

    def check(self, *chain: bytes, **forgery: Any) -> tuple[Certificate, ...]:
        """Check these certificates; warnings are errors, as a server may have it."""
        client = end(TLSRole.CLIENT)
        request = client.request(DOMAIN)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return client.check(request, forged(request, *chain, **forgery))

    def test_unreadable(self) -> None:
        """E12: what is no certificate is a refusal, wherever in the chain it stands."""
        for odd in (b"", b"\0", b"x" * 1_000, b"\x30\x80", LEAF + b"\0", LEAF[:-1], b"\x30\x84\xff\xff\xff\xff"):
            for chain in ((odd,), (LEAF, odd), (odd, LEAF)):
                refusal = self.assertRaises(AuthenticatorRefused, self.check, *chain)
                self.assertIn("a certificate cannot be read", str(refusal))

    def test_odd_keys(self) -> None:
        """E12: a key off its curve, on a curve nobody knows, or of a kind nobody knows is a refusal."""
        point = LEAF.index(bytes.fromhex("03420004")) + 4
        for at, octets in ((point, b"\0" * 64), (point - 11, b"\x63"), (LEAF.index(EC_KEY) + 8, b"\x7f")):
            self.assertRaises(AuthenticatorRefused, self.check, LEAF[:at] + octets + LEAF[at + len(octets) :])

    def test_odd_serial_number(self) -> None:
        """E12: a certificate with a negative serial number, which the library warns of, is no accident."""
        serial = LEAF.index(bytes.fromhex("a003020102")) + 7
        odd = LEAF[:serial] + b"\xff" + LEAF[serial + 1 :]
        self.assertIn("serial", str(self.assertRaises(AuthenticatorRefused, self.check, odd)))

    def test_every_change(self) -> None:
        """E12: a certificate with any byte changed, signed and MACed anew by its holder, is taken or refused."""
        for changed in changes(LEAF):
            with contextlib.suppress(AuthenticatorRefused):
                self.assertEqual(1, len(self.check(changed)))
