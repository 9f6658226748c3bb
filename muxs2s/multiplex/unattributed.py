"""What a peer says that belongs to nothing: ignored, and counted."""

from __future__ import annotations

from muxs2s.multiplex.conversation import Begun
from muxs2s.wire.errors import MuxS2SError

__all__ = ["Unattributed"]


class Unattributed(MuxS2SError):
    """An element has no id that was ever begun, or does not fit its open exchange; it changes nothing."""

    @classmethod
    def unless_over(cls, begun: Begun) -> None:
        """
        Let pass what concerns an exchange or a removal that is over: that may have crossed its end.

        :raises Unattributed: if it has never begun.
        """
        if begun in {Begun.NEVER, Begun.NOW}:
            raise cls("nothing of that id was ever begun")
