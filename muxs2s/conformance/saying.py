"""
What peers say, in bytes.

Knows how elements are written, good ones; scripts bend them. Does not know when which is due.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Final

from muxs2s.wire.markup import start_tag
from muxs2s.wire.namespaces import (
    BIDI,
    BIDI_FEATURE,
    DIALBACK,
    DIALBACK_FEATURE,
    PING,
    SASL,
    SERVER,
    STREAM_ERRORS,
    STREAMS,
    TLS,
)

__all__ = [
    "AUTH",
    "BIDI_OFFER",
    "BIDI_ON",
    "CLOSING",
    "DIALBACK_OFFER",
    "EXTERNAL_OFFER",
    "PING_INSIDE",
    "PROCEED",
    "STARTTLS",
    "SUCCESS",
    "TLS_OFFER",
    "authorize",
    "closed",
    "features",
    "header",
    "iq",
    "key_question",
    "key_result",
    "message",
    "stream_error",
]

CLOSING: Final = "</stream:stream>"

PING_INSIDE: Final = f"<ping xmlns='{PING}'/>"
"""What a request asks."""

STARTTLS: Final = f"<starttls xmlns='{TLS}'/>"
PROCEED: Final = f"<proceed xmlns='{TLS}'/>"
SUCCESS: Final = f"<success xmlns='{SASL}'/>"
BIDI_ON: Final = f"<bidi xmlns='{BIDI}'/>"

TLS_OFFER: Final = f"<starttls xmlns='{TLS}'><required/></starttls>"
EXTERNAL_OFFER: Final = f"<mechanisms xmlns='{SASL}'><mechanism>EXTERNAL</mechanism></mechanisms>"
DIALBACK_OFFER: Final = f"<dialback xmlns='{DIALBACK_FEATURE}'><errors/></dialback>"
BIDI_OFFER: Final = f"<bidi xmlns='{BIDI_FEATURE}'/>"


def authorize(identity: str) -> str:
    """SASL EXTERNAL as somebody; without a name, as whoever the certificate names."""
    return f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>{b64encode(identity.encode()).decode() or '='}</auth>"


AUTH: Final = authorize("")


def closed(name: str, attributes: Mapping[str, str | None], inside: str = "") -> str:
    """An element with its end tag."""
    return f"{start_tag(name, attributes)}{inside}</{name}>"


def header(**attributes: str | None) -> str:
    """
    An XML declaration and the opening tag of a stream.

    :param attributes: added to, or with ``None`` taken from, those every header has; ``from_`` is written
        ``from``.
    """
    given = {name.rstrip("_").replace("_", ":"): value for name, value in attributes.items()}
    every = {
        "xmlns": SERVER,
        "xmlns:stream": STREAMS,
        "xmlns:db": DIALBACK,
        "version": "1.0",
        "xml:lang": "en",
    }
    return f"<?xml version='1.0'?>{start_tag('stream:stream', {**every, **given})}"


def features(*offers: str) -> str:
    """What a receiving server offers."""
    return f"<stream:features>{''.join(offers)}</stream:features>"


def stream_error(condition: str, inside: str = "") -> str:
    """A stream error, and the closing tag that follows it."""
    named = f"<{condition} xmlns='{STREAM_ERRORS}'>{inside}</{condition}>"
    return f"<stream:error>{named}</stream:error>{CLOSING}"


def message(from_: str | None, to: str | None, id_: str | None = None, body: str = "conformance") -> str:
    """A message."""
    return closed("message", {"from": from_, "to": to, "id": id_, "type": "chat"}, f"<body>{body}</body>")


def iq(from_: str | None, to: str | None, id_: str, *, inside: str = PING_INSIDE) -> str:
    """A request; whoever has taken it answers it, if only with an error (RFC 6120, section 8.2.3)."""
    return closed("iq", {"type": "get", "from": from_, "to": to, "id": id_}, inside)


def key_result(from_: str, to: str, key: str = "", **attributes: str) -> str:
    """A dialback key, or with ``type`` the answer to one (XEP-0220, section 2.1)."""
    return closed("db:result", {"from": from_, "to": to, **attributes}, key)


def key_question(from_: str, to: str, id_: str, key: str = "", **attributes: str) -> str:
    """A question about a dialback key, or with ``type`` the answer to one (XEP-0220, section 2.2)."""
    return closed("db:verify", {"from": from_, "to": to, "id": id_, **attributes}, key)
