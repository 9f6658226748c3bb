"""What the driver makes of what arrives."""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from bench.children import BenchmarkFailed
from bench.components import Component, Exchange, Message

FIRST = b"<message from='a@a0.example/r' to=\"b0.example\" id='first' type='chat'><body>x</body></message>"
ERROR = b"<message id='first' type='error' to='a0.example' from='b0.example'><error type='wait'/></message>"


def detached(connection: socket.socket | None = None) -> Component:
    """A component that no server knows of."""
    component = Component.__new__(Component)
    component.domain, component.unsent, component._rest = "a0.example", bytearray(), b""
    if connection is not None:
        connection.setblocking(False)
        component.socket = connection
    return component


class MessageTests(SynchronousTestCase):
    def test_messages(self) -> None:
        """Messages are cut out of what arrives, with either kind of quotes and whatever is between them."""
        found = list(detached().messages(FIRST + b"\n<presence/>" + ERROR))
        first = Message(
            id=b"first", sender=b"a@a0.example/r", target=b"b0.example", is_error=False, content=b"<body>x</body>"
        )
        self.assertEqual(first, found[0])
        self.assertEqual([False, True], [message.is_error for message in found])

    def test_pieces(self) -> None:
        """What arrives in pieces of any size comes to the same."""
        whole = FIRST + ERROR
        for size in (1, 7, len(FIRST) - 1, len(FIRST) + 1):
            component = detached()
            pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
            found = [message for piece in pieces for message in component.messages(piece)]
            self.assertEqual([b"a@a0.example/r", b"b0.example"], [message.sender for message in found], size)


class ExchangeTests(SynchronousTestCase):
    def setUp(self) -> None:
        """One component, and the end of its server."""
        own, self.server = socket.socketpair()
        self.component = detached(own)
        self.taken: list[bytes] = []
        self.exchange = Exchange([self.component], lambda _component, data: self.taken.append(data))
        self.addCleanup(own.close)
        self.addCleanup(self.server.close)

    def test_send(self) -> None:
        """A message says from whom and to whom it is."""
        self.exchange.send_message(self.component, "b0.example", "first", "x")
        expected = b"<message type='chat' from='a0.example' to='b0.example' id='first'><body>x</body></message>"
        self.assertEqual(expected, self.server.recv(1_000))

    def test_full(self) -> None:
        """What the kernel does not take at once follows when it does, whole and in order."""
        sent = bytes(range(256)) * 8_192
        self.exchange.send(self.component, sent)
        self.assertTrue(self.component.unsent)
        read = b""
        while len(read) < len(sent):
            read += self.server.recv(len(sent))
            self.exchange.turn(0)
        self.assertEqual((sent, b""), (read, bytes(self.component.unsent)))

    def test_take(self) -> None:
        """What arrives is handed on, with whom it is for."""
        self.server.sendall(FIRST)
        self.exchange.turn(0)
        self.assertEqual([FIRST], self.taken)

    def test_sent_away(self) -> None:
        """A server that closes its end is a failure, which names the domain."""
        self.server.close()
        failure = self.assertRaises(BenchmarkFailed, self.exchange.turn, 0)
        self.assertIn("a0.example", str(failure))
