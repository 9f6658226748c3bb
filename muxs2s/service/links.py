"""
The way from one domain of ours to one domain of a peer: its queue, and the stream when there is one.

Knows when to dial, when to rest and what to bounce. Does not know how a stream comes about
(:mod:`muxs2s.service.streams`) or where a bounce goes (:mod:`muxs2s.service.routing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from automat import TypeMachineBuilder, pep614
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from muxs2s.service.backoff import Backoff
from muxs2s.service.linkseams import Carrier, Link, LinkSeams, StreamUnavailable
from muxs2s.service.queues import PairQueue
from muxs2s.wire.errors import LocalMisuse, StanzaCondition
from muxs2s.wire.names import DomainPair
from muxs2s.wire.stanza import Slice

__all__ = ["REDIAL_SECONDS", "new_link"]

REDIAL_SECONDS: Final = 1.0
"""The longest wait, random from 0, before a stream that broke with stanzas waiting is dialled again."""

_log = Logger()


@dataclass(slots=True, kw_only=True)
class _Core:
    """What a link has in every state."""

    pair: DomainPair
    queue: PairQueue
    seams: LinkSeams
    backoff: Backoff = field(default_factory=Backoff)
    redial_at: float = 0.0
    """After a stream broke: when to dial again at the earliest, seconds."""
    barren: int = 0
    """Streams in a row that were missed when they ended and have taken nothing."""
    alarm: IDelayedCall | None = None
    """For the oldest stanza, or one that stood before it."""

    @property
    def dial_at(self) -> float:
        """When the next attempt may begin, seconds: now, or later."""
        return max(self.redial_at, self.backoff.ready_at(self.seams.clock.seconds()))

    def watch(self, link: Link) -> None:
        """Have an alarm for the oldest stanza."""
        deadline = self.queue.deadline
        if deadline is not None and self.alarm is None:
            delay = max(0.0, deadline - self.seams.clock.seconds())
            self.alarm = self.seams.clock.callLater(delay, link.overdue)

    def expire(self, link: Link) -> None:
        """Bounce what has waited too long; the alarm has rung."""
        self.alarm = None
        self.bounce(self.queue.expire(self.seams.clock.seconds()))
        self.watch(link)

    def rest(self, link: Link) -> None:
        """Let wait what has the time; bounce now what would have to be bounced before the next attempt."""
        self.bounce(self.queue.expire(self.dial_at))
        self.watch(link)
        if not self.queue:
            link.nothing_waits()

    def bounce(self, stanzas: Sequence[Slice]) -> None:
        """Send stanzas back with the last reason there is."""
        if stanzas:
            why = self.backoff.why
            condition = why.condition if isinstance(why, StreamUnavailable) else StanzaCondition.REMOTE_SERVER_TIMEOUT
            self.seams.bounce(stanzas, condition, str(why or f"{self.pair.target} did not take the stanza in time"))

    def pump(self, link: Link, carrier: Carrier) -> None:
        """Give the stream one write's worth; it says when there is room for more."""
        if carrier.room:
            self.confirm()
            batch = self.next_batch(carrier)
            try:
                if batch:
                    carrier.send(self.pair, batch)
            except LocalMisuse:
                self.queue.put_back()  # the proof has ended; the next stream begins with a new one
                carrier.close()
        self.watch(link)

    def next_batch(self, carrier: Carrier) -> list[Slice]:
        """
        Take one write's worth; what is larger than the peer takes is bounced.

        Source: XEP-0478, section 4.
        """
        batch = self.queue.take(carrier.max_write_bytes)
        larger = self.queue.discard_larger(carrier.max_bytes)
        while larger:
            text = f"{self.pair.target} takes stanzas of {carrier.max_bytes:.0f} bytes at most"
            self.seams.bounce(larger, StanzaCondition.POLICY_VIOLATION, text)
            self.queue.put_back()
            batch = self.queue.take(carrier.max_write_bytes)
            larger = self.queue.discard_larger(carrier.max_bytes)
        return batch

    def part(self, *, unsent: bool) -> None:
        """The stream is over: what it was given last has gone, or stands in front again."""
        if unsent:
            self.queue.put_back()
        else:
            self.confirm()

    def confirm(self) -> None:
        """What the stream was given last has gone: it is good for something."""
        if self.queue.taken:
            self.barren = 0
            self.backoff.succeed()
        self.queue.confirm()

    def redial(self, link: Link, *, unsent: bool) -> None:
        """The stream is over, and missed if anything waits for it; one after the other that takes nothing is none."""
        self.part(unsent=unsent)
        now = self.seams.clock.seconds()
        self.redial_at = now + self.seams.chance() * REDIAL_SECONDS
        if self.queue:
            self.barren += 1
            if self.barren > 1:
                self.backoff.fail(now, _barren(self.pair))
        self.go_on(link)

    def go_on(self, link: Link) -> None:
        """Nothing is under way: rest, or be done."""
        if self.queue:
            link.stanzas_wait()
        else:
            link.nothing_waits()

    def end(self) -> None:
        """Bounce everything and stop the alarm."""
        if self.alarm is not None:
            self.alarm.cancel()
            self.alarm = None
        stanzas = self.queue.clear()
        if stanzas:
            text = f"{self.pair.sender} went out of service before {self.pair.target} had taken the stanza"
            self.seams.bounce(stanzas, StanzaCondition.REMOTE_SERVER_TIMEOUT, text)


