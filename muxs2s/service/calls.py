"""
Calls to peers that may turn out to multiplex: whoever wants the same peer meanwhile waits for the first.

Knows who waits for which call, and for how long that is worth it. Does not know how a call is made, nor what
is done when it is over: see :mod:`muxs2s.service.searching`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from muxs2s.service.linkseams import StreamUnavailable
from muxs2s.service.whereabouts import Endpoint

__all__ = ["PATIENCE_SECONDS", "Call", "Calls"]

PATIENCE_SECONDS: Final = 5.0
"""For a call to a peer of which nothing is known to get on, from one stage to the next; then others call it, too."""


def _no_stage() -> object:
    """Nothing answers yet."""
    return None


class Call:
    """
    A stream that is being opened, and those who wait for what it shows.

    :ivar endpoints: where it may lead, under every name.
    :param places: the same, each but once.
    """

    def __init__(
        self,
        clock: IReactorTime,
        endpoints: frozenset[Endpoint],
        places: frozenset[Endpoint],
        ended: Callable[[Call], None],
    ) -> None:
        self.endpoints, self._places = endpoints, places
        self.stage: Callable[[], object] = _no_stage
        """Tells how far it has got, by any values that differ from stage to stage."""

        self._clock, self._ended = clock, ended
        self._waiting: dict[Deferred[bool], bool] = {}
        """In the order in which they came, and whether they are patient."""
        self._seen: object = None
        """The stage in which it was when somebody looked last."""
        self._patient_until = clock.seconds() + PATIENCE_SECONDS
        self._alarm: IDelayedCall | None = None
        """For all who are not patient."""

    def leads_nowhere_but(self, endpoints: frozenset[Endpoint]) -> bool:
        """Whether it can lead to no other servers, whatever names these have."""
        return self._places <= endpoints

    def join(self, *, is_patient: bool) -> Deferred[bool]:
        """
        Wait until it has shown something.

        :param is_patient: whether to wait for as long as it takes.
        :returns: fires with ``True`` when it is worth looking again, with ``False`` when it does not get on; fails with
            :exc:`~muxs2s.service.linkseams.StreamUnavailable` where the peer cannot be reached. Can be cancelled.
        """
        if not is_patient and self._is_stuck():
            return succeed(False)
        waiter: Deferred[bool] = Deferred(self._leave)
        self._waiting[waiter] = is_patient
        if self._alarm is None and not is_patient:
            self._set_alarm()
        return waiter

    def end(self, unavailable: StreamUnavailable | None = None) -> None:
        """
        It has shown something, or never will.

        :param unavailable: why it came to nothing, where that goes for everyone.
        """
        self._ended(self)
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

    def _is_stuck(self) -> bool:
        """Whether it is in the stage still in which it has been for too long."""
        stage, now = self.stage(), self._clock.seconds()
        if stage != self._seen:
            self._seen, self._patient_until = stage, now + PATIENCE_SECONDS
        return now >= self._patient_until

    def _set_alarm(self) -> None:
        # A reactor does what is due before it reads: after a long turn it may have got on when its time is up.
        clock = self._clock
        left = self._patient_until - clock.seconds()
        self._alarm = clock.callLater(left, self._look_in_next_turn)

    def _look_in_next_turn(self) -> None:
        self._alarm = self._clock.callLater(0, self._look)

    def _look(self) -> None:
        """Let those go their own way who are not patient, unless it gets on."""
        self._alarm = None
        if not self._is_stuck():
            self._set_alarm()
            return
        for waiter in [waiter for waiter, is_patient in self._waiting.items() if not is_patient]:
            if waiter in self._waiting:  # what one is told may make another leave
                del self._waiting[waiter]
                waiter.callback(False)

    def _disarm(self) -> None:
        alarm, self._alarm = self._alarm, None
        if alarm is not None:
            alarm.cancel()


class Calls:
    """The calls under way, by where they may lead."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._calls: dict[Endpoint, dict[Call, None]] = {}
        """In the order in which they began."""

    def find(self, endpoints: frozenset[Endpoint]) -> Call | None:
        """Find a call that may lead to one of these endpoints; rather one that leads nowhere else."""
        here_alone = (call for call in self.at(endpoints) if call.leads_nowhere_but(endpoints))
        return next(here_alone, None) or next(self.at(endpoints), None)

    def at(self, endpoints: Iterable[Endpoint]) -> Iterator[Call]:
        """All of them."""
        return (call for endpoint in endpoints for call in self._calls.get(endpoint, ()))

    def begin(self, endpoints: frozenset[Endpoint], places: frozenset[Endpoint]) -> Call:
        """
        Begin one.

        :param endpoints: as :meth:`muxs2s.service.whereabouts.Whereabouts.of`.
        :param places: as :meth:`muxs2s.service.whereabouts.Whereabouts.places`.
        """
        call = Call(self._clock, endpoints, places, self._ended)
        for endpoint in endpoints:
            self._calls.setdefault(endpoint, {})[call] = None
        return call

    def _ended(self, call: Call) -> None:
        for endpoint in call.endpoints:
            calls = self._calls[endpoint]
            del calls[call]
            if not calls:
                del self._calls[endpoint]
