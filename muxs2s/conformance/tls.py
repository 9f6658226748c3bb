"""
TLS as a script wants it: with any certificate or none, up to any version, in either role.

Knows contexts. Judges nothing: what the server showed is looked at by whoever wants to know. It shares nothing
with :mod:`muxs2s.network.tls`, so that a fault there shows here.
"""

from __future__ import annotations

from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from muxs2s.network.pem import Credentials

__all__ = ["ALPN", "AnsweringTLS", "CallingTLS"]

ALPN = b"xmpp-server"
"""Source: XEP-0368, section 4."""


class _EitherTLS:
    """What both ends have in common: one connection, made once."""

    layer: TLSMemoryBIOProtocol
    """Known once TLS has begun. What is written goes to it at once; Twisted would join small pieces, later."""

    def __init__(self, credentials: Credentials, max_version: int) -> None:
        self._credentials, self._max_version = credentials, max_version

    def _connection(self, layer: TLSMemoryBIOProtocol) -> SSL.Connection:
        self.layer = layer
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_max_proto_version(self._max_version)
        context.set_options(SSL.OP_NO_TICKET)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_verify(SSL.VERIFY_PEER, _take_any)
        context.use_certificate(self._credentials.leaf)
        context.use_privatekey(self._credentials.private_key)
        for issuer in self._credentials.chain:
            context.add_extra_chain_cert(issuer)
        return SSL.Connection(context, None)


@implementer(IOpenSSLClientConnectionCreator)
class CallingTLS(_EitherTLS):
    """
    TLS of an initiating server.

    :param credentials: what is shown.
    :param server_name: in A-labels.
    :param max_version: as OpenSSL counts them; 0 for the newest there is.
    :param alpn: whether to offer the protocol ``xmpp-server``.
    """

    def __init__(self, credentials: Credentials, server_name: str, *, max_version: int = 0, alpn: bool = False) -> None:
        super().__init__(credentials, max_version)
        self._server_name, self._alpn = server_name, alpn

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Make the connection."""
        connection = self._connection(tlsProtocol)
        connection.set_tlsext_host_name(self._server_name.encode("ascii"))
        if self._alpn:
            connection.set_alpn_protos([ALPN])
        return connection


@implementer(IOpenSSLServerConnectionCreator)
class AnsweringTLS(_EitherTLS):
    """
    TLS of a receiving server.

    :param credentials: what is shown.
    """

    def __init__(self, credentials: Credentials) -> None:
        super().__init__(credentials, 0)

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Make the connection."""
        return self._connection(tlsProtocol)


def _take_any(_connection: SSL.Connection, _certificate: X509, _error: int, _depth: int, _ok: int) -> bool:
    return True
