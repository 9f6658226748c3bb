"""
What the system does by itself for a connection.

Knows how TCP is told to notice a peer that is gone. Does not know what is sent, nor what is done when a
connection ends.
"""

from __future__ import annotations

import socket
from typing import Final

__all__ = ["KEEPALIVE_INTERVAL_SECONDS", "KEEPALIVE_SECONDS", "MAX_KEEPALIVE_PROBES", "UNANSWERED_SECONDS", "prepare"]

KEEPALIVE_SECONDS: Final = 120
"""Without a packet from the peer, until TCP asks whether it is there; often enough for most firewalls as well."""

KEEPALIVE_INTERVAL_SECONDS: Final = 15
"""Between two such questions."""

MAX_KEEPALIVE_PROBES: Final = 4
"""Without an answer, until the connection is broken."""

UNANSWERED_SECONDS: Final = KEEPALIVE_SECONDS + MAX_KEEPALIVE_PROBES * KEEPALIVE_INTERVAL_SECONDS
"""
From sending something to breaking the connection, if the peer's TCP does not acknowledge it.

Linux counts keepalive against this time as well: with less, a single lost packet would end an idle connection.
"""

_OPTIONS: Final = (
    ("TCP_KEEPIDLE", KEEPALIVE_SECONDS),
    ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL_SECONDS),
    ("TCP_KEEPCNT", MAX_KEEPALIVE_PROBES),
    ("TCP_USER_TIMEOUT", UNANSWERED_SECONDS * 1_000),  # milliseconds
)
"""Where the system has them; Linux has all."""


def prepare(transport: object) -> None:
    """
    Have the system notice when the peer of a connection is gone, even if nothing is sent or only sent to it.

    Without this, what is written to a peer without power is resent for a quarter of an hour, and a stream on
    which nothing is written stays for ever.

    :param transport: of a connection that has just been made, before TLS begins on it. Where it is not on a TCP
        socket, such as a Unix socket or a double, nothing is done.

    Source: RFC 9293, sections 3.8.3 and 3.8.4; RFC 5482; tcp(7).
    """
    handle = getattr(transport, "getHandle", lambda: None)()
    if isinstance(handle, socket.socket) and handle.family in {socket.AF_INET, socket.AF_INET6}:
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _OPTIONS:
            option = getattr(socket, name, None)
            if option is not None:
                handle.setsockopt(socket.IPPROTO_TCP, option, value)
