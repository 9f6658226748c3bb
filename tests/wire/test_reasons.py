"""Tests of :mod:`muxs2s.wire.reasons`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.wire.reasons import MAX_REASON_CHARACTERS, readable


class ReadableTests(SynchronousTestCase):
    """What a peer says becomes one harmless line."""

    def test_ordinary_text(self) -> None:
        """Text that prints stays as it is, in any script."""
        self.assertEqual("geschlossen: Prüfung, 検査", readable("geschlossen: Prüfung, 検査"))

    def test_no_new_lines(self) -> None:
        """A peer cannot begin a line of our log, nor colour it, nor turn its direction."""
        self.assertEqual(r"bye\n2026 INFO\r\x1b[31m\u202e\u2028", readable("bye\n2026 INFO\r\x1b[31m\u202e\u2028"))

    def test_lone_surrogate(self) -> None:
        """A character that UTF-8 cannot write is named, so that the reason can go to the peer."""
        self.assertEqual(rb"\ud800", readable("\ud800").encode())

    def test_longest(self) -> None:
        """500 characters are kept."""
        text = "x" * 500
        self.assertEqual((text, 500), (readable(text), MAX_REASON_CHARACTERS))

    def test_too_long(self) -> None:
        """Of 501 characters the last is left out, and it shows."""
        self.assertEqual("x" * 500 + "...", readable("x" * 501))

    def test_other_bound(self) -> None:
        """Where less is wanted, less is kept."""
        self.assertEqual(("abc", "abc..."), (readable("abc", 3), readable("abcd", 3)))

    def test_escapes_count(self) -> None:
        """What an unprintable character is written as counts towards the length."""
        self.assertEqual(503, len(readable("\x00" * 500)))