_builder = TypeMachineBuilder(Link, _Core)


# What a state holds.


def _rest(link: Link, core: _Core) -> IDelayedCall:
    clock = core.seams.clock
    return clock.callLater(max(0.0, core.dial_at - clock.seconds()), link.rested)


def _dial(link: Link, core: _Core) -> Deferred[None]:
    dialling = core.seams.dial(core.pair, link).addCallbacks(
        link.opened, lambda failure: link.refused(_unavailable(failure, core.pair))
    )
    return dialling.addErrback(_note_failure)


def _remember(_link: Link, _core: _Core, carrier: Carrier) -> Carrier:
    return carrier


def _unavailable(failure: Failure, pair: DomainPair) -> StreamUnavailable:
    known = failure.value
    if isinstance(known, StreamUnavailable):  # kept for long: made anew, it holds on to nothing that was at hand
        return StreamUnavailable(known.condition, str(known), final=known.final)
    if not failure.check(CancelledError):
        _note_failure(failure)
    return StreamUnavailable(StanzaCondition.INTERNAL_SERVER_ERROR, f"no way to {pair.target}, see the log", final=True)


def _barren(pair: DomainPair) -> StreamUnavailable:
    text = f"{pair.target} accepts streams and ends them before it has taken a stanza"
    return StreamUnavailable(StanzaCondition.REMOTE_SERVER_TIMEOUT, text, final=False)


def _note_failure(failure: Failure) -> None:
    _log.failure("a link failed in a way it must not", failure)


_idle = _builder.state("idle")
_resting = _builder.state("resting", _rest)
_dialling = _builder.state("dialling", _dial)
_open = _builder.state("open", _remember)
_parting = _builder.state("parting")
_over = _builder.state("over")


# From nothing to a stream.


@pep614(_idle.upon(Link.stanzas_wait).to(_resting))
@pep614(_resting.upon(Link.stanzas_wait, nodata=True).loop())
def _wait_to_dial(link: Link, core: _Core) -> None:
    core.rest(link)


@pep614(_resting.upon(Link.overdue, nodata=True).loop())
def _wait_less(link: Link, core: _Core) -> None:
    core.alarm = None
    core.rest(link)


@pep614(_resting.upon(Link.nothing_waits).to(_idle))
def _give_up(link: Link, core: _Core, timer: IDelayedCall) -> None:
    timer.cancel()
    core.go_on(link)


_resting.upon(Link.rested, nodata=True).to(_dialling).returns(None)


@pep614(_resting.upon(Link.reached).to(_dialling))
def _dial_at_once(_link: Link, core: _Core, timer: IDelayedCall) -> None:
    timer.cancel()
    core.backoff.succeed()


@pep614(_dialling.upon(Link.opened, nodata=True).to(_open))
def _opened(link: Link, core: _Core, carrier: Carrier) -> None:
    if not core.barren:
        core.backoff.succeed()
    core.pump(link, carrier)


