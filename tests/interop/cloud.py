"""
muxs2s as an operator configures it: real sockets, a name server of the test's, components from outside.

Knows its configuration, and how to start and stop it. It lives in the process of the tests, so that an
error it logs fails the test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import implementer

from muxs2s.network.reactors import INetworkReactor
from muxs2s.server import FederationServer, make_configuration
from muxs2s.service.status import StreamStatus
from muxs2s.testing import IssuedCredentials
from tests.interop.servers.peer import free_port

__all__ = ["IMPATIENT", "PATIENT", "SECRET", "Cloud", "Options"]

SECRET: Final = "of the components"

Options = Mapping[str, object]

PATIENT: Final[Options] = {"backoff": {"first_seconds": 1.0, "max_seconds": 2.0}}
"""As by default, so that stanzas wait for a minute; but peers are tried again soon."""

IMPATIENT: Final[Options] = {**PATIENT, "queue": {"max_age_seconds": 6.0}, "connect": {"connect_seconds": 5.0}}
"""What cannot be delivered comes back soon, too."""


@implementer(ILogObserver)
class _Log:
    """What muxs2s has logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, event: LogEvent) -> None:
        """Keep what is ours."""
        if str(event.get("log_namespace", "")).startswith("muxs2s."):
            self.lines.append(formatEvent(event))


@dataclass(slots=True, kw_only=True)
class Cloud:
    """
    Our domains, and the components that serve them. It can be started more than once, on the same ports.

    :param place: a directory of its own.
    :param certificates: of each domain; ``None`` for one that has none.
    :param authorities: the file of those it trusts.
    :param dns: the address and port of the name server.
    :param options: more of its configuration, in tables.
    :param direct_tls: whether it accepts peers over TLS without STARTTLS as well.
    :param stream_limits: in place of what its operator may configure, by name.
    """

    reactor: INetworkReactor
    place: Path
    address: str
    certificates: Mapping[str, IssuedCredentials | None]
    authorities: Path
    dns: tuple[str, int]
    options: Options
    direct_tls: bool = False
    stream_limits: Mapping[str, Any] = field(default_factory=dict)
    s2s_port: int = 0
    direct_tls_port: int | None = None
    component_port: int = 0
    log: _Log = field(default_factory=_Log)
    _server: FederationServer | None = None

    def __post_init__(self) -> None:
        """Write down its certificates."""
        self.s2s_port = free_port(self.address)
        self.component_port = free_port(self.address)
        self.direct_tls_port = free_port(self.address) if self.direct_tls else None
        for number, credentials in enumerate(filter(None, self.certificates.values())):
            credentials.write(self.place / "certificates" / str(number))

    @property
    def domains(self) -> tuple[str, ...]:
        """Those that are ours."""
        return tuple(self.certificates)

    async def start(self) -> None:
        """Start a new server."""
        globalLogPublisher.addObserver(self.log)
        configuration = make_configuration(self._document(), directory=self.place)
        limits = configuration.limits
        limits = replace(limits, stream=replace(limits.stream, **self.stream_limits))
        self._server = FederationServer(self.reactor, replace(configuration, limits=limits))
        self._server.startService()

    async def stop(self) -> None:
        """Stop it in good order."""
        server, self._server = self._server, None
        if server is not None:
            await server.stopService()
            globalLogPublisher.removeObserver(self.log)

    @property
    def accepted(self) -> list[str]:
        """The log lines that tell which domain of a peer was accepted, and why."""
        return [line for line in self.log.lines if line.startswith("accepted ")]

    @property
    def streams(self) -> tuple[StreamStatus, ...]:
        """The streams there are now."""
        return self._running.federation.status().streams

    @property
    def waiting(self) -> int:
        """How many stanzas wait for a stream."""
        return sum(queue.stanzas for queue in self._running.federation.status().queues)

    @property
    def in_hand(self) -> list[str | None]:
        """The ids of the stanzas that are written, but not wholly in a kernel."""
        queues = self._running.federation._routing.outgoing
        return [stanza.id for queue in queues for _since, stanza in queue._taken]

    @property
    def has_passed_on(self) -> bool:
        """Whether everything it was given is in a kernel."""
        return not self.waiting and not self.in_hand

    @property
    def _running(self) -> FederationServer:
        assert self._server is not None, "muxs2s does not run"
        return self._server

    def _document(self) -> dict[str, object]:
        return {
            "listen": [f"{self.address}:{self.s2s_port}"],
            **({"listen_tls": [f"{self.address}:{self.direct_tls_port}"]} if self.direct_tls else {}),
            "bind_address": self.address,
            "certificates": {"directories": ["certificates"]},
            "trust": {"anchors": str(self.authorities)},
            "dns": {"servers": [f"{self.dns[0]}:{self.dns[1]}"]},
            "components": {
                "listen": [f"{self.address}:{self.component_port}"],
                "secrets": dict.fromkeys(self.certificates, SECRET),
            },
            **self.options,
        }
