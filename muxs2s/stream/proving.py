"""
A stream on which domain pairs are proven by dialback, in all three roles of it.

Knows who may ask what on a stream, what is under way and what an answer opens. Does not judge keys of
others: it reports them and is told. The elements are those of :mod:`muxs2s.stream.dialback`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from types import MappingProxyType
from typing import ClassVar, Final

from muxs2s.proof.outcome import Outcome, Proven
from muxs2s.stream.associations import OWN_KEY, Direction, Grant
from muxs2s.stream.dialback import (
    DialbackAnswer,
    DialbackElement,
    DialbackStep,
    answer_element,
    error_element,
    read_dialback,
    request_element,
)
from muxs2s.stream.events import AnswerUnasked, KeyVerified, PairAsserted, PairRefused, StreamEvent
from muxs2s.stream.machine import StreamInput, StreamState
from muxs2s.stream.objections import Objection, objection_to_pair, objection_to_question
from muxs2s.stream.side import OwnSide
from muxs2s.stream.stream import Stream
from muxs2s.wire.errors import LocalMisuse, RemoteViolation, StanzaCondition, StreamCondition
from muxs2s.wire.limits import FramingLimits
from muxs2s.wire.names import DomainPair
from muxs2s.wire.stanza import Slice

__all__ = ["ProvingStream"]

_PROVING: Final = frozenset({StreamState.PROVING, StreamState.CARRYING})

_RELAYED: Final[Mapping[DialbackAnswer | None, tuple[StanzaCondition | None, str]]] = MappingProxyType(
    {
        DialbackAnswer.INVALID: (StanzaCondition.FORBIDDEN, "the authoritative server does not know the key"),
        DialbackAnswer.ERROR: (StanzaCondition.REMOTE_SERVER_NOT_FOUND, "the authoritative server said "),
    }
)
"""What whoever sent a key is told if the authoritative server does not confirm it, and what people are."""


class ProvingStream(Stream):
    """A stream, in either role, with what dialback may do on it."""

    stream_id: str = ""
    """Of the response header; keys that travel on this stream are made with it."""

    _first_direction: ClassVar[Direction]
    """In which stanzas go even on a stream that is not two-way."""

    def __init__(
        self,
        table: Mapping[tuple[StreamState, StreamInput], StreamState],
        side: OwnSide,
        now: float,
        *,
        direct_tls: bool,
    ) -> None:
        super().__init__(table, side, now, direct_tls=direct_tls)
        self._asked: dict[DomainPair, float] = {}
        """Pairs whose acceptance we have asked for, with the time until which we wait."""

        self._questions: dict[tuple[DomainPair, str], float] = {}
        """Keys, by pair and stream id, about which we have asked, with the same."""

        self._pending: set[DomainPair] = set()
        """Pairs whose acceptance the peer has asked for."""

        self._failed_pairs = self._proven_pairs = 0

    # What the service calls.

    @property
    def may_ask(self) -> bool:
        """Whether :meth:`question` may be called."""
        return self.state is StreamState.CARRYING

    def question(self, pair: DomainPair, stream_id: str, key: str, now: float) -> Sequence[StreamEvent]:
        """
        Ask the peer, as the authoritative server, whether a key is its own.

        :param pair: of the key: a domain that the peer has proven here, then ours.
        :param stream_id: of the stream that brought the key, which is never this one.
        :raises LocalMisuse: unless :attr:`may_ask`; if the peer has not proven the domain; or while it is being
            asked about this pair and stream id: an answer does not say which of two keys it is about.

        Source: XEP-0220, section 2.1.2.
        """
        if not self.may_ask:
            raise LocalMisuse(f"nothing can be asked on this stream ({self.state.name})")
        if self.associations.grant_of_peer(pair.sender, now) is None:
            raise LocalMisuse(f"the peer is not known to answer for {pair.sender}")
        if (pair, stream_id) in self._questions:
            raise LocalMisuse(f"the server of {pair.sender} is being asked about a key for that stream already")
        self._questions[pair, stream_id] = now + self._limits.dialback_seconds
        self._out.append(request_element(DialbackStep.VERIFY, pair.reversed(), key, stream_id))
        self._wait_for_answers()
        return self._happened()

    def is_asserted(self, pair: DomainPair) -> bool:
        """Whether the peer has asserted a pair, and waits for the verdict."""
        return pair in self._pending and self.state in _PROVING

    def judge_pair(
        self, pair: DomainPair, outcome: Outcome, condition: StanzaCondition, now: float
    ) -> Sequence[StreamEvent]:
        """
        Take the verdict that :class:`~muxs2s.stream.events.PairAsserted` asked for; too late is no error.

        :param condition: what the peer is told if the pair is not proven; ``forbidden`` says that its
            authoritative server disowned the key.
        :raises LocalMisuse: if the verdict is on another domain.

        Source: XEP-0220, section 2.2.1.
        """
        if outcome.domain != pair.sender:
            raise LocalMisuse(f"a verdict on {outcome.domain} where one on {pair.sender} is due")
        if self.is_asserted(pair):
            self._pending.remove(pair)
            if isinstance(outcome, Proven):
                self._accept(pair, Grant.of(outcome), now)
            else:
                self._reject(pair, condition, "; ".join(outcome.reasons), now)
        return self._happened()

    def assert_pair(self, pair: DomainPair, now: float) -> Sequence[StreamEvent]:
        """
        Ask the peer to accept one more pair of ours, while stanzas of others pass.

        :param pair: for a target that the peer has proven here, by whichever pair.
        :raises LocalMisuse: if it has not, or if nothing of ours may leave on this stream.

        Source: XEP-0220, section 2.6.1; XEP-0288, section 2.2.
        """
        is_possible = self.state is StreamState.CARRYING and self._may_be_asserted(Direction.OUTBOUND)
        if not is_possible or self.associations.grant_of_peer(pair.target, now) is None:
            raise LocalMisuse(f"{pair} cannot be asserted on this stream ({self.state.name})")
        self._assert(pair, now)
        return self._happened()

    # What the roles use.

    def _assert(self, pair: DomainPair, now: float) -> None:
        """Ask the peer to accept a pair of ours, unless that is under way."""
        if pair not in self._asked:
            key = self._side.keys.issue(pair, self.stream_id)
            self._asked[pair] = now + self._limits.dialback_seconds
            self._out.append(request_element(DialbackStep.RESULT, pair, key))
            self._wait_for_answers()

    def _restart(self, limits: FramingLimits) -> None:
        super()._restart(limits)
        self._ended()

    def _dialback(self, element: Slice, now: float) -> None:
        """
        A dialback element came.

        :raises RemoteViolation: if none is due yet.
        """
        if self.state not in _PROVING:
            text = f"<db:{element.name}/> while {self.state.name}"
            raise RemoteViolation(StreamCondition.UNSUPPORTED_STANZA_TYPE, text)
        said = read_dialback(element)
        if said.answer is None:
            answer = self._asserted if said.step is DialbackStep.RESULT else self._asked_about_key
            answer(said, now)
        elif said.step is DialbackStep.RESULT:
            self._result_answered(said, now)
        else:
            self._question_answered(said, now)

    def _may_be_asserted(self, direction: Direction) -> bool:
        """Whether there is room for pairs of that direction: on a two-way stream both, once it carries stanzas."""
        return direction is self._first_direction or (self.is_two_way and self.state is StreamState.CARRYING)

    # As the receiving server of dialback.

    def _asserted(self, said: DialbackElement, now: float) -> None:
        pair = said.pair
        if not self._may_be_asserted(Direction.INBOUND) or pair in self._pending:
            self._ignore(now)
        elif self.associations.has_pair(Direction.INBOUND, pair, now):
            self._answer_result(pair, DialbackAnswer.VALID)
        elif (objection := self._objection(said)) is not None:
            self._reject(pair, *objection, now)
        else:
            self._pending.add(pair)
            self._emit(PairAsserted(pair=pair, key=said.key, stream_id=self.stream_id))

    def _objection(self, said: DialbackElement) -> Objection | None:
        pending = len(self._pending)
        if pending >= self._limits.max_pending_pairs or self._proven_pairs + pending >= self._limits.max_proven_pairs:
            return StanzaCondition.RESOURCE_CONSTRAINT, "this stream has no room for another pair"
        return objection_to_pair(said, self._side, is_secure=self.is_secure)

    def _accept(self, pair: DomainPair, grant: Grant, now: float) -> None:
        """Record the grant, then tell the peer, so that nothing it sends next meets a closed door."""
        self._proven_pairs += 1
        self.associations.accept_pair(Direction.INBOUND, pair, grant)
        self._answer_result(pair, DialbackAnswer.VALID)
        self._begin_carrying(now)
        self._open(Direction.INBOUND, pair, now)

    def _begin_carrying(self, now: float) -> None:
        """The first pair makes a stream carry, without a restart."""
        if self.state is StreamState.PROVING:
            self._machine.advance(StreamInput.PAIR_PROVEN)
            self._framer.limits = self._limits.after_authentication
            self._carry(now)

    def _reject(self, pair: DomainPair, condition: StanzaCondition, text: str, now: float) -> None:
        """
        Tell the peer that a pair is not accepted.

        A key that was disowned ends a stream on which nothing else is proven. That there was no room for a pair is
        no fault of the peer's, yet it may not go on asking for ever.

        Source: XEP-0220, section 2.2.1.
        """
        self._failed_pairs += condition is not StanzaCondition.RESOURCE_CONSTRAINT
        if condition is StanzaCondition.FORBIDDEN and self.state is StreamState.PROVING and not self._pending:
            self._answer_result(pair, DialbackAnswer.INVALID)
            self._close(now)
            return
        self._out.append(error_element(DialbackStep.RESULT, pair.reversed(), condition, text))
        if condition is StanzaCondition.RESOURCE_CONSTRAINT:
            self._ignore(now)
        if self._failed_pairs >= self._limits.max_failed_pairs:
            self._fail(StreamCondition.POLICY_VIOLATION, "too many domain pairs asserted in vain", now)

    def _answer_result(self, pair: DomainPair, answer: DialbackAnswer) -> None:
        self._out.append(answer_element(DialbackStep.RESULT, pair.reversed(), answer))

    # As the authoritative server.

    def _asked_about_key(self, said: DialbackElement, _now: float) -> None:
        """
        The peer has a key that may be ours.

        Source: XEP-0220, section 2.2.2.
        """
        pair = said.pair.reversed()
        objection = objection_to_question(said, self._side, is_secure=self.is_secure)
        if objection is not None:
            self._out.append(error_element(DialbackStep.VERIFY, pair, *objection, said.id))
        else:
            is_ours = self._side.keys.is_ours(pair, said.id or "", said.key)
            answer = DialbackAnswer.VALID if is_ours else DialbackAnswer.INVALID
            self._out.append(answer_element(DialbackStep.VERIFY, pair, answer, said.id))

    # What comes of our own requests.

    def _result_answered(self, said: DialbackElement, now: float) -> None:
        pair = said.pair.reversed()
        if pair not in self._asked:
            self._emit(AnswerUnasked(pair=pair))
            self._ignore(now)
        elif said.answer is DialbackAnswer.VALID:
            self._settle(pair)
            self._accepted(pair, now)
        else:
            invalid = said.answer is DialbackAnswer.INVALID
            told = "does not take our key for its own" if invalid else f"said {said.text}"
            self._refuse(
                pair,
                StanzaCondition.INTERNAL_SERVER_ERROR if invalid else StanzaCondition.REMOTE_SERVER_TIMEOUT,
                f"{pair.target} does not accept {pair.sender}: the server {told}",
                now,
            )

    def _accepted(self, pair: DomainPair, now: float) -> None:
        """The peer accepts a pair of ours, which is good for as long as the peer's own domain is proven."""
        grant = self.associations.grant_of_peer(pair.target, now)
        until = now if grant is None else grant.until
        self.associations.accept_pair(Direction.OUTBOUND, pair, replace(OWN_KEY, until=until))
        self._begin_carrying(now)
        self._open(Direction.OUTBOUND, pair, now)

    def _refuse(self, pair: DomainPair, condition: StanzaCondition, text: str, now: float) -> None:
        """The peer does not accept a pair of ours. If it was the first, the stream is good for nothing."""
        self._settle(pair)
        self._emit(PairRefused(pair=pair, condition=condition, text=text))
        if self.state is StreamState.PROVING:
            self._close(now)

    def _question_answered(self, said: DialbackElement, now: float) -> None:
        """
        Pass on what the authoritative server says; its errors become one that says where they come from.

        Source: XEP-0220, section 2.5.
        """
        asked = said.pair, said.id or ""
        if self._questions.pop(asked, None) is None:
            self._emit(AnswerUnasked(pair=said.pair))
            self._ignore(now)
            return
        self._wait_for_answers()
        condition, text = _RELAYED.get(said.answer, (None, ""))
        self._emit(
            KeyVerified(pair=said.pair, stream_id=asked[1], condition=condition, text=f"{text}{said.text}".strip())
        )

    def _settle(self, pair: DomainPair) -> None:
        del self._asked[pair]
        self._side.keys.settle(pair, self.stream_id)
        self._wait_for_answers()

    # Time.

    def _wait_for_answers(self) -> None:
        self._deadlines.answers_due = min([*self._asked.values(), *self._questions.values()], default=inf)

    def _unanswered(self, now: float) -> None:
        """
        Fail what has waited too long, and nothing else.

        Source: XEP-0220, section 2.1.1.
        """
        seconds = f"{self._limits.dialback_seconds:g} seconds"
        for asked in [asked for asked, until in self._questions.items() if until <= now]:
            del self._questions[asked]
            text = f"the server of {asked[0].sender} has not answered within {seconds}"
            self._emit(
                KeyVerified(
                    pair=asked[0], stream_id=asked[1], condition=StanzaCondition.REMOTE_SERVER_TIMEOUT, text=text
                )
            )
        for pair in [pair for pair, until in self._asked.items() if until <= now]:
            text = f"{pair.target} has not answered within {seconds} whether it accepts {pair.sender}"
            self._refuse(pair, StanzaCondition.REMOTE_SERVER_TIMEOUT, text, now)
        self._wait_for_answers()

    def _ended(self) -> None:
        """Keys of a stream that is over, or begins anew, are good for nothing."""
        for pair in tuple(self._asked):
            self._settle(pair)
        self._pending.clear()
        self._questions.clear()
