"""
Certificates and keys in PEM files, of our own domains and of those we trust.

Knows how to read them and how to say what is wrong with a file. Does not know which certificate is
shown to whom: see :mod:`muxs2s.network.certificates`.
"""

from __future__ import annotations

import os
import re
import stat
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import Certificate, InvalidVersion, load_pem_x509_certificate
from twisted.logger import Logger

from muxs2s.proof.identity import NO_NAMES, CertificateNames, SubjectKey, names_in, subject_key
from muxs2s.proof.pkix import TrustAnchors
from muxs2s.wire.errors import MuxS2SError

__all__ = [
    "MAX_PEM_BYTES",
    "SYSTEM_TRUST_ANCHORS",
    "AnyPath",
    "CertificateProblem",
    "Credentials",
    "PrivateKey",
    "load_trust_anchors",
    "read_credentials",
    "status_of",
    "unreadable",
]

MAX_PEM_BYTES: Final = 4_194_304
"""Bytes of one file of certificates or keys."""

SYSTEM_TRUST_ANCHORS: Final = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian's package ``ca-certificates`` keeps the public authorities."""

PrivateKey = EllipticCurvePrivateKey | RSAPrivateKey | Ed25519PrivateKey | Ed448PrivateKey
"""The keys TLS can sign with."""

AnyPath = str | os.PathLike[str]
"""A path as callers have it."""

_CERTIFICATE_BLOCK: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_KEY_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?-----END \1PRIVATE KEY-----", re.DOTALL)

_log = Logger()


class CertificateProblem(MuxS2SError):
    """A certificate, key or directory is unusable; the message names the file and the remedy."""

    def __init__(self, path: AnyPath, text: str, remedy: str = "") -> None:
        self.path, self.text, self.remedy = os.fspath(path), text, remedy
        super().__init__(": ".join(filter(None, (self.path, text, remedy))))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Credentials:
    """
    What one of our domains shows to peers. Compared by identity: a renewed one is another one.

    :ivar path: the file it was read from, or what else names it in messages; unique in a store.
    """

    leaf: Certificate
    chain: tuple[Certificate, ...] = ()
    """The issuers sent along, in order, as the operator gave them."""

    private_key: PrivateKey = field(repr=False)
    path: str
    names: CertificateNames = field(init=False)
    subject: SubjectKey = field(init=False)
    """What it has in common with the one that renews it."""

    begins: float = field(init=False)
    ends: float = field(init=False)
    """Seconds since the epoch."""

    def __post_init__(self) -> None:
        leaf, fill = self.leaf, partial(object.__setattr__, self)
        fill("names", names_in(leaf))
        fill("subject", subject_key(leaf))
        fill("begins", leaf.not_valid_before_utc.timestamp())
        fill("ends", leaf.not_valid_after_utc.timestamp())

    def valid_at(self, now: float) -> bool:
        """Whether ``now`` (seconds since the epoch) lies in the time of the certificate."""
        return self.begins <= now <= self.ends

    def complaint(self, now: float) -> CertificateProblem | None:
        """Say why peers will refuse this certificate, if they will."""
        if self.names == NO_NAMES:
            said = "names no XMPP domain (the Common Name does not count)", "request one with a dNSName"
        elif now > self.ends:
            said = f"expired on {_date(self.leaf.not_valid_after_utc)}", "renew the certificate"
        elif not self.valid_at(now):
            said = f"not valid before {_date(self.leaf.not_valid_before_utc)}", "check the clock of this machine"
        else:
            return None
        return CertificateProblem(self.path, *said)


def read_credentials(certificate: AnyPath, key: AnyPath | None = None) -> Credentials:
    """
    Read a certificate, its issuers and its key from files in PEM.

    The certificate is the one the key belongs to, the others in the file are sent along as its issuers.

    :param key: where the key is, unless it is in the same file.
    :raises CertificateProblem: if a file is missing, unreadable, too large, or holds no certificate
        or no key; if the key is encrypted, of no use for TLS, or belongs to none of the certificates.
    """
    path, key_path = Path(certificate), Path(key or certificate)
    certificates = _certificates_in(path)
    private_key = _key_in(key_path)
    public_key = private_key.public_key()
    leaf = next((found for found in certificates if found.public_key() == public_key), None)
    if leaf is None:
        raise CertificateProblem(
            path, f"does not match the key in {key_path}", "put both from the same issuance next to each other"
        )
    chain = tuple(found for found in certificates if found is not leaf)
    return Credentials(leaf=leaf, chain=chain, private_key=private_key, path=str(path))


