"""
One connection to the server under test, in the hands of a script.

Knows how bytes are said and what comes is cut into headers, elements and ends, each waited for no longer than
so many seconds. Does not know when what is due: that is the script's. It uses the framing of muxs2s, which takes
nothing that XMPP forbids, and none of its streams.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from muxs2s.conformance.deviation import Deviation
from muxs2s.conformance.offers import Offers
from muxs2s.conformance.saying import CLOSING
from muxs2s.conformance.tls import AnsweringTLS, CallingTLS
from muxs2s.network.tls import why_lost
from muxs2s.stream.features import is_features
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.framing import Framed, Framer, StreamClosed, StreamOpened
from muxs2s.wire.header import is_stream_error, read_stream_error
from muxs2s.wire.limits import AFTER_AUTHENTICATION
from muxs2s.wire.reasons import readable
from muxs2s.wire.stanza import Slice

__all__ = ["CLOSING_SECONDS", "MAX_LINES_KEPT", "Gone", "Heard", "ScriptedPeer"]

MAX_LINES_KEPT: Final = 60
"""Of what was said and heard on one connection; the first ones."""

CLOSING_SECONDS: Final = 2.0
"""For the server to hang up once we have."""

_MAX_LINE: Final = 400
"""Characters of one such line."""

_MAX_SHOWN: Final = 200
"""Characters of what is told of one element."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The connection is over, or nothing that comes on it can be read any more."""

    text: str


Heard = Framed | Gone


