"""A whole server as a configuration says, and what another configuration changes."""

from __future__ import annotations

import shutil
from typing import Any
from unittest.mock import ANY

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import CannotListenError, ConnectionDone
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.internet.testing import StringTransport
from twisted.logger import LogLevel
from twisted.python.failure import Failure

from muxs2s.hosts.componentconnection import ComponentConnection
from muxs2s.network.certificates import CertificateStore
from muxs2s.network.proxied import ProxiedFactory
from muxs2s.network.targets import read_target
from muxs2s.proof.outcome import Evidence, Proven
from muxs2s.server.certificates import ConfiguredCertificates
from muxs2s.server.changes import MAX_NAMES_SHOWN, Changes
from muxs2s.server.config import Configuration
from muxs2s.server.endpoints import ListenEndpoint
from muxs2s.server.federation import FederationServer
from muxs2s.testing import CertificateAuthority
from muxs2s.wire.names import DomainName
from tests.hosts.componentpeer import Component, digest
from tests.hosts.logs import Logged
from tests.network.memoryudp import MemoryNetworkReactor
from tests.server.configured import AUTHORITY, NOON, ConfiguredTestCase

BOT = DomainName.parse("bot.a.example")
SECRET = "sesame"
HEADER = f"<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='{BOT}'>"
COMPONENTS = {"listen": ["127.0.0.1:5347"], "secrets": {BOT: SECRET}}


class ServerTestCase(ConfiguredTestCase):
    """A server on a reactor without a network, at noon."""

    def setUp(self) -> None:
        super().setUp()
        self.reactor = MemoryNetworkReactor()
        self.reactor.advance(NOON)
        self.logged = Logged(self)

    def start(self, configuration: Configuration) -> FederationServer:
        """A running server."""
        server = FederationServer(self.reactor, configuration)
        server.startService()
        return server

    def connect(self, server: FederationServer, secret: str = SECRET) -> Component:
        """A component that has tried to shake hands."""
        connection = server.components.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        assert isinstance(connection, ComponentConnection)
        component = Component(connection)
        component.write(HEADER)
        component.write(f"<handshake>{digest(component.stream_id, secret)}</handshake>")
        return component

    @property
    def places(self) -> list[str]:
        """Where somebody listens, or has listened."""
        return [f"{interface} {port}" for port, _, _, interface in self.reactor.tcpServers]

    @property
    def warnings(self) -> list[str]:
        """What the log has for somebody to mend."""
        found = (str(event["problem"]) for event in self.logged.ours if event["log_level"] is LogLevel.warn)
        return [problem.replace(f"{self.directory}/", "") for problem in found]


