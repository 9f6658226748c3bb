"""
When a stream has to be woken, and what for.

Knows the times a stream keeps in each of its states. Does not know what is to be done when one is past:
see :mod:`muxs2s.stream.stream`.
"""

from __future__ import annotations

from enum import Enum, auto
from math import inf
from typing import Final

from muxs2s.stream.limits import StreamLimits
from muxs2s.stream.liveness import Liveness
from muxs2s.stream.machine import StreamState

__all__ = ["IDLE_SHARE", "Deadlines", "Due"]

IDLE_SHARE: Final = 0.9
"""Of the time after which the peer closes an idle stream: by then we have done so, and nothing is lost in between."""


class Due(Enum):
    """What it is time for."""

    ANSWERS = auto()
    """A request of ours has waited too long for its answer."""
    PROOF = auto()
    """What proves the peer has ended."""
    IDLE = auto()
    """No stanza has passed for long."""
    LIFE = auto()
    """The peer has been silent for long."""
    HANDSHAKE = auto()
    """TLS takes too long."""
    NEGOTIATION = auto()
    """It takes too long until stanzas can pass."""
    END = auto()
    """The peer does not close its half."""


class Deadlines:
    """The times of one stream, in seconds since the epoch."""

    def __init__(self, limits: StreamLimits, now: float) -> None:
        self._limits = limits
        self.liveness = Liveness(limits)
        self.proof_ends = inf
        self.answers_due = inf
        """When the first of our requests to the peer has waited too long."""

        self._main = now + limits.negotiation_seconds
        """Until stanzas can pass; then, for the next one; in the end, for the peer's closing tag."""
        self._handshake = now + limits.handshake_seconds

    def begin_handshake(self, now: float) -> None:
        """TLS has been agreed upon."""
        self._handshake = now + self._limits.handshake_seconds

    def carry(self, now: float, peer_idle_seconds: float) -> None:
        """
        A stanza passes, or may pass from now on.

        :param peer_idle_seconds: after which the peer closes an idle stream.
        """
        self._main = now + min(self._limits.idle_seconds, peer_idle_seconds * IDLE_SHARE)

    def begin_closing(self, now: float) -> None:
        """Our half of the stream is closed."""
        self._main = now + self._limits.closing_seconds

    def next(self, state: StreamState) -> float | None:
        """When the stream has to be woken; ``None`` if never more."""
        match state:
            case StreamState.CARRYING:
                return min(self._main, self.proof_ends, self.answers_due, self.liveness.deadline)
            case StreamState.PROVING:
                return min(self._main, self.answers_due)
            case StreamState.SECURING:
                return min(self._main, self._handshake)
            case StreamState.CLOSED:
                return None
        return self._main

    def due(self, state: StreamState, now: float) -> Due | None:
        """What it is time for; ``None`` if it is too early for anything."""
        until = self.next(state)
        if until is None or now < until:
            return None
        match state:
            case StreamState.CLOSING | StreamState.FAILING:
                return Due.END
            case StreamState.PROVING | StreamState.CARRYING if now >= self.answers_due:
                return Due.ANSWERS
            case StreamState.CARRYING:
                return Due.PROOF if now >= self.proof_ends else Due.IDLE if now >= self._main else Due.LIFE
            case StreamState.SECURING if now >= self._handshake:
                return Due.HANDSHAKE
        return Due.NEGOTIATION
