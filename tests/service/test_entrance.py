"""Connections that are taken, and those that are not."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.accepting import AcceptLimits
from muxs2s.service.entrance import Entrance
from tests.hosts.logs import Logged


class EntranceTests(SynchronousTestCase):
    """What the log says."""

    def setUp(self) -> None:
        self.logged = Logged(self)
        self.clock = Clock()
        self.entrance = Entrance(AcceptLimits(max_connections=2, max_address_connections=1), self.clock)

    def come(self, *addresses: IAddress) -> list[bool]:
        """Let connections come; tells which are taken."""
        return [self.entrance.admit(address) is not None for address in addresses]

    def test_refused(self) -> None:
        """The log says once who was refused, by which limit, and then how many more there were."""
        ports = [IPv4Address("TCP", "192.0.2.1", port) for port in range(5)]
        self.assertEqual([True, False, False, False, False], self.come(*ports))
        limit = "accept.max_address_connections is reached"
        self.assertEqual([f"refused a connection from 192.0.2.1: {limit}"], self.logged.lines)
        self.clock.advance(60.0)
        self.assertIn("and 3 more lines like the last ones", self.logged.lines[-1])

    def test_other_addresses(self) -> None:
        """Another address, or another limit, is another line; so is what is no IP address."""
        self.come(*(IPv4Address("TCP", f"192.0.2.{number}", 1) for number in (1, 1, 2, 3)), UNIXAddress("/run/x"))
        self.assertEqual(
            [
                "refused a connection from 192.0.2.1: accept.max_address_connections is reached",
                "refused a connection from 192.0.2.3: accept.max_connections is reached",
                "refused a connection from a Unix socket: accept.max_connections is reached",
            ],
            self.logged.lines,
        )

    def test_close(self) -> None:
        """At the end what was left out is told at once, and no timer is left."""
        self.come(*[IPv4Address("TCP", "192.0.2.1", 1)] * 3)
        self.entrance.close()
        self.assertEqual((2, []), (len(self.logged.lines), self.clock.getDelayedCalls()))
