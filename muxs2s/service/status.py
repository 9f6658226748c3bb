"""
What the service is doing, for operators: a snapshot without secrets.

Knows values only; :meth:`muxs2s.service.s2s.S2SService.status` takes the snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass

from muxs2s.multiplex.multiplexer import Multiplexer
from muxs2s.multiplex.names import AcceptedNames
from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.tls import TLSDescription
from muxs2s.service.ways import Choice
from muxs2s.stream.associations import Association
from muxs2s.stream.initiating import InitiatingStream
from muxs2s.stream.machine import StreamState
from muxs2s.wire.names import DomainPair

__all__ = ["MultiplexStatus", "QueueStatus", "ServiceStatus", "ShownCertificate", "StreamStatus", "stream_status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCertificate:
    """A certificate that was accepted on a stream."""

    domains: tuple[str, ...]
    """What it gives here, patterns as ``*.b.example``."""

    prooftype: str
    """Empty for one of ours, which the peer has judged."""

    evidence: str
    until: float | None
    """When it ends, seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplexStatus:
    """Many domains on one stream."""

    own: tuple[ShownCertificate, ...]
    """Ours that the peer has accepted, that of the handshake first."""

    peers: tuple[ShownCertificate, ...]
    """Those of the peer that we have."""

    presented: int
    """Certificates that we have shown after the handshake."""

    judged: int
    """Certificates of the peer that we have judged after the handshake."""

    round_trips: int
    """That the exchanges take which we have begun: two for a domain offered, one for a domain asked for."""

    exchanges: int
    """That are open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatus:
    """One stream."""

    number: int
    """As logs call it."""

    initiated: bool
    """Whether we opened it."""

    peer_address: str
    state: StreamState
    pair: DomainPair | None
    """The domains of its header: the sender's, then the target's."""

    tls: TLSDescription | None
    associations: tuple[Association, ...]
    dropped_stanzas: int
    ignored_elements: int
    multiplexing: MultiplexStatus | None
    """``None`` if the stream carries but its own pairs."""

    why_not_multiplexed: str
    """For people; empty if it multiplexes, or may yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """What waits for one domain pair."""

    pair: DomainPair
    stanzas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """Everything at one moment."""

    domains: tuple[str, ...]
    streams: tuple[StreamStatus, ...]
    queues: tuple[QueueStatus, ...]
    """Of the pairs that have something waiting."""

    ways: tuple[Choice, ...]
    """Which way was taken to each peer that was met lately, and why not a better one."""


def stream_status(connection: StreamProtocol) -> StreamStatus:
    """The snapshot of one stream."""
    stream = connection.stream
    return StreamStatus(
        number=connection.number,
        initiated=isinstance(stream, InitiatingStream),
        peer_address=connection.peer_address,
        state=stream.state,
        pair=stream.pair,
        tls=connection.tls,
        associations=tuple(stream.associations.associations()),
        dropped_stanzas=stream.dropped,
        ignored_elements=stream.ignored,
        multiplexing=None if connection.multiplexer is None else _multiplex_status(connection.multiplexer),
        why_not_multiplexed="" if stream.awaits_multiplexing else stream.why_not_multiplexed,
    )


def _multiplex_status(multiplexer: Multiplexer) -> MultiplexStatus:
    return MultiplexStatus(
        own=_shown(multiplexer.own),
        peers=_shown(multiplexer.peers),
        presented=multiplexer.presented,
        judged=multiplexer.judged,
        round_trips=multiplexer.round_trips,
        exchanges=multiplexer.exchanges,
    )


def _shown(names: AcceptedNames) -> tuple[ShownCertificate, ...]:
    return tuple(
        ShownCertificate(
            domains=tuple(sorted(map(str, certificate.gives))),
            prooftype=certificate.prooftype,
            evidence=certificate.evidence,
            until=certificate.until,
        )
        for certificate in names.certificates.values()
    )
