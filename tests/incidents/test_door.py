"""
Connections that cost much and bring nothing, names that only look alike, and peers nobody wants.

Incident 6 is memory: large stanzas (CVE-2021-32918), connections of strangers that stayed behind
(CVE-2026-43506) and small XML that took much (CVE-2026-43507), all in Prosody. That nothing of 10,000
half-open connections stays behind is seen by :mod:`tests.soak.half_open`. Incident 17 is a pattern that
counted without a dot before it (Openfire, OF-3243). Incident 21 is what was spent on peers that are denied
(Openfire, OF-1188) or refuse everybody (jabberd2, issue 63).
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IConnector
from twisted.internet.protocol import ClientFactory, Protocol

from muxs2s.network.dialling import DialLimits
from muxs2s.network.resolver import Answer
from muxs2s.network.restraint import WINDOW_SECONDS
from muxs2s.network.targets import Overrides, Target
from muxs2s.proof.identity import names_in
from muxs2s.proof.peers import PeerPolicies, PeerPolicy
from muxs2s.stream.limits import StreamLimits
from muxs2s.testing import MemoryResolver, stanza_of
from muxs2s.wire.names import DomainName
from tests.service.samples import message
from tests.service.world import AUTHORITY, FederationTestCase

HEADER = (
    b"<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'"
    b" from='c.example' to='b.example' version='1.0'>"
)
STARTTLS = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"

TINY = f"<body>{'<a/>' * 2_000}</body>"
"""8 KB in thousands of elements."""

LIMITS = StreamLimits()

DENIED = PeerPolicies(domains={"c.example": PeerPolicy(is_admitted=False)})


class Stranger(Protocol):
    """Says what the test says, and keeps what it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self.is_gone = False

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data

    def connectionLost(self, reason: object = None) -> None:
        """Note the end."""
        self.is_gone = True


class StrangersTestCase(FederationTestCase):
    """Whoever connects to b.example."""

    def stranger(self, *said: bytes, address: str = "192.0.2.2") -> Stranger:
        """Connect, and say something, then something else after the answer."""
        stranger = Stranger()
        factory = ClientFactory()
        factory.protocol = lambda: stranger
        self.network.connectTCP(address, 5269, factory)
        self.network.settle()
        for words in said:
            assert stranger.transport is not None
            stranger.transport.write(words)
            self.network.settle()
        return stranger

    def assert_nothing_left(self, *strangers: Stranger) -> None:
        """Soon, whatever strangers do, neither they nor streams nor timers are there."""
        self.world.advance(LIMITS.closing_seconds)
        self.assertEqual([True] * len(strangers), [stranger.is_gone for stranger in strangers])
        self.world.advance(WINDOW_SECONDS)
        self.assertEqual(((), []), (self.b.service.status().streams, self.network.getDelayedCalls()))


class MemoryTests(StrangersTestCase):
    """What strangers may take up."""

    def test_large_element(self) -> None:
        """Incident 6: an element of more than 10,000 bytes ends the stream of a stranger."""
        words = f"<iq><x>{'x' * 10_000}</x></iq>".encode()
        stranger = self.stranger(HEADER, words)
        self.assertIn(b"<policy-violation ", stranger.heard)
        self.assert_nothing_left(stranger)

    def test_small_elements(self) -> None:
        """Incident 6: so do thousands of elements in less than that."""
        stranger = self.stranger(HEADER, f"<iq>{TINY}</iq>".encode())
        self.assertIn(b"<policy-violation ", stranger.heard)
        self.assert_nothing_left(stranger)

    def test_limits_rise(self) -> None:
        """Incident 6: from a peer that has proven itself the same arrives."""
        written = f"<message from='x@a.example' to='y@b.example'>{TINY}</message>"
        self.a.service.send([stanza_of(written), message("x" * 20_000)])
        self.network.settle()
        self.assertEqual(2, len(self.b.mailbox.taken))

    def test_lost(self) -> None:
        """Incident 6: connections that break wherever they are leave nothing behind."""
        for said in ((), (HEADER[:40],), (HEADER,), (HEADER, STARTTLS), (HEADER, STARTTLS, b"\x16\x03\x01\x02\x00")):
            for _ in range(10):
                self.stranger(*said)
        self.assertEqual(50, len(self.b.service.status().streams))
        self.network.cut()
        self.network.settle()
        self.assertEqual((), self.b.service.status().streams)
        self.assert_nothing_left()

    def test_kept_open(self) -> None:
        """Incident 6: those that are kept open end by their time-outs: in TLS, and before."""
        strangers = [self.stranger(HEADER, STARTTLS), self.stranger(), self.stranger(HEADER)]
        self.world.advance(LIMITS.handshake_seconds)
        self.assertEqual([True, False, False], [stranger.is_gone for stranger in strangers])
        self.world.advance(LIMITS.negotiation_seconds - LIMITS.handshake_seconds)
        self.assert_nothing_left(*strangers)


