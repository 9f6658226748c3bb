"""
How much and how long one stream may take.

Knows the defaults of every limit and time-out of a stream, each named with its unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from muxs2s.multiplex.limits import MultiplexLimits
from muxs2s.wire.limits import AFTER_AUTHENTICATION, BEFORE_AUTHENTICATION, FramingLimits

__all__ = ["StreamLimits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """Limits of one stream, the same in both roles."""

    before_authentication: FramingLimits = BEFORE_AUTHENTICATION
    after_authentication: FramingLimits = AFTER_AUTHENTICATION

    multiplex: MultiplexLimits = field(default_factory=MultiplexLimits)

    negotiation_seconds: float = 60.0
    """From the connection to the first stanza that may pass."""

    handshake_seconds: float = 20.0
    """For the TLS handshake."""

    dialback_seconds: float = 30.0
    """From a dialback request of ours to its answer; the pair fails then, the stream goes on."""

    closing_seconds: float = 10.0
    """From our closing tag to the peer's."""

    idle_seconds: float = 3_600.0
    """Without a stanza, before the stream is closed (RFC 6120, section 4.6.3)."""

    quiet_seconds: float = 300.0
    """
    Without a word of the peer, before we ask whether it is there, or, where it could not answer on this
    stream, send it a space (RFC 6120, section 4.6.1; XEP-0199, section 4.3).
    """

    answer_seconds: float = 30.0
    """For the peer to say anything after that, before it counts as gone."""

    max_sasl_failures: int = 3
    """Failed attempts at SASL on one stream (RFC 6120, section 6.4.5)."""

    max_failed_pairs: int = 10
    """Domain pairs a peer has asserted in vain by dialback on one stream."""

    max_pending_pairs: int = 64
    """Domain pairs a peer has asserted on one stream and we have not judged yet."""

    max_proven_pairs: int = 1_000
    """Domain pairs proven by dialback on one stream."""

    max_ignored_elements: int = 1_000
    """Elements of the peer, on one stream, that mean nothing, answer nothing or find no room."""

    max_dropped_stanzas: int = 1_000
    """Stanzas from domains the peer has not proven, on one stream, before it is closed all the same."""

    close_on_foreign_sender: bool = False
    """
    Whether a stanza from a domain the peer has not proven ends the stream with ``invalid-from``.
    By default it is dropped and counted: Prosody answers from a second domain of its own on a
    stream proven for the first, and closing would end good streams.
    """
