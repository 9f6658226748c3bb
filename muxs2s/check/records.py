"""
What DNS says of our own domains, and whether that leads here.

Knows what peers look up, and how to tell an address of this host. Does not know how DNS is asked
(:mod:`muxs2s.network.resolver`) nor how peers choose (:mod:`muxs2s.network.targets`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from twisted.internet.defer import DeferredSemaphore, gatherResults
from twisted.internet.interfaces import IReactorTime

from muxs2s.check.finding import Area, Finding, Grade
from muxs2s.network.addresses import with_port
from muxs2s.network.resolver import RESOLV_CONF, Lookup, LookupFailed
from muxs2s.network.targets import DEFAULT_PORT, DIRECT_TLS_PORT, Target, Unreachable, domain_itself, find_targets
from muxs2s.server.config import Configuration
from muxs2s.wire.names import DomainName

__all__ = ["MAX_AT_ONCE", "MAX_SECONDS", "Place", "check_records"]

MAX_SECONDS: Final = 60.0
"""For all domains; what is being asked then is waited for."""

MAX_AT_ONCE: Final = 50
"""Domains asked for at the same time."""

_NEVER_EXISTS: Final = "invalid"
"""Any server of DNS can say so by itself (RFC 6761, section 6.4)."""

_GAVE_UP: Final = f"not asked, as others took {MAX_SECONDS:g} s"

_MAX_SHOWN: Final = 4
"""Addresses in one finding."""

_finding = partial(Finding, area=Area.DNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where peers should be led."""

    owns_address: Callable[[str], bool]
    """Whether an IP address is one of this host."""

    ports: frozenset[int] | None
    """Where peers are accepted that begin with STARTTLS; ``None`` if that cannot be told."""

    direct_tls_ports: frozenset[int] | None = frozenset()
    """The same for peers that begin with TLS."""

    def accepts(self, target: Target) -> bool:
        """Whether peers are accepted at the port of a target, or may well be."""
        ports = self.direct_tls_ports if target.direct_tls else self.ports
        return ports is None or target.port in ports


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """One address that DNS leads to."""

    target: Target
    address: str
    is_here: bool

    def __str__(self) -> str:
        where = str(self.target)
        return where if self.address == self.target.host else f"{where} ({self.address})"

    def facts(self) -> dict[str, object]:
        """For programs."""
        target = self.target
        return {"host": target.host, "port": target.port, "direct_tls": target.direct_tls, "address": self.address}


async def check_records(
    lookup: Lookup, clock: IReactorTime, place: Place, configuration: Configuration
) -> list[Finding]:
    """Look up each domain of ours as peers do; gives up after :data:`MAX_SECONDS`, and what is under way then."""
    asking = _Asking(lookup, place, configuration)
    servers = ", ".join(with_port(*server) for server in configuration.dns_servers) or RESOLV_CONF
    silent = await asking.servers_silent()
    if silent is not None:
        return [
            _finding(
                about=f"DNS servers of {servers}",
                grade=Grade.ERROR,
                text=str(silent),
                remedy="name servers that answer, in dns.servers or /etc/resolv.conf; let UDP and TCP to port 53 pass",
            )
        ]
    until = clock.seconds() + MAX_SECONDS
    places = DeferredSemaphore(MAX_AT_ONCE)

    async def ask(domain: DomainName) -> Finding:
        if clock.seconds() >= until:
            return _finding(about=domain, grade=Grade.ERROR, text=_GAVE_UP, remedy="see why the DNS servers are slow")
        return await asking.domain(domain)

    asked = [places.run(ask, name) for name in configuration.domains]
    found = await gatherResults(asked)
    answering = _finding(about=f"DNS servers of {servers}", grade=Grade.OK, text="answer")
    return [answering, *found, *_secret(configuration, asking.others)]


def _secret(configuration: Configuration, others: Mapping[DomainName, str]) -> Iterator[Finding]:
    """Hosts that serve one domain answer for each other's dialback keys."""
    if others and configuration.dialback_secret is None:
        domain, host = next(iter(others.items()))
        yield _finding(
            about="dialback.secret",
            grade=Grade.WARNING,
            text=f"{domain} is served by {host} as well, which cannot answer for keys that this host makes",
            remedy="set dialback.secret, to the same on all of them",
        )


