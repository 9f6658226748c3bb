"""
What must hold whatever comes, as functions that raise :exc:`AssertionError` where it does not.

The tests with hypothesis and the fuzzer make up the input; any other exception is a fault as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cryptography import x509

from muxs2s.multiplex.elements import MAX_ELEMENT_BYTES
from muxs2s.multiplex.flat import read_plain, read_tree
from muxs2s.multiplex.reading import MultiplexMalformed, read_element
from muxs2s.proof.identity import MAX_CERTIFICATE_NAMES, CertificateNames, names_in
from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.framing import Framed, StreamOpened
from muxs2s.wire.header import read_header
from muxs2s.wire.limits import FramingLimits
from muxs2s.wire.names import DomainName, NameRefused, domain_of, domainpart
from muxs2s.wire.namespaces import MULTIPLEX
from muxs2s.wire.stanza import Slice
from tests.multiplex.schema import assert_valid
from tests.wire.generated import pieces
from tests.wire.meaning import OUR_HEADERS, differences
from tests.wire.samples import HEADER, read, read_slice

SMALL_LIMITS: Final = FramingLimits(
    max_element_bytes=400, max_elements=6, max_feature_elements=8, max_depth=4, max_tag_bytes=150
)
"""Such that short inputs reach them."""


def check_framing(data: bytes, sizes: Sequence[int]) -> None:
    """A stream is the same in any pieces; each slice is a part of it, in order, and one element."""
    framed, violation = read(data, limits=SMALL_LIMITS)
    in_pieces = read(*pieces(data, sizes), limits=SMALL_LIMITS)
    assert _told(framed, violation) == _told(*in_pieces), (data, sizes)
    at = 0
    for each in framed:
        if isinstance(each, Slice):
            at = data.index(each.data, at) + len(each.data)
            tree = each.tree()
            said = tree.uri or "", tree.name, *map(tree.getAttribute, ("from", "to", "type", "id"))
            assert each[1:7] == said, (each, said)
        elif isinstance(each, StreamOpened):
            _check_header(each)


def _told(framed: list[Framed], violation: RemoteViolation | None) -> tuple[list[Framed], StreamCondition | None, str]:
    return framed, violation.condition if violation else None, str(violation)


def _check_header(opened: StreamOpened) -> None:
    """A header is read, or refused with a stream error."""
    try:
        header = read_header(opened)
    except RemoteViolation:
        return
    get = opened.attributes.get
    assert (header.id, bool(header.to_domain)) == (get("id"), bool(get("to"))), opened


def check_moving(header: bytes, data: bytes) -> int:
    """
    Whatever is moved says to expat and to libxml2 what it said before.

    :returns: how many stanzas there were in these bytes.
    """
    framed, _ = read(header, data)
    stanzas = [each for each in framed if isinstance(each, Slice) and each.namespace in OUR_HEADERS]
    for stanza in stanzas:
        found = list(differences(header, stanza))
        assert not found, found
    return len(stanzas)


def check_multiplex(data: bytes) -> int:
    """
    An element of multiplexing means the same by pattern and by tree; it is malformed, or can be said again.

    :returns: how many such elements there were in these bytes.
    """
    framed, _ = read(HEADER, data)
    elements = [each for each in framed if isinstance(each, Slice) and each.namespace == MULTIPLEX]
    for element in elements:
        plain, told = read_plain(element.data), read_tree(element.tree())
        if plain is not None:
            assert (plain.attributes, plain.text, [*plain.children]) == (told.attributes, told.text, [*told.children])
        _check_said_again(element)
    return len(elements)


def _check_said_again(element: Slice) -> None:
    """What was read is written so that it fits the schema, and reads the same."""
    try:
        meant = read_element(element)
    except MultiplexMalformed as malformed:
        assert malformed.kind == element.name, malformed
        return
    written = meant.to_bytes()
    if len(written) <= MAX_ELEMENT_BYTES:
        assert_valid(written)
        assert read_element(read_slice(written)) == meant, (element, meant)


def check_address(address: str) -> None:
    """An address is refused, or belongs to one domain: that which its domainpart is by itself."""
    try:
        name = domain_of(address)
    except NameRefused:
        return
    assert name == DomainName.parse(domainpart(address)), address
    assert domainpart(address) in address
    for spelling in (name, name.ascii, name.ascii.upper(), f"{name}."):
        again = DomainName.parse(spelling)
        assert (again, again.ascii) == (name, name.ascii), (address, spelling)
    assert name.ascii.isascii(), address
    assert not set(name) & set("@/ \0<>&\"'"), address


_UNREADABLE: Final = (ValueError, x509.DuplicateExtension, x509.ExtensionNotFound, x509.UnsupportedGeneralNameType)
"""What the library says of a certificate with a name that it cannot read."""


def check_certificate(certificate: x509.Certificate) -> CertificateNames:
    """
    Names are read whatever the certificate holds; those that count are domain names in one spelling.

    Where the library can read them too, they are the same.
    """
    names = names_in(certificate)
    bare = {pattern.removeprefix("*.") for pattern in names.patterns}
    for name in names.dns | names.srv | names.xmpp | bare:
        assert DomainName.parse(name).ascii == name, name
    assert len(names.ignored) <= MAX_CERTIFICATE_NAMES + 1
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except _UNREADABLE:
        return names
    entries = list(extension.value)[:MAX_CERTIFICATE_NAMES]
    seen = {spelled for entry in entries if isinstance(entry, x509.DNSName) for spelled in _spelled(entry.value)}
    assert seen == names.dns | names.patterns, (seen, names)
    return names


def _spelled(name: str) -> set[str]:
    """A dNSName as we spell it; nothing if it is no domain name, or no IA5String, which the library lets pass."""
    start = "*." if name.startswith("*.") else ""
    try:
        return {start + DomainName.parse(name.removeprefix(start)).ascii} if name.isascii() else set()
    except NameRefused:
        return set()
