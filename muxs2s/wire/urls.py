"""
Addresses of documents on the web: https and nothing else.

Knows which of them this server asks for anything. Does not know how: see :mod:`muxs2s.network.https`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from muxs2s.wire.errors import MuxS2SError
from muxs2s.wire.names import DomainName, NameRefused
from muxs2s.wire.reasons import readable

__all__ = ["HTTPS_PORT", "MAX_URL_CHARACTERS", "HttpsUrl", "UrlRefused"]

HTTPS_PORT: Final = 443
"""Where web servers listen if the URL does not say otherwise (RFC 9110, section 4.2.2)."""

MAX_URL_CHARACTERS: Final = 2_048
"""Of a URL that is asked for anything."""

_SHOWN_CHARACTERS: Final = 120
"""Of a URL in a message about it."""

_GRAPHIC: Final = re.compile(r"[!-~]+")
_PARTS: Final = re.compile(r"(?P<authority>[^/?#\\]*)(?P<path>(?:/[^?#]*)?)(?P<query>\?[^#]*)?(?:#.*)?")
_AUTHORITY: Final = re.compile(r"(?P<host>[^:\[\]]+)(?::(?P<port>[0-9]{0,5}))?")


class UrlRefused(MuxS2SError):
    """Nothing is asked for at this URL; the message shows it and says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsUrl:
    """Where a document is."""

    host: DomainName
    """Who must prove to be there, and is then told the rest."""

    port: int = HTTPS_PORT
    path: str = "/"
    """With the query, without a fragment."""

    @classmethod
    def parse(cls, text: str) -> HttpsUrl:
        """
        Read a URL.

        :raises UrlRefused: if it has another scheme, holds credentials, names an IP address or no host
            at all, a port that there is not, characters that are none of a URL, or too many of them.

        Source: RFC 3986, section 3; RFC 9110, section 4.2.
        """
        if len(text) > MAX_URL_CHARACTERS:
            raise _refused(text, f"{len(text)} characters are more than {MAX_URL_CHARACTERS}")
        if _GRAPHIC.fullmatch(text) is None:
            raise _refused(text, "it is empty or holds characters that are none of a URL")
        scheme, _, rest = text.partition("://")
        if scheme.lower() != "https":
            raise _refused(text, "only https: is asked for anything")
        parts = _PARTS.fullmatch(rest)
        if parts is None:
            raise _refused(text, "it holds a backslash after its host")
        if "@" in parts["authority"]:
            raise UrlRefused("a URL that holds credentials is not asked for anything")
        host, port = _read_authority(parts["authority"], text)
        return cls(host=host, port=port, path=(parts["path"] or "/") + (parts["query"] or ""))

    def __str__(self) -> str:
        """As it is asked for: the host in A-labels, the port where it is not that of https."""
        port = "" if self.port == HTTPS_PORT else f":{self.port}"
        return f"https://{self.host.ascii}{port}{self.path}"


def _read_authority(authority: str, text: str) -> tuple[DomainName, int]:
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        raise _refused(text, "it names no host, or an IP address")
    try:
        host = DomainName.parse(found["host"])
    except NameRefused as refused:
        raise _refused(text, str(refused)) from None
    port = int(found["port"] or HTTPS_PORT)
    if not 0 < port < 1 << 16:
        raise _refused(text, f"there is no port {port}")
    return host, port


def _refused(text: str, why: str) -> UrlRefused:
    return UrlRefused(f"{readable(text, _SHOWN_CHARACTERS)!r} is not asked for anything: {readable(why)}")