def _certificates_in(path: Path) -> list[Certificate]:
    blocks = _CERTIFICATE_BLOCK.findall(_content(path))
    if not blocks:
        raise CertificateProblem(path, "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)")
    certificates = []
    for number, block in enumerate(blocks, 1):
        try:
            certificates.append(_certificate(block))
        except (ValueError, InvalidVersion) as error:
            raise CertificateProblem(path, f"certificate {number} in it is malformed: {error}") from None
    return certificates


def _key_in(path: Path) -> PrivateKey:
    block = _KEY_BLOCK.search(_content(path))
    if block is None:
        raise CertificateProblem(path, "holds no private key in PEM (-----BEGIN PRIVATE KEY-----)")
    try:
        key = load_pem_private_key(block[0], None)
    except TypeError:
        remedy = "take the passphrase off (openssl pkey) and protect the file by its permissions"
        raise CertificateProblem(path, "the private key is encrypted", remedy) from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateProblem(path, f"the private key is malformed: {error}") from None
    if not isinstance(key, PrivateKey):
        raise CertificateProblem(path, "the private key is of a kind TLS cannot use", "take an ECDSA or RSA key")
    return key


def load_trust_anchors(path: AnyPath | None = None) -> TrustAnchors:
    """
    Read the certificates that peers are judged by.

    :param path: a file in PEM or a directory of such files; ``None`` for the public authorities
        that Debian collects. A path given takes their place.
    :returns: those that can be used. What cannot is skipped with a warning in the log, as public
        collections hold certificates that newer libraries refuse.
    :raises CertificateProblem: if a file cannot be read, or none of the certificates can be used.

    Source: RFC 6120, section 13.6.
    """
    place = Path(SYSTEM_TRUST_ANCHORS if path is None else path)
    if path is None and not place.exists():
        raise CertificateProblem(place, "is missing", "install ca-certificates, or configure trust anchors")
    try:
        files = sorted(entry for entry in place.iterdir() if entry.is_file()) if place.is_dir() else [place]
    except OSError as error:
        raise unreadable(place, error) from None
    anchors: dict[Certificate, None] = {}
    for file in files:
        blocks = _CERTIFICATE_BLOCK.findall(_content(file))
        usable = [anchor for anchor in map(_anchor, blocks) if anchor is not None]
        if len(usable) < len(blocks):
            count = len(blocks) - len(usable)
            _log.warn("{path}: {count} certificates cannot be used as trust anchors", path=str(file), count=count)
        anchors.update(dict.fromkeys(usable))
    if not anchors:
        raise CertificateProblem(place, "holds no usable certificate in PEM (-----BEGIN CERTIFICATE-----)")
    return TrustAnchors(anchors)


def _anchor(block: bytes) -> Certificate | None:
    try:
        certificate = _certificate(block)
        TrustAnchors([certificate])
    except (ValueError, InvalidVersion):
        return None
    return certificate


def _certificate(block: bytes) -> Certificate:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return load_pem_x509_certificate(block)


def _content(path: Path) -> bytes:
    status = status_of(path)
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise CertificateProblem(path, "is no file that can be read again and again", "name a regular one")
    if status.st_size > MAX_PEM_BYTES:
        raise CertificateProblem(path, f"is larger than {MAX_PEM_BYTES} bytes: that is no file of certificates or keys")
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None


def status_of(path: Path) -> os.stat_result:
    """
    Look a file up.

    :raises CertificateProblem: if it is missing or out of reach.
    """
    try:
        return path.stat()
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: OSError) -> CertificateProblem:
    """Say what is the matter with a file or directory, and what to do."""
    if isinstance(error, FileNotFoundError):
        return CertificateProblem(path, "is missing", "check the path, or have the certificate issued")
    if isinstance(error, PermissionError):
        return CertificateProblem(
            path, "may not be read", "give the user this server runs as access to it and to the directories above"
        )
    return CertificateProblem(path, f"cannot be read: {error.strerror}")


def _date(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
