"""
What is known of the authorities in a path that was found good: their names, their ends, their constraints.

Knows how name constraints bear on the names of servers, of every kind. Does not know how a path is built:
see :mod:`muxs2s.proof.pkix`. Few authorities issue for many domains, so each is read once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from cryptography.x509 import Certificate, DNSName, ExtensionNotFound, GeneralName, Name, NameConstraints

from muxs2s.proof.identity import CertificateNames
from muxs2s.wire.reasons import readable

__all__ = ["MAX_CACHED_ISSUERS", "IssuerFacts", "constrained", "issuer_facts", "kept_once", "named"]

MAX_CACHED_ISSUERS: Final = 256
"""Authorities that are remembered, and of which the facts are, least recently used first out."""

_MAX_NAME: Final = 200
"""Characters of a distinguished name in a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerFacts:
    """What a judgement needs to know of one authority."""

    named: str
    """Its subject, for messages."""

    ends: float
    """When its certificate does, seconds since the epoch."""

    permitted: tuple[str, ...] = ()
    """The DNS domains that what it issues has to lie in; if there are none, any may be named."""

    excluded: tuple[str, ...] = ()
    """Those it must not lie in."""

    @property
    def is_constrained(self) -> bool:
        """Whether it may speak for some domains only."""
        return bool(self.permitted or self.excluded)

    def allows(self, name: str) -> bool:
        """Whether it may issue for a domain, or for everything a pattern stands for; in A-labels."""
        if self.permitted and not any(_within(name, subtree) for subtree in self.permitted):
            return False
        return not any(_within(name, subtree) or _matches(name, subtree) for subtree in self.excluded)


@lru_cache(maxsize=MAX_CACHED_ISSUERS)
def issuer_facts(issuer: Certificate) -> IssuerFacts:
    """
    Read the certificate of an authority, once a path of which it is part was found good.

    Source: RFC 5280, section 4.2.1.10.
    """
    facts = IssuerFacts(named=named(issuer.subject), ends=issuer.not_valid_after_utc.timestamp())
    try:
        found = issuer.extensions.get_extension_for_class(NameConstraints).value
    except ExtensionNotFound:
        return facts
    return replace(
        facts, permitted=_dns_subtrees(found.permitted_subtrees), excluded=_dns_subtrees(found.excluded_subtrees)
    )


@lru_cache(maxsize=MAX_CACHED_ISSUERS)
def kept_once(issuer: Certificate) -> Certificate:
    """Give the one certificate that is kept for all that equal it: each peer sends along what others send, too."""
    return issuer


def constrained(names: CertificateNames, issuers: Iterable[IssuerFacts]) -> CertificateNames:
    """
    Leave out the names that a name constraint of the issuers excludes.

    The verifier holds dNSName entries against the constraints on DNS names. An SRVName or XmppAddr
    asserts a DNS domain as well and is held against the same constraints, or it would be a way around
    them.

    Source: RFC 5280, section 4.2.1.10; RFC 4985, section 4.
    """
    for issuer in issuers:
        if issuer.is_constrained:
            names = replace(
                names,
                dns=frozenset(filter(issuer.allows, names.dns)),
                patterns=frozenset(filter(issuer.allows, names.patterns)),
                srv=frozenset(filter(issuer.allows, names.srv)),
                xmpp=frozenset(filter(issuer.allows, names.xmpp)),
            )
    return names


def named(name: Name) -> str:
    """A distinguished name for messages: printable, and of bounded length."""
    return readable(name.rfc4514_string() or "nobody by name", _MAX_NAME)


def _dns_subtrees(subtrees: Sequence[GeneralName] | None) -> tuple[str, ...]:
    """The constraints on DNS names among others."""
    return tuple(subtree.value.lower() for subtree in subtrees or () if isinstance(subtree, DNSName))


def _within(name: str, subtree: str) -> bool:
    """Whether a name, or everything a pattern stands for, lies in a subtree (``.x`` leaves out ``x``)."""
    bare = subtree.removeprefix(".")
    return not bare or name.endswith(f".{bare}") or name == subtree


def _matches(name: str, subtree: str) -> bool:
    """Whether ``name`` is a pattern that stands for the top of ``subtree``."""
    return name == f"*.{subtree.removeprefix('.').partition('.')[2]}"
