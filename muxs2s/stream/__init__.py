"""What two servers say to each other, in either role, and which domains are proven on the stream."""

from muxs2s.stream.announced import NO_LIMITS, AnnouncedLimits
from muxs2s.stream.associations import (
    OWN_CERTIFICATE,
    OWN_KEY,
    Admission,
    Association,
    AssociationTable,
    Direction,
    Grant,
)
from muxs2s.stream.events import (
    AnswerUnasked,
    KeyVerified,
    Negotiated,
    PairAsserted,
    PairRefused,
    ProofWanted,
    StanzaDropped,
    StanzasReceived,
    StreamClosing,
    StreamEnded,
    StreamEvent,
    StreamReady,
    TLSAgreed,
)
from muxs2s.stream.initiating import InitiatingStream
from muxs2s.stream.limits import StreamLimits
from muxs2s.stream.machine import INITIATING, RECEIVING, StreamInput, StreamMachine, StreamState
from muxs2s.stream.multiplexed import MultiplexedStream, TLSMeans
from muxs2s.stream.proving import ProvingStream
from muxs2s.stream.receiving import ReceivingStream
from muxs2s.stream.side import OwnSide
from muxs2s.stream.stream import Stream

__all__ = [
    "INITIATING",
    "NO_LIMITS",
    "OWN_CERTIFICATE",
    "OWN_KEY",
    "RECEIVING",
    "Admission",
    "AnnouncedLimits",
    "AnswerUnasked",
    "Association",
    "AssociationTable",
    "Direction",
    "Grant",
    "InitiatingStream",
    "KeyVerified",
    "MultiplexedStream",
    "Negotiated",
    "OwnSide",
    "PairAsserted",
    "PairRefused",
    "ProofWanted",
    "ProvingStream",
    "ReceivingStream",
    "StanzaDropped",
    "StanzasReceived",
    "Stream",
    "StreamClosing",
    "StreamEnded",
    "StreamEvent",
    "StreamInput",
    "StreamLimits",
    "StreamMachine",
    "StreamReady",
    "StreamState",
    "TLSAgreed",
    "TLSMeans",
]
