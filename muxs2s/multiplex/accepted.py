"""
What is kept of one certificate that is accepted on a stream.

Knows what is worth keeping of one of ours and of one of the peer, and how to keep it small, as a stream has many.
Does not know what becomes of the names that it gives: see :mod:`muxs2s.multiplex.names`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_der_x509_certificate

from muxs2s.multiplex.verdicts import Vouched
from muxs2s.proof.authenticators import OwnCertificate
from muxs2s.proof.identity import NO_NAMES, CertificateNames, SubjectKey, names_in, subject_key
from muxs2s.proof.issuers import kept_once
from muxs2s.wire.names import Name

__all__ = ["HANDSHAKE", "AcceptedCertificate"]

HANDSHAKE: Final = 0
"""The id of the certificate of the handshake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedCertificate:
    """A certificate that was accepted, and the names it gives."""

    id: int
    """Of the exchange in which it was accepted, or :data:`HANDSHAKE`."""

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
    def of_handshake(cls, leaf: Certificate | None) -> Self:
        """Keep the one that we have shown in the handshake, if any."""
        if leaf is None:
            return cls(id=HANDSHAKE)
        ends = leaf.not_valid_after_utc.timestamp()
        return cls(id=HANDSHAKE, subject=subject_key(leaf), leaf=leaf, names_in_it=names_in(leaf), until=ends)

    @classmethod
    def of_ours(cls, id: int, shown: OwnCertificate | None) -> Self:
        """Keep one of ours that was shown in an exchange; ``None`` if we cannot tell which it is."""
        if shown is None:
            return cls(id=id)
        return cls(id=id, subject=shown.subject, leaf=shown.leaf, names_in_it=shown.names, until=shown.ends)

    @classmethod
    def of_peer(cls, id: int, vouched: Vouched) -> Self:
        """Keep one of the peer."""
        leaf, *issuers = vouched.chain
        return cls(
            id=id,
            subject=subject_key(leaf),
            shown=leaf.public_bytes(Encoding.DER),
            issuers=tuple(map(kept_once, issuers)),
            names_in_it=names_in(leaf),
            until=vouched.until,
            prooftype=vouched.prooftype,
            evidence=vouched.evidence,
        )

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """What the peer has shown, to judge it again; empty for one of ours."""
        return (load_der_x509_certificate(self.shown), *self.issuers) if self.shown else ()

    @property
    def gives_all(self) -> bool:
        """Whether it gives whatever it names."""
        return len(self.gives) >= len(self.names_in_it.entries)
