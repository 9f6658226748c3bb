"""
What is done to TLS, and in front of it.

Incident 7 is CVE-2021-32920, a flood of renegotiations; incident 12 is compression that turns little into much, as
in CVE-2014-2741; incident 18 is what somebody on the way puts behind STARTTLS, for the session inside TLS to obey.
"""

from __future__ import annotations

import contextlib
from typing import Any, Final

from OpenSSL import SSL
from twisted.internet.endpoints import TCP4ServerEndpoint

from muxs2s.network.tls import TLSContexts
from muxs2s.service.status import StreamStatus
from tests.incidents.conversations import (
    ACCEPTED,
    AUTHENTICATED,
    BY_DIALBACK,
    CARRIED,
    CARRYING,
    EVIL,
    JUDGED,
    OFFERED,
    OPENED,
    TLS,
    Step,
    answered,
    called,
    message,
)
from tests.network.bytepeer import ADDRESS, BytePeer, call, listen
from tests.service.world import AUTHORITY, FederationTestCase
from tests.stream.scripts import AUTH, OFFER_EXTERNAL, OFFER_NOTHING, PROCEED, STARTTLS, SUCCESS

CERTIFICATE: Final = AUTHORITY.issue("evil.example", "evil2.example")


class PeerCase(FederationTestCase):
    """The server b.example, with direct TLS as well, and a peer in bytes."""

    def setUp(self) -> None:
        super().setUp()
        self.c = self.world.server(
            "c.example", direct_endpoints=[TCP4ServerEndpoint(self.network, 5270, interface="192.0.2.3")]
        )
        self.listening, self.peers = listen(self.network, self.peer)
        self.world.publish("evil.example", ADDRESS)

    def tearDown(self) -> None:
        self.listening.stopListening()
        super().tearDown()

    def peer(self, **options: Any) -> BytePeer:
        """A peer that is not connected yet."""
        return BytePeer(self.network, CERTIFICATE, **options)

    def calling(self, *steps: Step, port: int = 5269, **options: Any) -> BytePeer:
        """A peer that has connected to b.example and said something."""
        address = self.b.address if port == 5269 else self.c.address
        return self.said(call(self.peer(**options), address, port), *steps)

    def being_called(self, *steps: Step) -> BytePeer:
        """A peer that b.example has connected to, and that has said something."""
        self.b.send("to you", target="evil.example")
        (peer,) = self.peers.connected
        return self.said(peer, *steps)

    def said(self, peer: BytePeer, *steps: Step) -> BytePeer:
        """Let a peer say something."""
        for step in steps:
            if isinstance(step, TLS):
                peer.begin_tls(step.first)
            elif isinstance(step, bytes):
                peer.say(step)
        return peer

    @property
    def stream(self) -> StreamStatus:
        """The one stream of b.example."""
        (stream,) = self.b.service.status().streams
        return stream


class RenegotiationTests(PeerCase):
    """A second handshake inside the first."""

    def renegotiate(self, peer: BytePeer) -> None:
        """Ask for one, as OpenSSL does."""
        assert peer.tls.layer is not None
        connection: SSL.Connection = peer.tls.layer.getHandle()
        self.assertEqual("TLSv1.2", connection.get_protocol_version_name())
        connection.renegotiate()
        with contextlib.suppress(SSL.WantReadError):
            connection.do_handshake()
        peer.tls.layer._flushSendBIO()
        self.network.settle()

    def test_peer_that_calls(self) -> None:
        """Incident 7: a peer that has proven itself and asks for another handshake is cut off at the first wish."""
        peer = self.calling(*CARRYING, max_tls=SSL.TLS1_2_VERSION)
        self.renegotiate(peer)
        self.assertEqual((True, ()), (peer.is_gone, self.b.service.status().streams))
        self.assertEqual(1, len([line for line in self.logged.lines if "renegotiation" in line]))

    def test_stranger(self) -> None:
        """Incident 7: so is one that has proven nothing, and others are served as ever."""
        peer = self.calling(*OPENED, STARTTLS, TLS(), max_tls=SSL.TLS1_2_VERSION)
        self.renegotiate(peer)
        self.assertTrue(peer.is_gone)
        self.a.send("hello")
        self.assertEqual(["hello"], self.b.mailbox.texts)

    def test_peer_that_is_called(self) -> None:
        """Incident 7: so is one that we have called; what waits for it waits on."""
        self.listening.stopListening()
        self.listening, self.peers = listen(self.network, lambda: self.peer(max_tls=SSL.TLS1_2_VERSION))
        peer = self.being_called(*CARRIED)
        self.assertIn(b"to you", peer.heard)
        self.renegotiate(peer)
        self.assertTrue(peer.is_gone)

    def test_newer_tls(self) -> None:
        """Incident 7: TLS 1.3, which is taken where the peer knows it, has no renegotiation at all."""
        self.calling(*CARRYING)
        assert self.stream.tls is not None
        self.assertEqual("TLSv1.3", self.stream.tls.version)


