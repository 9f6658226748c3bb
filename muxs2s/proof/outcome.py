"""
What comes of looking at evidence: proven, refused or undecided.

Knows the values every prooftype returns and what a prooftype is. Does not know any prooftype, nor
which one suffices: see :mod:`muxs2s.proof.policy`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from cryptography.x509 import Certificate

from muxs2s.proof.delegation import CallersEndpoints, Endpoint
from muxs2s.proof.identity import NO_NAMES, CertificateNames
from muxs2s.proof.poshdocument import PoshMaterial
from muxs2s.wire.errors import StanzaCondition
from muxs2s.wire.names import DomainName

__all__ = [
    "Evidence",
    "Fault",
    "FoundByDNS",
    "KeyAnswered",
    "Outcome",
    "Prooftype",
    "Proven",
    "Refused",
    "Scope",
    "Undecided",
]


class Scope(Enum):
    """Which names of the certificate an outcome vouches for."""

    ALL_NAMES = "all names"
    """A chain to our own trust anchors: every name in the certificate."""

    ASKED_DOMAIN = "the domain asked for"
    """Evidence found for one domain: that domain alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundByDNS:
    """We called the peer, at the address that DNS or the operator gives for the domain."""

    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAnswered:
    """What came of asking the authoritative server of the domain about a dialback key."""

    condition: StanzaCondition | None
    """``None`` if the key is good; otherwise what whoever sent the key is to be told: ``forbidden`` if it is not."""

    address: str
    """Of the authoritative server."""

    text: str = ""
    """What went wrong, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a peer showed and what was looked up for it."""

    chain: tuple[Certificate, ...]
    """The certificate the peer proved to hold, then the issuers it sent; empty if it showed none."""

    dialback: FoundByDNS | KeyAnswered | None = None
    """What dialback can go by, if anything."""

    posh: PoshMaterial | None = None
    """What was found of POSH; ``None`` if nobody has looked."""

    dane: Endpoint | CallersEndpoints | None = None
    """What DNS says of the endpoint we called, or of those of a peer that called us, if it was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """The evidence proves the domain."""

    domain: DomainName
    prooftype: str
    evidence: str
    """What proved it, for logs: a digest or an address, never a secret."""

    scope: Scope
    until: float | None
    """Seconds since the epoch: the earliest end in the chain; ``None`` if nothing ends."""

    names: CertificateNames = NO_NAMES
    """
    Under :attr:`Scope.ALL_NAMES` every name the evidence vouches for, ``domain`` among them;
    otherwise none beyond ``domain``.
    """


class Fault(Enum):
    """What is the matter with evidence that proves nothing, for programs; people read the reasons."""

    DENIED = "denied"
    """Our policy has no use for it, whatever it proves."""

    UNTRUSTED = "untrusted"
    """Nobody whose word counts vouches for it, or not for this use."""

    WRONG_NAME = "wrong name"
    """It is of other domains."""

    EXPIRED = "expired"
    """Its time is over, or yet to come; or that of those who vouch for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The evidence was examined and does not prove the domain."""

    domain: DomainName
    reasons: tuple[str, ...]
    """Every reason, each led by the prooftype that gave it: ``pkix: expired on 2026-01-31``."""

    faults: frozenset[Fault] = frozenset()
    """Of which kinds the reasons are, as far as they are about a certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """There is no evidence of this kind; another prooftype may decide."""

    domain: DomainName
    reasons: tuple[str, ...]


Outcome = Proven | Refused | Undecided


class Prooftype(Protocol):
    """
    One way to prove that a peer speaks for a domain.

    Source: RFC 7712, sections 7 and 10: what the server shows, how it is matched, where the
    verifier gets its material, whether secure DNS is needed.
    """

    name: str
    """As operators write it: ``pkix``, ``dialback``, ``dane``, ``posh``."""

    shows: str
    matched: str
    material: str
    needs_secure_dns: bool

    def judge(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        """
        Decide whether ``evidence`` proves ``domain``.

        :param now: seconds since the epoch.
        """
        ...
