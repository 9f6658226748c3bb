"""Peers that know RFC 6120 and nothing besides, in bytes: what they are told, and that it is enough."""

from __future__ import annotations

import re

from tests.network.bytepeer import ADDRESS, BytePeer, call, listen
from tests.service.world import FederationTestCase, credentials_of
from tests.stream.scripts import (
    AUTH,
    OFFER_EXTERNAL,
    OFFER_NOTHING,
    OFFER_TLS,
    PROCEED,
    STARTTLS,
    SUCCESS,
    header,
)

MESSAGE = b"<message from='x@plain.example' to='y@a.example'><body>hello</body></message>"


def said(peer: BytePeer) -> list[str]:
    """The elements a peer was told at the first level, by name, and whatever it was offered in brackets."""
    heard = peer.heard.decode()
    offers = [re.findall(r"<([\w-]+) xmlns=", each) for each in re.findall("<stream:features>(.*?)</stream:f", heard)]
    heard = re.sub("<stream:features>.*?</stream:features>", "<stream:features/>", heard)
    names = re.findall(r"<(stream:\w+|starttls|proceed|auth|success|message|iq|presence|[\w:]+ xmlns)\b", heard)
    return [f"features {offers.pop(0)}" if name == "stream:features" else name for name in names]


class OrdinaryPeerTests(FederationTestCase):
    """The server a.example, and plain.example, which knows neither dialback, nor bidi, nor limits, nor pings."""

    def setUp(self) -> None:
        super().setUp()
        self.world.publish("plain.example", ADDRESS)
        self.listening, self.peers = listen(self.network, self.peer)

    def tearDown(self) -> None:
        self.listening.stopListening()
        super().tearDown()

    def peer(self) -> BytePeer:
        """One connection of plain.example."""
        return BytePeer(self.network, credentials_of("plain.example"))

    def called(self) -> BytePeer:
        """Let a.example send something, and plain.example take it."""
        self.a.send("hello", target="plain.example")
        peer = self.peers.connected[-1]
        own = header(from_="plain.example", to="a.example", id="1")
        peer.say(own + OFFER_TLS)
        peer.begin_tls(PROCEED)
        for step in (own + OFFER_EXTERNAL, SUCCESS, own + OFFER_NOTHING):
            peer.say(step)
        return peer

    def calling(self) -> BytePeer:
        """Let plain.example send something."""
        peer = call(self.peer(), self.a.address)
        own = header(from_="plain.example", to="a.example")
        peer.say(own)
        peer.say(STARTTLS)
        peer.begin_tls()
        for step in (own, AUTH, own, MESSAGE):
            peer.say(step)
        return peer

    def test_called(self) -> None:
        """M1: a peer that we call is told nothing but what it has offered, and gets its stanza."""
        peer = self.called()
        steps = ["stream:stream", "starttls", "stream:stream", "auth", "stream:stream", "message"]
        self.assertEqual(steps, said(peer))

    def test_calling(self) -> None:
        """M1: one that calls us is offered more than it knows, none of it required, and its stanza is taken."""
        peer = self.calling()
        self.assertEqual(["hello"], self.a.mailbox.texts)
        steps = [
            *("stream:stream", "features ['starttls', 'bidi']", "proceed"),
            *("stream:stream", "features ['mechanisms', 'dialback', 'bidi', 'limits', 'mux']", "success"),
            *("stream:stream", "features ['limits']"),
        ]
        self.assertEqual(steps, said(peer))

    def test_answer(self) -> None:
        """M1: what is sent back goes over a stream of its own."""
        calling, called = self.calling(), self.called()
        self.assertIn(b"<body>hello</body>", called.heard)
        self.assertNotIn(b"<body>", calling.heard)
        self.assertEqual(1, self.a.initiated)

    def test_quiet(self) -> None:
        """M1: while nobody says anything it hears white space, and in the end the closing tag."""
        peer = self.called()
        peer.heard = b""
        self.world.advance(3_599.0)
        self.assertEqual((True, b""), (bool(peer.heard), peer.heard.strip()))
        self.world.advance(2.0)
        self.assertEqual(b"</stream:stream>", peer.heard.strip())
