"""A whole server and peers that say what none should: what they hear, what the log says, and what is left."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from OpenSSL import SSL
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.protocols.tls import TLSMemoryBIOProtocol

from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.writing import MAX_UNREAD_BYTES
from muxs2s.proof.peers import DIALBACK_SUFFICES, PeerPolicies, PeerPolicy
from muxs2s.stream.stream import Stream
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.framing import Framer
from tests.garbage import leave_out_what_is_there
from tests.incidents import conversations
from tests.incidents.conversations import TLS, Conversations, Step, came_of
from tests.network.bytepeer import ADDRESS, BytePeer, call, listen
from tests.service.world import AUTHORITY, FederationTestCase

POLICIES: Final = PeerPolicies(
    domains={
        "weak.example": DIALBACK_SUFFICES,
        "plain.example": PeerPolicy(proofs=DIALBACK_SUFFICES.proofs, require_encryption=False),
        "denied.example": PeerPolicy(is_admitted=False),
    }
)

EVIL: Final = AUTHORITY.issue("evil.example", "evil2.example", "*.evil.example")

PATIENCE_SECONDS: Final = 81.0
"""In which a stream that is closed is gone, and one that nobody negotiates, and the log has forgotten what it said."""

LEFT: Final = (StreamProtocol, TLSMemoryBIOProtocol, SSL.Connection, Stream, Framer)
"""What every connection has one of, or more."""

CONDITIONS: Final = {condition.value for condition in StreamCondition}

MORE_LINES: Final = {"1,001 from a domain it has not proven": 2, "200 domains": 11}
"""Conversations that make more than one line in the log: each domain that was judged has one."""


class Came(NamedTuple):
    """What a conversation has come to."""

    heard: str
    lines: int
    """In the log, but for those that say that somebody is proven."""
    delivered: str
    is_over: bool
    """Whether the connection of a stream that was closed has ended."""


def alive() -> Counter[str]:
    """What has been made since the test began of each kind that connections have."""
    gc.collect()
    return Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, LEFT))


class ConversationCase(FederationTestCase):
    """The server b.example, also at a port for direct TLS, and the good peer a.example."""

    port = 5269

    def setUp(self) -> None:
        leave_out_what_is_there(self)
        super().setUp()
        self.b.stop()
        self.b = self.world.server(
            "b.example",
            "b2.example",
            policies=lambda: POLICIES,
            direct_endpoints=[TCP4ServerEndpoint(self.network, 5270, interface="192.0.2.3")],
        )
        self.assert_serves("the first")

    def assert_serves(self, name: str) -> None:
        """A good peer that connects anew is served as ever."""
        self.network.cut()
        self.network.settle()
        self.world.advance(1.0)
        self.a.send(name)
        self.assertEqual(name, self.b.mailbox.texts[-1])

    def meet(self, begin: Callable[[], BytePeer], steps: Sequence[Step]) -> Came:
        """Let a peer say something, and wait; what comes of it."""
        self.logged.events.clear()
        self.b.mailbox.taken.clear()
        peer = begin()
        peer.heard = b""
        for step in steps:
            self.take(peer, step)
        outcome = " ".join(filter(None, [came_of(peer.heard), "gone" * peer.is_gone]))
        lines = sum(not line.startswith(("accepted ", "to the server at ")) for line in self.logged.lines)
        self.world.advance(PATIENCE_SECONDS)
        delivered, is_over = " ".join(self.b.mailbox.texts), peer.is_gone or "closed" not in outcome
        peer.leave()
        return Came(heard=outcome, lines=lines, delivered=delivered, is_over=is_over)

    def take(self, peer: BytePeer, step: Step) -> None:
        """One step of a conversation."""
        if isinstance(step, float):
            self.world.advance(step)
        elif isinstance(step, TLS):
            peer.begin_tls(step.first)
        else:
            peer.say(step)

    def assert_each(self, told: Conversations, begin: Callable[[], BytePeer]) -> None:
        """
        Each conversation comes to what it should, on a connection of its own.

        One line in the log says so, and says it once; what has to end ends; no stanza gets through; the good
        peer is served; and when all are over nothing of them is left.
        """
        before, astray = self.left(), {}
        for name, (wanted, *steps) in told.items():
            found = self.meet(begin, [step for step in steps if not isinstance(step, str)])
            least = bool(CONDITIONS & set(found.heard.split()))
            lines = max(least, min(found.lines, MORE_LINES.get(name, 1)))
            if found != Came(heard=str(wanted).strip(), lines=lines, delivered="", is_over=True):
                astray[name] = found
            self.assert_serves(name)
        self.assertEqual({}, astray)
        self.assertEqual(before, self.left())

    def left(self) -> Counter[str]:
        """What is alive when nobody is connected, and the test keeps nothing itself."""
        self.network.cut()
        self.network.settle()
        self.network.connections.clear()
        self.logged.events.clear()
        return alive()


class CallingTests(ConversationCase):
    """Peers that connect to us."""

    def assert_after(self, approach: Sequence[Step], told: Conversations) -> None:
        """Conversations that go a way together."""

        def begin() -> BytePeer:
            peer = call(BytePeer(self.network, EVIL), self.b.address, self.port)
            for step in approach:
                self.take(peer, step)
            return peer

        self.assert_each(told, begin)

    def test_no_xml(self) -> None:
        """Incident 6: what is no XML, or XML that XMPP forbids, is refused before there is a stream."""
        self.assert_after((), conversations.NO_XML)

    def test_headers(self) -> None:
        """Incident 6: headers that are none, of nobody, for nobody, or endless."""
        self.assert_after((), conversations.HEADERS)

    def test_outside_tls(self) -> None:
        """Incident 18: what may not be said outside TLS."""
        self.assert_after(conversations.OPENED, conversations.OUTSIDE_TLS)

    def test_into_tls(self) -> None:
        """Incident 18: what is said between STARTTLS and TLS."""
        self.assert_after(conversations.OPENED, conversations.INTO_TLS)

    def test_inside_tls(self) -> None:
        """Incident 9: headers inside TLS that the certificate does not prove."""
        self.assert_after(conversations.SECURED, conversations.INSIDE_TLS)

    def test_proving(self) -> None:
        """Incidents 6, 20: what a peer says that ought to authenticate."""
        self.assert_after(conversations.JUDGED, conversations.PROVING)

    def test_restarting(self) -> None:
        """Incident 19: what a peer says that ought to begin its stream anew."""
        self.assert_after(conversations.AUTHENTICATED, conversations.RESTARTING)

    def test_stanzas(self) -> None:
        """Incidents 11, 13: stanzas that do not belong on the stream, or are none."""
        self.assert_after(conversations.CARRYING, conversations.STANZAS)

    def test_elements(self) -> None:
        """Incident 1: elements that nobody has asked for, once stanzas pass."""
        self.assert_after(conversations.CARRYING, conversations.ELEMENTS)

    def test_dialback_requests(self) -> None:
        """Incidents 1, 10: dialback by a peer that has proven nothing."""
        self.assert_after(conversations.BY_DIALBACK, conversations.DIALBACK_REQUESTS)

    def test_without_tls(self) -> None:
        """Incident 10: dialback outside TLS, where one domain may."""
        self.assert_after(conversations.UNENCRYPTED, conversations.WITHOUT_TLS)

    def test_direct_tls(self) -> None:
        """Incident 18: the port for direct TLS, spoken to otherwise."""
        self.port = 5270
        self.assert_after((), conversations.DIRECT_TLS)

    def test_reads_nothing(self) -> None:
        """Incident 6: a peer that asks 20,000 times and reads no answer is cut off, whatever it has proven."""
        for approach in (conversations.BY_DIALBACK, conversations.CARRYING, conversations.UNENCRYPTED):
            peer = call(BytePeer(self.network, EVIL), self.b.address)
            for step in approach:
                self.take(peer, step)
            peer.read(on=False)
            for _ in range(20):
                peer.say(conversations.verify("x.plain.example") * 1_000)
            transport = self.network.connections[-1]
            self.assertTrue(transport.disconnected)
            self.assertLess(transport._tempDataLen, 2 * MAX_UNREAD_BYTES)
            peer.leave()
            self.assert_serves("still")


class CalledTests(ConversationCase):
    """Peers that we connect to, as somebody has sent them a stanza."""

    def setUp(self) -> None:
        super().setUp()
        self.listening, self.peers = listen(self.network, lambda: BytePeer(self.network, EVIL))
        self.world.publish("evil.example", ADDRESS)

    def left(self) -> Counter[str]:
        """As above; those that were connected are kept by the one that is listening."""
        self.peers.connected.clear()
        return super().left()

    def tearDown(self) -> None:
        self.listening.stopListening()
        super().tearDown()

    def assert_after(self, approach: Sequence[Step], told: Conversations) -> None:
        """Conversations that go a way together."""

        def begin() -> BytePeer:
            self.peers.connected.clear()
            self.b.service.end_rests()
            self.b.send("to you", target="evil.example")
            peer = self.peers.connected[0]
            for step in approach:
                self.take(peer, step)
            return peer

        self.assert_each(told, begin)

    def test_answers(self) -> None:
        """Incident 6: what answers our first header."""
        self.assert_after((), conversations.ANSWERS)

    def test_to_starttls(self) -> None:
        """Incident 18: what answers STARTTLS, and what follows it."""
        self.assert_after(conversations.OFFERED, conversations.TO_STARTTLS)

    def test_to_our_header(self) -> None:
        """Incident 9: what a peer that we have found proven says inside TLS."""
        self.assert_after(conversations.SECURE, conversations.TO_OUR_HEADER)

    def test_to_sasl(self) -> None:
        """Incidents 1, 18: what answers our attempt to authenticate."""
        self.assert_after(conversations.ASKED_FOR_US, conversations.TO_SASL)

    def test_to_our_key(self) -> None:
        """Incident 1: what answers our dialback key, and what does not."""
        self.assert_after(conversations.SENT_KEY, conversations.TO_OUR_KEY)

    def test_to_our_stanzas(self) -> None:
        """Incidents 1, 11: what comes back on a stream that is ours to send on."""
        self.assert_after(conversations.CARRIED, conversations.TO_OUR_STANZAS)

    def test_both_ways(self) -> None:
        """Incident 11: stanzas on a two-way stream that do not belong there."""
        self.assert_after(conversations.TWO_WAY, conversations.BOTH_WAYS)