class LifeTests(ServerTestCase):
    """Start and stop."""

    def test_listens(self) -> None:
        """It listens for peers and, where a component has a secret, for components."""
        self.start(self.made(components=COMPONENTS))
        self.assertEqual({":: 5269", "127.0.0.1 5347"}, set(self.places))

    def test_direct_tls(self) -> None:
        """S30: it listens for peers that begin with TLS where the configuration says so, and says so itself."""
        self.start(self.made(listen_tls=["5270", "127.0.0.1:5271"]))
        self.assertEqual({":: 5269", ":: 5270", "127.0.0.1 5271"}, set(self.places))
        self.assertIn("peers at 5269, 5270 (direct TLS), 127.0.0.1:5271 (direct TLS)", self.logged.lines[0])

    def test_unix_socket(self) -> None:
        """Peers may be accepted on a Unix socket, say behind a tunnel; with a header before it or without."""
        server = self.start(self.made(listen=["unix:/run/s2s:mode=660"], listen_tls=["haproxy:unix:/run/tls"]))
        (plain, direct) = [listening[1] for listening in self.reactor.unixServers]
        transport = StringTransport(peerAddress=UNIXAddress(None))
        stream = plain.buildProtocol(UNIXAddress(None))
        stream.makeConnection(transport)
        self.assertEqual(["a Unix socket"], [status.peer_address for status in server.federation.status().streams])
        self.assertIsInstance(direct, ProxiedFactory)
        stream.connectionLost(Failure(ConnectionDone()))

    def test_no_components(self) -> None:
        """Without any secret it does not listen for components."""
        self.start(self.made())
        self.assertEqual([":: 5269"], self.places)

    def test_component_is_served(self) -> None:
        """A component that knows the secret serves its domain; another one does not."""
        server = self.start(self.made(components=COMPONENTS))
        self.assertEqual("not-authorized", self.connect(server, "guessed").condition)
        self.assertIn("<handshake", self.connect(server).read)
        self.assertEqual({BOT}, server.components.connected)

    def test_unserved(self) -> None:
        """It tells which domains no component can serve."""
        self.assertEqual(("a.example",), FederationServer(self.reactor, self.made(components=COMPONENTS)).unserved)

    def test_stop(self) -> None:
        """At the end nobody listens any more and components are told."""
        server = self.start(self.made(components=COMPONENTS))
        component = self.connect(server)
        stopped = server.stopService()
        self.assertNoResult(stopped)
        self.assertEqual("system-shutdown", component.condition)
        component.lose()
        self.successResultOf(stopped)
        self.assertIsNone(server.components.buildProtocol(None))

    def test_federation_stops_first(self) -> None:
        """What peers send until their streams are closed still finds its component, which is told only then."""
        server = self.start(self.made(components=COMPONENTS))
        component = self.connect(server)
        streams_closed: Deferred[None] = Deferred()
        self.patch(server.federation, "stopService", lambda: streams_closed)
        stopped = server.stopService()
        self.assertEqual({BOT}, server.components.connected)
        streams_closed.callback(None)
        self.assertEqual("system-shutdown", component.condition)
        component.lose()
        self.successResultOf(stopped)

    def test_stops_the_rest(self) -> None:
        """A part that fails to stop is an error in the log, and the others are stopped."""
        server = self.start(self.made(components=COMPONENTS))
        self.patch(server.federation, "stopService", lambda: fail(RuntimeError("stuck")))
        self.successResultOf(server.stopService())
        self.assertIsNone(server.components.buildProtocol(None))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))

    def test_address_in_use(self) -> None:
        """Where components cannot be accepted is an error in the log with the remedy; peers are accepted."""
        refused: Deferred[IListeningPort] = fail(CannotListenError("127.0.0.1", 5347, OSError("in use")))
        listen = ListenEndpoint.listen

        def listen_or_not(endpoint: ListenEndpoint, factory: Factory) -> Deferred[IListeningPort]:
            return refused if "5347" in str(endpoint) else listen(endpoint, factory)

        self.patch(ListenEndpoint, "listen", listen_or_not)
        server = self.start(self.made(components=COMPONENTS))
        self.assertEqual([":: 5269"], self.places)
        (line,) = [line for line in self.logged.lines if "components cannot connect at 127.0.0.1:5347" in line]
        self.assertIn("in use. Remedy: free it", line)
        self.successResultOf(server.stopService())

    def test_dns_servers(self) -> None:
        """DNS servers that are configured are asked, else those of the system."""
        for servers, asked in ((["192.0.2.53:5353"], ("192.0.2.53", 5353)), ([], (ANY, 53))):
            server = self.start(self.made(dns={"servers": servers}))
            lookup: Any = server.federation._streams.seams.connector._means.lookup
            self.assertEqual(asked, tuple(lookup._servers[0]))


