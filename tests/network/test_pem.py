"""Tests of :mod:`muxs2s.network.pem`."""

from __future__ import annotations

import os
import warnings
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network import pem
from muxs2s.network.pem import (
    MAX_PEM_BYTES,
    CertificateProblem,
    load_trust_anchors,
    read_credentials,
    unreadable,
)
from muxs2s.proof import Evidence, PkixProof, Proven, Refused
from muxs2s.testing import CertificateAuthority
from muxs2s.wire.names import DomainName

NOW = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
AUTHORITY = CertificateAuthority()
BELOW = AUTHORITY.intermediate()


class PemCase(SynchronousTestCase):
    """Files in a directory of the test's own."""

    def setUp(self) -> None:
        """Make the directory."""
        self.place = Path(self.mktemp())
        self.place.mkdir()

    def file(self, name: str, content: bytes) -> Path:
        """Write a file."""
        path = self.place / name
        path.write_bytes(content)
        return path

    def assert_problem(self, problem: CertificateProblem, path: Path, words: str) -> None:
        """The problem names the file, and says those words."""
        self.assertEqual(problem.path, str(path))
        self.assertTrue(str(problem).startswith(f"{path}: "), problem)
        self.assertIn(words, str(problem))


class ReadCredentialsTests(PemCase):
    """A certificate and its key, from files."""

    def test_two_files(self) -> None:
        """A certificate with its issuers in one file, its key in another."""
        issued = BELOW.issue("a.example")
        certificate, key = issued.write(self.place)
        found = read_credentials(certificate, key)
        self.assertEqual((found.leaf, found.chain, found.path), (issued.leaf, issued.chain, str(certificate)))
        self.assertEqual(found.private_key.public_key(), issued.private_key.public_key())

    def test_one_file(self) -> None:
        """All in one file, whichever comes first."""
        issued = BELOW.issue("a.example")
        for content in (issued.key_pem + issued.certificate_pem, issued.certificate_pem + issued.key_pem):
            self.assertEqual(read_credentials(self.file("all.pem", content)).leaf, issued.leaf)

    def test_order(self) -> None:
        """The certificate is the one the key belongs to, wherever it stands in the file."""
        issued = BELOW.issue("a.example")
        issuer = issued.chain[0].public_bytes(Encoding.PEM)
        found = read_credentials(self.file("all.pem", issuer + issued.certificate_pem + issued.key_pem))
        self.assertEqual((found.leaf, found.chain), (issued.leaf, (issued.chain[0], issued.chain[0])))

    def test_kinds_of_keys(self) -> None:
        """Every kind of key TLS can sign with is taken, in every format of PEM."""
        for kind in ("ec", "ed25519", "rsa"):
            issued = AUTHORITY.issue("a.example", key=kind)
            self.assertEqual(read_credentials(*issued.write(self.place)).leaf, issued.leaf, kind)
        issued = AUTHORITY.issue("a.example")
        old = issued.private_key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        self.assertEqual(read_credentials(self.file("old.pem", issued.certificate_pem + old)).leaf, issued.leaf)

    def test_key_is_not_shown(self) -> None:
        """The key does not get into a log by way of its owner's representation."""
        self.assertNotIn("private", repr(AUTHORITY.issue("a.example")).lower())

    def refused(self, certificate: Path, key: Path | None = None) -> CertificateProblem:
        """Read files that cannot be used."""
        problem = self.assertRaises(CertificateProblem, read_credentials, certificate, key)
        assert isinstance(problem, CertificateProblem)
        return problem

    def test_missing(self) -> None:
        """A missing file is named, be it that of the certificate or that of the key."""
        nowhere = self.place / "nowhere.pem"
        self.assert_problem(self.refused(nowhere), nowhere, "is missing: check the path")
        certificate, _ = BELOW.issue("a.example").write(self.place)
        self.assert_problem(self.refused(certificate, nowhere), nowhere, "is missing")

    def test_forbidden(self) -> None:
        """A file that may not be read is named with the remedy."""
        problem = unreadable(self.place, PermissionError(13, "Permission denied"))
        self.assert_problem(problem, self.place, "give the user this server runs as access")

    def test_directory(self) -> None:
        """A directory instead of a file is named."""
        self.assert_problem(self.refused(self.place), self.place, "cannot be read: Is a directory")

    def test_no_regular_file(self) -> None:
        """What would block, or never end, is named and not read: pipes and devices."""
        pipe = self.place / "pipe.pem"
        os.mkfifo(pipe)
        for path in (pipe, Path("/dev/zero")):
            self.assert_problem(self.refused(path), path, "name a regular one")

    def test_no_certificate(self) -> None:
        """A file without a certificate is named, with what it should hold."""
        path = self.file("empty.pem", b"")
        self.assert_problem(self.refused(path), path, "holds no certificate in PEM")
        path = self.file("der.pem", AUTHORITY.certificate.public_bytes(Encoding.DER))
        self.assert_problem(self.refused(path), path, "holds no certificate in PEM")

    def test_malformed_certificate(self) -> None:
        """A damaged certificate is named by its place in the file."""
        issued = BELOW.issue("a.example")
        for bad in (armoured(b"0"), altered(4, 3)):
            path = self.file("bad.pem", issued.certificate_pem + bad + issued.key_pem)
            self.assert_problem(self.refused(path), path, "certificate 3 in it is malformed")

    def test_no_key(self) -> None:
        """A file without a key is named."""
        path = self.file("cert.pem", AUTHORITY.issue("a.example").certificate_pem)
        self.assert_problem(self.refused(path), path, "holds no private key in PEM")

    def test_malformed_key(self) -> None:
        """A damaged key is named."""
        issued = AUTHORITY.issue("a.example")
        bad = b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"
        path = self.file("bad.pem", issued.certificate_pem + bad)
        self.assert_problem(self.refused(path), path, "the private key is malformed")

    def test_encrypted_key(self) -> None:
        """A key under a passphrase is refused with the remedy, as nobody is there to type it."""
        issued = AUTHORITY.issue("a.example")
        for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
            key = issued.private_key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"secret"))
            path = self.file("locked.pem", issued.certificate_pem + key)
            self.assert_problem(self.refused(path), path, "is encrypted: take the passphrase off")

    def test_other_kind_of_key(self) -> None:
        """A key TLS cannot use is refused."""
        key = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path = self.file("x25519.pem", AUTHORITY.issue("a.example").certificate_pem + key)
        self.assert_problem(self.refused(path), path, "of a kind TLS cannot use")

    def test_key_of_another(self) -> None:
        """A key that belongs to another certificate is refused, and both files are named."""
        certificate = self.file("a.pem", AUTHORITY.issue("a.example").certificate_pem)
        key = self.file("b.key", AUTHORITY.issue("a.example").key_pem)
        problem = self.refused(certificate, key)
        self.assert_problem(problem, certificate, f"does not match the key in {key}")

    def test_largest_file(self) -> None:
        """A file as large as the limit is read."""
        issued = AUTHORITY.issue("a.example")
        content = issued.certificate_pem + issued.key_pem
        path = self.file("large.pem", content.ljust(MAX_PEM_BYTES, b"\n"))
        self.assertEqual(read_credentials(path).leaf, issued.leaf)

    def test_past_largest_file(self) -> None:
        """A file one byte larger than the limit is refused."""
        issued = AUTHORITY.issue("a.example")
        content = issued.certificate_pem + issued.key_pem
        path = self.file("large.pem", content.ljust(MAX_PEM_BYTES + 1, b"\n"))
        self.assert_problem(self.refused(path), path, "is larger than 4194304 bytes")


