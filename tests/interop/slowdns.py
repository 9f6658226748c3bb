"""
A name server that takes its time.

Knows how long; the records are those of a :class:`~muxs2s.testing.dns.Zone`.
"""

from __future__ import annotations

from typing import Final, cast

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IListeningPort, IReactorTime, IUDPTransport
from twisted.internet.protocol import DatagramProtocol

from muxs2s.network.reactors import INetworkReactor
from muxs2s.testing.dns import Zone

__all__ = ["ANSWER_SECONDS", "SlowNameServer"]

ANSWER_SECONDS: Final = 1.0
"""From each question to its answer: some resolvers ask again before it comes, and take it still."""

MAX_DATAGRAM_OCTETS: Final = 4_096


class SlowNameServer(DatagramProtocol):
    """
    Answers every question over UDP, late.

    :param address: of this host; the port is whatever is free.
    """

    noisy = False

    def __init__(self, reactor: INetworkReactor, zone: Zone, address: str) -> None:
        self._clock: IReactorTime = reactor
        self._zone = zone
        self._pending: set[IDelayedCall] = set()
        self._listening: IListeningPort = reactor.listenUDP(0, self, address, MAX_DATAGRAM_OCTETS)
        self.address, self.port = address, cast("int", self._listening.getHost().port)  # type: ignore[attr-defined]  # of UDP

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Answer later."""

        def answer() -> None:
            self._pending.discard(call)
            response = self._zone.respond_to_wire(datagram, over_udp=True)
            if response is not None:
                cast("IUDPTransport", self.transport).write(response, addr)

        call = self._clock.callLater(ANSWER_SECONDS, answer)
        self._pending.add(call)

    def stop(self) -> Deferred[object]:
        """Answer nothing any more; fires when the port is closed."""
        for call in self._pending:
            call.cancel()
        return maybeDeferred(self._listening.stopListening)
