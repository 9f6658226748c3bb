"""The scripted peer: what it says, what it waits for, and what it tells of what came instead."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.conformance.deviation import Deviation
from muxs2s.conformance.peer import MAX_LINES_KEPT, Gone, ScriptedPeer
from muxs2s.conformance.saying import CLOSING, features, header, stream_error
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.framing import StreamOpened

SECONDS = 10.0
HEADER = header(from_="b.example", to="a.example", id="1").encode()


class PeerCase(SynchronousTestCase):
    """A peer on a transport in memory, and a server that says what a test wants."""

    def setUp(self) -> None:
        self.clock, self.transport = Clock(), StringTransport()
        self.peer = ScriptedPeer(self.clock, SECONDS)
        self.peer.makeConnection(self.transport)

    def refusal(self, script: Coroutine[Any, Any, Any]) -> str:
        """What is told where a script finds something else than it expects."""
        running = Deferred.fromCoroutine(script)
        self.clock.advance(SECONDS)
        return str(self.failureResultOf(running, Deviation).value)

    def result(self, script: Coroutine[Any, Any, Any]) -> Any:
        """What a script comes to at once."""
        return self.successResultOf(Deferred.fromCoroutine(script))


class ListeningTests(PeerCase):
    """What comes."""

    def test_in_order(self) -> None:
        """Headers, features and elements come one after the other, whenever they are asked for."""
        self.peer.dataReceived(HEADER + features().encode() + b"<message from='x' to='y' id='1'/>")
        self.assertIsInstance(self.result(self.peer.header()), StreamOpened)
        self.assertFalse(self.result(self.peer.features()).bidi)
        self.assertEqual("x", self.result(self.peer.element("message", "jabber:server", id="1")).from_address)

    def test_later(self) -> None:
        """What has not come yet is waited for."""
        waiting = Deferred.fromCoroutine(self.peer.header())
        self.clock.advance(SECONDS / 2)
        self.assertNoResult(waiting)
        self.peer.dataReceived(HEADER)
        self.assertIsInstance(self.successResultOf(waiting), StreamOpened)

    def test_never(self) -> None:
        """What does not come in time is missed, by its name; a script may set another time."""
        told = self.refusal(self.peer.header())
        self.assertEqual("expected a stream header, and nothing came within 10 s", told)
        self.assertIn("within 1 s", self.refusal(self.peer.hear("anything", 1.0)))

    def test_something_else(self) -> None:
        """What came in the place of what was expected is told."""
        self.peer.dataReceived(HEADER * 1 + b"<message id='2'/><message id='2'/><message id='2'/>")
        self.assertIn("expected stream features; a stream header came", self.refusal(self.peer.features()))
        told = self.refusal(self.peer.element("message", "jabber:server", id="1"))
        self.assertEqual("expected <message id='1'/> of jabber:server; <message id='2'/> came", told)
        self.assertIn("<message id='2'/> came", self.refusal(self.peer.element("iq", "jabber:server")))
        self.assertIn("<message id='2'/> came", self.refusal(self.peer.header()))

    def test_errors(self) -> None:
        """A stream error is expected by its conditions, its header may come before, and the closing tag must follow."""
        self.peer.dataReceived(HEADER + stream_error("host-unknown").encode())
        self.result(self.peer.fails(StreamCondition.HOST_GONE, StreamCondition.HOST_UNKNOWN))
        self.assertEqual(b"", self.transport.value())

    def test_other_errors(self) -> None:
        """Another one is told with its text; so is one that no closing tag follows."""
        self.peer.dataReceived(HEADER + stream_error("host-unknown").encode().replace(CLOSING.encode(), b"") * 2)
        told = self.refusal(self.peer.fails(StreamCondition.CONFLICT))
        self.assertEqual("expected stream error conflict; the stream ended with host-unknown: no text", told)
        told = self.refusal(self.peer.fails(StreamCondition.HOST_UNKNOWN))
        self.assertEqual("expected the closing tag, and nothing came within 10 s", told)

    def test_closing(self) -> None:
        """A closing tag is answered, once, and the connection has to end."""
        self.peer.dataReceived(HEADER + CLOSING.encode())
        self.result(self.peer.header())
        ending = Deferred.fromCoroutine(self.peer.ends())
        self.assertEqual(CLOSING.encode(), self.transport.value())
        self.peer.connectionLost(Failure(ConnectionDone()))
        self.successResultOf(ending)

    def test_closed_instead(self) -> None:
        """A stream that is closed, and a connection that is lost, are told in the place of what was expected."""
        self.peer.dataReceived(HEADER + CLOSING.encode())
        self.result(self.peer.header())
        self.assertIn("the stream was closed", self.refusal(self.peer.features()))
        self.peer.connectionLost(Failure(ConnectionDone()))
        self.assertIn("connection lost: ", self.refusal(self.peer.features()))

    def test_goes_on_after_closing(self) -> None:
        """Where something follows in the place of the end, it is told."""
        self.peer.dataReceived(HEADER + b"<message/>")
        self.result(self.peer.header())
        self.assertEqual("expected the closing tag; <message/> came", self.refusal(self.peer.ends()))

    def test_no_xmpp(self) -> None:
        """What is no XMPP ends all listening, once, and is told."""
        self.peer.dataReceived(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>")
        self.peer.dataReceived(b"<html>")
        heard = self.result(self.peer.hear("a header"))
        assert isinstance(heard, Gone)
        self.assertIn("what the server says is no XMPP: ", heard.text)
        self.assertIn("nothing came", self.refusal(self.peer.header()))


class SpeakingTests(PeerCase):
    """What is said, and kept of it."""

    def test_one_piece(self) -> None:
        """Parts are said in one piece; after the end nothing is."""
        self.peer.say("<a/>", b"<b/>")
        self.assertEqual(b"<a/><b/>", self.transport.value())
        self.peer.connectionLost(Failure(ConnectionDone()))
        self.peer.say("<c/>")
        self.peer.cut()
        self.assertEqual(b"<a/><b/>", self.transport.value())

    def test_lines(self) -> None:
        """The first lines of what was said and heard are kept, up to their limit, and not one past it."""
        self.peer.say("<a/>")
        self.peer.dataReceived(b"\n" * 2)
        self.assertEqual(["> <a/>", "< \\n\\n"], self.peer.lines)
        for _ in range(MAX_LINES_KEPT):
            self.peer.say("x")
        self.assertEqual(MAX_LINES_KEPT, len(self.peer.lines))

    def test_close(self) -> None:
        """At the end the stream is closed, if it was not, and a connection that does not end is broken off."""
        closing = Deferred.fromCoroutine(self.peer.close())
        self.assertEqual(CLOSING.encode(), self.transport.value())
        self.assertTrue(self.transport.disconnecting)
        self.clock.advance(SECONDS)
        self.assertTrue(self.transport.disconnected)
        self.peer.dataReceived(HEADER)
        self.peer.connectionLost(Failure(ConnectionDone()))
        self.successResultOf(closing)
        self.result(self.peer.close())
