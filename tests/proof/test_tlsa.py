"""Tests of :mod:`muxs2s.proof.tlsa`, with the records that OpenSSL is tested with."""

from __future__ import annotations

from typing import Any, Final, cast

import dns.rdata
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import Certificate, load_pem_x509_certificate
from dns.rdata import Rdata
from dns.rdataclass import IN
from dns.rdatatype import TLSA
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.der import BIT_STRING, SEQUENCE, DERMalformed
from muxs2s.proof.tlsa import (
    MAX_TLSA_DATA_BYTES,
    Matching,
    Selector,
    TLSAMalformed,
    TLSARecord,
    Usage,
    association_data,
    matching_records,
    strongest,
)
from muxs2s.testing import CertificateAuthority
from tests.proof.der import der
from tests.wire.samples import vectors

VECTORS: Final[Any] = vectors("dane")["openssl"]
CERTIFICATES: Final = {name: load_pem_x509_certificate(pem.encode()) for name, pem in VECTORS["certificates"].items()}
LEAF: Final = CertificateAuthority().issue("a.example").leaf
SHA256, SHA512 = bytes(32), bytes(64)
NO_MATCH: Final = -1
SHOWS_ANCHORS_IN_DNS: Final = (47, 48, 49, 50)
"""Their anchor stands in the record alone, which a server may not rely on (P3.9)."""


def record(usage: int = 3, selector: int = 1, matching: int = 1, data: bytes = SHA256) -> TLSARecord:
    """A record with these fields."""
    return TLSARecord(usage=usage, selector=selector, matching=matching, data=data)


def records_of(vector: Any) -> list[TLSARecord]:
    """The records of a sample."""
    return [
        record(found["usage"], found["selector"], found["mtype"], bytes.fromhex(found["data"]))
        for found in vector["tlsa"]
    ]


def for_certificate(certificate: Certificate, usage: int = 3, selector: int = 1, matching: int = 1) -> TLSARecord:
    """The record that its operator publishes for a certificate."""
    return record(usage, selector, matching, association_data(certificate, selector, matching))


class ReadTests(SynchronousTestCase):
    """From octets to records."""

    def test_fields(self) -> None:
        """P3.6: three octets are usage, selector and matching type; the rest is data."""
        self.assertEqual(record(2, 0, 1, b"data"), TLSARecord.read(b"\x02\x00\x01data"))

    def test_published(self) -> None:
        """P3.6: a record that dnspython has read is read the same, also one that it makes nothing of."""
        text = f"3 1 1 {SHA256.hex()}"
        for written in (text, f"\\# 35 030101{SHA256.hex()}"):
            found = dns.rdata.from_text(IN, TLSA, written)
            self.assertEqual(record(), TLSARecord.read(cast(bytes, found.to_wire())))
        unknown: Rdata = dns.rdata.GenericRdata(IN, TLSA, b"\x03\x01\x01short")
        self.assertEqual(record(data=b"short"), TLSARecord.read(cast(bytes, unknown.to_wire())))

    def test_truncated(self) -> None:
        """P3.6: fewer than three octets are no record; three are one without data."""
        for octets in (b"", b"\x03", b"\x03\x01"):
            self.assertRaises(TLSAMalformed, TLSARecord.read, octets)
        self.assertEqual(record(data=b""), TLSARecord.read(b"\x03\x01\x01"))

    def test_shown(self) -> None:
        """A message shows a record as a zone file has it, and its data cut."""
        self.assertEqual("3 1 1 0000000000000000...", str(record()))
        self.assertEqual("255 1 1 abcd", str(record(255, data=b"\xab\xcd")))


class UsableTests(SynchronousTestCase):
    """Which records can be used."""

    def test_usable(self) -> None:
        """P3.1, P3.6: DANE-EE, PKIX-EE and DANE-TA are usable, with either selector and any matching type."""
        for usage in (Usage.DANE_EE, Usage.PKIX_EE, Usage.DANE_TA):
            for selector in Selector:
                for matching in Matching:
                    found = for_certificate(LEAF, usage, selector, matching)
                    self.assertEqual("", found.why_unusable, found)

    def test_unusable_usage(self) -> None:
        """P3.9: usage PKIX-TA is unusable, and its operator is told what to publish."""
        self.assertEqual("usage PKIX-TA (0) is not supported: publish 3 1 1", record(0).why_unusable)

    def test_unknown(self) -> None:
        """P3.6: unknown usages, selectors and matching types make a record unusable."""
        for found, words in (
            (record(4), "its usage 4 is unknown"),
            (record(255), "its usage 255 is unknown"),
            (record(selector=2), "its selector 2 is unknown"),
            (record(matching=3), "its matching type 3 is unknown"),
        ):
            self.assertEqual(words, found.why_unusable)

    def test_wrong_length(self) -> None:
        """P3.6: a digest of another length than its algorithm has is unusable, an empty one too."""
        for matching, octets in ((1, 0), (1, 31), (1, 33), (1, 64), (2, 32), (2, 65)):
            words = f"its digest has {octets} octets and not {32 * matching}"
            self.assertEqual(words, record(matching=matching, data=bytes(octets)).why_unusable)

    def test_no_certificate(self) -> None:
        """P3.6: what stands for a certificate or key in full, and is none, is unusable."""
        key, whole = (association_data(LEAF, selector, Matching.FULL) for selector in (1, 0))
        for selector, kind, datas in (
            (0, "certificate", (b"", b"\x30", whole[:-1], whole + b"\x00", key)),
            (1, "key", (b"", b"\x30\x80", key[:-1], key + b"\x00", whole)),
        ):
            for data in datas:
                words = f"its data is no {kind} in DER"
                self.assertEqual(words, record(3, selector, 0, data).why_unusable, data.hex())

    def test_largest(self) -> None:
        """P3.6: a key in full of as many octets as the limit is usable, one octet more is not."""
        frame = len(der(SEQUENCE, der(SEQUENCE), der(BIT_STRING, bytes(16_000)))) - 16_000
        for over, words in ((0, ""), (1, "its data of 16385 octets exceeds 16384")):
            bits = der(BIT_STRING, bytes(MAX_TLSA_DATA_BYTES - frame + over))
            self.assertEqual(words, record(3, 1, 0, der(SEQUENCE, der(SEQUENCE), bits)).why_unusable)

    @given(st.binary(min_size=3, max_size=120))
    def test_anything(self, octets: bytes) -> None:
        """P3.6: whatever is published can be read, shown and decided upon."""
        found = TLSARecord.read(octets)
        self.assertIsInstance(found.why_unusable, str)
        self.assertTrue(str(found).isprintable())