class CertificateTests(ServerTestCase):
    """The certificates of our domains."""

    def start_with(self, **certificates: object) -> FederationServer:
        """A server for two domains with certificates."""
        return self.start(self.made(domains=["a.example", "c.example"], certificates=certificates))

    def test_all_well(self) -> None:
        """With a certificate for each domain there is nothing to warn of."""
        self.certify("a.example", "c.example")
        self.start_with(directories=["."])
        self.assertEqual([], self.warnings)
        self.assertIn("serving 2 domains with 1 certificates, peers at 5269", self.logged.lines[0])

    def test_missing(self) -> None:
        """A domain without a certificate is warned of by name, with the remedy; the server runs for the others."""
        self.certify("a.example")
        server = self.start_with(directories=["."])
        (warning,) = self.warnings
        self.assertIn("c.example: no certificate names it: add one under certificates.files or", warning)
        self.assertTrue(server.running)

    def test_expired(self) -> None:
        """So is one whose certificate has expired, once, with the file; what names no domain of ours is not."""
        self.certify("a.example", "c.example", until=NOON - 86_400)
        self.certify("elsewhere.example", until=NOON - 86_400)
        self.start_with(directories=["."])
        for domain, warning in zip(("a.example", "c.example"), self.warnings, strict=True):
            self.assertTrue(warning.startswith(f"{domain}: live/a.example/fullchain.pem: expired on"), warning)
            self.assertIn("renew the certificate", warning)

    def test_unreadable(self) -> None:
        """A file or a directory that cannot be used is warned of with its remedy, and tried again the next time."""
        place = self.certify("a.example", "c.example", below="later")
        place.rename(self.directory / "aside")
        files = {"certificate": "later/a.example/fullchain.pem", "key": "later/a.example/privkey.pem"}
        server = self.start_with(files=[files], directories=["nowhere"])
        self.assertIn("later/a.example/fullchain.pem: is missing: check the path", self.warnings[0])
        self.assertIn("nowhere: is missing", self.warnings[1])
        (self.directory / "aside").rename(place)
        changes = server.apply(server.configuration)
        self.assertEqual((str(place / "fullchain.pem"),), changes.certificates_read)
        self.assertEqual(1, len(changes.problems))

    def test_renewed(self) -> None:
        """A renewed certificate is taken, and shown to peers from then on."""
        place = self.certify("a.example", "c.example")
        server = self.start_with(directories=["."])
        before = server.federation.certificates.for_domain(DomainName.parse("a.example"), NOON)
        AUTHORITY.issue("a.example", "c.example").write(place)
        changes = server.apply(server.configuration)
        self.assertEqual((str(place / "fullchain.pem"),), changes.certificates_read)
        self.assertIsNot(before, server.federation.certificates.for_domain(DomainName.parse("a.example"), NOON))
        self.assertIn("read again: certificates read: ", self.logged.lines[-1])

    def test_gone(self) -> None:
        """A certificate whose files are gone is shown no more, and what that means is said."""
        self.certify("a.example")
        place = self.certify("c.example")
        server = self.start_with(directories=["."])
        shutil.rmtree(place)
        changes = server.apply(server.configuration)
        self.assertEqual((str(place / "fullchain.pem"),), changes.certificates_removed)
        self.assertIn("c.example: no certificate names it", changes.problems[0])

    def test_named_no_more(self) -> None:
        """A certificate that the configuration names no more is gone as well, and the log says so."""
        place = self.certify("a.example")
        server = self.start_with(directories=["."])
        changes = server.apply(self.made(domains=["a.example"]))
        self.assertEqual((str(place / "fullchain.pem"),), changes.certificates_removed)
        self.assertTrue(any("certificates removed: " in line for line in self.logged.lines))

    def test_renewal_gone_wrong(self) -> None:
        """A renewed certificate that does not fit its key is named, and the one at hand stays."""
        place = self.certify("a.example", "c.example")
        server = self.start_with(directories=["."])
        (place / "fullchain.pem").write_bytes(AUTHORITY.issue("a.example").certificate_pem)
        (problem,) = server.apply(server.configuration).problems
        self.assertIn("does not match the key", problem)
        self.assertEqual(1, len(server.federation.certificates))

    def test_named_elsewhere(self) -> None:
        """A certificate that the configuration names no more is forgotten; one with another key is read anew."""
        place = self.certify("a.example", "c.example")
        shutil.copy(place / "privkey.pem", place / "other.pem")
        files = {"certificate": str(place / "fullchain.pem"), "key": str(place / "privkey.pem")}
        certificates = ConfiguredCertificates(CertificateStore())
        certificates.load(self.made(certificates={"files": [files]}), NOON)
        moved = {**files, "key": str(place / "other.pem")}
        self.assertEqual(1, len(certificates.load(self.made(certificates={"files": [moved]}), NOON).read))
        certificates.load(self.made(), NOON)
        self.assertEqual(0, len(certificates.store))


