"""Clouds of many domains, with real streams and TLS: how many connections it takes, and what goes over which."""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.peers import DIALBACK_SUFFICES, PeerPolicies, PeerPolicy
from muxs2s.service.status import StreamStatus
from muxs2s.service.ways import MULTIPLEXING, ORDINARY
from tests.service.world import APART, AUTHORITY, Server, World, credentials_of


class CloudTestCase(SynchronousTestCase):
    """Servers with many domains each."""

    def setUp(self) -> None:
        self.world = World()
        self.network = self.world.network

    def tearDown(self) -> None:
        self.world.stop()
        self.assertEqual([], [*self.network.getDelayedCalls(), *self.network.getReaders(), *self.network.getWriters()])

    def cloud(self, name: str, count: int, **options: object) -> Server:
        """A server with so many domains, ``a1.example`` and so on."""
        return self.world.server(*(f"{name}{number}.example" for number in range(1, count + 1)), **options)

    def greet(self, sender: Server, target: Server) -> None:
        """Let each domain of one server write to each of another, at the same moment."""
        for domain in sender.domains:
            for other in target.domains:
                sender.post(f"{domain} {other}", sender=domain, target=other)

    def streams(self, *servers: Server) -> list[StreamStatus]:
        """Every stream that one of them has opened."""
        return [stream for each in servers for stream in each.service.status().streams if stream.initiated]

    def assert_greeted(self, sender: Server, target: Server) -> None:
        """Each pair has had its message, once."""
        expected = sorted(f"{domain} {other}" for domain in sender.domains for other in target.domains)
        self.assertEqual(expected, sorted(target.mailbox.texts))
        self.assertEqual([], sender.mailbox.errors)


class FirstMessagesTests(CloudTestCase):
    """Nothing has been said yet."""

    def test_one_connection(self) -> None:
        """Every pair of two clouds shares one connection, first messages and answers; N + M domains are proven."""
        a, b = self.cloud("a", 30), self.cloud("b", 20)
        self.greet(a, b)
        self.network.settle()
        self.assert_greeted(a, b)
        self.greet(b, a)
        self.network.settle()
        self.assert_greeted(b, a)
        (stream,) = self.streams(a, b)
        assert stream.multiplexing is not None
        counted = stream.multiplexing.presented, stream.multiplexing.judged, stream.multiplexing.exchanges
        self.assertEqual((29, 19, 0), counted)

    def test_known_domains(self) -> None:
        """A pair whose domains are accepted and served costs no exchange; one with a new target costs one."""
        a, b = self.cloud("a", 2), self.cloud("b", 2)
        for sender, target in (("a1", "b1"), ("a2", "b1"), ("a1", "b2")):
            a.send("hello", sender=f"{sender}.example", target=f"{target}.example")
        before = self.presented(a, b)
        a.send("hello", sender="a2.example", target="b2.example")
        b.send("hello", sender="b2.example", target="a2.example")
        self.assertEqual((2, before), (before, self.presented(a, b)))
        self.assertEqual((4, 1), (len(b.mailbox.texts), len(a.mailbox.texts)))

    def test_both_call(self) -> None:
        """When both ends call at the same moment, two streams carry everything; the preferred one remains."""
        a, b = self.cloud("a", 5), self.cloud("b", 5)
        self.greet(a, b)
        self.greet(b, a)
        self.network.settle()
        self.assert_greeted(a, b)
        self.assert_greeted(b, a)
        self.assertEqual([1, 1], [a.initiated, b.initiated])
        self.world.advance(400.0)
        self.assertEqual([1, 0], [a.initiated, b.initiated], "what a1.example has opened is preferred")
        self.greet(b, a)
        self.network.settle()
        self.assertEqual(1, len(self.streams(a, b)))
        self.assertEqual(2 * 25, len(a.mailbox.texts))

    def test_three_clouds(self) -> None:
        """Each two clouds have a stream of their own."""
        a, b, c = (self.cloud(name, 3) for name in "abc")
        for one, other in ((a, b), (b, c), (a, c)):
            self.greet(one, other)
        self.network.settle()
        self.assertEqual((3, 9, 18), (len(self.streams(a, b, c)), len(b.mailbox.texts), len(c.mailbox.texts)))

    def presented(self, *servers: Server) -> int:
        """Certificates shown in-band, by all."""
        known = [stream.multiplexing for each in servers for stream in each.service.status().streams]
        return sum(each.presented for each in known if each is not None)


