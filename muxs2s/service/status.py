"""
What the service is doing, for operators: a snapshot without secrets.

Knows values only; :meth:`muxs2s.service.s2s.S2SService.status` takes the snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass

from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.tls import TLSDescription
from muxs2s.stream.associations import Association
from muxs2s.stream.initiating import InitiatingStream
from muxs2s.stream.machine import StreamState
from muxs2s.wire.names import DomainPair

__all__ = ["QueueStatus", "ServiceStatus", "StreamStatus", "stream_status"]


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
    )
