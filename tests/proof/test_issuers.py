"""Tests of :mod:`muxs2s.proof.issuers` beyond those of the prooftype that uses it, in ``test_pkix``."""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_der_x509_certificate
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.issuers import MAX_CACHED_ISSUERS, kept_once
from muxs2s.testing import CertificateAuthority

AUTHORITY = CertificateAuthority()


def read_again(certificate: Certificate) -> Certificate:
    """The same certificate as it comes from another peer."""
    return load_der_x509_certificate(certificate.public_bytes(Encoding.DER))


class KeptOnceTests(SynchronousTestCase):
    """The issuers that many peers send along."""

    def test_equal(self) -> None:
        """Of equal certificates one is kept, of different ones each."""
        one, other = (AUTHORITY.intermediate().certificate for _ in "ab")
        self.assertIs(kept_once(one), kept_once(read_again(one)))
        self.assertEqual([one, other], [kept_once(one), kept_once(other)])

    def test_limit(self) -> None:
        """Of one authority more than there is room for the least recently used is forgotten."""
        first, *others = [AUTHORITY.intermediate().certificate for _ in range(MAX_CACHED_ISSUERS + 1)]
        kept_once(first)
        for other in others:
            kept_once(other)
        self.assertEqual(MAX_CACHED_ISSUERS, kept_once.cache_info().currsize)
        again = read_again(first)
        self.assertIs(again, kept_once(again))
