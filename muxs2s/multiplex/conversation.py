"""
What both roles of multiplexing share on one stream: ids, names, bounds, times, and what was refused.

Knows the peer as far as both roles need it. Does not know what is said in which role: see
:mod:`muxs2s.multiplex.presenting` and :mod:`muxs2s.multiplex.verifying`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from math import inf
from typing import Final

from muxs2s.multiplex.conditions import LONGEST_RETRY_SECONDS, MultiplexCondition
from muxs2s.multiplex.elements import MultiplexElement, PeerLimits, Reject
from muxs2s.multiplex.events import DomainRefused, MultiplexEvent, Whose
from muxs2s.multiplex.limits import MultiplexLimits
from muxs2s.multiplex.names import AcceptedNames
from muxs2s.multiplex.own import AuthenticatorRequests, OwnDomains
from muxs2s.multiplex.waits import Waits
from muxs2s.wire.names import DomainName

__all__ = ["Begun", "Conversation"]


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What was last said of a domain."""

    condition: MultiplexCondition
    text: str
    retry_at: float
    """When it may be tried again, seconds."""

    failures: int = 1


class Begun(Enum):
    """Who has begun what an id names."""

    BY_US = auto()
    BY_PEER = auto()
    NOW = auto()
    """The peer begins it, with this id."""
    NEVER = auto()
    """The id is of our kind, and we have not given it."""


class Conversation:
    """
    One stream on which both ends multiplex.

    :param initiates: whether we opened the stream: then our ids are odd.
    :param peer_limits: what the peer has told.
    :param say: takes what is to be sent, in order.
    :param tell: takes events, in order.
    """

    def __init__(
        self,
        domains: OwnDomains,
        authenticators: AuthenticatorRequests,
        limits: MultiplexLimits,
        peer_limits: PeerLimits,
        *,
        initiates: bool,
        say: Callable[[bytes], None],
        tell: Callable[[MultiplexEvent], None],
    ) -> None:
        self.domains, self.authenticators = domains, authenticators
        self.limits, self.peer_limits = limits, peer_limits
        self.tell = tell
        self._say = say
        self.own = AcceptedNames()
        """Names of ours that the peer accepts."""

        self.peers = AcceptedNames(never=domains.hosted)
        """Names of the peer that we accept."""

        self.waits = Waits()
        self.begun_by_us = self.begun_by_peer = 0
        """Exchanges that are open."""

        self.paused_until = 0.0
        """Before that, seconds, no exchange of ours is begun: the peer has had too many."""

        self._last_own = -1 if initiates else 0
        self._last_of_peer = 0 if initiates else -1
        self._refusals: dict[tuple[Whose, DomainName], _Refusal] = {}
        self._failures: deque[float] = deque(maxlen=limits.max_failures)
        self._refused_until = -inf

    def say(self, element: MultiplexElement) -> None:
        """Send an element."""
        self._say(element.to_bytes())

    # Ids.

    def next_id(self) -> int:
        """Give the id of something that we begin."""
        self._last_own += 2
        return self._last_own

    def begun(self, id: int) -> Begun:
        """Who has begun what ``id`` names."""
        if id % 2 == self._last_own % 2:
            return Begun.BY_US if id <= self._last_own else Begun.NEVER
        return Begun.BY_PEER if id <= self._last_of_peer else Begun.NOW

    def note_begun(self, id: int) -> None:
        """The peer has begun something."""
        self._last_of_peer = id

    # Bounds.

    @property
    def has_room_at_peer(self) -> bool:
        """Whether one more exchange of ours may be open."""
        return self.begun_by_us < self.peer_limits.max_pending

    def bound_met(self, now: float) -> tuple[str, float | None] | None:
        """
        Whether the peer may not begin an exchange now.

        :returns: why, and in how many seconds it may again, if that is not the usual; ``None`` if it may.
        """
        if now < self._refused_until:
            return "too many exchanges failed", self._refused_until - now
        if self.begun_by_peer >= self.limits.max_pending:
            return f"{self.limits.max_pending} exchanges of yours are open", None
        return None

    def note_failure(self, condition: MultiplexCondition, now: float) -> None:
        """An exchange has failed, perhaps by the peer's fault; too many of those close the door for a while."""
        if not condition.is_fault:
            return
        self._failures.append(now)
        limits = self.limits
        if len(self._failures) == limits.max_failures and now - self._failures[0] < limits.failure_seconds:
            self._refused_until = now + limits.failure_seconds
            self._failures.clear()

    # What was refused.

    def reject(
        self, id: int, condition: MultiplexCondition, text: str, now: float, *, retry_seconds: float | None = None
    ) -> None:
        """Say that an exchange is over."""
        self.note_failure(condition, now)
        self.say(Reject(id=id, condition=condition, retry_seconds=retry_seconds, text=text))

    def refused(
        self,
        whose: Whose,
        domain: DomainName,
        condition: MultiplexCondition,
        text: str,
        now: float,
        *,
        retry_seconds: float | None = None,
    ) -> None:
        """Note that a domain is not proven on this stream, and let what waits for it go another way."""
        before = self._refusals.get((whose, domain))
        failures = 1 if before is None else before.failures + 1
        seconds = condition.retry_seconds if retry_seconds is None else retry_seconds
        if condition.doubles and retry_seconds is None:
            seconds = min(seconds * 2 ** min(failures - 1, _MOST_DOUBLINGS), LONGEST_RETRY_SECONDS)
        if condition is MultiplexCondition.TOO_MANY:
            self.paused_until = max(self.paused_until, now + seconds)
        refusal = _Refusal(condition=condition, text=text, retry_at=now + seconds, failures=failures)
        self._refusals[whose, domain] = refusal
        while len(self._refusals) > self.limits.max_domains:
            del self._refusals[next(iter(self._refusals))]
        self.tell(_event(whose, domain, refusal))

    def accepted(self, whose: Whose, domain: DomainName) -> None:
        """Forget what was said of a domain before."""
        self._refusals.pop((whose, domain), None)

    def refusal(self, whose: Whose, domain: DomainName, now: float) -> DomainRefused | None:
        """What keeps a domain from being tried now, if anything."""
        refusal = self._refusals.get((whose, domain))
        return None if refusal is None or refusal.retry_at <= now else _event(whose, domain, refusal)


_MOST_DOUBLINGS: Final = 6
"""From a minute to an hour."""


def _event(whose: Whose, domain: DomainName, refusal: _Refusal) -> DomainRefused:
    return DomainRefused(
        whose=whose, domain=domain, condition=refusal.condition, text=refusal.text, retry_at=refusal.retry_at
    )
