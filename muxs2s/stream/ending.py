"""
How a stream ends, in either role and from either side.

Knows what is said last, and what may still be taken then. Does not know what came before: see
:mod:`muxs2s.stream.stream`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

from muxs2s.stream.deadlines import Deadlines
from muxs2s.stream.events import StreamClosing, StreamEnded, StreamEvent
from muxs2s.stream.machine import StreamInput, StreamMachine, StreamState
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.header import CLOSING_TAG, StreamFailure, StreamHeader, stream_error
from muxs2s.wire.reasons import readable

__all__ = ["EndingStream"]

_CLOSING: Final = frozenset({StreamState.CLOSING, StreamState.FAILING})
"""One end has closed its half."""

_SILENT: Final = _CLOSING | {StreamState.CLOSED}


class EndingStream(ABC):
    """What says the last word, and all that takes: the machine, the deadlines, what is to be sent and told."""

    is_secure: bool = False
    """Whether TLS is up."""

    def __init__(self, machine: StreamMachine, deadlines: Deadlines) -> None:
        self._machine = machine
        self._deadlines = deadlines
        self._out: list[bytes] = []
        self._events: list[StreamEvent] = []
        self._header_sent = False

    @property
    def state(self) -> StreamState:
        """What the stream waits for."""
        return self._machine.state

    def bytes_to_send(self) -> bytes:
        """What is to be written now; empty if nothing."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def close(self, now: float) -> Sequence[StreamEvent]:
        """Close the stream politely; what the peer has sent meanwhile is still taken."""
        self._close(now)
        return self._happened()

    def shut_down(self, now: float) -> Sequence[StreamEvent]:
        """
        Close the stream because this server stops; what the peer has sent meanwhile is still taken.

        Source: RFC 6120, section 4.9.3.20.
        """
        if self.state not in _SILENT:
            self._leave(StreamInput.CLOSE, StreamCondition.SYSTEM_SHUTDOWN, "this server stops", now)
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
            self._emit(StreamClosing(by_peer=True, condition=None, text=readable(text), see_other=""))
        self._end()
        return self._happened()

    # What is filled in.

    @abstractmethod
    def _flush_admitted(self) -> None:
        """Report the stanzas that came, before anything that came after them."""

    @abstractmethod
    def _ended(self) -> None:
        """The stream is over; nothing that it waited for will come."""

    @abstractmethod
    def _header_for_error(self) -> StreamHeader:
        """The header that must precede an error where none was sent yet."""

    # The inside.

    def _happened(self) -> Sequence[StreamEvent]:
        self._flush_admitted()
        events, self._events = self._events, []
        return events

    def _emit(self, event: StreamEvent) -> None:
        """Report something."""
        self._flush_admitted()
        self._events.append(event)

    def _send_header(self, header: StreamHeader) -> None:
        self._header_sent = True
        self._out.append(header.to_bytes())

    def _closed_by_peer(self) -> None:
        if self.state not in _CLOSING:
            self._out.append(CLOSING_TAG)
            text = "the peer closed the stream"
            self._emit(StreamClosing(by_peer=True, condition=None, text=text, see_other=""))
        self._end()

    def _failed_by_peer(self, failure: StreamFailure, now: float) -> None:
        closing = self.state is StreamState.CLOSING
        self._machine.advance(StreamInput.FAIL)
        if not closing:
            self._deadlines.begin_closing(now)
            self._out.append(CLOSING_TAG)
            self._emit(
                StreamClosing(
                    by_peer=True,
                    condition=failure.condition,
                    text=readable(failure.text),
                    see_other=failure.see_other if self.is_secure else "",
                )
            )

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
        self._deadlines.begin_closing(now)
        self._emit(StreamClosing(by_peer=False, condition=condition, text=text, see_other=""))
        if in_handshake:
            self._end()
            return
        if not self._header_sent:
            self._send_header(self._header_for_error())
        self._out.append(CLOSING_TAG if condition is None else stream_error(condition, text))

    def _end(self) -> None:
        if self.state is not StreamState.CLOSED:
            self._machine.advance(StreamInput.END)
            self._ended()
            self._emit(StreamEnded())
