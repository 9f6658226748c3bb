"""
What a domain publishes for POSH, and what comes of looking for it.

Knows the two documents, of fingerprints and of reference, how they are read from bytes that anybody may
have written, and how long they hold. Does not know how they are fetched (:mod:`muxs2s.network.posh`), nor
what they prove (:mod:`muxs2s.proof.posh`).
"""

from __future__ import annotations

import binascii
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from muxs2s.wire.errors import MuxS2SError
from muxs2s.wire.names import DomainName
from muxs2s.wire.reasons import readable
from muxs2s.wire.urls import HttpsUrl, UrlRefused

__all__ = [
    "MAX_DOCUMENT_BYTES",
    "MAX_FINGERPRINTS",
    "MAX_JSON_LEVELS",
    "DocumentRefused",
    "Fingerprint",
    "FingerprintsDocument",
    "PoshAbsent",
    "PoshDocument",
    "PoshFailed",
    "PoshFound",
    "PoshMaterial",
    "ReferenceDocument",
    "posh_url",
    "read_document",
]

MAX_DOCUMENT_BYTES: Final = 65_536
"""Of a document, without what HTTP puts around it."""

MAX_JSON_LEVELS: Final = 16
"""Objects and arrays of a document inside each other; RFC 7711 needs three."""

MAX_FINGERPRINTS: Final = 100
"""Descriptors of certificates in a document."""

_PATH: Final = "/.well-known/posh/xmpp-server.json"

_HASHES: Final[Mapping[str, Callable[[bytes], bytes]]] = MappingProxyType(
    {
        "sha-512": lambda data: hashlib.sha512(data).digest(),
        "sha-384": lambda data: hashlib.sha384(data).digest(),
        "sha-256": lambda data: hashlib.sha256(data).digest(),
    }
)
"""What is believed, the strongest first, by the names of IANA's "Hash Function Textual Names"."""

_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_NESTING: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
"""Strings, to skip them, to the end where it lacks; and what nests."""

_STEPS: Final[Mapping[str, int]] = MappingProxyType({"[": 1, "{": 1, "]": -1, "}": -1})
_SHOWN_CHARACTERS: Final = 40
"""Of a name or value in a message about it."""


class DocumentRefused(MuxS2SError):
    """A document that cannot be used; the message says why, and where it helps how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """
    What one descriptor says of a certificate: the digest by its strongest hash.

    The others do not count, so that whoever can forge a weaker one gains nothing.

    Source: RFC 7711, sections 3.1 and 10.
    """

    hash_name: str
    """``sha-256``, ``sha-384`` or ``sha-512``."""

    digest: bytes

    def matches(self, certificate: bytes) -> bool:
        """Whether it is that of a certificate, given in DER."""
        return _HASHES[self.hash_name](certificate) == self.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintsDocument:
    """
    The certificates of a service.

    Source: RFC 7711, section 3.1.
    """

    fingerprints: tuple[Fingerprint, ...]
    """At least one; descriptors without a hash that is known here are left out."""

    expires_seconds: int
    """How long it holds, as it says itself; at least 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceDocument:
    """
    Where the certificates of a service are said, mostly by whoever hosts it.

    Source: RFC 7711, section 3.2.
    """

    url: HttpsUrl
    expires_seconds: int
    """How long it holds, as it says itself; at least 1."""


PoshDocument = FingerprintsDocument | ReferenceDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class PoshFound:
    """A domain says which certificates are its server's."""

    document: FingerprintsDocument
    source: str
    """The URLs that led there, for logs."""

    until: float
    """Seconds since the epoch: when it is stale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoshAbsent:
    """The web server of the domain says that it has no such document."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PoshFailed:
    """Nobody can say: the document was not had, or it is no good."""

    reasons: tuple[str, ...]
    """Each led by the URL that it is about."""


PoshMaterial = PoshFound | PoshAbsent | PoshFailed


def posh_url(domain: DomainName) -> HttpsUrl:
    """
    Say where a domain publishes what proves its server.

    Source: RFC 7711, section 3; RFC 7712, section 9 (the service name ``xmpp-server``).
    """
    return HttpsUrl(host=domain, path=_PATH)


