"""
Documents from the web, over verified HTTPS.

Knows one request: who must prove to be there before anything is asked, what is said, and how much may come
back. Does not follow redirects, keep cookies or unpack anything, nor know how long to wait: whoever asks
may cancel. See :mod:`muxs2s.network.posh`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from OpenSSL import SSL
from OpenSSL.crypto import X509
from service_identity.exceptions import VerificationError
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, ResponseDone
from twisted.web.http import OK, PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IResponse
from zope.interface import implementer

from muxs2s.network.connecting import Connector
from muxs2s.network.reactors import INetworkReactor
from muxs2s.network.targets import Target, Unreachable
from muxs2s.network.tls import why_lost
from muxs2s.proof.pkix import TrustAnchors
from muxs2s.wire.errors import MuxS2SError
from muxs2s.wire.reasons import readable
from muxs2s.wire.urls import HttpsUrl

__all__ = ["MAX_REPLY_BYTES", "FetchFailed", "HttpsClient", "HttpsReply"]

MAX_REPLY_BYTES: Final = 131_072
"""Of all that comes back to one request, inside TLS: headers, what frames the body, the body."""

_REQUEST_HEADERS: Final = Headers(
    {b"Accept": [b"application/json"], b"Accept-Encoding": [b"identity"], b"User-Agent": [b"muxs2s"]}
)


class FetchFailed(MuxS2SError):
    """There is no document; the message begins with its URL and says why."""

    def __init__(self, url: HttpsUrl, why: str) -> None:
        super().__init__(f"{readable(str(url))}: {readable(why)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsReply:
    """What a web server answered."""

    status: int
    headers: Headers
    body: bytes
    """Empty unless the status is 200, as nothing else is read."""

    def header(self, name: str) -> str | None:
        """The value of a header, the last one if there are several."""
        values = self.headers.getRawHeaders(name)
        return values[-1] if values else None


class HttpsClient:
    """
    Asks web servers for documents, on a connection for each.

    :param connector: finds the addresses, and bounds how many are dialled.
    :param anchors: who may vouch for web servers.
    """

    def __init__(self, reactor: INetworkReactor, connector: Connector, anchors: TrustAnchors) -> None:
        self._reactor, self._connector = reactor, connector
        roots = [Certificate(X509.from_cryptography(anchor)) for anchor in anchors.certificates]
        self._trust_root = trustRootFromCertificates(roots)

    async def get(self, url: HttpsUrl, *, max_body_bytes: int) -> HttpsReply:
        """
        Ask for one document.

        :param max_body_bytes: of the document; nothing is returned of a larger one.
        :raises FetchFailed: if nobody answers there, whoever does is not proven to be the host, or what
            comes back is no HTTP, too much, or not all of it.

        Source: RFC 9110, section 4.3.4 (who must be there).
        """
        creator = optionsForClientTLS(url.host.ascii, trustRoot=self._trust_root)
        place = _Place(self._reactor, self._connector, url, creator)
        agent = Agent.usingEndpointFactory(self._reactor, place)
        try:
            response = await agent.request(b"GET", str(url).encode("ascii"), _REQUEST_HEADERS)
            body = await _body_of(response, url, max_body_bytes) if response.code == OK else b""
            return HttpsReply(status=response.code, headers=response.headers, body=body)
        except Exception as problem:  # noqa: BLE001 - whatever a web server does, there is no document
            raise place.explain(problem) from None
        finally:
            place.leave()


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
class _Place:
    """Where one document is: connects to its host, has who is there verified, and counts what comes back."""

    def __init__(
        self, reactor: INetworkReactor, connector: Connector, url: HttpsUrl, creator: IOpenSSLClientConnectionCreator
    ) -> None:
        self._reactor, self._connector, self._url, self._creator = reactor, connector, url, creator
        self._bounds: _Bounds | None = None
        self._connection: TLSMemoryBIOProtocol | None = None

    def endpointForURI(self, _uri: URI) -> IStreamClientEndpoint:
        """Connect here: the agent has read the same from the URL."""
        return self

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """As any endpoint; it is used once."""
        return Deferred.fromCoroutine(self._connect(factory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        self._bounds = _Bounds(factory)  # type: ignore[no-untyped-call]  # Twisted has not typed it
        secured = TLSMemoryBIOFactory(self._creator, True, self._bounds, self._reactor)
        target = Target(host=self._url.host.ascii, port=self._url.port)
        connection = await self._connector.connect_to(target, lambda _target: secured)
        self._connection = cast("TLSMemoryBIOProtocol", connection)
        return cast("_Bounded", self._connection.wrappedProtocol).wrappedProtocol

    def leave(self) -> None:
        """Close the connection; whatever the other side still has to say is not heard."""
        if self._connection is not None:
            self._connection.abortConnection()

    def explain(self, problem: Exception) -> Exception:
        """Say what went wrong, in words that need no knowledge of Twisted."""
        if self._bounds is not None and self._bounds.are_passed:
            return FetchFailed(self._url, f"more than {MAX_REPLY_BYTES:,} bytes came back")
        if isinstance(problem, FetchFailed):
            return problem
        failures: list[Failure] = getattr(problem, "reasons", [Failure(problem)])
        if any(failure.check(CancelledError) for failure in failures):
            return CancelledError()
        return FetchFailed(self._url, "; ".join(dict.fromkeys(self._words(failure) for failure in failures)))

    def _words(self, failure: Failure) -> str:
        if failure.check(VerificationError):
            return f"the certificate shown there does not name {self._url.host.ascii}"
        if failure.check(Unreachable):
            return failure.getErrorMessage()
        if failure.check(ConnectionClosed, SSL.Error):
            return why_lost(failure)
        return f"what came back is no HTTP: {failure.getErrorMessage()}"


class _Bounded(ProtocolWrapper):
    """Lets through what comes back, up to a limit."""

    factory: _Bounds
    _bytes_left = MAX_REPLY_BYTES

    def dataReceived(self, data: bytes) -> None:
        self._bytes_left -= len(data)
        if self._bytes_left >= 0:
            self.wrappedProtocol.dataReceived(data)
        else:
            self.factory.are_passed = True
            cast("TLSMemoryBIOProtocol", self.transport).abortConnection()


class _Bounds(WrappingFactory):
    """Wraps the connections to one place, one of which is used."""

    protocol = _Bounded
    noisy = False
    are_passed = False

    def doStart(self) -> None:
        """Say nothing in the log, as Twisted's factory for clients would for every connection."""

    def doStop(self) -> None:
        """Nor of its end."""


class _Body(Protocol):
    """Gathers a body."""

    def __init__(self, url: HttpsUrl, max_bytes: int) -> None:
        self.gathered: Deferred[bytes] = Deferred()
        self._url, self._max_bytes = url, max_bytes
        self._octets = bytearray()

    def dataReceived(self, data: bytes) -> None:
        self._octets += data
        if len(self._octets) > self._max_bytes and not self.gathered.called:
            self.gathered.errback(_too_large(self._url, self._max_bytes))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Twisted tells of every end here, of a good one, too, and of one that may be good."""
        if self.gathered.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.gathered.callback(bytes(self._octets))
        else:
            self.gathered.errback(FetchFailed(self._url, f"the answer broke off after {len(self._octets)} bytes"))


def _body_of(response: IResponse, url: HttpsUrl, max_bytes: int) -> Deferred[bytes]:
    body = _Body(url, max_bytes)
    if isinstance(response.length, int) and response.length > max_bytes:
        body.gathered.errback(_too_large(url, max_bytes))
    else:
        response.deliverBody(body)
    return body.gathered


def _too_large(url: HttpsUrl, max_bytes: int) -> FetchFailed:
    return FetchFailed(url, f"the document has more than {max_bytes:,} bytes")
