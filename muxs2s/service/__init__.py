"""The running server: which stream, which queue, and what becomes of what cannot be sent."""

from muxs2s.service.backoff import MAX_BACKOFFS, Backoff, BackoffLimits, Backoffs
from muxs2s.service.links import REDIAL_SECONDS, Carrier, Link, LinkSeams, StreamUnavailable, new_link
from muxs2s.service.queues import PairQueue, QueueBudget, QueueLimits
from muxs2s.service.routing import Routing
from muxs2s.service.s2s import S2SService, ServiceLimits
from muxs2s.service.status import QueueStatus, ServiceStatus, StreamStatus
from muxs2s.service.streams import StreamFactory, Streams, StreamSeams

__all__ = [
    "MAX_BACKOFFS",
    "REDIAL_SECONDS",
    "Backoff",
    "BackoffLimits",
    "Backoffs",
    "Carrier",
    "Link",
    "LinkSeams",
    "PairQueue",
    "QueueBudget",
    "QueueLimits",
    "QueueStatus",
    "Routing",
    "S2SService",
    "ServiceLimits",
    "ServiceStatus",
    "StreamFactory",
    "StreamSeams",
    "StreamStatus",
    "StreamUnavailable",
    "Streams",
    "new_link",
]
