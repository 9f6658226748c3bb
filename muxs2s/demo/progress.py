"""
What is shown while a demonstration runs.

Knows a bar that grows, and how to keep silent. Does not know what is counted.
"""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from muxs2s.demo.plan import Plan

__all__ = ["Bars", "Silence", "Watcher"]


class Watcher(Protocol):
    """Whoever is told how far it has got."""

    def stage(self, text: str) -> None:
        """Something begins, in a few words."""
        ...

    def advance(self, delivered: int, replied: int, connections: int) -> None:
        """So many have arrived in all."""
        ...


class Silence:
    """Shows nothing."""

    def stage(self, text: str) -> None:
        """Say nothing."""

    def advance(self, delivered: int, replied: int, connections: int) -> None:
        """Say nothing."""


class Bars:
    """A line for what is going on, and a bar each for messages and replies; a context manager."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:>10}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[remark]}"),
            console=console,
            auto_refresh=False,
        )
        self._delivered = self._progress.add_task("delivered", total=plan.expected, remark="")
        self._replied = self._progress.add_task("replied", total=plan.expected, remark="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def stage(self, text: str) -> None:
        """Show it beside the bars."""
        self._progress.update(self._delivered, remark=text)
        self._progress.refresh()

    def advance(self, delivered: int, replied: int, connections: int) -> None:
        """Let the bars grow."""
        self._progress.update(self._delivered, completed=delivered)
        self._progress.update(self._replied, completed=replied, remark=f"{connections:,} connections")
        self._progress.refresh()
