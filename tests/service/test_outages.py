"""Peers that are not there, that go away, that read no more, that nobody needs for a while."""

from __future__ import annotations

from twisted.internet.protocol import Factory, Protocol

from muxs2s.service.links import REDIAL_SECONDS
from tests.service.world import FederationTestCase, limits


class UnreachableTests(FederationTestCase):
    """Peers that are not there."""

    def test_pitfall_2_queue_is_bounded_expires_bounces_and_backs_off(self) -> None:
        """S17, S27: towards a silent peer stanzas wait within limits and for 60 seconds; attempts become rarer."""
        self.world.publish("silent.example", "192.0.2.99")
        self.network.silent.add("192.0.2.99")
        c = self.world.server("c.example", limits=limits(max_pair_stanzas=10))
        c.send(*map(str, range(11)), target="silent.example")
        self.assert_bounced(c, "resource-constraint")
        self.world.advance(59.9)
        self.assertEqual(1, len(c.mailbox.errors))
        self.world.advance(0.1)
        self.assertEqual(10, sum("<remote-server-timeout " in error for error in c.mailbox.errors))
        attempts = self.attempts()
        self.assertEqual(5, attempts)
        for _ in range(60):
            c.send("again", target="silent.example")
            self.world.advance(60.0)
        self.assertLess(self.attempts() - attempts, 15)
        self.assertEqual([], c.mailbox.texts)
        self.assertEqual((), c.service.status().queues)

    def test_pitfall_3_connection_lost_before_authentication_is_not_waited_for(self) -> None:
        """S17: a connection that is lost before it is proven is no stream; the next one is, and carries what waited."""
        self.world.publish("c.example", "192.0.2.3")
        port = self.network.listenTCP(5269, Factory.forProtocol(Leaver), interface="192.0.2.3")
        self.a.send("1", target="c.example")
        self.assertEqual((0, 1), (self.a.initiated, len(self.a.service.status().queues)))
        self.a.send("2", target="c.example")
        port.stopListening()
        c = self.world.server("c.example")
        self.world.advance(5.0)
        self.assertEqual(["1", "2"], c.mailbox.texts)

    def test_no_such_domain(self) -> None:
        """S17: for a domain that DNS does not know, ``remote-server-not-found`` comes back at once."""
        self.a.send("1", target="nowhere.example")
        self.assert_bounced(self.a, "remote-server-not-found")

    def test_no_service(self) -> None:
        """S17, S28: a domain that says in DNS that it has no service counts as not found."""
        self.world.zone.add("_xmpp-server._tcp.none.example", "SRV", "0 0 0 .")
        self.a.send("1", target="none.example")
        self.assert_bounced(self.a, "remote-server-not-found")

    def test_refused_connection(self) -> None:
        """S17: where nobody listens attempts go on for a minute; then ``remote-server-timeout`` comes back."""
        self.world.publish("c.example", "192.0.2.77")
        self.a.send("1", target="c.example")
        self.world.advance(50.0)
        self.assertGreater(self.attempts("c.example"), 2)
        self.world.advance(10.0)
        self.assert_bounced(self.a, "remote-server-timeout")

    def test_peer_comes_back(self) -> None:
        """A peer that was away for long and now sends something gets the answer at once."""
        self.b.stop()
        for _ in range(20):
            self.a.send("anybody there?")
            self.world.advance(61.0)
        self.b.start()
        self.a.send("still away?")
        returned = len(self.a.mailbox.errors)
        self.b.send("hello", target="a.example")
        self.a.send("welcome back")
        self.assertEqual((["welcome back"], returned), (self.b.mailbox.texts, len(self.a.mailbox.errors)))

    def attempts(self, domain: str = "silent.example") -> int:
        """How often a domain was looked up: to connect to it, or, once a minute at most, to see what it may share."""
        asked = [question.name for question in self.world.zone.asked if question.rdtype == "SRV"]
        return asked.count(f"_xmpp-server._tcp.{domain}")


class Leaver(Protocol):
    """A server that goes as soon as it hears something."""

    def dataReceived(self, data: bytes) -> None:
        """Go."""
        assert self.transport is not None
        self.transport.loseConnection()


