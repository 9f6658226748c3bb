"""
One connection: moves bytes between a transport and a stream, and decides nothing.

Knows transports, TLS and deadlines. Does not know what the bytes mean (:mod:`muxs2s.stream`), whether a
certificate proves a domain (:mod:`muxs2s.network.evidence`), how to tell which stanzas have left
(:mod:`muxs2s.network.writing`), or where a stanza goes (:mod:`muxs2s.service`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from secrets import token_bytes
from typing import Any, Final

from cryptography.x509 import Certificate
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IHandshakeListener, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from muxs2s.multiplex.events import MultiplexEvent
from muxs2s.multiplex.multiplexer import Multiplexer
from muxs2s.network.accepting import source_of
from muxs2s.network.addresses import shown
from muxs2s.network.certificates import CertificateProblem
from muxs2s.network.evidence import Judge
from muxs2s.network.multiplexing import MultiplexingConnection, tls_means
from muxs2s.network.notes import StreamNotes
from muxs2s.network.observer import DialbackEvent, StreamObserver
from muxs2s.network.sockets import prepare
from muxs2s.network.tls import TLSContexts, TLSDescription, peer_chain, tls_creator, tls_description, why_lost
from muxs2s.network.writing import MAX_UNREAD_BYTES, MAX_UNREAD_MULTIPLEX_BYTES, StanzaWriter
from muxs2s.proof.authenticators import TLSRole
from muxs2s.proof.outcome import Evidence, FoundByDNS, Outcome, Proven, Undecided
from muxs2s.stream.events import (
    AnswerUnasked,
    KeyVerified,
    Negotiated,
    PairAsserted,
    PairRefused,
    ProofWanted,
    StanzaDropped,
    StanzasReceived,
    StreamClosing,
    StreamEnded,
    StreamEvent,
    StreamReady,
    TLSAgreed,
)
from muxs2s.stream.initiating import InitiatingStream
from muxs2s.stream.machine import StreamState
from muxs2s.stream.receiving import ReceivingStream
from muxs2s.stream.stream import Turn
from muxs2s.wire.errors import LocalMisuse, StanzaCondition, StreamCondition
from muxs2s.wire.names import DomainPair
from muxs2s.wire.stanza import Slice

__all__ = ["ABORT_SECONDS", "MAX_STALL_SECONDS", "StreamProtocol"]

ABORT_SECONDS: Final = 10.0
"""From our closing the connection to cutting it, if the peer does not answer."""

MAX_STALL_SECONDS: Final = 60.0
"""What was written must be in the kernel by then, or the connection is cut: the peer reads no more."""


@implementer(IHandshakeListener)
class StreamProtocol(MultiplexingConnection, Protocol):
    """
    One connection that carries one stream.

    :ivar number: what logs call this stream; unique in the process.
    :param contexts: makes TLS for a domain of ours.
    :param judge: decides whether what the peer showed proves its domain.
    :param notes: told what others should know of it.
    """

    _log = Logger()

    def __init__(
        self,
        number: int,
        stream: InitiatingStream | ReceivingStream,
        *,
        clock: IReactorTime,
        contexts: TLSContexts,
        judge: Judge,
        observer: StreamObserver[StreamProtocol],
        entropy: Callable[[int], bytes] = token_bytes,
        notes: StreamNotes | None = None,
    ) -> None:
        self.number = number
        self.stream = stream
        self.tls: TLSDescription | None = None
        self.peer_certificate: Certificate | None = None
        self._clock = clock
        self._contexts = contexts
        self._judge = judge
        self._observer = observer
        self._entropy = entropy
        self._chain: tuple[Certificate, ...] = ()
        self._writer: StanzaWriter | None = None
        """While something can be said: not during the handshake."""
        self._stalls_at = 0.0
        """When what is in hand has been there too long, seconds."""
        self._alarm: IDelayedCall | None = None
        self._judging: Deferred[None] | None = None
        self._gathers = False
        """Whether what is said waits for more."""
        self._notes = notes or StreamNotes(number)

    @property
    def peer_address(self) -> str:
        """Where the other end is, for operators."""
        return "not connected" if self.transport is None else shown(self.transport.getPeer())

    @property
    def source(self) -> str | None:
        """Who is at the other end, as far as its address shows: see :func:`~muxs2s.network.accepting.source_of`."""
        return None if self.transport is None else source_of(self.transport.getPeer())

    @property
    def _tls_role(self) -> TLSRole:
        """Who opens the connection is the client."""
        return TLSRole.CLIENT if isinstance(self.stream, InitiatingStream) else TLSRole.SERVER

    @property
    def evidence(self) -> Evidence:
        """What the peer has shown, and, if we called it, where it was found."""
        is_called = isinstance(self.stream, InitiatingStream)
        return Evidence(chain=self._chain, dialback=FoundByDNS(address=self.peer_address) if is_called else None)

    # What Twisted calls.

    def connectionMade(self) -> None:
        """Say what the stream has to say first."""
        prepare(self.transport)
        self._begin_writing(StanzaWriter(self._transport(), self._taken))
        self._act(self.stream.begin())

    def dataReceived(self, data: bytes) -> None:
        """Let the stream read what came."""
        self._act(self.stream.receive_bytes(data, self._clock.seconds()))

    def handshakeCompleted(self) -> None:
        """Note what the peer showed, then let the stream go on inside TLS."""
        connection = self._transport().getHandle()
        self._chain = peer_chain(connection)
        self.peer_certificate = self._chain[0] if self._chain else None
        self.tls = tls_description(connection)
        layer = connection.layer()
        self._begin_writing(StanzaWriter(layer.transport, self._taken, layer))
        means = tls_means(connection, self._tls_role, self._entropy)
        self._act(self.stream.tls_established(self._clock.seconds(), means))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell the stream and the observer, once."""
        self.connected = 0
        text = why_lost(reason)
        if isinstance(reason.value, SSL.Error):
            self._notes.lost(self.peer_address, text)
        self._report(self.stream.connection_lost(text))
        self._disarm()
        if self._judging is not None:
            self._judging.cancel()
        self._notes.gone()
        self._observer.gone(self, () if self._writer is None else self._writer.in_hand)

    # What the observer calls.

    @property
    def room(self) -> bool:
        """Whether :meth:`send` may be called now."""
        return self._writer is not None and self._writer.is_free and self.stream.state is StreamState.CARRYING

    def send(self, pair: DomainPair, stanzas: Sequence[Slice]) -> None:
        """As :meth:`send_all`, of one pair."""
        self.send_all([(pair, stanzas)])

    def send_all(self, turns: Sequence[Turn]) -> None:
        """
        Send stanzas; only while there is :attr:`room`.

        :param turns: inside TLS :data:`~muxs2s.network.writing.MAX_WRITE_BYTES` together; or a single stanza.
        :raises LocalMisuse: if there is no room or one of the pairs is not proven on this stream; nothing is
            sent then.
        """
        if self._writer is None or not self.room:
            raise LocalMisuse(f"stream {self.number} has no room")
        if said := self.stream.bytes_to_send():
            self._writer.write(said)  # or it would share a record of TLS with the stanzas
        now = self._clock.seconds()
        self.stream.send_all(turns, now)
        self._stalls_at = now + MAX_STALL_SECONDS
        self._writer.write_stanzas(self.stream.bytes_to_send(), [each for _, stanzas in turns for each in stanzas])
        self._arm()

    def question(self, pair: DomainPair, stream_id: str, key: str) -> None:
        """As :meth:`muxs2s.stream.proving.ProvingStream.question`."""
        self._act(self.stream.question(pair, stream_id, key, self._clock.seconds()))

    def judge_pair(self, pair: DomainPair, outcome: Outcome, condition: StanzaCondition) -> None:
        """As :meth:`muxs2s.stream.proving.ProvingStream.judge_pair`."""
        now = self._clock.seconds()
        if self.stream.is_asserted(pair):
            self._notes.judged(outcome, pair.target, now)
        self._act(self.stream.judge_pair(pair, outcome, condition, now))

    def close(self) -> None:
        """Close the stream politely."""
        self._act(self.stream.close(self._clock.seconds()))

    def shut_down(self) -> None:
        """Close the stream because this server stops."""
        self._act(self.stream.shut_down(self._clock.seconds()))

    def fail(self, condition: StreamCondition, text: str) -> None:
        """Close the stream with an error."""
        self._act(self.stream.fail(condition, text, self._clock.seconds()))

    def gather(self) -> None:
        """See :meth:`muxs2s.network.slices.Owner.gather`: what is said waits, so that it fits few records of TLS."""
        self._gathers = True

    def settle(self) -> None:
        """See :meth:`muxs2s.network.slices.Owner.settle`."""
        self._gathers = False
        self._act(())

    def _ask(self, do: Callable[[Multiplexer, float], object]) -> None:
        now = self._clock.seconds()
        self._act(self.stream.multiplex(lambda multiplexer: do(multiplexer, now), now))

    # Bytes out.

    def _transport(self) -> Any:
        return self.transport

    @property
    def _is_unread(self) -> bool:
        """Whether something may be between us and the kernel."""
        return self._writer is not None and bool(self._writer.in_hand or self._writer.unread_bytes)

    def _begin_writing(self, writer: StanzaWriter) -> None:
        self._writer = writer
        writer.watch()

    def _write(self) -> None:
        """Send what the stream has to say; a peer that reads none of it does not get ever more."""
        data = self.stream.bytes_to_send()
        if data and self._writer is not None:
            if not self._is_unread:
                self._stalls_at = self._clock.seconds() + MAX_STALL_SECONDS
            self._writer.write(data)
            if self._writer.unread_bytes > (MAX_UNREAD_MULTIPLEX_BYTES if self.multiplexer else MAX_UNREAD_BYTES):
                self._cut(StreamCondition.POLICY_VIOLATION, "the peer does not read what it is answered")

    def _cut(self, condition: StreamCondition, text: str) -> None:
        """End a connection whose peer reads nothing."""
        self._transport().abortConnection()
        self._report(self.stream.fail(condition, text, self._clock.seconds()))

    def _taken(self) -> None:
        """The kernel has all that was written; what had to wait for that has its own time."""
        self._stalls_at = self._clock.seconds() + MAX_STALL_SECONDS
        self._write()
        if self.stream.state is StreamState.CLOSED:
            self._hang_up()
        elif self.stream.state is StreamState.CARRYING:
            self._observer.has_room(self)

    def _end(self) -> None:
        """Close the connection as soon as nothing is in hand; if that does not come to pass, cut it."""
        self._disarm()
        if self.connected:
            self._alarm = self._clock.callLater(ABORT_SECONDS, self._transport().abortConnection)
            self._write()
            if self._writer is None or not self._writer.in_hand:
                self._hang_up()

    def _hang_up(self) -> None:
        self._end_writing()
        self._transport().loseConnection()

    def _end_writing(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.release()

    # What the stream wants.

    def _act(self, events: Iterable[StreamEvent]) -> None:
        """Do and report what the stream wants, then send what it has to say, unless that waits for more."""
        self._report(events)
        if self.connected and not (self._gathers and self.stream.state is StreamState.CARRYING):
            self._write()
            self._arm()

    def _report(self, events: Iterable[StreamEvent]) -> None:
        for event in events:
            match event:
                case StanzasReceived(stanzas=stanzas):
                    self._observer.received(self, stanzas)
                case TLSAgreed():
                    self._begin_tls(event)
                case ProofWanted():
                    self._judging = Deferred.fromCoroutine(self._prove(event)).addErrback(self._broken)
                case StreamReady(pair=pair, direction=direction):
                    self._write()
                    self._notes.ready(direction)
                    self._observer.ready(self, pair, direction)
                case StreamClosing():
                    self._notes.closing(event, self.peer_address)
                    self._observer.closing(self, event)
                case StreamEnded():
                    self._end()
                case _:
                    self._report_pair(event)

    def _report_pair(self, event: DialbackEvent | StanzaDropped | AnswerUnasked | MultiplexEvent) -> None:
        match event:
            case StanzaDropped(pair=pair):
                self._notes.dropped(pair)
            case AnswerUnasked(pair=pair):
                self._notes.unasked(pair)
            case PairAsserted() | KeyVerified() | Negotiated():
                self._observer.dialback(self, event)
            case PairRefused():
                self._notes.refused(event)
                self._observer.dialback(self, event)
            case _:
                self._observer.multiplex(self, event)

    def _begin_tls(self, agreed: TLSAgreed) -> None:
        self._write()
        try:
            creator = tls_creator(self._contexts, agreed)
        except CertificateProblem as problem:
            self._notes.no_tls(agreed.own_domain, problem)
            self.fail(StreamCondition.INTERNAL_SERVER_ERROR, f"no usable certificate for {agreed.own_domain}")
            return
        self._end_writing()
        self._transport().startTLS(creator)

    async def _prove(self, wanted: ProofWanted) -> None:
        """Have the peer judged; a verdict that comes when nobody waits for it any more is none."""
        outcome: Outcome
        try:
            outcome = await self._judge.judge(wanted.domain, self.evidence, self._clock.seconds())
        except Exception:  # noqa: BLE001 - whatever a judge does, the stream goes its way
            if self.stream.awaits_verdict:
                self._log.failure("judging {domain} on stream {number}", domain=wanted.domain, number=self.number)
            outcome = Undecided(domain=wanted.domain, reasons=("an internal error, see the log",))
        if self.stream.awaits_verdict:
            now = self._clock.seconds()
            events = self.stream.decide(outcome, now, self._chain)
            if isinstance(outcome, Proven):
                self._notes.accepted(outcome, wanted.asked_for)
            elif self.stream.state is not StreamState.PROVING:  # where a key may do
                self._notes.failed(now)
            self._act(events)

    def _broken(self, failure: Failure) -> None:
        """A verdict on another domain, or a fault of ours: not to be met twice on one connection."""
        self._log.failure("stream {number} cannot go on", failure, number=self.number)
        self._transport().abortConnection()

    # Time.

    def _arm(self) -> None:
        """Have one alarm at or before the deadline; deadlines that move on cost nothing."""
        deadline = self.stream.deadline
        if deadline is None:
            return
        if self._is_unread:
            deadline = min(deadline, self._stalls_at)
        if self._alarm is not None and self._alarm.active():
            if self._alarm.getTime() <= deadline:
                return
            self._alarm.cancel()
        self._alarm = self._clock.callLater(max(0.0, deadline - self._clock.seconds()), self._wake)

    def _disarm(self) -> None:
        if self._alarm is not None and self._alarm.active():
            self._alarm.cancel()

    def _wake(self) -> None:
        now = self._clock.seconds()
        if self._is_unread and now >= self._stalls_at:
            self._cut(
                StreamCondition.CONNECTION_TIMEOUT, f"the peer has read nothing for {MAX_STALL_SECONDS:g} seconds"
            )
        else:
            self._act(self.stream.wake(now))
