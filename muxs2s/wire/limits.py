"""
What a peer may cost us, before it has proven anything and after.

Knows numbers only; :mod:`muxs2s.wire.framing` keeps to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muxs2s.wire.trees import MAX_DEPTH

__all__ = ["AFTER_AUTHENTICATION", "BEFORE_AUTHENTICATION", "FramingLimits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FramingLimits:
    """
    What one first-level element may cost us.

    Source: RFC 6120, section 13.12.
    """

    max_element_bytes: int
    """From ``<`` to ``>``; so much too for the opening tag of the stream, XML declaration included."""

    max_elements: int
    """Elements in one first-level element, itself counted."""

    max_feature_elements: int
    """The same for the stream features a peer sends us."""

    max_depth: int = MAX_DEPTH
    """Levels of one first-level element, itself the first."""

    max_tag_bytes: int = 16_384
    """From ``<`` to ``>`` of one tag; the piece, too, that expat is given at a time."""

    max_namespace_characters: int = 256
    """Expat repeats the name of its namespace for every element and every attribute with a prefix."""


BEFORE_AUTHENTICATION: Final = FramingLimits(max_element_bytes=10_000, max_elements=64, max_feature_elements=512)
"""For a peer that has proven nothing; 10,000 bytes is the least RFC 6120 allows."""

AFTER_AUTHENTICATION: Final = FramingLimits(
    max_element_bytes=512 * 1024, max_elements=10_000, max_feature_elements=10_000
)
"""For a peer that has proven a domain."""
