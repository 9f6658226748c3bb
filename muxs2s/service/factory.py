"""
Connections to protocols.

Knows that a connection may be turned away before anything is made for it. Does not know why.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory

from muxs2s.network.protocol import StreamProtocol

__all__ = ["StreamFactory"]


class StreamFactory(Factory):
    """
    Makes the protocol of each connection.

    :param make: called with the address of the other end for every connection; ``None`` turns it away.
    """

    noisy = False

    def __init__(self, make: Callable[[IAddress | None], StreamProtocol | None]) -> None:
        self._make = make

    def buildProtocol(self, addr: IAddress | None) -> StreamProtocol | None:
        """Make a protocol, or none."""
        protocol = self._make(addr)
        if protocol is not None:
            protocol.factory = self
        return protocol
