"""Tests of :mod:`muxs2s.network.https`, against web servers that break the rules."""

from __future__ import annotations

from typing import Final

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.https import MAX_REPLY_BYTES, FetchFailed, HttpsReply
from muxs2s.testing import CertificateAuthority
from muxs2s.wire.urls import HttpsUrl
from tests.network.websites import AUTHORITY, Page, Web

URL: Final = HttpsUrl.parse("https://a.example/x")
MAX_BODY_BYTES: Final = 1_000
TLS_HANDSHAKE: Final = 22
"""The first byte of TLS."""


class HttpsTestCase(SynchronousTestCase):
    """Asks a.example for a document of at most a thousand bytes."""

    def setUp(self) -> None:
        """No web server yet."""
        self.web = Web()

    def get(self) -> Deferred[HttpsReply]:
        """Ask, and let happen what needs no time."""
        asking = Deferred.fromCoroutine(self.web.client.get(URL, max_body_bytes=MAX_BODY_BYTES))
        self.web.network.settle()
        return asking

    def body(self) -> bytes:
        """What comes of it; no connection stays."""
        reply = self.successResultOf(self.get())
        self.assertEqual((200, []), (reply.status, self.web.open))
        return reply.body

    def why(self) -> str:
        """Why nothing comes of it, after the URL; no connection stays."""
        asking = self.get()
        self.web.network.advance(30)
        reason = str(self.failureResultOf(asking, FetchFailed).value)
        self.assertEqual([], self.web.open)
        start, _, rest = reason.partition(": ")
        self.assertEqual(str(URL), start)
        return rest


class VerifiedTests(HttpsTestCase):
    """Who must be there."""

    def test_proven(self) -> None:
        """P4.4: a web server is believed that has a certificate for its host from an authority we trust."""
        self.web.site("a.example", x=Page(body=b"x"))
        self.assertEqual(b"x", self.body())

    def test_wrong_name(self) -> None:
        """P4.4: a certificate for another host is refused, and a common name does not count."""
        for credentials in (AUTHORITY.issue("b.example"), AUTHORITY.issue("b.example", common_name="a.example")):
            self.web = Web()
            self.web.site("a.example", credentials=credentials, x=Page())
            self.assertEqual("the certificate shown there does not name a.example", self.why())
            self.assertEqual([], self.web.asked)

    def test_untrusted(self) -> None:
        """P4.4: a certificate of an authority that is not trusted, or one that expired, is refused."""
        for credentials in (
            CertificateAuthority().issue("a.example"),
            AUTHORITY.issue("a.example", not_after=1_600_000_000.0),
        ):
            self.web = Web()
            self.web.site("a.example", credentials=credentials, x=Page())
            self.assertEqual("TLS failed: certificate verify failed", self.why())
            self.assertEqual([], self.web.asked)

    def test_nobody(self) -> None:
        """Where nobody answers it is said who was asked."""
        self.assertIn("no connection to a.example:443: a.example has no AAAA record", self.why())
        self.web.zone.add("a.example", "A", "192.0.2.9")
        self.assertIn("a.example:443 (192.0.2.9): Connection was refused", self.why())
        self.web.network.silent.add("192.0.2.9")
        self.assertIn("a.example:443 (192.0.2.9): no answer within 10 s", self.why())

    def test_no_tls(self) -> None:
        """P4.4: a web server without TLS is told nothing."""
        self.web.plain("a.example")
        self.assertIn("TLS failed: ", self.why())
        self.assertEqual(TLS_HANDSHAKE, self.web.heard[0])
        self.assertNotIn(b"GET", self.web.heard)


