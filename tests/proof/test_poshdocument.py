"""Tests of :mod:`muxs2s.proof.poshdocument`, with the documents of RFC 7711 and of drafts before it."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256, sha384, sha512
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.poshdocument import (
    MAX_DOCUMENT_BYTES,
    MAX_FINGERPRINTS,
    MAX_JSON_LEVELS,
    DocumentRefused,
    FingerprintsDocument,
    ReferenceDocument,
    posh_url,
    read_document,
)
from muxs2s.wire.names import DomainName
from tests.fuzz.documents import check_document
from tests.wire.samples import vectors

CERTIFICATE: Final = b"as good as any certificate"
SHA_256: Final = b64encode(sha256(CERTIFICATE).digest()).decode()
HASHES: Final = ("sha-512", "sha-384", "sha-256", "sha-1", "url")
DIGESTS: Final = st.binary(max_size=64).map(lambda octets: b64encode(octets).decode()) | st.sampled_from(
    [b64encode(bytes(size)).decode()[:length] for size in (32, 48, 64) for length in (-2, -1, None)]
)
EXAMPLES: Final = settings(derandomize=True, deadline=None, database=None)
DESCRIPTOR: Final = {"sha-256": SHA_256}


def written(**members: object) -> bytes:
    """A document of these members."""
    return json.dumps(members).encode()


def fingerprints(*descriptors: object, expires: object = 60) -> bytes:
    """A document of fingerprints."""
    return written(fingerprints=list(descriptors), expires=expires)


def _inside(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Arrays and objects of values."""
    return st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3)


class DocumentTestCase(SynchronousTestCase):
    """What is read, and what is not."""

    def refused(self, data: bytes) -> str:
        """Why a document is refused; in few words, whatever it is."""
        reason = str(self.assertRaises(DocumentRefused, read_document, data))
        self.assertLess(len(reason), 600)
        return reason

    def read(self, data: bytes) -> FingerprintsDocument:
        """A document of fingerprints, read."""
        document = read_document(data)
        assert isinstance(document, FingerprintsDocument)
        return document

    def matches(self, *descriptors: object) -> bool:
        """Whether one of the descriptors is that of the certificate."""
        document = self.read(fingerprints(*descriptors))
        return any(fingerprint.matches(CERTIFICATE) for fingerprint in document.fingerprints)


class VectorTests(DocumentTestCase):
    """Documents that others have written."""

    def test_of_the_standard(self) -> None:
        """P4.5, P4.6, P4.15: the documents of RFC 7711 are read, the one without padding among them."""
        for vector in vectors("posh")["documents"]["vectors"]:
            document = read_document(vector["json"].encode())
            if "redirect" in vector:
                assert isinstance(document, ReferenceDocument)
                self.assertEqual(vector["redirect"], str(document.url))
            else:
                assert isinstance(document, FingerprintsDocument)
                self.assertEqual(vector.get("fingerprints", 1), len(document.fingerprints))
            self.assertEqual(vector.get("expires", 604_800), document.expires_seconds)

    def test_of_drafts(self) -> None:
        """P4.3: a set of keys, as drafts before RFC 7711 had it, is refused and called by its name."""
        for vector in vectors("posh")["obsolete_jwk_format"]["documents"]:
            reason = "no JSON" if "redirect" in vector["path"] else "set of keys (JWK)"
            self.assertIn(reason, self.refused(vector["json"].encode()))

    def test_certificates_of_drafts(self) -> None:
        """P4.3: so is one that holds certificates."""
        self.assertIn("JWK", self.refused(written(keys=[{"kty": "PKIX", "x5c": [SHA_256]}])))

    def test_place(self) -> None:
        """P4.2: a domain publishes at a well-known place, under its name in A-labels."""
        url = posh_url(DomainName.parse("münchen.example"))
        self.assertEqual("https://xn--mnchen-3ya.example/.well-known/posh/xmpp-server.json", str(url))


