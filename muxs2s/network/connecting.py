"""
A connection to the servers of a domain.

Knows how targets, addresses, races and time-outs make up one attempt, and what to say when it fails.
Does not know what is spoken on the connection, nor when to try again: see :mod:`muxs2s.service.backoff`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn

from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from muxs2s.network.addresses import is_address
from muxs2s.network.racing import AddressRace, Attempts, NoneAnswered, RaceLimits
from muxs2s.network.reactors import INetworkReactor
from muxs2s.network.resolver import Lookup, LookupFailed
from muxs2s.network.targets import Overrides, Target, Unreachable, domain_itself, find_targets
from muxs2s.wire.errors import LocalMisuse, MuxS2SError, StanzaCondition
from muxs2s.wire.names import DomainName
from muxs2s.wire.reasons import readable

__all__ = ["MAX_REASONS_CHARACTERS", "AttemptFailed", "ConnectLimits", "Connector"]

MAX_REASONS_CHARACTERS: Final = 2_000
"""Of all that is said of an attempt that failed; the rest is left out."""


class AttemptFailed(MuxS2SError):
    """One address did not answer; names the host, the address and the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectLimits:
    """How long and how far servers of one domain are looked for."""

    connect_seconds: float = 10.0
    """For one address to answer."""

    total_seconds: float = 60.0
    """For a whole attempt: DNS and every target. As long as a stanza waits."""

    max_targets: int = 8
    """Of the SRV records of one domain that are tried."""

    race: RaceLimits = field(default_factory=RaceLimits)


class Connector:
    """
    Connects to domains: SRV targets in their order, and the addresses of each in a race.

    :param overrides: where the operator says domains are.
    :param bind_address: an IP address of this host to connect from; peers of the other address family
        are connected to from whichever address the system chooses.
    :param randbelow: draws among SRV records; a random integer below its argument.
    :raises LocalMisuse: if ``bind_address`` is no IP address.

    Source: RFC 6120, section 3.2; RFC 8305.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: INetworkReactor,
        lookup: Lookup,
        *,
        overrides: Overrides | None = None,
        bind_address: str | None = None,
        limits: ConnectLimits | None = None,
        randbelow: Callable[[int], int] = secrets.randbelow,
    ) -> None:
        self._reactor, self._lookup, self._randbelow = reactor, lookup, randbelow
        self._limits = limits or ConnectLimits()
        self._bind_address = bind_address
        if bind_address is not None and not is_address(bind_address):
            raise LocalMisuse(f"the address to connect from, {bind_address!r}, is no IP address")
        self.overrides = overrides or Overrides()
        """May be replaced at any time; the new ones count from the next attempt on."""

    def connect(self, domain: DomainName, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect to the first server of a domain that answers.

        :param factory: asked for a protocol once a connection stands.
        :returns: fires with that protocol, and fails with :exc:`~muxs2s.network.targets.Unreachable`,
            whose text has the reason of every attempt. Can be cancelled.
        """
        attempts = Attempts()

        def give_up(_result: object, seconds: float) -> NoReturn:
            attempts.reasons.append(f"gave up after {seconds:g} s")
            raise _unreachable(domain, attempts)

        work = Deferred.fromCoroutine(self._try_targets(domain, factory, attempts))
        return work.addTimeout(self._limits.total_seconds, self._reactor, give_up)

    async def _try_targets(self, domain: DomainName, factory: IProtocolFactory, attempts: Attempts) -> IProtocol:
        for target in await self._targets(domain, attempts):
            try:
                return await self._race(target, factory, attempts)
            except NoneAnswered:
                continue
        raise _unreachable(domain, attempts)

    async def _targets(self, domain: DomainName, attempts: Attempts) -> tuple[Target, ...]:
        override = self.overrides.find(domain)
        if override is not None:
            return (override,)
        try:
            return await find_targets(self._lookup, domain, at_most=self._limits.max_targets, randbelow=self._randbelow)
        except LookupFailed as failed:
            attempts.reasons.append(str(failed))
            return (domain_itself(domain),)

    async def _race(self, target: Target, factory: IProtocolFactory, attempts: Attempts) -> IProtocol:
        rdtypes = () if target.is_address else ("AAAA", "A")
        race: AddressRace[IProtocol] = AddressRace(
            self._reactor,
            lambda address: self._connect(address, target, factory),
            lookups=len(rdtypes) or 1,
            attempts=attempts,
            limits=self._limits.race,
        )
        if target.is_address:
            race.offer([target.host])
        lookups = [
            Deferred.fromCoroutine(self._look_up(race, target.host, rdtype, attempts)).addErrback(self._unexpected)
            for rdtype in rdtypes
        ]
        try:
            return await race.won
        finally:
            for lookup in lookups:
                lookup.cancel()

    async def _look_up(self, race: AddressRace[IProtocol], host: str, rdtype: str, attempts: Attempts) -> None:
        addresses: list[str] = []
        try:
            answer = await self._lookup.query(host, rdtype)
            addresses = [record.address for record in answer.records if isinstance(record, A | AAAA)]
            if not addresses:
                attempts.reasons.append(f"{host} has no {rdtype} record")
        except LookupFailed as failed:
            attempts.reasons.append(str(failed))
        finally:
            race.offer(addresses)

    def _connect(self, address: str, target: Target, factory: IProtocolFactory) -> Deferred[IProtocol]:
        endpoint = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        bound = self._bind_address
        bind = (bound, 0) if bound is not None and (":" in bound) == (":" in address) else None
        connecting = endpoint(
            self._reactor, address, target.port, timeout=self._limits.connect_seconds, bindAddress=bind
        )
        return connecting.connect(factory).addErrback(self._explain, address, target)

    def _explain(self, failure: Failure, address: str, target: Target) -> NoReturn:
        where = str(target) if target.is_address else f"{target} ({address})"
        if failure.check(error.TimeoutError):
            raise AttemptFailed(f"{where}: no answer within {self._limits.connect_seconds:g} s")
        if not failure.check(error.ConnectError, error.ConnectingCancelledError):
            self._log.failure("cannot use a connection to {where}", failure, where=where)
        raise AttemptFailed(f"{where}: {failure.getErrorMessage()}")

    def _unexpected(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("a lookup failed in a way it must not", failure)


def _unreachable(domain: DomainName, attempts: Attempts) -> Unreachable:
    """What came of an attempt; DNS of the domain has a hand in the reasons, and each stanza is bounced with them."""
    condition = StanzaCondition.REMOTE_SERVER_TIMEOUT if attempts.started else StanzaCondition.REMOTE_SERVER_NOT_FOUND
    reasons = "; ".join(dict.fromkeys(attempts.reasons))
    return Unreachable(condition, readable(f"no connection to {domain}: {reasons}", MAX_REASONS_CHARACTERS))
