"""From server to server: what happens between a connection and a stream that is good for something."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from muxs2s.network.protocol import StreamProtocol
from muxs2s.service.opening import MAX_REDIRECTS
from muxs2s.stream.machine import StreamState
from muxs2s.wire.errors import StanzaCondition
from muxs2s.wire.namespaces import STREAM_ERRORS
from tests.service.samples import PAIR
from tests.service.test_streams import StreamsTestCase


class NextServerTests(StreamsTestCase):
    """One server of a domain after the other."""

    def listen(self, address: str, protocol: type[Protocol]) -> None:
        """Have something else answer at an address."""
        self.network.listenTCP(5269, Factory.forProtocol(protocol), interface=address)

    def publish_first(self, address: str) -> None:
        """Let DNS name another server of b.example before the real one."""
        self.world.zone.add_srv("b.example", "first.b.example", 5269, priority=0)
        self.world.zone.add("first.b.example", "A", address)


class HangUp(Protocol):
    """Closes every connection at once."""

    def connectionMade(self) -> None:
        """Say nothing."""
        assert self.transport is not None
        self.transport.loseConnection()


class ServerTests(NextServerTests):
    """A server that cannot be talked to."""

    def test_next(self) -> None:
        """Where a server ends the connection before TLS is up, the next one has its turn."""
        self.listen("192.0.2.9", HangUp)
        self.publish_first("192.0.2.9")
        self.opened()
        self.assertEqual(
            ["b.example"], [str(stream.stream.pair.target) for stream in self.streams if stream.stream.pair]
        )

    def test_none_left(self) -> None:
        """Where none is left, all reasons are told."""
        self.b.stop()
        self.listen("192.0.2.9", HangUp)
        self.publish_first("192.0.2.9")
        dialled = self.dial()
        self.network.settle()
        unavailable = self.unavailable(dialled)
        self.assertEqual((StanzaCondition.REMOTE_SERVER_TIMEOUT, False), (unavailable.condition, unavailable.final))
        self.assertIn("192.0.2.9:5269: connection lost", str(unavailable))
        self.assertIn("refused", str(unavailable))


class RedirectTests(StreamsTestCase):
    """A peer sends us elsewhere."""

    def redirect(self, host: str) -> None:
        """Have the peer send the newest stream elsewhere, once TLS is up."""
        *_, stream = self.peer_streams(StreamState.PROVING)
        condition = f"<see-other-host xmlns='{STREAM_ERRORS}'>{host}</see-other-host>"
        assert stream._writer is not None
        stream._writer.write(f"<stream:error>{condition}</stream:error></stream:stream>".encode())
        stream.stream.connection_lost("gone")
        self.network.step(3)

    def test_followed(self) -> None:
        """S26: the stream is opened there, for the same pair."""
        dialled = self.dial()
        self.redirect("192.0.2.1:5269")
        self.network.settle()
        self.successResultOf(dialled)

    def test_limit(self) -> None:
        """S26: after so many times it is enough."""
        dialled = self.dial()
        for _ in range(MAX_REDIRECTS):
            self.redirect("192.0.2.1")
            self.assertNoResult(dialled)
        self.redirect("192.0.2.1")
        unavailable = self.unavailable(dialled)
        self.assertIn("see-other-host", str(unavailable))
        self.network.settle()

    def test_nowhere(self) -> None:
        """S26: a place that is none ends the attempt."""
        dialled = self.dial()
        self.redirect("not a place")
        unavailable = self.unavailable(dialled)
        self.assertIs(True, unavailable.final)
        self.assertIn("to no place at all", str(unavailable))
        self.network.settle()


class StopTests(StreamsTestCase):
    """A server goes out of service while it calls others."""

    def test_while_connecting(self) -> None:
        """What is not connected yet is broken off, with a reason for those who wait."""
        self.network.silent.add(self.b.address)
        dialled = self.dial()
        self.network.settle()
        self.successResultOf(self.streams.stop())
        self.assertIn("going out of service", str(self.unavailable(dialled)))

    def test_after(self) -> None:
        """Nothing is begun any more, until it is started again."""
        self.streams.stop()
        self.assertIn("going out of service", str(self.unavailable(self.dial())))
        self.streams.start()
        self.opened()


class AskTests(StreamsTestCase):
    """A stream that is opened only to ask about keys."""

    def test_not_for_stanzas(self) -> None:
        """D21: it is ready inside TLS, proves nothing, and serves no stanza; for those another one is opened."""
        asking = Deferred.fromCoroutine(self.streams.open_to_ask(PAIR))
        self.network.settle()
        connection = self.successResultOf(asking)
        self.assertEqual((True, StreamState.PROVING), (connection.stream.is_secure, connection.stream.state))
        self.assertIs(connection, self.streams.asking(PAIR, other_than=self.not_this_one()))
        self.assertIsNone(self.streams.asking(PAIR, other_than=connection))
        self.opened()
        self.assertEqual(2, len(list(self.streams)))

    def not_this_one(self) -> StreamProtocol:
        """Some stream that is not among ours."""
        return next(iter(self.b.service._streams))
