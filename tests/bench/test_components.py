"""What the driver makes of what arrives."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bench.components import Component, Message

FIRST = b"<message from='a@a0.example/r' to=\"b0.example\" id='first' type='chat'><body>x</body></message>"
ERROR = b"<message id='first' type='error' to='a0.example' from='b0.example'><error type='wait'/></message>"


def detached() -> Component:
    """A component that has no connection."""
    component = Component.__new__(Component)
    component._rest = b""
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