@implementer(IHandshakeListener)
class ScriptedPeer(Protocol):
    """
    A peer that does as a script says.

    :param clock: the reactor.
    :param seconds: how long the server may take for any reaction.
    """

    def __init__(self, clock: IReactorTime, seconds: float) -> None:
        self.lines: list[str] = []
        """What was said (``>``) and heard (``<``), the first of it."""

        self.raw = b""
        """What was heard since the stream began, or began again."""

        self.connection: SSL.Connection | None = None
        """Once the handshake is complete."""

        self.deflect: Callable[[Heard], bool] = lambda _heard: False
        """Says of what comes whether it has seen to it, so that the script need not."""

        self._clock, self._seconds = clock, seconds
        self._framer = Framer(AFTER_AUTHENTICATION)
        self._heard: deque[Heard] = deque()
        self._waiting: Deferred[None] | None = None
        self._layer: TLSMemoryBIOProtocol | None = None
        self._handshake: Deferred[None] = Deferred()
        self._is_closed = False
        """Whether we have closed our stream."""

    # What Twisted calls.

    def dataReceived(self, data: bytes) -> None:
        """Keep what came until the script asks for it."""
        self.raw += data
        self._note("<", data)
        was_readable = self._framer.violation is None
        for framed in self._framer.feed(data):
            self._take(framed)
        if was_readable and self._framer.violation is not None:
            self._take(Gone(text=f"what the server says is no XMPP: {self._framer.violation}"))

    def handshakeCompleted(self) -> None:
        """Let the script go on inside TLS."""
        self.connection = self._transport.getHandle()
        self._handshake.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Let the script know."""
        self.connected = 0
        text = why_lost(reason)
        self._note("*", text.encode())
        self._take(Gone(text=text))
        if self._layer is not None and not self._handshake.called:
            self._handshake.errback(Deviation(f"the handshake of TLS failed: {text}"))

    # What scripts call: speaking.

    def say(self, *said: str | bytes) -> None:
        """Send, all of it in one piece; what nobody is there to read is dropped."""
        data = b"".join(part.encode() if isinstance(part, str) else part for part in said)
        self._note(">", data)
        self._is_closed = self._is_closed or data.endswith(CLOSING.encode())
        if self._layer is not None:
            TLSMemoryBIOProtocol.write(self._layer, data)
        elif self.connected:
            self._transport.write(data)

    async def start_tls(self, creator: CallingTLS | AnsweringTLS) -> SSL.Connection:
        """
        Begin TLS.

        :raises Deviation: if it comes to nothing.
        """
        self._transport.startTLS(creator)
        self._layer = creator.layer
        self.renew()
        await self._handshake.addTimeout(self._seconds, self._clock, self._no_handshake)
        assert self.connection is not None, "the handshake is complete"
        return self.connection

    def renew(self) -> None:
        """Begin to read a new stream; what was left of the old one does not count."""
        self._framer = Framer(AFTER_AUTHENTICATION)
        self._heard.clear()
        self.raw = b""

    async def close(self) -> None:
        """Close the stream and the connection, however the server takes it."""
        if self.connected:
            if not self._is_closed:
                self.say(CLOSING)
            self._transport.loseConnection()
            self._note("*", b"we hang up")
        overdue = self._clock.callLater(CLOSING_SECONDS, self.cut)
        while self.connected:
            self._heard.clear()
            await self._something()
        if overdue.active():
            overdue.cancel()

    def cut(self) -> None:
        """Break the connection off."""
        if self.connected:
            self._transport.abortConnection()

    # What scripts call: listening.

    async def hear(self, expected: str, seconds: float | None = None) -> Heard:
        """
        Wait for what comes next.

        :param expected: what that should be, for people.
        :raises Deviation: if nothing comes in time.
        """
        limit = self._seconds if seconds is None else seconds
        if not self._heard and await self._nothing_within(limit):
            raise Deviation(f"expected {expected}, and nothing came within {limit:g} s")
        return self._heard.popleft()

    async def hears_nothing(self, seconds: float) -> None:
        """
        Wait, and see that nothing comes.

        :raises Deviation: if something does.
        """
        if self._heard or not await self._nothing_within(seconds):
            raise self.other("nothing", self._heard.popleft())

    async def header(self) -> StreamOpened:
        """The header of the server's stream comes next."""
        expected = "a stream header"
        heard = await self.hear(expected)
        if not isinstance(heard, StreamOpened):
            raise self.other(expected, heard)
        return heard

    async def features(self) -> Offers:
        """Features come next."""
        expected = "stream features"
        heard = await self.hear(expected)
        if not isinstance(heard, Slice) or not is_features(heard):
            raise self.other(expected, heard)
        return Offers(heard)

    async def element(self, name: str, namespace: str, seconds: float | None = None, **attributes: str | None) -> Slice:
        """
        An element comes next.

        :param attributes: those that it must have, of ``from``, written ``from_``, ``to``, ``type`` and ``id``.
        """
        wanted = {key.rstrip("_"): value for key, value in attributes.items()}
        expected = f"<{name}{''.join(f' {key}={value!r}' for key, value in wanted.items())}/> of {namespace}"
        heard = await self.hear(expected, seconds)
        if not self.is_element(heard, name, namespace):
            raise self.other(expected, heard)
        had = {"from": heard.from_address, "to": heard.to_address, "type": heard.type, "id": heard.id}
        if any(had[key] != value for key, value in wanted.items()):
            raise self.other(expected, heard)
        return heard

    async def fails(self, *conditions: StreamCondition, seconds: float | None = None) -> None:
        """The server ends the stream with one of these errors and closes it; its header may come before."""
        expected = f"stream error {' or '.join(condition.value for condition in conditions)}"
        heard = await self.hear(expected, seconds)
        if isinstance(heard, StreamOpened):
            heard = await self.hear(expected, seconds)
        if not self.is_error(heard, *conditions):
            raise self.other(expected, heard)
        await self.closes()

    async def closes(self) -> None:
        """The server closes its stream."""
        heard = await self.hear("the closing tag")
        if not isinstance(heard, StreamClosed):
            raise self.other("the closing tag", heard)

    async def ends(self) -> None:
        """The server closes its stream and, once we have closed ours, the connection."""
        await self.closes()
        if not self._is_closed:
            self.say(CLOSING)
        heard = await self.hear("the end of the connection")
        if not isinstance(heard, Gone):
            raise self.other("the end of the connection", heard)

    @staticmethod
    def other(expected: str, heard: Heard) -> Deviation:
        """Say what came in the place of what was expected."""
        return Deviation(f"expected {expected}; {_shown(heard)}")

    @staticmethod
    def is_element(heard: Heard, name: str, namespace: str) -> TypeGuard[Slice]:
        """Whether it is an element of that name."""
        return isinstance(heard, Slice) and (heard.name, heard.namespace) == (name, namespace)

    @staticmethod
    def is_error(heard: Heard, *conditions: StreamCondition) -> bool:
        """Whether it is a stream error with one of these conditions."""
        return isinstance(heard, Slice) and is_stream_error(heard) and read_stream_error(heard).condition in conditions

    # Inside.

    @property
    def _transport(self) -> Any:
        return self.transport

    def _take(self, heard: Heard) -> None:
        if self.deflect(heard):
            return
        self._heard.append(heard)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def _something(self) -> Deferred[None]:
        """Fires when something more has come."""

        def forget(_deferred: Deferred[None]) -> None:
            self._waiting = None

        self._waiting = Deferred(forget)
        return self._waiting

    async def _nothing_within(self, seconds: float) -> bool:
        def too_late(_result: object, _seconds: float) -> bool:
            return True

        return await self._something().addCallback(lambda _: False).addTimeout(seconds, self._clock, too_late)

    def _no_handshake(self, _result: object, seconds: float) -> None:
        raise Deviation(f"the handshake of TLS was not complete within {seconds:g} s")

    def _note(self, mark: str, data: bytes) -> None:
        if len(self.lines) < MAX_LINES_KEPT:
            self.lines.append(f"{mark} {readable(data.decode('utf-8', 'replace'), _MAX_LINE)}")


def _shown(heard: Heard) -> str:
    """What was heard, for people."""
    match heard:
        case Gone(text=text):
            return text
        case StreamClosed():
            return "the stream was closed"
        case StreamOpened():
            return "a stream header came"
    if is_stream_error(heard):
        failure = read_stream_error(heard)
        return readable(f"the stream ended with {failure.condition.value}: {failure.text or 'no text'}", _MAX_SHOWN)
    return f"{readable(heard.data.decode(), _MAX_SHOWN)} came"