class AgilityTests(SynchronousTestCase):
    """Which digests count."""

    def test_strongest(self) -> None:
        """P3.10: beside SHA-512 a record with SHA-256 of the same usage and selector does not count."""
        strong, weak = record(matching=2, data=SHA512), record()
        self.assertEqual((strong,), strongest([weak, strong]))
        self.assertEqual((strong,), strongest([strong, weak]))
        self.assertEqual((weak,), strongest([weak]))

    def test_full(self) -> None:
        """P3.10: a key in full stays beside digests."""
        full, strong, weak = record(matching=0, data=b"x"), record(matching=2, data=SHA512), record()
        self.assertEqual((full, strong), strongest([weak, full, strong]))
        self.assertEqual((full,), strongest([full]))

    def test_apart(self) -> None:
        """P3.10: digests of another usage or selector are not compared with."""
        given_ = record(), record(selector=0, matching=2, data=SHA512), record(1, matching=2, data=SHA512)
        self.assertEqual(given_, strongest(given_))

    def test_several(self) -> None:
        """P3.10: of several keys with the strongest digest all stay, as while one takes the place of another."""
        given_ = record(data=bytes(32)), record(data=b"\x01" * 32)
        self.assertEqual(given_, strongest(given_))


class MatchTests(SynchronousTestCase):
    """What records match."""

    def test_openssl(self) -> None:
        """P3.1, P3.9: each sample of OpenSSL matches that certificate of the chain which it is said to match."""
        for vector in VECTORS["blocks"]:
            if vector["number"] in SHOWS_ANCHORS_IN_DNS:
                continue
            chain = [CERTIFICATES[name] for name in vector["chain"]]
            depths = [depth for depth, shown in enumerate(chain) if list(matching_records(records_of(vector), shown))]
            expected = vector["match_depth"]
            absent = expected >= len(chain)  # found among the trust anchors of that test, not in the chain
            self.assertEqual([] if absent or expected == NO_MATCH else [expected], depths, vector["number"])

    def test_library(self) -> None:
        """P3.1: the key that is cut out of a certificate is the one the library writes, whatever its kind."""
        authority = CertificateAuthority()
        for kind in ("ec", "ed25519", "rsa"):
            shown = authority.issue("a.example", key=kind).leaf
            written = shown.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            self.assertEqual(written, association_data(shown, Selector.PUBLIC_KEY, Matching.FULL))

    def test_every_kind(self) -> None:
        """P3.1: certificate and key match in full, by SHA-256 and by SHA-512; another certificate does not."""
        other = CertificateAuthority().issue("a.example").leaf
        all_kinds = [for_certificate(LEAF, 3, selector, matching) for selector in Selector for matching in Matching]
        self.assertEqual(all_kinds, list(matching_records(all_kinds, LEAF)))
        self.assertEqual([], list(matching_records(all_kinds, other)))

    def test_version_1(self) -> None:
        """P3.1: the key of a certificate of version 1, which does not say so, is found as well."""
        parts = [der(0x02, b"\x01"), *(der(SEQUENCE) for _ in range(4))]
        key = der(SEQUENCE, der(SEQUENCE), der(BIT_STRING, b"\x00"))
        for fields in (parts, [der(0xA0), *parts]):
            shown = Broken(der(SEQUENCE, *fields, key, der(0xA3)))
            self.assertEqual(key, association_data(cast(Certificate, shown), Selector.PUBLIC_KEY, Matching.FULL))

    def test_broken(self) -> None:
        """What is no certificate has no key, and says so in the one way that callers expect."""
        for data in (b"", der(SEQUENCE), der(SEQUENCE, der(0xA0), der(0x02)), b"\x30\x84"):
            self.assertRaises(DERMalformed, association_data, Broken(data), Selector.PUBLIC_KEY, Matching.FULL)

    def test_many(self) -> None:
        """P3.6: with a thousand records a certificate is written out and digested once for each kind."""
        shown = Counted(LEAF)
        crowd = [record(3, selector, 1, number.to_bytes(32, "big")) for selector in (0, 1) for number in range(500)]
        self.assertEqual([], list(matching_records(crowd, cast(Certificate, shown))))
        self.assertEqual(2, shown.asked)


class Broken:
    """A certificate, as far as keys are concerned."""

    def __init__(self, tbs: bytes) -> None:
        self.tbs_certificate_bytes = tbs


class Counted:
    """A certificate that counts how often it is looked into."""

    def __init__(self, shown: Certificate) -> None:
        self._shown, self.asked = shown, 0

    def __getattr__(self, name: str) -> object:
        self.asked += 1
        return getattr(self._shown, name)
