"""Servers that federate in memory, over real TLS: from the first stanza to the end of the last stream."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from twisted.internet.defer import Deferred, fail
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ClientFactory, Factory, Protocol

from muxs2s.network.evidence import PolicyJudge
from muxs2s.network.proxied import HeaderReader, ProxiedFactory
from muxs2s.network.targets import Overrides, read_target
from muxs2s.proof.outcome import Evidence, Outcome
from muxs2s.proof.peers import PeerPolicies, PeerPolicy
from muxs2s.proof.pkix import PkixProof
from muxs2s.stream.associations import Direction, Grant
from muxs2s.testing import CertificateAuthority, stanza_of
from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.names import DomainName, DomainPair, NameRefused
from muxs2s.wire.stanza import Slice
from tests.hosts.wokkelrouter import Component, Router
from tests.service.samples import bodies, message
from tests.service.world import APART, AUTHORITY, FederationTestCase, Server, credentials_of, limits

SECRET = "nobody may log this"
MANY = 300


class StanzaTests(FederationTestCase):
    """Stanzas find their way."""

    def test_first_stanza(self) -> None:
        """The first stanza opens a stream, over TLS, proven on both sides, and arrives."""
        self.a.send("hello")
        self.assertEqual((["hello"], []), (self.b.mailbox.texts, self.a.mailbox.taken))
        (stream,) = self.a.service.status().streams
        assert stream.tls is not None
        self.assertEqual("TLSv1.3", stream.tls.version)

    def test_answer(self) -> None:
        """B1, B2: the answer goes over the same stream, in the other direction."""
        self.a.send("hello")
        self.b.send("hello yourself", target="a.example")
        self.assertEqual(["hello yourself"], self.a.mailbox.texts)
        self.assertEqual((1, 0), (self.a.initiated, self.b.initiated))

    def test_answer_without_bidi(self) -> None:
        """With a peer that does not want that, it goes over a stream of its own."""
        c = self.world.server("c.example", bidi=False)
        self.a.send("hello", target="c.example")
        c.send("hello yourself", target="a.example")
        self.assertEqual(["hello yourself"], self.a.mailbox.texts)
        self.assertEqual((1, 1), (self.a.initiated, c.initiated))

    def test_order(self) -> None:
        """B11, S16: many stanzas of one domain pair take one stream, and arrive once and in order."""
        texts = [f"{number} {'x' * (number % 7) * 1_000}" for number in range(MANY)]
        self.a.send(*texts)
        self.assertEqual(texts, self.b.mailbox.texts)
        self.assertEqual((1, 0), (self.a.initiated, self.a.service._routing.outgoing._budget.stanzas))

    def test_large_stanza(self) -> None:
        """A stanza larger than a TLS record, and than what is on its way at one time, arrives whole."""
        self.a.send("x" * 200_000)
        self.assertEqual([200_000], [len(text) for text in self.b.mailbox.texts])

    def test_many_pairs(self) -> None:
        """T4: servers of several domains show for each the certificate of that domain, where it has its own stream."""
        c = self.world.server("c1.example", "c2.example", "c3.example", policies=lambda: APART)
        d = self.world.server("d1.example", "d2.example")
        for sender in c.domains:
            for target in d.domains:
                c.send(f"{sender} {target}", sender=sender, target=target)
        self.assertEqual(6, len(d.mailbox.texts))
        self.assertEqual(6, c.initiated)
        self.assertEqual(12, len([line for line in self.logged.lines if line.startswith("accepted ")]))

    def test_slow_proof_stops_nobody_else(self) -> None:
        """S16: while the proof of one domain takes its time, stanzas of others pass."""
        judge = SlowJudge("c.example")
        d = self.world.server("d.example", judge=judge)
        c = self.world.server("c.example")
        c.send("1", target="d.example")
        self.a.send("2", target="d.example")
        self.assertEqual(["2"], d.mailbox.texts)
        judge.go_on.callback(None)
        self.network.settle()
        self.assertEqual(["2", "1"], d.mailbox.texts)


class SlowJudge:
    """Judges as usual, but takes its time for one domain."""

    def __init__(self, slow: str) -> None:
        self.slow = slow
        self.go_on: Deferred[None] = Deferred()
        self.inner = PolicyJudge((PkixProof(AUTHORITY.trust_anchors),))

    async def judge(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        """As :class:`~muxs2s.network.evidence.Judge`."""
        if domain == self.slow:
            await self.go_on
        return await self.inner.judge(domain, evidence, now)


class ProofTests(FederationTestCase):
    """Who is not proven is not talked to."""

    def assert_no_stream(self, server: Server, reason: str) -> None:
        """A server's stanza has come back because one end refused the other."""
        self.assert_bounced(server, "remote-server-timeout")
        self.assertIn(reason, server.mailbox.errors[0])

    def test_accepted(self) -> None:
        """Each proof that is accepted makes one line in the log."""
        self.a.send("hello")
        self.assertEqual(
            [
                "accepted b.example, asked for a.example, by pkix on stream 1",
                "accepted a.example, asked for b.example, by pkix on stream 1",
            ],
            [line for line in self.logged.lines if line.startswith("accepted")],
        )

    def test_wrong_certificate_of_the_initiating_server(self) -> None:
        """D3: a certificate that does not prove the 'from' of the header inside TLS is refused, before any stanza."""
        c = self.world.server("c.example", credentials=[AUTHORITY.issue("c.example", "other.example")])
        c.send("1")
        self.assertEqual(["1"], self.b.mailbox.texts)
        d = self.world.server("d.example", "e.example", credentials=[CertificateAuthority("x").issue("d.example")])
        d.send("2")
        self.assertEqual(["1"], self.b.mailbox.texts)
        self.assert_no_stream(d, "policy-violation: no proof of d.example was accepted: pkix: ")
        self.assertIn("said we: policy-violation (no proof of d.example", "\n".join(self.logged.lines))

    def test_no_certificate_of_the_initiating_server(self) -> None:
        """D3, T4: an initiating server without a certificate gets through TLS, and is refused there."""
        c = self.world.server("c.example", credentials=[])
        c.send("1")
        self.assert_no_stream(c, "policy-violation")

    def test_wrong_certificate_of_the_receiving_server(self) -> None:
        """D2: a receiving server whose certificate does not prove the domain called is told nothing inside TLS."""
        self.world.server("c.example", credentials=[CertificateAuthority("x").issue("c.example")])
        self.a.send("1", target="c.example")
        self.assert_no_stream(self.a, "c.example is not proven: pkix: ")

    def test_no_certificate_of_the_receiving_server(self) -> None:
        """T3: without any certificate there is no TLS, hence no stream; the operator is told."""
        self.world.server("c.example", credentials=[])
        self.a.send("1", target="c.example")
        self.world.advance(61.0)
        self.assert_bounced(self.a, "remote-server-timeout")
        self.assertIn("no TLS for c.example on stream 1: ", "\n".join(self.logged.lines))

    def test_certificate_that_ends(self) -> None:
        """S25: when a certificate of the handshake ends the stream is reset; what follows needs a new proof."""
        ends = AUTHORITY.issue("c.example", not_after=self.network.seconds() + 500.0)
        c = self.world.server("c.example", credentials=[ends], policies=lambda: APART)
        c.send("1")
        self.world.advance(499.0)
        self.assertEqual(1, c.initiated)
        self.world.advance(2.0)
        self.assertEqual(0, c.initiated)
        self.assertIn("reset (the proof of c.example has ended)", "\n".join(self.logged.lines))
        c.send("2")
        self.assertIn("expired on ", c.mailbox.errors[0])
        c.certificates.add(AUTHORITY.issue("c.example"))
        c.service.end_rests()
        c.send("3")
        self.assertEqual(["1", "3"], self.b.mailbox.texts)

    def test_pretends_to_be_ours(self) -> None:
        """A server that calls itself by a domain of the one it calls is refused, certificate or not."""
        c = self.world.server("c.example")
        c.service.add_domain("b2.example")
        self.b.service.add_domain("b2.example")
        self.b.certificates.add(credentials_of("b2.example"))
        c.service.attach(DomainName.parse("b2.example"), c.mailbox)
        c.certificates.add(credentials_of("b2.example"))
        c.send("1", sender="b2.example")
        self.assert_no_stream(c, "invalid-from: b2.example is hosted here")


