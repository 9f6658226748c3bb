"""
The handshake messages of TLS 1.3 that exported authenticators are made of, read and written.

Knows their bytes, each to the last one: an authenticator is hashed as it came. Does not know what they are to
say, nor certificates: see :mod:`muxs2s.proof.authenticators`.
"""

from __future__ import annotations

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
        schemes = b"".join(scheme.to_bytes(2) for scheme in self.schemes)
        extensions = _extension(_SIGNATURE_ALGORITHMS, _vector(2, schemes))
        if self.server_name is not None:
            extensions += _extension(_SERVER_NAME, _vector(2, _HOST_NAME + _vector(2, self.server_name)))
        return _message(self.kind, _vector(1, self.context) + _vector(2, extensions))


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
    reader = _Reader(data, "the request")
    kind = reader.number(1)
    if kind not in (HandshakeType.CERTIFICATE_REQUEST, HandshakeType.CLIENT_CERTIFICATE_REQUEST):
        raise MessageMalformed(f"a message of type {kind} is no authenticator request")
    body = reader.inner(3)
    reader.end()
    context = body.vector(1)
    extensions = _read_extensions(body.inner(2))
    body.end()
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
    reader = _Reader(data, "the authenticator")
    if data[:1] == bytes((HandshakeType.FINISHED,)):
        shown = None
    else:
        shown = (
            _read_certificate(reader.message(HandshakeType.CERTIFICATE), max_certificates),
            _read_verify(reader.message(HandshakeType.CERTIFICATE_VERIFY)),
        )
    finished = reader.message(HandshakeType.FINISHED)
    reader.end()
    return AuthenticatorMessages(shown=shown, verify_data=finished[_HEADER_BYTES:])


def certificate_message(context: bytes, certificates: Iterable[bytes]) -> bytes:
    """
    Write a Certificate.

    :param certificates: in DER, the one to be proven first; none for what an empty authenticator is made over.
    """
    entries = b"".join(_vector(3, certificate) + _NO_EXTENSIONS for certificate in certificates)
    return _message(HandshakeType.CERTIFICATE, _vector(1, context) + _vector(3, entries))


def verify_message(scheme: int, signature: bytes) -> bytes:
    """Write a CertificateVerify."""
    return _message(HandshakeType.CERTIFICATE_VERIFY, scheme.to_bytes(2) + _vector(2, signature))


def finished_message(verify_data: bytes) -> bytes:
    """Write a Finished."""
    return _message(HandshakeType.FINISHED, verify_data)


def _read_certificate(message: bytes, max_certificates: int) -> CertificateMessage:
    reader = _Reader(message, "Certificate", _HEADER_BYTES)
    context = reader.vector(1)
    entries = reader.inner(3)
    reader.end()
    certificates: list[bytes] = []
    while entries.left:
        if len(certificates) == max_certificates:
            raise MessageMalformed(f"the authenticator holds more than {max_certificates} certificates")
        certificates.append(entries.vector(3))
        if entries.vector(2):
            raise MessageMalformed("a certificate has extensions that were not asked for")
    return CertificateMessage(data=message, context=context, certificates=tuple(certificates))


def _read_verify(message: bytes) -> VerifyMessage:
    reader = _Reader(message, "CertificateVerify", _HEADER_BYTES)
    scheme, signature = reader.number(2), reader.vector(2)
    reader.end()
    return VerifyMessage(data=message, scheme=scheme, signature=signature)


def _read_extensions(reader: _Reader) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while reader.left:
        kind, content = reader.number(2), reader.vector(2)
        if kind in found:
            raise MessageMalformed(f"the request has extension {kind} twice")
        found[kind] = content
    return found


def _read_schemes(content: bytes) -> tuple[int, ...]:
    reader = _Reader(content, "signature_algorithms")
    listed = reader.vector(2)
    reader.end()
    if not listed or len(listed) % 2:
        raise MessageMalformed("signature_algorithms is no list of schemes")
    return tuple(int.from_bytes(listed[at : at + 2]) for at in range(0, len(listed), 2))


def _read_server_name(extensions: Mapping[int, bytes]) -> bytes | None:
    if _SERVER_NAME not in extensions:
        return None
    reader = _Reader(extensions[_SERVER_NAME], "server_name")
    listed = reader.inner(2)
    reader.end()
    kind, name = listed.number(1), listed.vector(2)
    listed.end()
    if kind or not name:
        raise MessageMalformed("server_name names no host")
    return name


def _message(kind: HandshakeType, body: bytes) -> bytes:
    return kind.to_bytes(1) + _vector(3, body)


def _extension(kind: int, content: bytes) -> bytes:
    return kind.to_bytes(2) + _vector(2, content)


def _vector(width: int, content: bytes) -> bytes:
    """A length of ``width`` octets, then so many."""
    return len(content).to_bytes(width) + content


class _Reader:
    """Reads numbers and vectors one after the other, to the very end."""

    __slots__ = ("_at", "_data", "_what")

    def __init__(self, data: bytes, what: str, at: int = 0) -> None:
        self._data, self._what, self._at = data, what, at

    @property
    def left(self) -> int:
        """How many bytes there are yet to read."""
        return len(self._data) - self._at

    def number(self, width: int) -> int:
        """Read a number of so many octets."""
        return int.from_bytes(self._take(width))

    def vector(self, width: int) -> bytes:
        """Read what follows its length, a number of ``width`` octets."""
        return self._take(int.from_bytes(self._take(width)))

    def inner(self, width: int) -> _Reader:
        """Read a vector, to be read further."""
        return _Reader(self.vector(width), self._what)

    def message(self, kind: HandshakeType) -> bytes:
        """Read a message of this type, with its header."""
        start = self._at
        found = self.number(1)
        if found != kind:
            raise MessageMalformed(f"a message of type {found} stands where {kind.name} belongs")
        self.vector(3)
        return self._data[start : self._at]

    def end(self) -> None:
        """Demand that nothing is left."""
        if self.left:
            raise MessageMalformed(f"{self.left} bytes too many in {self._what}")

    def _take(self, length: int) -> bytes:
        start = self._at
        self._at = end = start + length
        if end > len(self._data):
            raise MessageMalformed(f"{self._what} ends too early")
        return self._data[start:end]
