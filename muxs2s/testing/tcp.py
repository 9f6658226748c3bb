"""
TCP without a kernel: connections whose bytes are on their way in memory.

Knows how many bytes fit, and the end of a connection, in order and out of it. Does not know how
connections come about and when bytes move: see :mod:`muxs2s.testing.network`.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IProtocol, IReactorFDSet
from twisted.internet.tcp import Connection

__all__ = ["Address", "MemoryConnection", "connected", "ip_address"]

Address = IPv4Address | IPv6Address


def ip_address(host: str, port: int) -> Address:
    """
    Make an address as Twisted has it.

    :param host: an IP address.
    """
    return IPv6Address("TCP", host, port) if ":" in host else IPv4Address("TCP", host, port)


class _Stream:
    """Bytes on their way in one direction of a connection."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.data = bytearray()
        self.is_ended = False
        """Nothing follows."""
        self.is_broken = False

    @property
    def space(self) -> int:
        """How many more bytes fit."""
        return max(0, self.capacity - len(self.data))


class _Socket:
    """What Twisted's transports use of a socket."""

    def __init__(self, incoming: _Stream, outgoing: _Stream) -> None:
        self._incoming, self._outgoing = incoming, outgoing

    @property
    def is_readable(self) -> bool:
        return bool(self._incoming.data) or self._incoming.is_ended or self._incoming.is_broken

    @property
    def is_writable(self) -> bool:
        return self._outgoing.space > 0 or self._outgoing.is_broken

    def setblocking(self, _flag: bool) -> None:  # noqa: FBT001 - as the system has it
        """Nothing blocks here."""

    def setsockopt(self, _level: int, option: int, _value: object) -> None:
        """Of how to linger only one thing is ever said: a reset is to follow. The rest is for real networks."""
        if option == socket.SO_LINGER:
            self.reset()

    def fileno(self) -> int:
        return -1

    def recv(self, size: int) -> bytes:
        if self._incoming.is_broken:
            raise ConnectionResetError(errno.ECONNRESET, "reset")
        data = bytes(self._incoming.data[:size])
        del self._incoming.data[:size]
        if not data and not self._incoming.is_ended:
            raise BlockingIOError(errno.EWOULDBLOCK, "nothing there")
        return data

    def send(self, data: memoryview) -> int:
        if self._outgoing.is_broken:
            raise BrokenPipeError(errno.EPIPE, "nobody there")
        taken = data[: self._outgoing.space]
        self._outgoing.data += taken
        return len(taken)

    def shutdown(self, _how: int) -> None:
        self._outgoing.is_ended = True

    def close(self) -> None:
        """What arrives from now on finds nobody."""
        self._outgoing.is_ended = True
        self._incoming.is_broken = True

    def reset(self) -> None:
        self._incoming.is_broken = self._outgoing.is_broken = True


class MemoryConnection(Connection):
    """
    One end of a connection: Twisted's own transport, on bytes in memory.

    ``pauseProducing`` makes this end read no more, ``resumeProducing`` lets it go on.

    :ivar initiated: whether this end began it.
    """

    def __init__(
        self,
        reactor: IReactorFDSet,
        sock: _Socket,
        protocol: IProtocol,
        ends: tuple[Address, Address],
        *,
        initiated: bool,
    ) -> None:
        super().__init__(cast("socket.socket", sock), protocol, reactor)
        self._sock, self._ends = sock, ends
        self.initiated = self._tlsClientDefault = initiated  # the latter is Twisted's name for who begins TLS

    @property
    def is_readable(self) -> bool:
        """Whether something has arrived, and be it the end."""
        return self._sock.is_readable

    @property
    def is_writable(self) -> bool:
        """Whether something can be sent, or it has become clear that nothing can."""
        return self._sock.is_writable

    def getHost(self) -> Address:
        """Where this end is."""
        return self._ends[0]

    def getPeer(self) -> Address:
        """Where the other end is."""
        return self._ends[1]

    def cut(self) -> None:
        """Break the connection, at both ends; bytes that are on their way are lost."""
        self._sock.reset()

    def begin(self) -> None:
        """Tell the protocol that it is connected."""
        self.connected = 1
        Connection.startReading(self)
        self.protocol.makeConnection(self)


Build = Callable[[Address], "IProtocol | None"]


def connected(
    reactor: IReactorFDSet, origin: tuple[Address, Build], destination: tuple[Address, Build], buffer_bytes: int
) -> list[MemoryConnection]:
    """
    Make a connection.

    :param origin: the address of the end that opens it, and what makes its protocol.
    :param destination: the same of the other end.
    :param buffer_bytes: how many bytes may be on their way in one direction.
    :returns: both ends, the initiating one first; without the one that has no protocol to offer. They
        are yet to begin.
    """
    streams = _Stream(buffer_bytes), _Stream(buffer_bytes)
    ends = []
    for (own, build), (peer, _), sock in (
        (origin, destination, _Socket(*streams)),
        (destination, origin, _Socket(*reversed(streams))),
    ):
        protocol = build(peer)
        if protocol is None:
            sock.close()
        else:
            ends.append(MemoryConnection(reactor, sock, protocol, (own, peer), initiated=own is origin[0]))
    return ends
