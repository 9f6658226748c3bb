"""
The targets of the fuzzer: each takes bytes and fails if something does not hold that must.

Knows how bytes become what a check wants. Does not know the fuzzer: see :mod:`tests.fuzz.run`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from cryptography import x509

from muxs2s.proof import Evidence, PkixProof, Refused
from muxs2s.testing import CertificateAuthority
from muxs2s.wire.names import DomainName
from muxs2s.wire.namespaces import MULTIPLEX
from tests.fuzz.checks import check_address, check_certificate, check_framing, check_moving, check_multiplex
from tests.fuzz.documents import check_document, check_url
from tests.fuzz.proofs import check_authenticator, check_request, check_shown
from tests.proof.der import der
from tests.wire.samples import HEADER, OPENING

_HEADERS: Final = (
    HEADER,
    OPENING[:-1] + b" xmlns:p='urn:p' xmlns:c='jabber:server'>",
    OPENING.replace(b"'jabber:server'", b"'jabber:component:accept'"),
)
"""Of an ordinary stream, of one that declares more, and of a component's."""

_BEGINNINGS: Final = (b"", HEADER, HEADER + b"<message>")

_MULTIPLEX_NAMES: Final = (
    *("enable", "enabled", "failed", "offer", "request", "present", "accept", "reject", "withdraw", "revoke"),
    *("withdrawn", "revoked", "unknown"),
)

_TBS_START: Final = bytes.fromhex(
    "a003020102020103300a06082a8648ce3d04030230193117301506035504030c0e6d75787332732074657374204341301e170d"
    "3236303532373230323634305a170d3236303832363230323634305a30003059301306072a8648ce3d020106082a8648ce3d03"
    "01070342000463e15a04e4ae0f76ad2eaf707c6ed8960c70584bbb8b7b846a98e52a061b49b64cefba7e684c94d74917d2d86c"
    "be78e170dd409eb633ee8c53721acfb47ace63"
)
"""A certificate without name, of an authority that nobody knows, up to its extensions."""

_SIGNATURE: Final = bytes.fromhex("300a06082a8648ce3d040302") + der(
    0x03, b"\0", der(0x30, der(2, b"\1"), der(2, b"\1"))
)
_ALTERNATIVE_NAMES: Final = bytes.fromhex("0603551d11")

_PROOF: Final = PkixProof(CertificateAuthority().trust_anchors)
_DOMAIN: Final = DomainName.parse("a.example")
_WHILE_VALID: Final = 1_783_000_000.0


def framing(data: bytes) -> None:
    """The first byte says what stands before, the second how long the pieces are."""
    first, second = data[:1], data[1:2]
    check_framing(_BEGINNINGS[sum(first) % len(_BEGINNINGS)] + data[2:], [sum(second) % 40 + 1, 3])


def names(data: bytes) -> None:
    """UTF-8, with surrogates for what is none."""
    check_address(data.decode("utf-8", "surrogateescape"))


def certificates(data: bytes) -> None:
    """After a null byte a certificate, after any other the names in one."""
    kind, content = data[:1], data[1:]
    try:
        certificate = x509.load_der_x509_certificate(content if kind == b"\0" else with_names(content))
    except (ValueError, x509.InvalidVersion):
        return  # the network floor gives us no such certificate
    check_certificate(certificate)
    outcome = _PROOF.judge(_DOMAIN, Evidence(chain=(certificate,)), _WHILE_VALID)
    assert isinstance(outcome, Refused), outcome


def with_names(content: bytes) -> bytes:
    """A certificate with these subject alternative names, not signed."""
    extension = der(0x30, _ALTERNATIVE_NAMES, der(0x04, content))
    return der(0x30, der(0x30, _TBS_START, der(0xA3, der(0x30, extension))), _SIGNATURE)


def moving(data: bytes) -> None:
    """The first byte says on which stream the rest comes."""
    check_moving(_HEADERS[sum(data[:1]) % len(_HEADERS)], data[1:])


def multiplex(data: bytes) -> None:
    """The first byte says which element it is; the rest follows what declares its namespace."""
    name = _MULTIPLEX_NAMES[sum(data[:1]) % len(_MULTIPLEX_NAMES)]
    check_multiplex(f"<{name} xmlns='{MULTIPLEX}'".encode() + data[1:])


def authenticators(data: bytes) -> None:
    """
    The first byte says what the rest is.

    A request, an authenticator, or, with a scheme before it, a certificate that is shown, signed and MACed.
    """
    kind, content = data[:1], data[1:]
    if kind == b"\0":
        check_request(content)
    elif kind == b"\1":
        check_authenticator(content)
    else:
        check_shown(int.from_bytes(content[:2]), content[2:])


def documents(data: bytes) -> None:
    """After a null byte a URL, after any other what a web server has sent."""
    kind, content = data[:1], data[1:]
    if kind == b"\0":
        check_url(content.decode("utf-8", "surrogateescape"))
    else:
        check_document(content)


TARGETS: Final[Mapping[str, Callable[[bytes], object]]] = MappingProxyType(
    {target.__name__: target for target in (framing, names, certificates, moving, multiplex, authenticators, documents)}
)


def try_one(name: str, data: bytes) -> None:
    """
    Let a target have one input.

    :raises Exception: whatever kind, if the input has shown a fault.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about serial numbers and the like, which nobody here has asked for
        TARGETS[name](data)
