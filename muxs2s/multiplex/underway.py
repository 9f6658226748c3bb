"""
Certificates of ours that are on their way to the peer, or are about to be.

Knows for which domain each is shown, and what waits for it: whatever else a certificate names need not be proven by
itself once the peer has it. Does not know how it is shown: see :mod:`muxs2s.multiplex.presenting`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from cryptography.x509 import Certificate

from muxs2s.proof.authenticators import OwnCertificate
from muxs2s.proof.identity import SubjectKey
from muxs2s.wire.names import DomainName

__all__ = ["UnderWay"]


class UnderWay:
    """
    What is on its way on one stream, by the exchange in which it is shown.

    :param arrived: called with a certificate for which nothing needs to wait any longer, whatever came of it.
    """

    def __init__(self, arrived: Callable[[Certificate], object]) -> None:
        self._arrived = arrived
        self._leading: dict[int, Certificate] = {}
        """Exchanges that others wait for, each certificate once."""

        self._awaited: set[Certificate] = set()
        """Those certificates."""

        self._subjects: dict[int, SubjectKey] = {}
        """Of the certificates that are shown."""

        self._domains: dict[SubjectKey, dict[int, DomainName]] = {}
        """For which domains certificates of a subject are shown."""

    def __contains__(self, leaf: object) -> bool:
        """Whether what a certificate names may wait for it."""
        return leaf in self._awaited

    def domains_of(self, subject: SubjectKey) -> Collection[DomainName]:
        """For which domains certificates of a subject are being shown."""
        return self._domains.get(subject, {}).values()

    def lead(self, id: int, leaf: Certificate) -> None:
        """Let other domains of a certificate wait for an exchange, if they wait for none already."""
        if id not in self._leading and leaf not in self._awaited:
            self._leading[id] = leaf
            self._awaited.add(leaf)

    def show(self, id: int, domain: DomainName, certificate: OwnCertificate) -> None:
        """A certificate is shown in an exchange about a domain."""
        self.lead(id, certificate.leaf)
        self._subjects[id] = certificate.subject
        self._domains.setdefault(certificate.subject, {})[id] = domain

    def stop_leading(self, id: int) -> None:
        """Let nothing wait for an exchange any longer."""
        leaf = self._leading.pop(id, None)
        if leaf is not None:
            self._awaited.discard(leaf)
            self._arrived(leaf)

    def over(self, id: int) -> None:
        """An exchange is over."""
        subject = self._subjects.pop(id, None)
        if subject is not None:
            del self._domains[subject][id]
            if not self._domains[subject]:
                del self._domains[subject]
        self.stop_leading(id)
