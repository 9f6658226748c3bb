"""
Calls to peers that may turn out to multiplex: whoever wants the same peer meanwhile waits for the first.

Knows who waits for which call, and for how long that is worth it. Does not know how a call is made, nor what
is done when it is over: see :mod:`muxs2s.service.searching`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from muxs2s.service.linkseams import StreamUnavailable
from muxs2s.service.whereabouts import Endpoint

__all__ = ["PATIENCE_SECONDS", "Call", "Calls"]

PATIENCE_SECONDS: Final = 5.0
"""For a call to show whether a peer of which nothing is known multiplexes; then others call it for themselves."""


class Call:
    """A stream that is being opened, and those who wait for what it shows."""

    def __init__(self, clock: IReactorTime, ended: Callable[[], None]) -> None:
        self._clock, self._ended = clock, ended
        self._waiting: dict[Deferred[bool], bool] = {}
        """In the order in which they came, and whether they are patient."""
        self._patient_until = clock.seconds() + PATIENCE_SECONDS
        self._alarm: IDelayedCall | None = None
        """For all who are not patient."""

    def join(self, *, is_patient: bool) -> Deferred[bool]:
        """
        Wait until it has shown something.

        :param is_patient: whether to wait for as long as it takes.
        :returns: fires with ``True`` when it is worth looking again, with ``False`` when it takes too long; fails with
            :exc:`~muxs2s.service.linkseams.StreamUnavailable` where the peer cannot be reached. Can be cancelled.
        """
        left = self._patient_until - self._clock.seconds()
        if left <= 0.0 and not is_patient:
            return succeed(False)
        waiter: Deferred[bool] = Deferred(self._leave)
        self._waiting[waiter] = is_patient
        if self._alarm is None and not is_patient:
            self._alarm = self._clock.callLater(left, self._take_too_long)
        return waiter

    def end(self, unavailable: StreamUnavailable | None = None) -> None:
        """
        It has shown something, or never will.

        :param unavailable: why it came to nothing, where that goes for everyone.
        """
        self._ended()
        self.wake(unavailable)

    def wake(self, unavailable: StreamUnavailable | None = None) -> None:
        """Let those who wait look again, as for :meth:`end`, though it goes on."""
        self._disarm()
        waiting, self._waiting = self._waiting, {}
        for waiter in waiting:
            if waiter.called:  # what another was told has made it leave
                continue
            if unavailable is None:
                waiter.callback(True)
            else:
                waiter.errback(StreamUnavailable(unavailable.condition, str(unavailable), final=unavailable.final))

    def _leave(self, waiter: Deferred[bool]) -> None:
        self._waiting.pop(waiter, None)
        if not self._waiting:
            self._disarm()

    def _take_too_long(self) -> None:
        self._alarm = None
        for waiter in [waiter for waiter, is_patient in self._waiting.items() if not is_patient]:
            if waiter in self._waiting:  # what one is told may make another leave
                del self._waiting[waiter]
                waiter.callback(False)

    def _disarm(self) -> None:
        alarm, self._alarm = self._alarm, None
        if alarm is not None:
            alarm.cancel()


class Calls:
    """The calls under way, by where they go."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._calls: dict[Endpoint, Call] = {}

    def find(self, endpoints: Iterable[Endpoint]) -> Call | None:
        """Find a call to one of these endpoints."""
        return next((self._calls[endpoint] for endpoint in endpoints if endpoint in self._calls), None)

    def begin(self, endpoints: Iterable[Endpoint]) -> Call:
        """
        Begin one.

        :returns: where others are under way to the same endpoints, one that nobody finds there.
        """
        free = [endpoint for endpoint in endpoints if endpoint not in self._calls]

        def ended() -> None:
            for endpoint in free:
                self._calls.pop(endpoint, None)

        call = Call(self._clock, ended)
        self._calls.update(dict.fromkeys(free, call))
        return call