class CompressionTests(PeerCase):
    """Little that becomes much."""

    def test_never_offered(self) -> None:
        """Incident 12: none of the features of any stream offers to compress it."""
        for steps in (OPENED, JUDGED, CARRYING, BY_DIALBACK):
            heard = self.calling(*steps).heard
            self.assertNotIn(b"compress", heard)
            self.assertIn(b"<stream:features>", heard)

    def test_never_taken(self) -> None:
        """Incident 12: a peer's offer is not taken up, and its own attempt means nothing."""
        offer = b"<compression xmlns='http://jabber.org/features/compress'><method>zlib</method></compression>"
        offered = OFFER_NOTHING.replace(b"/>", b">") + offer + b"</stream:features>"
        peer = self.being_called(*ACCEPTED, answered() + offered)
        self.assertNotIn(b"compress", peer.heard)
        self.assertIn(b"to you", peer.heard)

    def test_tls(self) -> None:
        """Incident 12: TLS does not compress either, in neither role."""
        contexts = TLSContexts(self.b.certificates, self.network)
        for context in (contexts.receiving(None), contexts.initiating(None)):
            self.assertTrue(context.set_options(0) & SSL.OP_NO_COMPRESSION)


class InjectionTests(PeerCase):
    """What stands in front of TLS counts for nothing inside it."""

    injected = called("evil2.example") + AUTH + called("evil2.example") + message("x@evil2.example")

    def test_behind_starttls(self) -> None:
        """Incident 18: a session behind STARTTLS, whole or in part, is not there inside TLS."""
        for injected in (self.injected, self.injected[:60], b"<", b"\x16"):
            peer = self.calling(*OPENED, STARTTLS + injected, TLS(), EVIL, AUTH, EVIL, message())
            self.assertEqual(["evil"], self.b.mailbox.texts)
            self.assertEqual(("evil.example", "b.example"), self.stream.pair)
            self.b.mailbox.taken.clear()
            peer.leave()

    def test_behind_proceed(self) -> None:
        """Incident 18: neither is one behind ``proceed``: the peer has to prove itself and to let us do so."""
        injected = answered() + OFFER_EXTERNAL + SUCCESS + answered() + OFFER_NOTHING
        peer = self.being_called(*OFFERED, TLS(PROCEED + injected))
        self.assertEqual((0, 0), (peer.heard.count(b"<auth "), peer.heard.count(b"to you")))
        self.said(peer, answered() + OFFER_EXTERNAL, SUCCESS, answered() + OFFER_NOTHING)
        self.assertEqual((1, 1), (peer.heard.count(b"<auth "), peer.heard.count(b"to you")))

    def test_behind_sasl(self) -> None:
        """Incident 18: nor what follows SASL in the same piece, in either role."""
        peer = self.calling(*JUDGED, AUTH + called() + message())
        self.assertEqual(([], ()), (self.b.mailbox.texts, self.stream.associations[2:]))
        self.said(peer, EVIL, message())
        self.assertEqual(["evil"], self.b.mailbox.texts)

    def test_before_direct_tls(self) -> None:
        """Incident 18: whatever stands in front of direct TLS ends the connection."""
        for injected in (self.injected, b" ", b"\n", EVIL):
            peer = self.calling(injected, TLS(), EVIL, AUTH, EVIL, message(target="y@c.example"), port=5270)
            self.assertEqual((True, []), (peer.is_gone, self.c.mailbox.texts))

    def test_before_tls(self) -> None:
        """Incident 18: who was named outside TLS, and what was asked for there, is forgotten inside it."""
        before = called("b.example.evil.example") + b"<bidi xmlns='urn:xmpp:bidi'/>" + STARTTLS
        self.calling(before, TLS(), EVIL, AUTH, EVIL)
        self.assertEqual("evil.example", self.stream.pair and self.stream.pair.sender)
        self.b.send("back", target="evil.example")
        self.assertEqual(1, len(self.peers.connected))


class RestartTests(PeerCase):
    """Who speaks does not change in the middle."""

    def test_other_names(self) -> None:
        """Incident 19: a stream that begins anew with other addresses ends, though the certificate would prove them."""
        for changed in (called("evil2.example"), called(to="c.example"), called(None), called(to=None)):
            peer = self.calling(*AUTHENTICATED, changed, message("x@evil2.example"))
            self.assertIn(b"<stream:error><", peer.heard)
            self.assertRegex(peer.heard, b"<(improper-addressing|host-unknown) ")
            self.assertEqual([], self.b.mailbox.texts)
            peer.leave()

    def test_other_server(self) -> None:
        """Incident 19: nothing is sent to a server that answers under another name when the stream begins anew."""
        peer = self.being_called(*ACCEPTED, answered("evil2.example") + OFFER_NOTHING)
        self.assertIn(b"<invalid-from ", peer.heard)
        self.assertNotIn(b"to you", peer.heard)
