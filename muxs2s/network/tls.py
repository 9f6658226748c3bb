"""
TLS between servers: what we show, what the peer showed, and no judgement.

Knows contexts, SNI, ALPN and how to read a finished handshake. Does not judge certificates: a
handshake never fails for them, and the library's own verdict is never read, as it demands of an
initiating server a certificate for clients. See :mod:`muxs2s.proof.pkix` for the verdict.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from weakref import ref

from cryptography.x509 import Certificate
from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
    IReactorTime,
)
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from muxs2s.network.certificates import CertificateStore
from muxs2s.network.pem import CertificateProblem, Credentials
from muxs2s.proof.pkix import MAX_CHAIN_CERTIFICATES
from muxs2s.stream.events import TLSAgreed
from muxs2s.wire.names import DomainName, NameRefused

__all__ = [
    "MAX_CONTEXTS",
    "ClientTLS",
    "ServerTLS",
    "TLSContexts",
    "TLSDescription",
    "peer_chain",
    "tls_creator",
    "tls_description",
    "why_lost",
]

MAX_CONTEXTS: Final = 1_000
"""Contexts kept ready, least recently used first out. Each takes about 30 KiB and 1 ms to make."""

ALPN_PROTOCOL: Final = b"xmpp-server"
"""Source: XEP-0368, section 4."""

_OPTIONS: Final = SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_TICKET | SSL.OP_CIPHER_SERVER_PREFERENCE

_TLS_1_2_CIPHERS: Final = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""Source: RFC 9325, section 4.2."""

_NO_RENEGOTIATION: Final = 100
"""The alert that answers the wish for another handshake. Source: RFC 5246, section 7.2.2."""

_ContextKey = tuple[Credentials | None, bool]


class TLSContexts:
    """
    The contexts TLS connections are made from, one for each certificate in use.

    They are built when first needed and dropped when their certificate leaves the store;
    connections that use them go on.

    :param clock: tells which certificates are valid now, in seconds since the epoch; the reactor.
    :param max_contexts: how many are kept ready.
    """

    _log = Logger()

    def __init__(self, store: CertificateStore, clock: IReactorTime, *, max_contexts: int = MAX_CONTEXTS) -> None:
        self._store, self._clock, self._max_contexts = store, clock, max_contexts
        self._revision = store.revision
        self._contexts: OrderedDict[_ContextKey, SSL.Context] = OrderedDict()

    def receiving(self, domain: DomainName | None) -> SSL.Context:
        """
        Give the context to answer a peer with.

        :param domain: which of ours the peer asked for in its stream header. Where it is ``None`` or no
            certificate names it, the server name in the handshake decides; failing that, the default
            certificate is shown.
        :raises CertificateProblem: if there is no certificate at all, or OpenSSL refuses it.
        """
        now = self._clock.seconds()
        fitting = self._store.for_domain(domain, now) if domain else None
        if fitting is not None:
            return self._context(fitting, by_server_name=False)
        default = self._store.default(now)
        if default is None:
            raise CertificateProblem(domain or "TLS", "there is no certificate to show", "add one")
        return self._context(default, by_server_name=True)

    def initiating(self, domain: DomainName | None) -> SSL.Context:
        """
        Give the context to connect with.

        :param domain: which of ours connects. Where no certificate names it, none is shown.
        :raises CertificateProblem: if OpenSSL refuses the certificate.
        """
        found = self._store.for_domain(domain, self._clock.seconds()) if domain else None
        return self._context(found, by_server_name=False)

    def __len__(self) -> int:
        return len(self._contexts)

    def _context(self, credentials: Credentials | None, *, by_server_name: bool) -> SSL.Context:
        self._forget_replaced()
        key = credentials, by_server_name
        if key not in self._contexts:
            context = _context(credentials)
            context.set_info_callback(self._watch)
            if by_server_name:
                context.set_tlsext_servername_callback(self._refine)
            self._contexts[key] = context
            if len(self._contexts) > self._max_contexts:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end(key)
        return self._contexts[key]

    def _forget_replaced(self) -> None:
        if self._revision != self._store.revision:
            self._revision = self._store.revision
            for key in [key for key in self._contexts if key[0] is not None and key[0] not in self._store]:
                del self._contexts[key]

    def _watch(self, connection: SSL.Connection, where: int, value: int) -> None:
        """
        Close the connection when the peer asks for another handshake in it.

        OpenSSL alone would refuse and go on. It calls us while it works on the connection, so the
        connection is closed in the next turn of the reactor.

        Source: RFC 6120, section 5.3.5.
        """
        refusing = where & SSL.SSL_CB_WRITE_ALERT == SSL.SSL_CB_WRITE_ALERT and value & 0xFF == _NO_RENEGOTIATION
        if refusing and isinstance(connection, _Connection):
            layer = connection.layer()
            if layer is not None:
                self._log.info("connection closed: the peer asked for a renegotiation of TLS")
                self._clock.callLater(0, layer.abortConnection)

    def _refine(self, connection: SSL.Connection) -> None:
        """
        Take the certificate that fits the server name the peer sent, if there is one.

        Called by OpenSSL in the middle of a handshake, twice if the peer is asked for another hello.
        """
        try:
            domain = DomainName.parse((connection.get_servername() or b"").decode("ascii"))
            fitting = self._store.for_domain(domain, self._clock.seconds())
            if fitting is not None:
                connection.set_context(self._context(fitting, by_server_name=False))
        except (NameRefused, UnicodeDecodeError):
            return
        except CertificateProblem as problem:
            self._log.error("default certificate shown instead: {problem}", problem=str(problem))


