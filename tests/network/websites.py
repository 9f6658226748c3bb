"""Web servers on a network in memory: those of Twisted, and some that break the rules."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any, Final

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from muxs2s.network.certificates import CertificateStore
from muxs2s.network.connecting import Connector
from muxs2s.network.https import HttpsClient
from muxs2s.network.pem import Credentials
from muxs2s.network.tls import ServerTLS, TLSContexts
from muxs2s.testing import CertificateAuthority
from muxs2s.testing.dns import MemoryResolver, Zone
from muxs2s.testing.network import MemoryConnection, MemoryNetwork

AUTHORITY: Final = CertificateAuthority()

JSON: Final = "application/json"
PATH: Final = "/.well-known/posh/xmpp-server.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What is answered for one path."""

    body: bytes = b""
    status: int = 200
    media_type: str | None = JSON
    headers: dict[str, str] = field(default_factory=dict)


def redirect(location: str, status: int = 302) -> Page:
    """Leads elsewhere."""
    return Page(status=status, media_type=None, headers={"Location": location})


def document(expires: object = 60, **members: object) -> Page:
    """A document, of one fingerprint unless it has members of its own."""
    content = members or {"fingerprints": [{"sha-256": b64encode(bytes(32)).decode()}]}
    return Page(body=json.dumps({**content, "expires": expires}).encode())


class _Pages(Resource):
    """Answers for the paths it knows, and remembers what it was asked."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, pages: dict[str, Page | None], asked: list[Request]) -> None:
        super().__init__()
        self._pages, self._asked = pages, asked

    def render(self, request: Request) -> bytes | int:
        """As any resource; a page that is ``None`` never comes."""
        self._asked.append(request)
        page = self._pages.get(request.uri.decode(), Page(status=404, media_type=None))
        if page is None:
            return NOT_DONE_YET
        request.setResponseCode(page.status)
        request.defaultContentType = None
        if page.media_type is not None:
            request.setHeader("Content-Type", page.media_type)
        for name, value in page.headers.items():
            request.setHeader(name, value)
        return page.body


class _Saying(Protocol):
    """Says one thing as soon as it is asked anything."""

    def __init__(self, said: bytes, heard: bytearray, *, ends: bool) -> None:
        self._said, self._heard, self._ends = said, heard, ends

    def dataReceived(self, data: bytes) -> None:
        """Whatever it is."""
        assert self.transport is not None
        self._heard += data
        said, self._said = self._said, b""
        self.transport.write(said)
        if self._ends:
            self.transport.loseConnection()


class _SayingFactory(Factory):
    noisy = False

    def __init__(self, said: bytes, heard: bytearray, *, ends: bool) -> None:
        self._said, self._heard, self._ends = said, heard, ends

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """As any factory."""
        return _Saying(self._said, self._heard, ends=self._ends)


class Web:
    """Hosts by name, each with a web server, and the client that asks them."""

    def __init__(self) -> None:
        self.network = MemoryNetwork()
        self.zone = Zone()
        self.asked: list[Request] = []
        """What the servers of Twisted were asked, in order."""
        self.heard = bytearray()
        """What the others heard."""
        self.connector = Connector(self.network, MemoryResolver(self.zone, self.network), randbelow=lambda _: 0)
        self.client = HttpsClient(self.network, self.connector, AUTHORITY.trust_anchors)
        self._hosts = 0

    @property
    def uris(self) -> list[str]:
        """What was asked for, in order."""
        return [f"https://{request.getHeader('host')}{request.uri.decode()}" for request in self.asked]

    def site(self, host: str, *, credentials: Credentials | None = None, port: int = 443, **pages: Page | None) -> None:
        """Serve the page ``posh`` where documents are looked for, and every other by its name."""
        known = {PATH if name == "posh" else f"/{name}": page for name, page in pages.items()}
        site = Site(_Pages(known, self.asked), reactor=self.network)
        site.noisy = False
        self._listen(host, port, site, credentials)

    def saying(self, host: str, said: bytes, *, ends: bool = False) -> None:
        """Say the same to everybody who asks, and hang up if ``ends``."""
        self._listen(host, 443, _SayingFactory(said, self.heard, ends=ends), None)

    def plain(self, host: str) -> None:
        """Answer, without TLS."""
        factory = _SayingFactory(b"HTTP/1.1 400 no\r\n\r\n", self.heard, ends=True)
        self.network.listenTCP(443, factory, interface=self._next_address(host))

    @property
    def open(self) -> list[MemoryConnection]:
        """Ends of connections that are not closed."""
        return [end for end in self.network.connections if end.connected]

    def _next_address(self, host: str) -> str:
        """An address that is no other host's, and that DNS knows."""
        self._hosts += 1
        address = f"192.0.2.{self._hosts}"
        self.zone.add(host, "A", address)
        return address

    def _listen(self, host: str, port: int, factory: Factory[Any], credentials: Credentials | None) -> None:
        store = CertificateStore()
        store.add(credentials or AUTHORITY.issue(host))
        creator = ServerTLS(TLSContexts(store, self.network), None)
        secured: Factory[Any] = TLSMemoryBIOFactory(creator, False, factory, self.network)
        self.network.listenTCP(port, secured, interface=self._next_address(host))
