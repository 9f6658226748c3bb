"""
Stanzas that come before the header they should follow.

Knows that Prosody 0.12 begins to use a two-way stream as soon as it has said that SASL succeeded, and so
sometimes before the stream has begun anew. These stanzas belong to the stream before, inside the same TLS
and after the same proofs; whoever drops them loses them. Does not know which of them may pass.
"""

from __future__ import annotations

import re
from typing import Final

from muxs2s.wire.errors import RemoteViolation
from muxs2s.wire.framing import Framed, Framer

__all__ = ["EarlyStanzas"]

_STANZA: Final = re.compile(rb"<(?:iq|message|presence)[\s/>]")
_SPACE: Final = b" \t\r\n"
_LONGEST: Final = len(b"<presence ")
"""How many bytes tell whether an element is a stanza."""

_BEGINNINGS: Final = (b"<iq ", b"<message ", b"<presence ")


class EarlyStanzas:
    """
    Reads with the framer of the stream before as long as stanzas come, then with that of the new one.

    :param before: may have been given the beginning of a stanza already.
    """

    def __init__(self, before: Framer, after: Framer) -> None:
        self.before, self.after = before, after
        before.limits = self.limits = after.limits
        self.is_over = False
        """Whether something else than a stanza has come: ``after`` reads all that follows."""

        self._waiting = b""
        self._is_inside = not before.is_between

    @property
    def violation(self) -> RemoteViolation | None:
        """As that of a framer."""
        return self.after.violation if self.is_over else self.before.violation

    def feed(self, data: bytes) -> list[Framed]:
        """As that of a framer."""
        self._waiting += data
        framed: list[Framed] = []
        while self._waiting and not self.is_over and self.before.violation is None:
            if not self._is_inside:
                self._waiting = self._waiting.lstrip(_SPACE)
                if _is_undecided(self._waiting):
                    return framed
                self._is_inside = _STANZA.match(self._waiting) is not None
                self.is_over = not self._is_inside
            else:
                framed += self._read_on()
        if self.is_over:
            framed += self.after.feed(self._waiting)
            self._waiting = b""
        return framed

    def _read_on(self) -> list[Framed]:
        """Read up to the next ``>``: a stanza ends with one, and nothing behind it is for this framer."""
        stop = self._waiting.find(b">") + 1 or len(self._waiting)
        piece, self._waiting = self._waiting[:stop], self._waiting[stop:]
        framed = self.before.feed(piece)
        self._is_inside = not framed
        return framed


def _is_undecided(waiting: bytes) -> bool:
    """Whether this may yet become a stanza, or not."""
    return len(waiting) < _LONGEST and any(beginning.startswith(waiting) for beginning in _BEGINNINGS)
