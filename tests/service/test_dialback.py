"""Servers without certificates that anybody vouches for: dialback between them, in memory."""

from __future__ import annotations

from typing import Any

from muxs2s.proof.peers import DIALBACK_SUFFICES, PeerPolicies
from muxs2s.service.status import StreamStatus
from muxs2s.testing import CertificateAuthority
from tests.service.world import FederationTestCase, Server

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

    def test_with_a_server_that_shows_a_certificate(self) -> None:
        """D4, M1: a good certificate is taken by a server that lets dialback do, and asks for no key."""
        c = self.c
        self.a.send("1", target="c.example")
        self.assert_bounced(self.a, "remote-server-timeout")
        self.assertIn("c.example is not proven", self.a.mailbox.errors[0])
        c.send("2", target="a.example")
        self.assert_bounced(c, "remote-server-timeout")

    def test_certificate_needed(self) -> None:
        """D4: a server that wants a certificate does not take a key for one."""
        self.c.send("1", target="a.example")
        self.assert_bounced(self.c, "remote-server-timeout")
        self.assertIn("policy-violation", self.c.mailbox.errors[0])
        self.assertEqual([], self.a.mailbox.texts)


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
