"""Tests of :mod:`muxs2s.network.addresses`."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.addresses import is_address, is_port, shown, with_port


class AddressTests(SynchronousTestCase):
    """IP addresses and ports as text."""

    def test_addresses(self) -> None:
        """Both versions of IP have addresses; names, brackets and masks are none."""
        for text in ("192.0.2.1", "::", "2001:db8::1"):
            self.assertTrue(is_address(text), text)
        for text in ("", "a.example", "192.0.2", "192.0.2.256", "[2001:db8::1]", "192.0.2.0/24", "192.0.2.1:53"):
            self.assertFalse(is_address(text), text)

    def test_ports(self) -> None:
        """Ports go from 1 to 65535."""
        self.assertEqual([1, 53, 65_535], [number for number in (-1, 0, 1, 53, 65_535, 65_536) if is_port(number)])

    def test_together(self) -> None:
        """Brackets tell the colons of an IPv6 address from the one before the port."""
        self.assertEqual("b.example:5269", with_port("b.example", 5269))
        self.assertEqual("192.0.2.1:53", with_port("192.0.2.1", 53))
        self.assertEqual("[2001:db8::1]:53", with_port("2001:db8::1", 53))

    def test_ends(self) -> None:
        """The end of a connection is an address and a port; a Unix socket has no name of its own on the other side."""
        ends = (IPv4Address("TCP", "192.0.2.1", 53), IPv6Address("TCP", "2001:db8::1", 53), UNIXAddress(None))
        self.assertEqual(["192.0.2.1:53", "[2001:db8::1]:53", "a Unix socket"], [shown(end) for end in ends])
