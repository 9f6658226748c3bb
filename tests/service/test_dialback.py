"""Servers without certificates that anybody vouches for: dialback between them, in memory."""

from __future__ import annotations

from typing import Any

from muxs2s.proof.peers import DIALBACK_SUFFICES, PeerPolicies
from muxs2s.service.status import StreamStatus
from muxs2s.testing import CertificateAuthority
from muxs2s.wire.names import DomainName, DomainPair
from tests.service.samples import message
from tests.service.world import FederationTestCase, Server, credentials_of, limits

STRANGER = CertificateAuthority("a stranger")

LENIENT = PeerPolicies(default=DIALBACK_SUFFICES)


def proofs(status: StreamStatus) -> list[str]:
    """What is proven on a stream: direction, sender, target and prooftype of each association."""
    return sorted(
        f"{each.direction.name} {each.sender or '*'} {each.target or '*'} {each.grant.prooftype}"
        for each in status.associations
    )


class DialbackCase(FederationTestCase):
    """Servers c.example and d.example, whose certificates nobody knows."""

    def lenient(self, *domains: str, policies: PeerPolicies = LENIENT, **options: Any) -> Server:
        """A server with certificates of a stranger, that lets dialback do."""
        options.setdefault("credentials", [STRANGER.issue(domain) for domain in domains])
        return self.world.server(*domains, policies=lambda: policies, **options)

    def connections_to(self, server: Server) -> int:
        """How many connections there ever were to a server."""
        hosts = [connection.getHost() for connection in self.network.connections]
        return sum((host.host, host.port) == (server.address, 5269) for host in hosts)


class DialbackTests(DialbackCase):
    """A pair is proven by dialback."""

    def setUp(self) -> None:
        super().setUp()
        self.c, self.d = self.lenient("c.example", bidi=False), self.lenient("d.example", bidi=False)

    def test_both_ways(self) -> None:
        """D4, D10, D13: the stanza waits for the answer to its key and arrives; so does the answer, the other way."""
        self.c.send("1", target="d.example")
        self.d.send("2", target="c.example")
        self.assertEqual((["1"], ["2"]), (self.d.mailbox.texts, self.c.mailbox.texts))
        self.assertEqual((1, 1), (self.c.initiated, self.d.initiated))

    def test_provenance(self) -> None:
        """P2.1: what is proven by dialback says so, at both ends."""
        self.c.send("1", target="d.example")
        (at_c,), (at_d,) = self.c.service.status().streams, self.d.service.status().streams
        self.assertEqual(["OUTBOUND * d.example dialback", "OUTBOUND c.example d.example dialback"], proofs(at_c))
        self.assertEqual(["INBOUND c.example d.example dialback"], proofs(at_d))

    def test_verified_on_another_connection(self) -> None:
        """D11, D21: the key is asked about on a connection of its own, inside TLS, which is closed afterwards."""
        self.c.send("1", target="d.example")
        self.assertEqual((1, 1), (self.connections_to(self.c), self.connections_to(self.d)))
        self.assertEqual((1, 1), (len(self.c.service.status().streams), len(self.d.service.status().streams)))

    def test_verified_on_a_stream_that_is_there(self) -> None:
        """D11: where there is a stream to the authoritative server already, the key is asked about there."""
        self.c.send("1", target="d.example")
        self.d.send("2", target="c.example")
        self.d.send("3", target="c.example")
        self.assertEqual((2, 1), (self.connections_to(self.c), self.connections_to(self.d)))
        self.assertEqual(["2", "3"], self.c.mailbox.texts)

    def test_good_certificates(self) -> None:
        """D4, P2.1: where dialback would do, too, good certificates go first, and nobody asks for a key."""
        e = self.lenient("e.example", credentials=[credentials_of("e.example")], bidi=False)
        self.a.send("1", target="e.example")
        e.send("2", target="a.example")
        self.assertEqual((["1"], ["2"]), (e.mailbox.texts, self.a.mailbox.texts))
        self.assertEqual((1, 1), (self.connections_to(self.a), self.connections_to(e)))
        proven = [proof for stream in e.service.status().streams for proof in proofs(stream)]
        self.assertEqual([], [proof for proof in proven if not proof.endswith(" pkix")])

    def test_key_after_a_certificate(self) -> None:
        """D4: a certificate is no failed proof where a key proves the domain after all, to the log as to the door."""
        e = self.lenient("e.example", limits=limits(max_address_failed_proofs=1), bidi=False)
        for number in "123":
            self.c.send(number, target="e.example")
            self.c.service._streams.stop()
            self.network.settle()
            self.c.service._streams.start()
        self.assertEqual(["1", "2", "3"], e.mailbox.texts)
        self.assertEqual([], [line for line in self.logged.lines if line.startswith("refused")])

    def test_certificate_needed(self) -> None:
        """D4, P2.2: a server that wants a certificate does not take a key for one, whoever calls."""
        self.c.send("1", target="a.example")
        self.assert_bounced(self.c, "remote-server-timeout")
        self.assertIn("policy-violation", self.c.mailbox.errors[0])
        self.a.send("2", target="c.example")
        self.assert_bounced(self.a, "remote-server-timeout")
        self.assertIn("c.example is not proven", self.a.mailbox.errors[0])
        self.assertEqual(([], []), (self.a.mailbox.texts, self.c.mailbox.texts))


