"""
Exported Authenticators: proof of further certificates on one TLS 1.3 connection.

Knows what one connection has asked and been asked, how a proof is made and how it is checked: that the peer holds
the key of a certificate, here and now. Does not know whether that certificate is to be believed (the prooftypes
judge it), nor TLS: see :mod:`muxs2s.network.exporting`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from cryptography.x509 import Certificate

from muxs2s.proof.possession import AuthenticatorRefused, AuthenticatorSender, OwnCertificate
from muxs2s.proof.schemes import SCHEMES, KeyUnfit
from muxs2s.proof.tlsmessages import HandshakeType, MessageMalformed, RequestMessage, read_authenticator, read_request
from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.names import DomainName
from muxs2s.wire.reasons import readable

__all__ = [
    "AuthenticatorKeys",
    "AuthenticatorLimits",
    "AuthenticatorRefused",
    "AuthenticatorTooLarge",
    "Authenticators",
    "OwnCertificate",
    "ReceivedRequest",
    "TLSRole",
]

_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")

_CONTEXT_BYTES: Final = 32
"""Of the contexts that we make."""

_CONTEXT_PLACE: Final = slice(5, 5 + _CONTEXT_BYTES)
"""Where it stands in a request of ours: after the header and its own length."""

_REQUESTS: Final = (HandshakeType.CLIENT_CERTIFICATE_REQUEST, HandshakeType.CERTIFICATE_REQUEST)
"""What a TLS client asks with, and what a TLS server."""


class TLSRole(Enum):
    """Which end of the TLS connection; the initiating server is the client."""

    CLIENT = auto()
    SERVER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatorKeys:
    """
    What one TLS 1.3 connection exports for authenticators, for each sender of one.

    Source: RFC 9261, section 5.1.
    """

    hash_name: str
    """Of the cipher suite: ``sha256`` or ``sha384``."""

    client_context: bytes = field(repr=False)
    client_finished: bytes = field(repr=False)
    server_context: bytes = field(repr=False)
    server_finished: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatorLimits:
    """How much is taken, looked at before anything is read, and kept for one connection."""

    max_authenticator_bytes: int = 24_000
    """One authenticator."""

    max_certificates: int = 10
    """In one authenticator."""

    max_request_bytes: int = 1_024
    """One authenticator request."""

    max_contexts: int = 32_768
    """Contexts of requests, of either side, that are known again; the oldest is forgotten first."""


class AuthenticatorTooLarge(AuthenticatorRefused):
    """What would have to be shown exceeds the limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """A request of the peer, read and found good."""

    data: bytes
    """All of it, with its handshake header: it enters the transcript."""

    context: bytes
    schemes: tuple[int, ...]
    """Signature schemes the peer takes, in its order."""


def _refusing(what: str) -> Callable[[Callable[_Given, _Made]], Callable[_Given, _Made]]:
    """Have a method turn whatever goes wrong into a refusal: the libraries meet bytes made to break them."""

    def decorate(method: Callable[_Given, _Made]) -> Callable[_Given, _Made]:
        @wraps(method)
        def guarded(*given: _Given.args, **named: _Given.kwargs) -> _Made:
            try:
                return method(*given, **named)
            except AuthenticatorRefused:
                raise
            except (MessageMalformed, KeyUnfit) as error:
                raise AuthenticatorRefused(str(error)) from None
            except Exception as error:  # noqa: BLE001 -- ValueError, UnsupportedAlgorithm, a warning made error, ...
                raise AuthenticatorRefused(f"{what}: {readable(str(error) or type(error).__name__)}") from None

        return guarded

    return decorate