class ComplaintTests(PemCase):
    """Certificates that can be shown, and will be refused."""

    def test_good(self) -> None:
        """There is nothing to say about a good certificate."""
        self.assertIsNone(AUTHORITY.issue("a.example").complaint(NOW))

    def test_expired(self) -> None:
        """An expired certificate is named with its end and the remedy."""
        issued = AUTHORITY.issue("a.example", not_after=NOW)
        self.assertIsNone(issued.complaint(NOW))
        self.assertIn("expired on 2026-06-01T00:00:00Z: renew the certificate", str(issued.complaint(NOW + 1)))

    def test_of_the_future(self) -> None:
        """A certificate that is not yet valid is named with its beginning."""
        issued = AUTHORITY.issue("a.example", not_before=NOW)
        self.assertIsNone(issued.complaint(NOW))
        self.assertIn("not valid before 2026-06-01T00:00:00Z", str(issued.complaint(NOW - 1)))

    def test_nameless(self) -> None:
        """T18: a certificate with nothing but a Common Name is named with the remedy."""
        issued = AUTHORITY.issue(common_name="a.example")
        self.assertIn("request one with a dNSName", str(issued.complaint(NOW)))


def armoured(der: bytes) -> bytes:
    """Bytes that may be no certificate, as one in PEM."""
    return b"-----BEGIN CERTIFICATE-----\n" + b64encode(der) + b"\n-----END CERTIFICATE-----\n"


