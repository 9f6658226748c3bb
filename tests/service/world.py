"""Servers in memory that federate: one network, one clock, one zone of DNS, one certification authority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.accepting import AcceptLimits
from muxs2s.network.certificates import CertificateStore
from muxs2s.network.pem import Credentials
from muxs2s.proof.peers import PeerPolicies, PeerPolicy
from muxs2s.service.backoff import BackoffLimits
from muxs2s.service.queues import QueueLimits
from muxs2s.service.s2s import S2SService, ServiceLimits
from muxs2s.stream.limits import StreamLimits
from muxs2s.testing import CertificateAuthority, MemoryResolver, Zone
from muxs2s.testing.network import MemoryNetwork
from muxs2s.wire.names import DomainName
from muxs2s.wire.stanza import Slice
from tests.hosts.logs import Logged
from tests.service.samples import bodies, message

AUTHORITY: Final = CertificateAuthority()

ISSUED: Final[dict[str, Credentials]] = {}
"""Certificates for good use, each made when it is first needed."""


def credentials_of(domain: str) -> Credentials:
    """A certificate that proves a domain."""
    if domain not in ISSUED:
        ISSUED[domain] = AUTHORITY.issue(domain)
    return ISSUED[domain]


APART: Final = PeerPolicies(default=PeerPolicy(is_multiplexed=False))
"""For a server on whose streams no domains of peers come together."""


class Mailbox:
    """A host that keeps what it gets."""

    def __init__(self) -> None:
        self.taken: list[Slice] = []

    def deliver(self, stanzas: Sequence[Slice]) -> None:
        """As :class:`~muxs2s.hosts.seam.Host`."""
        self.taken += stanzas

    @property
    def texts(self) -> list[str]:
        """What the messages say that are no errors."""
        return bodies([stanza for stanza in self.taken if stanza.type != "error"])

    @property
    def errors(self) -> list[str]:
        """What has come back, as the XML of the errors."""
        return [stanza.data.decode() for stanza in self.taken if stanza.type == "error"]


class Server:
    """A service for one or more domains, with a mailbox for all of them."""

    def __init__(self, world: World, address: str, domains: Sequence[str], **options: Any) -> None:
        self.world, self.address, self.domains = world, address, domains
        self.mailbox = Mailbox()
        self.certificates = CertificateStore()
        for domain in domains:
            world.publish(domain, address)
        for credentials in options.pop("credentials", map(credentials_of, domains)):
            self.certificates.add(credentials)
        self.service = S2SService(
            world.network,
            domains,
            certificates=self.certificates,
            anchors=options.pop("anchors", AUTHORITY.trust_anchors),
            endpoints=[TCP4ServerEndpoint(world.network, 5269, interface=address)],
            lookup=MemoryResolver(world.zone, world.network),
            bind_address=address,
            chance=lambda: 0.5,
            **options,
        )
        self.start()

    def start(self) -> None:
        """Start the service; attach the mailbox to its domains."""
        self.service.startService()
        for domain in self.domains:
            self.service.attach(DomainName.parse(domain), self.mailbox)

    def stop(self) -> Deferred[None]:
        """Stop the service."""
        return self.service.stopService()

    def send(self, *texts: str, sender: str | None = None, target: str = "b.example") -> None:
        """Send messages and let happen what happens without delay."""
        self.post(*texts, sender=sender, target=target)
        self.world.network.settle()

    def post(self, *texts: str, sender: str | None = None, target: str = "b.example") -> None:
        """Send messages and let nothing happen yet."""
        origin = sender or self.domains[0]
        self.service.send([message(text, f"x@{origin}", f"y@{target}") for text in texts])

    @property
    def initiated(self) -> int:
        """How many streams it has opened that are not gone."""
        return sum(stream.initiated for stream in self.service.status().streams)


class World:
    """A network with a zone; servers appear in both."""

    def __init__(self, *, buffer_bytes: int = 65_536) -> None:
        self.network = MemoryNetwork(buffer_bytes=buffer_bytes)
        self.zone = Zone()
        self.servers: list[Server] = []

    def server(self, *domains: str, **options: Any) -> Server:
        """Start a server; its address is the next free one."""
        self.servers.append(Server(self, f"192.0.2.{len(self.servers) + 1}", domains, **options))
        return self.servers[-1]

    def publish(self, domain: str, address: str) -> None:
        """Say in DNS where a domain is."""
        self.zone.add_srv(domain, f"xmpp.{domain}", 5269)
        self.zone.add(f"xmpp.{domain}", "A", address)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.network.advance(seconds)

    def stop(self) -> None:
        """Stop every server and let what is open run into its deadlines."""
        for server in self.servers:
            server.stop()
        self.advance(200.0)


def limits(**changes: Any) -> ServiceLimits:
    """The default limits, some of them changed: fields of those that are named here, by name."""
    parts = {"queue": QueueLimits(), "stream": StreamLimits(), "backoff": BackoffLimits(), "accept": AcceptLimits()}
    for name, part in parts.items():
        own = {field: value for field, value in changes.items() if hasattr(part, field)}
        parts[name] = replace(part, **own)  # type: ignore[type-var]  # each is a dataclass
    return ServiceLimits(**parts)  # type: ignore[arg-type]  # each under the name of its class


class FederationTestCase(SynchronousTestCase):
    """Two servers, which multiplex unless it is said that they do not."""

    policies = PeerPolicies()

    def setUp(self) -> None:
        self.logged = Logged(self)
        self.world = World()
        self.network = self.world.network
        self.a = self.world.server("a.example", policies=lambda: self.policies)
        self.b = self.world.server("b.example", policies=lambda: self.policies)

    def tearDown(self) -> None:
        self.world.stop()
        self.assertEqual([], [*self.network.getDelayedCalls(), *self.network.getReaders(), *self.network.getWriters()])

    def assert_bounced(self, server: Server, condition: str, times: int = 1) -> None:
        """A server's host has had back so many stanzas, all for one reason."""
        self.assertEqual(times, len(server.mailbox.errors), server.mailbox.errors)
        for error in server.mailbox.errors:
            self.assertIn(f"<{condition} ", error)
