"""What a peer says that belongs to nothing: ignored, and counted."""

from __future__ import annotations

from muxs2s.wire.errors import MuxS2SError

__all__ = ["Unattributed"]


class Unattributed(MuxS2SError):
    """An element has no id that was ever begun, or does not fit its open exchange; it changes nothing."""
