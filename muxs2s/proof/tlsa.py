"""
TLSA records: which of them can be used, which of those count, and which certificates they match.

Knows what a record is made of and what it says of a certificate. Does not know how a record was come by
(:mod:`muxs2s.proof.delegation`), nor what a match is worth (:mod:`muxs2s.proof.dane`).

Source: RFC 6698, section 2; RFC 7671; the words for the numbers are those of RFC 7218.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from types import MappingProxyType
from typing import Final, Self

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from muxs2s.proof.der import BIT_STRING, SEQUENCE, DERMalformed, read_element, read_sequence
from muxs2s.wire.errors import MuxS2SError

__all__ = [
    "MAX_TLSA_DATA_BYTES",
    "Matching",
    "Selector",
    "TLSAMalformed",
    "TLSARecord",
    "Usage",
    "association_data",
    "matching_records",
    "strongest",
]

MAX_TLSA_DATA_BYTES: Final = 16_384
"""Of a certificate or key that stands in a record in full."""

_FIELD_OCTETS: Final = 3
"""Usage, selector and matching type, which stand before the data."""

_SHOWN_OCTETS: Final = 8
"""Of the data of a record in a message."""

_VERSION: Final = 0xA0
"""Identifier octet of the version of a certificate, which those of version 1 leave out."""

_KEY_PLACE: Final = 5
"""After serial number, signature algorithm, issuer, validity and subject."""


class TLSAMalformed(MuxS2SError):
    """These octets are no TLSA record; the message says why."""


class Usage(IntEnum):
    """What a match says of a certificate."""

    PKIX_TA = 0
    """An authority, which one of our own trust anchors has to vouch for."""

    PKIX_EE = 1
    """The server's own, which one of our trust anchors has to vouch for."""

    DANE_TA = 2
    """An authority that vouches for the server."""

    DANE_EE = 3
    """The server's own, whatever else it says."""


class Selector(IntEnum):
    """What of a certificate is held against the record."""

    CERTIFICATE = 0
    PUBLIC_KEY = 1
    """The SubjectPublicKeyInfo, with the algorithm in it."""


class Matching(IntEnum):
    """How it is held against the record; the stronger digest has the higher number."""

    FULL = 0
    SHA256 = 1
    SHA512 = 2


_USAGES, _SELECTORS, _MATCHINGS = frozenset(Usage), frozenset(Selector), frozenset(Matching)

_DIGEST_OCTETS: Final[Mapping[int, int]] = MappingProxyType({Matching.SHA256: 32, Matching.SHA512: 64})
_DIGESTS: Final[Mapping[int, str]] = MappingProxyType({Matching.SHA256: "sha256", Matching.SHA512: "sha512"})

