"""
How a stream of ours comes about: a connection, then its negotiation, from server to server.

Knows which failure lets the next server of a domain have its turn, where a peer may send us instead, and
how soon it is worth trying again. Does not know what the stream is for: see
:mod:`muxs2s.service.streams` and :mod:`muxs2s.service.verification`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocol

from muxs2s.network.connecting import Connector
from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.targets import Target, TargetRefused, Unreachable, read_target
from muxs2s.service.factory import StreamFactory
from muxs2s.service.linkseams import StreamUnavailable
from muxs2s.stream.events import StreamClosing
from muxs2s.stream.machine import StreamState
from muxs2s.wire.errors import MuxS2SError, StanzaCondition, StreamCondition
from muxs2s.wire.names import DomainPair

__all__ = ["MAX_REDIRECTS", "PASSING_CONDITIONS", "Opening", "Purpose", "leaves_turn_to_next"]

MAX_REDIRECTS: Final = 3
"""Times a peer may send one attempt elsewhere (RFC 6120, section 4.9.3.19)."""

PASSING_CONDITIONS: Final = frozenset(
    {
        StreamCondition.CONFLICT,
        StreamCondition.CONNECTION_TIMEOUT,
        StreamCondition.INTERNAL_SERVER_ERROR,
        StreamCondition.REMOTE_CONNECTION_FAILED,
        StreamCondition.RESET,
        StreamCondition.RESOURCE_CONSTRAINT,
        StreamCondition.SYSTEM_SHUTDOWN,
    }
)
"""Of stream errors after which it is worth trying again soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a stream is opened for."""

    pair: DomainPair
    """Our domain, then the peer's."""

    only_to_ask: bool = False
    """Whether only questions about dialback keys will be asked on it."""

    is_shared: bool = True
    """Whether others may use it, too, where the peer multiplexes."""


class _ClosedEarly(MuxS2SError):
    """A stream closed before it was good for anything."""

    def __init__(self, event: StreamClosing) -> None:
        super().__init__(event.text)
        self.event = event


class Opening:
    """
    Opens streams.

    :param make: makes the protocol of a connection to a target.
    """

    def __init__(self, connector: Connector, make: Callable[[Purpose, Target], StreamProtocol]) -> None:
        self._connector, self._make = connector, make
        self._connecting: set[Deferred[IProtocol]] = set()
        self._negotiating: dict[StreamProtocol, Deferred[None]] = {}
        self._is_stopped = False

    def start(self) -> None:
        """Open streams again after :meth:`stop`."""
        self._is_stopped = False

    def stop(self) -> None:
        """Break off what is not connected yet; open none from now on."""
        self._is_stopped = True
        for connecting in tuple(self._connecting):
            connecting.cancel()

    async def open(self, purpose: Purpose) -> StreamProtocol:
        """
        Open a stream.

        :returns: once it is negotiated.
        :raises StreamUnavailable: if that cannot be done.
        """

        def make(target: Target) -> StreamFactory:
            return StreamFactory(lambda _address: self._make(purpose, target))

        attempt = self._connector.attempt(purpose.pair.target, make)
        connecting, redirects = attempt.next(), 0
        while True:
            connection = await self._connected(connecting)
            try:
                await self._negotiated(connection)
            except _ClosedEarly as closed:
                event = closed.event
            else:
                return connection
            if event.see_other and redirects < MAX_REDIRECTS:
                redirects += 1
                connecting = self._connector.connect_to(_other_target(event, connection, purpose.pair), make)
            elif leaves_turn_to_next(event, is_secure=connection.tls is not None):
                connecting = attempt.next(f"{connection.peer_address}: {event.text}")
            else:
                raise _unavailable(connection, event)

    # What streams tell us.

    def negotiated(self, connection: StreamProtocol) -> None:
        """A stream is good for what it was opened for; those not opened here are of no interest."""
        negotiating = self._negotiating.pop(connection, None)
        if negotiating is not None:
            negotiating.callback(None)

    def refused(self, connection: StreamProtocol, unavailable: StreamUnavailable) -> None:
        """The peer does not take what a stream was opened for."""
        negotiating = self._negotiating.pop(connection, None)
        if negotiating is not None:
            negotiating.errback(unavailable)

    def closing(self, connection: StreamProtocol, event: StreamClosing) -> None:
        """A stream closes, perhaps before it was good for anything."""
        negotiating = self._negotiating.pop(connection, None)
        if negotiating is not None:
            negotiating.errback(_ClosedEarly(event))

    # The inside.

    async def _connected(self, connecting: Deferred[IProtocol]) -> StreamProtocol:
        self._connecting.add(connecting)
        if self._is_stopped:
            connecting.cancel()
        try:
            return cast(StreamProtocol, await connecting)
        except Unreachable as unreachable:
            final = unreachable.condition is StanzaCondition.REMOTE_SERVER_NOT_FOUND
            raise StreamUnavailable(unreachable.condition, str(unreachable), final=final) from None
        except CancelledError:
            if self._is_stopped:
                text = "this server is going out of service"
                raise StreamUnavailable(StanzaCondition.REMOTE_SERVER_TIMEOUT, text, final=True) from None
            raise
        finally:
            self._connecting.discard(connecting)

    async def _negotiated(self, connection: StreamProtocol) -> None:
        if connection.stream.state is StreamState.CLOSED:
            text = "the connection was closed at once"
            raise _ClosedEarly(StreamClosing(by_peer=True, condition=None, text=text, see_other=""))
        negotiating: Deferred[None] = Deferred()
        self._negotiating[connection] = negotiating
        try:
            await negotiating
        except CancelledError:
            self._negotiating.pop(connection, None)
            connection.close()
            raise


def leaves_turn_to_next(event: StreamClosing, *, is_secure: bool) -> bool:
    """
    Whether a domain's next server is tried after a stream that was good for nothing: if it was lost before TLS.

    :param is_secure: whether TLS was up.
    """
    return not is_secure and event.condition is None


def _other_target(event: StreamClosing, connection: StreamProtocol, pair: DomainPair) -> Target:
    """
    Where a peer sends us; the same pair, policy and proofs count there.

    Source: RFC 6120, section 4.9.3.19.
    """
    try:
        return read_target(event.see_other)
    except TargetRefused as refused:
        text = f"the server at {connection.peer_address} sends {pair.sender} to no place at all: {refused}"
        raise StreamUnavailable(StanzaCondition.REMOTE_SERVER_TIMEOUT, text, final=True) from None


def _unavailable(connection: StreamProtocol, event: StreamClosing) -> StreamUnavailable:
    """Why a stream ended before it could carry anything."""
    where = connection.peer_address
    said = f"{event.condition.value}: {event.text}" if event.condition else event.text
    side = f", the server at {where} said" if event.by_peer and event.condition else f" with the server at {where}"
    final = event.condition is not None and event.condition not in PASSING_CONDITIONS
    return StreamUnavailable(StanzaCondition.REMOTE_SERVER_TIMEOUT, f"no stream{side}: {said}", final=final)
