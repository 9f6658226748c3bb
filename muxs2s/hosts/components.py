"""
Components in any language: a listener for XEP-0114.

Knows who serves which domain and who may. Does not know what a stream may say, see
:mod:`muxs2s.hosts.componentstream`, nor how stanzas are moved, see
:mod:`muxs2s.hosts.componentconnection`.

A component that is there keeps its place: a second one for the same domain is sent ``conflict`` and
may try again. So that a dead one makes room, the first is pinged then; unless it sends anything at
all within ``answer_seconds``, its connection is ended.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger

from muxs2s.hosts.componentconnection import ComponentConnection
from muxs2s.hosts.componentstream import ComponentLimits, SecretOf
from muxs2s.hosts.seam import Federation
from muxs2s.network.restraint import RestrainedLog
from muxs2s.wire.errors import LocalMisuse, RemoteViolation, StreamCondition
from muxs2s.wire.names import DomainName

__all__ = ["ComponentFactory"]

_DEFAULT_LIMITS: Final = ComponentLimits()


class ComponentFactory(ServerFactory):
    """
    Listens for components, which thereby need no XMPP server of their own.

    Give it to any endpoint: TCP or a Unix socket. The secret crosses the wire only hashed, stanzas as
    they are: listen on loopback, or behind TLS.

    :param federation: what its components send to and are served by.
    :param secret_of: tells the secret of a domain, as ``dict.get`` does. It is asked for each new
        connection, so that domains and secrets may change while it runs; see :meth:`dismiss`.
    :param clock: for the time-outs in ``limits``.
    :param entropy: gives that many random bytes.

    Source: XEP-0114.
    """

    _log = Logger()
    noisy = False

    def __init__(
        self,
        federation: Federation,
        secret_of: SecretOf,
        clock: IReactorTime,
        limits: ComponentLimits = _DEFAULT_LIMITS,
        *,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.federation = federation
        self.secret_of = secret_of
        self.clock = clock
        self.limits = limits
        self.entropy = entropy
        self.restrained = RestrainedLog(self._log, clock)
        self._connections: set[ComponentConnection] = set()
        self._unproven: dict[ComponentConnection, None] = {}
        """Those that have not shaken hands, the oldest first."""
        self._serving: dict[DomainName, ComponentConnection] = {}
        self._accepting = True
        self._asked_to_close: list[Deferred[None]] = []

    @property
    def connected(self) -> frozenset[DomainName]:
        """The domains that have a component now."""
        return frozenset(self._serving)

    def buildProtocol(self, addr: IAddress | None) -> ComponentConnection | None:
        """
        Take a connection, unless the listener is closing.

        When too many have not shaken hands, the oldest of these makes room: a handshake takes
        milliseconds, so that one is the least likely to come to anything.
        """
        if not self._accepting:
            return None
        if len(self._unproven) >= self.limits.max_unproven_connections:
            oldest = next(iter(self._unproven))
            del self._unproven[oldest]
            oldest.make_room()
        connection = ComponentConnection(self)
        self._connections.add(connection)
        self._unproven[connection] = None
        return connection

    def startFactory(self) -> None:
        """Listen, maybe again."""
        self._accepting = True

    def stopFactory(self) -> None:
        """Listen no more: as :meth:`close`."""
        self.close()

    def close(self) -> Deferred[None]:
        """
        End the stream of each component with ``system-shutdown`` and let none in.

        :returns: fires with ``None`` once no connection is left, at most ``closing_seconds``
            later; never fails.
        """
        self._accepting = False
        for connection in list(self._connections):
            connection.shut_down(StreamCondition.SYSTEM_SHUTDOWN, "the server is going down")
        closed: Deferred[None] = Deferred()
        self._asked_to_close.append(closed)
        self._tell_if_closed()
        return closed

    def dismiss(self, domain: DomainName) -> None:
        """End the stream of the component that serves ``domain`` with ``host-gone``, if there is one."""
        connection = self._serving.get(domain)
        if connection is not None:
            connection.shut_down(StreamCondition.HOST_GONE, f"{domain} is served here no more")

    def admit(self, connection: ComponentConnection, domain: DomainName) -> None:
        """
        Let a component that knows the secret serve its domain; for :class:`ComponentConnection`.

        :raises RemoteViolation: ``host-unknown`` or ``conflict``.
        """
        if domain not in self.federation.hosted:
            raise RemoteViolation(StreamCondition.HOST_UNKNOWN, f"{domain} is not served here")
        present = self._serving.get(domain)
        if present is not None:
            present.ask_whether_alive()
            raise RemoteViolation(
                StreamCondition.CONFLICT, f"another component serves {domain}; try again if it is dead"
            )
        try:
            self.federation.attach(domain, connection)
        except LocalMisuse as misuse:
            raise RemoteViolation(StreamCondition.CONFLICT, str(misuse)) from None
        self._serving[domain] = connection
        self._unproven.pop(connection, None)

    def forget(self, connection: ComponentConnection) -> None:
        """Count a connection no more: it is gone; for :class:`ComponentConnection`."""
        self._connections.discard(connection)
        self._unproven.pop(connection, None)
        self._tell_if_closed()

    def release(self, connection: ComponentConnection, domain: DomainName | None) -> bool:
        """Let a component serve its domain no more; tells whether it did; for :class:`ComponentConnection`."""
        if domain is None or self._serving.get(domain) is not connection:
            return False
        del self._serving[domain]
        self.federation.detach(domain, connection)
        return True

    def _tell_if_closed(self) -> None:
        if self._asked_to_close and not self._connections:
            self.restrained.close()
            asked, self._asked_to_close = self._asked_to_close, []
            for closed in asked:
                closed.callback(None)
