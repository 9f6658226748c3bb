"""
A network in memory: servers in one process that connect to each other without a socket.

Knows ports, attempts to connect, and time. The transports are Twisted's own, so that TLS is real and
bytes wait where they would (:mod:`muxs2s.testing.tcp`). Does not know delay: what can move moves in
:meth:`MemoryNetwork.settle`, at once and in order.
"""

from __future__ import annotations

import errno
from collections.abc import Container
from itertools import count
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import (
    CannotListenError,
    ConnectionDone,
    ConnectionRefusedError,  # noqa: A004 - the one that factories are told of
    TimeoutError,  # noqa: A004 - as above
    UserError,
)
from twisted.internet.interfaces import (
    IConnector,
    IDelayedCall,
    IListeningPort,
    IProtocolFactory,
    IReactorFDSet,
    IReadDescriptor,
    IWriteDescriptor,
)
from twisted.internet.protocol import ClientFactory, DatagramProtocol, Factory
from twisted.internet.task import Clock
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from zope.interface import implementer

from muxs2s.network.reactors import INetworkReactor
from muxs2s.testing.tcp import Address, MemoryConnection, connected, ip_address
from muxs2s.wire.errors import LocalMisuse

__all__ = ["MemoryConnection", "MemoryNetwork", "MemoryPort"]

MAX_STEPS: Final = 20_000
"""Of one :meth:`MemoryNetwork.settle`: what moves longer goes round in circles."""

_MORNING: Final = 1_780_000_000.0
"""In the year 2026: certificates are valid."""

_FIRST_FREE_PORT: Final = 40_000
_ANY_SOURCE: Final = "192.0.2.255"


@implementer(IListeningPort)
class MemoryPort:
    """A port that takes connections."""

    def __init__(self, network: MemoryNetwork, own: Address, factory: IProtocolFactory) -> None:
        self._ports, self._own, self.factory = network.ports, own, factory

    def startListening(self) -> None:
        """
        Take connections.

        :raises twisted.internet.error.CannotListenError: if another port does so at this address.
        """
        place = self._own.host, self._own.port
        if self._ports.setdefault(place, self) is not self:
            raise CannotListenError(*place, OSError(errno.EADDRINUSE, "address in use"))
        self.factory.doStart()

    def stopListening(self) -> Deferred[None]:
        """Take no more connections; those there are go on."""
        if self._ports.pop((self._own.host, self._own.port), None) is not None:
            self.factory.doStop()
        return succeed(None)

    def getHost(self) -> Address:
        """Where it listens."""
        return self._own