class LifeTests(FederationTestCase):
    """Starting and stopping."""

    def test_stops_in_order(self) -> None:
        """S8: when a server stops its streams are closed at both ends, politely and at once."""
        self.a.send("1")
        self.b.send("2", target="a.example")
        stopped = self.a.stop()
        self.network.settle()
        self.successResultOf(stopped)
        self.assertEqual((), self.b.service.status().streams)
        self.assertEqual([], [line for line in self.logged.lines if "failed" in line or "lost" in line])

    def test_stops_at_once_without_streams(self) -> None:
        """A server without streams has stopped when it says so."""
        self.successResultOf(self.a.stop())
        self.assertNotIn(("192.0.2.1", 5269), self.network.ports)

    def test_peer_that_does_not_answer(self) -> None:
        """S8: a peer that does not answer is cut off after ten seconds for the stream and ten for the connection."""
        self.a.send("1")
        self.network.connections[1].pauseProducing()
        stopped = self.a.stop()
        self.world.advance(19.9)
        self.assertNoResult(stopped)
        self.world.advance(0.1)
        self.successResultOf(stopped)

    def test_what_waits_comes_back(self) -> None:
        """S17: what waits for a peer comes back when the server stops, before it has stopped."""
        self.world.publish("silent.example", "192.0.2.99")
        self.network.silent.add("192.0.2.99")
        self.a.send("1", "2", target="silent.example")
        stopped = self.a.stop()
        self.assert_bounced(self.a, "remote-server-timeout", 2)
        self.successResultOf(stopped)

    def test_stops_while_a_proof_is_pending(self) -> None:
        """A stream that is being negotiated ends as well; its proof is given up without a complaint."""
        judge = SlowJudge("c.example")
        d = self.world.server("d.example", judge=judge)
        self.world.server("c.example").send("1", target="d.example")
        stopped = d.stop()
        self.world.advance(20.0)
        self.successResultOf(stopped)
        self.assertEqual([], self.flushLoggedErrors())

    def test_takes_what_was_on_its_way(self) -> None:
        """Stanzas that a peer had sent before it heard of the end are still delivered."""
        self.a.send("1")
        self.a.service.send([message("2")])
        stopped = self.b.stop()
        self.network.settle()
        self.successResultOf(stopped)
        self.assertEqual(["1", "2"], self.b.mailbox.texts)

    def test_accepts_nobody_while_it_stops(self) -> None:
        """A connection that is made while a server stops is turned away."""
        self.a.send("1")
        self.network.connections[1].pauseProducing()
        self.network.listenTCP(7000, self.a.service.factory)
        stopped = self.a.stop()
        factory = ClientFactory()
        factory.protocol = Protocol
        self.network.connectTCP("192.0.2.1", 7000, factory)
        self.world.advance(20.0)
        self.successResultOf(stopped)
        self.assertEqual(3, len(self.network.connections))

    def test_sends_nothing_after_the_end(self) -> None:
        """S17: what is sent after a server has stopped comes back, and opens no stream."""
        self.a.stop()
        self.a.send("1")
        self.assert_bounced(self.a, "remote-server-timeout")
        self.assertEqual([], self.network.connections)

    def test_starts_again(self) -> None:
        """A server that was stopped can be started again."""
        self.a.send("1")
        self.a.stop()
        self.network.settle()
        self.a.start()
        self.a.send("2")
        self.b.send("3", target="a.example")
        self.assertEqual((["1", "2"], ["3"]), (self.b.mailbox.texts, self.a.mailbox.texts))

    def test_address_in_use(self) -> None:
        """An address that cannot be listened on is one line in the log, with the reason; the others serve."""
        busy = self.world.server("c.example")
        busy.stop()
        port = self.network.listenTCP(5269, Factory(), interface=busy.address)
        places = busy.service._places
        places._endpoints = [*places._endpoints, TCP4ServerEndpoint(self.network, 5300)]
        busy.start()
        self.assertIn(("", 5300), self.network.ports)
        self.assertIn("peers cannot connect at ", self.logged.lines[-1])
        self.assertIn("Remedy: free it, or listen elsewhere", self.logged.lines[-1])
        port.stopListening()

    def test_port_that_does_not_close(self) -> None:
        """A port that fails to close is logged, and the service stops all the same."""
        self.network.ports["192.0.2.1", 5269].stopListening = lambda: fail(OSError())  # type: ignore[method-assign]  # the fault
        self.successResultOf(self.a.stop())
        self.assertEqual(1, len(self.flushLoggedErrors(OSError)))

    def test_name_refused(self) -> None:
        """A domain that is no domain name is refused when the service is made, and later."""
        self.assertRaises(NameRefused, self.world.server, "-.example")
        self.assertRaises(NameRefused, self.a.service.add_domain, "x y")
        self.assertRaises(NameRefused, self.a.service.remove_domain, "x y")


