"""
The cryptography that one presentation of a domain takes, bare: what no implementation can do without.

Knows signatures and chains as the libraries have them. Does not know muxs2s.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import median
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import PolicyBuilder, Store

from muxs2s.testing import CertificateAuthority

__all__ = ["presentation_seconds"]

ROUNDS: Final = 5
PRESENTATIONS: Final = 300
"""In each round."""

_DOMAIN: Final = "a.example"
_SIGNED_BYTES: Final = 130
"""What a signature of TLS 1.3 is over: padding, a text, a hash (RFC 8446, section 4.4.3)."""


def presentation_seconds() -> float:
    """
    Time of this process for one presentation, both ends together, with an ECDSA P-256 key under an authority.

    One end signs; the other reads the certificate, checks its chain and names, and verifies the signature.

    :returns: seconds, the median of :data:`ROUNDS`.
    """
    present = _presentation()
    return median(_seconds(present) for _ in range(ROUNDS))


def _seconds(present: Callable[[], None]) -> float:
    began = time.process_time()
    for _ in range(PRESENTATIONS):
        present()
    return (time.process_time() - began) / PRESENTATIONS


def _presentation() -> Callable[[], None]:
    authority = CertificateAuthority()
    issued = authority.issue(_DOMAIN)
    key, leaf = issued.private_key, issued.leaf.public_bytes(Encoding.DER)
    assert isinstance(key, EllipticCurvePrivateKey)
    signed, algorithm, store = os.urandom(_SIGNED_BYTES), ECDSA(SHA256()), Store([authority.certificate])

    def present() -> None:
        signature = key.sign(signed, algorithm)
        certificate = x509.load_der_x509_certificate(leaf)
        PolicyBuilder().store(store).build_server_verifier(x509.DNSName(_DOMAIN)).verify(certificate, [])
        public_key = certificate.public_key()
        assert isinstance(public_key, EllipticCurvePublicKey)
        public_key.verify(signature, signed, algorithm)

    return present