def altered(at: int, value: int) -> bytes:
    """The authority's certificate with its version (4) or serial number (7) changed."""
    raw = bytearray(AUTHORITY.certificate.public_bytes(Encoding.DER))
    raw[raw.index(bytes.fromhex("a003020102 020102")) + at] = value
    return armoured(bytes(raw))


class LoadTrustAnchorsTests(PemCase):
    """The certificates peers are judged by."""

    def test_file(self) -> None:
        """P1.3: anchors of our own are all that counts: another authority's certificate is refused."""
        anchors = load_trust_anchors(AUTHORITY.write(self.place / "ca.pem"))
        prooftype = PkixProof(anchors)
        domain = DomainName.parse("a.example")
        ours = Evidence(chain=(AUTHORITY.issue("a.example").leaf,))
        others = Evidence(chain=(CertificateAuthority("another").issue("a.example").leaf,))
        self.assertIsInstance(prooftype.judge(domain, ours, NOW), Proven)
        self.assertIsInstance(prooftype.judge(domain, others, NOW), Refused)

    def test_directory(self) -> None:
        """Of a directory all files count, each certificate once, and what is no certificate not at all."""
        AUTHORITY.write(self.place / "one.pem")
        AUTHORITY.write(self.place / "again.crt")
        other = CertificateAuthority("another")
        other.write(self.place / "two.pem")
        self.file("README", b"Hello.")
        (self.place / "below").mkdir()
        anchors = load_trust_anchors(self.place)
        self.assertEqual(set(anchors.certificates), {AUTHORITY.certificate, other.certificate})
        self.assertEqual(len(anchors), 2)

    def test_one_bad_among_good(self) -> None:
        """A certificate that cannot be used is skipped with a warning; the others are loaded."""
        path = self.file("ca.pem", armoured(b"0") + altered(4, 3) + AUTHORITY.certificate_pem)
        with capturedLogs() as logs:
            anchors = load_trust_anchors(path)
        self.assertEqual(anchors.certificates, (AUTHORITY.certificate,))
        self.assertEqual(
            [(log["log_level"], log["path"], log["count"]) for log in logs], [(LogLevel.warn, str(path), 2)]
        )

    def test_dubious_serial_number(self) -> None:
        """A root that the library frowns upon is loaded without a warning from it."""
        path = self.file("ca.pem", altered(7, 0))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.assertEqual(len(load_trust_anchors(path)), 1)

    def test_none(self) -> None:
        """A file or directory without a certificate that can be used is a problem."""
        path = self.file("ca.pem", b"")
        self.assert_problem(
            self.assertRaises(CertificateProblem, load_trust_anchors, path), path, "holds no usable certificate"
        )
        self.assert_problem(
            self.assertRaises(CertificateProblem, load_trust_anchors, self.place), self.place, "no usable certificate"
        )

    def test_missing(self) -> None:
        """A missing file is a problem that names it."""
        path = self.place / "nowhere"
        self.assert_problem(self.assertRaises(CertificateProblem, load_trust_anchors, path), path, "is missing")

    def test_forbidden_directory(self) -> None:
        """A directory that cannot be listed is a problem that names it."""
        self.patch(Path, "iterdir", _forbidden)
        self.assert_problem(
            self.assertRaises(CertificateProblem, load_trust_anchors, self.place), self.place, "may not be read"
        )

    def test_system(self) -> None:
        """Without a path the system's collection is read."""
        self.patch(pem, "SYSTEM_TRUST_ANCHORS", os.fspath(AUTHORITY.write(self.place / "ca.pem")))
        self.assertEqual(load_trust_anchors().certificates, (AUTHORITY.certificate,))

    def test_no_system_collection(self) -> None:
        """Where the system has no collection the remedy is told."""
        nowhere = self.place / "nowhere"
        self.patch(pem, "SYSTEM_TRUST_ANCHORS", os.fspath(nowhere))
        problem = self.assertRaises(CertificateProblem, load_trust_anchors)
        self.assert_problem(problem, nowhere, "install ca-certificates, or configure trust anchors")

    def test_forbidden_file(self) -> None:
        """A file that may not be read is a problem, in a directory too: nobody is to miss an anchor in silence."""
        path = self.file("ca.pem", b"")
        self.patch(Path, "read_bytes", _forbidden)
        self.assert_problem(
            self.assertRaises(CertificateProblem, load_trust_anchors, self.place), path, "may not be read"
        )


def _forbidden(path: Path) -> None:
    raise PermissionError(13, "Permission denied", str(path))
