"""
Writes ``doc/protocol-transcript.txt``: what one stream carries inside TLS, which ``doc/protocol.rst`` includes.

Two servers in memory, of two domains each, with all that belongs to them, TLS among it. While the second two domains
are proven on the stream of the first two, messages of those go on. Run it with ``python -m
tests.multiplex.make_transcript``.

Knows how to listen inside TLS, and what differs from run to run: that is left out of what is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from unittest.mock import patch

from muxs2s.network.protocol import StreamProtocol
from muxs2s.stream.receiving import ReceivingStream
from muxs2s.wire.framing import Framer
from muxs2s.wire.limits import AFTER_AUTHENTICATION
from muxs2s.wire.stanza import Slice
from tests.multiplex.make_examples import ONE, TWO, shown
from tests.service.samples import message
from tests.service.world import World

__all__ = ["MESSAGES", "PAGE", "Write", "carried", "rendered"]

PAGE: Final = Path(__file__).resolve().parent.parent.parent / "doc" / "protocol-transcript.txt"
HEAD: Final = ".. Written by python -m tests.multiplex.make_transcript; do not edit.\n\n.. code-block:: text\n\n"

MESSAGES: Final = 8
"""From a.example to b.example, and from the second on back as well."""

NEW_PAIR_AFTER: Final = 3
"""So many of them: the first message from rooms.a.example to c.example."""

_VARYING: Final = (
    (re.compile(r"( id=)(['\"])[0-9a-f]{32}['\"]"), r"\1\2...\2"),
    (re.compile(r"(<(?:request|present) [^>]*>)[A-Za-z0-9+/=]+"), r"\1..."),
)
"""Stream ids, and base64."""


class Write:
    """What one server has written at once, as the other has read it."""

    def __init__(self, server: str, data: bytes, elements: list[Slice]) -> None:
        self.server, self.data, self.elements = server, data, elements

    @property
    def said(self) -> Iterator[str]:
        """An opening tag, and each element, without what differs from run to run."""
        if self.data.startswith(b"<?xml"):
            yield _bare(self.data.partition(b"<stream:features>")[0])
        for element in self.elements:
            yield _bare(element.data)


def _bare(written: bytes) -> str:
    text = written.decode()
    for pattern, kept in _VARYING:
        text = pattern.sub(kept, text)
    return text


@contextmanager
def overheard() -> Iterator[list[Write]]:
    """Listen inside TLS on every connection; there is to be one."""
    heard: list[Write] = []
    framers: dict[int, Framer] = {}
    receive = StreamProtocol.dataReceived

    def listen(protocol: StreamProtocol, data: bytes) -> None:
        if protocol.tls is not None:
            if data.startswith(b"<?xml"):
                framers[id(protocol)] = Framer(AFTER_AUTHENTICATION)
            framed = framers[id(protocol)].feed(data)
            server = ONE if isinstance(protocol.stream, ReceivingStream) else TWO
            heard.append(Write(server, data, [found for found in framed if isinstance(found, Slice)]))
        receive(protocol, data)

    with patch.object(StreamProtocol, "dataReceived", listen):
        yield heard
    assert len(framers) == len({ONE, TWO}), "one connection has two ends"


def carried() -> list[Write]:
    """Let it all happen; tell what was written, in the order in which it arrived."""
    world = World()
    one = world.server("a.example", "rooms.a.example")
    two = world.server("b.example", "c.example")
    with overheard() as heard:
        one.send("1")
        for number in range(2, MESSAGES + 1):
            one.service.send([message(str(number))])
            two.service.send([message(str(number), "y@b.example", "x@a.example")])
            if number == NEW_PAIR_AFTER:
                one.service.send([message("Is anybody there?", "hall@rooms.a.example/iago", "cassio@c.example")])
            world.network.step(2)
        world.network.settle()
    world.stop()
    return heard


def rendered() -> str:
    """The whole file."""
    return HEAD + "\n".join(line for write in carried() for line in shown(write.server, write.said))


if __name__ == "__main__":
    PAGE.write_text(rendered(), encoding="utf-8")
