"""
What a stream tells whoever moves its bytes.

Knows values only, each complete when born.
"""

from __future__ import annotations

from dataclasses import dataclass

from muxs2s.multiplex.events import MultiplexEvent
from muxs2s.stream.associations import Direction
from muxs2s.wire.errors import StanzaCondition, StreamCondition
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.stanza import Slice

__all__ = [
    "AnswerUnasked",
    "KeyVerified",
    "Negotiated",
    "PairAsserted",
    "PairRefused",
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

    own_domain: DomainName | None
    """Whose certificate to show; ``None`` where the peer's SNI has to say it."""

    peer_domain: DomainName | None
    """Whom to name in SNI; ``None`` at the receiving server, where the peer has only hinted who it is."""

    direct: bool
    """Whether nothing was said before: then the protocol is named in the handshake, too (XEP-0368)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofWanted:
    """Judge what the peer showed in the handshake, then call ``decide`` with the outcome."""

    domain: DomainName
    """The domain the peer must prove."""

    asked_for: DomainName
    """Our domain on this stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReady:
    """The domain pair may carry stanzas from now on."""

    pair: DomainPair
    direction: Direction
    """From us to the peer, or from the peer to us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiated:
    """The stream, opened only to ask about keys, may be asked from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAsserted:
    """
    The peer asks us to accept a domain pair by a dialback key: judge it, then call ``judge_pair``.

    Source: XEP-0220, section 2.1.2.
    """

    pair: DomainPair
    """The peer's domain, then ours."""

    key: str
    stream_id: str
    """What the authoritative server is to be asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyVerified:
    """
    The authoritative server has answered a question of ours, or has not in time.

    Source: XEP-0220, section 2.1.2.
    """

    pair: DomainPair
    """Of the key: the domain of the authoritative server, then ours."""

    stream_id: str
    condition: StanzaCondition | None
    """``None`` if the key is good; otherwise what whoever sent the key is to be told."""

    text: str
    """What went wrong, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRefused:
    """
    The peer does not accept a pair that we asserted, or has not answered in time; the stream may go on.

    Source: XEP-0220, section 2.1.1.
    """

    pair: DomainPair
    condition: StanzaCondition
    """With which stanzas that wait for it are bounced."""

    text: str
    """Why, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerUnasked:
    """
    A dialback answer came to something we have not asked here; it changes nothing.

    A peer can make as many of these as it likes: log with restraint.
    """

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

    see_other: str
    """
    Where the peer, inside TLS, says to go instead: a host, perhaps with a port, or empty (RFC 6120, section
    4.9.3.19).
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEnded:
    """Both ends have closed the stream, or time is up: close the connection."""


StreamEvent = (
    TLSAgreed
    | ProofWanted
    | StreamReady
    | Negotiated
    | PairAsserted
    | KeyVerified
    | PairRefused
    | AnswerUnasked
    | StanzasReceived
    | StanzaDropped
    | StreamClosing
    | StreamEnded
    | MultiplexEvent
)
