"""
Draws a machine as text: its way from top to bottom, then the other ways, then what stays where it is.

Knows tables of transitions by name. Does not know any machine: see :mod:`tests.service.draw_link` and
:mod:`tests.hosts.draw_component`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

Table = Mapping[tuple[str, str], str]
"""State and input to the next state."""


def drawing(title: str, table: Table, way: Sequence[str], *beside: str) -> str:
    """
    Draw one machine.

    :param way: the states from the first to the last, each reached from the one before.
    :param beside: all other states.
    """
    order = [*way, *beside]
    lines = [title, "", way[0]]
    for before, after in pairwise(way):
        lines += [f"   | {_inputs(table, before, after)}", "   v", after]
    moves = {(before, after) for (before, _), after in table.items()}
    others = moves - set(pairwise(way))
    back = sorted((order.index(before), order.index(after)) for before, after in others if before != after)
    stay = sorted(order.index(before) for before, after in others if before == after)
    lines += ["", "OTHER WAYS", "", *(_arrow(table, order[before], order[after]) for before, after in back)]
    if stay:
        lines += ["", "STAYS WHERE IT IS", "", *(_arrow(table, order[state], order[state]) for state in stay)]
    return "\n".join(lines) + "\n"


def _inputs(table: Table, before: str, after: str) -> str:
    return ", ".join(sorted(given for (state, given), to in table.items() if (state, to) == (before, after)))


def _arrow(table: Table, before: str, after: str) -> str:
    """One transition with all its inputs."""
    return f"{before} --{_inputs(table, before, after)}--> {after}"