class OrdinaryTests(CloudTestCase):
    """One end does not multiplex."""

    def test_peer_does_not(self) -> None:
        """M1: an ordinary peer has a stream for each pair, all dialled at once after the first has shown it."""
        a, b = self.cloud("a", 3), self.cloud("b", 3, policies=lambda: APART)
        self.greet(a, b)
        self.network.settle()
        self.assert_greeted(a, b)
        self.assertEqual(9, len(self.streams(a, b)))
        (choice,) = a.service.status().ways
        self.assertEqual((ORDINARY, "192.0.2.2"), (choice.way, self.address(choice.peer)))

    def test_mixed(self) -> None:
        """What one peer shows says nothing of another."""
        a, b, c = self.cloud("a", 2), self.cloud("b", 2), self.cloud("c", 2, policies=lambda: APART)
        self.greet(a, b)
        self.greet(a, c)
        self.network.settle()
        self.assertEqual(1 + 4, len(self.streams(a)))
        self.assertEqual({MULTIPLEXING, ORDINARY}, {choice.way for choice in a.service.status().ways})
        self.assertEqual([4, 4], [len(each.mailbox.texts) for each in (b, c)])

    def address(self, peer: str) -> str:
        """Where a server is that is named after its domain."""
        host = peer.partition(":")[0]
        return next(server.address for server in self.world.servers if host.removeprefix("xmpp.") in server.domains)


class RefusedTests(CloudTestCase):
    """A domain is not taken on a shared stream."""

    def test_own_stream(self) -> None:
        """M4: pairs of a domain whose certificate is not good go another way, which fails for them; others go on."""
        bad = AUTHORITY.issue("other.example")
        credentials = [credentials_of("b1.example"), credentials_of("b3.example"), bad]
        a, b = self.cloud("a", 2), self.cloud("b", 3, credentials=credentials)
        self.greet(a, b)
        self.world.advance(70.0)
        self.assertEqual(4, len(b.mailbox.texts))
        self.assertEqual(2, len(a.mailbox.errors))
        self.assertEqual(1, len(self.streams(a, b)))

    def test_lesser_proof(self) -> None:
        """M5: where policy lets a domain be proven by dialback, its own stream is; never the shared one."""
        policies = PeerPolicies(domains={"b2.example": DIALBACK_SUFFICES})
        a = self.cloud("a", 2, policies=lambda: policies)
        b = self.cloud("b", 2, credentials=[credentials_of("b1.example")])
        self.greet(a, b)
        self.network.settle()
        self.assert_greeted(a, b)
        shared = [stream for stream in self.streams(a) if stream.multiplexing is not None]
        self.assertEqual((1, 3), (len(shared), len(self.streams(a))))


class GoneTests(CloudTestCase):
    """A shared stream ends."""

    def test_one_call(self) -> None:
        """When it breaks with many pairs waiting, the peer is called once, and everything arrives once."""
        a, b = self.cloud("a", 5), self.cloud("b", 5)
        a.send("first", sender="a1.example", target="b1.example")
        self.greet(a, b)
        self.network.step(3)
        self.network.cut()
        self.world.advance(10.0)
        self.assertEqual(26, len(b.mailbox.texts))
        self.assertEqual((1, []), (len(self.streams(a, b)), a.mailbox.errors))

    def test_peer_away(self) -> None:
        """A peer that is gone is called about as often for many pairs as for one."""
        a, b = self.cloud("a", 5), self.cloud("b", 5)
        self.greet(a, b)
        self.network.settle()
        b.stop()
        self.network.settle()
        self.network.silent.add(b.address)
        called = self.calls()
        self.greet(a, b)
        self.world.advance(60.0)
        self.assertEqual(25, len(a.mailbox.errors))
        self.assertLess(len(called), 6)

    def test_peer_back(self) -> None:
        """When a peer that was gone comes back by itself, whatever waits for any of its domains goes at once."""
        for number, seconds in enumerate((4.0, 16.0)):
            a, b = self.cloud(f"a{number}-", 3), self.cloud(f"b{number}-", 3)
            self.network.silent.add(b.address)
            self.greet(a, b)
            a.send("to nobody", sender=a.domains[0], target="xmpp.b.example")
            self.world.advance(seconds)
            self.network.silent.clear()
            b.send("I am back", sender=b.domains[0], target=a.domains[0])
            self.assertEqual((9, 1, 0), (len(b.mailbox.texts), b.initiated, a.initiated), seconds)

    def test_at_every_step(self) -> None:
        """Whenever connections break while two clouds meet, nothing comes twice, and what follows arrives."""
        a, b = self.cloud("a", 3), self.cloud("b", 3)
        for steps in range(1, 40, 2):
            self.greet(a, b)
            self.network.step(steps)
            self.network.cut()
            self.world.advance(400.0)
            for one, other in ((b, a), (a, b)):
                self.greet(one, other)
                self.network.settle()
            self.assertEqual([9, 1], [len(a.mailbox.texts), len(self.streams(a, b))], steps)
            self.assertIn(len(b.mailbox.texts), range(9, 19), steps)
            self.assertGreaterEqual({2}, set(Counter(b.mailbox.texts).values()) - {1}, steps)
            a.mailbox.taken.clear()
            b.mailbox.taken.clear()
            self.network.cut()
            self.world.advance(400.0)

    def calls(self) -> list[str]:
        """Where connections are opened to, from now on."""
        called: list[str] = []
        connect = self.network.connectTCP

        def note(host: str, *args: Any, **options: Any) -> object:
            called.append(host)
            return connect(host, *args, **options)

        self.patch(self.network, "connectTCP", note)
        return called


