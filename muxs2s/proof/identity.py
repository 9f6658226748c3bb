"""
Which domains a certificate names, as far as XMPP servers are concerned, and which ones it can renew.

Knows the subject alternative names and reads them itself: one odd entry is left out with a note and
never spoils the others, which the library's own reader would allow it to do. Does not know whether
anybody vouches for the certificate: see :mod:`muxs2s.proof.pkix`. The Common Name names nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Final, cast

from cryptography.x509 import Certificate, DNSName, SubjectAlternativeName
from cryptography.x509.oid import ExtensionOID

from muxs2s.proof.der import (
    IA5_STRING,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    UTF8_STRING,
    DERMalformed,
    read_element,
    read_elements,
    read_sequence,
)
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
"""Certificates whose names are remembered, least recently used first out: each is asked about a few times in a row."""

_MAX_NOTE: Final = 200
"""Characters of one note about an entry that does not count."""

_MAX_LISTED: Final = 8
"""Names written out where a certificate is described in one line."""

_NONE: Final[frozenset[str]] = frozenset()
"""Shared by all certificates, most of which have names of one kind only."""

_SUBJECT_ALTERNATIVE_NAME: Final = bytes.fromhex("551d11")
_DNS_SRV: Final = bytes.fromhex("2b06010505070807")
_XMPP_ADDR: Final = bytes.fromhex("2b06010505070805")

# Identifier octets that a certificate gives a meaning of its own.
_VERSION: Final = 0xA0
_EXTENSIONS: Final = 0xA3
_OTHER_NAME: Final = 0xA0
_DNS_NAME: Final = 0x82

_SUBJECT_PLACE: Final = 4
"""After serial number, signature algorithm, issuer and validity."""


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
        return self.covers_host(domain) or name in self.srv or name in self.xmpp

    def covers_host(self, host: DomainName) -> bool:
        """
        Whether ``host`` is named as a host is: the other kinds name services.

        Source: RFC 7673, section 4.1; RFC 9525, section 6.2.
        """
        name = host.ascii
        return name in self.dns or f"*.{name.partition('.')[2]}" in self.patterns

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
    except DERMalformed as broken:
        reading.note(f"the subject alternative names are malformed: {broken}")
    return reading.names()


def subject_in(certificate: Certificate) -> bytes:
    """
    Read the subject of a certificate.

    :returns: what is inside the SEQUENCE, in DER; empty if nothing is, or it cannot be read.

    Source: RFC 5280, section 4.1.
    """
    try:
        parts = (part for part in read_sequence(certificate.tbs_certificate_bytes) if part[0] != _VERSION)
        _, subject = next(islice(parts, _SUBJECT_PLACE, None), (0, b""))
    except DERMalformed:
        return b""
    return subject


def subject_key(certificate: Certificate) -> SubjectKey:
    """
    What a certificate has in common with the one that it renews, whoever issued either.

    :returns: its subject in DER; if that is empty, the set of its names.

    Source: doc/protocol.rst, "The same subject"; draft-hildebrand-xmpp-tls-multiplexing-00, section 2, item 6.
    """
    return subject_in(certificate) or names_in(certificate).entries


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
        except (DERMalformed, NameRefused, UnicodeDecodeError) as error:
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
    tag, content, end = read_element(value, 0)
    if tag not in (UTF8_STRING, IA5_STRING) or end != len(value):
        raise DERMalformed("it holds no single UTF8String or IA5String")
    return content.decode("utf-8" if tag == UTF8_STRING else "ascii")


def _other_name(content: bytes) -> tuple[bytes, bytes]:
    """Take ``OtherName ::= SEQUENCE { type-id, value [0] EXPLICIT ANY }`` apart."""
    kind_tag, kind, end = read_element(content, 0)
    value_tag, value, end = read_element(content, end)
    if kind_tag != OBJECT_IDENTIFIER or value_tag != _OTHER_NAME or end != len(content):
        raise DERMalformed("it is no otherName")
    return kind, value


def _entries(tbs_certificate: bytes) -> Iterator[tuple[int, bytes]]:
    """The GeneralNames of the subject alternative name extension: identifier octet and content."""
    found = [value for kind, value in _extensions(tbs_certificate) if kind == _SUBJECT_ALTERNATIVE_NAME]
    if len(found) > 1:
        raise DERMalformed("the extension is there more than once")
    for value in found:
        yield from read_sequence(value)


def _extensions(tbs_certificate: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Object identifier and value of each extension of a TBSCertificate."""
    for tag, content in read_sequence(tbs_certificate):
        if tag == _EXTENSIONS:
            for _, extension in read_sequence(content):
                parts = dict(read_elements(extension))  # an identifier, perhaps a boolean, a value
                yield parts.get(OBJECT_IDENTIFIER, b""), parts.get(OCTET_STRING, b"")
