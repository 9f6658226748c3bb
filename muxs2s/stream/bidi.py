"""
Stanzas in both directions on one stream.

Knows the element that asks for it, which is not the feature that offers it: the two have different
namespaces. Does not know which pairs may use the other direction: see :mod:`muxs2s.stream.proving`.
"""

from __future__ import annotations

from muxs2s.stream.announced import AnnouncedLimits
from muxs2s.wire.namespaces import BIDI, STREAM_LIMITS
from muxs2s.wire.stanza import Slice

__all__ = ["bidi_request", "is_bidi_request"]


def bidi_request(limits: AnnouncedLimits) -> bytes:
    """
    Write the request of the initiating server; there is no answer.

    :param limits: what we take. Features tell the initiating server alone; this tells the receiving one.

    Source: XEP-0288, section 2.1; XEP-0478, section 3.2.
    """
    return f"<bidi xmlns='{BIDI}'><limits xmlns='{STREAM_LIMITS}'>{limits.content}</limits></bidi>".encode()


def is_bidi_request(element: Slice) -> bool:
    """Whether a first-level element makes its stream bidirectional; what else is in it does not matter."""
    return element.name == "bidi" and element.namespace == BIDI
