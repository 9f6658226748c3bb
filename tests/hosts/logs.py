"""What is logged while a test runs."""

from __future__ import annotations

from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer


@implementer(ILogObserver)
class Logged:
    """Keeps every log event from now to the end of the test."""

    def __init__(self, case: SynchronousTestCase) -> None:
        self.events: list[LogEvent] = []
        globalLogPublisher.addObserver(self)
        case.addCleanup(globalLogPublisher.removeObserver, self)

    def __call__(self, event: LogEvent) -> None:
        """Keep one event."""
        self.events.append(event)

    @property
    def ours(self) -> list[LogEvent]:
        """Events of this package."""
        return [event for event in self.events if str(event.get("log_namespace")).startswith("muxs2s")]

    @property
    def lines(self) -> list[str]:
        """The same as text."""
        return [formatEvent(event) for event in self.ours]
