"""
What can go wrong, in the words of RFC 6120.

Knows the root of every exception of this package and the conditions of stream and stanza errors.
Does not know how an error is written to a stream: see :mod:`muxs2s.wire.header` for stream
errors and :mod:`muxs2s.wire.stanza` for stanza errors.
"""

from __future__ import annotations

from enum import Enum
from typing import Self

__all__ = [
    "LocalMisuse",
    "MuxS2SError",
    "RemoteViolation",
    "StanzaCondition",
    "StreamCondition",
]


class MuxS2SError(Exception):
    """The root of every exception this package raises on purpose."""


class LocalMisuse(MuxS2SError):
    """Our caller did what the documentation forbids; never reaches the wire."""


class StreamCondition(Enum):
    """
    The defined conditions of stream errors.

    Source: RFC 6120, section 4.9.3.
    """

    BAD_FORMAT = "bad-format"
    BAD_NAMESPACE_PREFIX = "bad-namespace-prefix"
    CONFLICT = "conflict"
    CONNECTION_TIMEOUT = "connection-timeout"
    HOST_GONE = "host-gone"
    HOST_UNKNOWN = "host-unknown"
    IMPROPER_ADDRESSING = "improper-addressing"
    INTERNAL_SERVER_ERROR = "internal-server-error"
    INVALID_FROM = "invalid-from"
    INVALID_NAMESPACE = "invalid-namespace"
    INVALID_XML = "invalid-xml"
    NOT_AUTHORIZED = "not-authorized"
    NOT_WELL_FORMED = "not-well-formed"
    POLICY_VIOLATION = "policy-violation"
    REMOTE_CONNECTION_FAILED = "remote-connection-failed"
    RESET = "reset"
    RESOURCE_CONSTRAINT = "resource-constraint"
    RESTRICTED_XML = "restricted-xml"
    SEE_OTHER_HOST = "see-other-host"
    SYSTEM_SHUTDOWN = "system-shutdown"
    UNDEFINED_CONDITION = "undefined-condition"
    UNSUPPORTED_ENCODING = "unsupported-encoding"
    UNSUPPORTED_FEATURE = "unsupported-feature"
    UNSUPPORTED_STANZA_TYPE = "unsupported-stanza-type"
    UNSUPPORTED_VERSION = "unsupported-version"


class StanzaCondition(Enum):
    """
    The defined conditions of stanza errors, each with the error type RFC 6120 recommends.

    ``value`` is the element name, ``error_type`` one of ``auth``, ``cancel``, ``modify``, ``wait``.

    Source: RFC 6120, section 8.3.3.
    """

    def __new__(cls, element: str, error_type: str) -> Self:
        """Let the element name alone be the value."""
        member = object.__new__(cls)
        member._value_ = element
        member.error_type = error_type
        return member

    error_type: str

    BAD_REQUEST = "bad-request", "modify"
    CONFLICT = "conflict", "cancel"
    FEATURE_NOT_IMPLEMENTED = "feature-not-implemented", "cancel"
    FORBIDDEN = "forbidden", "auth"
    GONE = "gone", "cancel"
    INTERNAL_SERVER_ERROR = "internal-server-error", "cancel"
    ITEM_NOT_FOUND = "item-not-found", "cancel"
    JID_MALFORMED = "jid-malformed", "modify"
    NOT_ACCEPTABLE = "not-acceptable", "modify"
    NOT_ALLOWED = "not-allowed", "cancel"
    NOT_AUTHORIZED = "not-authorized", "auth"
    POLICY_VIOLATION = "policy-violation", "modify"
    RECIPIENT_UNAVAILABLE = "recipient-unavailable", "wait"
    REDIRECT = "redirect", "modify"
    REGISTRATION_REQUIRED = "registration-required", "auth"
    REMOTE_SERVER_NOT_FOUND = "remote-server-not-found", "cancel"
    REMOTE_SERVER_TIMEOUT = "remote-server-timeout", "wait"
    RESOURCE_CONSTRAINT = "resource-constraint", "wait"
    SERVICE_UNAVAILABLE = "service-unavailable", "cancel"
    SUBSCRIPTION_REQUIRED = "subscription-required", "auth"
    UNDEFINED_CONDITION = "undefined-condition", "cancel"
    UNEXPECTED_REQUEST = "unexpected-request", "wait"


class RemoteViolation(MuxS2SError):
    """The peer broke the protocol; ``condition`` is the stream error it is sent."""

    def __init__(self, condition: StreamCondition, text: str) -> None:
        super().__init__(text)
        self.condition = condition
