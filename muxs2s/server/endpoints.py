"""
Where connections are accepted, as operators write it.

Knows how a place is written and that one port may serve both IP versions. Does not know who connects
there.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from typing import Final, cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IReactorTCP,
    IStreamServerEndpoint,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import getPlugins
from zope.interface import implementer

from muxs2s.network.addresses import is_address
from muxs2s.network.proxied import ProxiedFactory
from muxs2s.network.reactors import INetworkReactor
from muxs2s.wire.errors import MuxS2SError

__all__ = ["WRITTEN", "ListenAddress", "ListenEndpoint", "ListenRefused", "check_place", "read_address"]

MAX_WAITING_CONNECTIONS: Final = 512
"""Connections the system keeps for us until we have accepted them; it may have a lower limit."""

WRITTEN: Final = (
    'a port ("5269"), an IP address and a port ("192.0.2.1:5269", "[2001:db8::1]:5269") '
    'or an endpoint as Twisted writes it ("unix:/run/muxs2s.sock:mode=660")'
)
"""How a place is written, in words for operators."""

_ADDRESS: Final = re.compile(r"(?:(?:\[(?P<bracketed>[^\[\]]+)\]|(?P<plain>[0-9.]+)):)?(?P<port>[0-9]{1,5})")

_PROXIED: Final = "haproxy:"
"""Before the place where a proxy connects."""

_CHECKABLE: Final = frozenset({"tcp", "tcp6", "unix"})
"""Endpoints that Twisted reads without doing anything else yet."""

_NO_IPV6: Final = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT})


class ListenRefused(MuxS2SError):
    """Nothing can listen at a place written like this; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenAddress:
    """A port of this host, at one address or at all of them."""

    interface: str
    """An IP address; empty for all there are."""

    port: int


@implementer(IStreamServerEndpoint)
class ListenEndpoint:
    """
    Listens where an operator says.

    :param text: ``5269`` for a port on all addresses, IPv6 and IPv4; ``192.0.2.1:5269`` or
        ``[2001:db8::1]:5269`` for one address; else an endpoint as Twisted writes it, such as
        ``unix:/run/muxs2s/components:mode=660``. Port 0 is any free one. With ``haproxy:`` before any of
        these, a proxy says by the PROXY protocol where each connection comes from.
    :raises ListenRefused: if it is none of these.
    """

    def __init__(self, reactor: INetworkReactor, text: str) -> None:
        check_place(text)
        self._reactor, self._text = reactor, text

    def __str__(self) -> str:
        return self._text

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Begin; fires with the port, and fails with what Twisted's endpoints fail with."""
        return Deferred.fromCoroutine(self._listen(protocolFactory))

    async def _listen(self, factory: IProtocolFactory) -> IListeningPort:
        if self._text.startswith(_PROXIED):
            inner = ListenEndpoint(self._reactor, self._text.removeprefix(_PROXIED))
            return await inner.listen(ProxiedFactory(factory, self._reactor))
        address = read_address(self._text)
        if address is None:
            return await self._begin(serverFromString(self._reactor, self._text), factory)
        if address.interface:
            return await self._listen_at(address.interface, address.port, factory)
        try:
            return await self._listen_at("::", address.port, factory)
        except CannotListenError as error:
            if getattr(error.socketError, "errno", None) not in _NO_IPV6:
                raise
        return await self._listen_at("0.0.0.0", address.port, factory)  # noqa: S104 - what peers reach us at

    async def _listen_at(self, interface: str, port: int, factory: IProtocolFactory) -> IListeningPort:
        endpoint = TCP6ServerEndpoint if ":" in interface else TCP4ServerEndpoint
        return await self._begin(endpoint(self._reactor, port, MAX_WAITING_CONNECTIONS, interface), factory)

    @staticmethod
    def _begin(endpoint: object, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Twisted has typed endpoints as interfaces only."""
        return cast(IStreamServerEndpoint, endpoint).listen(factory)


def check_place(text: str) -> None:
    """
    Find out whether a place to listen is written well, without listening.

    :param text: see :class:`ListenEndpoint`.
    :raises ListenRefused: if it is not.
    """
    if text.startswith(_PROXIED):
        inner = text.removeprefix(_PROXIED)
        if inner.startswith((_PROXIED, "ssl:")):
            raise ListenRefused(f"{text!r}: the PROXY protocol stands before TCP or a Unix socket")
        check_place(inner)
    elif read_address(text) is None:
        _check_endpoint(text)


def read_address(text: str) -> ListenAddress | None:
    """
    Read a port, alone or behind an IP address; ``None`` if the text is neither.

    :raises ListenRefused: if it looks like one and is none.
    """
    written = _ADDRESS.fullmatch(text)
    if written is None:
        return None
    port = int(written["port"])
    if port >= 1 << 16:
        raise ListenRefused(f"{text!r}: {port} is no port, they go from 1 to 65535")
    interface = written["bracketed"] or written["plain"] or ""
    if interface and not is_address(interface):
        raise ListenRefused(f"{text!r}: {interface!r} is no IP address")
    return ListenAddress(interface=interface, port=port)


def _check_endpoint(text: str) -> None:
    prefix, colon, _ = text.partition(":")
    known = {*_CHECKABLE, "ssl", *(plugin.prefix for plugin in getPlugins(IStreamServerEndpointStringParser))}
    if not colon or prefix not in known:
        raise ListenRefused(f"{text!r} is no place to listen")
    if prefix in _CHECKABLE:
        try:
            serverFromString(cast(IReactorTCP, None), text)
        except (TypeError, ValueError) as error:
            raise ListenRefused(f"{text!r}: {error}") from None
        except RuntimeError:  # out of Twisted's generator of tokens
            raise ListenRefused(f"{text!r}: the backslash at the end stands before nothing") from None
