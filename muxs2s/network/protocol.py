"""
One connection: moves bytes between a transport and a stream, and decides nothing.

Knows transports, deadlines and how to tell which stanzas have reached the kernel. Does not know what
the bytes mean (:mod:`muxs2s.stream`), whether a certificate proves a domain
(:mod:`muxs2s.network.evidence`), or where a stanza goes (:mod:`muxs2s.service`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final
from typing import Protocol as Seam

from cryptography.x509 import Certificate
from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IHandshakeListener, IPullProducer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from muxs2s.network.certificates import CertificateProblem
from muxs2s.network.evidence import Judge
from muxs2s.network.tls import ClientTLS, ServerTLS, TLSContexts, TLSDescription, peer_chain, tls_description
from muxs2s.proof.outcome import Evidence, Outcome, Proven, Undecided
from muxs2s.stream.events import (
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
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.names import DomainPair
from muxs2s.wire.stanza import Slice

__all__ = ["MAX_WRITE_BYTES", "StreamObserver", "StreamProtocol"]

MAX_WRITE_BYTES: Final = 16_384
"""
Stanzas given to the transport at once, in bytes: what fits one TLS record. A record that the kernel
took only in part cannot be read by the peer, so a write either arrived whole or not at all.
"""

ABORT_SECONDS: Final = 10.0
"""From our closing the connection to cutting it, if the peer does not answer."""


class StreamObserver(Seam):
    """Whoever owns streams. Each method hands over and returns."""

    def ready(self, connection: StreamProtocol, pair: DomainPair) -> None:
        """The pair may carry stanzas from now on."""
        ...

    def received(self, connection: StreamProtocol, stanzas: Sequence[Slice]) -> None:
        """Stanzas came in and passed the check."""
        ...

    def has_room(self, connection: StreamProtocol) -> None:
        """Everything sent is in the kernel; more may be sent."""
        ...

    def closing(self, connection: StreamProtocol, event: StreamClosing) -> None:
        """Nothing more may be sent on this stream."""
        ...

    def gone(self, connection: StreamProtocol, unsent: Sequence[Slice]) -> None:
        """The connection is over; ``unsent`` never reached the kernel, in order."""
        ...


@implementer(IHandshakeListener, IPullProducer)
class StreamProtocol(Protocol):
    """
    One connection that carries one stream.

    :ivar number: what logs call this stream; unique in the process.
    :param contexts: makes TLS for a domain of ours.
    :param judge: decides whether what the peer showed proves its domain.
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
        observer: StreamObserver,
    ) -> None:
        self.number = number
        self.stream = stream
        self.tls: TLSDescription | None = None
        self.peer_certificate: Certificate | None = None
        self._clock = clock
        self._contexts = contexts
        self._judge = judge
        self._observer = observer
        self._chain: tuple[Certificate, ...] = ()
        self._in_hand: list[Slice] = []
        """Written, but not yet known to be in the kernel."""
        self._passing: IDelayedCall | None = None
        """Active while what is in hand may still be above the transport, in the layer of TLS."""
        self._alarm: IDelayedCall | None = None
        self._judging: Deferred[Outcome] | None = None

    @property
    def peer_address(self) -> str:
        """Where the other end is, for operators."""
        if self.transport is None:
            return "not connected"
        peer = self.transport.getPeer()
        host, port = getattr(peer, "host", None), getattr(peer, "port", None)
        return str(peer) if host is None else f"{host}:{port}"

    # What Twisted calls.

    def connectionMade(self) -> None:
        """Say what the stream has to say first."""
        self._write()
        self._arm()

    def dataReceived(self, data: bytes) -> None:
        """Let the stream read what came."""
        self._act(self.stream.receive_bytes(data, self._clock.seconds()))

    def handshakeCompleted(self) -> None:
        """Note what the peer showed, then let the stream go on inside TLS."""
        self._watch_kernel()
        connection = self._transport().getHandle()
        self._chain = peer_chain(connection)
        self.peer_certificate = self._chain[0] if self._chain else None
        self.tls = tls_description(connection)
        self._act(self.stream.tls_established(self._clock.seconds()))

    def resumeProducing(self) -> None:
        """The kernel has taken all that the transport had: what is in hand too, if it got that far."""
        if self._passing is None or not self._passing.active():
            self._in_hand.clear()
            if self.stream.state is StreamState.CARRYING:
                self._observer.has_room(self)

    def stopProducing(self) -> None:
        """The transport is going away; :meth:`connectionLost` says so."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell the stream and the observer, once."""
        events = self.stream.connection_lost(f"connection lost: {reason.getErrorMessage()}"[:200])
        self._report(events)
        self._disarm()
        if self._judging is not None:
            self._judging.cancel()
        unsent, self._in_hand = tuple(self._in_hand), []
        self._observer.gone(self, unsent)

    # What the observer calls.

    @property
    def room(self) -> bool:
        """Whether :meth:`send` may be called now."""
        return not self._in_hand and self.stream.state is StreamState.CARRYING

    def send(self, pair: DomainPair, stanzas: Sequence[Slice]) -> None:
        """
        Send stanzas of one pair; only while there is :attr:`room`.

        :param stanzas: :data:`MAX_WRITE_BYTES` together, or a single one.
        :raises LocalMisuse: if the pair is not proven on this stream.
        """
        self.stream.send(pair, stanzas, self._clock.seconds())
        self._in_hand.extend(stanzas)
        self._write()
        self._passing = self._clock.callLater(0, _nothing)

    def close(self) -> None:
        """Close the stream politely."""
        self._act(self.stream.close(self._clock.seconds()))

    def fail(self, condition: StreamCondition, text: str) -> None:
        """Close the stream with an error."""
        self._act(self.stream.fail(condition, text, self._clock.seconds()))

    # The inside.

    def _transport(self) -> Any:
        return self.transport

    def _watch_kernel(self) -> None:
        """
        Be told whenever the transport's own buffer is empty.

        TLS joins small writes until the next turn, and would hide the transport below; so we watch
        that one, as a producer that is asked for more whenever nothing is left.
        """
        transport = self._transport()
        if isinstance(transport, FileDescriptor):
            FileDescriptor.registerProducer(transport, self, False)
        else:
            transport.registerProducer(self, False)

    def _unwatch_kernel(self) -> None:
        transport = self._transport()
        if isinstance(transport, FileDescriptor):
            FileDescriptor.unregisterProducer(transport)
        else:
            transport.unregisterProducer()

    def _write(self) -> None:
        data = self.stream.bytes_to_send()
        if data:
            self._transport().write(data)

    def _act(self, events: Iterable[StreamEvent]) -> None:
        """Do and report what the stream wants, then send what it has to say."""
        self._report(events)
        if self.transport is not None:
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
                    self._prove(event)
                case StreamReady(pair=pair):
                    self._write()
                    self._observer.ready(self, pair)
                case StanzaDropped(pair=pair):
                    self._note_dropped(pair)
                case StreamClosing():
                    self._note_closing(event)
                    self._observer.closing(self, event)
                case StreamEnded():
                    self._end()

    def _begin_tls(self, agreed: TLSAgreed) -> None:
        self._write()
        own, peer = agreed.own_domain, agreed.peer_domain
        try:
            creator = ServerTLS(self._contexts, own) if peer is None else ClientTLS(self._contexts, own, peer)
        except CertificateProblem as problem:
            self._log.error(
                "no TLS for {domain} on stream {number}: {problem}", domain=own, number=self.number, problem=problem
            )
            self.fail(StreamCondition.INTERNAL_SERVER_ERROR, f"no usable certificate for {own}")
            return
        self._transport().startTLS(creator)

    def _prove(self, wanted: ProofWanted) -> None:
        evidence = Evidence(chain=self._chain)
        self._judging = Deferred.fromCoroutine(self._judge.judge(wanted.domain, evidence, self._clock.seconds()))
        self._judging.addErrback(self._not_judged, wanted)
        self._judging.addCallback(self._judged, wanted)

    def _not_judged(self, failure: Failure, wanted: ProofWanted) -> Outcome:
        self._log.failure("judging {domain} on stream {number}", failure, domain=wanted.domain, number=self.number)
        return Undecided(domain=wanted.domain, reasons=("an internal error, see the log",))

    def _judged(self, outcome: Outcome, wanted: ProofWanted) -> None:
        self._judging = None
        if isinstance(outcome, Proven):
            self._log.info(
                "accepted {domain}, asked for {asked_for}, by {prooftype} on stream {number}",
                domain=wanted.domain,
                asked_for=wanted.asked_for,
                prooftype=outcome.prooftype,
                number=self.number,
                evidence=outcome.evidence,
            )
        else:
            self._log.info(
                "refused {domain}, asked for {asked_for}, on stream {number}: {reasons}",
                domain=wanted.domain,
                asked_for=wanted.asked_for,
                number=self.number,
                reasons="; ".join(outcome.reasons),
            )
        self._act(self.stream.decide(outcome, self._clock.seconds()))

    def _note_dropped(self, pair: DomainPair) -> None:
        if self.stream.dropped == 1:
            self._log.warn(
                "dropping stanzas from {sender} on stream {number}, where it is not proven",
                sender=pair.sender,
                number=self.number,
            )

    def _note_closing(self, event: StreamClosing) -> None:
        if event.condition is not None:
            self._log.info(
                "stream {number} with {address} failed, said {side}: {condition} ({text})",
                number=self.number,
                address=self.peer_address,
                side="the peer" if event.by_peer else "we",
                condition=event.condition.value,
                text=event.text,
            )

    def _end(self) -> None:
        """Close the connection, politely and then not."""
        self._write()
        self._disarm()
        transport = self._transport()
        if transport is not None:
            self._unwatch_kernel()
            self._in_hand.clear()
            transport.loseConnection()
            self._alarm = self._clock.callLater(ABORT_SECONDS, transport.abortConnection)

    def _arm(self) -> None:
        """Have one alarm at or before the stream's deadline; deadlines that move on cost nothing."""
        deadline = self.stream.deadline
        if deadline is None:
            return
        if self._alarm is not None and self._alarm.active():
            if self._alarm.getTime() <= deadline:
                return
            self._alarm.cancel()
        self._alarm = self._clock.callLater(max(0.0, deadline - self._clock.seconds()), self._wake)

    def _disarm(self) -> None:
        if self._alarm is not None and self._alarm.active():
            self._alarm.cancel()

    def _wake(self) -> None:
        self._act(self.stream.wake(self._clock.seconds()))


def _nothing() -> None:
    """What happens when a turn has passed: it is enough that it has."""
