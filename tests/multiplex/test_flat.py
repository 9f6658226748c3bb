"""Tests of :mod:`muxs2s.multiplex.flat`: the pattern and the parser read the same."""

from __future__ import annotations

from typing import Final

from hypothesis import given
from hypothesis import strategies as some
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.elements import MultiplexElement
from muxs2s.multiplex.flat import FlatChild, FlatElement, read_flat, read_plain
from tests.fuzz.checks import check_multiplex
from tests.multiplex.generated import ELEMENTS
from tests.wire.generated import MARKUP
from tests.wire.samples import read_slice

PIECES: Final = [
    piece.encode()
    for piece in (
        *("<offer", "<reject", "<text", "<domain", "</offer>", "</reject>", "</text>", "</domain>", ">", "/>"),
        *(
            " id='1'",
            ' id="1"',
            " domain='a.example'",
            " xmlns='urn:xmpp:mux-cert:0'",
            " xmlns='urn:x'",
            " xml:lang='en'",
        ),
        *("AAAA", "a.example", "<timeout/>", " ", "\n", "\r\n", "<m:timeout xmlns:m='urn:xmpp:mux-cert:0'/>"),
    )
]
ANYTHING: Final = some.lists(some.sampled_from([*PIECES, *MARKUP]), max_size=12).map(b"".join)


class FlatTests(SynchronousTestCase):
    """Two ways to one reading."""

    @given(ELEMENTS)
    def test_ours_are_plain(self, element: MultiplexElement) -> None:
        """What we write is read without a parser, but for letters beyond ASCII in a text."""
        data = element.to_bytes()
        if data.isascii() and b"&" not in data:
            self.assertIsNotNone(read_plain(data))

    @given(ANYTHING)
    def test_any_content(self, content: bytes) -> None:
        """Whatever a peer puts into an element, the pattern says what the tree says, or nothing."""
        check_multiplex(b"<reject xmlns='urn:xmpp:mux-cert:0'" + content + b"</reject>")
        check_multiplex(b"<reject xmlns='urn:xmpp:mux-cert:0' id='1'>" + content + b"</reject>")

    def test_plain(self) -> None:
        """Attributes, text and children are told apart; the declaration of the namespace is none of the attributes."""
        data = b"<reject xmlns='urn:xmpp:mux-cert:0' id=\"1\">x<timeout a='b'/><text>why?</text></reject>"
        children = [FlatChild("timeout", {"a": "b"}, ""), FlatChild("text", {}, "why?")]
        self.assertEqual(FlatElement({"id": "1"}, "x", children), read_plain(data))
        self.assertEqual(FlatElement({}, "", ()), read_plain(b"<enabled xmlns='urn:xmpp:mux-cert:0'/>"))

    def test_not_plain(self) -> None:
        """Where a parser would have more to do than to divide, it does it."""
        for inside in (
            "&lt;",
            "<a><b/></a>",
            "ü",
            "<m:a xmlns:m='urn:m'/>",
            "<a xmlns='urn:x'/>",
            "<![CDATA[x]]>",
            "\n",
            "<a></a>b",
        ):
            data = f"<reject xmlns='urn:xmpp:mux-cert:0' id='1'>{inside}</reject>".encode()
            self.assertIsNone(read_plain(data), inside)
            self.assertEqual({"id": "1"}, read_flat(read_slice(data)).attributes)
