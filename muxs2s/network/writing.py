"""
Writes on one connection, and knows which stanzas the kernel has taken.

Knows TLS records and when the transport below TLS has nothing left. Does not know what else is said on
a stream, nor what becomes of stanzas that never left: see :mod:`muxs2s.network.protocol`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from twisted.internet.interfaces import IPullProducer
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from muxs2s.wire.stanza import Slice

__all__ = ["MAX_WRITE_BYTES", "StanzaWriter"]

MAX_WRITE_BYTES: Final = 16_384
"""
Stanzas given to the transport at once, in bytes: what fits one TLS record. A record that the kernel
took only in part cannot be read by the peer, so a write either arrived whole or not at all.

Source: RFC 8446, section 5.1.
"""


@implementer(IPullProducer)
class StanzaWriter:
    """
    Writes inside TLS: one batch of stanzas at a time, and nothing behind it until the kernel has it.

    Twisted would keep small writes until the next turn, to join them: ours go straight to the layer of
    TLS, and from there to the transport below. There we are registered as the producer, so that it
    asks for more whenever it has nothing left; the layer of TLS would not let us know.

    :param layer: TLS on this connection, its handshake complete.
    :param taken: called whenever the kernel has taken everything that was written.
    """

    def __init__(self, layer: TLSMemoryBIOProtocol, taken: Callable[[], None]) -> None:
        self.in_hand: tuple[Slice, ...] = ()
        """Stanzas that were written and are not yet known to be in the kernel."""

        self._layer = layer
        self._below: Any = layer.transport
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
        """Write what is no stanza; only while none are in hand, or nobody could tell when they have gone."""
        TLSMemoryBIOProtocol.write(self._layer, data)

    def write_stanzas(self, data: bytes, stanzas: Sequence[Slice]) -> None:
        """
        Write stanzas; only while :attr:`is_free`.

        :param data: the same stanzas as bytes: :data:`MAX_WRITE_BYTES` at most, or a single stanza.
        """
        self.in_hand = tuple(stanzas)
        self.write(data)
        if self._below.disconnecting:
            self.release()  # TLS broke under our hands; what is in hand will never be in the kernel

    def resumeProducing(self) -> None:
        """The kernel has taken all that the transport had."""
        self.in_hand = ()
        if self._below.disconnecting:
            self.release()  # the peer has closed TLS: nothing more can be written
        else:
            self._taken()

    def stopProducing(self) -> None:
        """The connection is lost; the protocol hears of it by itself."""