class NameTests(StrangersTestCase):
    """Names that only end alike."""

    def test_whole_labels(self) -> None:
        """Incident 17: policies, addresses and certificates know a domain by whole labels, never by how it ends."""
        b, wildcard = DomainName.parse("b.example"), names_in(AUTHORITY.issue("*.b.example").leaf)
        policies = PeerPolicies(domains={b: PeerPolicy(is_admitted=False)})
        overrides = Overrides(domains={b: Target(host="192.0.2.9", port=5269)})
        for name, denied, elsewhere, covered in (
            ("b.example", True, True, False),
            ("x.b.example", True, False, True),
            ("y.x.b.example", True, False, False),
            ("xb.example", False, False, False),
            ("x-b.example", False, False, False),
            ("b.example.org", False, False, False),
        ):
            domain = DomainName.parse(name)
            self.assertIs(denied, not policies.of(domain).is_admitted, name)
            self.assertIs(elsewhere, overrides.find(domain) is not None, name)
            self.assertIs(covered, wildcard.covers(domain), name)


class Asked(MemoryResolver):
    """Remembers what it was asked."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.names: list[str] = []

    async def query(self, name: str, rdtype: str) -> Answer:
        """As any lookup."""
        self.names.append(name)
        return await super().query(name, rdtype)


class DeniedTests(StrangersTestCase):
    """Peers that the policy denies."""

    def test_calls_us(self) -> None:
        """Incident 21: the first header that names a domain that is denied is the last, and TLS does not begin."""
        d = self.world.server("d.example", policies=lambda: DENIED)
        stranger = self.stranger(HEADER.replace(b"b.example", b"d.example"), STARTTLS, address=d.address)
        self.assertIn(b"<policy-violation ", stranger.heard)
        self.assertIn(b"the policy of this server denies c.example", stranger.heard)
        self.assertNotIn(b"<proceed ", stranger.heard)

    def test_is_not_called(self) -> None:
        """Incident 21: neither DNS is asked nor a connection made for a domain that is denied; others are reached."""
        lookup = Asked(self.world.zone, self.network)
        d = self.world.server("d.example", policies=lambda: DENIED, lookup=lookup)
        d.send("1", "2", target="c.example")
        d.send("3", target="rooms.c.example")
        self.assert_bounced(d, "not-allowed", 3)
        self.assertEqual(([], []), (lookup.names, self.network.connections))
        d.send("4", target="b.example")
        self.assertEqual(["4"], self.b.mailbox.texts)


class StormTests(FederationTestCase):
    """A peer that refuses everybody."""

    def setUp(self) -> None:
        super().setUp()
        self.world.publish("c.example", "192.0.2.99")
        self.attempts = 0
        connect = self.network.connectTCP

        def count(host: str, *given: Any, **named: Any) -> IConnector:
            self.attempts += host == "192.0.2.99"
            return connect(host, *given, **named)

        self.patch(self.network, "connectTCP", count)

    def test_one_sender(self) -> None:
        """Incident 21: however much one domain sends to a peer that refuses, it is called a few times in a minute."""
        for number in range(60):
            self.a.send(*[str(number)] * 10, target="c.example")
            self.world.advance(1.0)
        self.assertLess(0, self.attempts)
        self.assertLess(self.attempts, 10)
        self.world.advance(60.0)
        self.assertEqual(600, len(self.a.mailbox.errors))

    def test_many_senders(self) -> None:
        """Incident 21: with hundreds of domains that send, it is called as often as the limit for one place says."""
        domains = [f"d{number}.example" for number in range(100)]
        server = self.world.server(*domains, credentials=[AUTHORITY.issue(*domains)])
        for _ in range(60):
            server.service.send([message(sender=f"x@{domain}", target="y@c.example") for domain in domains])
            self.world.advance(1.0)
        self.assertLess(0, self.attempts)
        self.assertLessEqual(self.attempts, DialLimits().max_place_attempts_per_minute)
