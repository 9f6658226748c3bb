"""
Which domains a certificate names, as far as XMPP servers are concerned.

Knows the subject alternative names and reads them itself: one odd entry is left out with a note and
never spoils the others, which the library's own reader would allow it to do. Does not know whether
anybody vouches for the certificate: see :mod:`muxs2s.proof.pkix`. The Common Name is never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Final, cast

from cryptography.x509 import Certificate, DNSName, SubjectAlternativeName
from cryptography.x509.oid import ExtensionOID

from muxs2s.wire.names import DomainName, DomainPattern, Name, NameRefused

__all__ = [
    "MAX_CACHED_CERTIFICATES",
    "MAX_CERTIFICATE_NAMES",
    "NO_NAMES",
    "CertificateNames",
    "SubjectKey",
    "names_in",
    "subject_in",
    "subject_key",
]

MAX_CERTIFICATE_NAMES: Final = 256
"""Entries read of the subject alternative names of one certificate, of whatever kind."""

MAX_CACHED_CERTIFICATES: Final = 128
"""
Certificates whose names, and whose subjects, are remembered, least recently used first out: each is asked about a few
times in a row.
"""

_MAX_NOTE: Final = 200
"""Characters of one note about an entry that does not count."""

_MAX_LISTED: Final = 8
"""Names written out where a certificate is described in one line."""

_NONE: Final[frozenset[str]] = frozenset()
"""Shared by all certificates, most of which have names of one kind only."""

_SUBJECT_ALTERNATIVE_NAME: Final = bytes.fromhex("551d11")
_DNS_SRV: Final = bytes.fromhex("2b06010505070807")
_XMPP_ADDR: Final = bytes.fromhex("2b06010505070805")

# Identifier octets of DER.
_OBJECT_IDENTIFIER: Final = 0x06
_OCTET_STRING: Final = 0x04
_UTF8_STRING: Final = 0x0C
_IA5_STRING: Final = 0x16
_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_EXTENSIONS: Final = 0xA3
_OTHER_NAME: Final = 0xA0
_DNS_NAME: Final = 0x82

_SUBJECT_PLACE: Final = 4
"""After serial number, signature algorithm, issuer and validity."""

_LONG_TAG: Final = 0x1F
_LONG_LENGTH: Final = 0x80
_MAX_LENGTH_OCTETS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateNames:
    """
    The names of one certificate that count between servers, all as A-labels in lower case.

    Source: RFC 6120, section 13.7.1.2.1; RFC 4985, section 2; RFC 9525, section 6.
    """

    dns: frozenset[str] = _NONE
    """Of dNSName, without wildcard."""

    patterns: frozenset[str] = _NONE
    """Of dNSName: ``*.`` and a domain. The asterisk stands for exactly one label."""

    srv: frozenset[str] = _NONE
    """Of SRVName: the NAME of ``_xmpp-server.NAME``."""

    xmpp: frozenset[str] = _NONE
    """Of XmppAddr, where it is a bare domain."""

    ignored: tuple[str, ...] = field(default=(), compare=False)
    """Why entries that were meant to name a server do not count, one note each."""

    @property
    def domains(self) -> frozenset[str]:
        """Every domain named in full, of whatever kind."""
        return _union(self.dns, self.srv, self.xmpp)

    @property
    def entries(self) -> frozenset[str]:
        """Every name and pattern, of whatever kind."""
        return _union(self.dns, self.srv, self.xmpp, self.patterns)

    def covers(self, domain: DomainName) -> bool:
        """Whether one of the names is ``domain``, or a pattern that matches it."""
        name = domain.ascii
        if name in self.dns or name in self.srv or name in self.xmpp:
            return True
        return f"*.{name.partition('.')[2]}" in self.patterns

    def include(self, name: Name) -> bool:
        """Whether they give ``name``: a domain that they cover, or a pattern that is one of them."""
        return name.ascii in self.patterns if isinstance(name, DomainPattern) else self.covers(name)

    def all_domains(self) -> frozenset[DomainName]:
        """Every domain named in full; the patterns stay in :attr:`patterns`."""
        return frozenset(map(DomainName.parse, self.domains))

    def __str__(self) -> str:
        """List the first names, for messages: ``a.example, *.b.example and 3 more``."""
        names = sorted(self.domains) + sorted(self.patterns)
        more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
        return (", ".join(names[:_MAX_LISTED]) + more) or "no XMPP domain"


def _union(*kinds: frozenset[str]) -> frozenset[str]:
    """All of them; the very set where one alone has any."""
    named = [names for names in kinds if names]
    return named[0] if len(named) == 1 else _NONE.union(*named)


NO_NAMES: Final = CertificateNames()
"""A certificate that names no server."""

SubjectKey = bytes | frozenset[str]
"""What two certificates of the same subject have in common."""


@lru_cache(maxsize=MAX_CACHED_CERTIFICATES)
def names_in(certificate: Certificate) -> CertificateNames:
    """
    Read the names of a certificate that count for server-to-server streams.

    Never fails: what cannot be read does not count. An entry that breaks DER hides those after it.

    Source: RFC 6120, section 13.7.1.2.1; RFC 5280, section 4.2.1.6.
    """
    return _plain_names(certificate) or _every_name(certificate)


def _plain_names(certificate: Certificate) -> CertificateNames | None:
    """Take dNSNames as the library reads them, which is quick; ``None`` where there is anything else, or more."""
    reading = _Reading()
    try:
        entries = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
        for number, entry in enumerate(cast(SubjectAlternativeName, entries)):
            if number == MAX_CERTIFICATE_NAMES or type(entry) is not DNSName or not entry.value.isascii():
                return None
            reading.take_dns(entry.value)
    except Exception:  # noqa: BLE001 - the library meets bytes made to break it
        return None
    return reading.names()


def _every_name(certificate: Certificate) -> CertificateNames:
    reading = _Reading()
    try:
        for number, (tag, content) in enumerate(_entries(certificate.tbs_certificate_bytes)):
            if number == MAX_CERTIFICATE_NAMES:
                reading.note(f"only the first {MAX_CERTIFICATE_NAMES} subject alternative names are read")
                break
            reading.take(tag, content)
    except _BrokenDER as broken:
        reading.note(f"the subject alternative names are malformed: {broken}")
    return reading.names()


def subject_in(certificate: Certificate) -> bytes:
    """
    Read the subject of a certificate.

    :returns: what is inside the SEQUENCE, in DER; empty if nothing is, or it cannot be read.

    Source: RFC 5280, section 4.1.
    """
    try:
        parts = (part for part in _elements(_only(_SEQUENCE, certificate.tbs_certificate_bytes)) if part[0] != _VERSION)
        _, subject = next(islice(parts, _SUBJECT_PLACE, None), (0, b""))
    except _BrokenDER:
        return b""
    return subject


def subject_key(certificate: Certificate) -> SubjectKey:
    """
    What a certificate has in common with the one that it renews, whoever issued either.

    :returns: its subject in DER; if that is empty, the set of its names.

    Source: doc/protocol.rst, "The same subject"; draft-hildebrand-xmpp-tls-multiplexing-00, section 2, item 6.
    """
    return subject_in(certificate) or names_in(certificate).entries


class _BrokenDER(Exception):
    """These bytes are not the DER they should be."""


class _Reading:
    """The names found so far in one certificate."""

    def __init__(self) -> None:
        self._dns: set[str] = set()
        self._patterns: set[str] = set()
        self._srv: set[str] = set()
        self._xmpp: set[str] = set()
        self._ignored: list[str] = []

    def names(self) -> CertificateNames:
        return CertificateNames(
            dns=frozenset(self._dns) or _NONE,
            patterns=frozenset(self._patterns) or _NONE,
            srv=frozenset(self._srv) or _NONE,
            xmpp=frozenset(self._xmpp) or _NONE,
            ignored=tuple(self._ignored),
        )

    def note(self, text: str) -> None:
        self._ignored.append(text[:_MAX_NOTE])

    def take(self, tag: int, content: bytes) -> None:
        """Count one GeneralName, or note why it does not count."""
        try:
            if tag == _DNS_NAME:
                self.take_dns(content.decode("ascii"))
            elif tag == _OTHER_NAME:
                self._take_other(content)
        except (_BrokenDER, NameRefused, UnicodeDecodeError) as error:
            self.note(f"{content[:40]!r} does not count: {error}")

    def take_dns(self, name: str) -> None:
        """Count a dNSName."""
        if name.startswith("*."):
            self._patterns.add(f"*.{DomainName.parse(name[2:]).ascii}")
        else:
            self._dns.add(DomainName.parse(name).ascii)

    def _take_other(self, content: bytes) -> None:
        kind, value = _other_name(content)
        if kind == _XMPP_ADDR:
            self._xmpp.add(DomainName.parse(_text(value)).ascii)
        elif kind == _DNS_SRV:
            service, _, name = _text(value).partition(".")
            if service.lower() == "_xmpp-server":
                self._srv.add(DomainName.parse(name).ascii)


def _text(value: bytes) -> str:
    """
    Read the string of an SRVName or XmppAddr.

    RFC 4985 wants an IA5String and RFC 6120 a UTF8String; deployed certificates mix the two up, and
    the text says the same in both.
    """
    tag, content, end = _element(value, 0)
    if tag not in (_UTF8_STRING, _IA5_STRING) or end != len(value):
        raise _BrokenDER("it holds no single UTF8String or IA5String")
    return content.decode("utf-8" if tag == _UTF8_STRING else "ascii")


def _other_name(content: bytes) -> tuple[bytes, bytes]:
    """Take ``OtherName ::= SEQUENCE { type-id, value [0] EXPLICIT ANY }`` apart."""
    kind_tag, kind, end = _element(content, 0)
    value_tag, value, end = _element(content, end)
    if kind_tag != _OBJECT_IDENTIFIER or value_tag != _OTHER_NAME or end != len(content):
        raise _BrokenDER("it is no otherName")
    return kind, value


def _entries(tbs_certificate: bytes) -> Iterator[tuple[int, bytes]]:
    """The GeneralNames of the subject alternative name extension: identifier octet and content."""
    found = [value for kind, value in _extensions(tbs_certificate) if kind == _SUBJECT_ALTERNATIVE_NAME]
    if len(found) > 1:
        raise _BrokenDER("the extension is there more than once")
    for value in found:
        yield from _elements(_only(_SEQUENCE, value))


def _extensions(tbs_certificate: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Object identifier and value of each extension of a TBSCertificate."""
    for tag, content in _elements(_only(_SEQUENCE, tbs_certificate)):
        if tag == _EXTENSIONS:
            for _, extension in _elements(_only(_SEQUENCE, content)):
                parts = dict(_elements(extension))  # an identifier, perhaps a boolean, a value
                yield parts.get(_OBJECT_IDENTIFIER, b""), parts.get(_OCTET_STRING, b"")


def _only(wanted: int, data: bytes) -> bytes:
    """The content of the one element ``data`` is made of."""
    tag, content, end = _element(data, 0)
    if tag != wanted or end != len(data):
        raise _BrokenDER("one SEQUENCE was expected")
    return content


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        tag, content, at = _element(data, at)
        yield tag, content


def _element(data: bytes, at: int) -> tuple[int, bytes, int]:
    """
    Read one element of DER.

    :returns: its identifier octet, its content, and where it ends.
    """
    if len(data) < at + 2:
        raise _BrokenDER("it ends too early")
    tag, length = data[at], data[at + 1]
    if tag & _LONG_TAG == _LONG_TAG:
        raise _BrokenDER("it has a tag of several octets")
    at += 2
    if length >= _LONG_LENGTH:
        octets = length - _LONG_LENGTH
        if not 1 <= octets <= _MAX_LENGTH_OCTETS:
            raise _BrokenDER("its length is indefinite or out of bounds")
        length = int.from_bytes(data[at : at + octets], "big")
        at += octets
    if len(data) < at + length:
        raise _BrokenDER("it ends too early")
    return tag, data[at : at + length], at + length
