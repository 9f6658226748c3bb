"""Where domains are: endpoints by name and address, remembered for a while, never waited for too long."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.connecting import Connector
from muxs2s.network.targets import Overrides, Target
from muxs2s.service import whereabouts
from muxs2s.service.whereabouts import LOOK_SECONDS, REMEMBER_SECONDS, Endpoint, Whereabouts, endpoint_of
from muxs2s.testing import MemoryResolver, Zone
from muxs2s.testing.network import MemoryNetwork
from muxs2s.wire.names import DomainName
from tests.service.samples import B, C


class WhereaboutsTestCase(SynchronousTestCase):
    """A zone with b.example and c.example on one server."""

    def setUp(self) -> None:
        self.network = MemoryNetwork()
        self.zone = Zone()
        for domain in ("b.example", "c.example"):
            self.zone.add_srv(domain, f"xmpp.{domain}", 5269)
            self.zone.add(f"xmpp.{domain}", "A", "192.0.2.2")
        self.connector = Connector(self.network, MemoryResolver(self.zone, self.network))
        self.whereabouts = Whereabouts(self.connector, self.network)

    def look(self, domain: DomainName = B) -> Deferred[frozenset[Endpoint]]:
        """Begin to ask."""
        return Deferred.fromCoroutine(self.whereabouts.of(domain))

    def of(self, domain: DomainName = B) -> frozenset[Endpoint]:
        """What is known at once."""
        return self.found(self.look(domain))

    def found(self, looking: Deferred[frozenset[Endpoint]]) -> frozenset[Endpoint]:
        """What came of a look."""
        found: frozenset[Endpoint] = self.successResultOf(looking)
        return found


class EndpointsTests(WhereaboutsTestCase):
    """What a domain is found under."""

    def test_names_and_addresses(self) -> None:
        """A server has the name that SRV gives it, and its addresses of both families; each with its port."""
        self.zone.add("xmpp.b.example", "AAAA", "2001:db8::2")
        expected = {("xmpp.b.example", 5269), ("192.0.2.2", 5269), ("2001:db8::2", 5269)}
        self.assertEqual(expected, self.of())

    def test_shared_server(self) -> None:
        """Two domains whose servers have different names and one address meet there."""
        self.assertEqual({("192.0.2.2", 5269)}, self.of(B) & self.of(C))

    def test_places(self) -> None:
        """A server is one place for each address; one of which something could not be said has its name as well."""
        self.of(B)
        self.assertEqual({("192.0.2.2", 5269)}, self.whereabouts.places(B))
        self.zone.fail("xmpp.c.example")
        self.assertEqual(self.of(C), self.whereabouts.places(C))
        self.assertEqual(set(), self.whereabouts.places(DomainName.parse("e.example")))

    def test_another_port(self) -> None:
        """Another port is another server."""
        self.zone.add_srv("d.example", "xmpp.b.example", 5270)
        self.assertEqual(set(), self.of(B) & self.of(DomainName.parse("d.example")))

    def test_override(self) -> None:
        """What the operator says counts; an address needs no look-up."""
        self.connector.overrides = Overrides(every=Target(host="192.0.2.7", port=1))
        self.assertEqual({("192.0.2.7", 1)}, self.of())

    def test_nowhere(self) -> None:
        """A domain that offers no service is nowhere; a server without an address is known by its name."""
        self.zone.add_srv("d.example", ".", 0)
        self.assertEqual(set(), self.of(DomainName.parse("d.example")))
        self.assertEqual({("e.example", 5269)}, self.of(DomainName.parse("e.example")))

    def test_of_connections(self) -> None:
        """An end of a connection is an endpoint, unless it has no port."""
        self.assertEqual(("192.0.2.2", 1), endpoint_of(IPv4Address("TCP", "192.0.2.2", 1)))
        self.assertEqual(("2001:db8::2", 1), endpoint_of(IPv6Address("TCP", "2001:db8::2", 1)))
        self.assertIsNone(endpoint_of(UNIXAddress("/run/socket")))


class WaitTests(WhereaboutsTestCase):
    """DNS takes its time."""

    def test_late(self) -> None:
        """What DNS has not said in time does not count; what it has said does."""
        self.zone.silence("xmpp.b.example")
        looking = self.look()
        self.network.advance(LOOK_SECONDS - 0.1)
        self.assertNoResult(looking)
        self.network.advance(0.1)
        self.assertEqual({("xmpp.b.example", 5269)}, self.found(looking))

    def test_never(self) -> None:
        """A domain of which DNS says nothing in time is nowhere."""
        self.zone.silence("_xmpp-server._tcp.b.example")
        looking = self.look()
        self.network.advance(LOOK_SECONDS)
        self.assertEqual(frozenset(), self.successResultOf(looking))

    def test_one_question(self) -> None:
        """Who asks for the same domain meanwhile waits for the same answer; who leaves leaves nothing."""
        self.zone.silence("xmpp.b.example")
        looking = [self.look(), self.look()]
        looking[0].cancel()
        self.failureResultOf(looking[0], CancelledError)
        self.network.advance(LOOK_SECONDS)
        self.assertIn(("xmpp.b.example", 5269), self.successResultOf(looking[1]))
        leaving = self.look(C)
        self.successResultOf(leaving)
        self.assertEqual([], self.network.getDelayedCalls())

    def test_given_up(self) -> None:
        """With the last one who waits the look-up ends."""
        self.zone.silence("xmpp.b.example")
        looking = self.look()
        looking.cancel()
        self.failureResultOf(looking, CancelledError)
        self.assertEqual([], self.network.getDelayedCalls())


class MemoryTests(WhereaboutsTestCase):
    """What was found is remembered."""

    def move(self) -> None:
        """Let b.example move."""
        self.connector.overrides = Overrides(every=Target(host="192.0.2.7", port=1))

    def test_seconds(self) -> None:
        """For so long, and no longer."""
        before = self.of()
        self.move()
        self.network.advance(REMEMBER_SECONDS - 0.1)
        self.assertEqual(before, self.of())
        self.network.advance(0.1)
        self.assertEqual({("192.0.2.7", 1)}, self.of())

    def test_forget(self) -> None:
        """Until the operator knows better."""
        self.of()
        self.move()
        self.whereabouts.forget()
        self.assertEqual({("192.0.2.7", 1)}, self.of())

    def test_limit(self) -> None:
        """Of so many domains; past that the first one is forgotten."""
        self.patch(whereabouts, "MAX_WHEREABOUTS", 2)
        before = [self.of(B), self.of(C)]
        self.move()
        self.assertEqual(before, [self.of(B), self.of(C)])
        self.of(DomainName.parse("d.example"))
        self.assertEqual(before[1], self.of(C))
        self.assertEqual({("192.0.2.7", 1)}, self.of(B))
