"""
Every stream of this process: opened by us, accepted from peers, each under a number.

Knows how a stream for a domain pair comes about and who is to hear of it. A stream belongs to the
connection and the peer at its other end, never to a pair: a pair only uses it. Does not know what
waits for a stream (:mod:`muxs2s.service.links`) or where a stanza goes
(:mod:`muxs2s.service.routing`).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory

from muxs2s.network.connecting import Connector
from muxs2s.network.evidence import Judge
from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.targets import Unreachable
from muxs2s.network.tls import TLSContexts
from muxs2s.service.linkseams import Carrier, Link, StreamUnavailable
from muxs2s.stream.events import StreamClosing
from muxs2s.stream.initiating import InitiatingStream
from muxs2s.stream.limits import StreamLimits
from muxs2s.stream.machine import StreamState
from muxs2s.stream.receiving import ReceivingStream
from muxs2s.wire.errors import StanzaCondition, StreamCondition
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.stanza import Slice

__all__ = ["StreamFactory", "StreamSeams", "Streams"]

_PASSING: Final = frozenset(
    {
        StreamCondition.CONNECTION_TIMEOUT,
        StreamCondition.INTERNAL_SERVER_ERROR,
        StreamCondition.REMOTE_CONNECTION_FAILED,
        StreamCondition.RESET,
        StreamCondition.RESOURCE_CONSTRAINT,
        StreamCondition.SYSTEM_SHUTDOWN,
    }
)
"""Errors after which it is worth trying again soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSeams:
    """What streams need from outside."""

    clock: IReactorTime
    connector: Connector
    contexts: TLSContexts
    judge: Judge
    hosted: Container[DomainName]
    limits: StreamLimits
    entropy: Callable[[int], bytes]
    deliver: Callable[[Sequence[Slice]], None]
    """Takes what peers send, in order."""

    reached: Callable[[DomainPair], None] = lambda _pair: None
    """Told of a pair whose target has just proven itself to its sender: it is there."""


class StreamFactory(Factory):
    """
    Makes the protocol of each connection.

    :param make: called for every connection; ``None`` turns it away.
    """

    noisy = False

    def __init__(self, make: Callable[[], StreamProtocol | None]) -> None:
        self._make = make

    def buildProtocol(self, addr: IAddress | None) -> StreamProtocol | None:
        """Make a protocol; the address plays no part yet."""
        protocol = self._make()
        if protocol is not None:
            protocol.factory = self
        return protocol


@dataclass(slots=True)
class _Outgoing:
    """A stream we opened, and the link that uses it."""

    link: Link
    waiting: Deferred[Carrier] | None
    """Fires when the stream may carry the pair; ``None`` once it has."""


