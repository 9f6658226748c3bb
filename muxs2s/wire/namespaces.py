"""
Every XML namespace this package reads or writes, once.

Knows names only. Source: the registries named beside each constant.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "BIDI",
    "BIDI_FEATURE",
    "CLIENT",
    "COMPONENT",
    "DIALBACK",
    "DIALBACK_FEATURE",
    "MULTIPLEX",
    "PING",
    "SASL",
    "SERVER",
    "STANZA_ERRORS",
    "STREAMS",
    "STREAM_ERRORS",
    "STREAM_LIMITS",
    "TLS",
    "XML",
]

STREAMS: Final = "http://etherx.jabber.org/streams"
"""Stream root, features and error wrapper (RFC 6120, section 4.8.1)."""

SERVER: Final = "jabber:server"
"""Content namespace between servers (RFC 6120, section 4.8.2)."""

CLIENT: Final = "jabber:client"
"""Content namespace between a client and its server (RFC 6120, section 4.8.2)."""

COMPONENT: Final = "jabber:component:accept"
"""Content namespace between a server and the components that connect to it (XEP-0114)."""

STREAM_ERRORS: Final = "urn:ietf:params:xml:ns:xmpp-streams"
"""Conditions of stream errors (RFC 6120, section 4.9.2)."""

STANZA_ERRORS: Final = "urn:ietf:params:xml:ns:xmpp-stanzas"
"""Conditions of stanza errors (RFC 6120, section 8.3.2)."""

TLS: Final = "urn:ietf:params:xml:ns:xmpp-tls"
"""STARTTLS negotiation (RFC 6120, section 5)."""

SASL: Final = "urn:ietf:params:xml:ns:xmpp-sasl"
"""SASL negotiation (RFC 6120, section 6)."""

DIALBACK: Final = "jabber:server:dialback"
"""Dialback elements, under the prefix ``db`` of the stream header (XEP-0220)."""

DIALBACK_FEATURE: Final = "urn:xmpp:features:dialback"
"""The stream feature that announces dialback (XEP-0220, section 2.4)."""

BIDI_FEATURE: Final = "urn:xmpp:features:bidi"
"""The stream feature that announces bidirectional streams (XEP-0288)."""

BIDI: Final = "urn:xmpp:bidi"
"""The element that makes a stream bidirectional, which is not the feature (XEP-0288)."""

MULTIPLEX: Final = "urn:xmpp:mux-cert:0"
"""Domains proven by certificate on a live stream: feature and elements (doc/protocol.rst; provisional)."""

PING: Final = "urn:xmpp:ping"
"""Asks whether the other end is there (XEP-0199)."""

STREAM_LIMITS: Final = "urn:xmpp:stream-limits:0"
"""What a server takes on a stream, told to its peer (XEP-0478)."""

XML: Final = "http://www.w3.org/XML/1998/namespace"
"""What the prefix ``xml`` is bound to (Namespaces in XML 1.0, section 3)."""
