"""A network in memory, a server on it that is tried, and a kit that reaches it and is reached."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint

from muxs2s.conformance import OwnDomains, Report, Setting, conformance
from muxs2s.network.targets import Target
from muxs2s.server.federation import FederationServer
from muxs2s.testing import MemoryNetwork, MemoryResolver, Zone
from muxs2s.wire.names import DomainName
from tests.server.configured import AUTHORITY, ConfiguredTestCase

__all__ = ["DOMAIN", "KIT", "OTHER_DOMAIN", "OURS", "SERVER", "KitCase"]

OURS: Final = DomainName.parse("kit.example")
DOMAIN: Final = DomainName.parse("b.example")
OTHER_DOMAIN: Final = DomainName.parse("b2.example")

SERVER: Final = "192.0.2.2"
KIT: Final = "192.0.2.9"

HOURS: Final = 3_600
"""How many seconds anything may take in the end."""

T = TypeVar("T")


class KitCase(ConfiguredTestCase):
    """The server hosts two domains and trusts our authority; DNS leads our domains to the kit."""

    def setUp(self) -> None:
        super().setUp()
        self.network, self.zone = MemoryNetwork(), Zone()
        self.zone.add("kit-host.example", "A", KIT)
        self.setting = Setting(
            place=f"{SERVER}:5269",
            endpoint=TCP4ClientEndpoint(self.network, SERVER, 5269),
            direct_tls=TCP4ClientEndpoint(self.network, SERVER, 5270),
            domain=DOMAIN,
            more_domains=(OTHER_DOMAIN,),
            ours=OwnDomains(OURS, AUTHORITY),
            anchors=AUTHORITY.trust_anchors,
            listening=TCP4ServerEndpoint(self.network, 5269, interface=KIT),
            reached_at=Target(host="kit-host.example", port=5269),
            zone=self.zone,
            is_patient=True,
        )
        self.zone.add_srv(OURS, "kit-host.example", 5269)

    def run_server(self, **options: object) -> FederationServer:
        """Let a server of ours be the one that is tried."""
        for domain in (DOMAIN, OTHER_DOMAIN):
            AUTHORITY.issue(domain).write(self.directory / "theirs" / domain)
        configuration = self.made(
            **{
                "domains": [DOMAIN, OTHER_DOMAIN],
                "listen": [f"{SERVER}:5269"],
                "listen_tls": [f"{SERVER}:5270"],
                "certificates": {"directories": [str(self.directory / "theirs")]},
                "policy": {"proofs": ["pkix", "dialback"]},
                "accept": {"max_address_failed_proofs": 1_000},
                **options,
            }
        )
        server = FederationServer(self.network, configuration, lookup=MemoryResolver(self.zone, self.network))
        server.startService()
        return server

    def report(self, **options: object) -> Report:
        """Run a server of ours and play everything."""
        self.run_server(**options)
        return self.finished(conformance(self.network, self.setting))

    def change(self, **facts: Any) -> None:
        """Let the command have been told something else."""
        self.setting = replace(self.setting, **facts)

    def failed_with(self, error: type[Exception], work: Coroutine[Any, Any, Any], text: str) -> None:
        """Something comes to nothing, and this is in the reason."""
        running = Deferred.fromCoroutine(work)
        self.network.advance(60)
        self.assertIn(text, str(self.failureResultOf(running, error).value))

    def finished(self, work: Coroutine[Any, Any, T]) -> T:
        """Let time pass until something is over."""
        running = Deferred.fromCoroutine(work)
        for _ in range(HOURS):
            if running.called:
                break
            self.network.settle()
            if not running.called:
                self.network.advance(1.0)
        return self.successResultOf(running)
