"""
Exported Authenticators: proof of further certificates on one TLS 1.3 connection.

Knows the values that both ends need. Does not know TLS: see :mod:`muxs2s.network.exporting`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509 import Certificate

from muxs2s.proof.identity import CertificateNames
from muxs2s.wire.errors import MuxS2SError

__all__ = ["AuthenticatorKeys", "AuthenticatorRefused", "OwnCertificate", "ReceivedRequest", "TLSRole"]


class TLSRole(Enum):
    """Which end of the TLS connection; the initiating server is the client."""

    CLIENT = auto()
    SERVER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatorKeys:
    """
    What one TLS 1.3 connection exports for authenticators, for each sender of one.

    Source: RFC 9261, section 5.1.
    """

    hash_name: str
    """Of the cipher suite: ``sha256`` or ``sha384``."""

    client_context: bytes
    client_finished: bytes
    server_context: bytes
    server_finished: bytes


class AuthenticatorRefused(MuxS2SError):
    """A request or an authenticator is no good; the text says why."""


class OwnCertificate(Protocol):
    """A certificate of ours with its key, as :class:`muxs2s.network.pem.Credentials`."""

    @property
    def leaf(self) -> Certificate:
        """What is proven."""
        ...

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """The issuers sent along, without the root."""
        ...

    @property
    def private_key(self) -> PrivateKeyTypes:
        """Of the leaf."""
        ...

    @property
    def names(self) -> CertificateNames:
        """What it names."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """A request of the peer, read and found good."""

    data: bytes
    """All of it, with its handshake header: it enters the transcript."""

    context: bytes
    schemes: tuple[int, ...]
    """Signature schemes the peer takes, in its order."""