class Authenticators:
    """
    What one TLS connection has asked and been asked, on one of its ends.

    :param role: ours; it decides who asks and signs how, whoever began the exchange.
    :param entropy: gives so many bytes that nobody can foresee.

    Source: RFC 9261.
    """

    def __init__(
        self,
        role: TLSRole,
        keys: AuthenticatorKeys,
        entropy: Callable[[int], bytes],
        limits: AuthenticatorLimits = AuthenticatorLimits(),
    ) -> None:
        self._asks_as_client = role is TLSRole.CLIENT
        self._asks_with, self._is_asked_with = _REQUESTS if self._asks_as_client else _REQUESTS[::-1]
        self._entropy, self._limits = entropy, limits
        client = AuthenticatorSender(keys.hash_name, keys.client_context, keys.client_finished)
        server = AuthenticatorSender(keys.hash_name, keys.server_context, keys.server_finished)
        self._us, self._peer = (client, server) if self._asks_as_client else (server, client)
        self._contexts = _Contexts(limits.max_contexts)

    def request(self, domain: DomainName) -> bytes:
        """
        Ask the peer to prove a domain.

        :returns: an authenticator request, remembered until it is checked or forgotten.
        :raises LocalMisuse: if ``entropy`` repeats itself.
        """
        context = self._entropy(_CONTEXT_BYTES)
        message = RequestMessage(
            kind=self._asks_with,
            context=context,
            schemes=tuple(SCHEMES),
            server_name=domain.ascii.encode("ascii") if self._asks_as_client else None,
        )
        if not self._contexts.use(context):
            raise LocalMisuse("entropy repeats itself: a context is used once on a connection")
        request = message.to_bytes()
        self._contexts.open[context] = request
        return request

    @_refusing("the request cannot be read")
    def read_request(self, data: bytes, domain: DomainName) -> ReceivedRequest:
        """
        Read a request of the peer.

        :param domain: which of ours it is to ask for.
        :returns: what can be answered, once: its context counts as seen from now on.
        :raises AuthenticatorRefused: if it is too long or malformed, is that of the other role, asks a TLS
            server for another domain or for none, or has a context that was used before.
        """
        if len(data) > self._limits.max_request_bytes:
            raise AuthenticatorRefused(f"a request of {len(data)} bytes is too long")
        message = read_request(data)
        if message.kind is not self._is_asked_with:
            raise AuthenticatorRefused(f"{message.kind.name} is the request of the other role in TLS")
        if message.server_name != (None if self._asks_as_client else domain.ascii.encode("ascii")):
            asked = "no name" if message.server_name is None else readable(repr(message.server_name))
            raise AuthenticatorRefused(f"the request for {domain.ascii} has {asked} in its server_name")
        if not self._contexts.use(message.context):
            raise AuthenticatorRefused("the context of the request was used before on this connection")
        return ReceivedRequest(data=data, context=message.context, schemes=message.schemes)

    @_refusing("the certificate cannot be used")
    def authenticate(self, request: ReceivedRequest, certificate: OwnCertificate) -> bytes:
        """
        Prove to the peer that we hold the key of a certificate.

        :returns: an authenticator, for this connection only.
        :raises AuthenticatorRefused: if none of the schemes that the peer takes fits the certificate, or its key
            does not sign.
        :raises AuthenticatorTooLarge: if there is more to show than the limits allow.
        """
        if 1 + len(certificate.chain) > self._limits.max_certificates:
            raise AuthenticatorTooLarge(f"{1 + len(certificate.chain)} certificates are too many to show")
        authenticator = self._us.make(request.data, request.context, request.schemes, certificate)
        if len(authenticator) > self._limits.max_authenticator_bytes:
            raise AuthenticatorTooLarge(f"an authenticator of {len(authenticator)} bytes is too long to show")
        return authenticator

    @_refusing("a certificate cannot be read")
    def check(self, request: bytes, authenticator: bytes) -> tuple[Certificate, ...]:
        """
        See what the peer has proven to hold, here and now.

        The request is spent by this, whatever comes of it.

        :param request: one of ours that is open.
        :returns: the certificate whose key the peer holds, then the issuers it sent along; nothing if it
            declines, in an authenticator of its own.
        :raises AuthenticatorRefused: if anything is wrong with it.

        Source: RFC 9261, sections 5.2.4 and 7.4.
        """
        context = self._contexts.close(request)
        if context is None:
            raise AuthenticatorRefused("no such request is open on this connection")
        if len(authenticator) > self._limits.max_authenticator_bytes:
            raise AuthenticatorRefused(f"an authenticator of {len(authenticator)} bytes is too long")
        messages = read_authenticator(authenticator, max_certificates=self._limits.max_certificates)
        return self._peer.check(request, context, messages)

    def forget(self, request: bytes) -> None:
        """Let an exchange be over: its request is spent. One that is not open is none of our business."""
        self._contexts.close(request)


class _Contexts:
    """The contexts that were used on a connection, by either side, and which of ours are open."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._used: set[bytes] = set()
        self._in_order: deque[bytes] = deque()
        self.open: dict[bytes, bytes] = {}
        """Our own requests that are neither checked nor forgotten, by context."""

    def use(self, context: bytes) -> bool:
        """Take a context down; say whether it was new."""
        if context in self._used:
            return False
        if len(self._in_order) == self._most:
            oldest = self._in_order.popleft()
            self._used.remove(oldest)
            self.open.pop(oldest, None)
        self._used.add(context)
        self._in_order.append(context)
        return True

    def close(self, request: bytes) -> bytes | None:
        """Spend a request of ours; give its context, ``None`` if it is not open."""
        context = request[_CONTEXT_PLACE]
        if self.open.get(context) != request:
            return None
        del self.open[context]
        return context
