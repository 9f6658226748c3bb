"""
Where the servers of a domain are: SRV records, or what the operator says instead.

Knows the order in which the targets of SRV records are tried, those for direct TLS among those for
STARTTLS, when the domain itself is the target, and how a target is written. Does not know addresses, and
connects to nothing: see :mod:`muxs2s.network.connecting`. A target never says whose certificate to expect;
that is always the domain's own.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Final, NamedTuple

import dns.name
from dns.rdtypes.IN.SRV import SRV
from twisted.internet.defer import Deferred, FirstError, gatherResults

from muxs2s.network.addresses import is_address, is_port, with_port
from muxs2s.network.resolver import Lookup, LookupFailed
from muxs2s.wire.errors import MuxS2SError, StanzaCondition
from muxs2s.wire.names import DomainName, NameRefused

__all__ = [
    "DEFAULT_PORT",
    "DIRECT_TLS_PORT",
    "Offer",
    "Overrides",
    "ServiceNotOffered",
    "Target",
    "TargetRefused",
    "Unreachable",
    "domain_itself",
    "find_targets",
    "in_order",
    "read_override",
    "read_target",
]

DEFAULT_PORT: Final = 5269
"""Where servers listen for servers if nothing says otherwise (RFC 6120, section 14.7)."""

DIRECT_TLS_PORT: Final = 5270
"""Where servers listen for servers that begin with TLS, by custom; no standard says so."""

_DIRECT: Final = "xmpps://"
"""Stands before a target with direct TLS, after the name of its service in DNS."""

_WRITTEN: Final = re.compile(r"(?:\[(?P<bracketed>[^\[\]]*:[^\[\]]*)\]|(?P<host>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")


class TargetRefused(MuxS2SError):
    """A target is written wrongly; the message says how it should look."""


class Unreachable(MuxS2SError):
    """
    No connection to the servers of a domain.

    Source: RFC 6120, sections 8.3.3.16, 8.3.3.17 and 10.4.3.
    """

    def __init__(self, condition: StanzaCondition, text: str) -> None:
        super().__init__(text)
        self.condition = condition
        """
        ``remote-server-not-found`` if DNS led nowhere, ``resource-constraint`` if its servers never had their
        turn, else ``remote-server-timeout``.
        """


class ServiceNotOffered(Unreachable):
    """The domain says in DNS that it has no XMPP service for other servers."""

    def __init__(self, domain: DomainName) -> None:
        super().__init__(
            StanzaCondition.REMOTE_SERVER_NOT_FOUND,
            f"{domain} offers no XMPP service to other servers: its SRV record names the target '.'",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A host to connect to, the port, and how TLS begins there."""

    host: str
    """A host name in A-labels without a trailing dot, or an IP address."""

    port: int
    direct_tls: bool = False
    """Whether the connection begins with TLS (XEP-0368); else STARTTLS is agreed on first."""

    def __str__(self) -> str:
        """As an override says it: ``b.example:5269``, ``xmpps://b.example:5270``."""
        return f"{_DIRECT if self.direct_tls else ''}{with_port(self.host, self.port)}"

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address, so that there is nothing to look up."""
        return is_address(self.host)


def read_target(text: str, *, default_port: int = DEFAULT_PORT) -> Target:
    """
    Read where a server is, as ``<see-other-host/>`` says it.

    :param text: ``host``, ``host:port``, ``192.0.2.1:5269``, ``2001:db8::1`` or ``[2001:db8::1]:5269``.
    :param default_port: for a text without a port.
    :raises TargetRefused: if it is none of these.

    Source: RFC 6120, section 4.9.3.19.
    """
    if is_address(text):
        return Target(host=text, port=default_port)
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise TargetRefused(f"{text!r} is not written host:port, address:port or [IPv6 address]:port")
    host, port = written["host"] or written["bracketed"], int(written["port"] or default_port)
    if not is_port(port):
        raise TargetRefused(f"{text!r}: {port} is no port, they go from 1 to 65535")
    if is_address(host):
        return Target(host=host, port=port)
    try:
        return Target(host=DomainName.parse(host).ascii, port=port)
    except NameRefused as refused:
        raise TargetRefused(f"{text!r} names no host: {refused}") from None


def read_override(text: str) -> Target:
    """
    Read where the operator says the servers of a domain are.

    :param text: as :func:`read_target` takes it; with ``xmpps://`` before it for direct TLS, which has
        port 5270 if none is written.
    :raises TargetRefused: if it is written otherwise.
    """
    if not text.startswith(_DIRECT):
        return read_target(text)
    return replace(read_target(text.removeprefix(_DIRECT), default_port=DIRECT_TLS_PORT), direct_tls=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Where the operator says the servers of domains are; DNS is not asked for their SRV records."""

    domains: Mapping[DomainName, Target] = field(default_factory=dict)
    every: Target | None = None
    """For all domains that have none of their own: a proxy, or a test."""

    def find(self, domain: DomainName) -> Target | None:
        """The target set for a domain, if any."""
        return self.domains.get(domain, self.every)


class Offer(NamedTuple):
    """A target, and how much the domain wants it to be used (RFC 2782)."""

    priority: int
    weight: int
    target: Target


