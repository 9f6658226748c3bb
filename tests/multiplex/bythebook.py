"""
Authenticators by the book: made from ``doc/protocol.rst``, "Authenticators", and from nothing of ours.

Every byte is fixed: the secret that a connection exports from, keys, certificates, contexts. Signatures are Ed25519,
which leaves nothing to chance.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from muxs2s.proof.identity import CertificateNames, SubjectKey, names_in, subject_key

__all__ = ["CLIENT", "CONNECTION", "SERVER", "BookCertificate", "BookConnection"]

CLIENT: Final = "client"
SERVER: Final = "server"

CERTIFICATE_REQUEST: Final = 13
CLIENT_CERTIFICATE_REQUEST: Final = 17
CERTIFICATE: Final = 11
CERTIFICATE_VERIFY: Final = 15
FINISHED: Final = 20

SIGNATURE_ALGORITHMS: Final = 13
SERVER_NAME: Final = 0
SCHEMES: Final = (0x0403, 0x0804, 0x0807)
ED25519: Final = 0x0807

BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
END: Final = datetime(2027, 1, 31, 12, tzinfo=UTC)


def message(kind: int, body: bytes) -> bytes:
    """A handshake message."""
    return bytes([kind]) + long(3, body)


def long(size: int, data: bytes) -> bytes:
    """Data after its length, in so many bytes."""
    return len(data).to_bytes(size, "big") + data


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@dataclass(frozen=True, kw_only=True)
class BookCertificate:
    """A certificate with its key, both the same each time."""

    seed: str
    """Its SHA-256 is the private key."""

    domains: Sequence[str]
    end: datetime = END

    @property
    def private_key(self) -> Ed25519PrivateKey:
        """Of the leaf."""
        return Ed25519PrivateKey.from_private_bytes(sha256(self.seed.encode()).digest())

    @cached_property
    def leaf(self) -> x509.Certificate:
        """Issued by an authority that is not sent along."""
        authority = Ed25519PrivateKey.from_private_bytes(sha256(b"authority").digest())
        builder = x509.CertificateBuilder(
            *(_name("Example Authority"), _name(self.domains[0]), self.private_key.public_key()),
            serial_number=int.from_bytes(sha256(self.seed.encode()).digest()[:8], "big") >> 1,
            not_valid_before=BEGIN,
            not_valid_after=self.end,
        )
        names = x509.SubjectAlternativeName([x509.DNSName(domain) for domain in self.domains])
        return builder.add_extension(names, critical=False).sign(authority, None)

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """No issuer but the root."""
        return ()

    @property
    def names(self) -> CertificateNames:
        """What it names."""
        return names_in(self.leaf)

    @property
    def subject(self) -> SubjectKey:
        """What it has in common with the one that renews it."""
        return subject_key(self.leaf)

    @property
    def ends(self) -> float:
        """When it does."""
        return self.end.timestamp()


@dataclass(frozen=True, kw_only=True)
class BookConnection:
    """One TLS 1.3 connection with SHA-256, as both ends see it after the handshake."""

    exporter_secret: bytes

    def exported(self, label: str) -> bytes:
        """What TLS exports for a label, with an empty context (RFC 8446, section 7.5)."""
        derived = _expand_label(self.exporter_secret, label, sha256(b"").digest())
        return _expand_label(derived, "exporter", sha256(b"").digest())

    def context_key(self, sender: str) -> bytes:
        """HC of a presenter."""
        return self.exported(f"EXPORTER-{sender} authenticator handshake context")

    def finished_key(self, sender: str) -> bytes:
        """FK of a presenter."""
        return self.exported(f"EXPORTER-{sender} authenticator finished key")

    def request(self, verifier: str, context: bytes, domain: str) -> bytes:
        """An authenticator request."""
        schemes = b"".join(scheme.to_bytes(2, "big") for scheme in SCHEMES)
        extensions = SIGNATURE_ALGORITHMS.to_bytes(2, "big") + long(2, long(2, schemes))
        if verifier == CLIENT:
            extensions += SERVER_NAME.to_bytes(2, "big") + long(2, long(2, b"\0" + long(2, domain.encode())))
        kind = CERTIFICATE_REQUEST if verifier == SERVER else CLIENT_CERTIFICATE_REQUEST
        return message(kind, long(1, context) + long(2, extensions))

    def messages(self, presenter: str, request: bytes, certificate: BookCertificate) -> tuple[bytes, bytes, bytes]:
        """The three parts of an authenticator."""
        context = request[5 : 5 + request[4]]
        entry = long(3, certificate.leaf.public_bytes(Encoding.DER)) + long(2, b"")
        shown = message(CERTIFICATE, long(1, context) + long(3, entry))
        transcript = self.context_key(presenter) + request + shown
        signed = b" " * 64 + b"Exported Authenticator\0" + sha256(transcript).digest()
        signature = certificate.private_key.sign(signed)
        verify = message(CERTIFICATE_VERIFY, ED25519.to_bytes(2, "big") + long(2, signature))
        mac = hmac.digest(self.finished_key(presenter), sha256(transcript + verify).digest(), "sha256")
        return shown, verify, message(FINISHED, mac)

    def authenticator(self, presenter: str, request: bytes, certificate: BookCertificate) -> bytes:
        """An authenticator."""
        return b"".join(self.messages(presenter, request, certificate))


def _expand_label(secret: bytes, label: str, context: bytes) -> bytes:
    """HKDF-Expand-Label of RFC 8446, section 7.1, for SHA-256 and a whole hash."""
    info = (32).to_bytes(2, "big") + long(1, b"tls13 " + label.encode()) + long(1, context)
    return HKDFExpand(SHA256(), 32, info).derive(secret)


CONNECTION: Final = BookConnection(exporter_secret=sha256(b"exporter secret").digest())
"""That of the examples."""
