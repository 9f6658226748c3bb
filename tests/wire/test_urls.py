"""Tests of :mod:`muxs2s.wire.urls`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.wire.names import DomainName
from muxs2s.wire.urls import MAX_URL_CHARACTERS, HttpsUrl, UrlRefused
from tests.fuzz.documents import check_url

PIECES = ("a.example", "a", ".", "@", ":", "443", "0", "/", "?", "#", "\\", "[::1]", "%40", ";", "=", "é")

WRITTEN = (
    ("https://a.example/x.json", "https://a.example/x.json"),
    ("HTTPS://A.example", "https://a.example/"),
    ("https://a.example?q=1#top", "https://a.example/?q=1"),
    ("https://a.example:/x", "https://a.example/x"),
    ("https://a.example:443/x", "https://a.example/x"),
    ("https://a.example:8443/x/..;y?z", "https://a.example:8443/x/..;y?z"),
    ("https://xn--mnchen-3ya.example/", "https://xn--mnchen-3ya.example/"),
)
"""What is read, and how it is asked for."""

REFUSED = (
    ("", "holds characters"),
    ("https://a.example/a b", "holds characters"),
    ("https://a.example/\r\nX: y", "holds characters"),
    ("https://münchen.example/", "holds characters"),
    ("http://a.example/x", "only https:"),
    ("ftp://a.example/x", "only https:"),
    ("//a.example/x", "only https:"),
    ("https:a.example", "only https:"),
    ("https://a.example\\@b.example/", "backslash"),
    ("https://192.0.2.1/x", "IP address"),
    ("https://127.1/x", "IP address"),
    ("https://[2001:db8::1]/x", "IP address"),
    ("https:///x", "no host"),
    ("https://a.example:x/", "no host"),
    ("https://a..example/", "no domain name"),
    ("https://a.example:0/", "no port 0"),
    ("https://a.example:65536/", "no port 65536"),
)
"""What is not asked for anything, and a word of the reason."""


class HttpsUrlTests(SynchronousTestCase):
    """Where documents are."""

    def test_written(self) -> None:
        """A URL is written as it is asked for."""
        for text, written in WRITTEN:
            self.assertEqual(written, str(HttpsUrl.parse(text)), text)

    def test_parts(self) -> None:
        """A URL is a host, a port and a path with its query."""
        expected = HttpsUrl(host=DomainName.parse("a.example"), port=8443, path="/x?y")
        self.assertEqual(expected, HttpsUrl.parse("https://a.example:8443/x?y#z"))

    def test_refused(self) -> None:
        """P4.9: another scheme, an IP address, and whatever is no URL are refused by their reasons."""
        for text, reason in REFUSED:
            error = self.assertRaises(UrlRefused, HttpsUrl.parse, text)
            self.assertIn(reason, str(error), text)

    def test_credentials(self) -> None:
        """P4.17: a URL that holds credentials is refused, and the message does not show them."""
        for text in ("https://user:secret@a.example/", "https://secret@a.example"):
            error = self.assertRaises(UrlRefused, HttpsUrl.parse, text)
            self.assertIn("credentials", str(error))
            self.assertNotIn("secret", str(error))

    def test_length(self) -> None:
        """A URL may be as long as the limit, and no longer."""
        longest = "https://a.example/".ljust(MAX_URL_CHARACTERS, "x")
        self.assertEqual(longest, str(HttpsUrl.parse(longest)))
        error = self.assertRaises(UrlRefused, HttpsUrl.parse, longest + "x")
        self.assertIn(f"more than {MAX_URL_CHARACTERS}", str(error))
        self.assertLess(len(str(error)), 300)

    @settings(derandomize=True, deadline=None, max_examples=500, database=None)
    @given(st.lists(st.sampled_from(PIECES), max_size=9))
    def test_any_pieces(self, pieces: list[str]) -> None:
        """P4.4: however a URL is put together, everybody who reads it sees the same host and port in it."""
        check_url("https://" + "".join(pieces))
        check_url("https://a.example" + "".join(pieces))
