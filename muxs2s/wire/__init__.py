"""Bytes to elements and back: names, headers, slices, errors; no input, no output, no clock."""

from muxs2s.wire.errors import LocalMisuse, MuxS2SError, RemoteViolation, StanzaCondition, StreamCondition
from muxs2s.wire.framing import Framed, Framer, StreamClosed, StreamOpened
from muxs2s.wire.header import StreamFailure, StreamHeader, read_header, read_stream_error, stream_error
from muxs2s.wire.limits import AFTER_AUTHENTICATION, BEFORE_AUTHENTICATION, FramingLimits
from muxs2s.wire.names import DomainName, DomainPair, NameRefused, domain_of, domainpart
from muxs2s.wire.stanza import Slice, error_reply, from_tree, moved, to_bytes

__all__ = [
    "AFTER_AUTHENTICATION",
    "BEFORE_AUTHENTICATION",
    "DomainName",
    "DomainPair",
    "Framed",
    "Framer",
    "FramingLimits",
    "LocalMisuse",
    "MuxS2SError",
    "NameRefused",
    "RemoteViolation",
    "Slice",
    "StanzaCondition",
    "StreamClosed",
    "StreamCondition",
    "StreamFailure",
    "StreamHeader",
    "StreamOpened",
    "domain_of",
    "domainpart",
    "error_reply",
    "from_tree",
    "moved",
    "read_header",
    "read_stream_error",
    "stream_error",
    "to_bytes",
]
