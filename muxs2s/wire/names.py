"""
Domain names and the domainparts of addresses.

Knows how XMPP compares domains: one trailing dot off, U-labels, lower case; A-labels only for DNS,
TLS and certificates. Does not know localparts and resources beyond their place in an address: they
are the business of the domain that serves them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

import idna

from muxs2s.wire.errors import MuxS2SError

__all__ = [
    "MAX_CACHED_ADDRESSES",
    "MAX_CACHED_ADDRESS_CHARACTERS",
    "MAX_CACHED_NAMES",
    "DomainName",
    "DomainPair",
    "DomainPattern",
    "Name",
    "NameRefused",
    "domain_of",
    "domainpart",
]

MAX_CACHED_NAMES: Final = 10_000
"""Spellings of domain names remembered, least recently used first out."""

MAX_CACHED_ADDRESSES: Final = 10_000
"""Addresses whose domain is remembered, least recently used first out."""

MAX_CACHED_ADDRESS_CHARACTERS: Final = 256
"""Of an address whose domain is remembered: the cache grows to some 10 MB at worst, usually to 2."""

MAX_DOMAIN_OCTETS: Final = 253
"""A domain name without its trailing dot (RFC 1035, section 2.3.4)."""

MAX_PART_OCTETS: Final = 1_023
"""A localpart or resource in UTF-8 (RFC 7622, section 3.1)."""

_LDH_LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_LOCALPART: Final = re.compile(r"[^\x00-\x20\x7f\"&'/:<>@]+")
_RESOURCE: Final = re.compile(r"[^\x00-\x1f\x7f]+")


class NameRefused(MuxS2SError):
    """What was given is no domain name or no address; the message says why."""


class DomainName(str):
    """
    A domain as XMPP compares it: lower-case U-labels without a trailing dot.

    It is a plain string to dictionaries, so a name read from the wire in its usual spelling finds
    its entry without being parsed. Make one with :meth:`parse`.

    Source: RFC 7622, section 3.2.
    """

    __slots__ = ("ascii",)

    ascii: str
    """The same domain in A-labels: for DNS, SNI and certificates."""

    @classmethod
    def parse(cls, text: str) -> DomainName:
        """
        Read a domain in any spelling.

        :param text: U-labels or A-labels in any case, with or without one trailing dot.
        :raises NameRefused: for IP literals (nothing proves one between servers), empty or
            overlong labels, labels that IDNA 2008 forbids, and names over 253 octets.
        """
        return _parse(text)


@lru_cache(maxsize=MAX_CACHED_NAMES)
def _parse(text: str) -> DomainName:
    bare = text.removesuffix(".")
    if len(bare) > MAX_DOMAIN_OCTETS:
        raise NameRefused(f"a domain name of {len(bare)} characters exceeds {MAX_DOMAIN_OCTETS} octets")
    labels = [_label(label, text) for label in _mapped(bare, text).split(".")]
    ascii_name = ".".join(ascii_label for ascii_label, _ in labels)
    if len(ascii_name) > MAX_DOMAIN_OCTETS:
        raise NameRefused(f"{text!r} is {len(ascii_name)} octets in A-labels, which exceeds {MAX_DOMAIN_OCTETS}")
    if labels[-1][0].isdecimal():
        raise NameRefused(f"{text!r} is an IP address, not a domain name")
    name = DomainName(".".join(unicode_label for _, unicode_label in labels))
    name.ascii = ascii_name
    return name


def _mapped(text: str, given: str) -> str:
    """Lower case, full-width forms and composition, as IDNA lookups map them."""
    if text.isascii():
        return text.lower()
    try:
        return idna.uts46_remap(text, std3_rules=True)
    except UnicodeError as error:
        raise NameRefused(f"{given!r} is no domain name: {error}") from None


def _label(label: str, given: str) -> tuple[str, str]:
    """A label as A-label and as U-label, each made from the other, so that no label has two of either."""
    try:
        unicode_label = idna.ulabel(label) if label.startswith("xn--") else label
        ascii_label = label if unicode_label.isascii() else idna.alabel(unicode_label).decode("ascii")
    except UnicodeError as error:
        raise NameRefused(f"{given!r} is no domain name: {error}") from None
    if _LDH_LABEL.fullmatch(ascii_label) is None:
        raise NameRefused(
            f"{given!r} is no domain name: the label {label!r} is empty, over 63 octets or not "
            "made of letters, digits and inner hyphens"
        )
    return ascii_label, unicode_label


class DomainPair(NamedTuple):
    """
    A sender domain and a target domain, in the direction of the stanza.

    A named tuple and no dataclass: it is a dictionary key on the path of every stanza.
    """

    sender: DomainName
    target: DomainName

    def reversed(self) -> DomainPair:
        """The pair of the answers."""
        return DomainPair(self.target, self.sender)

    def __str__(self) -> str:
        return f"{self.sender} -> {self.target}"


class DomainPattern(NamedTuple):
    """
    Every domain that is one label more than another: ``*.b.example`` stands for ``x.b.example`` alone.

    Source: RFC 9525, section 6.3.
    """

    parent: DomainName

    @classmethod
    def above(cls, domain: DomainName) -> DomainPattern:
        """The one pattern that stands for ``domain``."""
        return cls(domain.partition(".")[2])  # type: ignore[arg-type]  # for finding one: as good as parsed

    @property
    def ascii(self) -> str:
        """As certificates write it, in A-labels."""
        return f"*.{self.parent.ascii}"

    def matches(self, domain: DomainName) -> bool:
        """Whether it stands for ``domain``."""
        return domain.partition(".")[2] == self.parent

    def __str__(self) -> str:
        return f"*.{self.parent}"


Name = DomainName | DomainPattern
"""What a certificate names, and so what a stream may be opened or closed for."""


def domainpart(address: str) -> str:
    """
    Cut the domainpart out of an address, as it is spelled there.

    :param address: ``[localpart@]domainpart[/resource]``.
    :raises NameRefused: if a part is empty, over 1,023 octets, or holds a character that no
        localpart or resource may hold. The domainpart itself is not examined.

    Source: RFC 7622, section 3.1.
    """
    bare, slash, resource = address.partition("/")
    localpart, at, domain = bare.rpartition("@")
    if at and not (_LOCALPART.fullmatch(localpart) and _fits(localpart)):
        raise NameRefused(f"{address[:80]!r} is no address: bad localpart")
    if slash and not (_RESOURCE.fullmatch(resource) and _fits(resource)):
        raise NameRefused(f"{address[:80]!r} is no address: bad resource")
    if not domain:
        raise NameRefused(f"{address[:80]!r} is no address: no domainpart")
    return domain


def _fits(part: str) -> bool:
    return len(part) <= MAX_PART_OCTETS // 4 or len(part.encode("utf-8", "replace")) <= MAX_PART_OCTETS


def domain_of(address: str) -> DomainName:
    """
    The domain an address belongs to.

    :raises NameRefused: if the address is malformed or its domainpart is no domain name.
    """
    if len(address) > MAX_CACHED_ADDRESS_CHARACTERS:
        return DomainName.parse(domainpart(address))
    return _domain_of(address)


@lru_cache(maxsize=MAX_CACHED_ADDRESSES)
def _domain_of(address: str) -> DomainName:
    return DomainName.parse(domainpart(address))
