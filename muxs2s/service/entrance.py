"""
Where the connections of peers come in: each is taken or refused, and told of as it counts.

Knows what the log says of those that are refused. Does not know which are: see
:mod:`muxs2s.network.accepting`.
"""

from __future__ import annotations

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.logger import Logger

from muxs2s.network.accepting import AcceptLimits, Door, Visit, source_of
from muxs2s.network.addresses import shown
from muxs2s.network.notes import StreamNotes
from muxs2s.network.restraint import RestrainedLog

__all__ = ["Entrance"]


class Entrance:
    """Lets connections in."""

    _log = Logger()

    def __init__(self, limits: AcceptLimits, clock: IReactorTime) -> None:
        self._door = Door(limits, clock.seconds())
        self._clock = clock
        self._restrained = RestrainedLog(self._log, clock)

    def admit(self, address: IAddress | None) -> Visit | None:
        """Let a connection in, or say in the log why not."""
        visit = self._door.admit(address, self._clock.seconds())
        if isinstance(visit, Visit):
            return visit
        source = source_of(address) or shown(address)
        self._restrained.info(
            (source, visit), "refused a connection from {source}: {limit} is reached", source=source, limit=visit.value
        )
        return None

    def notes(self, number: int, visit: Visit) -> StreamNotes:
        """For the stream on a connection that was let in."""
        return StreamNotes(number, visit, self._restrained)

    def close(self) -> None:
        """Nobody is there any more: say at once what was left out of the log."""
        self._restrained.close()
