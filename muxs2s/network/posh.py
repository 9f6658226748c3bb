"""
Looks for what a domain publishes for POSH.

Knows where to ask, how far redirects and references are followed, and for how long what was found holds.
Does not know what the documents say (:mod:`muxs2s.proof.poshdocument`) nor how one is fetched
(:mod:`muxs2s.network.https`), and remembers nothing.

A redirect or a reference leads wherever the owner of a web server wants, inside our own network too. What
is asked there is little: a URL is one of https with a host name, whose server must prove by a certificate
to be that host before it hears more than the name; then it hears a GET without cookies or credentials, and
nothing but a document of ours comes of the answer. Where that is too much, a filter for outgoing
connections is the remedy, as it is for streams.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urljoin

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web import http

from muxs2s.network.https import FetchFailed, HttpsClient, HttpsReply
from muxs2s.proof.poshdocument import (
    MAX_DOCUMENT_BYTES,
    DocumentRefused,
    PoshAbsent,
    PoshDocument,
    PoshFailed,
    PoshFound,
    PoshMaterial,
    ReferenceDocument,
    posh_url,
    read_document,
)
from muxs2s.wire.names import DomainName
from muxs2s.wire.reasons import readable
from muxs2s.wire.urls import HttpsUrl, UrlRefused

__all__ = ["FETCH_SECONDS", "MAX_LIFETIME_SECONDS", "MAX_REDIRECTS", "find_posh"]

FETCH_SECONDS: Final = 20.0
"""For all of a search: connecting, redirects, both documents."""

MAX_REDIRECTS: Final = 10
"""In all of a search."""

MAX_LIFETIME_SECONDS: Final = 604_800
"""How long a document is believed, though it says that it holds longer: a week."""

_REDIRECTS: Final = frozenset(
    {
        http.MOVED_PERMANENTLY,
        http.FOUND,
        http.SEE_OTHER,
        http.TEMPORARY_REDIRECT,
        http.PERMANENT_REDIRECT,
    }
)
"""All of them lead elsewhere for this once: none is remembered."""

_GONE: Final = frozenset({http.NOT_FOUND, http.GONE})
_MEDIA_TYPE: Final = "application/json"


def find_posh(client: HttpsClient, clock: IReactorTime, domain: DomainName) -> Deferred[PoshMaterial]:
    """
    Look for the certificates that a domain publishes.

    :param clock: the reactor; tells seconds since the epoch.
    :returns: fires with what was found, or with why nothing was, and does not fail unless it is cancelled.

    Source: RFC 7711, sections 3 and 6; RFC 7712, section 5.2.
    """
    search = _Search(client, domain)

    def give_up(_result: object, seconds: float) -> PoshMaterial:
        return PoshFailed(reasons=(str(FetchFailed(search.url, f"gave up after {seconds:g} s in all")),))

    return Deferred.fromCoroutine(search.run(clock.seconds())).addTimeout(FETCH_SECONDS, clock, give_up)


class _Search:
    """One search, from document to document."""

    def __init__(self, client: HttpsClient, domain: DomainName) -> None:
        self.url = posh_url(domain)
        """What is asked for now, or was last."""

        self._client = client
        self._asked: set[HttpsUrl] = set()
        self._redirects = 0

    async def run(self, now: float) -> PoshMaterial:
        try:
            return await self._find(now)
        except FetchFailed as failed:
            return PoshFailed(reasons=(str(failed),))

    async def _find(self, now: float) -> PoshMaterial:
        source, seconds = str(self.url), MAX_LIFETIME_SECONDS
        document = await self._document()
        if isinstance(document, ReferenceDocument):
            source, seconds = f"{source} by way of {document.url}", min(seconds, document.expires_seconds)
            self.url = document.url
            document = await self._document()
            if document is None:
                raise FetchFailed(self.url, "there is no document, though a reference leads there")
            if isinstance(document, ReferenceDocument):
                raise FetchFailed(self.url, "it is a reference, to which another one has led: one is the most")
        if document is None:
            return PoshAbsent(reason=str(FetchFailed(self.url, "there is no document")))
        until = now + min(seconds, document.expires_seconds)
        return PoshFound(document=document, source=readable(source), until=until)

    async def _document(self) -> PoshDocument | None:
        """Read the document at a URL, or wherever redirects lead; ``None`` if there is none."""
        reply = await self._get()
        while reply.status in _REDIRECTS:
            self._follow(reply.header("Location") or "")
            reply = await self._get()
        if reply.status in _GONE:
            return None
        if reply.status != http.OK:
            raise FetchFailed(self.url, f"the web server answers with status {reply.status}")
        self._check_type(reply)
        try:
            return read_document(reply.body)
        except DocumentRefused as refused:
            raise FetchFailed(self.url, str(refused)) from None

    async def _get(self) -> HttpsReply:
        if self.url in self._asked:
            raise FetchFailed(self.url, "this was asked for already: it goes round in circles")
        self._asked.add(self.url)
        return await self._client.get(self.url, max_body_bytes=MAX_DOCUMENT_BYTES)

    def _follow(self, location: str) -> None:
        self._redirects += 1
        if self._redirects > MAX_REDIRECTS:
            raise FetchFailed(self.url, f"it redirects for the {self._redirects}th time: {MAX_REDIRECTS} are the most")
        try:
            self.url = HttpsUrl.parse(urljoin(str(self.url), location))
        except (UrlRefused, ValueError) as refused:
            raise FetchFailed(self.url, f"it redirects: {refused}") from None

    def _check_type(self, reply: HttpsReply) -> None:
        coding = (reply.header("Content-Encoding") or "identity").strip().lower()
        if coding != "identity":
            raise FetchFailed(self.url, f"the document comes as {coding}, which was not asked for")
        media_type = (reply.header("Content-Type") or "").partition(";")[0].strip().lower()
        if media_type != _MEDIA_TYPE:
            raise FetchFailed(self.url, f"the document comes as {media_type or 'nothing'}, not as {_MEDIA_TYPE}")