class ChangeTests(ServerTestCase):
    """Another configuration while the server runs."""

    def test_nothing(self) -> None:
        """The same configuration once more changes nothing, and the log says so."""
        server = self.start(self.made(components=COMPONENTS))
        changes = server.apply(self.made(components=COMPONENTS))
        self.assertEqual(Changes(problems=changes.problems), changes)
        self.assertIn("configuration read again: nothing changed", self.logged.lines)

    def test_domains(self) -> None:
        """Domains come and go."""
        server = self.start(self.made())
        changes = server.apply(self.made(domains=["c.example"]))
        self.assertEqual((("c.example",), ("a.example",)), (changes.added, changes.removed))
        self.assertEqual({"c.example"}, set(server.federation.hosted))
        self.assertIn("domains added: c.example; domains removed: a.example", self.logged.lines[-2])

    def test_component_comes(self) -> None:
        """With the first component that has a secret the server begins to listen for components."""
        server = self.start(self.made())
        changes = server.apply(self.made(components=COMPONENTS))
        self.assertEqual((BOT,), changes.secrets)
        self.assertIn("127.0.0.1 5347", self.places)
        self.assertIn("<handshake", self.connect(server).read)

    def test_component_goes(self) -> None:
        """With the last one it ceases to; the component is told that its domain is gone."""
        server = self.start(self.made(components=COMPONENTS))
        component = self.connect(server)
        changes = server.apply(self.made())
        self.assertEqual(((BOT,), (BOT,)), (changes.dismissed, changes.removed))
        self.assertEqual("host-gone", component.condition)
        self.assertNotIn(BOT, server.federation.hosted)

    def test_component_dismissed(self) -> None:
        """A component that lost its secret is disconnected even where its domain stays."""
        domains = ["a.example", str(BOT)]
        server = self.start(self.made(domains=domains, components=COMPONENTS))
        component = self.connect(server)
        changes = server.apply(self.made(domains=domains))
        self.assertEqual(((BOT,), ()), (changes.dismissed, changes.removed))
        self.assertEqual("host-gone", component.condition)
        self.assertIn(BOT, server.federation.hosted)

    def test_secret(self) -> None:
        """A new secret counts for the next connection; a component that is there stays."""
        server = self.start(self.made(components=COMPONENTS))
        present = self.connect(server)
        self.assertEqual((BOT,), server.apply(self.made(components={"secrets": {BOT: "new"}})).secrets)
        self.assertIsNone(present.condition)
        self.assertEqual("not-authorized", self.connect(server, SECRET).condition)
        self.assertEqual("conflict", self.connect(server, "new").condition)

    def test_addresses_of_peers(self) -> None:
        """Where peers are may change."""
        server = self.start(self.made())
        changes = server.apply(self.made(domain={"b.example": {"address": "192.0.2.7"}}))
        self.assertTrue(changes.overrides)
        found = server.federation.overrides.find(DomainName.parse("b.example"))
        self.assertEqual(read_target("192.0.2.7:5269"), found)
        self.assertIn("addresses of peers changed", str(changes))

    def test_policies_of_peers(self) -> None:
        """What is asked of peers may change."""
        server = self.start(self.made())
        policies = server.federation._streams.seams.side.policies
        changes = server.apply(self.made(domain={"b.example": {"policy": "deny"}}))
        self.assertTrue(changes.policies)
        self.assertFalse(policies().of(DomainName.parse("x.b.example")).is_admitted)
        self.assertIn("policies of peers changed", str(changes))

    def test_hidden_and_announced(self) -> None:
        """Which domains are hidden, and whether the others are announced, counts from then on."""
        server = self.start(self.made(domains=["a.example", "b.example"]))
        side, announced = server.federation._streams.seams.side, server.federation._announced
        self.assertEqual((False, set()), (BOT in side.hidden, set(announced())))
        policy = {"multiplex_hidden": ["b.example"], "multiplex_announce": True}
        changes = server.apply(self.made(domains=["a.example", "b.example"], policy=policy))
        hidden = [domain for domain in server.federation.hosted if domain in side.hidden]
        self.assertEqual((["b.example"], {"a.example"}), (hidden, set(announced())))
        self.assertEqual("domains hidden: b.example; domains are announced", str(changes))
        changes = server.apply(self.made(domains=["a.example", "b.example"]))
        self.assertEqual("domains hidden no longer: b.example; domains are announced no longer", str(changes))

    def test_announced(self) -> None:
        """What is to be announced by a change is announced on streams that are there, when all else has changed."""
        server, announced = self.start(self.made()), list[set[DomainName]]()
        self.patch(server.federation, "announce", lambda: announced.append(set(server.federation._announced())))
        server.apply(self.made(domains=["a.example", "c.example"], policy={"multiplex_announce": True}))
        self.assertEqual([{"a.example", "c.example"}], announced)

    def test_sharing(self) -> None:
        """With whom streams are shared counts for streams from then on, and the log names the peers."""
        server = self.start(self.made(domain={"x.example": {"policy": "deny"}, "y.example": {"multiplex": True}}))
        may_share = server.federation._streams.seams.side.may_share
        self.assertTrue(may_share(DomainName.parse("b.example")))
        changed = {"x.example": {"policy": "deny"}, "y.example": {"multiplex": True}, "b.example": {"multiplex": False}}
        changes = server.apply(self.made(domain=changed))
        self.assertFalse(may_share(DomainName.parse("b.example")))
        self.assertEqual(("b.example",), changes.sharing)
        self.assertIn("sharing of streams changed with: b.example; policies of peers changed", str(changes))
        changes = server.apply(self.made(domain=changed, policy={"multiplex": False}))
        self.assertEqual(("*", "x.example"), changes.sharing)

    def test_denied_peer_is_not_looked_up(self) -> None:
        """Incident 21: for a domain that is denied neither DNS is asked nor a connection made."""
        server = self.start(self.made(components=COMPONENTS))
        component = self.connect(server)
        server.apply(self.made(components=COMPONENTS, policy={"default": "deny"}))
        component.write(f"<message from='x@{BOT}' to='y@b.example'/>")
        self.assertIn("<not-allowed ", component.read)
        self.assertEqual(([], []), (self.reactor.udp_ports, self.reactor.tcpClients))

    def test_trust(self) -> None:
        """New trust anchors judge from then on."""
        server = self.start(self.made())
        other = CertificateAuthority("another CA")
        other.write(self.directory / "other.pem")
        evidence = Evidence(chain=(other.issue("b.example").leaf,))
        judge = server.federation._streams.seams.judge

        def proven() -> bool:
            judging = Deferred.fromCoroutine(judge.judge(DomainName.parse("b.example"), evidence, NOON))
            return isinstance(self.successResultOf(judging), Proven)

        self.assertFalse(proven())
        changes = server.apply(self.made(trust={"anchors": "other.pem"}))
        self.assertTrue(changes.trust_anchors)
        self.assertTrue(proven())
        self.assertIn("trust anchors changed", str(changes))

    def test_restart(self) -> None:
        """What only a new start can change is named, every time, until it is as it was."""
        server = self.start(self.made())
        other = self.made(listen=["15269"], stream={"idle_seconds": 5})
        for _ in range(2):
            self.assertEqual(("listen", "stream.idle_seconds"), server.apply(other).waiting)
        self.assertIn("configuration: restart to apply the changes of listen, stream.idle_seconds", self.logged.lines)
        self.assertEqual((), server.apply(self.made()).waiting)

    def test_before_the_start(self) -> None:
        """A server that does not run listens nowhere, whatever changes."""
        FederationServer(self.reactor, self.made()).apply(self.made(components=COMPONENTS))
        self.assertEqual([], self.places)

    def test_many_names(self) -> None:
        """A line of the log names some of many, and tells how many more there are."""
        names = tuple(DomainName.parse(f"d{number}.example") for number in range(MAX_NAMES_SHOWN + 1))
        self.assertTrue(str(Changes(added=names)).endswith(f"d{MAX_NAMES_SHOWN - 1}.example and 1 more"))
        self.assertTrue(str(Changes(added=names[1:])).endswith(names[-1]))
