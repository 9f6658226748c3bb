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

SHORTER: Final = (StreamInput.UNENCRYPTED, StreamInput.PAIR_PROVEN)
"""Inputs that leave the way of TLS and SASL, for one without TLS or without SASL."""

COLUMN: Final = 36
"""Characters."""

TITLES: Final = ("RECEIVING SERVER", "INITIATING SERVER")
"""In the order of the columns."""

OTHERWISE: Final = ", WITHOUT TLS OR WITHOUT SASL"

Table = Mapping[tuple[StreamState, StreamInput], StreamState]
Step = tuple[str, str, str]


def steps(table: Table) -> set[Step]:
    """Every step of one role but those out of the way."""
    return {(before.name, given.name, after.name) for (before, given), after in table.items() if given not in ENDINGS}


def way(table: Table) -> Iterator[Step]:
    """The way of one role with TLS and SASL: where it stands, what moves it on, where to."""
    forward = {before: (given, after) for (before, given), after in table.items() if given not in ENDINGS + SHORTER}
    state = StreamState.PLAIN_OPENING
    while state in forward:
        given, after = forward[state]
        yield state.name, given.name, after.name
        state = after


def column(table: Table) -> list[str]:
    """That way, from top to bottom."""
    lines = [StreamState.PLAIN_OPENING.name]
    for _, given, after in way(table):
        lines += [f"   | {given}", "   v", after]
    return lines


def arrow(before: str, given: str, after: str) -> str:
    """One step in one line."""
    return f"{before} --{given}--> {after}"


def otherwise(table: Table) -> list[str]:
    """The steps beside that way, in the order of the states."""
    order = [*StreamState.__members__]
    beside = sorted(steps(table) - set(way(table)), key=lambda step: order.index(step[0]))
    return [arrow(*step) for step in beside]


def ending(given: StreamInput) -> str:
    """One input that leads out, and the states it leads out of."""
    (after,) = {after for (_, by), after in RECEIVING.items() if by is given}
    excepted = [state.name for state in StreamState if (state, given) not in RECEIVING]
    before = f"any state but {', '.join(excepted)}" if excepted else "any state"
    return arrow(before, given.name, after.name)


def drawing() -> str:
    """The text of the file."""
    tables = (RECEIVING, INITIATING)
    columns = ([title, "", *column(table)] for title, table in zip(TITLES, tables, strict=True))
    lines = [f"{left:{COLUMN}}{right}".rstrip() for left, right in zip_longest(*columns, fillvalue="")]
    for title, table in zip(TITLES, tables, strict=True):
        lines += ["", title + OTHERWISE, "", *otherwise(table)]
    return "\n".join([*lines, "", "BOTH", "", *map(ending, ENDINGS)]) + "\n"


def read(text: str, index: int) -> set[Step]:
    """The steps that a drawing shows of one role, in its column and beside it."""
    columns = text.partition(f"\n{TITLES[0]}{OTHERWISE}")[0].splitlines()[2:]
    cells = [line[index * COLUMN :][:COLUMN].strip() for line in columns]
    words = [cell.removeprefix("| ") for cell in cells if cell not in {"", "v"}]
    shown = {(words[i], words[i + 1], words[i + 2]) for i in range(0, len(words) - 2, 2)}
    beside = text.partition(f"\n{TITLES[index]}{OTHERWISE}\n\n")[2].partition("\n\n")[0].splitlines()
    for line in beside:
        before, given, after = line.replace("-->", "--").split("--")
        shown.add((before.strip(), given, after.strip()))
    return shown


if __name__ == "__main__":
    DRAWING.write_text(drawing(), encoding="utf-8")
