"""Both ends of a TLS connection, as far as authenticators know of it, without TLS."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha512
from itertools import count
from typing import Final

from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509 import Certificate

from muxs2s.proof.authenticators import AuthenticatorKeys, AuthenticatorLimits, Authenticators, OwnCertificate, TLSRole
from muxs2s.proof.identity import NO_NAMES, CertificateNames, SubjectKey
from muxs2s.proof.tlsmessages import certificate_message, finished_message, read_request
from muxs2s.testing import CertificateAuthority
from muxs2s.wire.names import DomainName

DOMAIN: Final = DomainName.parse("a.example")
AUTHORITY: Final = CertificateAuthority().intermediate()
OF_DOMAIN: Final = AUTHORITY.issue("a.example")
"""P-256, with one issuer sent along."""

LIMITS: Final = AuthenticatorLimits()


def keys(connection: str = "this", hash_name: str = "sha256") -> AuthenticatorKeys:
    """What both ends of a connection export, and nobody else."""
    length = {"sha256": 32, "sha384": 48}[hash_name]
    exported = {
        name: sha512(f"{connection} {name}".encode()).digest()[:length]
        for name in ("client_context", "client_finished", "server_context", "server_finished")
    }
    return AuthenticatorKeys(hash_name=hash_name, **exported)


def foreseen() -> Callable[[int], bytes]:
    """Entropy that is the same each time it is made."""
    numbers = count(1)
    return lambda length: sha512(str(next(numbers)).encode()).digest()[:length]


def end(
    role: TLSRole, connection: AuthenticatorKeys | None = None, limits: AuthenticatorLimits = LIMITS
) -> Authenticators:
    """One end; those of one role ask with the same bytes."""
    return Authenticators(role, connection or keys(), foreseen(), limits)


def client_and_server(connection: AuthenticatorKeys | None = None) -> tuple[Authenticators, Authenticators]:
    """Two ends of one connection, whose contexts differ."""
    connection = connection or keys()
    server_entropy = foreseen()
    return (
        end(TLSRole.CLIENT, connection),
        Authenticators(TLSRole.SERVER, connection, lambda length: server_entropy(length)[::-1], LIMITS),
    )


def proof_for(request: bytes, prover: Authenticators, certificate: OwnCertificate = OF_DOMAIN) -> bytes:
    """What answers a request for the domain."""
    return prover.authenticate(prover.read_request(request, DOMAIN), certificate)


def swapped(connection: AuthenticatorKeys) -> AuthenticatorKeys:
    """What the same connection would export if its ends had each other's role."""
    return AuthenticatorKeys(
        hash_name=connection.hash_name,
        client_context=connection.server_context,
        client_finished=connection.server_finished,
        server_context=connection.client_context,
        server_finished=connection.client_finished,
    )


def declined(request: bytes, connection: AuthenticatorKeys | None = None) -> bytes:
    """An empty authenticator of the TLS server."""
    connection = connection or keys()
    transcript = connection.server_context + request + certificate_message(read_request(request).context, ())
    digest = hashlib.new(connection.hash_name, transcript).digest()
    return finished_message(hmac.digest(connection.server_finished, digest, connection.hash_name))


def changes(data: bytes) -> Iterator[bytes]:
    """The same with one bit of each byte changed, another one each time."""
    for at in range(len(data)):
        yield data[:at] + bytes((data[at] ^ 1 << at % 8,)) + data[at + 1 :]


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A certificate with a key, whether they belong together or not."""

    leaf: Certificate = OF_DOMAIN.leaf
    chain: tuple[Certificate, ...] = ()
    private_key: PrivateKeyTypes = OF_DOMAIN.private_key
    names: CertificateNames = NO_NAMES
    subject: SubjectKey = b""
    ends: float = 0.0
