"""
A peer in bytes, on a network in memory: it says what a test says, whatever a server ought to say.

Knows connections in either role and real TLS, by contexts of its own. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from OpenSSL import SSL
from twisted.internet.interfaces import IAddress, IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from muxs2s.network.pem import Credentials
from muxs2s.testing.network import MemoryNetwork, MemoryPort

ADDRESS: Final = "203.0.113.9"
"""Where such peers are."""


class BytePeer(Protocol):
    """
    One connection.

    :param credentials: the certificate it shows in TLS, if any.
    :param max_tls: the newest version of TLS it knows, as OpenSSL has it; 0 for all.
    :ivar heard: all the server has said, inside TLS and outside.
    :ivar is_gone: whether the connection is over.
    """

    def __init__(self, network: MemoryNetwork, credentials: Credentials | None = None, *, max_tls: int = 0) -> None:
        self.network = network
        self.heard = b""
        self.is_gone = False
        self.tls = AnyTLS(credentials, max_tls)

    def say(self, data: bytes) -> None:
        """Say something, and let happen what happens."""
        if not self.is_gone:
            self._write(data)
        self.network.settle()

    def begin_tls(self, first: bytes = b"") -> None:
        """Say something and begin TLS behind it, as the client if this end has connected."""
        if not self.is_gone:
            self._write(first)
            self._transport.startTLS(self.tls)
        self.network.settle()

    def read(self, *, on: bool) -> None:
        """Read no more, or read on."""
        (self._transport.resumeProducing if on else self._transport.pauseProducing)()

    def leave(self) -> None:
        """Break the connection, unless it is over."""
        if not self.is_gone:
            self._transport.abortConnection()
        self.network.settle()

    @property
    def _transport(self) -> Any:
        return self.transport

    def _write(self, data: bytes) -> None:
        """Write at once: Twisted's layer of TLS would keep it for a turn of the global reactor."""
        if self.tls.layer is None:
            self._transport.write(data)
        else:
            TLSMemoryBIOProtocol.write(self.tls.layer, data)

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note it."""
        self.is_gone = True


@implementer(IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator)
class AnyTLS:
    """TLS that takes any certificate and shows the one it is given."""

    layer: TLSMemoryBIOProtocol | None = None

    def __init__(self, credentials: Credentials | None, max_version: int) -> None:
        self._context = SSL.Context(SSL.TLS_METHOD)
        self._context.set_max_proto_version(max_version)
        self._context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        if credentials is not None:
            self._context.use_certificate(credentials.leaf)
            self._context.use_privatekey(credentials.private_key)

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """As Twisted asks for it."""
        self.layer = tlsProtocol
        return SSL.Connection(self._context, None)

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """As Twisted asks for it."""
        return self.clientConnectionForTLS(tlsProtocol)


class BytePeers(ClientFactory):
    """Makes peers, and keeps those that are connected, in order."""

    noisy = False

    def __init__(self, make: Callable[[], BytePeer]) -> None:
        self._make = make
        self.connected: list[BytePeer] = []

    def buildProtocol(self, _addr: IAddress | None) -> BytePeer:
        """Make one."""
        self.connected.append(self._make())
        return self.connected[-1]


def call(peer: BytePeer, host: str, port: int = 5269) -> BytePeer:
    """Connect a peer to a server."""
    peer.network.connectTCP(host, port, BytePeers(lambda: peer), bindAddress=(ADDRESS, 0))
    peer.network.settle()
    return peer


def listen(network: MemoryNetwork, make: Callable[[], BytePeer]) -> tuple[MemoryPort, BytePeers]:
    """Let peers wait for servers that connect."""
    peers = BytePeers(make)
    return network.listenTCP(5269, peers, interface=ADDRESS), peers