class ChangeTests(FederationTestCase):
    """Domains and certificates that change while streams are open that nobody shares."""

    policies = APART

    def test_domain_added(self) -> None:
        """A domain that is added federates at once, in both directions; streams of others go on."""
        self.a.send("1")
        self.add("a2.example")
        self.a.send("2", sender="a2.example")
        self.b.send("3", target="a2.example")
        self.a.send("4")
        self.assertEqual((["1", "2", "4"], ["3"]), (self.b.mailbox.texts, self.a.mailbox.texts))
        self.assertEqual(2, self.a.initiated)

    def test_domain_removed(self) -> None:
        """A domain that is removed has its streams ended with ``host-gone``; others go on, and nobody reaches it."""
        self.add("a2.example")
        self.a.send("1")
        self.a.send("2", sender="a2.example")
        self.b.send("3", target="a2.example")
        self.a.service.remove_domain("A2.example")
        self.network.settle()
        self.assertEqual((1, 0), (self.a.initiated, self.b.initiated))
        self.assertEqual(
            1,
            sum("host-gone (a2.example is no longer" in line for line in self.logged.lines if "said the peer" in line),
        )
        self.assertRaises(LocalMisuse, self.a.send, "4", sender="a2.example")
        self.b.send("5", target="a2.example")
        self.assert_bounced(self.b, "remote-server-timeout")
        self.a.send("6")
        self.assertEqual(["1", "2", "6"], self.b.mailbox.texts)

    def test_removed_while_stanzas_wait(self) -> None:
        """S17: what waits from a domain that is removed comes back to its host; what others sent goes on waiting."""
        self.add("a2.example")
        self.world.publish("silent.example", "192.0.2.99")
        self.network.silent.add("192.0.2.99")
        self.a.send("1", "2", sender="a2.example", target="silent.example")
        self.a.send("3", target="silent.example")
        self.a.service.remove_domain("a2.example")
        self.assert_bounced(self.a, "remote-server-timeout", 2)
        self.assertEqual(1, len(self.a.service.status().queues))

    def test_removed_and_added_again(self) -> None:
        """A domain that comes back begins anew."""
        self.a.send("1")
        self.a.service.remove_domain("a.example")
        self.network.settle()
        self.a.service.add_domain("a.example")
        self.a.service.attach(DomainName.parse("a.example"), self.a.mailbox)
        self.a.send("2")
        self.assertEqual(["1", "2"], self.b.mailbox.texts)

    def test_certificates_renewed(self) -> None:
        """After a renewal streams that are open go on, and new ones show the new certificate."""
        self.a.send("1")
        directory = self.mktemp()
        renewed = AUTHORITY.issue("a.example")
        certificate, key = credentials_of("a.example").write(directory)  # type: ignore[attr-defined]  # issued
        self.a.certificates = self.a.service.certificates
        self.a.certificates._given.clear()
        self.a.certificates.add_files(certificate, key)
        renewed.write(directory)
        (read,) = self.a.service.reload_certificates().read
        self.world.publish("b2.example", self.b.address)
        self.b.service.add_domain("b2.example")
        self.b.certificates.add(credentials_of("b2.example"))
        self.a.send("2")
        self.a.send("3", target="b2.example")
        self.assertEqual(["1", "2"], self.b.mailbox.texts)
        self.assertEqual(renewed.leaf, read.leaf)
        shown = {stream.peer_certificate for stream in self.b.service._streams}
        self.assertEqual({credentials_of("a.example").leaf, renewed.leaf}, shown)

    def test_overrides(self) -> None:
        """Where peers are may be changed for the next attempt."""
        self.assertEqual(Overrides(), self.a.service.overrides)
        self.a.service.overrides = Overrides(every=read_target("192.0.2.2"))
        self.a.send("1", target="unpublished.example")
        self.assert_bounced(self.a, "remote-server-timeout")
        self.assertIn("host-unknown", self.a.mailbox.errors[0])

    def test_mended(self) -> None:
        """S27: whoever mends something here need not wait: every peer that rests is tried again at once."""
        self.a.service.overrides = Overrides(every=read_target("192.0.2.99"))
        self.a.send("1")
        self.network.advance(10.0)
        self.assertEqual([], self.b.mailbox.texts)
        self.a.service.overrides = Overrides()
        self.network.settle()
        self.assertEqual(["1"], self.b.mailbox.texts)

    def add(self, domain: str) -> None:
        """Let the first server host another domain."""
        self.world.publish(domain, self.a.address)
        self.a.certificates.add(credentials_of(domain))
        self.a.service.add_domain(domain)
        self.a.service.attach(DomainName.parse(domain), self.a.mailbox)


