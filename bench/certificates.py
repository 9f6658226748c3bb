"""
Certificates for every domain of a run, as files.

Knows how each server wants to find them. All servers are given the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from muxs2s.testing import CLIENT, SERVER, CertificateAuthority

__all__ = ["CertificateFiles", "issue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFiles:
    """A directory with the certificate of an authority, and those of the domains it vouches for."""

    place: Path

    @property
    def authority(self) -> Path:
        """The certificate of the authority, in PEM."""
        return self.place / "authority.pem"

    def certificate(self, domain: str) -> Path:
        """The certificate of a domain, in PEM."""
        return self.place / f"{domain}.crt"

    def key(self, domain: str) -> Path:
        """Its private key, in PEM."""
        return self.place / f"{domain}.key"

    def both(self, domain: str) -> Path:
        """Certificate and key in one file."""
        return self.place / f"{domain}.pem"


def issue(place: Path, domains: Iterable[str]) -> CertificateFiles:
    """
    Make an authority, and a certificate with an ECDSA P-256 key for each domain.

    They are for both ends of a connection: ejabberd wants that of whoever connects.
    """
    place.mkdir(parents=True)
    files = CertificateFiles(place=place)
    authority = CertificateAuthority("muxs2s benchmark CA")
    authority.write(files.authority)
    for domain in domains:
        issued = authority.issue(domain, eku=(SERVER, CLIENT))
        files.certificate(domain).write_bytes(issued.certificate_pem)
        files.key(domain).write_bytes(issued.key_pem)
        files.both(domain).write_bytes(issued.certificate_pem + issued.key_pem)
    return files
