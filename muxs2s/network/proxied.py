"""
Connections that a proxy passes on.

Knows that the proxy says first where a connection comes from, and lets whoever takes it see that address
as its own. Does not know how the proxy says it: see :mod:`muxs2s.network.proxyheader`.

Twisted's own wrapper for the PROXY protocol stays between a connection and its protocol, where neither
STARTTLS nor a refusal gets through; this one is gone once the header is read.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IDelayedCall, IProtocolFactory, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from muxs2s.network.proxyheader import ProxyHeader, ProxyHeaderRefused, read_proxy_header
from muxs2s.network.restraint import RestrainedLog

__all__ = ["HEADER_SECONDS", "MAX_HEADERS_AWAITED", "HeaderReader", "ProxiedFactory"]

HEADER_SECONDS: Final = 10.0
"""From the connection to the end of the header."""

MAX_HEADERS_AWAITED: Final = 1_000
"""Connections whose header is not complete; one more is closed at once."""


class ProxiedFactory(Factory):
    """
    Stands before the factory of connections that come through a proxy.

    It believes whoever connects: let nobody but the proxy reach it.

    :param factory: asked for a protocol when the proxy has said whose connection it is.
    """

    _log = Logger()
    noisy = False

    def __init__(self, factory: IProtocolFactory, clock: IReactorTime) -> None:
        self.inner, self.clock = factory, clock
        self.restrained = RestrainedLog(self._log, clock)
        self.awaited: set[HeaderReader] = set()

    def startFactory(self) -> None:
        """Listen."""
        self.inner.doStart()

    def stopFactory(self) -> None:
        """Listen no more."""
        self.restrained.close()
        self.inner.doStop()

    def buildProtocol(self, addr: IAddress | None) -> HeaderReader | None:
        """Wait for the header."""
        return HeaderReader(self) if len(self.awaited) < MAX_HEADERS_AWAITED else None


class HeaderReader(Protocol):
    """Reads what the proxy says, then makes room for the protocol of the connection."""

    def __init__(self, factory: ProxiedFactory) -> None:
        self._factory = factory
        self._heard = b""
        self._deadline: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Wait, not for ever."""
        self._factory.awaited.add(self)
        self._deadline = self._factory.clock.callLater(HEADER_SECONDS, self._refuse, "no PROXY header in time")

    def dataReceived(self, data: bytes) -> None:
        """Read more of the header."""
        self._heard += data
        try:
            header = read_proxy_header(self._heard)
        except ProxyHeaderRefused as refused:
            self._refuse(str(refused))
        else:
            if header is not None:
                self._done()
                self._make_room(header)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Wait no more."""
        self._done()

    def _done(self) -> None:
        self._factory.awaited.discard(self)
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()

    def _refuse(self, why: str) -> None:
        self._done()
        peer = self._transport().getPeer()
        where = getattr(peer, "host", str(peer))
        self._factory.restrained.info((where, why), "a connection through {proxy} was cut: {why}", proxy=where, why=why)
        self._transport().abortConnection()

    def _make_room(self, header: ProxyHeader) -> None:
        transport = self._transport()
        address = transport.getPeer() if header.source is None else _address(*header.source)
        protocol = self._factory.inner.buildProtocol(address)
        if protocol is None:
            transport.loseConnection()
            return
        transport.getPeer = lambda: address
        transport.protocol = protocol
        protocol.makeConnection(transport)
        rest = self._heard[header.size :]
        if rest:
            transport.protocol.dataReceived(rest)  # that of TLS, if it has begun meanwhile

    def _transport(self) -> Any:
        return self.transport


def _address(host: str, port: int) -> IPv4Address | IPv6Address:
    return IPv6Address("TCP", host, port) if ":" in host else IPv4Address("TCP", host, port)
