"""
Draws the machine of a link into ``doc/machines/link.txt``.

Run it with ``python -m tests.service.draw_link`` after a change of the machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from muxs2s.service import links
from tests import drawing as machines

DRAWING: Final = Path(__file__).parents[2] / "doc" / "machines" / "link.txt"

WAY: Final = ("idle", "resting", "dialling", "over")
"""From nothing to a stream, from top to bottom."""


def table() -> dict[tuple[str, str], str]:
    """Read the machine itself."""
    automaton = links._make.__automat_automaton__
    return {(before.name, given): after.name for before, given, after, _ in automaton.allTransitions()}


def drawing() -> str:
    """The text of the file."""
    return machines.drawing("THE SEARCH FOR A STREAM", table(), WAY, "over")


if __name__ == "__main__":
    DRAWING.write_text(drawing(), encoding="utf-8")
