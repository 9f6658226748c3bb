"""
A stream, in either role, that may carry many domains of both ends.

Knows when multiplexing may be offered and enabled, what it does to the check of stanzas, and which other
elements it rules out. Does not know what is said in it: see :mod:`muxs2s.multiplex.multiplexer`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import auto
from math import inf
from typing import Final

from cryptography.x509 import Certificate

from muxs2s.multiplex.conditions import EnableCondition
from muxs2s.multiplex.conversation import Conversation
from muxs2s.multiplex.elements import MAX_ELEMENT_BYTES, Enable, Enabled, Failed, PeerLimits
from muxs2s.multiplex.events import Multiplexes, MultiplexRefused
from muxs2s.multiplex.multiplexer import Multiplexer
from muxs2s.multiplex.reading import MultiplexMalformed, read_element
from muxs2s.multiplex.verdicts import Vouched
from muxs2s.multiplex.vouching import verdict
from muxs2s.proof.authenticators import Authenticators
from muxs2s.proof.outcome import Outcome
from muxs2s.stream.associations import Admission, Direction
from muxs2s.stream.dialback import DialbackElement, DialbackStep, error_element
from muxs2s.stream.events import StreamEvent
from muxs2s.stream.machine import StreamState
from muxs2s.stream.proving import ProvingStream
from muxs2s.wire.errors import RemoteViolation, StanzaCondition, StreamCondition
from muxs2s.wire.kinds import Kind
from muxs2s.wire.names import DomainPair
from muxs2s.wire.namespaces import MULTIPLEX
from muxs2s.wire.stanza import Slice, error_reply

__all__ = ["MultiplexedStream", "TLSMeans"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSMeans:
    """What a TLS connection gives to multiplexing."""

    authenticators: Authenticators
    shown: Certificate | None
    """What we have shown in the handshake."""


class _Stage(Kind):
    """How far multiplexing has come on a stream."""

    NONE = auto()
    ENABLING = auto()
    """The initiating server has asked."""
    ON = auto()
    REFUSED = auto()
    """It was asked for in vain; that is final."""


_SAYING: Final = frozenset({StreamState.PROVING, StreamState.CARRYING})
"""When elements of multiplexing are read as such."""

_AGREED: Final = frozenset({_Stage.ENABLING, _Stage.ON})


class MultiplexedStream(ProvingStream):
    """A stream, in either role, with what multiplexing adds."""

    means: TLSMeans | None = None
    """``None`` outside TLS, and where TLS does not fit: see :mod:`muxs2s.network.exporting`."""

    peer_offer: PeerLimits | None = None
    """What the peer has offered in its features, or said when it enabled multiplexing."""

    _stage = _Stage.NONE
    _why_not = ""
    """Why either end has refused, for operators."""

    _unattributed = 0
    """Elements that fit nothing."""

    _multiplexer: Multiplexer | None = None
    _vouched: Vouched | None = None

    # What the network floor calls.

    @property
    def multiplexer(self) -> Multiplexer | None:
        """Multiplexing on this stream, as long as it goes on; ``None`` if it does not."""
        return self._multiplexer if self.state is StreamState.CARRYING else None

    @property
    def deadline(self) -> float | None:
        """As :attr:`muxs2s.stream.stream.Stream.deadline`."""
        deadline, multiplexer = super().deadline, self.multiplexer
        return deadline if deadline is None or multiplexer is None else min(deadline, multiplexer.deadline)

    def tls_established(self, now: float, means: TLSMeans | None = None) -> Sequence[StreamEvent]:
        """
        As :meth:`muxs2s.stream.stream.Stream.tls_established`.

        :param means: ``None`` if this connection is not fit for multiplexing.
        """
        if self.state is StreamState.SECURING:
            self.means = means
        return super().tls_established(now)

    def decide(self, outcome: Outcome, now: float, chain: tuple[Certificate, ...] = ()) -> Sequence[StreamEvent]:
        """
        As :meth:`muxs2s.stream.stream.Stream.decide`.

        :param chain: what the peer has shown in the handshake, its certificate first.
        """
        if self.awaits_verdict and chain:
            found = verdict(outcome, chain, self._side.hosted, self._side.policies())
            self._vouched = found if isinstance(found, Vouched) else None
        return super().decide(outcome, now)

    def receive_bytes(self, data: bytes, now: float) -> Sequence[StreamEvent]:
        """As :meth:`muxs2s.stream.stream.Stream.receive_bytes`; what has ended by now counts no more."""
        self._wake_multiplexer(now)
        return super().receive_bytes(data, now)

    def wake(self, now: float) -> Sequence[StreamEvent]:
        """As :meth:`muxs2s.stream.stream.Stream.wake`."""
        self._wake_multiplexer(now)
        return super().wake(now)

    def multiplex(self, do: Callable[[Multiplexer], object], now: float) -> Sequence[StreamEvent]:
        """
        Ask something of multiplexing, if it goes on here.

        :param do: what to ask.
        """
        multiplexer = self.multiplexer
        if multiplexer is not None:
            try:
                do(multiplexer)
            except RemoteViolation as violation:
                self._fail(violation.condition, str(violation), now)
        return self._happened()

    # What the roles fill in and use.

    @abstractmethod
    def _ends(self) -> DomainPair:
        """Our domain and the peer's, as the header inside TLS names them."""

    @property
    def _can_multiplex(self) -> bool:
        """Whether nothing on our side is in the way, bidi apart."""
        side = self._side
        return self.means is not None and side.multiplex and side.policy(self._ends().target).is_multiplexed

    @property
    def awaits_multiplexing(self) -> bool:
        """Whether it is asked for, and not answered yet."""
        return self._stage is _Stage.ENABLING and self.state is StreamState.CARRYING

    @property
    def why_not_multiplexed(self) -> str:
        """Why this stream carries but its own pairs, for operators; empty if it multiplexes."""
        if self._stage is _Stage.ON:
            return ""
        if not self._side.multiplex:
            return "switched off here"
        if self.means is None:
            return "TLS 1.3 with a full handshake, ending in this process, is needed"
        if not self._can_multiplex:
            return "the policy of this server does not want it with this peer"
        if not self.is_two_way:
            return "the stream is not bidirectional"
        return self._why_not or "the peer does not offer or enable it"

    def _enable_multiplexing(self) -> None:
        """The initiating server: ask, if the peer has offered and all is well. Once, after authentication."""
        offered = self.peer_offer is not None and self.is_two_way and self._can_multiplex
        if offered and self._stage is _Stage.NONE:
            self._stage = _Stage.ENABLING
            self._out.append(Enable(**self._own_bounds).to_bytes())

    @property
    def _own_bounds(self) -> dict[str, int]:
        limits = self._limits.multiplex
        return {"max_domains": limits.max_domains, "max_pending": limits.max_pending}

    # What comes.

    def _take_slice(self, element: Slice, now: float) -> None:
        if element.namespace == MULTIPLEX and self.state in _SAYING and self._side.multiplex:
            self._multiplex(element, now)
        else:
            super()._take_slice(element, now)

    def _multiplex(self, element: Slice, now: float) -> None:
        if self._stage is not _Stage.ON:
            self._negotiate(element, now)
        elif self._multiplexer is None or not self._multiplexer.take(element, now):
            self._count_unattributed(now)

    def _negotiate(self, element: Slice, now: float) -> None:
        """Nothing but what turns multiplexing on counts yet."""
        try:
            said = read_element(element)
        except MultiplexMalformed as malformed:
            if malformed.kind != "enable" or self._stage is not _Stage.NONE:
                self._count_unattributed(now)
                return
            self._refuse_multiplexing(EnableCondition.POLICY_VIOLATION)
            return
        match said:
            case Enable() if self._stage is _Stage.NONE and self._first_direction is Direction.INBOUND:
                self._asked_to_enable(said, now)
            case Enabled() if self._stage is _Stage.ENABLING:
                self._begin_multiplexing(now)
            case Failed(condition=condition) if self._stage is _Stage.ENABLING:
                self._stage = _Stage.REFUSED
                self._why_not = f"the peer refused: {condition.value}"
                self._emit(MultiplexRefused(text=self._why_not))
            case _:
                self._count_unattributed(now)

    def _asked_to_enable(self, enable: Enable, now: float) -> None:
        """The receiving server: agree, and say at once which names the handshake gives."""
        if not self._can_multiplex:
            self._refuse_multiplexing(EnableCondition.POLICY_VIOLATION)
        elif not self.is_two_way:
            self._refuse_multiplexing(EnableCondition.BIDI_REQUIRED)
        elif self.state is not StreamState.CARRYING:
            self._refuse_multiplexing(EnableCondition.NOT_AUTHENTICATED)
        else:
            self.peer_offer = enable
            self._out.append(Enabled().to_bytes())
            self._begin_multiplexing(now)

    def _refuse_multiplexing(self, condition: EnableCondition) -> None:
        self._stage = _Stage.REFUSED
        self._why_not = f"we have refused: {condition.value}"
        self._out.append(Failed(condition=condition).to_bytes())

    def _begin_multiplexing(self, now: float) -> None:
        """From here on pairs follow from the names of both ends; those proven earlier stay as they are."""
        assert self.means is not None and self.peer_offer is not None, "both were there when it was offered"
        side, limits = self._side, self._limits
        self._stage = _Stage.ON
        conversation = Conversation(
            side.domains,
            self.means.authenticators,
            limits.multiplex,
            self.peer_offer,
            initiates=self._first_direction is Direction.OUTBOUND,
            say=self._out.append,
            tell=self._emit,
        )
        conversation.own.header_domain = self._ends().sender
        multiplexer = Multiplexer(conversation, self._ends().target, self.means.shown, self.associations)
        self._multiplexer = multiplexer
        self.associations.share(multiplexer.own, multiplexer.peers)
        largest = max(limits.after_authentication.max_element_bytes, MAX_ELEMENT_BYTES)
        self._framer.limits = replace(limits.after_authentication, max_element_bytes=largest)
        multiplexer.begin(self._vouched, now)
        if self._vouched is not None:
            self._deadlines.proof_ends = inf  # from now on certificates end one by one
        self._emit(Multiplexes())

    def _count_unattributed(self, now: float) -> None:
        self.ignored += 1
        self._unattributed += 1
        if self._unattributed > self._limits.multiplex.max_ignored_elements:
            text = "too many elements of multiplexing that belong to nothing"
            self._fail(StreamCondition.POLICY_VIOLATION, text, now)

    def _wake_multiplexer(self, now: float) -> None:
        multiplexer = self.multiplexer
        if multiplexer is not None and now >= multiplexer.deadline:
            try:
                multiplexer.wake(now)
            except RemoteViolation as violation:
                self._fail(violation.condition, str(violation), now)

    # The check of stanzas.

    def _take_stanza(self, stanza: Slice, now: float) -> None:
        if self._multiplexer is not None:
            limit = self._limits.after_authentication.max_element_bytes
            if len(stanza.data) > limit:
                raise RemoteViolation(StreamCondition.POLICY_VIOLATION, f"a stanza of more than {limit} bytes")
        super()._take_stanza(stanza, now)

    def _admit(self, stanza: Slice, pair: DomainPair) -> None:
        """What stands in ``from`` is served at the peer; what is accepted in ``to`` need not be hosted."""
        multiplexer = self._multiplexer
        if multiplexer is not None:
            multiplexer.peers.serve(pair.sender)
            if pair.target not in self._side.hosted:
                self._bounce(stanza, StanzaCondition.ITEM_NOT_FOUND, f"{pair.target} is not hosted here")
                return
        super()._admit(stanza, pair)

    def _turn_away(self, stanza: Slice, pair: DomainPair, admission: Admission) -> None:
        """On a shared stream a wrong sender is a violation; one that was revoked could not know it."""
        if admission is Admission.REVOKED:
            self._bounce(stanza, StanzaCondition.NOT_AUTHORIZED, f"{pair.sender} is no longer accepted on this stream")
        elif admission is Admission.FOREIGN_SENDER and self._multiplexer is not None:
            text = f"{pair.sender}, in a stanza to {pair.target}, is not accepted on this stream"
            raise RemoteViolation(StreamCondition.INVALID_FROM, text)
        else:
            super()._turn_away(stanza, pair, admission)

    def _bounce(self, stanza: Slice, condition: StanzaCondition, text: str) -> None:
        reply = error_reply(stanza, condition, text)
        if reply is not None and self.state is StreamState.CARRYING:
            self._out.append(reply.data)

    # Dialback beside it.

    def _may_be_asserted(self, direction: Direction) -> bool:
        """A domain whose certificate was refused cannot come in by a weaker proof."""
        return self._stage not in _AGREED and super()._may_be_asserted(direction)

    def _asserted(self, said: DialbackElement, now: float) -> None:
        if self._stage in _AGREED:
            text = "this stream takes domains by certificate"
            error = error_element(DialbackStep.RESULT, said.pair.reversed(), StanzaCondition.NOT_AUTHORIZED, text)
            self._out.append(error)
        else:
            super()._asserted(said, now)
