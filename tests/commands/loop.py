"""A reactor that only runs, stops and tells who wants to know."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

__all__ = ["Loop"]


class Loop:
    """
    Runs what it is given, in order, until it is stopped and all is cleared up.

    :param turns: what happens, one after the other, once it runs.
    """

    def __init__(self, *turns: Callable[[], object]) -> None:
        self.turns = list(turns)
        self.options: dict[str, bool] = {}
        self.stops = 0
        self.crashes = 0
        self._when_running: list[Callable[[], object]] = []
        self._clear_up: Callable[[], Deferred[None] | None] | None = None

    def callWhenRunning(self, call: Callable[..., object], *arguments: object) -> None:
        """Call when it runs."""
        self._when_running.append(lambda: call(*arguments))

    def addSystemEventTrigger(  # noqa: N802 - Twisted's name
        self, phase: str, event: str, call: Callable[[], Deferred[None] | None]
    ) -> None:
        """Call before it ends."""
        assert (phase, event) == ("before", "shutdown")
        self._clear_up = call

    def run(self, **options: bool) -> None:
        """Run until stopped, then until all is cleared up."""
        self.options = options
        for call in self._when_running:
            call()
        while not self.stops and self.turns:
            self.turns.pop(0)()
        over: list[object] = []
        clearing = self._clear_up() if self._clear_up is not None else None
        if clearing is not None:
            clearing.addBoth(over.append)
            while not over:
                self.turns.pop(0)()

    def stop(self) -> None:
        """End when all is cleared up."""
        self.stops += 1

    def crash(self) -> None:
        """End at once."""
        self.crashes += 1
