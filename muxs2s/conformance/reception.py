"""
Where the server under test reaches us.

Knows how connections wait for the script that wants them. Those that come while none does are turned away.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory

from muxs2s.conformance.deviation import Deviation
from muxs2s.conformance.peer import ScriptedPeer

__all__ = ["Reception"]


class Reception(Factory):
    """
    Takes connections of the server.

    :param clock: the reactor.
    :param seconds: how long one is waited for.
    """

    noisy = False

    def __init__(self, clock: IReactorTime, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self._make: Callable[[], ScriptedPeer] | None = None
        self._visitors: deque[ScriptedPeer] = deque()
        self._waiting: Deferred[None] | None = None

    def admit(self, make: Callable[[], ScriptedPeer]) -> None:
        """Take connections from now on, and make a protocol for each."""
        self._make = make

    def dismiss(self) -> None:
        """Take no more, and forget those that nobody wanted."""
        self._make = None
        self._visitors.clear()

    def buildProtocol(self, addr: IAddress | None) -> ScriptedPeer | None:
        """Take a connection, if a case is at work."""
        if self._make is None:
            return None
        peer = self._make()
        self._visitors.append(peer)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)
        return peer

    async def visitor(self, expected: str) -> ScriptedPeer:
        """
        Wait for the next connection.

        :param expected: what that should be, for people.
        :raises Deviation: if none comes in time.
        """

        def too_late(_result: object, seconds: float) -> None:
            self._waiting = None
            raise Deviation(f"expected {expected}, and no connection came within {seconds:g} s")

        if not self._visitors:
            self._waiting = Deferred()
            await self._waiting.addTimeout(self._seconds, self._clock, too_late)
        return self._visitors.popleft()