class _Asking:
    """Asks for one domain after the other."""

    def __init__(self, lookup: Lookup, place: Place, configuration: Configuration) -> None:
        self._lookup, self._place, self._configuration = lookup, place, configuration
        self.others: dict[DomainName, str] = {}
        """Domains that are served by another host beside this one, and by which."""

    async def servers_silent(self) -> LookupFailed | None:
        """Whether nobody answers anything: neither about a name that never exists nor about the first of ours."""
        first = self._configuration.domains[0].ascii
        failed = None
        for name, rdtype in ((_NEVER_EXISTS, "A"), (f"_xmpp-server._tcp.{first}", "SRV")):
            try:
                await self._lookup.query(name, rdtype)
            except LookupFailed as error:
                failed = error
            else:
                return None
        return failed

    async def domain(self, domain: DomainName) -> Finding:
        """Where peers are led that look for a domain."""
        at_most, failures = self._configuration.limits.connect.max_targets, list[str]()
        try:
            targets = await find_targets(self._lookup, domain, at_most=at_most, note=failures.append)
            ways = [way for target in targets for way in await self._ways(target)]
        except Unreachable as unreachable:
            return _finding(
                about=domain,
                grade=Grade.ERROR,
                text=str(unreachable),
                remedy=f"correct the record: {self._record(domain)}",
            )
        except LookupFailed as failed:
            failures.append(str(failed))
        if failures:
            return _finding(
                about=domain,
                grade=Grade.ERROR,
                text="; ".join(failures),
                remedy="mend the name servers of that name, or the way of our DNS servers to them",
            )
        return self._lost(domain, targets) if not ways else self._led(domain, ways)

    async def _ways(self, target: Target) -> list[_Way]:
        addresses = [target.host] if target.is_address else []
        for rdtype in () if target.is_address else ("AAAA", "A"):
            answer = await self._lookup.query(target.host, rdtype)
            addresses += [record.address for record in answer.records if isinstance(record, A | AAAA)]
        return [_Way(target=target, address=one, is_here=self._place.owns_address(one)) for one in addresses]

    def _lost(self, domain: DomainName, targets: Iterable[Target]) -> Finding:
        """DNS leads nowhere."""
        text = f"its SRV records name {', '.join(map(str, targets))}, without any address"
        if tuple(targets) == (domain_itself(domain),):
            text = f"has neither an SRV record nor an address{self._inherited(domain)}"
        remedy = f"add {self._record(domain)} and the address of that host"
        return _finding(about=domain, grade=Grade.ERROR, text=text, remedy=remedy)

    def _inherited(self, domain: DomainName) -> str:
        above = [name for name in self._configuration.domains if domain.endswith(f".{name}")]
        return f"; those of {above[0]} do not count for it" if above else ""

    def _record(self, domain: DomainName, *, direct_tls: bool = False) -> str:
        """The record that is missing, or should be there instead."""
        if direct_tls:
            service, ports, usual = "xmpps-server", self._place.direct_tls_ports, DIRECT_TLS_PORT
        else:
            service, ports, usual = "xmpp-server", self._place.ports, DEFAULT_PORT
        port = usual if not ports or usual in ports else min(ports)
        return f'"_{service}._tcp.{domain.ascii}. 3600 IN SRV 0 0 {port} HOST."'

    def _led(self, domain: DomainName, ways: list[_Way]) -> Finding:
        """DNS leads somewhere, hopefully to us."""
        shown = ", ".join(_some(map(str, ways)))
        details = {"leads_to": [way.facts() for way in ways]}
        here = [way for way in ways if way.is_here]
        others = {way.target.host for way in ways} - {way.target.host for way in here}
        if here and others:
            self.others[domain] = min(others)
        closed = [way for way in here if not self._place.accepts(way.target)]
        if not here:
            grade, text = Grade.WARNING, f"leads to {shown}, no address of this host"
            remedy = (
                f"have a router or proxy there pass it on to this host, or correct the record: {self._record(domain)}"
            )
        elif closed:
            grade = Grade.ERROR if len(closed) == len(here) else Grade.WARNING
            text = f"leads to {closed[0]} of this host, where no peers are accepted"
            remedy = f"correct the record: {self._record(domain)}; or add the port to listen"
        elif self._place.direct_tls_ports and not any(way.target.direct_tls for way in ways):
            grade, text = (
                Grade.WARNING,
                f"leads here: {shown}; but nothing leads to direct TLS, which listen_tls offers",
            )
            remedy = f"add {self._record(domain, direct_tls=True)}, or clear listen_tls"
        else:
            grade, text, remedy = Grade.OK, f"leads here: {shown}", ""
        return _finding(about=domain, grade=grade, text=text, remedy=remedy, details=details)


def _some(ways: Iterable[str]) -> Iterator[str]:
    everything = list(ways)
    yield from everything[:_MAX_SHOWN]
    if len(everything) > _MAX_SHOWN:
        yield f"and {len(everything) - _MAX_SHOWN} more"