class FingerprintTests(DocumentTestCase):
    """Which certificates a document is about."""

    def test_hashes(self) -> None:
        """P4.5: SHA-256, SHA-384 and SHA-512 of the certificate are known."""
        for name, digest in (("sha-256", sha256), ("sha-384", sha384), ("sha-512", sha512)):
            value = b64encode(digest(CERTIFICATE).digest()).decode()
            self.assertTrue(self.matches({name: value}), name)

    def test_any(self) -> None:
        """P4.11: it is enough that one of the descriptors is that of the certificate."""
        other = {"sha-256": b64encode(bytes(32)).decode()}
        self.assertTrue(self.matches(other, DESCRIPTOR))
        self.assertFalse(self.matches(other, other))

    def test_strongest(self) -> None:
        """P4.11: inside a descriptor the strongest hash decides, be the weaker one right or wrong."""
        right, wrong = b64encode(sha512(CERTIFICATE).digest()).decode(), b64encode(bytes(64)).decode()
        self.assertFalse(self.matches({"sha-256": SHA_256, "sha-512": wrong}))
        self.assertTrue(self.matches({"sha-256": b64encode(bytes(32)).decode(), "sha-512": right}))

    def test_weak(self) -> None:
        """P4.11: MD5, SHA-1 and hashes nobody knows here are passed over; a document of these alone is refused."""
        weak = {
            "md5": b64encode(bytes(16)).decode(),
            "sha-1": b64encode(bytes(20)).decode(),
            "sha3": None,
            "bla": "woo",
        }
        self.assertEqual(1, len(self.read(fingerprints(weak, {**weak, **DESCRIPTOR}, {})).fingerprints))
        self.assertIn("no fingerprint is by a hash that is believed", self.refused(fingerprints(weak)))

    def test_padding(self) -> None:
        """P4.15: base64 counts with and without its padding."""
        self.assertEqual(43, len(SHA_256.rstrip("=")))
        self.assertTrue(self.matches({"sha-256": SHA_256.rstrip("=")}))

    def test_no_base64(self) -> None:
        """P4.15: what is not base64 of the right size is refused, and named."""
        bad = (
            SHA_256[:-4],
            SHA_256[:41],
            f" {SHA_256}",
            "",
            "_" * 43,
            SHA_256.replace("=", "\n"),
            None,
            7,
        )
        for value in bad:
            reason = self.refused(fingerprints(DESCRIPTOR, {"sha-256": value}))
            self.assertEqual("sha-256 of fingerprint 2 is not 32 bytes in base64", reason)

    def test_no_descriptors(self) -> None:
        """P4.5: fingerprints are an array of at least one object."""
        values: tuple[object, ...] = ([], {}, "", None, 1)
        for value in values:
            self.assertIn("at least one descriptor", self.refused(written(fingerprints=value, expires=60)))
        self.assertEqual("fingerprint 1 is no object", self.refused(fingerprints(SHA_256)))

    def test_number(self) -> None:
        """P4.17: a document has as many descriptors as the limit says, and no more."""
        most = [DESCRIPTOR] * MAX_FINGERPRINTS
        self.assertEqual(MAX_FINGERPRINTS, len(self.read(fingerprints(*most)).fingerprints))
        self.assertIn(f"more than {MAX_FINGERPRINTS}", self.refused(fingerprints(*most, DESCRIPTOR)))


class ReferenceTests(DocumentTestCase):
    """Where a document points."""

    def test_both(self) -> None:
        """P4.5: fingerprints and a reference in one document are refused, and so is neither."""
        both = {"fingerprints": [DESCRIPTOR], "url": "https://b.example/", "expires": 60}
        self.assertIn("both fingerprints and url", self.refused(written(**both)))
        self.assertIn("neither fingerprints nor url", self.refused(written(expires=60)))

    def test_url(self) -> None:
        """P4.6: a reference leads to a URL of https and nowhere else."""
        self.assertIn("only https:", self.refused(written(url="http://b.example/", expires=60)))
        self.assertIn("url is no text", self.refused(written(url=None, expires=60)))


