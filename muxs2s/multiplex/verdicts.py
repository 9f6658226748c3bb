"""
What comes of a certificate that was shown on a stream: the names it gives there, or why it gives none.

Knows the two verdicts. Does not know how an outcome becomes one of them: see :mod:`muxs2s.multiplex.vouching`.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.x509 import Certificate

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import ListedName
from muxs2s.wire.names import DomainName

__all__ = ["NotVouched", "Vouched"]


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
