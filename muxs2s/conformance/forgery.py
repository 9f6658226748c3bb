"""
Authenticators with something wrong in them.

Knows their bytes, independently of :mod:`muxs2s.proof.possession`, and lets a script change any part. Does not know
what a verifier makes of it.

Source: RFC 9261, section 5.2; doc/protocol.rst, "Bytes".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from muxs2s.network.pem import Credentials
from muxs2s.proof.authenticators import AuthenticatorKeys
from muxs2s.proof.tlsmessages import read_request

__all__ = ["HONEST", "Forgery", "forged", "refusal"]

ECDSA_P256: Final = 0x0403

_BEFORE: Final = b" " * 64 + b"Exported Authenticator\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgery:
    """What is done otherwise than it should be; nothing of it by default."""

    context: bytes | None = None
    """In place of that of the request."""

    scheme: int = ECDSA_P256
    """What is said to have been signed by."""

    sign: Callable[[bytes], bytes] | None = None
    """In place of the key of the certificate."""

    extension: bytes = b""
    """Beside the first certificate."""

    copies: int = 1
    """How often the chain is shown."""

    as_server: bool = False
    """Made with what a TLS server exports."""


HONEST: Final = Forgery()


def forged(keys: AuthenticatorKeys, request: bytes, credentials: Credentials, forgery: Forgery = HONEST) -> bytes:
    """
    Make an authenticator.

    :param keys: of the connection.
    :param request: what it answers, with its header.
    :param credentials: with a key on P-256, unless something else signs.
    """
    exported, finished = (
        (keys.server_context, keys.server_finished)
        if forgery.as_server
        else (keys.client_context, keys.client_finished)
    )
    context = read_request(request).context if forgery.context is None else forgery.context
    chain = [each.public_bytes(Encoding.DER) for each in (credentials.leaf, *credentials.chain)] * forgery.copies
    certificate = _certificate(context, chain, forgery.extension)
    transcript = hashlib.new(keys.hash_name, exported + request + certificate)
    signature = (forgery.sign or _signing(credentials))(_BEFORE + transcript.digest())
    verify = _message(15, forgery.scheme.to_bytes(2) + _vector(2, signature))
    transcript.update(verify)
    return certificate + verify + _finished(finished, transcript.digest(), keys.hash_name)


def refusal(keys: AuthenticatorKeys, request: bytes) -> bytes:
    """Make an empty authenticator, which refuses (RFC 9261, section 6)."""
    certificate = _certificate(read_request(request).context, (), b"")
    digest = hashlib.new(keys.hash_name, keys.client_context + request + certificate).digest()
    return _finished(keys.client_finished, digest, keys.hash_name)


def _signing(credentials: Credentials) -> Callable[[bytes], bytes]:
    key = credentials.private_key
    assert isinstance(key, EllipticCurvePrivateKey), "certificates made on the spot have such keys"
    return lambda content: key.sign(content, ECDSA(SHA256()))


def _certificate(context: bytes, chain: Sequence[bytes], extension: bytes) -> bytes:
    extensions = [extension, *[b""] * len(chain)]
    entries = b"".join(_vector(3, der) + _vector(2, more) for der, more in zip(chain, extensions, strict=False))
    return _message(11, _vector(1, context) + _vector(3, entries))


def _finished(key: bytes, digest: bytes, hash_name: str) -> bytes:
    return _message(20, hmac.digest(key, digest, hash_name))


def _message(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(1) + _vector(3, body)


def _vector(width: int, content: bytes) -> bytes:
    return len(content).to_bytes(width) + content
