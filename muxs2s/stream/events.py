"""
What a stream tells whoever moves its bytes.

Knows values only, each complete when born.
"""

from __future__ import annotations

from dataclasses import dataclass

from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.stanza import Slice

__all__ = [
    "ProofWanted",
    "StanzaDropped",
    "StanzasReceived",
    "StreamClosing",
    "StreamEnded",
    "StreamEvent",
    "StreamReady",
    "TLSAgreed",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSAgreed:
    """Send what is to be sent, then begin the TLS handshake at once."""

    own_domain: DomainName
    """Whose certificate to show."""

    peer_domain: DomainName | None
    """Whom to name in SNI; ``None`` at the receiving server, where the peer has only hinted who it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofWanted:
    """Judge what the peer showed in the handshake, then call ``decide`` with the outcome."""

    domain: DomainName
    """The domain the peer must prove."""

    asked_for: DomainName
    """Our domain on this stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReady:
    """The domain pair may carry stanzas from now on, in the direction of the stream."""

    pair: DomainPair


@dataclass(frozen=True, slots=True, kw_only=True)
class StanzasReceived:
    """Stanzas came, in this order, and each passed the check."""

    stanzas: tuple[Slice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StanzaDropped:
    """
    A stanza came from a domain the peer has not proven here; it went no further.

    A peer can make as many of these as it likes: log with restraint.
    """

    pair: DomainPair


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamClosing:
    """One end wants the stream closed; nothing more may be sent on it."""

    by_peer: bool
    condition: StreamCondition | None
    """``None`` if the stream was closed without an error."""

    text: str
    """The reason, for people: one printable line of bounded length, empty if none was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEnded:
    """Both ends have closed the stream, or time is up: close the connection."""


StreamEvent = TLSAgreed | ProofWanted | StreamReady | StanzasReceived | StanzaDropped | StreamClosing | StreamEnded