class RefusedTests(DialbackCase):
    """A key is not confirmed."""

    def setUp(self) -> None:
        super().setUp()
        self.c, self.d = self.lenient("c.example"), self.lenient("d.example")

    def move(self, address: str) -> None:
        """Let DNS lead to another place for c.example."""
        self.world.zone.remove("xmpp.c.example", "A")
        self.world.zone.add("xmpp.c.example", "A", address)

    def test_disowned(self) -> None:
        """D14, D15: where DNS leads to somebody else, who does not know the key, the stanza comes back at once."""
        stranger = self.lenient("c.example")
        self.move(stranger.address)
        self.c.send("1", target="d.example")
        self.assert_bounced(self.c, "internal-server-error")
        self.assertIn("d.example does not accept c.example", self.c.mailbox.errors[0])
        self.assertEqual(([], ()), (self.d.mailbox.texts, self.d.service.status().streams))

    def test_nobody_to_ask(self) -> None:
        """D15: where the authoritative server cannot be reached it comes back at once, too, with that reason."""
        self.move("192.0.2.77")
        self.c.send("1", target="d.example")
        self.assert_bounced(self.c, "remote-server-timeout")
        self.assertIn("no connection to c.example", self.c.mailbox.errors[0])

    def test_unasked_answer(self) -> None:
        """D18: an answer that nobody has asked for changes nothing, and is told once in the log."""
        self.c.send("1", target="d.example")
        (at_c,) = self.c.service._streams
        forged = b"<db:result from='x.example' to='c.example' type='valid'/>" * 2
        (at_d,) = self.d.service._streams
        assert at_d._writer is not None
        at_d._writer.write(forged)
        self.network.settle()
        self.assertEqual(1, sum("nobody has asked for them" in line for line in self.logged.lines))
        self.assertFalse(at_c.stream.may_send(DomainPair(*map(DomainName.parse, ("c.example", "x.example"))), 0.0))


class BidiTests(DialbackCase):
    """The same on one stream."""

    def setUp(self) -> None:
        super().setUp()
        self.c, self.d = self.lenient("c.example"), self.lenient("d.example")

    def test_both_ways(self) -> None:
        """B2, B4: stanzas of the pair that was verified go in both directions of one stream, and no others."""
        self.c.send("1", target="d.example")
        self.d.send("2", target="c.example")
        self.assertEqual((["1"], ["2"]), (self.d.mailbox.texts, self.c.mailbox.texts))
        self.assertEqual((1, 0), (self.c.initiated, self.d.initiated))
        (at_d,) = self.d.service.status().streams
        self.assertEqual(
            ["INBOUND c.example d.example dialback", "OUTBOUND d.example c.example dialback"], proofs(at_d)
        )

    def test_not_verified_on_the_same_stream(self) -> None:
        """B5: a key is never asked about on the stream that brought it."""
        self.c.send("1", target="d.example")
        self.assertEqual((1, 1), (self.connections_to(self.c), self.connections_to(self.d)))


class OneWayNetworkTests(DialbackCase):
    """One server cannot reach the other."""

    def test_over_the_stream_of_the_peer(self) -> None:
        """B11: what waits for a peer we cannot reach goes out on the stream with which the peer reaches us."""
        c, d = self.world.server("c.example"), self.world.server("d.example")
        self.network.silent.add(d.address)
        c.send("1", target="d.example")
        self.assertEqual([], d.mailbox.texts)
        d.send("2", target="c.example")
        self.assertEqual((["2"], ["1"]), (c.mailbox.texts, d.mailbox.texts))
        c.send("3", target="d.example")
        self.assertEqual(["1", "3"], d.mailbox.texts)

    def test_crossing(self) -> None:
        """B11: where both call each other at once each pair keeps to one stream, and its order."""
        c, d = self.world.server("c.example"), self.world.server("d.example")
        texts = [str(number) for number in range(50)]
        for text in texts:
            c.service.send([message(text, "x@c.example", "y@d.example")])
            d.service.send([message(text, "x@d.example", "y@c.example")])
            self.network.step()
        self.network.settle()
        self.assertEqual((texts, texts), (c.mailbox.texts, d.mailbox.texts))
