"""
What a TLS connection exports for authenticators, and why it may not be used for them.

Knows pyOpenSSL's connection. Does not know what the keys are for: see :mod:`muxs2s.proof.authenticators`.

Having such a connection at all shows that TLS ends in this process.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from OpenSSL import SSL

from muxs2s.proof.authenticators import AuthenticatorKeys

__all__ = ["authenticator_keys", "why_no_authenticators"]

_HASHES: Final[Mapping[str, tuple[str, int]]] = MappingProxyType(
    {
        "TLS_AES_128_GCM_SHA256": ("sha256", 32),
        "TLS_AES_256_GCM_SHA384": ("sha384", 48),
        "TLS_CHACHA20_POLY1305_SHA256": ("sha256", 32),
        "TLS_AES_128_CCM_SHA256": ("sha256", 32),
        "TLS_AES_128_CCM_8_SHA256": ("sha256", 32),
    }
)
"""
The hash of each cipher suite of TLS 1.3, and its length in bytes.

Source: RFC 8446, appendix B.4.
"""


def authenticator_keys(connection: SSL.Connection) -> AuthenticatorKeys | None:
    """
    Export what authenticators on a connection are made with.

    :returns: ``None`` where there must be none; :func:`why_no_authenticators` says why.

    Source: RFC 9261, section 5.1; RFC 8446, section 7.5.
    """
    if why_no_authenticators(connection):
        return None
    hash_name, length = _HASHES[connection.get_cipher_name() or ""]

    def export(name: str) -> bytes:
        return connection.export_keying_material(f"EXPORTER-{name}".encode("ascii"), length, context=b"")

    return AuthenticatorKeys(
        hash_name=hash_name,
        client_context=export("client authenticator handshake context"),
        client_finished=export("client authenticator finished key"),
        server_context=export("server authenticator handshake context"),
        server_finished=export("server authenticator finished key"),
    )


def why_no_authenticators(connection: SSL.Connection) -> str:
    """
    Say what keeps authenticators off a connection.

    Keys could be exported on any of these. But on TLS 1.2 they need the extended master secret, of which the
    library does not tell; a server could export before it has seen who the client is; and of a resumed session the
    peer's chain is lost. Whether a session was resumed the library does not tell either, so a connection that could
    have done it is taken for one that has. Ours cannot: see :mod:`muxs2s.network.tls`.

    :returns: words for operators; empty if nothing does.

    Source: RFC 9261, sections 5.1 and 9.
    """
    if connection.get_finished() is None or connection.get_peer_finished() is None:
        return "the TLS handshake is not complete"
    if connection.get_protocol_version() != SSL.TLS1_3_VERSION:
        return f"{connection.get_protocol_version_name()}: TLS 1.3 is needed"
    if connection.get_context().get_session_cache_mode() != SSL.SESS_CACHE_OFF:
        return "the TLS session may be a resumed one"
    if connection.get_cipher_name() not in _HASHES:
        return f"the cipher suite {connection.get_cipher_name()} is not known here"
    return ""
