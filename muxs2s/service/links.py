"""
The way from one domain of ours to one domain of a peer: its queue, and the stream when there is one.

Knows when to dial, when to rest and what to bounce. Does not know how a stream comes about
(:mod:`muxs2s.service.streams`) or where a bounce goes (:mod:`muxs2s.service.routing`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

from automat import TypeMachineBuilder, pep614
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from muxs2s.network.protocol import MAX_WRITE_BYTES
from muxs2s.service.backoff import Backoff
from muxs2s.service.queues import PairQueue
from muxs2s.wire.errors import MuxS2SError, StanzaCondition
from muxs2s.wire.names import DomainPair
from muxs2s.wire.stanza import Slice

__all__ = ["REDIAL_SECONDS", "Carrier", "Link", "LinkSeams", "StreamUnavailable", "new_link"]

REDIAL_SECONDS: Final = 1.0
"""The longest wait, random from 0, before a stream that broke with stanzas waiting is dialled again."""


_log = Logger()


class StreamUnavailable(MuxS2SError):
    """No stream for a domain pair; the text says why, for the sender of what waited."""

    def __init__(self, condition: StanzaCondition, text: str, *, final: bool) -> None:
        super().__init__(text)
        self.condition = condition
        self.final = final
        """Whether trying again soon is idle: DNS knows no such server, or one end refused the other."""


@runtime_checkable
class Carrier(Protocol):
    """A stream that may carry the pair."""

    @property
    def room(self) -> bool:
        """Whether it can take stanzas now."""
        ...

    def send(self, pair: DomainPair, stanzas: Sequence[Slice]) -> None:
        """Take stanzas."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSeams:
    """What a link needs from outside."""

    clock: IReactorTime
    dial: Callable[[DomainPair, Link], Deferred[Carrier]]
    """
    Fires with a stream, which tells the link of room, closing and its end, or fails with
    :exc:`StreamUnavailable`; can be cancelled.
    """

    bounce: Callable[[Sequence[Slice], StanzaCondition, str], None]
    forget: Callable[[DomainPair], None]
    """Called when the link has nothing left to do or remember."""

    chance: Callable[[], float]
    """A random number from 0 up to 1."""


class Link(Protocol):
    """What can happen to a link."""

    def stanzas_wait(self) -> None:
        """Stanzas were put into the queue."""

    def opened(self, carrier: Carrier) -> None:
        """The stream is there."""

    def refused(self, unavailable: StreamUnavailable) -> None:
        """The stream could not be had."""

    def rested(self) -> None:
        """It is time to try again."""

    def has_room(self) -> None:
        """The stream has passed on what it was given."""

    def closing(self) -> None:
        """Nothing more may be sent on the stream."""

    def gone(self, unsent: bool) -> None:  # noqa: FBT001 - the one fact this input carries
        """The stream is over; ``unsent`` says whether what it was given last never left."""

    def stop(self) -> None:
        """Bounce what waits, and end."""


@dataclass(slots=True, kw_only=True)
class _Core:
    """What a link has in every state."""

    pair: DomainPair
    queue: PairQueue
    seams: LinkSeams
    backoff: Backoff = field(default_factory=Backoff)
    last_failure: StreamUnavailable | None = None
    alarm: IDelayedCall | None = None

    def watch(self) -> None:
        """Have an alarm for the oldest stanza."""
        deadline = self.queue.deadline
        if deadline is not None and self.alarm is None:
            delay = max(0.0, deadline - self.seams.clock.seconds())
            self.alarm = self.seams.clock.callLater(delay, self.expire)

    def expire(self) -> None:
        """Bounce what has waited too long."""
        self.alarm = None
        self.bounce(self.queue.expire(self.seams.clock.seconds()))
        self.watch()

    def bounce(self, stanzas: Sequence[Slice]) -> None:
        """Send stanzas back with the last reason there is."""
        if stanzas:
            failure = self.last_failure
            condition = StanzaCondition.REMOTE_SERVER_TIMEOUT if failure is None else failure.condition
            text = f"{self.pair.target} did not take the stanza in time" if failure is None else str(failure)
            self.seams.bounce(stanzas, condition, text)

    def pump(self, carrier: Carrier) -> None:
        """Give the stream one write's worth; it says when there is room for more."""
        if carrier.room:
            self.queue.confirm()
            batch = self.queue.take(MAX_WRITE_BYTES)
            if batch:
                carrier.send(self.pair, batch)

    def settle(self, *, unsent: bool) -> None:
        """The stream is over: what it was given last has gone, or stands in front again."""
        if unsent:
            self.queue.put_back()
        else:
            self.queue.confirm()

    def end(self) -> None:
        """Bounce everything and stop the alarm."""
        if self.alarm is not None:
            self.alarm.cancel()
            self.alarm = None
        self.bounce(self.queue.clear())


_builder = TypeMachineBuilder(Link, _Core)


# What a state holds. Inputs that come inside another wait until it is over.


def _dial(link: Link, core: _Core) -> Deferred[None]:
    dialling = core.seams.dial(core.pair, link).addCallbacks(
        link.opened, lambda failure: link.refused(_unavailable(failure, core.pair))
    )
    return dialling.addErrback(_note_failure)


def _remember(_link: Link, _core: _Core, carrier: Carrier) -> Carrier:
    return carrier


def _rest(link: Link, core: _Core, unavailable: StreamUnavailable) -> IDelayedCall:  # noqa: ARG001 - as the input has it
    """After a refusal the back-off decides."""
    clock = core.seams.clock
    return clock.callLater(core.backoff.fail(clock.seconds()) - clock.seconds(), link.rested)