class BrokenTests(FederationTestCase):
    """Connections that end without a word."""

    def setUp(self) -> None:
        super().setUp()
        self.network.buffer_bytes = 20_000
        self.texts = [f"{number} {'x' * 5_000}" for number in range(20)]

    def test_cut_while_idle(self) -> None:
        """What is sent after a connection was cut goes over the next one."""
        self.a.send("1")
        self.network.cut()
        self.network.settle()
        self.a.send("2")
        self.world.advance(REDIAL_SECONDS)
        self.assertEqual(["1", "2"], self.b.mailbox.texts)

    def test_cut_under_load(self) -> None:
        """B11: what the kernel had not taken goes over the next connection: nothing twice, in order, none else lost."""
        self.a.send("first")
        sender, receiver = self.network.connections
        receiver.pauseProducing()
        self.a.send(*self.texts)
        self.network.cut()
        self.world.advance(REDIAL_SECONDS)
        arrived = self.b.mailbox.texts[1:]
        self.assertEqual(self.texts[-len(arrived) :], arrived)
        lost = len(self.texts) - len(arrived)
        self.assertEqual((3, []), (lost, self.a.mailbox.errors), "what one write holds was in the kernel")
        self.assertTrue(sender.disconnected)

    def test_reads_no_more(self) -> None:
        """S17: a peer that reads no more is given up: all that its kernel did not take comes back, nothing later."""
        self.a.send("first")
        self.network.connections[1].pauseProducing()
        self.a.send(*self.texts)
        self.world.advance(59.9)
        self.assertEqual([], self.a.mailbox.errors)
        self.network.silent.add("192.0.2.2")
        self.world.advance(0.2)
        self.assert_bounced(self.a, "remote-server-timeout", len(self.texts) - 3)
        self.assertEqual(["first"], self.b.mailbox.texts)

    def test_reads_on(self) -> None:
        """A peer that reads nothing for a while loses nothing."""
        self.a.send("first")
        receiver = self.network.connections[1]
        receiver.pauseProducing()
        self.a.send(*self.texts)
        self.world.advance(50.0)
        receiver.resumeProducing()
        self.network.settle()
        self.assertEqual(["first", *self.texts], self.b.mailbox.texts)

    def test_closes_tls_only(self) -> None:
        """A peer that closes TLS without closing the stream is noticed at once, and nothing is sent into the void."""
        self.a.send("1")
        self.network.connections[1].loseConnection()
        self.network.settle()
        self.assertEqual(0, self.a.initiated)
        self.a.send("2")
        self.assertEqual((["1", "2"], []), (self.b.mailbox.texts, self.a.mailbox.errors))
        self.assertEqual(1, self.a.initiated)

    def test_closes_while_much_is_on_its_way(self) -> None:
        """A peer that closes the stream under load loses nothing: what waits takes the next stream, in order."""
        self.a.send(*self.texts[:5])
        for stream in self.b.service._streams:
            stream.close()
        self.a.send(*self.texts[5:])
        self.world.advance(REDIAL_SECONDS)
        self.assertEqual((self.texts, []), (self.b.mailbox.texts, self.a.mailbox.errors))


class IdleTests(FederationTestCase):
    """Streams nobody uses."""

    def test_idle_streams_are_closed(self) -> None:
        """S23: 54 minutes after the last stanza, before the peer does it, a stream is closed, and forgotten."""
        self.a.send("1")
        self.world.advance(3_239.0)
        self.assertEqual(1, self.a.initiated)
        self.world.advance(1.0)
        self.assertEqual(((), ()), (self.a.service.status().streams, self.b.service.status().streams))
        self.assertEqual([], [line for line in self.logged.lines if "failed" in line])

    def test_used_streams_are_not(self) -> None:
        """S23: each stanza gives a stream another 54 minutes."""
        for _ in range(3):
            self.a.send("1")
            self.world.advance(3_239.0)
        self.assertEqual((1, 2), (self.a.initiated, len(self.network.connections)))

    def test_next_stanza(self) -> None:
        """The next stanza opens another stream."""
        self.a.send("1")
        self.world.advance(3_600.0)
        self.a.send("2")
        self.assertEqual(["1", "2"], self.b.mailbox.texts)
