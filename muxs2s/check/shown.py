"""
A certificate, told to operators and programs.

Knows that a peer may show one that breaks whoever looks at it: what cannot be read is left out. Does not
know whether it is any good: see :mod:`muxs2s.proof.pkix`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import Certificate, Name

from muxs2s.check.finding import day, moment
from muxs2s.proof.identity import CertificateNames, names_in
from muxs2s.wire.reasons import readable

__all__ = ["ShownCertificate"]

_MAX_NAME: Final = 200
"""Characters of a distinguished name."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCertificate:
    """What a certificate says of itself."""

    names: CertificateNames
    subject: str
    issuer: str
    """Distinguished names; empty if they are, or cannot be read."""

    begins: float | None
    ends: float | None
    """Seconds since the epoch; ``None`` for what cannot be read."""

    sha256: str

    @classmethod
    def of(cls, certificate: Certificate) -> ShownCertificate:
        """Read one; never fails."""
        return cls(
            names=names_in(certificate),
            subject=_read(lambda: _written(certificate.subject)) or "",
            issuer=_read(lambda: _written(certificate.issuer)) or "",
            begins=_read(lambda: _seconds(certificate.not_valid_before_utc)),
            ends=_read(lambda: _seconds(certificate.not_valid_after_utc)),
            sha256=certificate.fingerprint(SHA256()).hex(),
        )

    def as_object(self) -> dict[str, object]:
        """For JSON."""
        names = self.names
        return {
            "names": sorted(names.entries),
            "subject": self.subject,
            "issuer": self.issuer,
            "not_before": None if self.begins is None else moment(self.begins),
            "not_after": None if self.ends is None else moment(self.ends),
            "sha256": self.sha256,
        }

    @property
    def period(self) -> str:
        """For people: from which day to which."""
        begins, ends = ("?" if seconds is None else day(seconds) for seconds in (self.begins, self.ends))
        return f"{begins} to {ends}"


def _read(value: Callable[[], T]) -> T | None:
    try:
        return value()
    except Exception:  # noqa: BLE001 - the library meets bytes made to break it
        return None


def _written(name: Name) -> str:
    return readable(name.rfc4514_string(), _MAX_NAME)


def _seconds(moment: datetime) -> float:
    return moment.timestamp()
