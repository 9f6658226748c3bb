"""
Stream limits as servers announce them to each other.

Knows how they are written and read. What we announce stands in :mod:`muxs2s.stream.limits`; that we
keep to what a peer announces is the business of whoever sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final

from twisted.words.xish import domish

from muxs2s.wire.namespaces import STREAM_LIMITS

__all__ = ["NO_LIMITS", "AnnouncedLimits", "read_limits"]

MIN_ANNOUNCED_BYTES: Final = 10_000
"""Less than this no peer may set as its limit (RFC 6120, section 13.12); what announces less is not believed."""

MIN_ANNOUNCED_IDLE_SECONDS: Final = 60.0
"""A peer that would have every stream closed sooner is not believed either."""

_MAX_DIGITS: Final = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedLimits:
    """
    What one end of a stream takes of the other.

    Source: XEP-0478, section 3.
    """

    max_bytes: float = inf
    """Of one first-level element; infinite if nothing was said."""

    idle_seconds: float = inf
    """Without traffic, until the stream is closed; infinite if nothing was said."""

    @property
    def content(self) -> str:
        """What stands inside ``<limits/>``; both limits have to be finite."""
        return f"<max-bytes>{self.max_bytes:.0f}</max-bytes><idle-seconds>{self.idle_seconds:.0f}</idle-seconds>"


NO_LIMITS: Final = AnnouncedLimits()


def read_limits(parent: domish.Element) -> AnnouncedLimits:
    """
    Read the limits in a set of features or in a request for bidi.

    :returns: :data:`NO_LIMITS` where there are none; what is no number, or no sensible one, says nothing.
    """
    for limits in parent.elements(STREAM_LIMITS, "limits"):
        return AnnouncedLimits(
            max_bytes=max(_number(limits, "max-bytes"), MIN_ANNOUNCED_BYTES),
            idle_seconds=max(_number(limits, "idle-seconds"), MIN_ANNOUNCED_IDLE_SECONDS),
        )
    return NO_LIMITS


def _number(limits: domish.Element, name: str) -> float:
    """The number in a child; infinite if there is none, or no sensible one."""
    text = next((str(child).strip() for child in limits.elements(STREAM_LIMITS, name)), "")
    is_number = text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS
    return int(text) or inf if is_number else inf
