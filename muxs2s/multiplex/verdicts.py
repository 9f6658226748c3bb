"""
What comes of a certificate that was shown on a stream: the names it gives there, or why it gives none.

Knows the two verdicts, and when one certificate takes the place of another. Does not know how an outcome
becomes a verdict: see :mod:`muxs2s.multiplex.vouching`.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.x509 import Certificate

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import ListedName
from muxs2s.proof.identity import CertificateNames
from muxs2s.wire.names import DomainName

__all__ = ["NotVouched", "SubjectKey", "Vouched", "subject_key"]

SubjectKey = bytes | frozenset[str]
"""What two certificates of the same subject have in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """The certificate proves the domain, and gives these names."""

    names: tuple[ListedName, ...]
    """The domain of the exchange first; never empty."""

    chain: tuple[Certificate, ...]
    """As it was shown, the certificate itself first."""

    until: float | None
    """Seconds since the epoch: the earliest end in the chain; ``None`` if nothing ends."""

    prooftype: str
    evidence: str
    """What proved it, for logs."""

    ours: tuple[DomainName, ...] = ()
    """Names of the certificate that it does not give, as they are hosted here: something for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotVouched:
    """The certificate does not prove the domain."""

    condition: MultiplexCondition
    text: str
    """Every reason, for people."""


def subject_key(subject: bytes, names: CertificateNames) -> SubjectKey:
    """
    What a certificate has in common with the one that it renews, whoever issued either.

    :param subject: as :func:`~muxs2s.proof.identity.subject_in` reads it.
    :returns: its subject in DER; if that is empty, the set of its names.

    Source: doc/protocol.rst, "The same subject"; draft-hildebrand-xmpp-tls-multiplexing-00, section 2, item 6.
    """
    return subject or names.entries
