"""
The handshake messages of TLS 1.3 that exported authenticators are made of, read and written.

Knows their bytes, each to the last one: an authenticator is hashed as it came. Does not know what they are to
say, nor certificates: see :mod:`muxs2s.proof.authenticators`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from muxs2s.wire.errors import MuxS2SError

__all__ = [
    "AuthenticatorMessages",
    "CertificateMessage",
    "HandshakeType",
    "MessageMalformed",
    "RequestMessage",
    "VerifyMessage",
    "certificate_message",
    "finished_message",
    "read_authenticator",
    "read_request",
    "verify_message",
]

_HEADER_BYTES: Final = 4
"""Before the body of each message: its type, and the length of the body in three octets."""

_SERVER_NAME: Final = 0
_SIGNATURE_ALGORITHMS: Final = 13
_HOST_NAME: Final = b"\0"
_NO_EXTENSIONS: Final = b"\0\0"


class HandshakeType(IntEnum):
    """
    The first octet of a message.

    Source: RFC 8446, section 4; RFC 9261, section 4.
    """

    CERTIFICATE = 11
    CERTIFICATE_REQUEST = 13
    CERTIFICATE_VERIFY = 15
    CLIENT_CERTIFICATE_REQUEST = 17
    FINISHED = 20


_FINISHED: Final = HandshakeType.FINISHED.to_bytes(1)
_REQUESTS: Final = (HandshakeType.CERTIFICATE_REQUEST, HandshakeType.CLIENT_CERTIFICATE_REQUEST)


class MessageMalformed(MuxS2SError):
    """These bytes are not the messages they should be; the text says where they part from them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMessage:
    """
    An authenticator request.

    Source: RFC 9261, section 4; RFC 8446, section 4.3.2; RFC 6066, section 3.
    """

    kind: HandshakeType
    """``CERTIFICATE_REQUEST`` by a TLS server, ``CLIENT_CERTIFICATE_REQUEST`` by a TLS client."""

    context: bytes
    """1 to 255 bytes that mark this request on its connection."""

    schemes: tuple[int, ...]
    """Signature schemes taken, best first."""

    server_name: bytes | None = None
    """Which of the names of the TLS server is asked for."""

    def to_bytes(self) -> bytes:
        """Write it with its header."""
        schemes = struct.pack(f">{len(self.schemes)}H", *self.schemes)
        extensions = _extension(_SIGNATURE_ALGORITHMS, _sized(2, schemes))
        if self.server_name is not None:
            extensions += _extension(_SERVER_NAME, _sized(2, _HOST_NAME + _sized(2, self.server_name)))
        return _message(self.kind, _sized(1, self.context) + _sized(2, extensions))


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateMessage:
    """
    What is shown.

    Source: RFC 9261, section 5.2.1; RFC 8446, section 4.4.2.
    """

    data: bytes
    """All of it, with its header."""

    context: bytes
    certificates: tuple[bytes, ...]
    """In DER, the one to be proven first; perhaps none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyMessage:
    """
    The signature of who holds the key.

    Source: RFC 9261, section 5.2.2; RFC 8446, section 4.4.3.
    """

    data: bytes
    """All of it, with its header."""

    scheme: int
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatorMessages:
    """An authenticator, taken apart; an empty one consists of its last message."""

    shown: tuple[CertificateMessage, VerifyMessage] | None
    verify_data: bytes
    """What the last message, Finished, holds."""


def read_request(data: bytes) -> RequestMessage:
    """
    Read an authenticator request, of either kind.

    Extensions that are not known are passed over.

    :raises MessageMalformed: if it is not exactly one, or what it must hold is missing.
    """
    kind = data[0] if data else 0
    if kind not in _REQUESTS:
        raise MessageMalformed(f"a message of type {kind} is no authenticator request")
    body = _whole(data, 1, 3, "the request")
    context, at = _vector(body, 0, 1, "the request")
    extensions = _read_extensions(_whole(body, at, 2, "the request"))
    if not context:
        raise MessageMalformed("the request has an empty context")
    if _SIGNATURE_ALGORITHMS not in extensions:
        raise MessageMalformed("the request names no signature algorithms")
    return RequestMessage(
        kind=HandshakeType(kind),
        context=context,
        schemes=_read_schemes(extensions[_SIGNATURE_ALGORITHMS]),
        server_name=_read_server_name(extensions),
    )


def read_authenticator(data: bytes, *, max_certificates: int) -> AuthenticatorMessages:
    """
    Take an authenticator apart: Certificate, CertificateVerify and Finished, or Finished alone.

    :param max_certificates: how many it may hold.
    :raises MessageMalformed: if it is anything else, or a certificate has extensions, which we never ask for.

    Source: RFC 9261, sections 5.2 and 6.
    """
    shown, at = None, 0
    if data[:1] != _FINISHED:
        at = _message_end(data, 0, HandshakeType.CERTIFICATE)
        end = _message_end(data, at, HandshakeType.CERTIFICATE_VERIFY)
        shown = _read_certificate(data[:at], max_certificates), _read_verify(data[at:end])
        at = end
    end = _message_end(data, at, HandshakeType.FINISHED)
    if end != len(data):
        raise MessageMalformed(f"{len(data) - end} bytes too many after the authenticator")
    return AuthenticatorMessages(shown=shown, verify_data=data[at + _HEADER_BYTES :])


def certificate_message(context: bytes, certificates: Iterable[bytes]) -> bytes:
    """
    Write a Certificate.

    :param certificates: in DER, the one to be proven first; none for what an empty authenticator is made over.
    """
    entries = b"".join(_sized(3, certificate) + _NO_EXTENSIONS for certificate in certificates)
    return _message(HandshakeType.CERTIFICATE, _sized(1, context) + _sized(3, entries))


def verify_message(scheme: int, signature: bytes) -> bytes:
    """Write a CertificateVerify."""
    return _message(HandshakeType.CERTIFICATE_VERIFY, scheme.to_bytes(2) + _sized(2, signature))


def finished_message(verify_data: bytes) -> bytes:
    """Write a Finished."""
    return _message(HandshakeType.FINISHED, verify_data)


def _read_certificate(message: bytes, max_certificates: int) -> CertificateMessage:
    context, at = _vector(message, _HEADER_BYTES, 1, "Certificate")
    entries = _whole(message, at, 3, "Certificate")
    certificates: list[bytes] = []
    at = 0
    while at < len(entries):
        if len(certificates) == max_certificates:
            raise MessageMalformed(f"the authenticator holds more than {max_certificates} certificates")
        certificate, at = _vector(entries, at, 3, "a certificate")
        certificates.append(certificate)
        extensions, at = _vector(entries, at, 2, "the extensions of a certificate")
        if extensions:
            raise MessageMalformed("a certificate has extensions that were not asked for")
    return CertificateMessage(data=message, context=context, certificates=tuple(certificates))


def _read_verify(message: bytes) -> VerifyMessage:
    at = _HEADER_BYTES + 2
    signature = _whole(message, at, 2, "CertificateVerify")
    return VerifyMessage(data=message, scheme=int.from_bytes(message[_HEADER_BYTES:at]), signature=signature)


def _read_extensions(listed: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at < len(listed):
        kind = int.from_bytes(listed[at : at + 2])
        if kind in found:
            raise MessageMalformed(f"the request has extension {kind} twice")
        found[kind], at = _vector(listed, at + 2, 2, "an extension")
    return found


def _read_schemes(content: bytes) -> tuple[int, ...]:
    listed = _whole(content, 0, 2, "signature_algorithms")
    if not listed or len(listed) % 2:
        raise MessageMalformed("signature_algorithms is no list of schemes")
    return struct.unpack(f">{len(listed) // 2}H", listed)


def _read_server_name(extensions: Mapping[int, bytes]) -> bytes | None:
    if _SERVER_NAME not in extensions:
        return None
    listed = _whole(extensions[_SERVER_NAME], 0, 2, "server_name")
    name = _whole(listed, 1, 2, "server_name")
    if listed[:1] != _HOST_NAME or not name:
        raise MessageMalformed("server_name names no host")
    return name


def _message_end(data: bytes, at: int, kind: HandshakeType) -> int:
    """Where a message ends that begins here, and must be of this type."""
    if data[at : at + 1] != kind.to_bytes(1):
        found = data[at] if at < len(data) else "none"
        raise MessageMalformed(f"a message of type {found} stands where {kind.name} belongs")
    return _vector(data, at + 1, 3, kind.name)[1]


def _vector(data: bytes, at: int, width: int, what: str) -> tuple[bytes, int]:
    """
    Read what follows its length, a number of ``width`` octets.

    :returns: it, and where it ends.
    """
    start = at + width
    end = start + int.from_bytes(data[at:start])
    if end > len(data):
        raise MessageMalformed(f"{what} ends too early")
    return data[start:end], end


def _whole(data: bytes, at: int, width: int, what: str) -> bytes:
    """Read what follows its length, to the end of ``data``."""
    content, end = _vector(data, at, width, what)
    if end != len(data):
        raise MessageMalformed(f"{len(data) - end} bytes too many in {what}")
    return content


def _message(kind: HandshakeType, body: bytes) -> bytes:
    return kind.to_bytes(1) + _sized(3, body)


def _extension(kind: int, content: bytes) -> bytes:
    return kind.to_bytes(2) + _sized(2, content)


def _sized(width: int, content: bytes) -> bytes:
    """A length of ``width`` octets, then so many."""
    return len(content).to_bytes(width) + content
