"""Tests of :mod:`muxs2s.wire.markup`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.wire.markup import error_text, legible, start_tag


class MarkupTests(SynchronousTestCase):
    """What is written without a tree."""

    def test_legible(self) -> None:
        """Characters that no XML holds are replaced, all others are kept."""
        kept = "\t\n\r ~\x7f\x85ü\ud7ff\ue000\ufffd\U00010000\U0010ffff"
        self.assertEqual(legible(kept), kept)
        for character in "\0\x08\x0b\x1f\ud800\udfff\ufffe\uffff":
            self.assertEqual(legible(f"a{character}b"), "a\ufffdb")

    def test_start_tag(self) -> None:
        """Attributes stand in their order and are quoted; those without a value are left out."""
        tag = start_tag("message", {"xmlns": "jabber:server", "id": None, "to": "o'<\"&@b.example"})
        self.assertEqual('<message xmlns="jabber:server" to="o\'&lt;&quot;&amp;@b.example">', tag)

    def test_no_attributes(self) -> None:
        """An element may have no attributes at all."""
        self.assertEqual("<scope>", start_tag("scope", {}))

    def test_error_text(self) -> None:
        """A text is escaped, and made such as XML may hold."""
        written = "<text xmlns='urn:x' xml:lang='en'>a &lt; b\ufffd&#13;\n</text>"
        self.assertEqual(written, error_text("urn:x", "a < b\0\r\n"))
