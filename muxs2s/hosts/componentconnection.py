"""
One connection of a component: stanzas in, stanzas out, and what waits in between.

Knows the transport, the time-outs and how much may wait for a component that does not read. Does not
know what a stream may say, see :mod:`muxs2s.hosts.componentstream`, nor who may serve which domain,
see :mod:`muxs2s.hosts.components`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final, cast
from typing import Protocol as Interface

from twisted.internet.interfaces import IConsumer, IDelayedCall, IPushProducer, IReactorTime, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from muxs2s.hosts.componentstream import ComponentLimits, ComponentState, ComponentStream, SecretOf
from muxs2s.hosts.seam import Federation
from muxs2s.network.addresses import shown
from muxs2s.network.restraint import RestrainedLog
from muxs2s.wire.errors import LocalMisuse, StanzaCondition, StreamCondition
from muxs2s.wire.names import DomainName
from muxs2s.wire.namespaces import COMPONENT, PING
from muxs2s.wire.stanza import Slice, error_reply, moved

__all__ = ["ComponentConnection", "ComponentListener"]

_RANDOM_BYTES: Final = 16
"""Of a stream id, and of the id of a ping."""

_WRITE_BYTES: Final = 65_536
"""Once so much is written the rest waits for the next write; Twisted's transports have enough then."""

_PING: Final = f"<iq xmlns='{{0}}' type='get' from='{{1}}' to='{{1}}' id='{{2}}'><ping xmlns='{PING}'/></iq>"


class _ComponentTransport(ITCPTransport, IConsumer):
    """What Twisted gives a connection, over TCP, TLS or a Unix socket."""


class ComponentListener(Interface):
    """What a connection asks of the listener that took it."""

    federation: Federation
    secret_of: SecretOf
    clock: IReactorTime
    limits: ComponentLimits
    entropy: Callable[[int], bytes]
    restrained: RestrainedLog
    """For lines that connections of strangers cause."""

    def admit(self, connection: ComponentConnection, domain: DomainName) -> None:
        """
        Let a component that knows the secret serve its domain.

        :raises RemoteViolation: ``host-unknown`` or ``conflict``.
        """
        ...

    def release(self, connection: ComponentConnection, domain: DomainName | None) -> bool:
        """Let a component serve its domain no more; tells whether it did."""
        ...

    def forget(self, connection: ComponentConnection) -> None:
        """Count a connection no more: it is gone."""
        ...


