"""
Draws the stream machine of both roles into ``doc/machines/stream.txt``.

Run it with ``python -m tests.stream.draw_machine`` after a change of the tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Final

from muxs2s.stream.machine import INITIATING, RECEIVING, StreamInput, StreamState

DRAWING: Final = Path(__file__).parents[2] / "doc" / "machines" / "stream.txt"

ENDINGS: Final = (StreamInput.CLOSE, StreamInput.FAIL, StreamInput.END)
"""Inputs that lead out of the way; they are the same in both roles and drawn once."""

COLUMN: Final = 36
"""Characters."""

Table = Mapping[tuple[StreamState, StreamInput], StreamState]
Step = tuple[str, str, str]


def steps(table: Table) -> Iterator[Step]:
    """The way of one role: where it stands, what moves it on, where to."""
    forward = {before: (given, after) for (before, given), after in table.items() if given not in ENDINGS}
    state = StreamState.PLAIN_OPENING
    while state in forward:
        given, after = forward[state]
        yield state.name, given.name, after.name
        state = after


def way(table: Table) -> list[str]:
    """One role, from top to bottom."""
    lines = [StreamState.PLAIN_OPENING.name]
    for _, given, after in steps(table):
        lines += [f"   | {given}", "   v", after]
    return lines


def ending(given: StreamInput) -> str:
    """One input that leads out, and the states it leads out of."""
    (after,) = {after for (_, by), after in RECEIVING.items() if by is given}
    excepted = [state.name for state in StreamState if (state, given) not in RECEIVING]
    before = f"any state but {', '.join(excepted)}" if excepted else "any state"
    return f"{before} --{given.name}--> {after.name}"


def drawing() -> str:
    """The text of the file."""
    columns = (["RECEIVING SERVER", "", *way(RECEIVING)], ["INITIATING SERVER", "", *way(INITIATING)])
    lines = [f"{left:{COLUMN}}{right}".rstrip() for left, right in zip_longest(*columns, fillvalue="")]
    return "\n".join([*lines, "", "BOTH", "", *map(ending, ENDINGS)]) + "\n"


def read(text: str, column: int) -> set[Step]:
    """The steps that one column of a drawing shows."""
    cells = [line[column * COLUMN :][:COLUMN].strip() for line in text.partition("\nBOTH")[0].splitlines()[2:]]
    words = [cell.removeprefix("| ") for cell in cells if cell not in {"", "v"}]
    return {(words[i], words[i + 1], words[i + 2]) for i in range(0, len(words) - 2, 2)}


if __name__ == "__main__":
    DRAWING.write_text(drawing(), encoding="utf-8")
