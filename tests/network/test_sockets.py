"""What the system does by itself for a connection."""

from __future__ import annotations

import socket

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.sockets import (
    KEEPALIVE_INTERVAL_SECONDS,
    KEEPALIVE_SECONDS,
    MAX_KEEPALIVE_PROBES,
    UNANSWERED_SECONDS,
    prepare,
)


class Transport:
    """A transport on a socket that is not connected to anything."""

    def __init__(self, handle: object) -> None:
        self._handle = handle

    def getHandle(self) -> object:
        """As Twisted's transports have it."""
        return self._handle


class PrepareTests(SynchronousTestCase):
    """Sockets of several families."""

    def prepared(self, family: int) -> socket.socket:
        """A socket after that."""
        made = socket.socket(family, socket.SOCK_STREAM)
        self.addCleanup(made.close)
        prepare(Transport(made))
        return made

    def test_tcp(self) -> None:
        """S22: TCP asks after two minutes whether the peer is there, and ends the connection a minute later."""
        for family in (socket.AF_INET, socket.AF_INET6):
            made = self.prepared(family)
            self.assertTrue(made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
            names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
            values = [made.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names]
            self.assertEqual([120, 15, 4, 180_000], values)

    def test_one_limit_for_both(self) -> None:
        """S22: an idle connection is not ended before the last question was left unanswered, one with data no later."""
        self.assertEqual(UNANSWERED_SECONDS, KEEPALIVE_SECONDS + MAX_KEEPALIVE_PROBES * KEEPALIVE_INTERVAL_SECONDS)

    def test_unix(self) -> None:
        """A Unix socket is left alone: its peer cannot be gone without being noticed."""
        self.assertFalse(self.prepared(socket.AF_UNIX).getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    def test_no_socket(self) -> None:
        """What has no socket is left alone."""
        for transport in (StringTransport(), Transport(None), None):
            prepare(transport)

    def test_system_without_an_option(self) -> None:
        """What a system does not have is left out, and the rest is set."""
        self.patch(socket, "TCP_USER_TIMEOUT", None)
        made = self.prepared(socket.AF_INET)
        self.assertEqual(120, made.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE))