class ExpiresTests(DocumentTestCase):
    """How long a document holds."""

    def test_whole_number(self) -> None:
        """P4.7: seconds are a whole number above zero; anything else is refused, and shown."""
        for value, shown in ((-1, "-1"), (1.5, "1.5"), (60.0, "60.0"), ("60", '"60"'), (None, "null"), (True, "true")):
            for members in ({"fingerprints": [DESCRIPTOR]}, {"url": "https://b.example/"}):
                self.assertIn(f"expires is {shown}, not", self.refused(written(**members, expires=value)))

    def test_zero(self) -> None:
        """P4.7: zero says that the document does not hold."""
        self.assertIn("expires is 0", self.refused(fingerprints(DESCRIPTOR, expires=0)))
        self.assertIn("expires is 0", self.refused(written(url="https://b.example/", expires=0)))
        self.assertEqual(1, self.read(fingerprints(DESCRIPTOR, expires=1)).expires_seconds)

    def test_missing(self) -> None:
        """P4.7: without it a document is refused."""
        self.assertIn("expires is missing", self.refused(written(fingerprints=[DESCRIPTOR])))


class HostileTests(DocumentTestCase):
    """Documents made to do harm."""

    def test_size(self) -> None:
        """P4.17: a document is as large as the limit says, and no larger."""
        largest = fingerprints(DESCRIPTOR).ljust(MAX_DOCUMENT_BYTES)
        self.read(largest)
        self.assertEqual("it has more than 65,536 bytes", self.refused(largest + b" "))

    def test_depth(self) -> None:
        """P4.17: a document is nested as deep as the limit says, and no deeper."""
        deepest = "[" * (MAX_JSON_LEVELS - 1) + "]" * (MAX_JSON_LEVELS - 1)
        text = f'{{"x": %s, "y": "{"[" * 99}", "expires": 60, "fingerprints": [{json.dumps(DESCRIPTOR)}]}}'
        self.read((text % deepest).encode())
        self.assertIn("16 levels", self.refused((text % f"[{deepest}]").encode()))
        for opening in (b"[", b'{"x":'):
            self.assertIn("16 levels", self.refused((opening * MAX_DOCUMENT_BYTES)[:MAX_DOCUMENT_BYTES]))

    def test_twice(self) -> None:
        """P4.17: no object has two members of one name, at no depth."""
        self.assertIn("two members expires", self.refused(b'{"expires": 1, "fingerprints": [], "expires": 2}'))
        inner = b'{"expires": 1, "fingerprints": [{"sha-256": "", "sha-256": ""}]}'
        self.assertIn("two members sha-256", self.refused(inner))

    def test_no_object(self) -> None:
        """What is no JSON object is no document."""
        for data in (b"[]", b'"x"', b"7", b"null", b"true"):
            self.assertEqual("it is no JSON object", self.refused(data))

    def test_no_json(self) -> None:
        """What is no JSON in UTF-8 is no document: truncated, with something after it, or something else."""
        good = fingerprints(DESCRIPTOR)
        bad = (b"", good[:-1], good + b"}", b"<html>", b"\xff", b"\xef\xbb\xbf" + good, good.decode().encode("utf-16"))
        for data in (*bad, b'{"expires": ' + b"9" * 5_000 + b"}", b'"' + b'\\"' * 30_000):
            self.assertIn("it is no JSON", self.refused(data))
        self.assertEqual("NaN is no JSON", self.refused(b'{"expires": NaN}'))

    @EXAMPLES
    @given(st.recursive(st.none() | st.integers() | st.text(max_size=5) | st.floats(), _inside, max_leaves=8))
    def test_any_json(self, value: Any) -> None:
        """Whatever stands where a document is looked for, nothing but a refusal comes of it."""
        for data in (json.dumps(value), json.dumps({"fingerprints": value}), json.dumps({"url": value, "expires": 1})):
            self.assertRaises(DocumentRefused, read_document, data.encode())

    @EXAMPLES
    @given(st.lists(st.dictionaries(st.sampled_from(HASHES), DIGESTS, max_size=4), max_size=3), st.integers(-1, 2))
    def test_any_document(self, descriptors: list[dict[str, str]], expires: int) -> None:
        """P4.11, P4.15: whatever its descriptors, a document says what a plain reading of its JSON says, or nothing."""
        check_document(fingerprints(*descriptors, expires=expires))
        check_document(fingerprints(DESCRIPTOR, *descriptors))
