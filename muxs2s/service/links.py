"""
The search for a stream that carries a domain pair, for as long as something waits and there is none.

Knows when to dial, when to rest and what to bounce meanwhile. Does not know how a stream comes about
(:mod:`muxs2s.service.streams`), what is sent on it (:mod:`muxs2s.service.users`) or where a bounce goes
(:mod:`muxs2s.service.routing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from automat import TypeMachineBuilder, pep614
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from muxs2s.service.backoff import Backoff
from muxs2s.service.linkseams import Link, LinkSeams, StreamUnavailable
from muxs2s.service.queues import Carrier, PairQueue
from muxs2s.wire.errors import StanzaCondition
from muxs2s.wire.names import DomainPair
from muxs2s.wire.stanza import Slice

__all__ = ["REDIAL_SECONDS", "new_link"]

REDIAL_SECONDS: Final = 1.0
"""The longest wait, random from 0, before a stream that broke with stanzas waiting is dialled again."""

_log = Logger()


@dataclass(slots=True, kw_only=True)
class _Core:
    """What a link has in every state."""

    queue: PairQueue
    seams: LinkSeams
    backoff: Backoff
    redial_at: float = 0.0
    """After a stream broke: when to dial again at the earliest, seconds."""

    @property
    def pair(self) -> DomainPair:
        """Whose stream is looked for."""
        return self.queue.pair

    @property
    def dial_at(self) -> float:
        """When the next attempt may begin, seconds: now, or later."""
        return max(self.redial_at, self.backoff.ready_at(self.seams.clock.seconds()))

    def give_back(self, stanzas: Sequence[Slice]) -> None:
        """Bounce stanzas with the last reason there is."""
        why, target = self.backoff.why, self.pair.target
        condition = why.condition if isinstance(why, StreamUnavailable) else StanzaCondition.REMOTE_SERVER_TIMEOUT
        self.queue.keeper.bounce(stanzas, condition, str(why or f"{target} did not take the stanza in time"))

    def rest(self, link: Link) -> None:
        """Let wait what has the time; bounce now what would have to be bounced before the next attempt."""
        self.give_back(self.queue.expire(self.dial_at))
        if not self.queue:
            link.nothing_waits()

    def go_on(self, link: Link) -> None:
        """Nothing is under way: rest, or be done."""
        if self.queue:
            link.stanzas_wait()
        else:
            link.nothing_waits()


_builder = TypeMachineBuilder(Link, _Core)


# What a state holds.


def _rest(link: Link, core: _Core) -> IDelayedCall:
    clock = core.seams.clock
    return clock.callLater(max(0.0, core.dial_at - clock.seconds()), link.rested)


def _dial(link: Link, core: _Core) -> Deferred[None]:
    dialling = core.seams.dial(core.pair).addCallbacks(
        link.opened, lambda failure: link.refused(_unavailable(failure, core.pair))
    )
    return dialling.addErrback(_note_failure)


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
_over = _builder.state("over")


# From nothing to a stream.


@pep614(_idle.upon(Link.missed).loop())
def _rest_a_moment(link: Link, core: _Core) -> None:
    now = core.seams.clock.seconds()
    core.redial_at = now + core.seams.chance() * REDIAL_SECONDS
    if core.queue.backoff is not None:
        core.backoff.bore_nothing(now, _barren(core.pair))
    core.go_on(link)


@pep614(_idle.upon(Link.stanzas_wait).to(_resting))
@pep614(_resting.upon(Link.stanzas_wait, nodata=True).loop())
@pep614(_resting.upon(Link.overdue, nodata=True).loop())
def _wait_to_dial(link: Link, core: _Core) -> None:
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


@pep614(_dialling.upon(Link.overdue, nodata=True).loop())
def _expire(_link: Link, core: _Core) -> None:
    core.give_back(core.queue.expire(core.seams.clock.seconds()))


@pep614(_dialling.upon(Link.refused).to(_idle))
def _refused(link: Link, core: _Core, _dialling: Deferred[None], unavailable: StreamUnavailable) -> None:
    core.backoff.fail(core.seams.clock.seconds(), unavailable)
    if unavailable.final:
        core.give_back(core.queue.clear())
    core.go_on(link)


# The end.


@pep614(_dialling.upon(Link.opened).to(_over))
def _opened(_link: Link, core: _Core, _dialling: Deferred[None], carrier: Carrier) -> None:
    core.backoff.opened()
    core.queue.backoff = core.backoff
    core.seams.opened(core.queue, carrier)


@pep614(_idle.upon(Link.nothing_waits).to(_over))
def _forget(_link: Link, core: _Core) -> None:
    core.seams.forget(core.queue)


_idle.upon(Link.stop).to(_over).returns(None)


@pep614(_resting.upon(Link.stop).to(_over))
def _stop_resting(_link: Link, _core: _Core, timer: IDelayedCall) -> None:
    timer.cancel()


@pep614(_dialling.upon(Link.stop).to(_over))
def _stop_dialling(_link: Link, _core: _Core, dialling: Deferred[None]) -> None:
    dialling.cancel()


@pep614(_over.upon(Link.refused).loop())
def _refused_at_last(_link: Link, _core: _Core, unavailable: StreamUnavailable) -> None:
    """The attempt was cancelled."""


# What comes too late, or says nothing new.

for _input in (Link.stop, Link.stanzas_wait, Link.nothing_waits, Link.reached):
    _over.upon(_input).loop().returns(None)
for _input in (Link.stanzas_wait, Link.nothing_waits, Link.reached):
    _dialling.upon(_input, nodata=True).loop().returns(None)
_idle.upon(Link.reached).loop().returns(None)

_make: Final = _builder.build()


def new_link(queue: PairQueue, seams: LinkSeams, backoff: Backoff | None = None) -> Link:
    """A link that looks for nothing yet."""
    return _make(_Core(queue=queue, seams=seams, backoff=backoff or Backoff()))
