"""
Writes on one connection, and knows what the kernel has taken.

Knows TLS records and when the transport, below TLS if there is any, has nothing left. Does not know what
else is said on a stream, nor what becomes of stanzas that never left: see :mod:`muxs2s.network.protocol`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from twisted.internet.interfaces import IPullProducer
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from muxs2s.wire.stanza import Slice

__all__ = ["MAX_UNREAD_BYTES", "MAX_UNREAD_MULTIPLEX_BYTES", "MAX_WRITE_BYTES", "StanzaWriter"]

MAX_WRITE_BYTES: Final = 16_384
"""
Stanzas given to the transport at once, in bytes: what fits one TLS record. A record that the kernel
took only in part cannot be read by the peer, so a write either arrived whole or not at all.

Source: RFC 8446, section 5.1.
"""

MAX_UNREAD_BYTES: Final = 131_072
"""Of answers to a peer that its kernel and ours have no room for: whoever reads nothing has asked enough."""


MAX_UNREAD_MULTIPLEX_BYTES: Final = 4_194_304
"""
The same where both ends multiplex: proofs are answers, too, and as many may be on their way as exchanges may be
open, 128 by default, of 32 KiB each.
"""


@implementer(IPullProducer)
class StanzaWriter:
    """
    Writes one batch of stanzas at a time, and nothing behind it until the kernel has it.

    Twisted would keep small writes inside TLS until the next turn, to join them: ours go straight to the
    layer of TLS, and from there to the transport below. There we are registered as the producer, so that
    it asks for more whenever it has nothing left; the layer of TLS would not let us know.

    :param transport: of the connection, below TLS.
    :param taken: called whenever the kernel has taken everything that was written.
    :param layer: TLS on this connection, its handshake complete; left out, there is none.
    """

    def __init__(self, transport: Any, taken: Callable[[], None], layer: TLSMemoryBIOProtocol | None = None) -> None:
        self.in_hand: tuple[Slice, ...] = ()
        """Stanzas that were written and are not yet known to be in the kernel."""

        self.unread_bytes = 0
        """What was said besides since the kernel had everything."""

        self._below, self._layer = transport, layer or transport
        self._write: Callable[[bytes], object] = (
            transport.write if layer is None else partial(TLSMemoryBIOProtocol.write, layer)
        )
        self._waiting: list[bytes] = []
        """What is to be said behind the stanzas in hand, or nobody could tell when these have gone."""
        self._taken = taken

    @property
    def is_free(self) -> bool:
        """Whether stanzas may be written: none are in hand, and neither TLS nor the transport is ending."""
        return not (self.in_hand or self._layer.disconnecting or self._below.disconnecting)

    def watch(self) -> None:
        """Begin to ask the transport; it tells at once if it has nothing to write."""
        self._below.registerProducer(self, False)

    def release(self) -> None:
        """Ask the transport no more. As long as we do, it waits for us and cannot close."""
        self._below.unregisterProducer()

    def write(self, data: bytes) -> None:
        """Write what is no stanza: at once, or as soon as no stanzas are in hand."""
        self.unread_bytes += len(data)
        if self.in_hand:
            self._waiting.append(data)
        else:
            self._write(data)

    def write_stanzas(self, data: bytes, stanzas: Sequence[Slice]) -> None:
        """
        Write stanzas; only while :attr:`is_free`.

        :param data: the same stanzas as bytes: inside TLS :data:`MAX_WRITE_BYTES` at most, or a single stanza.
        """
        self.in_hand = tuple(stanzas)
        self._write(data)
        if self._below.disconnecting:
            self.release()  # TLS broke under our hands; what is in hand will never be in the kernel

    def resumeProducing(self) -> None:
        """The kernel has taken all that the transport had."""
        self.in_hand = ()
        if self._below.disconnecting:
            self.release()  # the peer has closed TLS: nothing more can be written
            return
        waiting, self._waiting = b"".join(self._waiting), []
        self.unread_bytes = len(waiting)
        if waiting:
            self._write(waiting)
        self._taken()

    def stopProducing(self) -> None:
        """The connection is lost; the protocol hears of it by itself."""
