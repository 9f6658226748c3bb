"""
Which of a host's addresses answers first.

Knows the order of the addresses, the head start each has over the next, and that the first connection
ends the others. Does not know where addresses come from, nor how a connection is made.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from muxs2s.wire.errors import MuxS2SError

__all__ = ["AddressRace", "NoneAnswered", "RaceLimits"]

_IPV6: Final = "IPv6"
_IPV4: Final = "IPv4"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceLimits:
    """
    The paces of a race.

    Source: RFC 8305, section 8.
    """

    resolution_seconds: float = 0.05
    """How long IPv4 addresses wait for IPv6 addresses that are still being looked up."""

    stagger_seconds: float = 0.25
    """The head start of an address over the next one; the next starts at once where one has failed."""

    max_addresses: int = 8
    """Of one host that are tried."""


class NoneAnswered(MuxS2SError):
    """No address of a host answered; why was told one by one."""


class AddressRace(Generic[T]):
    """
    Connects to one address after the other, the families taking turns, until one answers.

    :param connect: connects to an address, and calls what it is given with it when it begins, as it may
        have to wait for its turn; its Deferred can be cancelled.
    :param lookups: how many calls of :meth:`offer` will come, one per lookup.
    :param note: told why a connection failed, and what was not tried.

    Source: RFC 8305, sections 3 to 5.
    """

    def __init__(
        self,
        clock: IReactorTime,
        connect: Callable[[str, Callable[[], None]], Deferred[T]],
        *,
        lookups: int,
        note: Callable[[str], None],
        limits: RaceLimits,
    ) -> None:
        self.won: Deferred[T] = Deferred(lambda _cancelled: self._end())
        """Fires with the first connection, or fails with :exc:`NoneAnswered`; cancelling it ends the race."""

        self._clock, self._connect, self._note, self._limits = clock, connect, note, limits
        self._lookups_due = lookups
        self._waiting: dict[str, deque[str]] = {_IPV6: deque(), _IPV4: deque()}
        self._turns = (_IPV6, _IPV4)
        """The family whose turn it is, then the other."""
        self._running: list[Deferred[T]] = []
        self._is_held = False
        """Whether the last of these waits for its turn; no other one starts meanwhile."""
        self._places = limits.max_addresses
        self._timer: IDelayedCall | None = None

    def offer(self, addresses: Iterable[str]) -> None:
        """Bring what one lookup has found: IP addresses, or none."""
        if self.won.called:
            return
        self._lookups_due -= 1
        for address in addresses:
            self._waiting[_IPV6 if ":" in address else _IPV4].append(address)
        if self._waits_for_ipv6():
            self._set_timer(self._limits.resolution_seconds)
        elif self._timer is None or not self._has_begun():
            self._start_next()

    def _has_begun(self) -> bool:
        return self._places < self._limits.max_addresses

    def _waits_for_ipv6(self) -> bool:
        return bool(self._lookups_due) and not self._has_begun() and not self._waiting[_IPV6]

    def _start_next(self) -> None:
        """Start the next address; if there is none and none will come, the race is lost."""
        self._stop_timer()
        if self._is_held:
            return
        address = self._take()
        if address is not None:
            self._is_held = True
            attempt = self._connect(address, self._begun)
            self._running.append(attempt)
            attempt.addCallbacks(self._win, self._lose, callbackArgs=(attempt,), errbackArgs=(attempt,))
        elif not self._running and not self._lookups_due:
            self._say_what_is_left()
            self.won.errback(NoneAnswered("no address answered"))

    def _begun(self) -> None:
        """The head start of an address counts from when it had its turn."""
        self._is_held = False
        self._set_timer(self._limits.stagger_seconds)

    def _take(self) -> str | None:
        """The next address of the family whose turn it is, or of the other."""
        family = next((family for family in self._turns if self._waiting[family]), None)
        if family is None or not self._places:
            return None
        self._turns = (_IPV4, _IPV6) if family == _IPV6 else (_IPV6, _IPV4)
        self._places -= 1
        return self._waiting[family].popleft()

    def _win(self, connection: T, attempt: Deferred[T]) -> None:
        self._running.remove(attempt)
        self._end()
        self.won.callback(connection)

    def _lose(self, failure: Failure, attempt: Deferred[T]) -> None:
        if attempt in self._running:  # else it was us who ended it
            if attempt is self._running[-1]:
                self._is_held = False
            self._running.remove(attempt)
            self._note(failure.getErrorMessage())
            self._start_next()

    def _say_what_is_left(self) -> None:
        left = sum(map(len, self._waiting.values()))
        if left:
            limit = self._limits.max_addresses
            self._note(f"{left} more addresses not tried, the limit for one host is {limit}")

    def _end(self) -> None:
        self._stop_timer()
        running, self._running = self._running, []
        for attempt in running:
            attempt.cancel()

    def _set_timer(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self._clock.callLater(seconds, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        self._start_next()

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
