"""
One connection to one address, in its turn.

Knows how a TCP connection is opened, why it was not, and how many may be tried: at once, and of one that
does not answer, in a minute. Does not know which addresses there are, nor in which order they are tried:
see :mod:`muxs2s.network.connecting`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.logger import Logger

from muxs2s.network.addresses import is_address
from muxs2s.network.buckets import TokenBucket
from muxs2s.network.reactors import INetworkReactor
from muxs2s.network.targets import Target
from muxs2s.network.transcript import Culprit, OpenStep, Transcript
from muxs2s.network.turns import Turns
from muxs2s.wire.errors import LocalMisuse, MuxS2SError

__all__ = ["MAX_REMEMBERED_PLACES", "AttemptFailed", "DialLimits", "Dialler"]

MAX_REMEMBERED_PLACES: Final = 10_000
"""Addresses and ports that have not answered lately, the one tried least lately first out."""

_MINUTE_SECONDS: Final = 60.0

T = TypeVar("T")

_Place = tuple[str, int]
"""An IP address and a port."""


class AttemptFailed(MuxS2SError):
    """One address did not answer, or was not tried; names the host, the address and the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialLimits:
    """How many connections are being opened."""

    max_connections: int = 500
    """At the same time, to everybody; others wait for their turn."""

    max_place_connections: int = 20
    """At the same time, to one address and port."""

    max_place_attempts_per_minute: int = 60
    """To one address and port that does not answer; half of them in a row, the others spread evenly."""


class Dialler:
    """
    Opens connections.

    :param bind_address: an IP address of this host to connect from; peers of the other address family
        are connected to from whichever address the system chooses.
    :param connect_seconds: for one address to answer, from when it has its turn.
    :raises LocalMisuse: if ``bind_address`` is no IP address.
    """

    _log = Logger()

    def __init__(
        self, reactor: INetworkReactor, *, bind_address: str | None, connect_seconds: float, limits: DialLimits
    ) -> None:
        self._reactor, self._bind_address, self._connect_seconds = reactor, bind_address, connect_seconds
        if bind_address is not None and not is_address(bind_address):
            raise LocalMisuse(f"the address to connect from, {bind_address!r}, is no IP address")
        self._turns: Turns[_Place] = Turns(reactor, limits.max_connections, limits.max_place_connections)
        self._failing = _FailingPlaces(limits.max_place_attempts_per_minute)

    def dial(
        self,
        address: str,
        target: Target,
        factory: IProtocolFactory,
        *,
        transcript: Transcript,
        begun: Callable[[], None],
    ) -> Deferred[IProtocol]:
        """
        Open one connection, when its turn has come.

        :param address: an IP address of the target.
        :param factory: asked for a protocol once the connection stands.
        :param begun: called when the turn has come.
        :returns: fires with that protocol, and fails with :exc:`AttemptFailed`. Can be cancelled.
        """
        place = address, target.port
        where = str(target) if target.is_address else f"{target} ({address})"
        turn = self._turns.take(place)
        waiting = None if turn.called else transcript.begin("wait", where)

        def connect(_turn: None) -> Deferred[IProtocol]:
            if waiting is not None:
                waiting.succeed("other connections came first")
            step = transcript.begin("connect", where)
            return Deferred.fromCoroutine(self._connect(place, where, factory, step, begun)).addBoth(self._leave, place)

        return turn.addCallback(connect)

    def _leave(self, result: T, place: _Place) -> T:
        self._turns.give_back(place)
        return result

    async def _connect(
        self, place: _Place, where: str, factory: IProtocolFactory, step: OpenStep, begun: Callable[[], None]
    ) -> IProtocol:
        failing = self._failing.refuse(place, self._reactor.seconds())
        if failing is not None:
            reason = f"not tried again so soon: {failing.reason}"
            step.fail(reason, failing.culprit)
            raise AttemptFailed(f"{where}: {reason}")
        begun()
        try:
            protocol = await self._endpoint(*place).connect(factory)
        except error.ConnectingCancelledError:
            raise CancelledError from None
        except Exception as problem:  # noqa: BLE001 - whatever a reactor or a factory does, this attempt is over
            reason, culprit = self._explain(problem, where)
            self._failing.failed(place, reason, culprit)
            step.fail(reason, culprit)
            raise AttemptFailed(f"{where}: {reason}") from None
        self._failing.forget(place)
        step.succeed("connected")
        return protocol

    def _endpoint(self, address: str, port: int) -> TCP4ClientEndpoint | TCP6ClientEndpoint:
        endpoint = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        bound = self._bind_address
        bind = (bound, 0) if bound is not None and (":" in bound) == (":" in address) else None
        return endpoint(self._reactor, address, port, timeout=self._connect_seconds, bindAddress=bind)

    def _explain(self, problem: Exception, where: str) -> tuple[str, Culprit]:
        """Why a connection failed, and whose fault that is."""
        match problem:
            case error.TimeoutError():
                return f"no answer within {self._connect_seconds:g} s", Culprit.NETWORK
            case error.ConnectionRefusedError():
                return str(problem), Culprit.PEER
            case error.ConnectBindError():
                return str(problem), Culprit.US
            case error.ConnectError():
                return str(problem), Culprit.NETWORK
        self._log.failure("cannot use a connection to {where}", where=where)
        return str(problem), Culprit.US


class _Failing:
    """An address and port that was tried and has not answered since."""

    __slots__ = ("attempts", "culprit", "reason")

    def __init__(self, attempts: TokenBucket) -> None:
        self.attempts = attempts
        self.reason, self.culprit = "others were faster", Culprit.NETWORK
        """What became of the last attempt, unless it was given up."""


class _FailingPlaces:
    """
    What was tried and has not answered since.

    :param per_minute: how often each may be tried.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._known: OrderedDict[_Place, _Failing] = OrderedDict()

    def refuse(self, place: _Place, now: float) -> _Failing | None:
        """Count an attempt; or give what is known of a place that was tried too often."""
        half = self._per_minute / 2
        failing = self._known.pop(place, None) or _Failing(TokenBucket(half / _MINUTE_SECONDS, half, now))
        self._known[place] = failing
        if len(self._known) > MAX_REMEMBERED_PLACES:
            self._known.popitem(last=False)
        return None if failing.attempts.take(now) else failing

    def failed(self, place: _Place, reason: str, culprit: Culprit) -> None:
        """Keep why an attempt failed, unless it was our own fault."""
        if culprit is Culprit.US:
            self.forget(place)
        elif place in self._known:
            self._known[place].reason, self._known[place].culprit = reason, culprit

    def forget(self, place: _Place) -> None:
        """It has answered, or nothing is known against it."""
        self._known.pop(place, None)
