"""Tests of :mod:`muxs2s.network.posh`, against web servers of Twisted on a network in memory."""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.posh import FETCH_SECONDS, MAX_LIFETIME_SECONDS, MAX_REDIRECTS, find_posh
from muxs2s.proof.poshdocument import PoshAbsent, PoshFailed, PoshFound, PoshMaterial
from muxs2s.wire.names import DomainName
from tests.network.websites import AUTHORITY, PATH, Page, Web, document, redirect

A: Final = DomainName.parse("a.example")
PLACE: Final = f"https://a.example{PATH}"
REFERENCE: Final = document(url="https://b.example/posh2", expires=30)


class SearchTestCase(SynchronousTestCase):
    """Looks for what a.example publishes."""

    def setUp(self) -> None:
        """No web servers yet."""
        self.web = Web()

    def search(self, domain: DomainName = A) -> Deferred[PoshMaterial]:
        """Begin to look, and let happen what needs no time."""
        searching = find_posh(self.web.client, self.web.network, domain)
        self.web.network.settle()
        return searching

    def found(self, domain: DomainName = A) -> PoshFound:
        """What is found."""
        material = self.successResultOf(self.search(domain))
        assert isinstance(material, PoshFound), material
        return material

    def failed(self) -> str:
        """Why nothing can be said; it is one line that begins with a URL, and nothing is left behind."""
        material = self.successResultOf(self.search())
        return self.reason(material)

    def reason(self, material: PoshMaterial) -> str:
        """Why nothing can be said."""
        assert isinstance(material, PoshFailed), material
        [reason] = material.reasons
        self.assertRegex(reason, r"^https://[!-~]+: .{,510}$")
        self.assertEqual([], self.web.open)
        return reason


