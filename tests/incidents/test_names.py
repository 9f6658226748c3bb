"""
Names that are none, in every place where a peer gives one.

Incident 22 is CVE-2015-2059: libidn read beyond the end of a name that was no UTF-8.
"""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.identity import names_in
from muxs2s.stream.machine import StreamState
from muxs2s.testing import CertificateAuthority
from muxs2s.wire.names import DomainName, NameRefused, domain_of
from tests.stream.scripts import header, initiating, receiving
from tests.wire.generated import XML_TEXT

EXAMPLES = settings(max_examples=200, derandomize=True, deadline=None, database=None)

ODD = (
    *("\ud800", "\udfff.example", "a\ud800b.example", "\x00", "\x80", "\xad", "\uffff", "\U0010ffff", "\u202eelpmaxe"),
    *("xn--", "xn--\x80", "xn--a-\ud800", "xn--99999999999", "xn--" + "9" * 250, "XN--ls8h", "xn--xn--a"),
    *("\u0300" * 200, "a" + "\u0301" * 63, "ß", "İ.example", "\u3002", "a\uff0eb", "a\u3002\u3002b", "\u2488example"),
    *("." * 253, "a." * 127, "a" * 64, "ü" * 253, "1" * 253, "0x7f.1", "0177.0.0.1", "[" * 253, "%00", "\\x00"),
)
"""Surrogates, controls, broken A-labels, heaps of accents, dots in disguise, numbers in disguise."""

BROKEN_UTF_8 = (
    *(
        b"\xff",
        b"\xc3",
        b"\xe3\x81",
        b"\xf0\x9f\x98",
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
    ),
    *(b"\x80", b"a\xccb", b"xn--\xff", b"\xfe\xff", b"\xfc\x80\x80\x80\x80\xaf"),
)
"""Cut short, overlong, surrogates, past Unicode."""

AUTHORITY = CertificateAuthority()


class OddNameTests(SynchronousTestCase):
    """Whatever is given for a name, it is a name or is refused."""

    def assert_read(self, text: str) -> None:
        """A text is refused, or a name that reads as itself in either spelling."""
        try:
            name = DomainName.parse(text)
        except NameRefused:
            self.assertRaises(NameRefused, domain_of, f"x@{text}/y")
        else:
            self.assertEqual((name, name), (DomainName.parse(name), DomainName.parse(name.ascii)))

    def test_odd_names(self) -> None:
        """Incident 22: names that have broken libraries are refused, or read as what they are."""
        for text in ODD:
            self.assert_read(text)

    @EXAMPLES
    @given(st.text(max_size=80))
    def test_any_text(self, text: str) -> None:
        """Incident 22: so is any text at all."""
        self.assert_read(text)

    @EXAMPLES
    @given(st.binary(max_size=80))
    def test_any_bytes(self, data: bytes) -> None:
        """Incident 22: so is whatever a careless reader makes of bytes, and a name of a certificate of any bytes."""
        self.assert_read(data.decode("utf-8", "surrogateescape"))
        self.assert_read(f"xn--{data.decode('latin-1')}")
        san = bytes((0x30, len(data) + 2, 0x82, len(data))) + data
        for name in names_in(AUTHORITY.issue(san_raw=san).leaf).dns:
            self.assert_read(name)


class StreamTests(SynchronousTestCase):
    """Names in a stream, where expat reads them before we do."""

    def came_of(self, data: bytes) -> bytes:
        """What the peer hears that says something in place of its header."""
        stream = receiving(StreamState.PLAIN_OPENING)
        stream.receive_bytes(data, 0.0)
        return stream.bytes_to_send()

    def test_broken_utf_8(self) -> None:
        """Incident 22: a name that is no UTF-8 is seen by nobody: the encoding is refused."""
        for name in BROKEN_UTF_8:
            for attribute in (b"from", b"to"):
                broken = header(from_="a.example", to="b.example").replace(attribute + b"='", attribute + b"='" + name)
                self.assertIn(b"<unsupported-encoding ", self.came_of(broken), broken)

    @EXAMPLES
    @given(XML_TEXT, st.sampled_from(["from", "to"]))
    def test_any_header(self, text: str, attribute: str) -> None:
        """Incident 22: any text in a header is a name, none of ours, or refused; it raises nothing."""
        others = {"from": "to='b.example'", "to": "from='a.example'"}[attribute]
        start = header().decode()[:-1]
        said = self.came_of(f"{start} {others} {attribute}={quoteattr(text)}>".encode())
        self.assertTrue(said.startswith(b"<?xml "), said)

    @EXAMPLES
    @given(XML_TEXT, st.sampled_from(["from", "to"]), st.sampled_from(["message", "db:result", "db:verify"]))
    def test_any_element(self, text: str, attribute: str, name: str) -> None:
        """Incident 22: so is any text in the addresses of a stanza or of a dialback element, in either role."""
        other = {"from": "to='b.example'", "to": "from='a.example'"}[attribute]
        element = f"<{name} xmlns:db='jabber:server:dialback' {other} {attribute}={quoteattr(text)}/>".encode()
        for stream in (receiving(), initiating()):
            stream.receive_bytes(element, 0.0)
            self.assertNotIn(b"<internal-server-error ", stream.bytes_to_send())