@implementer(IOpenSSLServerConnectionCreator)
class ServerTLS:
    """
    Makes the server's end of TLS: for ``transport.startTLS`` after STARTTLS, or for a listener.

    :param domain: ours, from the ``to`` of the stream header; ``None`` where TLS comes first.
    :raises CertificateProblem: if there is no usable certificate to show.
    """

    def __init__(self, contexts: TLSContexts, domain: DomainName | None) -> None:
        self._contexts, self._domain = contexts, domain
        contexts.receiving(domain)

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Make a connection that asks for the peer's certificate and takes any, or none."""
        return _Connection(self._contexts.receiving(self._domain), tlsProtocol)


@implementer(IOpenSSLClientConnectionCreator)
class ClientTLS:
    """
    Makes the client's end of TLS, for ``transport.startTLS``.

    :param own_domain: whose certificate is shown; ``None`` or one without certificate shows none.
    :param peer_domain: sent as server name, in A-labels.
    :param alpn: offer the protocol ``xmpp-server``, as direct TLS wants it.
    :raises CertificateProblem: if OpenSSL refuses our certificate.

    Source: RFC 7590, section 3.5; XEP-0368, section 3.
    """

    def __init__(
        self, contexts: TLSContexts, own_domain: DomainName | None, peer_domain: DomainName, *, alpn: bool = False
    ) -> None:
        self._contexts, self._own_domain, self._peer_domain, self._alpn = contexts, own_domain, peer_domain, alpn
        contexts.initiating(own_domain)

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Make a connection that takes any certificate and leaves the verdict to the prooftypes."""
        connection = _Connection(self._contexts.initiating(self._own_domain), tlsProtocol)
        connection.set_tlsext_host_name(self._peer_domain.ascii.encode("ascii"))
        if self._alpn:
            connection.set_alpn_protos([ALPN_PROTOCOL])
        return connection


def tls_creator(contexts: TLSContexts, agreed: TLSAgreed) -> ServerTLS | ClientTLS:
    """
    Make what begins TLS as a stream has agreed upon it.

    :raises CertificateProblem: if there is no usable certificate to show.
    """
    if agreed.peer_domain is None:
        return ServerTLS(contexts, agreed.own_domain)
    return ClientTLS(contexts, agreed.own_domain, agreed.peer_domain, alpn=agreed.direct)


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSDescription:
    """
    What two servers agreed on, for operators.

    Source: RFC 7590, section 3.6.
    """

    version: str
    """``TLSv1.2`` or ``TLSv1.3``."""

    cipher: str
    """As IANA or OpenSSL call it."""

    alpn: str
    """The protocol agreed on; empty if none was."""


def tls_description(connection: SSL.Connection) -> TLSDescription:
    """Describe a connection whose handshake is complete."""
    return TLSDescription(
        version=connection.get_protocol_version_name(),
        cipher=connection.get_cipher_name() or "",
        alpn=connection.get_alpn_proto_negotiated().decode("ascii", "replace"),
    )


def peer_chain(connection: SSL.Connection) -> tuple[Certificate, ...]:
    """
    Collect what the peer showed, in either role.

    :returns: its own certificate, then the others as they came, one more than
        :data:`~muxs2s.proof.pkix.MAX_CHAIN_CERTIFICATES` at most; empty if it showed none, or its own
        cannot be read.
    """
    shown = connection.get_peer_certificate()
    leaf = None if shown is None else _readable(shown)
    if leaf is None:
        return ()
    # The list lacks the peer's own certificate on the server's side and begins with it on the client's.
    sent = connection.get_peer_cert_chain() or []
    issuers = [found for found in map(_readable, sent[: MAX_CHAIN_CERTIFICATES + 1]) if found is not None]
    return (leaf, *(found for found in issuers if found != leaf))[: MAX_CHAIN_CERTIFICATES + 1]


def why_lost(reason: Failure) -> str:
    """Why a connection was lost: in the words of OpenSSL, if TLS came to grief."""
    if isinstance(reason.value, SSL.Error):
        entries = reason.value.args[0] if reason.value.args else ()
        words = [str(entry[-1]) for entry in entries] if isinstance(entries, list) else []
        return f"TLS failed: {'; '.join(words) or 'no reason was given'}"
    return f"connection lost: {reason.getErrorMessage()}"


def _readable(certificate: X509) -> Certificate | None:
    try:
        return certificate.to_cryptography()
    except Exception:  # noqa: BLE001 -- malformed in one of many ways: ValueError, InvalidVersion, a warning made error
        return None


class _Connection(SSL.Connection):
    """
    A connection that knows where it belongs, and keeps every context it ever used.

    By itself it forgets the one before when the server name makes it take another, but OpenSSL goes
    on calling the callbacks of those, and crashes if they were freed meanwhile. There are three at
    most, as there are two hellos at most. (The connection's "app data" is no place to keep them:
    Twisted writes its own there.)
    """

    def __init__(self, context: SSL.Context, layer: TLSMemoryBIOProtocol) -> None:
        super().__init__(context, None)
        self.pinned = [context]
        self.layer = ref(layer)

    def set_context(self, context: SSL.Context) -> None:
        """Take another context, and keep the one before."""
        self.pinned.append(context)
        super().set_context(context)


def _context(credentials: Credentials | None) -> SSL.Context:
    """
    Make a context, good for both roles.

    All of them are set alike, since after a change of contexts some settings of the first stay in force.
    """
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(_TLS_1_2_CIPHERS)
    context.set_options(_OPTIONS)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    # Together with OP_NO_TICKET: no resumption, which loses the peer's chain.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_verify(SSL.VERIFY_PEER, _take_any)
    context.set_alpn_select_callback(_select_protocol)
    if credentials is not None:
        _show(context, credentials)
    return context


def _show(context: SSL.Context, credentials: Credentials) -> None:
    try:
        context.use_certificate(credentials.leaf)
        context.use_privatekey(credentials.private_key)
        # Set explicitly, or OpenSSL builds a chain of its own.
        for issuer in credentials.chain:
            context.add_extra_chain_cert(issuer)
        context.check_privatekey()
    except SSL.Error as error:
        reasons = "; ".join(str(entry[-1]) for entry in error.args[0])
        raise CertificateProblem(credentials.path, f"OpenSSL refuses it: {reasons}", "have it reissued") from None


def _take_any(_connection: SSL.Connection, _certificate: X509, _error: int, _depth: int, _ok: int) -> bool:
    return True


def _select_protocol(_connection: SSL.Connection, offered: Sequence[bytes]) -> bytes | SSL._NoOverlappingProtocols:
    return ALPN_PROTOCOL if ALPN_PROTOCOL in offered else SSL.NO_OVERLAPPING_PROTOCOLS
