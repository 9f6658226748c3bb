"""
What must hold of URLs and documents of the web whatever comes, as functions that raise :exc:`AssertionError`.

Any other exception is a fault as well.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Final
from urllib.parse import urlsplit

from twisted.web.client import URI

from muxs2s.proof.poshdocument import DocumentRefused, FingerprintsDocument, read_document
from muxs2s.wire.names import DomainName
from muxs2s.wire.urls import HTTPS_PORT, HttpsUrl, UrlRefused

_STRONGEST_FIRST: Final = ("sha-512", "sha-384", "sha-256")


def check_url(text: str) -> None:
    """A URL is refused, or leads where Python and Twisted say that it leads; so does what is asked for."""
    try:
        url = HttpsUrl.parse(text)
    except UrlRefused:
        return
    plain, asked = urlsplit(text), URI.fromBytes(str(url).encode("ascii"))
    assert plain.username is None and plain.password is None, text
    assert (plain.scheme, DomainName.parse(plain.hostname or ""), plain.port or HTTPS_PORT) == (
        "https",
        url.host,
        url.port,
    ), text
    assert (asked.scheme, asked.host, asked.port) == (b"https", url.host.ascii.encode("ascii"), url.port), text
    assert HttpsUrl.parse(str(url)) == url, text


def check_document(data: bytes) -> None:
    """A document is refused, or read as a plain reading of its JSON has it."""
    try:
        document = read_document(data)
    except DocumentRefused:
        return
    plain = json.loads(data)
    assert plain["expires"] == document.expires_seconds > 0, data
    if isinstance(document, FingerprintsDocument):
        known = [{name: each[name] for name in _STRONGEST_FIRST if name in each} for each in plain["fingerprints"]]
        strongest = [next(iter(each.items())) for each in known if each]
        read = [(each.hash_name, b64encode(each.digest).decode().rstrip("=")) for each in document.fingerprints]
        assert [(name, len(value.rstrip("="))) for name, value in strongest] == [(n, len(v)) for n, v in read], data
        assert "url" not in plain, data
    else:
        check_url(plain["url"])
        assert HttpsUrl.parse(plain["url"]) == document.url, data
        assert "fingerprints" not in plain, data