_SHAPES: Final[Mapping[int, list[int]]] = MappingProxyType(
    {Selector.CERTIFICATE: [SEQUENCE, SEQUENCE, BIT_STRING], Selector.PUBLIC_KEY: [SEQUENCE, BIT_STRING]}
)
"""The identifier octets of what a certificate, and what a key, is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSARecord:
    """One record as it was published, whether or not it can be used."""

    usage: int
    selector: int
    matching: int
    data: bytes
    """A certificate or key in DER, or the digest of one."""

    @classmethod
    def read(cls, rdata: bytes) -> Self:
        """
        Read the RDATA of a record: three octets, then the data to the end.

        A record of dnspython gives it by its ``to_wire()``, also where it could make nothing of it.

        :raises TLSAMalformed: if it is too short for the three octets.

        Source: RFC 6698, section 2.1.
        """
        if len(rdata) < _FIELD_OCTETS:
            raise TLSAMalformed(f"a TLSA record of {len(rdata)} octets lacks usage, selector or matching type")
        usage, selector, matching = rdata[:_FIELD_OCTETS]
        return cls(usage=usage, selector=selector, matching=matching, data=rdata[_FIELD_OCTETS:])

    @property
    def why_unusable(self) -> str:
        """
        What keeps the record from saying anything here; empty if nothing does.

        Usage PKIX-TA is not for this prooftype, and an authority of ours is pinned by trust anchors.

        Source: RFC 6698, section 4.1; RFC 7712, section 5.1.
        """
        if self.usage == Usage.PKIX_TA:
            return "usage PKIX-TA (0) is not supported: publish 3 1 1"
        for field, value, known in (
            ("usage", self.usage, _USAGES),
            ("selector", self.selector, _SELECTORS),
            ("matching type", self.matching, _MATCHINGS),
        ):
            if value not in known:
                return f"its {field} {value} is unknown"
        return self._why_no_digest() if self.matching else self._why_no_der()

    def _why_no_digest(self) -> str:
        length = _DIGEST_OCTETS[self.matching]
        return "" if len(self.data) == length else f"its digest has {len(self.data)} octets and not {length}"

    def _why_no_der(self) -> str:
        if len(self.data) > MAX_TLSA_DATA_BYTES:
            return f"its data of {len(self.data)} octets exceeds {MAX_TLSA_DATA_BYTES}"
        shape = _SHAPES[self.selector]
        try:
            parts = islice(read_sequence(self.data), len(shape) + 1)  # so that many tiny ones cost nothing
            is_sound = [tag for tag, _ in parts] == shape
        except DERMalformed:
            is_sound = False
        return "" if is_sound else f"its data is no {'key' if self.selector else 'certificate'} in DER"

    def __str__(self) -> str:
        """As a zone file has it, cut: ``3 1 1 5c1502a6549c423b...``."""
        more = "..." if len(self.data) > _SHOWN_OCTETS else ""
        return f"{self.usage} {self.selector} {self.matching} {self.data[:_SHOWN_OCTETS].hex()}{more}"


def strongest(records: Iterable[TLSARecord]) -> tuple[TLSARecord, ...]:
    """
    Leave out digests that are weaker than another of the same usage and selector.

    :param records: usable ones, of one name.
    :returns: in the same order; certificates and keys in full always stay.

    Source: RFC 7671, section 9.
    """
    given = tuple(records)
    best: dict[tuple[int, int], int] = {}
    for record in given:
        kind = record.usage, record.selector
        best[kind] = max(record.matching, best.get(kind, Matching.FULL))
    return tuple(record for record in given if record.matching in (Matching.FULL, best[record.usage, record.selector]))


def matching_records(records: Iterable[TLSARecord], certificate: Certificate) -> Iterator[TLSARecord]:
    """
    Find the records that match a certificate, whatever their usage.

    However many there are, no digest of the certificate is made twice.

    :param records: usable ones.
    :raises DERMalformed: if the key of the certificate is asked for and cannot be found.
    """
    held: dict[tuple[int, int], bytes] = {}
    for record in records:
        kind = record.selector, record.matching
        if kind not in held:
            held[kind] = association_data(certificate, *kind)
        if record.data == held[kind]:
            yield record


def association_data(certificate: Certificate, selector: int, matching: int) -> bytes:
    """
    Make the data that a record for this certificate has.

    :param selector: a :class:`Selector`.
    :param matching: a :class:`Matching`.
    :raises DERMalformed: if the key is asked for and cannot be found.

    Source: RFC 6698, sections 2.1.2 to 2.1.4.
    """
    whole = _key_in(certificate) if selector else certificate.public_bytes(Encoding.DER)
    return hashlib.new(_DIGESTS[matching], whole).digest() if matching else whole


def _key_in(certificate: Certificate) -> bytes:
    """
    Cut out the SubjectPublicKeyInfo, octet by octet as it is signed.

    The library would write it anew, and only if it knows the algorithm and the key is sound.
    """
    _, fields, _ = read_element(certificate.tbs_certificate_bytes, 0)
    first, _, end = read_element(fields, 0)
    begin = 0
    for _ in range(_KEY_PLACE + 1 if first == _VERSION else _KEY_PLACE):
        begin = end
        _, _, end = read_element(fields, begin)
    return fields[begin:end]
