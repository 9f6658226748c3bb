"""
How large a key may be whose signatures are believed, and checked at all.

Knows RSA, where a peer chooses the numbers and thereby the work. Does not know what is signed, nor by which scheme: see
:mod:`muxs2s.proof.pkix` and :mod:`muxs2s.proof.schemes`.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import Certificate
from cryptography.x509.oid import PublicKeyAlgorithmOID

__all__ = ["MAX_RSA_BITS", "MAX_RSA_EXPONENT_BITS", "MIN_RSA_BITS", "why_costly", "why_weak"]

MIN_RSA_BITS: Final = 2_048
"""Bits in the modulus of an RSA key that is still believed."""

MAX_RSA_BITS: Final = 8_192
"""Bits in the modulus of an RSA key whose signatures are checked."""

MAX_RSA_EXPONENT_BITS: Final = 32
"""
Bits in its public exponent, which nearly everywhere is 65,537.

With 3,072 bits in modulus and exponent a signature takes 25 ms to check instead of 0.1, and a chain holds ten of them.
"""

_RSA: Final = frozenset({PublicKeyAlgorithmOID.RSAES_PKCS1_v1_5, PublicKeyAlgorithmOID.RSASSA_PSS})


def why_weak(certificate: Certificate) -> str:
    """
    Say what makes the key of a certificate too weak to be believed.

    :returns: words for a log; empty if nothing does.
    :raises ValueError: if the key cannot be read; or any other exception of the library.
    """
    key = _rsa_key(certificate)
    if key is not None and key.key_size < MIN_RSA_BITS:
        return f"its RSA key of {key.key_size} bits is too short: {MIN_RSA_BITS} are the least"
    return ""


def why_costly(certificate: Certificate) -> str:
    """
    Say what makes the key of a certificate too costly to check a signature with.

    :returns: words for a log; empty if nothing does.
    :raises ValueError: if the key cannot be read; or any other exception of the library.
    """
    key = _rsa_key(certificate)
    if key is None:
        return ""
    if key.key_size > MAX_RSA_BITS:
        return f"an RSA key of {key.key_size} bits is too long: {MAX_RSA_BITS} are the most"
    exponent_bits = key.public_numbers().e.bit_length()
    if exponent_bits > MAX_RSA_EXPONENT_BITS:
        return f"an RSA exponent of {exponent_bits} bits is too long: {MAX_RSA_EXPONENT_BITS} are the most"
    return ""


def _rsa_key(certificate: Certificate) -> RSAPublicKey | None:
    """Its key if it is one for RSA; of any other kind it is not read."""
    if certificate.public_key_algorithm_oid not in _RSA:
        return None
    key = certificate.public_key()
    return key if isinstance(key, RSAPublicKey) else None
