"""What is written on a connection, and when it is known to be in the kernel."""

from __future__ import annotations

from collections.abc import Callable

from OpenSSL import SSL
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.writing import MAX_WRITE_BYTES, StanzaWriter
from muxs2s.testing import stanza_of
from muxs2s.wire.stanza import Slice
from tests.network.joined import PAIR, Ends

RECORD_BYTES = 22
"""What TLS 1.3 adds to a record: a header, the kind of its content, a tag."""


def message(size: int = 0) -> Slice:
    """A message of the pair, of at least that many bytes."""
    return stanza_of(f"<message from='a.example' to='b.example'><body>{'x' * size}</body></message>")


class WriterTests(SynchronousTestCase):
    """The writer of a stream that carries, with a peer whose kernel holds 20,000 bytes."""

    def setUp(self) -> None:
        self.ends = Ends(buffer_bytes=20_000).run()
        self.network = self.ends.network
        self.writer = self.writer_of(self.ends)

    def writer_of(self, ends: Ends) -> StanzaWriter:
        """The writer of the initiating end."""
        assert ends.a._writer is not None
        return ends.a._writer

    def send(self, *stanzas: Slice) -> None:
        """Send stanzas through the protocol."""
        self.ends.a.send(PAIR, stanzas)

    def test_in_hand(self) -> None:
        """What was written is in hand until the kernel has it."""
        self.assertTrue(self.writer.is_free)
        self.send(message())
        self.assertEqual(((message(),), False), (self.writer.in_hand, self.writer.is_free))
        self.network.settle()
        self.assertEqual(((), True), (self.writer.in_hand, self.writer.is_free))

    def test_goes_at_once(self) -> None:
        """What is written reaches the transport in the same turn; no timer is needed."""
        timers = len(self.network.getDelayedCalls())
        self.send(message())
        self.assertEqual(timers, len(self.network.getDelayedCalls()))
        self.assertIn(self.ends.wire_of_a, self.network.getWriters())

    def test_taken_in_part(self) -> None:
        """What the kernel has taken only in part is in hand until it has the last byte."""
        large = message(30_000)
        self.ends.wire_of_b.pauseProducing()
        self.send(large)
        self.network.settle()
        self.assertEqual((large,), self.writer.in_hand)
        self.ends.wire_of_b.resumeProducing()
        self.network.settle()
        self.assertEqual(((), [large]), (self.writer.in_hand, self.ends.told_b.stanzas))

    def test_one_record(self) -> None:
        """What fits one write is one TLS record: if the kernel has taken a byte less, the peer reads none of it."""
        stanzas = [message(MAX_WRITE_BYTES // 2 - len(message().data))] * 2
        self.assertEqual(MAX_WRITE_BYTES, sum(len(stanza.data) for stanza in stanzas))
        self.ends.wire_of_b.pauseProducing()
        self.ends.wire_of_a._sock._outgoing.capacity = MAX_WRITE_BYTES + RECORD_BYTES - 1
        self.send(*stanzas)
        self.network.settle()
        self.network.removeWriter(self.ends.wire_of_a)
        self.ends.wire_of_b.resumeProducing()
        self.network.settle()
        self.assertEqual((2, []), (len(self.writer.in_hand), self.ends.told_b.stanzas))
        self.network.addWriter(self.ends.wire_of_a)
        self.network.settle()
        self.assertEqual(((), stanzas), (self.writer.in_hand, self.ends.told_b.stanzas))

    def test_peer_closes_tls(self) -> None:
        """When the peer closes TLS nothing more may be written; what was written before has left; then it is over."""
        self.ends.wire_of_b.loseConnection()
        self.network.step()
        self.assertEqual((False, True), (self.writer.is_free, bool(self.ends.wire_of_a.disconnecting)))
        self.assertFalse(self.ends.a.room)
        self.network.settle()
        self.assertEqual(("gone", []), (self.ends.told_a.told[-1], self.ends.told_a.unsent))

    def test_tls_breaks_while_writing(self) -> None:
        """If TLS breaks in the middle of a write, what was written counts as unsent, and the connection ends."""
        self.writer._layer._tlsConnection = BrokenTLS()
        self.send(message())
        self.network.settle()
        self.assertEqual(([message()], "gone"), (self.ends.told_a.unsent, self.ends.told_a.told[-1]))

    def test_tls_aborts(self) -> None:
        """When the layer of TLS cuts the connection by itself nothing more may be written."""
        self.writer._layer.abortConnection()
        self.assertFalse(self.writer.is_free)
        self.network.settle()
        self.assertEqual("gone", self.ends.told_a.told[-1])


class BrokenTLS:
    """An OpenSSL connection that fails, but for what is asked of it at the end."""

    def send(self, _data: bytes) -> int:
        """Fail."""
        raise SSL.Error([("SSL routines", "", "protocol is shutdown")])

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name == "bio_read":
            raise SSL.WantReadError
        return lambda *_arguments: None


class TransportTests(SynchronousTestCase):
    """Any transport that can ask for more will do."""

    def test_asked(self) -> None:
        """A writer is told at once when it begins to watch, and whenever the transport has nothing left."""
        transport = StringTransport()
        taken: list[str] = []
        writer = StanzaWriter(transport, lambda: taken.append("taken"))
        writer.watch()
        writer.resumeProducing()
        self.assertEqual((["taken"], False), (taken, transport.streaming))
        writer.stopProducing()
        writer.release()
        self.assertIsNone(transport.producer)

    def test_behind_stanzas(self) -> None:
        """What is said while stanzas are in hand waits for them, in order, and counts until the kernel has it."""
        transport = StringTransport()
        writer = StanzaWriter(transport, lambda: None)
        writer.write_stanzas(b"<a/>", [message()])
        writer.write(b"<b/>")
        writer.write(b"<c/>")
        self.assertEqual((b"<a/>", 8), (transport.value(), writer.unread_bytes))
        writer.resumeProducing()
        self.assertEqual((b"<a/><b/><c/>", 8), (transport.value(), writer.unread_bytes))
        writer.resumeProducing()
        self.assertEqual((True, 0), (writer.is_free, writer.unread_bytes))

    def test_behind_the_end(self) -> None:
        """What is said while stanzas are in hand is not said any more if the connection ends with them."""
        transport = StringTransport()
        writer = StanzaWriter(transport, lambda: self.fail("nothing can be written"))
        writer.watch()
        writer.write_stanzas(b"<a/>", [message()])
        writer.write(b"<b/>")
        transport.loseConnection()
        writer.resumeProducing()
        self.assertEqual((b"<a/>", False), (transport.value(), writer.is_free))
