"""
One XML stream between two servers: what both roles share.

Knows framing, restarts, the check of stanzas, deadlines, signs of life, and that on a two-way stream a
proven pair opens its reverse. Bytes and facts go in, events and bytes come out; there is no transport here
and no clock. How a stream ends stands in :mod:`muxs2s.stream.ending`, how pairs are proven by dialback in
:mod:`muxs2s.stream.proving`; what each role says, and when, in :mod:`muxs2s.stream.initiating` and
:mod:`muxs2s.stream.receiving`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from math import inf
from typing import Final

from muxs2s.proof.outcome import Outcome, Proven
from muxs2s.stream.announced import NO_LIMITS, AnnouncedLimits
from muxs2s.stream.associations import Admission, AssociationTable, Direction, Grant
from muxs2s.stream.deadlines import Deadlines, Due
from muxs2s.stream.early import EarlyStanzas
from muxs2s.stream.ending import EndingStream
from muxs2s.stream.events import ProofWanted, StanzaDropped, StanzasReceived, StreamEvent, StreamReady
from muxs2s.stream.liveness import WHITE_SPACE, answer_to_ping
from muxs2s.stream.machine import StreamInput, StreamMachine, StreamState
from muxs2s.stream.side import OwnSide
from muxs2s.wire.errors import LocalMisuse, RemoteViolation, StreamCondition
from muxs2s.wire.framing import Framed, Framer, StreamClosed
from muxs2s.wire.header import (
    StreamHeader,
    is_stream_error,
    read_header,
    read_stream_error,
)
from muxs2s.wire.limits import FramingLimits
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.stanza import Slice

__all__ = ["Stream", "Turn"]

Turn = tuple[DomainPair, Sequence[Slice]]
"""Stanzas of one pair, which are to leave in a row."""

_DEAF: Final = frozenset({StreamState.SECURING, StreamState.CLOSED})
_PROVEN: Final = frozenset({StreamState.PROVEN_OPENING, StreamState.PROVEN_NEGOTIATING})
_JUDGING: Final = frozenset({StreamState.JUDGING, StreamState.PLAIN_JUDGING})


class Stream(EndingStream):
    """
    One stream, in either role.

    Every method that takes ``now`` (seconds since the epoch) returns events, in order. After each
    call, write what :meth:`bytes_to_send` gives, and call :meth:`wake` when :attr:`deadline` is past.
    """

    ignored: int = 0
    """First-level elements of the peer that mean nothing here."""

    dropped: int = 0
    """Stanzas of the peer from domains it has not proven here."""

    last_stanza_at: float = 0.0
    """When a stanza has passed, either way, or the stream began to carry; seconds."""

    is_two_way: bool = False
    """Whether stanzas go in both directions (XEP-0288)."""

    peer_limits: AnnouncedLimits = NO_LIMITS
    """What the peer takes of us; nothing larger may be sent."""

    def __init__(
        self,
        table: Mapping[tuple[StreamState, StreamInput], StreamState],
        side: OwnSide,
        now: float,
        *,
        direct_tls: bool,
    ) -> None:
        limits = side.limits
        super().__init__(StreamMachine(table, direct_tls=direct_tls), Deadlines(limits, now))
        self.associations = AssociationTable()
        self._limits = limits
        self._side = side
        self._framer: Framer | EarlyStanzas = Framer(limits.before_authentication)
        self._admitted: list[Slice] = []
        self._to_prove: DomainName | None = None
        self._both_ways: DomainPair | None = None
        """A pair from us to the peer that was opened in both directions."""

    @property
    def deadline(self) -> float | None:
        """When to call :meth:`wake`, seconds since the epoch; ``None`` once the stream is closed."""
        return self._deadlines.next(self.state)

    @property
    def awaits_verdict(self) -> bool:
        """Whether the verdict on the peer is due; see :meth:`decide`."""
        return self.state in _JUDGING

    # What the network floor calls.

    def begin(self) -> Sequence[StreamEvent]:
        """The connection stands: on direct TLS this asks for the handshake."""
        return self._happened()

    def receive_bytes(self, data: bytes, now: float) -> Sequence[StreamEvent]:
        """
        Read what the peer sent.

        Bytes that follow the agreement on TLS, in the same piece or later outside TLS, are dropped:
        anybody on the way can have put them there. So are bytes that follow the end of SASL in the
        same piece, sent before the peer could know what they would belong to.

        Source: RFC 6120, section 5.4.3.3 (and its errata on injected plaintext).
        """
        if self.state not in _DEAF:
            self._deadlines.liveness.heard(now)
            self._read(data, now)
        return self._happened()

    def tls_established(self, now: float) -> Sequence[StreamEvent]:
        """The TLS handshake is complete; whatever is received from now on came inside TLS."""
        if self.state is StreamState.SECURING:
            self.is_secure = True
            self._machine.advance(StreamInput.TLS_DONE)
            self._secured(now)
        return self._happened()

    def decide(self, outcome: Outcome, now: float) -> Sequence[StreamEvent]:
        """
        Take the verdict that :class:`~muxs2s.stream.events.ProofWanted` asked for; too late is no error.

        :raises LocalMisuse: if the verdict is on another domain.
        """
        if self.awaits_verdict:
            if outcome.domain != self._to_prove:
                raise LocalMisuse(f"a verdict on {outcome.domain} where one on {self._to_prove} is due")
            if isinstance(outcome, Proven):
                self._machine.advance(StreamInput.JUDGED)
                self._deadlines.proof_ends = inf if outcome.until is None else outcome.until
                self._proven(Grant.of(outcome), now)
            else:
                self._refused("; ".join(outcome.reasons), now)
        return self._happened()

    def wake(self, now: float) -> Sequence[StreamEvent]:
        """
        Time has passed: give up what has taken too long.

        A stream whose peer's proof has ended is reset, so that the next one begins with a new proof.

        Source: RFC 6120, sections 4.4, 4.6 and 4.9.3.16.
        """
        limits = self._limits
        match self._deadlines.due(self.state, now):
            case Due.END:
                self._end()
            case Due.ANSWERS:
                self._unanswered(now)
            case Due.PROOF:
                self._fail(StreamCondition.RESET, f"the proof of {self._to_prove} has ended", now)
            case Due.IDLE:
                self._close(now)
            case Due.LIFE:
                self._ask_for_life(now)
            case Due.HANDSHAKE:
                text = f"no TLS within {limits.handshake_seconds:g} seconds"
                self._fail(StreamCondition.CONNECTION_TIMEOUT, text, now)
            case Due.NEGOTIATION:
                text = f"not negotiated within {limits.negotiation_seconds:g} seconds ({self.state.name})"
                self._fail(StreamCondition.CONNECTION_TIMEOUT, text, now)
        return self._happened()

    def may_send(self, pair: DomainPair, now: float) -> bool:
        """Whether stanzas of ``pair`` may leave on this stream."""
        if self.state is not StreamState.CARRYING:
            return False
        return self.associations.examine(Direction.OUTBOUND, pair, now) is Admission.ADMITTED

    def send(self, pair: DomainPair, stanzas: Sequence[Slice], now: float) -> None:
        """As :meth:`send_all`, of one pair."""
        self.send_all([(pair, stanzas)], now)

    def send_all(self, turns: Sequence[Turn], now: float) -> None:
        """
        Send stanzas.

        :raises LocalMisuse: if one of the pairs is not proven here; nothing is sent then.
        """
        for pair, _ in turns:
            if not self.may_send(pair, now):
                raise LocalMisuse(f"{pair} is not proven on this stream ({self.state.name})")
        self._carry(now)
        for _, stanzas in turns:
            self._out += [stanza.data for stanza in stanzas]

    # What the roles fill in.

    @abstractmethod
    def _header(self, header: StreamHeader, now: float) -> None:
        """The peer's header came."""

    @abstractmethod
    def _element(self, element: Slice, now: float) -> None:
        """An element came that is neither a stanza nor a stream error."""

    @abstractmethod
    def _secured(self, now: float) -> None:
        """TLS is up."""

    @abstractmethod
    def _proven(self, grant: Grant, now: float) -> None:
        """The peer has proven its domain, which is worth ``grant``."""

    @abstractmethod
    def _refused(self, reasons: str, now: float) -> None:
        """The peer has not proven its domain."""

    @abstractmethod
    def _unanswered(self, now: float) -> None:
        """A request of ours has waited too long for its answer."""

    # What the roles use.

    def _restart(self, limits: FramingLimits) -> None:
        """Forget the stream so far, keep the connection (RFC 6120, section 4.3.3)."""
        self._framer = Framer(limits)
        self._header_sent = False

    def _want_proof(self, domain: DomainName, asked_for: DomainName) -> None:
        self._to_prove = domain
        self._emit(ProofWanted(domain=domain, asked_for=asked_for))

    def _carry(self, now: float) -> None:
        """Note that a stanza passes, or may pass from now on."""
        self.last_stanza_at = now
        self._deadlines.carry(now, self.peer_limits.idle_seconds)

    def _open(self, direction: Direction, pair: DomainPair, now: float) -> None:
        """
        A pair may carry stanzas from now on; on a two-way stream it may be answered, too.

        What may leave is told first, so that nobody opens a stream for it on hearing that the peer is there.

        Source: XEP-0288, section 2.2.
        """
        opened = {direction: pair}
        grant = self.associations.grant_of_peer(pair.target if direction is Direction.OUTBOUND else pair.sender, now)
        if self.is_two_way and grant is not None:
            opened[direction.opposite] = pair.reversed()
            self.associations.accept_pair(direction.opposite, pair.reversed(), grant)
            self._both_ways = opened[Direction.OUTBOUND]
        for each in (Direction.OUTBOUND, Direction.INBOUND):
            if each in opened:
                self._emit(StreamReady(pair=opened[each], direction=each))

    def _ignore(self, now: float) -> None:
        """
        Whoever sends what nobody has announced is not answered, but cannot do so for ever.

        Source: RFC 6120, section 4.8.4.
        """
        self.ignored += 1
        if self.ignored > self._limits.max_ignored_elements:
            self._fail(StreamCondition.POLICY_VIOLATION, "too many elements that mean nothing here", now)

    # The inside.

    def _read(self, data: bytes, now: float) -> None:
        framer, known = self._framer, self._framer.violation
        for framed in framer.feed(data):
            self._take(framed, now)
            if self.state is StreamState.CLOSED or not self._reads_on_with(framer):
                return
        violation = framer.violation
        if violation is not None and violation is not known:
            self._fail(violation.condition, str(violation), now)
        if isinstance(framer, EarlyStanzas) and framer.is_over:
            self._framer = framer.after

    def _reads_on_with(self, framer: Framer | EarlyStanzas) -> bool:
        """Whether what else a framer has found still counts: not after a restart, but for early stanzas."""
        return self._framer is framer or (isinstance(self._framer, EarlyStanzas) and self._framer.before is framer)

    def _flush_admitted(self) -> None:
        if self._admitted:
            self._events.append(StanzasReceived(stanzas=tuple(self._admitted)))
            self._admitted.clear()

    def _take(self, framed: Framed, now: float) -> None:
        try:
            if isinstance(framed, StreamClosed):
                self._closed_by_peer()
            elif self.state is StreamState.FAILING:
                self._ignore(now)
            elif isinstance(framed, Slice):
                self._take_slice(framed, now)
            elif self.state is StreamState.CLOSING:
                self._ignore(now)
            else:
                self._header(read_header(framed), now)
        except RemoteViolation as violation:
            self._fail(violation.condition, str(violation), now)

    def _take_slice(self, element: Slice, now: float) -> None:
        if element.is_stanza:
            self._take_stanza(element, now)
        elif is_stream_error(element):
            self._failed_by_peer(read_stream_error(element), now)
        elif self.state is StreamState.CLOSING:
            self._ignore(now)
        else:
            self._element(element, now)

    def _take_stanza(self, stanza: Slice, now: float) -> None:
        is_carrying = self.state is StreamState.CARRYING
        if not is_carrying and self.state is not StreamState.CLOSING and not self._takes_early_stanzas:
            raise RemoteViolation(StreamCondition.NOT_AUTHORIZED, "a stanza before authentication")
        admission, pair = self.associations.check(stanza, now)
        if admission is not Admission.ADMITTED:
            self._turn_away(stanza, pair, admission)
        elif not (self.is_two_way and stanza.name == "iq" and self._is_sign_of_life(stanza)):
            if is_carrying and now != self.last_stanza_at:
                self._carry(now)
            self._admit(stanza, pair)

    @property
    def _takes_early_stanzas(self) -> bool:
        """Whether stanzas may come before the new header that follows the proof."""
        return self.is_two_way and self.state in _PROVEN

    def _admit(self, stanza: Slice, pair: DomainPair) -> None:
        """A stanza has passed the check."""
        self._admitted.append(stanza)

    def _turn_away(self, stanza: Slice, pair: DomainPair, admission: Admission) -> None:
        """
        A stanza has not passed the check.

        :raises RemoteViolation: if the stream has to end for it.
        """
        if admission is Admission.UNKNOWN_TARGET:
            raise RemoteViolation(StreamCondition.HOST_UNKNOWN, f"{pair.target} is not served on this stream")
        if self._limits.close_on_foreign_sender or self.dropped >= self._limits.max_dropped_stanzas:
            raise RemoteViolation(StreamCondition.INVALID_FROM, f"{pair.sender} is not proven on this stream")
        self.dropped += 1
        self._emit(StanzaDropped(pair=pair))

    def _ask_for_life(self, now: float) -> None:
        """Ping a silent peer or, where it cannot answer on this stream, show it that we are there."""
        liveness, pair = self._deadlines.liveness, self._both_ways
        if liveness.is_asked:
            text = f"no sign of life for {self._limits.answer_seconds:g} seconds after being asked for one"
            self._fail(StreamCondition.CONNECTION_TIMEOUT, text, now)
        elif pair is not None and self.may_send(pair, now):
            self._out.append(liveness.ping(pair, now))
        else:
            self._out.append(WHITE_SPACE)
            liveness.heard(now)

    def _is_sign_of_life(self, stanza: Slice) -> bool:
        """Whether an IQ on a two-way stream is between the two servers alone; if it asks, it is answered."""
        answer = answer_to_ping(stanza)
        if answer is not None and self.state is StreamState.CARRYING:
            self._out.append(answer)
        return answer is not None or self._deadlines.liveness.takes(stanza)
