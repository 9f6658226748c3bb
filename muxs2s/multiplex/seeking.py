"""
The seeker: has domains proven that something on this side waits for, of either end.

Knows which exchanges we begin, in which order, and what keeps a domain from being asked for. Does not know what an
exchange takes: see :mod:`muxs2s.multiplex.presenting` and :mod:`muxs2s.multiplex.verifying`.
"""

from __future__ import annotations

from muxs2s.multiplex.conditions import MultiplexCondition, Objection
from muxs2s.multiplex.conversation import Conversation
from muxs2s.multiplex.events import DomainRefused, Whose
from muxs2s.multiplex.presenting import Presenter
from muxs2s.multiplex.verifying import Verifier
from muxs2s.multiplex.wanted import Wanted
from muxs2s.wire.names import DomainName, DomainPair, Name

__all__ = ["Seeker"]


class Seeker:
    """
    Seeks domains on one stream.

    :param wanted: those that wait for their turn; the presenter releases some of them.
    """

    def __init__(self, conversation: Conversation, wanted: Wanted, presenter: Presenter, verifier: Verifier) -> None:
        self._conversation, self._wanted = conversation, wanted
        self._presenter, self._verifier = presenter, verifier

    def __len__(self) -> int:
        """How many domains wait for their turn."""
        return len(self._wanted)

    def want(self, pair: DomainPair, now: float) -> DomainRefused | None:
        """As :meth:`muxs2s.multiplex.multiplexer.Multiplexer.want`."""
        needs_sender = not self._conversation.own.is_open(pair.sender)
        needs_target = not self._conversation.peers.is_reachable(pair.target)
        refused = self._refusal(Whose.OURS, pair.sender, now) if needs_sender else None
        if refused is None and needs_target:
            refused = self._refusal(Whose.PEERS, pair.target, now)
        if refused is not None:
            return refused
        if needs_sender:
            self._wanted.add(Whose.OURS, pair.sender)
        if needs_target:
            self._wanted.add(Whose.PEERS, pair.target)
        self.go_on(now)
        return None

    def offer(self, domain: DomainName, now: float, *, renew: bool) -> DomainRefused | None:
        """As :meth:`muxs2s.multiplex.multiplexer.Multiplexer.offer`."""
        if self._conversation.own.is_open(domain) and not renew:
            return None
        refused = self._refusal(Whose.OURS, domain, now)
        if refused is None:
            self._wanted.add(Whose.OURS, domain, renew=renew)
            self.go_on(now)
        return refused

    def discard(self, whose: Whose, name: Name) -> None:
        """Seek a domain no longer; nobody seeks a pattern."""
        if isinstance(name, DomainName):
            self._wanted.discard(whose, name)

    def is_under_way(self, whose: Whose, domain: DomainName) -> bool:
        """Whether an exchange decides on a domain."""
        return self._presenter.decides_on(domain) if whose is Whose.OURS else self._verifier.decides_on(domain)

    def go_on(self, now: float) -> None:
        """Begin as many exchanges as the peer lets us have open; what has to wait for one that is open waits on."""
        if self._wanted and now < self._conversation.pause_ends(now):
            self._give_up(now)
        while self._conversation.has_room_at_peer and (following := self._wanted.take(self.is_under_way)):
            whose, domain, renew = following
            if not self.is_under_way(whose, domain):
                self._begin(whose, domain, now, renew=renew)

    # The inside.

    def _refusal(self, whose: Whose, domain: DomainName, now: float) -> DomainRefused | None:
        """What keeps a domain from being asked for."""
        conversation = self._conversation
        before = conversation.refusals.find(whose, domain, now)
        if before is not None:
            return before
        if (whose, domain) in self._wanted or self.is_under_way(whose, domain):
            return None
        objection = self._objection(whose, domain, now)
        if objection is None:
            return None
        pause_ends = conversation.pause_ends(now)
        return DomainRefused(
            whose=whose,
            domain=domain,
            condition=objection.condition,
            text=objection.text,
            retry_at=pause_ends if now < pause_ends else now + objection.condition.retry_seconds,
        )

    def _objection(self, whose: Whose, domain: DomainName, now: float) -> Objection | None:
        conversation = self._conversation
        if now < conversation.pause_ends(now) or len(self._wanted) >= conversation.limits.max_domains:
            return Objection(condition=MultiplexCondition.TOO_MANY, text="too many exchanges for the moment")
        if whose is Whose.OURS:
            return self._presenter.objection(domain, now)
        return self._verifier.objection(domain)

    def _begin(self, whose: Whose, domain: DomainName, now: float, *, renew: bool) -> None:
        """Begin one; a domain of ours that a certificate on its way may give waits for what comes of that."""
        if whose is Whose.PEERS:
            if not self._conversation.peers.is_reachable(domain):
                self._verifier.ask(domain, now)
        elif renew or not self._conversation.own.is_open(domain):
            on_its_way = None if renew else self._presenter.on_its_way(domain, now)
            if on_its_way is None:
                self._presenter.offer(domain, now, renew=renew)
            else:
                self._wanted.hold(whose, domain, on_its_way)

    def _give_up(self, now: float) -> None:
        """The peer takes up nothing for a while."""
        conversation = self._conversation
        objection = Objection(
            condition=MultiplexCondition.TOO_MANY,
            text="the peer takes up no more exchanges for the moment",
            retry_seconds=conversation.pause_ends(now) - now,
        )
        for whose, domain in self._wanted:
            conversation.refused(whose, domain, objection, now)
        self._wanted.clear()
