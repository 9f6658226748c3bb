"""Which connections are taken."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from twisted.internet.address import HostnameAddress, IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.accepting import AcceptLimits, Door, Refusal, Visit, source_of


def ipv4(host: str = "192.0.2.1") -> IPv4Address:
    """The address of a connection."""
    return IPv4Address("TCP", host, 40_000)


def ipv6(host: str) -> IPv6Address:
    """The same in IPv6."""
    return IPv6Address("TCP", host, 40_000)


class DoorTestCase(SynchronousTestCase):
    """A door with few limits."""

    def setUp(self) -> None:
        self.now = 0.0
        self.limit()

    def limit(self, **limits: Any) -> None:
        """Have another door."""
        self.door = Door(AcceptLimits(**limits), self.now)

    def admit(self, address: IAddress | None = None) -> Visit | Refusal:
        """Ask for a connection."""
        return self.door.admit(address or ipv4(), self.now)

    def let_in(self, address: IAddress | None = None) -> Visit:
        """Ask for a connection that is taken."""
        visit = self.admit(address)
        assert isinstance(visit, Visit), visit
        return visit

    def let_in_many(self, count: int, address: IAddress | None = None) -> list[Visit]:
        """Ask for some that are all taken."""
        return [self.let_in(address) for _ in range(count)]


class CountTests(DoorTestCase):
    """How many there may be at once."""

    def test_in_all(self) -> None:
        """So many connections as the limit are taken, not one more, until one has left."""
        self.limit(max_connections=3)
        visits = [self.let_in(ipv4(f"192.0.2.{number}")) for number in range(3)]
        self.assertIs(Refusal.CONNECTIONS, self.admit())
        visits[1].left()
        self.let_in()

    def test_from_one_address(self) -> None:
        """So it is for one address; others do not notice."""
        self.limit(max_address_connections=2)
        first, _ = self.let_in_many(2)
        self.assertIs(Refusal.ADDRESS_CONNECTIONS, self.admit())
        self.let_in(ipv4("192.0.2.2"))
        first.left()
        self.let_in()

    def test_unproven(self) -> None:
        """Of those on which nothing is proven there may be fewer; one makes room when it is proven."""
        self.limit(max_unproven_connections=2)
        first, second = self.let_in(ipv4("192.0.2.1")), self.let_in(ipv4("192.0.2.2"))
        self.assertIs(Refusal.UNPROVEN, self.admit(ipv4("192.0.2.3")))
        first.authenticated()
        third = self.let_in(ipv4("192.0.2.3"))
        for visit in (first, second, third):
            visit.left()
        self.let_in_many(2)

    def test_unproven_from_one_address(self) -> None:
        """So it is for one address."""
        self.limit(max_address_unproven_connections=2)
        first, _ = self.let_in_many(2)
        self.assertIs(Refusal.ADDRESS_UNPROVEN, self.admit())
        self.let_in(ipv4("192.0.2.2"))
        first.authenticated()
        self.let_in()

    def test_told_twice(self) -> None:
        """A connection that proves a second domain, or is gone twice, counts once."""
        self.limit(max_connections=2, max_unproven_connections=2)
        visit = self.let_in()
        for _ in range(2):
            visit.authenticated()
        for _ in range(2):
            visit.left()
        self.let_in_many(2)
        self.assertIsInstance(self.admit(), Refusal)

    def test_gone_unproven(self) -> None:
        """One that goes without a proof makes room among the unproven."""
        self.limit(max_unproven_connections=1)
        self.let_in().left()
        self.let_in()


class RateTests(DoorTestCase):
    """How fast new ones may come."""

    def test_in_all(self) -> None:
        """After a burst there are as many in a second as the rate says, whoever they are from."""
        self.limit(max_connections_per_second=2, max_burst_connections=5)
        for number in range(5):
            self.let_in(ipv4(f"192.0.2.{number}"))
        self.assertIs(Refusal.RATE, self.admit())
        self.now = 1.0
        self.let_in_many(2)
        self.assertIs(Refusal.RATE, self.admit())

    def test_from_one_address(self) -> None:
        """So it is for one address; what is refused there costs the others nothing."""
        self.limit(max_address_connections_per_second=2, max_address_burst_connections=5, max_burst_connections=7)
        self.let_in_many(5)
        for _ in range(10):
            self.assertIs(Refusal.ADDRESS_RATE, self.admit())
        self.now = 0.5
        self.let_in()
        self.let_in(ipv4("192.0.2.2"))

    def test_leaving_does_not_help(self) -> None:
        """An address whose connections are gone is known all the same."""
        self.limit(max_address_burst_connections=2)
        for visit in self.let_in_many(2):
            visit.left()
        self.assertIs(Refusal.ADDRESS_RATE, self.admit())


class FailureTests(DoorTestCase):
    """Addresses where proofs fail."""

    def fail_proofs(self, times: int) -> None:
        """Let so many proofs fail on connections of one address."""
        for _ in range(times):
            visit = self.let_in()
            visit.failed(self.now)
            visit.left()

    def test_limit(self) -> None:
        """After so many failed proofs as the limit the address is let in, after one more it is not."""
        self.limit(max_address_failed_proofs=3)
        self.fail_proofs(3)
        self.fail_proofs(1)
        self.assertIs(Refusal.FAILED_PROOFS, self.admit())
        self.let_in(ipv4("192.0.2.2"))

    def test_for_a_while(self) -> None:
        """It is refused for as long as the limit says."""
        self.limit(max_address_failed_proofs=3, refused_seconds=10.0)
        self.fail_proofs(4)
        self.now = 9.999
        self.assertIs(Refusal.FAILED_PROOFS, self.admit())
        self.now = 10.0
        self.let_in()

    def test_now_and_then(self) -> None:
        """What fails no faster than the limit allows in its time is not held against an address."""
        self.limit(max_address_failed_proofs=3, failed_proofs_seconds=60.0)
        for _ in range(20):
            self.fail_proofs(1)
            self.now += 20.0
        self.let_in()

    def test_clock_set_back(self) -> None:
        """When the clock is set back nobody is refused for longer."""
        self.limit(max_address_failed_proofs=1)
        self.now = 1_000.0
        self.fail_proofs(2)
        self.now = 0.0
        self.let_in()

    def test_on_one_connection(self) -> None:
        """Proofs that fail on one connection count like those on many."""
        self.limit(max_address_failed_proofs=3)
        visit = self.let_in()
        for _ in range(4):
            visit.failed(self.now)
        self.assertIs(Refusal.FAILED_PROOFS, self.admit())


class MemoryTests(DoorTestCase):
    """What is known of addresses without a connection."""

    def tire(self, *numbers: int) -> None:
        """Let each address use up what it may."""
        for number in numbers:
            self.let_in(ipv4(f"192.0.2.{number}")).left()

    def is_known(self, number: int) -> bool:
        """Whether an address is known to have used it up."""
        return self.admit(ipv4(f"192.0.2.{number}")) is Refusal.ADDRESS_RATE

    def test_limit(self) -> None:
        """So many addresses as the limit are remembered; with one more the one seen least lately is forgotten."""
        self.limit(max_remembered_addresses=3, max_address_burst_connections=1)
        self.tire(1, 2, 3)
        self.assertEqual([True, True, True], [self.is_known(number) for number in (1, 2, 3)])
        self.tire(4)
        self.assertEqual([True, True, True], [self.is_known(number) for number in (2, 3, 4)])
        self.assertFalse(self.is_known(1))

    def test_present(self) -> None:
        """An address that has a connection is known whatever the limit."""
        self.limit(max_remembered_addresses=1, max_address_burst_connections=1)
        visit = self.let_in(ipv4("192.0.2.1"))
        self.tire(2, 3, 4)
        self.assertTrue(self.is_known(1))
        visit.left()
        self.assertTrue(self.is_known(1))

    def test_bounded(self) -> None:
        """Thousands of addresses leave no more behind than the limit, whether they were let in or refused."""
        self.limit(max_remembered_addresses=10, max_connections=100)
        visits = [self.admit(ipv4(f"192.0.{number // 250}.{number % 250}")) for number in range(1_000)]
        self.assertEqual((100, 10), (len(self.door._present), len(self.door._remembered)))
        for visit in visits:
            if isinstance(visit, Visit):
                visit.left()
        self.assertEqual((0, 10), (len(self.door._present), len(self.door._remembered)))


class SourceTests(DoorTestCase):
    """Who is behind an address."""

    def test_kinds(self) -> None:
        """An IPv4 address stands for itself, in IPv6 as well, and an IPv6 address for its network."""
        for address, source in (
            (ipv4("192.0.2.1"), "192.0.2.1"),
            (ipv6("::ffff:192.0.2.1"), "192.0.2.1"),
            (ipv6("2001:db8:1:2:3::4"), "2001:db8:1:2::/64"),
            (ipv6("fe80::1%eth0"), "fe80::/64"),
            (ipv4("localhost"), None),
            (UNIXAddress("/run/x"), None),
            (HostnameAddress(b"b.example", 1), None),
            (None, None),
        ):
            self.assertEqual(source, source_of(address), address)

    def test_network_of_ipv6(self) -> None:
        """Who changes the address within a network of IPv6 counts as one; another network is another one."""
        self.limit(max_address_connections=2)
        self.let_in(ipv6("2001:db8:0:1::1"))
        self.let_in(ipv6("2001:db8:0:1:ffff::2"))
        self.assertIs(Refusal.ADDRESS_CONNECTIONS, self.admit(ipv6("2001:db8:0:1::3")))
        self.let_in(ipv6("2001:db8:0:2::1"))

    def test_no_address(self) -> None:
        """A Unix socket meets the limits of all connections alone, and failed proofs are held against nobody."""
        self.limit(max_connections=3, max_address_connections=1, max_address_failed_proofs=1)
        for visit in self.let_in_many(3, UNIXAddress("/run/x")):
            visit.failed(self.now)
            visit.failed(self.now)
        self.assertIs(Refusal.CONNECTIONS, self.admit(UNIXAddress("/run/x")))

    def test_refusals_name_limits(self) -> None:
        """Each refusal names the limit that an operator may change."""
        names = {f"accept.{field.name}" for field in fields(AcceptLimits)}
        self.assertEqual(set(), {refusal.value for refusal in Refusal} - names)