def read_document(data: bytes) -> PoshDocument:
    """
    Read a document.

    What RFC 7711 does not define is passed over, as are hashes that are not known here.

    :param data: the body of the answer; of any size and content.
    :raises DocumentRefused: if it cannot be used.
    """
    document = _read_json(data)
    if not isinstance(document, dict):
        raise DocumentRefused("it is no JSON object")
    if "fingerprints" in document and "url" in document:
        raise DocumentRefused("it holds both fingerprints and url: RFC 7711 allows one of them")
    if "fingerprints" in document:
        return FingerprintsDocument(
            fingerprints=_read_fingerprints(document["fingerprints"]), expires_seconds=_read_expires(document)
        )
    if "url" in document:
        return ReferenceDocument(url=_read_url(document["url"]), expires_seconds=_read_expires(document))
    if "keys" in document:
        raise DocumentRefused(
            "it is a set of keys (JWK), as drafts before RFC 7711 had it: publish fingerprints and expires instead"
        )
    raise DocumentRefused("it holds neither fingerprints nor url")


def _read_json(data: bytes) -> object:
    """Read JSON of bounded size and depth, in which no object has two members of one name."""
    if len(data) > MAX_DOCUMENT_BYTES:
        raise DocumentRefused(f"it has more than {MAX_DOCUMENT_BYTES:,} bytes")
    try:
        text = data.decode("utf-8")
        _check_depth(text)
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except ValueError as error:
        raise DocumentRefused(f"it is no JSON: {readable(str(error))}") from None


def _check_depth(text: str) -> None:
    level = 0
    for token in _NESTING.finditer(text):
        level += _STEPS.get(token[0], 0)
        if level > MAX_JSON_LEVELS:
            raise DocumentRefused(f"its JSON is nested more than {MAX_JSON_LEVELS} levels deep")


def _object(members: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in members:
        if name in found:
            raise DocumentRefused(f"an object in it has two members {_shown(name)}")
        found[name] = value
    return found


def _no_constant(name: str) -> object:
    raise DocumentRefused(f"{name} is no JSON")


def _read_expires(document: Mapping[str, object]) -> int:
    """Read how long a document holds; a boolean is an integer to Python, and none to JSON."""
    expires = document.get("expires")
    if type(expires) is not int or expires < 0:
        found = _shown(json.dumps(expires)) if "expires" in document else "missing"
        raise DocumentRefused(f"expires is {found}, not a number of seconds: a whole number above 0")
    if expires == 0:
        raise DocumentRefused("expires is 0: it says of itself that it does not hold any more")
    return expires


def _read_url(url: object) -> HttpsUrl:
    if not isinstance(url, str):
        raise DocumentRefused("url is no text")
    try:
        return HttpsUrl.parse(url)
    except UrlRefused as refused:
        raise DocumentRefused(f"url: {refused}") from None


def _read_fingerprints(descriptors: object) -> tuple[Fingerprint, ...]:
    if not isinstance(descriptors, list) or not descriptors:
        raise DocumentRefused("fingerprints is no array with at least one descriptor of a certificate")
    if len(descriptors) > MAX_FINGERPRINTS:
        raise DocumentRefused(f"fingerprints has {len(descriptors)} descriptors, more than {MAX_FINGERPRINTS}")
    known = tuple(_known(descriptors))
    if not known:
        raise DocumentRefused(f"no fingerprint is by a hash that is believed here: {', '.join(_HASHES)}")
    return known


def _known(descriptors: list[object]) -> Iterator[Fingerprint]:
    """Take of each descriptor what decides, where there is such a thing."""
    for number, descriptor in enumerate(descriptors, 1):
        if not isinstance(descriptor, dict):
            raise DocumentRefused(f"fingerprint {number} is no object")
        name = next((name for name in _HASHES if name in descriptor), None)
        if name is not None:
            yield Fingerprint(hash_name=name, digest=_read_digest(descriptor[name], name, number))


def _read_digest(value: object, name: str, number: int) -> bytes:
    """
    Decode base64, with or without its padding, which an example of RFC 7711 lacks.

    Source: RFC 7711, section 3.1; RFC 4648, section 4.
    """
    size = len(_HASHES[name](b""))
    if isinstance(value, str) and _BASE64.fullmatch(value):
        bare = value.rstrip("=")
        try:
            digest = binascii.a2b_base64(bare + "=" * (-len(bare) % 4))
        except binascii.Error:
            digest = b""
        if len(digest) == size:
            return digest
    raise DocumentRefused(f"{name} of fingerprint {number} is not {size} bytes in base64")


def _shown(text: str) -> str:
    return readable(text, _SHOWN_CHARACTERS)
