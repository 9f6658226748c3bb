"""
Draws the machine of a link into ``doc/machines/link.txt``.

Run it with ``python -m tests.service.draw_link`` after a change of the machine.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Final

from muxs2s.service import links

DRAWING: Final = Path(__file__).parents[2] / "doc" / "machines" / "link.txt"

WAY: Final = ("idle", "resting", "dialling", "open", "parting")
"""From nothing to a stream and to its end, from top to bottom."""

OVER: Final = "over"

Table = dict[tuple[str, str], str]
"""State and input to the next state."""


def table() -> Table:
    """Read the machine itself."""
    automaton = links._make.__automat_automaton__
    return {(before.name, given): after.name for before, given, after, _ in automaton.allTransitions()}


def arrow(before: str, after: str) -> str:
    """One transition with all its inputs."""
    inputs = sorted(given for (state, given), to in table().items() if (state, to) == (before, after))
    return f"{before} --{', '.join(inputs)}--> {after}"


def drawing() -> str:
    """The text of the file."""
    lines = ["THE WAY OF A DOMAIN PAIR", "", WAY[0]]
    for before, after in pairwise(WAY):
        inputs = sorted(given for (state, given), to in table().items() if (state, to) == (before, after))
        lines += [f"   | {', '.join(inputs)}", "   v", after]
    ways = set(pairwise(WAY))
    moves = {(before, after) for (before, _), after in table().items()}
    order = [*WAY, OVER]
    back = sorted((order.index(before), order.index(after)) for before, after in moves - ways if before != after)
    stay = sorted(order.index(before) for before, after in moves if before == after)
    lines += ["", "OTHER WAYS", "", *(arrow(order[before], order[after]) for before, after in back)]
    lines += ["", "STAYS WHERE IT IS", "", *(arrow(order[state], order[state]) for state in stay)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    DRAWING.write_text(drawing(), encoding="utf-8")
