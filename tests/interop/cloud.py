"""
muxs2s as the tests run it: real sockets, a name server of the test's, components from outside.

Knows how the service and the listener for components are put together, started and stopped. Lives in
the process of the tests, so that an error it logs fails the test.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IListeningPort
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import implementer

from muxs2s.hosts.components import ComponentFactory
from muxs2s.network.certificates import CertificateStore
from muxs2s.network.connecting import ConnectLimits
from muxs2s.network.reactors import INetworkReactor
from muxs2s.network.resolver import Resolver
from muxs2s.proof.pkix import TrustAnchors
from muxs2s.service.backoff import BackoffLimits
from muxs2s.service.queues import QueueLimits
from muxs2s.service.s2s import S2SService, ServiceLimits
from muxs2s.service.status import StreamStatus
from muxs2s.testing import IssuedCredentials
from tests.interop.servers import free_port

__all__ = ["LIMITS", "SECRET", "Cloud"]

SECRET: Final = "of the components"

LIMITS: Final = ServiceLimits(
    queue=QueueLimits(max_age_seconds=6.0),
    connect=ConnectLimits(connect_seconds=5.0),
    backoff=BackoffLimits(first_seconds=1.0, max_seconds=2.0),
)
"""As by default, but what cannot be delivered comes back soon."""


@implementer(ILogObserver)
class _Log:
    """What muxs2s has logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, event: LogEvent) -> None:
        """Keep what is ours."""
        if str(event.get("log_namespace", "")).startswith("muxs2s."):
            self.lines.append(formatEvent(event))


class Cloud:
    """
    Our domains, and the components that serve them.

    :param certificates: of each domain; ``None`` for one that has none.
    :param dns: the address and port of the name server.
    """

    def __init__(
        self,
        reactor: INetworkReactor,
        address: str,
        certificates: Mapping[str, IssuedCredentials | None],
        anchors: TrustAnchors,
        *,
        dns: tuple[str, int],
        limits: ServiceLimits = LIMITS,
    ) -> None:
        self.address = address
        self.domains = tuple(certificates)
        self.s2s_port = free_port(address)
        self.component_port = free_port(address)
        self.service: S2SService | None = None
        self.log = _Log()
        self._reactor, self._anchors, self._dns, self._limits = reactor, anchors, dns, limits
        self._certificates = CertificateStore()
        for credentials in filter(None, certificates.values()):
            self._certificates.add(credentials)
        self._components: ComponentFactory | None = None
        self._port: IListeningPort | None = None

    async def start(self) -> None:
        """Start a new service on the same ports."""
        globalLogPublisher.addObserver(self.log)
        service = S2SService(
            self._reactor,
            self.domains,
            certificates=self._certificates,
            anchors=self._anchors,
            endpoints=[self._endpoint(self.s2s_port)],
            lookup=Resolver(self._reactor, [self._dns]),
            bind_address=self.address,
            limits=self._limits,
        )
        service.startService()
        self._components = ComponentFactory(service, lambda _domain: SECRET, self._reactor)
        self._port = await self._endpoint(self.component_port).listen(self._components)
        self.service = service

    async def stop(self) -> None:
        """Stop it in good order: what waits comes back to the components before they are let go."""
        service, self.service = self.service, None
        if service is None:
            return
        assert self._components is not None
        assert self._port is not None
        await service.stopService()
        await maybeDeferred(self._port.stopListening)
        await self._components.close()
        globalLogPublisher.removeObserver(self.log)

    @property
    def accepted(self) -> list[str]:
        """The log lines that tell which domain of a peer was accepted, and why."""
        return [line for line in self.log.lines if line.startswith("accepted ")]

    @property
    def streams(self) -> tuple[StreamStatus, ...]:
        """The streams there are now."""
        return () if self.service is None else self.service.status().streams

    @property
    def waiting(self) -> int:
        """How many stanzas wait for a stream."""
        return 0 if self.service is None else sum(queue.stanzas for queue in self.service.status().queues)

    @property
    def in_hand(self) -> list[str | None]:
        """The ids of the stanzas that are written, but not wholly in a kernel."""
        assert self.service is not None
        return [stanza.id for _pair, queue in self.service._routing.links for _since, stanza in queue._taken]

    @property
    def has_passed_on(self) -> bool:
        """Whether everything it was given is in a kernel."""
        return not self.waiting and not self.in_hand

    def _endpoint(self, port: int) -> TCP4ServerEndpoint:
        return TCP4ServerEndpoint(self._reactor, port, interface=self.address)