class DocumentTests(SearchTestCase):
    """One document, at its place."""

    def test_found(self) -> None:
        """P4.2, P4.7: the document at the well-known place is found, and holds for as long as it says."""
        self.web.site("a.example", posh=document(expires=60))
        found = self.found()
        self.assertEqual((PLACE, self.web.network.seconds() + 60), (found.source, found.until))
        [request] = self.web.asked
        self.assertEqual((b"GET", PATH.encode(), "a.example"), (request.method, request.uri, request.getHeader("host")))

    def test_says_little(self) -> None:
        """P4.17: no cookies, no credentials, and nothing packed is asked for."""
        cookie = Page(status=307, headers={"Location": "/x", "Set-Cookie": "a=b"})
        self.web.site("a.example", posh=cookie, x=Page(status=500))
        self.failed()
        for request in self.web.asked:
            names = {name.lower() for name, _ in request.requestHeaders.getAllRawHeaders()}
            self.assertEqual({b"host", b"accept", b"accept-encoding", b"user-agent", b"connection"}, names)
            self.assertEqual("identity", request.getHeader("accept-encoding"))
        self.assertEqual(2, len(self.web.asked))

    def test_beyond_ascii(self) -> None:
        """P4.2: a domain beyond ASCII is asked under its A-labels."""
        domain = DomainName.parse("münchen.example")
        self.web.site(domain.ascii, posh=document())
        self.assertEqual(f"https://xn--mnchen-3ya.example{PATH}", self.found(domain).source)

    def test_absent(self) -> None:
        """P4.10: where the web server knows no such document there is none."""
        for host, status in (("a.example", 404), ("b.example", 410)):
            self.web.site(host, posh=Page(status=status))
            material = self.successResultOf(self.search(DomainName.parse(host)))
            self.assertEqual(PoshAbsent(reason=f"https://{host}{PATH}: there is no document"), material)

    def test_other_status(self) -> None:
        """P4.10: any other answer is no document either, and is named."""
        for host, status in (("a.example", 500), ("b.example", 204), ("c.example", 401)):
            self.web.site(host, posh=Page(status=status))
            material = self.successResultOf(self.search(DomainName.parse(host)))
            self.assertIn(f"{host}{PATH}: the web server answers with status {status}", self.reason(material))

    def test_media_type(self) -> None:
        """A document that does not come as JSON is refused; parameters of the type do not matter."""
        good = document()
        for number, media_type in enumerate(("text/html", None, "application/jsonx")):
            self.web.site(f"x{number}.example", posh=Page(body=good.body, media_type=media_type))
            reason = self.reason(self.successResultOf(self.search(DomainName.parse(f"x{number}.example"))))
            self.assertIn(f"comes as {media_type or 'nothing'}, not as application/json", reason)
        self.web.site("a.example", posh=Page(body=good.body, media_type="Application/JSON; charset=utf-8"))
        self.found()

    def test_packed(self) -> None:
        """P4.17: a packed document is not unpacked."""
        self.web.site("a.example", posh=Page(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"}))
        self.assertEqual(f"{PLACE}: the document comes as gzip, which was not asked for", self.failed())

    def test_refused(self) -> None:
        """P4.3, P4.7: what is no good in a document is said after its URL."""
        self.web.site("a.example", posh=document(expires=0))
        self.assertIn(f"{PLACE}: expires is 0", self.failed())


class ReferenceTests(SearchTestCase):
    """A document that points to another."""

    def test_followed(self) -> None:
        """P4.6, D38: a reference leads to the document of whoever hosts the service; the source names both."""
        self.web.site("a.example", posh=REFERENCE)
        self.web.site("b.example", posh2=document())
        self.assertEqual(f"{PLACE} by way of https://b.example/posh2", self.found().source)

    def test_lifetime(self) -> None:
        """P4.8: what is found by a reference holds for the shorter time of the two."""
        for reference, fingerprints in ((20, 30), (30, 30), (30, 20)):
            web = self.web = Web()
            web.site("a.example", posh=document(url="https://b.example/posh2", expires=reference))
            web.site("b.example", posh2=document(expires=fingerprints))
            self.assertEqual(web.network.seconds() + min(reference, fingerprints), self.found().until)

    def test_longest_lifetime(self) -> None:
        """P4.8: nothing holds longer than a week, whatever it says and the headers say."""
        headers = {"Cache-Control": "max-age=9999999", "Expires": "Thu, 01 Jan 2099 00:00:00 GMT"}
        for expires, seconds in ((604_799, 604_799), (604_800, MAX_LIFETIME_SECONDS), (10**400, MAX_LIFETIME_SECONDS)):
            web = self.web = Web()
            web.site("a.example", posh=Page(body=document(expires=expires).body, headers=headers))
            self.assertEqual(web.network.seconds() + seconds, self.found().until)

    def test_second_reference(self) -> None:
        """P4.6: a reference that leads to a reference is refused."""
        self.web.site("a.example", posh=REFERENCE)
        self.web.site("b.example", posh2=document(url="https://c.example/"))
        self.assertIn("https://b.example/posh2: it is a reference, to which another one has led", self.failed())

    def test_leads_nowhere(self) -> None:
        """P4.6: a reference to what is not there has failed; the domain does have something to say."""
        self.web.site("a.example", posh=REFERENCE)
        self.web.site("b.example")
        self.assertIn("https://b.example/posh2: there is no document, though a reference leads there", self.failed())

    def test_circle(self) -> None:
        """P4.6: a reference to itself is asked for once."""
        self.web.site("a.example", posh=document(url=PLACE))
        self.assertEqual(f"{PLACE}: this was asked for already: it goes round in circles", self.failed())
        self.assertEqual([PLACE], self.web.uris)


class RedirectTests(SearchTestCase):
    """A web server that sends elsewhere."""

    def test_followed(self) -> None:
        """P4.9: every kind of redirect is followed, to another path or another host."""
        for status in (301, 302, 303, 307, 308):
            self.web = Web()
            self.web.site("a.example", posh=redirect("/x", status), x=redirect("//b.example:8443/y", status))
            self.web.site("b.example", port=8443, y=document())
            self.assertEqual(PLACE, self.found().source)
            self.assertEqual([PLACE, "https://a.example/x", "https://b.example:8443/y"], self.web.uris)

    def test_not_remembered(self) -> None:
        """P4.9: what moved for ever is asked for at its old place again."""
        self.web.site("a.example", posh=redirect("/x", 301), x=document())
        self.found()
        self.found()
        self.assertEqual([PLACE, "https://a.example/x"] * 2, self.web.uris)

    def test_number(self) -> None:
        """P4.9: ten redirects are followed, the eleventh is not."""
        pages: dict[str, Any] = {f"x{number}": redirect(f"/x{number + 1}") for number in range(1, 12)}
        self.web.site("a.example", posh=redirect("/x2"), **{**pages, "x11": document()})
        self.found()
        self.assertEqual(1 + MAX_REDIRECTS, len(self.web.asked))
        self.web = Web()
        self.web.site("a.example", posh=redirect("/x1"), **{**pages, "x11": document()})
        self.assertEqual("https://a.example/x10: it redirects for the 11th time: 10 are the most", self.failed())

    def test_number_with_reference(self) -> None:
        """P4.9: redirects on the way to the reference and from there are counted together."""
        pages: dict[str, Any] = {f"x{number}": redirect(f"/x{number + 1}") for number in range(1, 12)}
        reference = document(url="https://a.example/x6")
        self.web.site("a.example", posh=redirect("/x1"), **{**pages, "x6": redirect("/x7"), "x5": reference})
        self.assertIn("https://a.example/x11: it redirects for the 11th time", self.failed())

    def test_no_https(self) -> None:
        """P4.9, P4.17: a redirect to http, to an IP address, or with credentials is not followed."""
        for location, reason in (
            ("http://a.example/x", "only https: is asked"),
            ("https://127.0.0.1/x", "IP address"),
            ("https://[::1]/x", "IP address"),
            ("https://[x/", "it redirects: "),
            ("https://a:b@a.example/", "credentials"),
            ("/\xfc", "none of a URL"),
        ):
            self.web = Web()
            self.web.site("a.example", posh=redirect(location))
            self.assertIn(f"{PLACE}: it redirects: ", reason_given := self.failed())
            self.assertIn(reason, reason_given)

    def test_nowhere(self) -> None:
        """P4.9: a redirect that leads to itself, or does not say where, is asked for once."""
        for page in (redirect(PLACE), redirect("#x"), Page(status=302)):
            self.web = Web()
            self.web.site("a.example", posh=page)
            self.assertIn("it goes round in circles", self.failed())
            self.assertEqual([PLACE], self.web.uris)

    def test_each_verified(self) -> None:
        """P4.4: each web server on the way must prove to be the host it was asked for as."""
        self.web.site("a.example", posh=redirect("https://b.example/x"))
        self.web.site("b.example", credentials=AUTHORITY.issue("a.example"), x=document())
        self.assertIn("https://b.example/x: the certificate shown there does not name b.example", self.failed())
        self.assertEqual([PLACE], self.web.uris)

    def test_inside(self) -> None:
        """P4.4: a host inside that has no certificate for its name hears a greeting of TLS and nothing else."""
        self.web.site("a.example", posh=redirect("https://inside.example/delete"))
        self.web.plain("inside.example")
        self.assertIn("https://inside.example/delete: TLS failed: ", self.failed())
        self.assertIn(b"inside.example", self.web.heard)
        self.assertNotIn(b"delete", self.web.heard)


class EndTests(SearchTestCase):
    """Searches that end early."""

    def test_seconds(self) -> None:
        """P4.17: a search is given up after so many seconds, wherever it is."""
        self.web.site("a.example", posh=redirect("/x"), x=None)
        searching = self.search()
        self.web.network.advance(FETCH_SECONDS - 1)
        self.assertNoResult(searching)
        self.web.network.advance(1)
        reason = self.reason(self.successResultOf(searching))
        self.assertEqual("https://a.example/x: gave up after 20 s in all", reason)

    def test_cancelled(self) -> None:
        """A search can be cancelled, wherever it is; then nothing is left of it."""
        self.web.zone.add("silent.example", "A", "192.0.2.99")
        self.web.network.silent.add("192.0.2.99")
        self.web.zone.silence("unknown.example")
        self.web.site("a.example", posh=None)
        self.web.saying("half.example", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        for host in ("a.example", "half.example", "silent.example", "unknown.example"):
            searching = self.search(DomainName.parse(host))
            self.assertNoResult(searching)
            searching.cancel()
            self.failureResultOf(searching, CancelledError)
            self.web.network.settle()
            self.assertEqual([], self.web.open, host)
