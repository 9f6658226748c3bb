"""
Why an exchange came to nothing, and when it may be tried again.

Knows the conditions of ``reject`` and ``revoke``, and those that refuse multiplexing as a whole. Does not
know what leads to them: see :mod:`muxs2s.multiplex.presenting` and :mod:`muxs2s.multiplex.verifying`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import Final, Self

__all__ = ["LONGEST_RETRY_SECONDS", "EnableCondition", "MultiplexCondition", "Objection"]

LONGEST_RETRY_SECONDS: Final = 3_600.0
"""Up to which the waits double."""


class MultiplexCondition(Enum):
    """
    What a rejected exchange or a revocation says.

    ``value`` is the name of the element; ``retry_seconds`` the first wait before the domain is tried again,
    infinite where the same proof would fail again; ``doubles`` whether the wait grows with each failure, up to
    :data:`LONGEST_RETRY_SECONDS`; ``is_fault`` whether failures of this kind count against the peer.

    Source: doc/protocol.rst, "Conditions".
    """

    def __new__(cls, element: str, retry_seconds: float, doubles: bool = False, is_fault: bool = False) -> Self:  # noqa: FBT001, FBT002 - columns of a table
        """Let the name of the element alone be the value."""
        member = object.__new__(cls)
        member._value_ = element
        member.retry_seconds, member.doubles, member.is_fault = retry_seconds, doubles, is_fault
        return member

    retry_seconds: float
    doubles: bool
    is_fault: bool

    UNKNOWN_DOMAIN = "unknown-domain", 3_600.0, False, True
    POLICY_VIOLATION = "policy-violation", 3_600.0
    BAD_REQUEST = "bad-request", inf, False, True
    BAD_AUTHENTICATOR = "bad-authenticator", 60.0, True, True
    CERTIFICATE_EXPIRED = "certificate-expired", 60.0, True, True
    CERTIFICATE_UNTRUSTED = "certificate-untrusted", 60.0, True, True
    NAME_MISMATCH = "name-mismatch", 60.0, True, True
    TOO_LARGE = "too-large", 60.0, True
    TOO_MANY = "too-many", 60.0
    DUPLICATE = "duplicate", 0.0
    TRY_AGAIN = "try-again", 60.0, True
    TIMEOUT = "timeout", 60.0, True
    INTERNAL_ERROR = "internal-error", 60.0, True
    REPLACED = "replaced", 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """What keeps a domain from being proven on a stream."""

    condition: MultiplexCondition
    text: str
    """For people."""

    retry_seconds: float | None = None
    """Until it may be tried again; ``None`` if the condition decides."""


class EnableCondition(Enum):
    """Why a receiving server does not multiplex on a stream; ``value`` is the name of the element."""

    BIDI_REQUIRED = "bidi-required"
    NOT_AUTHENTICATED = "not-authenticated"
    POLICY_VIOLATION = "policy-violation"
    INTERNAL_ERROR = "internal-error"