@implementer(IPushProducer)
class ComponentConnection(Protocol):
    """
    Moves stanzas between one component and federation; a :class:`~muxs2s.hosts.seam.Host`.

    Made by :class:`~muxs2s.hosts.components.ComponentFactory`.
    """

    _log = Logger()

    def __init__(self, listener: ComponentListener) -> None:
        self._listener = listener
        self._limits = listener.limits
        stream_id = listener.entropy(_RANDOM_BYTES).hex()
        self._stream = ComponentStream(stream_id, listener.secret_of, self._admit, listener.limits)
        self._deadline: IDelayedCall | None = None
        """Of the handshake, later of closing."""
        self._answer_deadline: IDelayedCall | None = None
        self._ping_id: str | None = None
        self._reading = True
        """Whether the transport takes more; not while the component reads too slowly."""
        self._waiting: deque[Slice] = deque()
        self._waiting_bytes = 0
        self._overflown = False
        self._left = False

    @property
    def _wire(self) -> _ComponentTransport:
        return cast(_ComponentTransport, self.transport)

    @property
    def _peer(self) -> str:
        """Where the component is, for operators."""
        return shown(self._wire.getPeer())

    # What the connection does.

    def connectionMade(self) -> None:
        """Wait for the handshake, not for ever."""
        self._wait(self._limits.handshake_seconds, self._handshake_overdue)

    def dataReceived(self, data: bytes) -> None:
        """Hand on what the component sent, in one batch."""
        if self._stream.state is ComponentState.CLOSED:
            return
        self._stop_waiting_for_answer()
        received = self._stream.receive_bytes(data)
        self._follow()
        if received.replies:
            self.deliver(received.replies)
        stanzas = received.stanzas
        if self._ping_id is not None:
            stanzas = tuple(stanza for stanza in stanzas if not self._is_pong(stanza))
        if stanzas:
            self._send(stanzas)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Give the domain back; what waited is bounced."""
        self._leave()
        self._stop_waiting()
        self._listener.forget(self)

    def pauseProducing(self) -> None:
        """Let stanzas wait: the component does not read as fast as they come."""
        self._reading = False

    def resumeProducing(self) -> None:
        """Write what waited."""
        self._reading = True
        self._overflown = False
        self._flush()

    def stopProducing(self) -> None:
        """Nothing to do: :meth:`connectionLost` follows."""

    # What the listener and federation ask for.

    def shut_down(self, condition: StreamCondition, text: str) -> None:
        """End the stream in good order: what the component has under way still passes."""
        self._stream.shut_down(condition, text)
        self._follow()

    def make_room(self) -> None:
        """Be cut at once: it has not shaken hands, and there are too many of its kind."""
        text = f"it was the oldest of {self._limits.max_unproven_connections} that had not shaken hands"
        self._stream.fail(StreamCondition.RESOURCE_CONSTRAINT, text)
        self._follow()
        self._wire.abortConnection()

    def ask_whether_alive(self) -> None:
        """
        End the connection unless the component sends anything within ``answer_seconds``.

        It is pinged, for every entity answers an IQ, if only by an error. From and to itself: no
        other address is sure to be one it answers to.

        Source: RFC 6120, section 8.2.3; XEP-0199, section 4.3.
        """
        if self._answer_deadline is None:
            self._ping_id = self._listener.entropy(_RANDOM_BYTES).hex()
            self._wire.write(_PING.format(COMPONENT, self._stream.domain, self._ping_id).encode())
            self._answer_deadline = self._listener.clock.callLater(self._limits.answer_seconds, self._answer_overdue)

    def deliver(self, stanzas: Sequence[Slice]) -> None:
        """
        Write stanzas to the component.

        While it does not read, they wait up to ``max_waiting_bytes``; what exceeds that is bounced
        with ``resource-constraint``.
        """
        refused = [stanza for stanza in stanzas if not self._take(stanza)]
        self._flush()
        if self._left:
            self._bounce(refused, StanzaCondition.SERVICE_UNAVAILABLE, "the component is not connected")
        elif refused:
            self._overflow(refused)

    # Stanzas on their way.

    def _send(self, stanzas: Sequence[Slice]) -> None:
        try:
            self._listener.federation.send(stanzas)
        except LocalMisuse as misuse:
            self._stream.fail(StreamCondition.HOST_GONE, str(misuse))
            self._follow()

    def _take(self, stanza: Slice) -> bool:
        size = len(stanza.data)
        if self._waiting_bytes + size > self._limits.max_waiting_bytes:
            self._flush()
        if self._left or self._waiting_bytes + size > self._limits.max_waiting_bytes:
            return False
        self._waiting.append(stanza)
        self._waiting_bytes += size
        return True

    def _flush(self) -> None:
        """Write until the transport has enough."""
        while self._waiting and self._reading and self._stream.state is ComponentState.CARRYING:
            self._wire.write(b"".join(self._take_some()))

    def _take_some(self) -> Iterator[bytes]:
        """Take what makes one write; as stanzas leave here they may be many times as long as they came."""
        size = 0
        while self._waiting and size < _WRITE_BYTES:
            stanza = self._waiting.popleft()
            self._waiting_bytes -= len(stanza.data)
            data = moved(stanza, COMPONENT).data
            size += len(data)
            yield data

    def _take_back(self) -> Sequence[Slice]:
        """Take all that waits."""
        waiting, self._waiting, self._waiting_bytes = self._waiting, deque(), 0
        return waiting

    def _overflow(self, refused: Sequence[Slice]) -> None:
        if not self._overflown:
            self._overflown = True
            self._log.warn(
                "component {domain} does not read; bouncing what exceeds {limit} bytes",
                domain=self._stream.domain,
                limit=self._limits.max_waiting_bytes,
            )
        self._bounce(refused, StanzaCondition.RESOURCE_CONSTRAINT, "too much is waiting for the component")

    def _bounce(self, stanzas: Sequence[Slice], condition: StanzaCondition, text: str) -> None:
        replies = [reply for stanza in stanzas if (reply := error_reply(stanza, condition, text))]
        try:
            if replies:
                self._listener.federation.send(replies)
        except LocalMisuse as misuse:
            self._log.info(
                "{count} stanzas for {domain} were dropped: {reason}",
                count=len(replies),
                domain=self._stream.domain,
                reason=str(misuse),
            )

    def _is_pong(self, stanza: Slice) -> bool:
        return stanza.name == "iq" and stanza.id is not None and stanza.id == self._ping_id

    # Beginning and end.

    def _admit(self, domain: DomainName) -> None:
        self._listener.admit(self, domain)
        self._stop_waiting()
        self._wire.registerProducer(self, streaming=True)
        self._log.info("component {domain} connected from {peer}", domain=domain, peer=self._peer)

    def _follow(self) -> None:
        """Write what the stream has to say, and end the connection where the stream ends."""
        outgoing = self._stream.bytes_to_send()
        if outgoing:
            self._wire.write(outgoing)
        self._flush()
        if self._stream.state in {ComponentState.CLOSING, ComponentState.CLOSED} and self._leave():
            self._wire.unregisterProducer()
        if self._stream.state is ComponentState.CLOSED:
            self._wire.loseConnection()

    def _leave(self) -> bool:
        """Take no more stanzas; tells whether the component was served until now."""
        if self._left:
            return False
        self._left = True
        served = self._listener.release(self, self._stream.domain)
        self._wait(self._limits.closing_seconds, self._wire.abortConnection)
        self._stop_waiting_for_answer()
        self._note_end()
        self._bounce(self._take_back(), StanzaCondition.SERVICE_UNAVAILABLE, "the component is not connected")
        return served

    def _note_end(self) -> None:
        domain, reason = self._stream.domain, self._stream.reason
        if domain is None:
            about = (getattr(self._wire.getPeer(), "host", None), reason)
            self._listener.restrained.info(
                about, "a component from {peer} ended: {reason}", peer=self._peer, reason=reason
            )
        else:
            self._log.info(
                "component {domain} from {peer} ended: {reason}", domain=domain, peer=self._peer, reason=reason
            )

    def _wait(self, seconds: float, then: Callable[[], object]) -> None:
        self._stop_waiting()
        self._deadline = self._listener.clock.callLater(seconds, then)

    def _stop_waiting(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()

    def _stop_waiting_for_answer(self) -> None:
        if self._answer_deadline is not None and self._answer_deadline.active():
            self._answer_deadline.cancel()
        self._answer_deadline = None

    def _handshake_overdue(self) -> None:
        text = f"no handshake within {self._limits.handshake_seconds:g} seconds"
        self._stream.fail(StreamCondition.CONNECTION_TIMEOUT, text)
        self._follow()

    def _answer_overdue(self) -> None:
        text = "another component asked for the place, and no answer came to a ping"
        self._stream.fail(StreamCondition.CONNECTION_TIMEOUT, text)
        self._follow()
