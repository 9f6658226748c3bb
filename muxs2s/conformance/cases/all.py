"""
Every case, chapter by chapter.

Knows their order only.
"""

from __future__ import annotations

from typing import Final

from muxs2s.conformance.case import Case
from muxs2s.conformance.cases import dialback, finding, headers, keys, markup, stanzas

__all__ = ["CASES"]

CASES: Final[tuple[Case, ...]] = tuple(
    case
    for chapter in (
        headers.CHAPTER,
        markup.CHAPTER,
        stanzas.CHAPTER,
        finding.CHAPTER,
        dialback.CHAPTER,
        keys.CHAPTER,
    )
    for case in chapter.cases
)