@pep614(_dialling.upon(Link.refused).to(_idle))
def _refused(link: Link, core: _Core, _dialling: Deferred[None], unavailable: StreamUnavailable) -> None:
    core.backoff.fail(core.seams.clock.seconds(), unavailable)
    if unavailable.final:
        core.bounce(core.queue.clear())
    core.go_on(link)


# A stream, to its end.


@pep614(_open.upon(Link.stanzas_wait).loop())
@pep614(_open.upon(Link.has_room).loop())
def _pump(link: Link, core: _Core, carrier: Carrier) -> None:
    core.pump(link, carrier)


_open.upon(Link.closing, nodata=True).to(_parting).returns(None)


@pep614(_open.upon(Link.gone).to(_idle))
def _broken(link: Link, core: _Core, _carrier: Carrier, unsent: bool) -> None:  # noqa: FBT001 - as the input has it
    core.redial(link, unsent=unsent)


@pep614(_parting.upon(Link.gone).to(_idle))
def _gone(link: Link, core: _Core, unsent: bool) -> None:  # noqa: FBT001 - as the input has it
    core.redial(link, unsent=unsent)


# While a stream is not there yet, or no longer.


@pep614(_dialling.upon(Link.stanzas_wait, nodata=True).loop())
@pep614(_parting.upon(Link.stanzas_wait).loop())
def _wait(link: Link, core: _Core) -> None:
    core.watch(link)


@pep614(_dialling.upon(Link.overdue, nodata=True).loop())
@pep614(_open.upon(Link.overdue, nodata=True).loop())
@pep614(_parting.upon(Link.overdue).loop())
def _expire(link: Link, core: _Core) -> None:
    core.expire(link)


# The end.


@pep614(_idle.upon(Link.nothing_waits).to(_over))
def _forget(_link: Link, core: _Core) -> None:
    core.end()
    core.seams.forget(core.pair)


@pep614(_idle.upon(Link.stop).to(_over))
@pep614(_parting.upon(Link.stop).to(_over))
@pep614(_over.upon(Link.stanzas_wait).loop())
def _stop(_link: Link, core: _Core) -> None:
    core.end()


@pep614(_open.upon(Link.stop).to(_over))
def _stop_sending(_link: Link, core: _Core, _carrier: Carrier) -> None:
    core.end()


@pep614(_resting.upon(Link.stop).to(_over))
def _stop_resting(_link: Link, core: _Core, timer: IDelayedCall) -> None:
    timer.cancel()
    core.end()


@pep614(_dialling.upon(Link.stop).to(_over))
def _stop_dialling(_link: Link, core: _Core, dialling: Deferred[None]) -> None:
    dialling.cancel()
    core.end()


@pep614(_over.upon(Link.gone).loop())
def _gone_at_last(_link: Link, core: _Core, unsent: bool) -> None:  # noqa: FBT001 - as the input has it
    core.part(unsent=unsent)
    core.end()


@pep614(_over.upon(Link.refused).loop())
def _refused_at_last(_link: Link, _core: _Core, unavailable: StreamUnavailable) -> None:
    """The attempt was cancelled."""


# What comes too late, or says nothing new.

for _input in (Link.stop, Link.has_room, Link.closing, Link.nothing_waits, Link.reached):
    _over.upon(_input).loop().returns(None)
for _input in (Link.has_room, Link.closing, Link.nothing_waits, Link.reached):
    _parting.upon(_input).loop().returns(None)
for _input in (Link.nothing_waits, Link.reached):
    _dialling.upon(_input, nodata=True).loop().returns(None)
    _open.upon(_input, nodata=True).loop().returns(None)
_idle.upon(Link.reached).loop().returns(None)

_make: Final = _builder.build()


def new_link(pair: DomainPair, queue: PairQueue, seams: LinkSeams, backoff: Backoff | None = None) -> Link:
    """A link that has neither stream nor stanzas yet."""
    return _make(_Core(pair=pair, queue=queue, seams=seams, backoff=backoff or Backoff()))
