"""
UDP ports for single questions.

Knows how a port is opened, read and closed without a word in the log: Twisted's own writes two lines for
each, which is right for a server's port, and not for one that lives as long as a question to DNS. Does
not know what is asked.
"""

from __future__ import annotations

import socket
from typing import Final, cast

from twisted.internet.base import ReactorBase
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorFDSet, IReactorUDP, IReadDescriptor, IUDPTransport
from twisted.internet.protocol import DatagramProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["MAX_DATAGRAMS_AT_ONCE", "DatagramPort", "open_port"]

MAX_DATAGRAMS_AT_ONCE: Final = 16
"""Read from one port before others have their turn."""


def open_port(reactor: IReactorUDP, protocol: DatagramProtocol, interface: str, max_octets: int) -> IUDPTransport:
    """
    Open a UDP port of the system's choice.

    :param interface: ``::`` for a port of IPv6, empty for one of IPv4.
    :param max_octets: of one datagram; the rest is cut off.
    :returns: with :class:`DatagramPort`'s methods.
    :raises twisted.internet.error.CannotListenError: if the system has none.
    """
    if not (isinstance(reactor, ReactorBase) and IReactorFDSet.providedBy(reactor)):
        return cast(IUDPTransport, reactor.listenUDP(0, protocol, interface, max_octets))
    try:
        opened = socket.socket(socket.AF_INET6 if ":" in interface else socket.AF_INET, socket.SOCK_DGRAM)
    except OSError as error:
        raise CannotListenError(interface, 0, error) from None
    opened.setblocking(False)
    port = DatagramPort(cast(IReactorFDSet, reactor), opened, protocol, max_octets)
    port.begin()
    return cast(IUDPTransport, port)


@implementer(IReadDescriptor)
class DatagramPort:
    """One UDP port, with what Twisted's has of use to a single question."""

    def __init__(
        self, reactor: IReactorFDSet, opened: socket.socket, protocol: DatagramProtocol, max_octets: int
    ) -> None:
        self._reactor, self._socket, self._protocol, self._max_octets = reactor, opened, protocol, max_octets

    def begin(self) -> None:
        """Read from now on."""
        self._protocol.makeConnection(cast(IUDPTransport, self))
        self._reactor.addReader(self)

    def connect(self, host: str, port: int) -> None:
        """
        Talk to one peer alone: the system drops what others send.

        :param host: an IP address.
        :raises OSError: if there is no way there.
        """
        self._socket.connect((host, port))

    def write(self, packet: bytes, _addr: object = None) -> None:
        """
        Send a datagram to the peer. One that does not fit into the system's buffers is lost, as it may be anywhere.

        :raises OSError: if there is no way there.
        """
        try:
            self._socket.send(packet)
        except BlockingIOError:
            pass
        except ConnectionRefusedError:
            self._protocol.connectionRefused()

    def stopListening(self) -> None:
        """Close the port; from the second time on nothing happens."""
        if self.fileno() != -1:
            self._reactor.removeReader(self)
            self._socket.close()

    # What the reactor calls.

    def fileno(self) -> int:
        """The number of the socket; -1 when it is closed."""
        return self._socket.fileno()

    def doRead(self) -> None:
        """Hand on what has come."""
        for _ in range(MAX_DATAGRAMS_AT_ONCE):
            try:
                packet, address = self._socket.recvfrom(self._max_octets)
            except BlockingIOError:
                return
            except OSError:  # an answer of the network, not of the peer: nobody listens there
                self._protocol.connectionRefused()
                return
            self._protocol.datagramReceived(packet, address[:2])
            if self.fileno() == -1:
                return

    def connectionLost(self, _reason: Failure) -> None:
        """The reactor has no use for the port any more."""
        self.stopListening()
        self._protocol.doStop()

    def logPrefix(self) -> str:
        """Whose doing it is, for what the reactor logs."""
        return type(self._protocol).__name__