class PolicyTests(FederationTestCase):
    """Peers that the policy denies, on streams that do not multiplex."""

    policies = APART

    def setUp(self) -> None:
        super().setUp()
        self.own_policies = APART
        self.c = self.world.server("c.example", policies=lambda: self.own_policies)

    def deny(self, domain: str) -> None:
        """From now on a domain is denied at c.example."""
        self.own_policies = PeerPolicies(domains={domain: PeerPolicy(is_admitted=False)})
        self.c.service.end_denied()
        self.network.settle()

    def test_calls_us(self) -> None:
        """A peer that is denied and calls is refused with a stream error that says so."""
        self.deny("a.example")
        self.a.send("1", target="c.example")
        self.assert_bounced(self.a, "remote-server-timeout")
        self.assertIn("policy-violation: ", self.a.mailbox.errors[0])
        self.assertIn("the policy of this server denies", self.a.mailbox.errors[0])
        self.assertEqual((), self.c.service.status().streams)

    def test_denied_later(self) -> None:
        """Streams with a peer end when it is denied, in both directions; those with others go on."""
        self.c.send("1", target="a.example")
        self.c.send("2", target="b.example")
        self.a.send("3", target="c.example")
        self.deny("a.example")
        (stream,) = self.c.service.status().streams
        self.assertEqual("b.example", stream.pair and stream.pair.target)
        self.assertIn("policy-violation (the policy of this server denies a.example)", self.logged.lines[-1])

    def test_shared_stream(self) -> None:
        """A stream that others share with the peer that is denied goes on without it."""
        self.a.send("1", target="c.example")
        (connection,) = self.c.service._streams
        grant = Grant(prooftype="dialback", evidence="x")
        for sender in ("d.example", "e.example"):
            pair = DomainPair(DomainName.parse(sender), DomainName.parse("c.example"))
            connection.stream.associations.accept_pair(Direction.INBOUND, pair, grant)
        self.deny("d.example")
        self.assertEqual({"a.example", "c.example", "e.example"}, connection.stream.associations.domains())
        self.a.send("2", target="c.example")
        self.assertEqual(["1", "2"], self.c.mailbox.texts)

    def test_admitted_again(self) -> None:
        """Once it is let in again, stanzas pass."""
        self.deny("a.example")
        self.deny("elsewhere.example")
        self.c.send("1", target="a.example")
        self.assertEqual(["1"], self.a.mailbox.texts)


