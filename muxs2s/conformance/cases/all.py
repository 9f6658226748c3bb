"""
Every case, chapter by chapter.

Knows their order only.
"""

from __future__ import annotations

from typing import Final

from muxs2s.conformance.case import Case
from muxs2s.conformance.cases import (
    adding,
    asking,
    dialback,
    enabling,
    finding,
    forging,
    headers,
    keys,
    markup,
    misusing,
    removing,
    stanzas,
)

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
        enabling.CHAPTER,
        adding.CHAPTER,
        asking.CHAPTER,
        forging.CHAPTER,
        misusing.CHAPTER,
        removing.CHAPTER,
    )
    for case in chapter.cases
)
