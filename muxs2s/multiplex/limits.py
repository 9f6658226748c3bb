"""
How much and how long multiplexing on one stream may take.

Knows the defaults of every limit, each named with its unit.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MultiplexLimits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplexLimits:
    """
    Limits of multiplexing on one stream, the same in both roles.

    Source: doc/protocol.rst, "Limits".
    """

    max_domains: int = 10_000
    """Names of the peer that are kept, accepted or closed; told to the peer."""

    max_pending: int = 64
    """Exchanges begun by the peer that are open; told to the peer."""

    answer_seconds: float = 60.0
    """For the answer that an exchange or a revocation waits for."""

    repeat_seconds: float = 60.0
    """From a proof of ours until the peer may ask for the same domain unasked."""

    max_failures: int = 1_000
    """Exchanges that the peer has made fail within :attr:`failure_seconds`, before no more are taken up."""

    failure_seconds: float = 600.0
    """In which failures are counted and, once there are too many, for which nothing is taken up."""

    max_ignored_elements: int = 100
    """Elements of multiplexing, on one stream, that fit nothing."""