class AnnouncedFactory(ProxiedFactory):
    """As if a proxy stood before it: each connection begins with another address."""

    numbers = count(1)

    def buildProtocol(self, addr: IAddress | None) -> HeaderReader | None:
        """Announce a connection."""
        reader = super().buildProtocol(addr)
        assert reader is not None
        header = f"PROXY TCP4 198.51.100.{next(self.numbers)} 192.0.2.3 5000 5269\r\n".encode()
        self.clock.callLater(0, reader.dataReceived, header)
        return reader


class DoorTests(FederationTestCase):
    """Connections past the limits."""

    def test_unproven(self) -> None:
        """A peer that has proven itself takes no place of those who have not."""
        c = self.world.server("c.example", limits=limits(max_unproven_connections=1))
        self.a.send("1", target="c.example")
        self.b.send("2", target="c.example")
        self.assertEqual(["1", "2"], c.mailbox.texts)

    def test_refused(self) -> None:
        """S23: one past a limit finds its connection closed; what it sends waits, and comes once there is room."""
        c = self.world.server("c.example", limits=limits(max_connections=1))
        self.a.send("1", target="c.example")
        self.b.send("2", target="c.example")
        self.assertEqual((["1"], []), (c.mailbox.texts, self.b.mailbox.taken))
        self.assertIn("refused a connection from 192.0.2.2: accept.max_connections is reached", self.logged.lines)
        self.a.stop()
        self.world.advance(10.0)
        self.assertEqual(["1", "2"], c.mailbox.texts)

    def test_behind_a_proxy(self) -> None:
        """Through a proxy TLS begins and stanzas pass as without; the address that it names is the one that counts."""
        c = self.world.server("c.example", limits=limits(max_address_connections=1))
        port = self.network.ports[c.address, 5269]
        port.factory = AnnouncedFactory(port.factory, self.network)
        self.a.send("1", target="c.example")
        self.b.send("2", target="c.example")
        self.assertEqual(["1", "2"], c.mailbox.texts)
        addresses = {stream.peer_address for stream in c.service.status().streams}
        self.assertEqual({"198.51.100.1:5000", "198.51.100.2:5000"}, addresses)

    def test_failed_proofs(self) -> None:
        """An address from which too many proofs failed is refused for a while, then judged again."""
        c = self.world.server("c.example", limits=limits(max_address_failed_proofs=1, refused_seconds=100.0))
        d = self.world.server("d.example", credentials=[CertificateAuthority("x").issue("d.example")])
        for _ in range(3):
            d.service.end_rests()
            d.send("1", target="c.example")
            self.world.advance(20.0)
        refused = [line for line in self.logged.lines if line.startswith("refused ")]
        self.assertIn("refused a connection from 192.0.2.4: accept.max_address_failed_proofs", refused[0])
        self.assertEqual([], c.mailbox.texts)
        self.world.advance(100.0)
        d.service.end_rests()
        d.send("2", target="c.example")
        self.assertIn("no proof of d.example was accepted", d.mailbox.errors[-1])