@implementer(IConnector)
class _Connector:
    """An attempt to connect; it cannot be repeated."""

    def __init__(self, network: MemoryNetwork, source: str, destination: Address, factory: ClientFactory[Any]) -> None:
        self._network, self._source, self._destination, self._factory = network, source, destination, factory
        self._pending: IDelayedCall | None = None

    def begin(self, timeout: float) -> None:
        self._factory.doStart()
        self._factory.startedConnecting(self)
        if self._destination.host in self._network.silent:
            self._pending = self._network.callLater(timeout, self._fail, TimeoutError())
        else:
            self._pending = self._network.callLater(0, self._arrive)

    def connect(self) -> None:
        raise LocalMisuse("an attempt to connect is made once")

    def stopConnecting(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
            self._fail(UserError())

    def disconnect(self) -> None:
        self.stopConnecting()

    def getDestination(self) -> Address:
        return self._destination

    def _arrive(self) -> None:
        self._pending = None
        port = self._network.port_at(self._destination)
        if port is None:
            self._fail(ConnectionRefusedError())
        else:
            self._network.join(self._source, self._destination, self._factory, port.factory)

    def _fail(self, why: Exception) -> None:
        self._pending = None
        self._factory.clientConnectionFailed(self, Failure(why))
        self._factory.doStop()


@implementer(INetworkReactor, IReactorFDSet)
class MemoryNetwork(Clock):
    """
    Stands where a reactor is asked for, and where the network would be.

    Give it to every :class:`~muxs2s.S2SService` that is to meet, with endpoints on it and a
    :class:`~muxs2s.testing.MemoryResolver`; then call :meth:`settle`, or :meth:`advance` to let time
    pass::

        network = MemoryNetwork()
        zone.add_srv("b.example", "xmpp.b.example", 5269)
        zone.add("xmpp.b.example", "A", "192.0.2.2")
        endpoint = TCP4ServerEndpoint(network, 5269, interface="192.0.2.2")
        b = S2SService(network, ["b.example"], endpoints=[endpoint], lookup=MemoryResolver(zone, network), ...)
        b.startService()
        network.settle()

    :param now: seconds since the epoch.
    :param buffer_bytes: how many bytes may be on their way in one direction of a connection, in
        the kernels of both ends together.
    """

    def __init__(self, *, now: float = _MORNING, buffer_bytes: int = 65_536) -> None:
        super().__init__()
        self.rightNow = now
        self.buffer_bytes = buffer_bytes
        """May be changed; counts for connections made from then on."""
        self.ports: dict[tuple[str, int], MemoryPort] = {}
        """Those that take connections, by address and number; the empty address is every one."""
        self.silent: set[str] = set()
        """Addresses that answer no attempt to connect."""
        self.connections: list[MemoryConnection] = []
        """Both ends of every connection ever made, the initiating end first."""
        self._readers: dict[IReadDescriptor, None] = {}
        self._writers: dict[IWriteDescriptor, None] = {}
        self._free_ports = count(_FIRST_FREE_PORT)

    # What a reactor offers.

    def listenTCP(self, port: int, factory: Factory, backlog: int = 50, interface: str = "") -> MemoryPort:
        """
        Take connections.

        :param port: 0 for a free one.
        :param interface: an IP address; empty for all of them.
        :raises twisted.internet.error.CannotListenError: if the port is taken.
        """
        listening = MemoryPort(self, ip_address(interface, port or next(self._free_ports)), factory)
        listening.startListening()
        return listening

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: ClientFactory[Any],
        timeout: float = 30,
        bindAddress: tuple[str, int] | None = None,
    ) -> IConnector:
        """
        Connect to a port of this network.

        :param host: an IP address.
        :param timeout: seconds, for addresses that are :attr:`silent`.
        """
        source = bindAddress[0] if bindAddress else _ANY_SOURCE
        connector = _Connector(self, source, ip_address(host, port), factory)
        connector.begin(timeout)
        return connector

    def listenUDP(
        self, port: int, protocol: DatagramProtocol, interface: str = "", maxPacketSize: int = 8192
    ) -> IListeningPort:
        """
        Refuse: nothing here speaks UDP.

        :raises twisted.internet.error.CannotListenError: always.
        """
        raise CannotListenError(interface, port, OSError(errno.EOPNOTSUPP, "no UDP in memory"))

    def addReader(self, reader: IReadDescriptor) -> None:
        """Tell a transport when it can read."""
        self._readers[reader] = None

    def addWriter(self, writer: IWriteDescriptor) -> None:
        """Tell a transport when it can write."""
        self._writers[writer] = None

    def removeReader(self, reader: IReadDescriptor) -> None:
        """Tell it no more."""
        self._readers.pop(reader, None)

    def removeWriter(self, writer: IWriteDescriptor) -> None:
        """Tell it no more."""
        self._writers.pop(writer, None)

    def removeAll(self) -> list[IReadDescriptor | IWriteDescriptor]:
        """Tell nobody any more, and say whom it was told."""
        told: list[IReadDescriptor | IWriteDescriptor] = [*self._readers, *self._writers]
        self._readers.clear()
        self._writers.clear()
        return told

    def getReaders(self) -> list[IReadDescriptor]:
        """Who reads."""
        return list(self._readers)

    def getWriters(self) -> list[IWriteDescriptor]:
        """Who writes."""
        return list(self._writers)

    # What a test does.

    def settle(self) -> None:
        """
        Let everything happen that needs no time to pass.

        :raises LocalMisuse: if it never ends.
        """
        if self.step(MAX_STEPS) == MAX_STEPS:
            raise LocalMisuse(f"the network is not quiet after {MAX_STEPS} steps")

    def step(self, steps: int = 1) -> int:
        """
        Let happen a little of what needs no time to pass.

        :param steps: in each, calls that are due are made, then every end writes and reads once that can.
        :returns: how many there were until all was quiet, ``steps`` at most.
        """
        for taken in range(steps):
            if not any([self._run_due(), self._write(), self._read()]):
                return taken
        return steps

    def advance(self, amount: float) -> None:
        """
        Let time pass, and everything happen when its time comes.

        :param amount: seconds.
        """
        end = self.rightNow + amount
        self.settle()
        while self.calls and self.calls[0].getTime() <= end:
            self.rightNow = max(self.rightNow, self.calls[0].getTime())
            self.settle()
        self.rightNow = end
        self.settle()

    def cut(self) -> None:
        """Break every connection there is."""
        for connection in self.connections:
            connection.cut()

    # What ports and connectors need.

    def port_at(self, address: Address) -> MemoryPort | None:
        """The port that takes connections to an address, if there is one."""
        return self.ports.get((address.host, address.port)) or self.ports.get(("", address.port))

    def join(
        self, source: str, destination: Address, initiating: IProtocolFactory, receiving: IProtocolFactory
    ) -> None:
        """Connect two factories, unless one of them wants no connection."""
        origin = ip_address(source, next(self._free_ports))
        build, accept = initiating.buildProtocol, receiving.buildProtocol
        ends = connected(self, (origin, build), (destination, accept), self.buffer_bytes)
        self.connections += ends
        for end in ends:
            end.begin()

    def _run_due(self) -> bool:
        due = bool(self.calls) and self.calls[0].getTime() <= self.rightNow
        super().advance(0)
        return due

    def _write(self) -> bool:
        ready = [end for end in self._writers if isinstance(end, MemoryConnection) and end.is_writable]
        for end in ready:
            self._disconnect(end, Connection.doWrite(end))
        return bool(ready)

    def _read(self) -> bool:
        ready = [end for end in self._readers if isinstance(end, MemoryConnection) and end.is_readable]
        still: Container[object] = self._readers
        for end in ready:
            if end in still:
                self._disconnect(end, end.doRead())
        return bool(ready)

    def _disconnect(self, end: MemoryConnection, why: object) -> None:
        """Do as reactors do with what reading or writing has given back."""
        if isinstance(why, Exception):
            self.removeReader(end)
            self.removeWriter(end)
            lose = end.readConnectionLost if isinstance(why, ConnectionDone) else end.connectionLost
            lose(Failure(why))
