"""
What is kept of one certificate that is accepted on a stream.

Knows how to keep it small, as a stream has many. Does not know what becomes of the names that it gives: see
:mod:`muxs2s.multiplex.names`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from cryptography.x509 import Certificate, load_der_x509_certificate

from muxs2s.proof.authenticators import OwnCertificate
from muxs2s.proof.identity import NO_NAMES, CertificateNames, SubjectKey, subject_key
from muxs2s.wire.names import Name

__all__ = ["AcceptedCertificate", "own_certificate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedCertificate:
    """A certificate that was accepted, and the names it gives."""

    id: int
    """Of the exchange in which it was accepted; 0 for that of the handshake."""

    subject: SubjectKey | None = None
    """What a newer one has in common that takes its place; ``None`` if it is not known which certificate it is."""

    leaf: Certificate | None = None
    """One of ours."""

    shown: bytes = field(default=b"", repr=False)
    """One of the peer in DER: what the library reads in a certificate it keeps, and that is ten times as large."""

    issuers: tuple[Certificate, ...] = ()
    """Those the peer has sent along."""

    names_in_it: CertificateNames = NO_NAMES
    """All that it names, given or not."""

    until: float | None = None
    """When it ends, seconds since the epoch."""

    prooftype: str = ""
    evidence: str = ""
    """What proved it, for operators."""

    gives: list[Name] = field(default_factory=list)
    """Each once."""

    @classmethod
    def of_ours(cls, id: int, shown: OwnCertificate | None) -> Self:
        """What is kept of one of ours that the peer has accepted; ``None`` if we cannot tell which it is."""
        if shown is None:
            return cls(id=id)
        return cls(id=id, subject=shown.subject, leaf=shown.leaf, names_in_it=shown.names, until=shown.ends)

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """What the peer has shown, to judge it again; empty for one of ours."""
        return (load_der_x509_certificate(self.shown), *self.issuers) if self.shown else ()

    @property
    def gives_all(self) -> bool:
        """Whether it gives whatever it names."""
        return len(self.gives) >= len(self.names_in_it.entries)


def own_certificate(id: int, leaf: Certificate, names: CertificateNames) -> AcceptedCertificate:
    """
    What is kept of a certificate of ours that we have shown in the handshake.

    :param names: those in it.
    """
    ends = leaf.not_valid_after_utc.timestamp()
    return AcceptedCertificate(id=id, subject=subject_key(leaf), leaf=leaf, names_in_it=names, until=ends)