class BoundsTests(HttpsTestCase):
    """How much may come back."""

    def test_size(self) -> None:
        """P4.17: a document may be as large as the limit, announced or not, and no larger."""
        for size, is_too_large in ((MAX_BODY_BYTES, False), (MAX_BODY_BYTES + 1, True)):
            for head in (f"Content-Length: {size}\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n", "\r\n"):
                self.web = Web()
                body = f"{size:x}\r\n{'x' * size}\r\n0\r\n\r\n" if "chunked" in head else "x" * size
                self.web.saying("a.example", f"HTTP/1.1 200 OK\r\n{head}{body}".encode(), ends=True)
                if is_too_large:
                    self.assertEqual("the document has more than 1,000 bytes", self.why())
                else:
                    self.assertEqual(size, len(self.body()))

    def test_announced(self) -> None:
        """P4.17: a document that is announced as too large is not waited for."""
        self.web.saying("a.example", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        self.assertEqual("the document has more than 1,000 bytes", self.why())

    def test_reply(self) -> None:
        """P4.17: all that comes back may be as large as the limit, and no larger: headers count, and so do chunks."""
        start, rest = b"HTTP/1.1 200 OK\r\n", b"Content-Length: 1\r\n\r\nx"
        for size in (MAX_REPLY_BYTES, MAX_REPLY_BYTES + 1):
            self.web = Web()
            lines = b"X: y\r\n" * ((size - len(start) - len(rest)) // 6 - 2)
            left = size - len(start) - len(rest) - len(lines)
            self.web.saying("a.example", start + lines + b"X: ".ljust(left - 2, b"y") + b"\r\n" + rest)
            if size == MAX_REPLY_BYTES:
                self.assertEqual(b"x", self.body())
            else:
                self.assertEqual("more than 131,072 bytes came back", self.why())

    def test_endless(self) -> None:
        """P4.17: what leads up to an answer is bounded, and so are long lines and what is said of chunks."""
        start = b"HTTP/1.1 200 OK\r\n"
        for said in (
            b"HTTP/1.1 100 Continue\r\n\r\n" * 6_000,
            start + b"Transfer-Encoding: chunked\r\n\r\n" + (b"1;" + b"y" * 200 + b"\r\nx\r\n") * 900,
            start + b"X: " + b"y" * 200_000,
            start + b"X: y\r\n" * 30_000,
        ):
            self.web = Web()
            self.web.saying("a.example", said)
            self.assertEqual("more than 131,072 bytes came back", self.why())

    def test_body_of_others(self) -> None:
        """What comes with another status than 200 is not read."""
        self.web.saying("a.example", b"HTTP/1.1 404 no\r\nContent-Length: 9999999\r\n\r\nx")
        reply = self.successResultOf(self.get())
        self.assertEqual((404, b"", []), (reply.status, reply.body, self.web.open))


class BrokenTests(HttpsTestCase):
    """Answers that are none."""

    def test_truncated(self) -> None:
        """An answer that breaks off is none."""
        for said, reason in (
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nxyz", "the answer broke off after 3 bytes"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nxyz", "the answer broke off after 3 bytes"),
            (b"HTTP/1.1 200 OK\r\nContent-Le", "connection lost: "),
            (b"HTTP/1.1 2", "connection lost: "),
            (b"", "connection lost: "),
        ):
            self.web = Web()
            self.web.saying("a.example", said, ends=True)
            self.assertIn(reason, self.why())

    def test_no_http(self) -> None:
        """What is no HTTP is none."""
        for said in (
            b"220 a.example ESMTP\r\n",
            b"HTTP/1.1 two hundred\r\n\r\n",
            b"HTTP/x 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        ):
            self.web = Web()
            self.web.saying("a.example", said)
            self.assertRegex(self.why(), "^(what came back is no HTTP: .+|the answer broke off after 0 bytes)$")

    def test_header(self) -> None:
        """Of several headers of one name the last counts; one that is missing is none."""
        self.web.saying("a.example", b"HTTP/1.1 404 no\r\nX: 1\r\nX: 2\r\n\r\n")
        reply = self.successResultOf(self.get())
        self.assertEqual(("2", None), (reply.header("x"), reply.header("y")))