def in_order(
    offers: Iterable[Offer], *, at_most: int, randbelow: Callable[[int], int] = secrets.randbelow
) -> tuple[Target, ...]:
    """
    Bring targets into the order in which they are tried.

    Those for direct TLS and those for STARTTLS are drawn from one lot. Where a host has both at the same
    priority, its direct TLS comes before its STARTTLS, whichever of the two is drawn: so weights say how
    often a host comes first, and not how TLS begins there.

    :param at_most: how many are wanted.
    :param randbelow: a random integer from 0 up to, not including, its argument.
    :returns: by rising priority; within one priority drawn by weight, those of weight 0 seldom first.

    Source: RFC 2782, "The format of the SRV RR", Priority and Weight; XEP-0368, section 3, rule 1;
    RFC 9325, section 3.2.
    """
    ordered: list[Target] = []
    left = sorted(offers, key=lambda offer: (offer.priority, offer.weight))
    while left and len(ordered) < at_most:
        taken = _draw([offer for offer in left if offer.priority == left[0].priority], randbelow)
        left.remove(taken)
        ordered.append(taken.target)
    return tuple(ordered)


def _draw(rivals: Sequence[Offer], randbelow: Callable[[int], int]) -> Offer:
    running = tuple(accumulate(offer.weight for offer in rivals))
    mark = randbelow(running[-1] + 1)
    drawn = next(offer for offer, total in zip(rivals, running, strict=True) if total >= mark)
    same_host = (offer for offer in rivals if offer.target.host == drawn.target.host)
    return max(drawn, *same_host, key=lambda offer: offer.target.direct_tls)


def domain_itself(domain: DomainName) -> Target:
    """
    Where a domain is that has no SRV records, or whose SRV records DNS did not tell.

    Source: RFC 6120, section 3.2.2.
    """
    return Target(host=domain.ascii, port=DEFAULT_PORT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Service:
    """What DNS says of one way to the servers of a domain."""

    direct_tls: bool
    records: tuple[SRV, ...] = ()
    failure: LookupFailed | None = None

    @property
    def is_denied(self) -> bool:
        """Whether the domain says that there is no such way."""
        return bool(self.records) and all(record.target == dns.name.root for record in self.records)

    @property
    def offers(self) -> tuple[Offer, ...]:
        """The targets that can be used."""
        return tuple(
            Offer(record.priority, record.weight, _target(record, self.direct_tls))
            for record in self.records
            if record.target != dns.name.root and record.port
        )


def _target(record: SRV, direct_tls: bool) -> Target:  # noqa: FBT001 - as the target has it
    host = record.target.canonicalize().to_text(omit_final_dot=True)
    return Target(host=host, port=record.port, direct_tls=direct_tls)


async def find_targets(
    lookup: Lookup,
    domain: DomainName,
    *,
    at_most: int,
    note: Callable[[str], None],
    randbelow: Callable[[int], int] = secrets.randbelow,
) -> tuple[Target, ...]:
    """
    Ask DNS for the servers of a domain, those with direct TLS and those with STARTTLS at once.

    :param at_most: how many are wanted.
    :param note: told what DNS did not tell, and why.
    :returns: in the order in which they are to be tried; the domain itself if it has no SRV records, or
        DNS did not tell any. SRV records none of which can be used lead nowhere: the domain itself is not
        tried then.
    :raises ServiceNotOffered: if the domain says it has no such service.
    :raises Unreachable: if no SRV record can be used.

    Source: RFC 6120, section 3.2.1; RFC 2782, "The format of the SRV RR", Target; XEP-0368, sections 3
    and 5.
    """
    asking = [
        Deferred.fromCoroutine(_ask(lookup, "_xmpps-server._tcp", domain, direct_tls=True)),
        Deferred.fromCoroutine(_ask(lookup, "_xmpp-server._tcp", domain, direct_tls=False)),
    ]
    try:
        direct, plain = await gatherResults(asking, consumeErrors=True)
    except FirstError as first:
        first.subFailure.raiseException()
    for failure in filter(None, (direct.failure, plain.failure)):
        note(str(failure))
    offers = (*direct.offers, *plain.offers)
    if offers:
        return in_order(offers, at_most=at_most, randbelow=randbelow)
    if direct.records or plain.records:
        raise _leads_nowhere(domain, direct, plain)
    return (domain_itself(domain),)


async def _ask(lookup: Lookup, service: str, domain: DomainName, *, direct_tls: bool) -> _Service:
    try:
        answer = await lookup.query(f"{service}.{domain.ascii}", "SRV")
    except LookupFailed as failure:
        return _Service(direct_tls=direct_tls, failure=failure)
    records = tuple(record for record in answer.records if isinstance(record, SRV))
    return _Service(direct_tls=direct_tls, records=records)


def _leads_nowhere(domain: DomainName, direct: _Service, plain: _Service) -> Unreachable:
    if plain.is_denied and (direct.is_denied or not direct.records):
        return ServiceNotOffered(domain)
    if direct.is_denied and not plain.records:
        text = f"{domain} offers no direct TLS, and {plain.failure or 'has no SRV records for STARTTLS'}"
    else:
        text = f"the SRV records of {domain} name no host with a port; its operator can mend that"
    return Unreachable(StanzaCondition.REMOTE_SERVER_NOT_FOUND, text)
