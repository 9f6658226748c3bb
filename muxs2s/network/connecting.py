"""
A connection to the servers of a domain.

Knows how targets, addresses, races and time-outs make up one attempt, what to say when it fails, and how
it goes on where a connection came to nothing later. Does not know how one address is dialled
(:mod:`muxs2s.network.dialling`), what is spoken on the connection, nor when to try again
(:mod:`muxs2s.service.backoff`).
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import IntEnum, auto
from functools import partial
from typing import Any, Final, NoReturn, TypeVar

from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from muxs2s.network.dialling import AttemptFailed, Dialler, DialLimits
from muxs2s.network.racing import AddressRace, NoneAnswered, RaceLimits
from muxs2s.network.reactors import INetworkReactor
from muxs2s.network.resolver import Lookup, LookupFailed
from muxs2s.network.targets import Overrides, Target, Unreachable, find_targets
from muxs2s.network.transcript import RecordedLookup, Transcript
from muxs2s.network.turns import Turns
from muxs2s.wire.errors import StanzaCondition
from muxs2s.wire.names import DomainName
from muxs2s.wire.reasons import readable

__all__ = ["MAX_REASONS_CHARACTERS", "Attempt", "ConnectLimits", "Connector", "Make"]

MAX_REASONS_CHARACTERS: Final = 2_000
"""Of all that is said of an attempt that failed; the rest is left out."""

Make = Callable[[Target], IProtocolFactory]
"""Makes what gives a connection its protocol, once it is known where it goes and how TLS begins there."""

T = TypeVar("T")

_Search = Coroutine[Deferred[Any], Any, tuple[Target, ...]]

_Find = Callable[[Lookup, Callable[[str], None]], _Search]
"""Looks for targets, and tells what it could not find out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectLimits:
    """How long and how far servers of one domain are looked for."""

    connect_seconds: float = 10.0
    """For one address to answer."""

    total_seconds: float = 60.0
    """For a whole attempt: DNS, every target, and waiting for a turn. As long as a stanza waits."""

    max_targets: int = 8
    """Of the SRV records of one domain that are tried."""

    max_searches: int = 100
    """Domains whose SRV records are looked for at the same time; others wait for their turn."""

    race: RaceLimits = field(default_factory=RaceLimits)
    dial: DialLimits = field(default_factory=DialLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Means:
    """What all attempts of a connector share."""

    reactor: INetworkReactor
    lookup: Lookup
    dialler: Dialler
    searches: Turns[str]
    limits: ConnectLimits

    def search(self, whom: str, find: Callable[[], _Search]) -> Deferred[tuple[Target, ...]]:
        """Look for targets when it is our turn."""

        def search(_turn: None) -> Deferred[tuple[Target, ...]]:
            return Deferred.fromCoroutine(find()).addBoth(give_back)

        def give_back(result: T) -> T:
            self.searches.give_back(whom)
            return result

        return self.searches.take(whom).addCallback(search)


async def _addresses(lookup: Lookup, host: str, rdtype: str) -> tuple[str, ...]:
    answer = await lookup.query(host, rdtype)
    return tuple(record.address for record in answer.records if isinstance(record, A | AAAA))


class Connector:
    """
    Connects to domains: SRV targets in their order, and the addresses of each in a race.

    :param overrides: where the operator says domains are.
    :param bind_address: an IP address of this host to connect from; peers of the other address family
        are connected to from whichever address the system chooses.
    :param randbelow: draws among SRV records; a random integer below its argument.
    :raises LocalMisuse: if ``bind_address`` is no IP address.

    Source: RFC 6120, section 3.2; RFC 8305; XEP-0368.
    """

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
        limits = limits or ConnectLimits()
        dialler = Dialler(
            reactor, bind_address=bind_address, connect_seconds=limits.connect_seconds, limits=limits.dial
        )
        searches: Turns[str] = Turns(reactor, limits.max_searches)
        self._means = _Means(reactor=reactor, lookup=lookup, dialler=dialler, searches=searches, limits=limits)
        self._randbelow = randbelow
        self.overrides = overrides or Overrides()
        """May be replaced at any time; the new ones count from the next attempt on."""

    def connect(self, domain: DomainName, make: Make, *, transcript: Transcript | None = None) -> Deferred[IProtocol]:
        """
        Connect to the first server of a domain that answers.

        :param make: asked for a factory once a target is chosen; that is asked for a protocol once a
            connection stands.
        :param transcript: where every step is written down.
        :returns: fires with that protocol, and fails with :exc:`~muxs2s.network.targets.Unreachable`,
            whose text has the reason of every failure. Can be cancelled.
        """
        return self.attempt(domain, make, transcript=transcript).next()

    def connect_to(self, target: Target, make: Make, *, transcript: Transcript | None = None) -> Deferred[IProtocol]:
        """
        Connect to one target, such as a peer names in ``<see-other-host/>``; else as :meth:`connect`.

        Source: RFC 6120, section 4.9.3.19.
        """

        async def find(_lookup: Lookup, _note: Callable[[str], None]) -> tuple[Target, ...]:
            return (target,)

        return self._attempt(str(target), find, make, transcript).next()

    def attempt(self, domain: DomainName, make: Make, *, transcript: Transcript | None = None) -> Attempt:
        """Prepare to connect to a domain so that its next server can follow; else as :meth:`connect`."""
        return self._attempt(domain, partial(self._find, domain), make, transcript)

    def targets(self, domain: DomainName) -> Deferred[tuple[Target, ...]]:
        """
        Look where the servers of a domain are, without connecting to any.

        :returns: fires with targets in the order in which an attempt might try them; fails with
            :exc:`~muxs2s.network.targets.Unreachable` if DNS says that there are none. Can be cancelled.
        """
        return self._means.search(domain, partial(self._find, domain, self._means.lookup, lambda _reason: None))

    async def addresses(self, host: str, rdtype: str) -> tuple[str, ...]:
        """
        Look up a host.

        :param rdtype: ``A`` or ``AAAA``.
        :returns: its addresses of that family, if any.
        :raises LookupFailed: if nobody could say.
        """
        return await _addresses(self._means.lookup, host, rdtype)

    async def _find(self, domain: DomainName, lookup: Lookup, note: Callable[[str], None]) -> tuple[Target, ...]:
        override = self.overrides.find(domain)
        if override is not None:
            return (override,)
        at_most = self._means.limits.max_targets
        return await find_targets(lookup, domain, at_most=at_most, note=note, randbelow=self._randbelow)

    def _attempt(self, whom: str, find: _Find, make: Make, transcript: Transcript | None) -> Attempt:
        return Attempt(self._means, whom, find, make, transcript or Transcript(self._means.reactor))


class _Progress(IntEnum):
    """How far an attempt has come."""

    SEARCHING = auto()
    """No address is known."""

    WAITING = auto()
    """An address waits for its turn."""

    DIALLED = auto()
    """One was tried, or was not to be tried again so soon."""


class Attempt:
    """
    One attempt to reach a domain, from target to target; made by :meth:`Connector.attempt`.

    That a server answers does not mean that it can be talked to. Where what follows fails for a reason
    that its next server may not share, such as a TLS handshake, the attempt goes on::

        attempt = connector.attempt(domain, make)
        connection = await attempt.next()
        ...  # the handshake fails
        connection = await attempt.next("xmpps://xmpp.b.example:5270: TLS failed: wrong version number")

    It fails with :exc:`~muxs2s.network.targets.Unreachable` when no target is left, and then tells all
    reasons. The time spent on a connection does not count against ``total_seconds``.
    """

    _log = Logger()

    def __init__(self, means: _Means, whom: str, find: _Find, make: Make, transcript: Transcript) -> None:
        self.transcript = transcript
        """Every step so far; whoever goes on with the connection may write down its own."""

        self._means, self._whom, self._find, self._make = means, whom, find, make
        self._lookup = RecordedLookup(means.lookup, transcript)
        self._left: deque[Target] | None = None
        """Targets not tried yet; ``None`` before anybody has looked."""
        self._seconds_left = means.limits.total_seconds
        self._reasons: list[str] = []
        self._progress = _Progress.SEARCHING

    def next(self, why: str = "") -> Deferred[IProtocol]:
        """
        Connect to the next target that answers.

        :param why: what became of the connection before, after the name of its target.
        :returns: as that of :meth:`Connector.connect`.
        """
        if why:
            self._reasons.append(why)
        began_at = self._means.reactor.seconds()

        def give_up(_result: object, _seconds: float) -> NoReturn:
            raise self._unreachable(self._too_late())

        def note_time(result: T) -> T:
            self._seconds_left -= self._means.reactor.seconds() - began_at
            return result

        work = Deferred.fromCoroutine(self._try_targets())
        return work.addTimeout(max(0.0, self._seconds_left), self._means.reactor, give_up).addBoth(note_time)

    async def _try_targets(self) -> IProtocol:
        if self._left is None:
            find = partial(self._find, self._lookup, self._reasons.append)
            self._left = deque(await self._means.search(self._whom, find))
        while self._left:
            try:
                return await self._race(self._left.popleft())
            except NoneAnswered:
                continue
        raise self._unreachable()

    async def _race(self, target: Target) -> IProtocol:
        rdtypes = () if target.is_address else ("AAAA", "A")
        factory = self._make(target)
        race: AddressRace[IProtocol] = AddressRace(
            self._means.reactor,
            partial(self._dial, target, factory),
            lookups=len(rdtypes) or 1,
            note=self._reasons.append,
            limits=self._means.limits.race,
        )
        if target.is_address:
            race.offer([target.host])
        lookups = [
            Deferred.fromCoroutine(self._look_up(race, target.host, rdtype)).addErrback(self._unexpected)
            for rdtype in rdtypes
        ]
        try:
            return await race.won
        finally:
            for lookup in lookups:
                lookup.cancel()

    async def _look_up(self, race: AddressRace[IProtocol], host: str, rdtype: str) -> None:
        addresses: tuple[str, ...] = ()
        try:
            addresses = await _addresses(self._lookup, host, rdtype)
            if not addresses:
                self._reasons.append(f"{host} has no {rdtype} record")
        except LookupFailed as failed:
            self._reasons.append(str(failed))
        finally:
            race.offer(addresses)

    def _dial(
        self, target: Target, factory: IProtocolFactory, address: str, begun: Callable[[], None]
    ) -> Deferred[IProtocol]:
        self._progress = max(self._progress, _Progress.WAITING)

        def begin() -> None:
            self._progress = _Progress.DIALLED
            begun()

        dialled = self._means.dialler.dial(address, target, factory, transcript=self.transcript, begun=begin)
        return dialled.addErrback(self._not_dialled)

    def _not_dialled(self, failure: Failure) -> Failure:
        if failure.check(AttemptFailed):
            self._progress = _Progress.DIALLED
        return failure

    def _unexpected(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("a lookup failed in a way it must not", failure)

    def _too_late(self) -> str:
        seconds = self._means.limits.total_seconds
        if self._condition is StanzaCondition.RESOURCE_CONSTRAINT:
            return f"its turn had not come within {seconds:g} s, as this server was busy with others"
        return f"gave up after {seconds:g} s"

    @property
    def _condition(self) -> StanzaCondition:
        """What is to be said of it now. That its turn did not come is our own fault, and says nothing of it."""
        match self._progress:
            case _Progress.DIALLED:
                return StanzaCondition.REMOTE_SERVER_TIMEOUT
            case _Progress.SEARCHING if self._reasons:
                return StanzaCondition.REMOTE_SERVER_NOT_FOUND
        return StanzaCondition.RESOURCE_CONSTRAINT

    def _unreachable(self, last: str = "") -> Unreachable:
        """What came of it; DNS of the domain has a hand in the reasons, and each stanza is bounced with them."""
        reasons = "; ".join(dict.fromkeys(filter(None, [*self._reasons, last])))
        text = readable(f"no connection to {self._whom}: {reasons}", MAX_REASONS_CHARACTERS)
        return Unreachable(self._condition, text)
