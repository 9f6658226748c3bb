"""Certificates of odd keys and odd purposes, which no authority of ours issues."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key
from cryptography.x509 import Certificate

from muxs2s.network.pem import PrivateKey
from tests.wire.samples import vectors

NOW: Final = datetime(2026, 6, 1, tzinfo=UTC)


def certified(key: PrivateKey, *extensions: x509.ExtensionType, critical: bool = True) -> Certificate:
    """A certificate of this key, with these extensions."""
    name = x509.Name([])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(key, None if isinstance(key, Ed25519PrivateKey | Ed448PrivateKey) else SHA256())


def usage(
    *, digital_signature: bool = False, key_agreement: bool = False, decipher_only: bool = False
) -> x509.KeyUsage:
    """A key usage."""
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=key_agreement,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=decipher_only,
    )


def pss(which: str) -> tuple[Certificate, RSAPrivateKey]:
    """A certificate whose key is for RSASSA-PSS only, and the key."""
    found = cast("dict[str, str]", vectors("exported_authenticators")["rsassa_pss"][which])
    certificate = x509.load_der_x509_certificate(bytes.fromhex(found["certificate"]))
    key = load_der_private_key(bytes.fromhex(found["private_key"]), None)
    assert isinstance(key, RSAPrivateKey)
    return certificate, key
