"""
What both roles of multiplexing share on one stream: ids, names, bounds, times, and what was refused.

Knows the peer as far as both roles need it. Does not know what is said in which role: see
:mod:`muxs2s.multiplex.presenting` and :mod:`muxs2s.multiplex.verifying`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf

from muxs2s.multiplex.accepted import AcceptedCertificate
from muxs2s.multiplex.conditions import MultiplexCondition, Objection
from muxs2s.multiplex.elements import MultiplexElement, PeerLimits, Reject
from muxs2s.multiplex.events import MultiplexEvent, Whose
from muxs2s.multiplex.exchanges import Exchange
from muxs2s.multiplex.limits import MultiplexLimits
from muxs2s.multiplex.names import AcceptedNames
from muxs2s.multiplex.own import AuthenticatorRequests, OwnDomains
from muxs2s.multiplex.refusals import Refusals
from muxs2s.multiplex.waits import Waits
from muxs2s.wire.errors import MuxS2SError, RemoteViolation, StreamCondition
from muxs2s.wire.names import DomainName

__all__ = ["Conversation", "Unattributed"]


class Unattributed(MuxS2SError):
    """An element has no id that was ever begun, or does not fit its open exchange; it changes nothing, and counts."""


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

        self.peers = AcceptedNames(never=domains.hosted, max_served=limits.max_domains)
        """Names of the peer that we accept."""

        self.waits = Waits()
        self.refusals = Refusals(limits.max_domains)
        self._paused_until = -inf
        """Before that, seconds, no exchange of ours is begun: the peer has had too many."""

        self._overdue: set[int] = set()
        """Of exchanges that we have begun those that only the peer can end, and has not in time."""

        self.open_ids: set[int] = set()
        """Of exchanges and removals."""

        self._begun_by_us = self._begun_by_peer = 0
        """Exchanges that are open."""

        self._last_own, self._last_of_peer = (-1, 0) if initiates else (0, -1)
        self._unknown = 0
        """Certificates that the peer has accepted, as it says, and that we have not shown."""

        self._failures: deque[float] = deque(maxlen=limits.max_failures)
        """When the last exchanges have failed by the peer's fault."""

        self._refuses_until = -inf

    def say(self, element: MultiplexElement) -> None:
        """Send an element."""
        self._say(element.to_bytes())

    # Ids.

    def next_id(self) -> int:
        """Give the id of something that we begin."""
        self._last_own += 2
        return self._last_own

    def is_new(self, id: int) -> bool:
        """Whether the peer may begin something with an id."""
        return id > self._last_of_peer and (id - self._last_of_peer) % 2 == 0

    def begins(self, id: int) -> bool:
        """
        Whether the peer begins something with an id; the id is used from then on.

        :returns: false if it belongs to what is over.
        :raises Unattributed: as :meth:`expect_over`.
        """
        if self.is_new(id):
            self._last_of_peer = id
            return True
        self.expect_over(id)
        return False

    def expect_over(self, id: int) -> None:
        """
        Let pass what concerns an exchange or a removal that is over: that may have crossed its end.

        :raises Unattributed: if it goes on, where this does not fit, or has never begun.
        """
        is_own = (id - self._last_own) % 2 == 0
        if id in self.open_ids or id > (self._last_own if is_own else self._last_of_peer):
            raise Unattributed(f"nothing fits the id {id} here")

    # Exchanges.

    def begin(self, exchange: Exchange) -> None:
        """An exchange is open."""
        self.open_ids.add(exchange.id)
        self._begun_by_us += exchange.is_ours
        self._begun_by_peer += not exchange.is_ours

    def wait(self, exchange: Exchange, now: float) -> None:
        """An exchange waits from now on."""
        self.waits.add(now + self.limits.answer_seconds, exchange.waits_as, exchange.id)

    def overdue(self, exchange: Exchange) -> None:
        """The peer has not ended an exchange in time, and nobody else may."""
        if exchange.is_ours:
            self._overdue.add(exchange.id)

    def end(self, exchange: Exchange) -> None:
        """An exchange is over."""
        self.open_ids.discard(exchange.id)
        self._overdue.discard(exchange.id)
        self.waits.cancel(exchange.waits_as, exchange.id)
        self._begun_by_us -= exchange.is_ours
        self._begun_by_peer -= not exchange.is_ours

    # Bounds.

    @property
    def has_room_at_peer(self) -> bool:
        """Whether one more exchange of ours may be open."""
        return self._begun_by_us < self.peer_limits.max_pending

    def pause_ends(self, now: float) -> float:
        """
        Until when no exchange of ours is begun, seconds; what is past is none.

        The peer has had too many or, until that changes, has let time run out for as many as it may have.
        """
        if len(self._overdue) < self.peer_limits.max_pending:
            return self._paused_until
        return max(self._paused_until, now + MultiplexCondition.TOO_MANY.retry_seconds)

    def objection(self, now: float) -> Objection | None:
        """What keeps the peer from beginning one more exchange now, whatever it is about."""
        if now < self._refuses_until:
            text, retry_seconds = "too many exchanges failed", self._refuses_until - now
            return Objection(condition=MultiplexCondition.TOO_MANY, text=text, retry_seconds=retry_seconds)
        if self._begun_by_peer >= self.limits.max_pending:
            text = f"{self.limits.max_pending} exchanges of yours are open"
            return Objection(condition=MultiplexCondition.TOO_MANY, text=text)
        return None

    def note_failure(self, condition: MultiplexCondition, now: float) -> None:
        """The peer has made an exchange fail, perhaps by a fault; too many of those close the door for a while."""
        if not condition.is_fault:
            return
        self._failures.append(now)
        limits = self.limits
        if len(self._failures) == limits.max_failures and now - self._failures[0] < limits.failure_seconds:
            self._refuses_until = now + limits.failure_seconds
            self._failures.clear()

    def keep_own(self, certificate: AcceptedCertificate) -> None:
        """
        The peer accepts a certificate of ours.

        :raises RemoteViolation: if it has us keep too many, or says so of too many that we have never shown.
        """
        max_unknown, max_kept = self.limits.max_ignored_elements, 2 * self.limits.max_domains
        self._unknown += certificate.subject is None
        if self._unknown > max_unknown:
            text = f"more than {max_unknown} certificates are accepted that were never shown"
            raise RemoteViolation(StreamCondition.POLICY_VIOLATION, text)
        if len(self.own.certificates) >= max_kept:
            text = f"more than {max_kept} certificates are accepted, and none is replaced"
            raise RemoteViolation(StreamCondition.POLICY_VIOLATION, text)
        self.own.add(certificate)

    # What was refused.

    def reject(self, id: int, objection: Objection) -> None:
        """Say that an exchange is over."""
        self.say(
            Reject(id=id, condition=objection.condition, retry_seconds=objection.retry_seconds, text=objection.text)
        )

    def turn_down(self, id: int, objection: Objection, now: float) -> None:
        """Say at once that an exchange which the peer begins is over."""
        self.note_failure(objection.condition, now)
        self.reject(id, objection)

    def rejected(self, whose: Whose, domain: DomainName, reject: Reject, now: float) -> None:
        """The peer has refused a domain; what is too many for it concerns all others, too."""
        seconds = reject.retry_seconds
        if reject.condition is MultiplexCondition.TOO_MANY:
            wait = reject.condition.retry_seconds if seconds is None else seconds
            self._paused_until = max(self._paused_until, now + wait)
        objection = Objection(condition=reject.condition, text=reject.text, retry_seconds=seconds)
        self.refused(whose, domain, objection, now)

    def refused(self, whose: Whose, domain: DomainName, objection: Objection, now: float) -> None:
        """Note that a domain is not proven on this stream, and let what waits for it go another way."""
        self.tell(self.refusals.note(whose, domain, objection, now))
