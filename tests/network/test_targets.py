"""Where the servers of a domain are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.targets import (
    Offer,
    Overrides,
    ServiceNotOffered,
    Target,
    TargetRefused,
    Unreachable,
    find_targets,
    in_order,
    read_override,
    read_target,
)
from muxs2s.testing.dns import MemoryResolver, Zone
from muxs2s.wire.errors import StanzaCondition
from muxs2s.wire.names import DomainName

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "srv_selection.json").read_text(encoding="utf-8"))

A_EXAMPLE = DomainName.parse("a.example")


def offers(zone: str) -> list[Offer]:
    """The SRV records of one zone of the vectors."""
    return [
        Offer(priority, weight, Target(host=target, port=port))
        for target, port, priority, weight in VECTORS["zones"][zone]
    ]


def drawn(zone: str, seed: int) -> list[int]:
    """The ports of one zone in one order drawn; each port stands for one record."""
    chance = Random(seed)  # noqa: S311 - the test repeats it
    return [target.port for target in in_order(offers(zone), at_most=100, randbelow=chance.randrange)]


def saying(marks: Iterable[int]) -> Callable[[int], int]:
    """Chance that says these numbers, one after the other."""
    left = iter(marks)
    return lambda _limit: next(left)


class OrderTests(SynchronousTestCase):
    """RFC 2782, by a published set of cases."""

    def test_lower_priority_first(self) -> None:
        """S28: whatever chance says, all targets of a lower priority stand before those of a higher one."""
        priorities = {offer.target.port: offer.priority for offer in offers("example.com")}
        for seed in range(50):
            ports = drawn("example.com", seed)
            self.assertEqual(sorted(priorities), sorted(ports))
            self.assertEqual([0, 0, 0, 0, 1, 1, 2], [priorities[port] for port in ports])

    def test_weights(self) -> None:
        """S28: within a priority the first is drawn by weight, 60 to 35 to 120, and weight 0 seldom but possibly."""
        weights = {offer.target.port: offer.weight for offer in offers("example.com") if offer.priority == 0}
        firsts = Counter(drawn("example.com", seed)[0] for seed in range(2_000))
        for port, weight in weights.items():
            self.assertLess(abs(firsts[port] - 2_000 * weight / 215), 100)

    def test_marks(self) -> None:
        """S28: of the numbers chance may say each weight has as many as it is high, and weight 0 has one."""
        chance = saying(range(216))
        firsts = [in_order(offers("example.com"), at_most=1, randbelow=chance) for _ in range(216)]
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

        in_order(offers("example.com"), at_most=100, randbelow=randbelow)
        self.assertEqual([216, 96, 36, 1, 61, 31, 1], asked)

    def test_at_most(self) -> None:
        """No more than asked for are drawn, however many a domain publishes."""
        self.assertEqual([6, 7, 7], [len(in_order(offers("example.com"), at_most=n)) for n in (6, 7, 8)])
        self.assertEqual((), in_order([], at_most=1))


def offer(host: str, *, weight: int = 0, direct_tls: bool = False, priority: int = 0) -> Offer:
    """A target on the port that says how TLS begins there."""
    return Offer(priority, weight, Target(host=host, port=5270 if direct_tls else 5269, direct_tls=direct_tls))


class MixedOrderTests(SynchronousTestCase):
    """Targets for direct TLS among those for STARTTLS."""

    def test_priorities_are_mixed(self) -> None:
        """S29: priorities count across both services, in favour of either."""
        lot = [offer("a", priority=2), offer("b", direct_tls=True, priority=1), offer("c", priority=0)]
        targets = in_order(lot, at_most=3)
        self.assertEqual(["c:5269", "xmpps://b:5270", "a:5269"], [str(target) for target in targets])

    def test_weights_are_mixed(self) -> None:
        """S29: weights count across both services: 30 for direct TLS at one host against 10 for STARTTLS at another."""
        lot = [offer("a", weight=30, direct_tls=True), offer("b", weight=10)]
        chance = saying(range(41))
        firsts = Counter(in_order(lot, at_most=1, randbelow=chance)[0].host for _ in range(41))
        self.assertEqual({"a": 30, "b": 11}, firsts)

    def test_direct_tls_first_at_one_host(self) -> None:
        """S30: a host with both is tried by direct TLS first, by STARTTLS later, whichever record chance draws."""
        lot = [offer("a", weight=10), offer("a", weight=10, direct_tls=True)]
        for mark in range(21):
            targets = in_order(lot, at_most=2, randbelow=saying([mark, 0]))
            self.assertEqual(["xmpps://a:5270", "a:5269"], [str(target) for target in targets], mark)

    def test_both_records_of_a_host_count(self) -> None:
        """S29: preferring direct TLS changes nothing in how often a host comes first: both of its records count."""
        lot = [offer("a", weight=10), offer("a", weight=10, direct_tls=True), offer("b", weight=20)]
        chance = saying(range(41))
        firsts = Counter(str(in_order(lot, at_most=1, randbelow=chance)[0]) for _ in range(41))
        self.assertEqual({"xmpps://a:5270": 21, "b:5269": 20}, firsts)

    def test_priority_goes_before_direct_tls(self) -> None:
        """S29: an operator who prefers STARTTLS says so by priority, also for one host."""
        lot = [offer("a", direct_tls=True, priority=20), offer("a", priority=10)]
        self.assertEqual(["a:5269", "xmpps://a:5270"], [str(target) for target in in_order(lot, at_most=2)])


class FindTestCase(SynchronousTestCase):
    """A zone, and who asks it."""

    def setUp(self) -> None:
        """No records."""
        self.zone = Zone()
        self.lookup = MemoryResolver(self.zone, Clock())
        self.untold: list[str] = []

    def find(self, domain: DomainName = A_EXAMPLE, at_most: int = 8) -> Deferred[tuple[Target, ...]]:
        """Ask for the servers of a domain."""
        return Deferred.fromCoroutine(
            find_targets(self.lookup, domain, at_most=at_most, note=self.untold.append, randbelow=lambda _: 0)
        )

    def found(self) -> list[str]:
        """The servers of the domain."""
        return [str(target) for target in self.successResultOf(self.find())]

    def nowhere(self) -> str:
        """Why it has none; nothing may be tried then."""
        refused = self.failureResultOf(self.find(), Unreachable).value
        assert isinstance(refused, Unreachable)
        self.assertIs(StanzaCondition.REMOTE_SERVER_NOT_FOUND, refused.condition)
        return str(refused)


class FindTests(FindTestCase):
    """Records that lead somewhere, or nowhere."""

    def test_srv(self) -> None:
        """S28: the targets of the SRV records, by priority, under the name of the service between servers."""
        self.zone.add_srv("a.example", "Second.Example", 5270, priority=20)
        self.zone.add_srv("a.example", "first.example", 5269, priority=10)
        expected = (Target(host="first.example", port=5269), Target(host="second.example", port=5270))
        self.assertEqual(expected, self.successResultOf(self.find()))
        asked = [("_xmpps-server._tcp.a.example", "SRV"), ("_xmpp-server._tcp.a.example", "SRV")]
        self.assertEqual(asked, list(self.zone.asked))

    def test_a_labels(self) -> None:
        """S28: DNS is asked in A-labels."""
        target = self.successResultOf(self.find(DomainName.parse("bücher.example")))[0]
        self.assertEqual("xn--bcher-kva.example", target.host)
        names = [f"_{service}-server._tcp.xn--bcher-kva.example" for service in ("xmpps", "xmpp")]
        self.assertEqual(names, [question.name for question in self.zone.asked])

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
        """S17, S28: when DNS fails the domain itself is the target, and the caller learns why."""
        self.zone.fail("_xmpp-server._tcp.a.example")
        self.assertEqual(["a.example:5269"], self.found())
        self.assertEqual(1, len(self.untold))
        self.assertIn("SRV for _xmpp-server._tcp.a.example failed: memory: SERVFAIL", self.untold[0])

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


class DirectTLSTests(FindTestCase):
    """Two services, each with what DNS says of it."""

    def add_direct(self, host: str = "x.example", port: int = 5270) -> None:
        """Let the domain offer direct TLS, or with "." none."""
        self.zone.add_srv("a.example", host, port, service="xmpps-server")

    def test_both(self) -> None:
        """S29: targets of both services are found, each with how TLS begins there."""
        self.add_direct()
        self.zone.add_srv("a.example", "y.example", 5269, priority=10)
        self.assertEqual(["xmpps://x.example:5270", "y.example:5269"], self.found())

    def test_direct_tls_alone(self) -> None:
        """S29: where there are records for direct TLS alone, the domain itself is not tried."""
        self.add_direct()
        for prepare in (lambda: None, lambda: self.zone.add_srv("a.example", ".", 0)):
            prepare()
            self.assertEqual(["xmpps://x.example:5270"], self.found())

    def test_no_direct_tls(self) -> None:
        """S29: a target of '.' for direct TLS leaves STARTTLS, by SRV records."""
        self.add_direct(".", 0)
        self.zone.add_srv("a.example", "y.example", 5269)
        self.assertEqual(["y.example:5269"], self.found())

    def test_no_direct_tls_and_nothing_else(self) -> None:
        """S29: a target of '.' for direct TLS and no other record leads nowhere, not to the domain itself."""
        self.add_direct(".", 0)
        self.assertIn("a.example offers no direct TLS, and has no SRV records for STARTTLS", self.nowhere())

    def test_neither(self) -> None:
        """S28, S29: a target of '.' for both means that the domain has no such service."""
        self.add_direct(".", 0)
        self.zone.add_srv("a.example", ".", 0)
        self.failureResultOf(self.find(), ServiceNotOffered)

    def test_unusable(self) -> None:
        """S29: a record for direct TLS without a port leads nowhere, and leaves the records that lead somewhere."""
        self.add_direct(port=0)
        self.assertIn("name no host with a port", self.nowhere())
        self.zone.add_srv("a.example", "y.example", 5269)
        self.assertEqual(["y.example:5269"], self.found())

    def test_one_lookup_fails(self) -> None:
        """S29: when DNS tells one service only, its targets are taken; why the other is unknown is told."""
        self.add_direct()
        self.zone.add_srv("a.example", "y.example", 5269)
        for service, left in {"xmpps-server": "y.example:5269", "xmpp-server": "xmpps://x.example:5270"}.items():
            name = f"_{service}._tcp.a.example"
            self.zone.fail(name)
            self.assertEqual([left], self.found())
            self.assertIn(f"{name} failed", self.untold.pop())
            self.zone.mend(name)

    def test_no_direct_tls_and_one_lookup_fails(self) -> None:
        """S29: without direct TLS, and where DNS does not tell the other service, the domain itself is not tried."""
        self.add_direct(".", 0)
        self.zone.fail("_xmpp-server._tcp.a.example")
        self.assertIn("a.example offers no direct TLS, and DNS lookup of SRV", self.nowhere())

    def test_at_once(self) -> None:
        """S29: both services are asked for side by side; giving up gives up both."""
        for service in ("xmpps-server", "xmpp-server"):
            self.zone.silence(f"_{service}._tcp.a.example")
        finding = self.find()
        self.assertEqual(2, len(self.zone.asked))
        finding.cancel()
        self.failureResultOf(finding, CancelledError)


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

    def test_direct_tls(self) -> None:
        """S29: direct TLS is written before the host; a message shows it as it is written."""
        for text, host, port in (
            ("xmpps://xmpp.example", "xmpp.example", 5270),
            ("xmpps://xmpp.example:443", "xmpp.example", 443),
            ("xmpps://[2001:db8::1]", "2001:db8::1", 5270),
            ("xmpps://2001:db8::1", "2001:db8::1", 5270),
        ):
            target = read_override(text)
            self.assertEqual(Target(host=host, port=port, direct_tls=True), target, text)
            self.assertEqual(target, read_override(str(target)))
        self.assertEqual(Target(host="xmpp.example", port=5269), read_override("xmpp.example"))

    def test_direct_tls_is_for_the_operator(self) -> None:
        """S26: a peer cannot write a redirection that begins with TLS, nor with any other scheme."""
        for text in ("xmpps://xmpp.example", "xmpp://xmpp.example"):
            self.assertIn("host:port", str(self.assertRaises(TargetRefused, read_target, text)))
        self.assertRaises(TargetRefused, read_override, "xmpp://xmpp.example")
        self.assertRaises(TargetRefused, read_override, "xmpps://")

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
