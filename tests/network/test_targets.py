"""Where the servers of a domain are."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random

import dns.rdata
from dns.rdataclass import IN
from dns.rdtypes.IN.SRV import SRV
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.resolver import LookupFailed
from muxs2s.network.targets import (
    Overrides,
    ServiceNotOffered,
    Target,
    TargetRefused,
    Unreachable,
    domain_itself,
    find_targets,
    in_order,
    read_target,
)
from muxs2s.testing.dns import MemoryResolver, Zone
from muxs2s.wire.errors import StanzaCondition
from muxs2s.wire.names import DomainName

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "srv_selection.json").read_text(encoding="utf-8"))

A_EXAMPLE = DomainName.parse("a.example")


def records(zone: str) -> list[SRV]:
    """The SRV records of one zone of the vectors."""
    read = [
        dns.rdata.from_text(IN, "SRV", f"{priority} {weight} {port} {target}.")
        for target, port, priority, weight in VECTORS["zones"][zone]
    ]
    return [record for record in read if isinstance(record, SRV)]


def drawn(zone: str, seed: int) -> list[int]:
    """The ports of one zone in one order drawn; each port stands for one record."""
    chance = Random(seed)  # noqa: S311 - the test repeats it
    return [record.port for record in in_order(records(zone), at_most=100, randbelow=chance.randrange)]


class OrderTests(SynchronousTestCase):
    """RFC 2782, by a published set of cases."""

    def test_lower_priority_first(self) -> None:
        """S28: whatever chance says, all targets of a lower priority stand before those of a higher one."""
        priorities = {record.port: record.priority for record in records("example.com")}
        for seed in range(50):
            ports = drawn("example.com", seed)
            self.assertEqual(sorted(priorities), sorted(ports))
            self.assertEqual([0, 0, 0, 0, 1, 1, 2], [priorities[port] for port in ports])

    def test_weights(self) -> None:
        """S28: within a priority the first is drawn by weight, 60 to 35 to 120, and weight 0 seldom but possibly."""
        weights = {record.port: record.weight for record in records("example.com") if record.priority == 0}
        firsts = Counter(drawn("example.com", seed)[0] for seed in range(2_000))
        for port, weight in weights.items():
            self.assertLess(abs(firsts[port] - 2_000 * weight / 215), 100)

    def test_marks(self) -> None:
        """S28: of the numbers chance may say each weight has as many as it is high, and weight 0 has one."""
        marks = iter(range(216))
        firsts = [in_order(records("example.com"), at_most=1, randbelow=lambda _: next(marks)) for _ in range(216)]
        shares = Counter(first[0].port for first in firsts)
        self.assertEqual({5200: 1, 5216: 35, 5228: 60, 5256: 120}, shares)

    def test_weight_nothing_against_one(self) -> None:
        """S28: of weights 0 and 1 either may be first."""
        self.assertEqual({5269, 5270}, {drawn("half.example.com", seed)[0] for seed in range(50)})
        self.assertEqual([5269], drawn("single.example.com", 1))

    def test_every_mark_is_possible(self) -> None:
        """S28: chance is asked for a number from nothing up to and including the sum of the weights."""
        asked: list[int] = []

        def randbelow(limit: int) -> int:
            asked.append(limit)
            return limit - 1

        in_order(records("example.com"), at_most=100, randbelow=randbelow)
        self.assertEqual([216, 96, 36, 1, 61, 31, 1], asked)

    def test_at_most(self) -> None:
        """No more than asked for are drawn, however many a domain publishes."""
        self.assertEqual([6, 7, 7], [len(in_order(records("example.com"), at_most=n)) for n in (6, 7, 8)])
        self.assertEqual((), in_order([], at_most=1))


class FindTestCase(SynchronousTestCase):
    """A zone, and who asks it."""

    def setUp(self) -> None:
        """No records."""
        self.zone = Zone()
        self.lookup = MemoryResolver(self.zone, Clock())

    def find(self, domain: DomainName = A_EXAMPLE, at_most: int = 8) -> Deferred[tuple[Target, ...]]:
        """Ask for the servers of a domain."""
        return Deferred.fromCoroutine(find_targets(self.lookup, domain, at_most=at_most, randbelow=lambda _: 0))


class FindTests(FindTestCase):
    """Records that lead somewhere, or nowhere."""

    def test_srv(self) -> None:
        """S28: the targets of the SRV records, by priority, under the name of the service between servers."""
        self.zone.add_srv("a.example", "Second.Example", 5270, priority=20)
        self.zone.add_srv("a.example", "first.example", 5269, priority=10)
        expected = (Target(host="first.example", port=5269), Target(host="second.example", port=5270))
        self.assertEqual(expected, self.successResultOf(self.find()))
        self.assertEqual([("_xmpp-server._tcp.a.example", "SRV")], list(self.zone.asked))

    def test_a_labels(self) -> None:
        """S28: DNS is asked in A-labels."""
        target = self.successResultOf(self.find(DomainName.parse("bücher.example")))[0]
        self.assertEqual("xn--bcher-kva.example", target.host)
        self.assertEqual("_xmpp-server._tcp.xn--bcher-kva.example", self.zone.asked[0].name)

    def test_no_srv(self) -> None:
        """S28: without SRV records the domain itself is the target, on port 5269."""
        for prepare in (lambda: None, lambda: self.zone.add("a.example", "A", "192.0.2.1")):
            prepare()
            self.assertEqual((Target(host="a.example", port=5269),), self.successResultOf(self.find()))

    def test_not_offered(self) -> None:
        """S28: an SRV target of '.' means that the domain has no such service; nothing else is tried."""
        self.zone.add_srv("a.example", ".", 0)
        refused = self.failureResultOf(self.find(), ServiceNotOffered).value
        self.assertIsInstance(refused, Unreachable)
        self.assertIs(StanzaCondition.REMOTE_SERVER_NOT_FOUND, refused.condition)
        self.assertIn("a.example offers no XMPP service", str(refused))

    def test_dot_among_others(self) -> None:
        """S28: beside other targets '.' is passed over."""
        self.zone.add_srv("a.example", ".", 0)
        self.zone.add_srv("a.example", "xmpp.example", 5269)
        self.assertEqual((Target(host="xmpp.example", port=5269),), self.successResultOf(self.find()))

    def test_unusable(self) -> None:
        """S28: SRV records none of which can be used lead nowhere, not to the domain itself."""
        self.zone.add("a.example", "A", "192.0.2.1")
        self.zone.add_srv("a.example", "xmpp.example", 0)
        self.zone.add_srv("a.example", ".", 5269)
        refused = self.failureResultOf(self.find(), Unreachable).value
        self.assertIs(StanzaCondition.REMOTE_SERVER_NOT_FOUND, refused.condition)
        self.assertIn("SRV records of a.example", str(refused))

    def test_dns_did_not_tell(self) -> None:
        """S17: when DNS fails the caller learns why; it may still try the domain itself."""
        self.zone.fail("_xmpp-server._tcp.a.example")
        failed = self.failureResultOf(self.find(), LookupFailed).value
        self.assertIn("SERVFAIL", str(failed))
        self.assertEqual(Target(host="a.example", port=5269), domain_itself(A_EXAMPLE))

    def test_own_records(self) -> None:
        """S31: an add-on service has SRV records of its own; those of the domain above do not count for it."""
        self.zone.add_srv("a.example", "xmpp.a.example", 5269)
        rooms = DomainName.parse("rooms.a.example")
        self.assertEqual("rooms.a.example", self.successResultOf(self.find(rooms))[0].host)
        self.zone.add_srv("rooms.a.example", "muc.a.example", 5270)
        self.assertEqual((Target(host="muc.a.example", port=5270),), self.successResultOf(self.find(rooms)))

    def test_at_most(self) -> None:
        """Of more targets than wanted the first are taken."""
        for number in range(4):
            self.zone.add_srv("a.example", f"x{number}.example", 5269, priority=number)
        self.assertEqual(["x0.example", "x1.example"], [t.host for t in self.successResultOf(self.find(at_most=2))])

    def test_strange_hosts(self) -> None:
        """A target with octets that are no letters is written so that it can be looked up and logged."""
        self.zone.add_srv("a.example", r"x\000\010y.example", 5269)
        self.assertEqual(r"x\000\010y.example", self.successResultOf(self.find())[0].host)


class OverrideTests(SynchronousTestCase):
    """What the operator says instead of DNS."""

    def test_read(self) -> None:
        """S28: a host or an address, with or without a port."""
        for text, host, port in (
            ("xmpp.example", "xmpp.example", 5269),
            ("Bücher.example:5270", "xn--bcher-kva.example", 5270),
            ("192.0.2.1", "192.0.2.1", 5269),
            ("192.0.2.1:1", "192.0.2.1", 1),
            ("2001:db8::1", "2001:db8::1", 5269),
            ("[2001:db8::1]", "2001:db8::1", 5269),
            ("[2001:db8::1]:65535", "2001:db8::1", 65_535),
        ):
            self.assertEqual(Target(host=host, port=port), read_target(text), text)

    def test_refused(self) -> None:
        """What is written wrongly is refused with a word on how it is written."""
        for text in (
            "",
            ":5269",
            "a.example:",
            "a.example:x",
            "a.example:999999",
            "[2001:db8::1",
            "[a.example]:1",
            "a:b:c",
        ):
            self.assertIn("host:port", str(self.assertRaises(TargetRefused, read_target, text)), text)
        for text in ("a.example:0", "a.example:65536"):
            self.assertIn("1 to 65535", str(self.assertRaises(TargetRefused, read_target, text)))
        for text in ("a..example", "[::zz]", "192.0.2.256", "a b"):
            self.assertIn("names no host", str(self.assertRaises(TargetRefused, read_target, text)), text)

    def test_find(self) -> None:
        """S28: a domain's own override goes before the one for all; without either DNS decides."""
        own, every = Target(host="own.example", port=1), Target(host="every.example", port=2)
        other = DomainName.parse("b.example")
        self.assertIs(None, Overrides().find(A_EXAMPLE))
        overrides = Overrides(domains={A_EXAMPLE: own}, every=every)
        self.assertEqual([own, every], [overrides.find(A_EXAMPLE), overrides.find(other)])
        self.assertIsNone(Overrides(domains={A_EXAMPLE: own}).find(other))

    def test_text(self) -> None:
        """In messages an IPv6 address stands in brackets; addresses need no lookup, hosts do."""
        texts = [str(read_target(text)) for text in ("a.example:1", "192.0.2.1:2", "[2001:db8::1]:3")]
        self.assertEqual(["a.example:1", "192.0.2.1:2", "[2001:db8::1]:3"], texts)
        self.assertEqual([False, True, True], [read_target(text).is_address for text in texts])
