"""Peers that know no TLS, where the policy lets them go without."""

from __future__ import annotations

from muxs2s.proof.peers import PeerPolicies, PeerPolicy
from muxs2s.proof.policy import ProofPolicy
from muxs2s.service.links import REDIAL_SECONDS
from tests.network.bytepeer import ADDRESS, BytePeer, call, listen
from tests.service.samples import message
from tests.service.world import FederationTestCase
from tests.stream.scripts import header

UNENCRYPTED = PeerPolicies(
    domains={"old.example": PeerPolicy(proofs=ProofPolicy(order=("pkix", "dialback")), require_encryption=False)}
)

FEATURES = b"<stream:features><dialback xmlns='urn:xmpp:features:dialback'/></stream:features>"
ACCEPTED = b"<db:result from='old.example' to='c.example' type='valid'/>"
MESSAGE = b"<message from='x@old.example' to='y@c.example'><body>hello</body></message>"


def old_header(**attributes: str) -> bytes:
    """How a peer without TLS begins."""
    return header(from_="old.example", to="c.example", **{"xmlns:db": "jabber:server:dialback"}, **attributes)


class UnencryptedCase(FederationTestCase):
    """A server that lets old.example go without TLS, and that peer."""

    def setUp(self) -> None:
        super().setUp()
        self.c = self.world.server("c.example", policies=lambda: UNENCRYPTED)
        self.world.publish("old.example", ADDRESS)
        self.port, self.old = listen(self.network, lambda: BytePeer(self.network))

    def tearDown(self) -> None:
        self.port.stopListening()
        for peer in self.old.connected:
            peer.leave()
        super().tearDown()

    def opened(self, *texts: str) -> BytePeer:
        """A stream that the server has opened, and on which the peer has accepted it."""
        self.c.send(*texts, target="old.example")
        return self.accepted(self.old.connected[-1])

    def accepted(self, peer: BytePeer) -> BytePeer:
        """Let the peer accept the server on a stream."""
        peer.say(old_header(id="1") + FEATURES)
        peer.say(ACCEPTED)
        return peer


class SendingTests(UnencryptedCase):
    """What leaves outside TLS."""

    def test_stanzas(self) -> None:
        """D10: stanzas leave as soon as the peer has accepted the key, in order."""
        peer = self.opened("1", "2")
        self.assertRegex(peer.heard, b"(?s)<db:result .*<body>1</body>.*<body>2</body>")
        self.c.send("3", target="old.example")
        self.assertTrue(peer.heard.endswith(b"<body>3</body></message>"), peer.heard[-80:])

    def test_reads_no_more(self) -> None:
        """S17: what the kernel has not taken when such a peer is cut off comes back."""
        self.network.buffer_bytes = 10_000
        peer = self.opened("1")
        peer.read(on=False)
        self.c.send("2" * 20_000, target="old.example")
        self.network.silent.add(ADDRESS)
        self.world.advance(121.0)
        self.assert_bounced(self.c, "remote-server-timeout")
        self.assertTrue(peer.heard.endswith(b"<body>1</body></message>"))

    def test_nothing_twice(self) -> None:
        """S17: wherever the connection breaks, a stanza that the peer has read whole does not come again."""
        self.network.buffer_bytes = 200
        for steps in range(1, 60):
            wanted = [f"{steps}-{number}" for number in range(10)]
            first = self.opened("begin")
            self.c.service.send([message(text, "x@c.example", "y@old.example") for text in wanted])
            self.network.step(steps)
            self.network.cut()
            self.world.advance(REDIAL_SECONDS)
            second = self.accepted(self.old.connected[-1])
            heard = (first.heard if first is not second else b"") + second.heard
            self.network.cut()
            self.network.settle()
            counts = [heard.count(f"<body>{text}</body></message>".encode()) for text in wanted]
            self.assertEqual([], [count for count in counts if count > 1], steps)

    def test_closes(self) -> None:
        """S8: such a stream is closed by both ends, then the connection."""
        peer = self.opened("1")
        peer.say(b"</stream:stream>")
        self.assertEqual((True, True), (peer.heard.endswith(b"</stream:stream>"), peer.is_gone))


class TakingTests(UnencryptedCase):
    """What comes outside TLS."""

    def test_stanzas(self) -> None:
        """D11: they are taken once the authoritative server has confirmed the key, and not before."""
        peer = call(BytePeer(self.network), self.c.address)
        peer.say(old_header())
        peer.say(b"<db:result from='old.example' to='c.example'>key</db:result>")
        (authority,) = self.old.connected
        authority.say(old_header(id="1") + FEATURES)
        self.assertIn(b">key</db:verify>", authority.heard)
        stream_id = authority.heard.partition(b'<db:verify from="c.example" to="old.example" id="')[2][:32]
        authority.say(b"<db:verify from='old.example' to='c.example' id='" + stream_id + b"' type='valid'/>")
        peer.say(MESSAGE)
        self.assertIn(b'type="valid"', peer.heard)
        self.assertEqual(["hello"], self.c.mailbox.texts)
        peer.leave()