class RouterTests(FederationTestCase):
    """A wokkel Router that the service itself attaches."""

    def setUp(self) -> None:
        super().setUp()
        self.router = Router()
        self.a.service.detach(DomainName.parse("a.example"), self.a.mailbox)
        self.component = Component(self.router, "a.example")

    def test_while_running(self) -> None:
        """A Router is served from when it is attached until the last stream is closed."""
        host = self.a.service.attach_router(self.router)
        self.assertEqual({"a.example"}, set(host.domains))
        self.b.send("1", target="a.example")
        self.a.stop()
        self.network.settle()
        self.assertEqual(["1"], self.component.bodies)
        self.assertNotIn(None, self.router.routes)

    def test_with_the_service(self) -> None:
        """A Router that was attached before is served from the start of the service, and again after a stop."""
        self.a.stop()
        self.a.service.attach_router(self.router, "a.example")
        self.assertNotIn(None, self.router.routes)
        for times in (1, 2):
            self.a.service.startService()
            self.b.send(str(times), target="a.example")
            self.assertEqual(times, len(self.component.bodies))
            self.a.stop()
            self.network.settle()
            self.assertNotIn(None, self.router.routes)

    def test_restarted_before_it_had_stopped(self) -> None:
        """A service that is started again while old streams are closing keeps its Router."""
        self.a.service.attach_router(self.router)
        self.b.send("1", target="a.example")
        self.a.stop()
        self.a.service.startService()
        self.network.settle()
        self.b.send("2", target="a.example")
        self.assertEqual(["1", "2"], self.component.bodies)