class Streams:
    """Opens, accepts and watches streams."""

    def __init__(self, seams: StreamSeams) -> None:
        self.seams = seams
        self._numbers = count(1)
        self._connections: dict[int, StreamProtocol] = {}
        self._outgoing: dict[StreamProtocol, _Outgoing] = {}
        self._stopping: list[Deferred[None]] = []
        self._is_stopped = False

    def __iter__(self) -> Iterator[StreamProtocol]:
        """Every stream that is not gone, oldest first."""
        return iter(tuple(self._connections.values()))

    def accepting(self) -> StreamFactory:
        """A factory for the connections that peers open to us."""
        return StreamFactory(self._accept)

    def dial(self, pair: DomainPair, link: Link) -> Deferred[Carrier]:
        """
        Open a stream for a pair.

        :param link: told of the stream's room, closing and end from when the Deferred has fired.
        :returns: fires with the stream once it may carry the pair; fails with
            :exc:`~muxs2s.service.links.StreamUnavailable`. Can be cancelled.
        """
        return Deferred.fromCoroutine(self._dial(pair, link))

    def start(self) -> None:
        """Open and accept streams again after :meth:`stop`."""
        self._is_stopped = False

    def stop(self) -> Deferred[None]:
        """
        Close every stream politely; open and accept none from now on.

        :returns: fires when all are gone, which the streams' limits bound.
        """
        self._is_stopped = True
        stopped: Deferred[None] = Deferred()
        self._stopping.append(stopped)
        for connection in self:
            connection.close()
        self._note_stopped()
        return stopped

    # What streams tell us.

    def ready(self, connection: StreamProtocol, pair: DomainPair) -> None:
        """Give the stream to the link that waits for it; one that a peer opened shows that the peer is there."""
        outgoing = self._outgoing.get(connection)
        if isinstance(connection.stream, ReceivingStream):
            self.seams.reached(pair.reversed())
        elif outgoing is not None and outgoing.waiting is not None:
            waiting, outgoing.waiting = outgoing.waiting, None
            waiting.callback(connection)

    def received(self, _connection: StreamProtocol, stanzas: Sequence[Slice]) -> None:
        """Hand on what came."""
        self.seams.deliver(stanzas)

    def has_room(self, connection: StreamProtocol) -> None:
        """Tell the link."""
        outgoing = self._outgoing.get(connection)
        if outgoing is not None and outgoing.waiting is None:
            outgoing.link.has_room()

    def closing(self, connection: StreamProtocol, event: StreamClosing) -> None:
        """Tell the link, or whoever waits for the stream."""
        outgoing = self._outgoing.get(connection)
        if outgoing is None:
            return
        if outgoing.waiting is None:
            outgoing.link.closing()
        else:
            waiting, outgoing.waiting = outgoing.waiting, None
            del self._outgoing[connection]
            waiting.errback(_unavailable(connection, event))

    def gone(self, connection: StreamProtocol, unsent: Sequence[Slice]) -> None:
        """Forget the stream, and tell the link whether what it sent last ever left."""
        self._connections.pop(connection.number, None)
        outgoing = self._outgoing.pop(connection, None)
        if outgoing is not None:
            outgoing.link.gone(bool(unsent))
        self._note_stopped()

    # The inside.

    async def _dial(self, pair: DomainPair, link: Link) -> Carrier:
        try:
            connection = await self.seams.connector.connect(
                pair.target, lambda _target: StreamFactory(lambda: self._initiate(pair))
            )
        except Unreachable as unreachable:
            final = unreachable.condition is StanzaCondition.REMOTE_SERVER_NOT_FOUND
            raise StreamUnavailable(unreachable.condition, str(unreachable), final=final) from None
        assert isinstance(connection, StreamProtocol)
        if connection.stream.state is StreamState.CLOSED:
            raise StreamUnavailable(
                StanzaCondition.REMOTE_SERVER_TIMEOUT, f"{pair.target} closed the connection at once", final=False
            )
        waiting: Deferred[Carrier] = Deferred()
        self._outgoing[connection] = _Outgoing(link, waiting)
        try:
            return await waiting
        except CancelledError:
            self._outgoing.pop(connection, None)
            connection.close()
            raise

    def _initiate(self, pair: DomainPair) -> StreamProtocol:
        return self._protocol(InitiatingStream(pair, self.seams.limits, self.seams.clock.seconds()))

    def _accept(self) -> StreamProtocol | None:
        if self._is_stopped:
            return None
        seams = self.seams
        return self._protocol(ReceivingStream(seams.hosted, seams.limits, seams.entropy, seams.clock.seconds()))

    def _protocol(self, stream: InitiatingStream | ReceivingStream) -> StreamProtocol:
        seams = self.seams
        protocol = StreamProtocol(
            next(self._numbers),
            stream,
            clock=seams.clock,
            contexts=seams.contexts,
            judge=seams.judge,
            observer=self,
        )
        self._connections[protocol.number] = protocol
        return protocol

    def _note_stopped(self) -> None:
        if self._stopping and not self._connections:
            stopping, self._stopping = self._stopping, []
            for stopped in stopping:
                stopped.callback(None)


def _unavailable(connection: StreamProtocol, event: StreamClosing) -> StreamUnavailable:
    """Why a stream ended before it could carry anything."""
    where = connection.peer_address
    said = f"{event.condition.value}: {event.text}" if event.condition else event.text
    side = f", the server at {where} said" if event.by_peer and event.condition else f" with the server at {where}"
    final = event.condition is not None and event.condition not in _PASSING
    return StreamUnavailable(StanzaCondition.REMOTE_SERVER_TIMEOUT, f"no stream{side}: {said}", final=final)
