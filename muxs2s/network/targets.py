"""
Where the servers of a domain are: SRV records, or what the operator says instead.

Knows the order in which the targets of SRV records are tried, when the domain itself is the target,
and how an override is written. Does not know addresses, and connects to nothing: see
:mod:`muxs2s.network.connecting`. A target never says whose certificate to expect; that is always the
domain's own.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

import dns.name
from dns.rdtypes.IN.SRV import SRV

from muxs2s.network.addresses import is_address, is_port, with_port
from muxs2s.network.resolver import Lookup
from muxs2s.wire.errors import MuxS2SError, StanzaCondition
from muxs2s.wire.names import DomainName, NameRefused

__all__ = [
    "DEFAULT_PORT",
    "Overrides",
    "ServiceNotOffered",
    "Target",
    "TargetRefused",
    "Unreachable",
    "domain_itself",
    "find_targets",
    "in_order",
    "read_target",
]

DEFAULT_PORT: Final = 5269
"""Where servers listen for servers if nothing says otherwise (RFC 6120, section 14.7)."""

_SERVICE: Final = "_xmpp-server._tcp"

_WRITTEN: Final = re.compile(r"(?:\[(?P<bracketed>[^\[\]]*:[^\[\]]*)\]|(?P<host>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")


class TargetRefused(MuxS2SError):
    """An override is written wrongly; the message says how it should look."""


class Unreachable(MuxS2SError):
    """
    No connection to the servers of a domain.

    Source: RFC 6120, sections 8.3.3.16, 8.3.3.17 and 10.4.3.
    """

    def __init__(self, condition: StanzaCondition, text: str) -> None:
        super().__init__(text)
        self.condition = condition
        """``remote-server-not-found`` if DNS led nowhere, else ``remote-server-timeout``."""


class ServiceNotOffered(Unreachable):
    """The domain says in DNS that it has no XMPP service for other servers."""

    def __init__(self, domain: DomainName) -> None:
        super().__init__(
            StanzaCondition.REMOTE_SERVER_NOT_FOUND,
            f"{domain} offers no XMPP service to other servers: its SRV record names the target '.'",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A host to connect to, and the port."""

    host: str
    """A host name in A-labels without a trailing dot, or an IP address."""

    port: int

    def __str__(self) -> str:
        return with_port(self.host, self.port)

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address, so that there is nothing to look up."""
        return is_address(self.host)


def read_target(text: str) -> Target:
    """
    Read an override.

    :param text: ``host``, ``host:port``, ``192.0.2.1:5269``, ``2001:db8::1`` or ``[2001:db8::1]:5269``;
        without a port, 5269.
    :raises TargetRefused: if it is none of these.
    """
    if is_address(text):
        return Target(host=text, port=DEFAULT_PORT)
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise TargetRefused(f"{text!r} is not written host:port, address:port or [IPv6 address]:port")
    host, port = written["host"] or written["bracketed"], int(written["port"] or DEFAULT_PORT)
    if not is_port(port):
        raise TargetRefused(f"{text!r}: {port} is no port, they go from 1 to 65535")
    if is_address(host):
        return Target(host=host, port=port)
    try:
        return Target(host=DomainName.parse(host).ascii, port=port)
    except NameRefused as refused:
        raise TargetRefused(f"{text!r} names no host: {refused}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Where the operator says the servers of domains are; DNS is not asked for their SRV records."""

    domains: Mapping[DomainName, Target] = field(default_factory=dict)
    every: Target | None = None
    """For all domains that have none of their own: a proxy, or a test."""

    def find(self, domain: DomainName) -> Target | None:
        """The target set for a domain, if any."""
        return self.domains.get(domain, self.every)


def in_order(
    records: Iterable[SRV], *, at_most: int, randbelow: Callable[[int], int] = secrets.randbelow
) -> tuple[SRV, ...]:
    """
    Bring SRV records into the order in which they are tried.

    :param at_most: how many are wanted.
    :param randbelow: a random integer from 0 up to, not including, its argument.
    :returns: by rising priority; within one priority drawn by weight, those of weight 0 seldom first.

    Source: RFC 2782, "The format of the SRV RR", Priority and Weight.
    """
    ordered: list[SRV] = []
    left = sorted(records, key=lambda record: (record.priority, record.weight))
    while left and len(ordered) < at_most:
        drawn = _draw([record for record in left if record.priority == left[0].priority], randbelow)
        left.remove(drawn)
        ordered.append(drawn)
    return tuple(ordered)


def _draw(rivals: Sequence[SRV], randbelow: Callable[[int], int]) -> SRV:
    running = tuple(accumulate(record.weight for record in rivals))
    mark = randbelow(running[-1] + 1)
    return next(record for record, total in zip(rivals, running, strict=True) if total >= mark)


def domain_itself(domain: DomainName) -> Target:
    """
    Where a domain is that has no SRV records, or whose SRV records DNS did not tell.

    Source: RFC 6120, section 3.2.2.
    """
    return Target(host=domain.ascii, port=DEFAULT_PORT)


async def find_targets(
    lookup: Lookup, domain: DomainName, *, at_most: int, randbelow: Callable[[int], int] = secrets.randbelow
) -> tuple[Target, ...]:
    """
    Ask DNS for the servers of a domain.

    :param at_most: how many are wanted.
    :returns: in the order in which they are to be tried; the domain itself if it has no SRV records. SRV
        records none of which can be used lead nowhere: the domain itself is not tried then.
    :raises ServiceNotOffered: if the domain says it has no such service.
    :raises Unreachable: if no SRV record can be used.
    :raises LookupFailed: if DNS did not tell; see :func:`domain_itself`.

    Source: RFC 6120, section 3.2.1; RFC 2782, "The format of the SRV RR", Target.
    """
    answer = await lookup.query(f"{_SERVICE}.{domain.ascii}", "SRV")
    records = [record for record in answer.records if isinstance(record, SRV)]
    if not records:
        return (domain_itself(domain),)
    if all(record.target == dns.name.root for record in records):
        raise ServiceNotOffered(domain)
    usable = [record for record in records if record.target != dns.name.root and record.port]
    if not usable:
        raise Unreachable(
            StanzaCondition.REMOTE_SERVER_NOT_FOUND,
            f"the SRV records of {domain} name no host with a port; its operator can mend that",
        )
    return tuple(
        Target(host=record.target.canonicalize().to_text(omit_final_dot=True), port=record.port)
        for record in in_order(usable, at_most=at_most, randbelow=randbelow)
    )
