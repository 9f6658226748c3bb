"""
One case: which rows it tries, what it needs, and its script.

Knows how cases are written down. Does not know how they are played: see :mod:`muxs2s.conformance.run`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from muxs2s.conformance.kit import Kit
from muxs2s.conformance.setting import Need

__all__ = ["Case", "Chapter", "Script"]

Script = Callable[[Kit], Coroutine[Any, Any, None]]
"""Returns if the server did as it should; else it raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is played, and which rows it shows to be met or broken."""

    rows: tuple[str, ...]
    title: str
    """What a server that is right does, in a sentence."""

    needs: tuple[Need, ...]
    script: Script


class Chapter:
    """Cases that belong together, in the order in which they were written."""

    def __init__(self, *needs: Need) -> None:
        self.cases: list[Case] = []
        self._needs = needs

    def case(self, rows: str, *needs: Need) -> Callable[[Script], Script]:
        """
        Make a script a case; its docstring is the title.

        :param rows: separated by spaces.
        :param needs: beside those of the chapter.
        """

        def keep(script: Script) -> Script:
            title = " ".join((script.__doc__ or "").split()).rstrip(".")
            self.cases.append(Case(rows=tuple(rows.split()), title=title, needs=(*self._needs, *needs), script=script))
            return script

        return keep