class LogTests(FederationTestCase):
    """What operators are told, and what not."""

    def test_no_stanza_no_key(self) -> None:
        """In whatever is logged, from the first stanza to the last stream, there is no stanza and no key."""
        self.a.send(*[SECRET] * 10)
        self.a.send(SECRET, target="nowhere.example")
        self.b.send(SECRET, target="nobody.a.example")
        self.a.service.detach(DomainName.parse("a.example"), self.a.mailbox)
        self.b.send(SECRET, target="a.example")
        self.network.cut()
        self.world.advance(100.0)
        self.a.stop()
        self.network.settle()
        self.assertGreater(len(self.logged.ours), 1)
        said = "\n".join([*self.logged.lines, *(repr(event) for event in self.logged.events)])
        for secret in (SECRET, "x@a.example", "PRIVATE KEY", "PrivateKey"):
            self.assertNotIn(secret, said)

    def test_nothing_for_a_stanza(self) -> None:
        """However many stanzas pass, nothing is logged for any of them."""
        self.a.send("1")
        lines = len(self.logged.lines)
        self.a.send(*map(str, range(100)))
        self.assertEqual(lines, len(self.logged.lines))
        self.assertEqual(101, len(self.b.mailbox.texts))

    def test_host_that_fails(self) -> None:
        """A host that raises is logged as a failure without the stanza; the sender gets an answer."""
        self.b.mailbox.deliver = None  # type: ignore[method-assign, assignment]  # the fault
        self.a.send(SECRET)
        self.assert_bounced(self.a, "internal-server-error")
        self.assertEqual(1, len(self.flushLoggedErrors(TypeError)))
        self.assertNotIn(SECRET, "".join(self.logged.lines))


class LocalTests(FederationTestCase):
    """What concerns one server alone."""

    def test_between_our_domains(self) -> None:
        """Stanzas between domains of one server take no stream."""
        c = self.world.server("c1.example", "c2.example")
        c.send("1", target="c2.example")
        self.assertEqual((["1"], 0), (c.mailbox.texts, c.initiated))

    def test_answers_from_inside(self) -> None:
        """A host may send from within a delivery."""
        echo = stanza_of("<message from='y@b.example' to='x@a.example'><body>echo</body></message>")
        take = self.b.mailbox.deliver

        def take_and_answer(stanzas: Sequence[Slice]) -> None:
            take(stanzas)
            self.b.service.send([echo])

        self.b.mailbox.deliver = take_and_answer  # type: ignore[method-assign]  # a double of a double
        self.a.send("1")
        self.assertEqual(["echo"], bodies(self.a.mailbox.taken))
