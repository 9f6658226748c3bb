"""
One XML stream between two servers: what both roles share.

Knows framing, restarts, the check of stanzas, closing and deadlines. Bytes and facts go in, events
and bytes come out; there is no transport here and no clock. What each role says, and when, stands in
:mod:`muxs2s.stream.initiating` and :mod:`muxs2s.stream.receiving`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from math import inf
from typing import Final

from muxs2s.proof.outcome import Outcome, Proven
from muxs2s.stream.associations import Admission, AssociationTable, Direction, Grant
from muxs2s.stream.events import ProofWanted, StanzaDropped, StanzasReceived, StreamClosing, StreamEnded, StreamEvent
from muxs2s.stream.limits import StreamLimits
from muxs2s.stream.machine import StreamInput, StreamMachine, StreamState
from muxs2s.wire.errors import LocalMisuse, RemoteViolation, StreamCondition
from muxs2s.wire.framing import Framed, Framer, StreamClosed
from muxs2s.wire.header import (
    CLOSING_TAG,
    StreamFailure,
    StreamHeader,
    is_stream_error,
    read_header,
    read_stream_error,
    stream_error,
)
from muxs2s.wire.limits import FramingLimits
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.reasons import readable
from muxs2s.wire.stanza import Slice

__all__ = ["Stream"]

_DEAF: Final = frozenset({StreamState.SECURING, StreamState.CLOSED})
_CLOSING: Final = frozenset({StreamState.CLOSING, StreamState.FAILING})
_SILENT: Final = _CLOSING | {StreamState.CLOSED}
_TAKING_STANZAS: Final = frozenset({StreamState.CARRYING, StreamState.CLOSING})


class Stream(ABC):
    """
    One stream, in either role.

    Every method that takes ``now`` (seconds since the epoch) returns events, in order. After each
    call, write what :meth:`bytes_to_send` gives, and call :meth:`wake` when :attr:`deadline` is past.
    """

    ignored: int = 0
    """First-level elements of the peer that mean nothing here."""

    dropped: int = 0
    """Stanzas of the peer from domains it has not proven here."""

    def __init__(
        self, table: Mapping[tuple[StreamState, StreamInput], StreamState], limits: StreamLimits, now: float
    ) -> None:
        self.associations = AssociationTable()
        self._limits = limits
        self._machine = StreamMachine(table)
        self._framer = Framer(limits.before_authentication)
        self._out: list[bytes] = []
        self._events: list[StreamEvent] = []
        self._admitted: list[Slice] = []
        self._header_sent = False
        self._to_prove: DomainName | None = None
        self._proof_ends = inf
        self._deadline = now + limits.negotiation_seconds

    @property
    def state(self) -> StreamState:
        """What the stream waits for."""
        return self._machine.state

    @property
    def deadline(self) -> float | None:
        """When to call :meth:`wake`, seconds since the epoch; ``None`` once the stream is closed."""
        if self.state is StreamState.CARRYING:
            return min(self._deadline, self._proof_ends)
        return None if self.state is StreamState.CLOSED else self._deadline

    # What the network floor calls.

    def receive_bytes(self, data: bytes, now: float) -> Sequence[StreamEvent]:
        """
        Read what the peer sent.

        Bytes that follow the agreement on TLS, in the same piece or later outside TLS, are dropped:
        anybody on the way can have put them there. So are bytes that follow the end of SASL in the
        same piece, sent before the peer could know what they would belong to.

        Source: RFC 6120, section 5.4.3.3 (and its errata on injected plaintext).
        """
        if self.state not in _DEAF:
            self._read(data, now)
        return self._happened()

    def tls_established(self, now: float) -> Sequence[StreamEvent]:
        """The TLS handshake is complete; whatever is received from now on came inside TLS."""
        if self.state is StreamState.SECURING:
            self._machine.advance(StreamInput.TLS_DONE)
            self._secured(now)
        return self._happened()

    def decide(self, outcome: Outcome, now: float) -> Sequence[StreamEvent]:
        """
        Take the verdict that :class:`~muxs2s.stream.events.ProofWanted` asked for; too late is no error.

        :raises LocalMisuse: if the verdict is on another domain.
        """
        if self.state is StreamState.JUDGING:
            if outcome.domain != self._to_prove:
                raise LocalMisuse(f"a verdict on {outcome.domain} where one on {self._to_prove} is due")
            if isinstance(outcome, Proven):
                self._machine.advance(StreamInput.JUDGED)
                self._proof_ends = inf if outcome.until is None else outcome.until
                self._proven(Grant(prooftype=outcome.prooftype, evidence=outcome.evidence, until=outcome.until))
            else:
                self._refused("; ".join(outcome.reasons), now)
        return self._happened()

    def wake(self, now: float) -> Sequence[StreamEvent]:
        """
        Time has passed: give up a negotiation, an idle stream or a peer that does not close.

        A stream whose peer's proof has ended is reset, so that the next one begins with a new proof.

        Source: RFC 6120, sections 4.4, 4.6.3 and 4.9.3.16.
        """
        deadline = self.deadline
        if deadline is not None and now >= deadline:
            if self.state in _CLOSING:
                self._end()
            elif self.state is StreamState.CARRYING and now >= self._proof_ends:
                self._fail(StreamCondition.RESET, f"the proof of {self._to_prove} has ended", now)
            elif self.state is StreamState.CARRYING:
                self._close(now)
            else:
                text = f"not negotiated within {self._limits.negotiation_seconds:g} seconds ({self.state.name})"
                self._fail(StreamCondition.CONNECTION_TIMEOUT, text, now)
        return self._happened()

    def close(self, now: float) -> Sequence[StreamEvent]:
        """Close the stream politely; what the peer has sent meanwhile is still taken."""
        self._close(now)
        return self._happened()

    def fail(self, condition: StreamCondition, text: str, now: float) -> Sequence[StreamEvent]:
        """
        Close the stream with an error; one that is closing already ends at once.

        :param text: why, for people at both ends.
        """
        self._fail(condition, text, now)
        return self._happened()

    def connection_lost(self, text: str) -> Sequence[StreamEvent]:
        """
        The connection is gone.

        :param text: why, for people.
        """
        if self.state not in _SILENT:
            self._emit(StreamClosing(by_peer=True, condition=None, text=readable(text)))
        self._end()
        return self._happened()

    def may_send(self, pair: DomainPair, now: float) -> bool:
        """Whether stanzas of ``pair`` may leave on this stream."""
        if self.state is not StreamState.CARRYING:
            return False
        return self.associations.examine(Direction.OUTBOUND, pair, now) is Admission.ADMITTED

    def send(self, pair: DomainPair, stanzas: Sequence[Slice], now: float) -> None:
        """
        Send stanzas of one pair.

        :raises LocalMisuse: if the pair is not proven here; nothing is sent then.
        """
        if not self.may_send(pair, now):
            raise LocalMisuse(f"{pair} is not proven on this stream ({self.state.name})")
        self._deadline = now + self._limits.idle_seconds
        self._out.extend(stanza.data for stanza in stanzas)

    def bytes_to_send(self) -> bytes:
        """What is to be written now; empty if nothing."""
        data = b"".join(self._out)
        self._out.clear()
        return data

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
    def _proven(self, grant: Grant) -> None:
        """The peer has proven its domain, which is worth ``grant``."""

    @abstractmethod
    def _refused(self, reasons: str, now: float) -> None:
        """The peer has not proven its domain."""

    @abstractmethod
    def _header_for_error(self) -> StreamHeader:
        """The header that must precede an error where none was sent yet."""

    # What the roles use.

    def _send_header(self, header: StreamHeader) -> None:
        self._header_sent = True
        self._out.append(header.to_bytes())

    def _restart(self, limits: FramingLimits) -> None:
        """Forget the stream so far, keep the connection (RFC 6120, section 4.3.3)."""
        self._framer = Framer(limits)
        self._header_sent = False

    def _want_proof(self, domain: DomainName, asked_for: DomainName) -> None:
        self._to_prove = domain
        self._emit(ProofWanted(domain=domain, asked_for=asked_for))

    def _carry(self, now: float) -> None:
        self._deadline = now + self._limits.idle_seconds

    def _ignore(self) -> None:
        """Whoever sends what nobody has announced is not answered (RFC 6120, section 4.8.4)."""
        self.ignored += 1

    # The inside.

    def _read(self, data: bytes, now: float) -> None:
        framer, known = self._framer, self._framer.violation
        for framed in framer.feed(data):
            self._take(framed, now)
            if self._framer is not framer or self.state is StreamState.CLOSED:
                return
        violation = framer.violation
        if violation is not None and violation is not known:
            self._fail(violation.condition, str(violation), now)

    def _happened(self) -> Sequence[StreamEvent]:
        self._flush_admitted()
        events, self._events = self._events, []
        return events

    def _flush_admitted(self) -> None:
        if self._admitted:
            self._events.append(StanzasReceived(stanzas=tuple(self._admitted)))
            self._admitted.clear()

    def _emit(self, event: StreamEvent) -> None:
        """Report something, after the stanzas that came before it."""
        self._flush_admitted()
        self._events.append(event)

    def _take(self, framed: Framed, now: float) -> None:
        try:
            if isinstance(framed, StreamClosed):
                self._closed_by_peer()
            elif self.state is StreamState.FAILING:
                self._ignore()
            elif isinstance(framed, Slice):
                self._take_slice(framed, now)
            elif self.state is StreamState.CLOSING:
                self._ignore()
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
            self._ignore()
        else:
            self._element(element, now)

    def _take_stanza(self, stanza: Slice, now: float) -> None:
        if self.state not in _TAKING_STANZAS:
            raise RemoteViolation(StreamCondition.NOT_AUTHORIZED, "a stanza before authentication")
        admission, pair = self.associations.check(stanza, now)
        if admission is Admission.ADMITTED:
            if self.state is StreamState.CARRYING:
                self._deadline = now + self._limits.idle_seconds
            self._admitted.append(stanza)
        elif admission is Admission.UNKNOWN_TARGET:
            raise RemoteViolation(StreamCondition.HOST_UNKNOWN, f"{pair.target} is not served on this stream")
        elif self._limits.close_on_foreign_sender:
            raise RemoteViolation(StreamCondition.INVALID_FROM, f"{pair.sender} is not proven on this stream")
        else:
            self.dropped += 1
            self._emit(StanzaDropped(pair=pair))

    def _closed_by_peer(self) -> None:
        if self.state not in _CLOSING:
            self._out.append(CLOSING_TAG)
            self._emit(StreamClosing(by_peer=True, condition=None, text="the peer closed the stream"))
        self._end()

    def _failed_by_peer(self, failure: StreamFailure, now: float) -> None:
        closing = self.state is StreamState.CLOSING
        self._machine.advance(StreamInput.FAIL)
        if not closing:
            self._deadline = now + self._limits.closing_seconds
            self._out.append(CLOSING_TAG)
            self._emit(StreamClosing(by_peer=True, condition=failure.condition, text=readable(failure.text)))

    def _close(self, now: float) -> None:
        if self.state not in _SILENT:
            self._leave(StreamInput.CLOSE, None, "", now)

    def _fail(self, condition: StreamCondition, text: str, now: float) -> None:
        if self.state in _SILENT:
            self._end()
        else:
            self._leave(StreamInput.FAIL, condition, readable(text), now)

    def _leave(self, by: StreamInput, condition: StreamCondition | None, text: str, now: float) -> None:
        """Say farewell, after a header; in the handshake, where no stream is, just go (RFC 6120, section 5.4.3.2)."""
        in_handshake = self.state is StreamState.SECURING
        self._machine.advance(by)
        self._deadline = now + self._limits.closing_seconds
        self._emit(StreamClosing(by_peer=False, condition=condition, text=text))
        if in_handshake:
            self._end()
            return
        if not self._header_sent:
            self._send_header(self._header_for_error())
        self._out.append(CLOSING_TAG if condition is None else stream_error(condition, text))

    def _end(self) -> None:
        if self.state is not StreamState.CLOSED:
            self._machine.advance(StreamInput.END)
            self._emit(StreamEnded())