class ChangeTests(CloudTestCase):
    """Domains and policies come and go while a stream is shared."""

    def setUp(self) -> None:
        super().setUp()
        self.policies = PeerPolicies()
        ending = AUTHORITY.issue("a2.example", not_after=self.network.seconds() + 1e6)
        credentials = [credentials_of("a1.example"), ending]
        self.a = self.cloud("a", 2, policies=lambda: self.policies, credentials=credentials)
        self.b = self.cloud("b", 2)
        for sender, target in ((self.a, self.b), (self.b, self.a)):
            self.greet(sender, target)
            self.network.settle()

    def tearDown(self) -> None:
        self.assertEqual(1, len(self.streams(self.a, self.b)), "the stream goes on")
        super().tearDown()

    def accepted(self, server: Server) -> list[str]:
        """Domains of its peer that a server accepts."""
        (stream,) = server.service.status().streams
        assert stream.multiplexing is not None
        return sorted(domain for each in stream.multiplexing.peers for domain in each.domains)

    def test_removed(self) -> None:
        """M12: a domain that is hosted no longer is taken off the stream, though its header names it; others stay."""
        self.a.service.remove_domain("a1.example")
        self.network.settle()
        self.assertEqual(["a2.example"], self.accepted(self.b))
        self.b.send("still there?", sender="b1.example", target="a2.example")
        self.assertIn("still there?", self.a.mailbox.texts)

    def test_added(self) -> None:
        """T24: a domain of the peer that we begin to host is revoked."""
        self.a.service.add_domain("b2.example")
        self.network.settle()
        self.assertEqual(["b1.example"], self.accepted(self.a))

    def test_denied(self) -> None:
        """A domain that policy denies is revoked, and what is sent to it comes back."""
        self.policies = PeerPolicies(domains={"b2.example": PeerPolicy(is_admitted=False)})
        self.a.service.end_denied()
        self.network.settle()
        self.assertEqual(["b1.example"], self.accepted(self.a))
        self.a.send("no", sender="a1.example", target="b2.example")
        self.assertEqual(1, len(self.a.mailbox.errors))

    def test_renewed(self) -> None:
        """M6: a certificate that was renewed takes the place of the older one on the stream, without a gap."""
        self.a.certificates.add(credentials_of("a2.example"))
        self.a.service.reload_certificates()
        self.a.send("in between", sender="a2.example", target="b1.example")
        self.assertEqual(["a1.example", "a2.example"], self.accepted(self.b))
        (stream,) = self.streams(self.a, self.b)
        assert stream.multiplexing is not None
        self.assertEqual((2, 2), (stream.multiplexing.presented, len(stream.multiplexing.own)))
        self.assertIn("in between", self.b.mailbox.texts)

    def test_status(self) -> None:
        """The status tells what each end has accepted, by which certificate, and what that took."""
        (stream,) = self.a.service.status().streams
        assert stream.multiplexing is not None
        self.assertEqual("", stream.why_not_multiplexed)
        own, peers = stream.multiplexing.own, stream.multiplexing.peers
        self.assertEqual([("a1.example",), ("a2.example",)], [each.domains for each in own])
        self.assertEqual([("b1.example",), ("b2.example",)], [each.domains for each in peers])
        self.assertEqual(["pkix", "pkix"], [each.prooftype for each in peers])
