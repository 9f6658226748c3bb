"""
Why something ended, in words fit for a log and for a stream error.

Knows how long a reason may be and which characters it may hold. Does not know who gave it: what a
peer says, or what is said of names a peer chose, must not fill a log or forge a line of it.
"""

from __future__ import annotations

from typing import Final

__all__ = ["MAX_REASON_CHARACTERS", "readable"]

MAX_REASON_CHARACTERS: Final = 500
"""Of a reason as it is passed on; the rest is left out."""

_LEFT_OUT: Final = "..."


def readable(text: str, max_characters: int = MAX_REASON_CHARACTERS) -> str:
    r"""
    Make one line of ``text``, of printable characters and of bounded length.

    :param max_characters: how much is kept; where something is left out, three dots follow.
    :returns: what does not print is written as Python would: ``\n``, ``\x1b``, ``\u202e``.
    """
    kept = text[: max_characters + 1]
    line = kept if kept.isprintable() else "".join(map(_shown, kept))
    return line if len(line) <= max_characters else line[:max_characters] + _LEFT_OUT


def _shown(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
