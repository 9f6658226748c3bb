"""
What a script can come to but success.

Knows the two exceptions. Does not know who catches them: see :mod:`muxs2s.conformance.run`.
"""

from __future__ import annotations

from muxs2s.wire.errors import MuxS2SError

__all__ = ["Deviation", "NotObservable"]


class Deviation(MuxS2SError):
    """The server did something else than it should; the message says what was expected and what came."""


class NotObservable(MuxS2SError):
    """The server gives no occasion to see what is looked for; the message says why."""
