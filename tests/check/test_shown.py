"""A certificate, told to operators and programs."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography.x509 import Certificate
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.check.shown import ShownCertificate
from muxs2s.testing import CertificateAuthority

AUTHORITY = CertificateAuthority()


class Broken:
    """A certificate whose names and dates break whoever looks at them."""

    def __init__(self, good: Certificate) -> None:
        self._good = good

    def __getattr__(self, name: str) -> object:
        if name in {"subject", "issuer", "not_valid_before_utc", "not_valid_after_utc"}:
            raise ValueError("error parsing asn1 value")
        return getattr(self._good, name)


class ShownTests(SynchronousTestCase):
    """What a certificate says of itself."""

    def test_good(self) -> None:
        """Names, issuer, dates and a digest, for programs and people."""
        end = datetime(2030, 1, 2, tzinfo=UTC).timestamp()
        leaf = AUTHORITY.issue("a.example", "*.b.example", common_name="a", not_after=end).leaf
        shown = ShownCertificate.of(leaf)
        told = shown.as_object()
        self.assertEqual(64, len(str(told.pop("sha256"))))
        self.assertEqual(
            {
                "names": ["*.b.example", "a.example"],
                "subject": "CN=a",
                "issuer": "CN=muxs2s test CA",
                "not_before": "2020-01-01T00:00:00Z",
                "not_after": "2030-01-02T00:00:00Z",
            },
            told,
        )
        self.assertEqual("2020-01-01 to 2030-01-02", shown.period)

    def test_broken(self) -> None:
        """What cannot be read is left out, and all else is there."""
        shown = ShownCertificate.of(Broken(AUTHORITY.issue("a.example").leaf))  # type: ignore[arg-type]  # stands for one
        told = shown.as_object()
        self.assertEqual((["a.example"], "", ""), (told["names"], told["subject"], told["issuer"]))
        self.assertEqual((None, None, "? to ?"), (told["not_before"], told["not_after"], shown.period))

    def test_long_names(self) -> None:
        """A name that would fill a screen is cut, and stays on one line."""
        leaf = AUTHORITY.issue("a.example", common_name="a\n" + "b" * 60).leaf
        self.assertIn("a\\n", ShownCertificate.of(leaf).subject)
