"""
Draws the machine of a component's stream into ``doc/machines/component.txt``.

Run it with ``python -m tests.hosts.draw_component`` after a change of the table.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from muxs2s.hosts.componentstream import TRANSITIONS, ComponentState
from tests import drawing as machines

DRAWING: Final = Path(__file__).parents[2] / "doc" / "machines" / "component.txt"


def drawing() -> str:
    """The text of the file."""
    table = {(before.name, given.name): after.name for (before, given), after in TRANSITIONS.items()}
    return machines.drawing("THE STREAM OF A COMPONENT", table, [*ComponentState.__members__])


if __name__ == "__main__":
    DRAWING.write_text(drawing(), encoding="utf-8")
