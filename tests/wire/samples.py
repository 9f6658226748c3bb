"""Streams and stanzas that the tests of the wire floor share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from muxs2s.wire.errors import RemoteViolation
from muxs2s.wire.framing import Framed, Framer, StreamOpened
from muxs2s.wire.limits import AFTER_AUTHENTICATION, FramingLimits
from muxs2s.wire.stanza import Slice

STREAMS = "http://etherx.jabber.org/streams"

OPENING = (
    b"<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'"
    b" xmlns:db='jabber:server:dialback' from='a.example' to='b.example' version='1.0'>"
)
HEADER = b"<?xml version='1.0'?>" + OPENING
CLOSING = b"</stream:stream>"

MESSAGE = (
    b"<message from='romeo@a.example/orchard' to='juliet@b.example' type='chat' id='m1'>"
    b"<body>Art thou not Romeo?</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>"
)

_VECTORS = Path(__file__).parent.parent / "vectors"


def vectors(name: str) -> Any:
    """The samples of ``tests/vectors/<name>.json``; source and licence are named in it."""
    return json.loads((_VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def opened_framer(limits: FramingLimits = AFTER_AUTHENTICATION) -> Framer:
    """A framer that has read a stream header."""
    framer = Framer(limits)
    [opened] = framer.feed(HEADER)
    assert isinstance(opened, StreamOpened)
    return framer


def read(*chunks: bytes, limits: FramingLimits = AFTER_AUTHENTICATION) -> tuple[list[Framed], RemoteViolation | None]:
    """All that a new framer makes of these bytes, given to it chunk by chunk."""
    framer = Framer(limits)
    return [framed for chunk in chunks for framed in framer.feed(chunk)], framer.violation


def read_slice(data: bytes, header: bytes = HEADER) -> Slice:
    """One first-level element, read from a stream."""
    framed, violation = read(header, data)
    assert violation is None, violation
    [_, element] = framed
    assert isinstance(element, Slice)
    return element