def _miss(link: Link, core: _Core, unsent: bool) -> IDelayedCall:  # noqa: FBT001 - as the input has it
    """A stream that broke is missed soon, if anything waits for it."""
    delay = core.seams.chance() * REDIAL_SECONDS if core.queue or unsent else 0.0
    return core.seams.clock.callLater(delay, link.rested)


def _unavailable(failure: Failure, pair: DomainPair) -> StreamUnavailable:
    if isinstance(failure.value, StreamUnavailable):
        return failure.value
    if not failure.check(CancelledError):
        _note_failure(failure)
    return StreamUnavailable(StanzaCondition.INTERNAL_SERVER_ERROR, f"no way to {pair.target}, see the log", final=True)


def _note_failure(failure: Failure) -> None:
    _log.failure("a link failed in a way it must not", failure)


_idle = _builder.state("idle")
_dialling = _builder.state("dialling", _dial)
_open = _builder.state("open", _remember)
_parting = _builder.state("parting")
_resting = _builder.state("resting", _rest)
_missing = _builder.state("missing", _miss)
_stopped = _builder.state("stopped")

_idle.upon(Link.stanzas_wait).to(_dialling).returns(None)
_open.upon(Link.closing, nodata=True).to(_parting).returns(None)
_parting.upon(Link.has_room).loop().returns(None)
_parting.upon(Link.closing).loop().returns(None)


@pep614(_dialling.upon(Link.stanzas_wait, nodata=True).loop())
@pep614(_missing.upon(Link.stanzas_wait, nodata=True).loop())
@pep614(_parting.upon(Link.stanzas_wait).loop())
def _wait(_link: Link, core: _Core) -> None:
    core.watch()


@pep614(_dialling.upon(Link.opened, nodata=True).to(_open))
def _opened(_link: Link, core: _Core, carrier: Carrier) -> None:
    core.backoff.succeed()
    core.last_failure = None
    core.pump(carrier)


@pep614(_dialling.upon(Link.refused, nodata=True).to(_resting))
def _refused(_link: Link, core: _Core, unavailable: StreamUnavailable) -> None:
    core.last_failure = unavailable
    if unavailable.final:
        core.bounce(core.queue.clear())


@pep614(_open.upon(Link.stanzas_wait).loop())
@pep614(_open.upon(Link.has_room).loop())
def _pump(_link: Link, core: _Core, carrier: Carrier) -> None:
    core.pump(carrier)
    core.watch()


@pep614(_open.upon(Link.gone, nodata=True).to(_missing))
@pep614(_parting.upon(Link.gone).to(_missing))
def _gone(_link: Link, core: _Core, unsent: bool) -> None:  # noqa: FBT001 - as the input has it
    core.settle(unsent=unsent)
    core.watch()


@pep614(_resting.upon(Link.stanzas_wait).loop())
def _wait_or_bounce(_link: Link, core: _Core, rest: IDelayedCall) -> None:
    """Whoever would be bounced before the rest is over is bounced now."""
    core.watch()
    deadline = core.queue.deadline
    if deadline is not None and rest.getTime() >= deadline:
        core.bounce(core.queue.clear())


@pep614(_resting.upon(Link.rested).to(_idle))
@pep614(_missing.upon(Link.rested).to(_idle))
def _rested(link: Link, core: _Core, _rest: IDelayedCall) -> None:
    if core.queue:
        link.stanzas_wait()
    elif core.last_failure is None:
        core.end()
        core.seams.forget(core.pair)


@pep614(_idle.upon(Link.stop).to(_stopped))
@pep614(_parting.upon(Link.stop).to(_stopped))
def _stop(_link: Link, core: _Core) -> None:
    core.end()


@pep614(_open.upon(Link.stop).to(_stopped))
def _stop_sending(_link: Link, core: _Core, _carrier: Carrier) -> None:
    core.end()


@pep614(_dialling.upon(Link.stop).to(_stopped))
def _stop_dialling(_link: Link, core: _Core, dialling: Deferred[None]) -> None:
    dialling.cancel()
    core.end()


@pep614(_resting.upon(Link.stop).to(_stopped))
@pep614(_missing.upon(Link.stop).to(_stopped))
def _stop_resting(_link: Link, core: _Core, rest: IDelayedCall) -> None:
    rest.cancel()
    core.end()


@pep614(_stopped.upon(Link.stanzas_wait).loop())
def _too_late(_link: Link, core: _Core) -> None:
    core.end()


@pep614(_stopped.upon(Link.gone).loop())
def _gone_at_last(_link: Link, core: _Core, unsent: bool) -> None:  # noqa: FBT001 - as the input has it
    core.settle(unsent=unsent)
    core.end()


@pep614(_stopped.upon(Link.refused).loop())
def _refused_at_last(_link: Link, core: _Core, unavailable: StreamUnavailable) -> None:
    """The dial was cancelled."""


for _input in (Link.stop, Link.has_room, Link.closing, Link.rested):
    _stopped.upon(_input).loop().returns(None)

_make: Final = _builder.build()


def new_link(pair: DomainPair, queue: PairQueue, seams: LinkSeams, backoff: Backoff | None = None) -> Link:
    """A link that has neither stream nor stanzas yet."""
    return _make(_Core(pair=pair, queue=queue, seams=seams, backoff=backoff or Backoff()))
