"""What DNS says of our own domains, and whether that leads here."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from muxs2s.check.finding import Finding, Grade
from muxs2s.check.records import MAX_AT_ONCE, MAX_SECONDS, Place, check_records
from muxs2s.network.resolver import Answer, Lookup
from muxs2s.testing import MemoryResolver, Zone
from tests.server.configured import ConfiguredTestCase

HERE = "192.0.2.1"


class RecordCase(ConfiguredTestCase):
    """A zone, and a host at one address that accepts peers at two ports."""

    def setUp(self) -> None:
        super().setUp()
        self.zone, self.clock = Zone(), Clock()
        self.zone.add("xmpp.example", "A", HERE)
        self.lookup: Lookup = MemoryResolver(self.zone, self.clock)
        self.ports: frozenset[int] | None = frozenset({5269, 5270})
        self.direct_tls_ports: frozenset[int] | None = frozenset()

    def look(self, *domains: str, **options: object) -> Deferred[list[Finding]]:
        """Begin to look up domains of ours."""
        place = Place(
            owns_address=lambda address: address == HERE, ports=self.ports, direct_tls_ports=self.direct_tls_ports
        )
        configuration = self.made(domains=list(domains), **options)
        return Deferred.fromCoroutine(check_records(self.lookup, self.clock, place, configuration))

    def found(self, *domains: str, **options: object) -> list[Finding]:
        """What is found."""
        return self.successResultOf(self.look(*domains, **options))

    def domain(self, name: str, *others: str) -> Finding:
        """What is found of a domain, among others."""
        [finding] = [one for one in self.found(name, *others) if one.about == name]
        return finding


class DomainTests(RecordCase):
    """One domain."""

    def test_srv(self) -> None:
        """SRV records that lead to an address of this host, and a port where peers are accepted, are good."""
        self.zone.add_srv("a.example", "xmpp.example", 5270)
        finding = self.domain("a.example")
        self.assertEqual((Grade.OK, f"leads here: xmpp.example:5270 ({HERE})"), (finding.grade, finding.text))
        way = {"host": "xmpp.example", "port": 5270, "direct_tls": False, "address": HERE}
        self.assertEqual({"leads_to": [way]}, finding.details)

    def test_no_srv(self) -> None:
        """Without SRV records the addresses of the domain itself count, at the port everybody knows."""
        self.zone.add("a.example", "A", HERE)
        self.assertEqual(f"leads here: a.example:5269 ({HERE})", self.domain("a.example").text)
        self.ports = frozenset({5270})
        finding = self.domain("a.example")
        self.assertIs(Grade.ERROR, finding.grade)
        self.assertIn("SRV 0 0 5270 HOST.", finding.remedy)

    def test_nothing(self) -> None:
        """S31: a domain without records of its own is lost; those of the domain above do not count for it."""
        self.zone.add_srv("a.example", "xmpp.example", 5269)
        finding = self.domain("rooms.a.example", "a.example")
        self.assertIs(Grade.ERROR, finding.grade)
        self.assertEqual(
            "has neither an SRV record nor an address; those of a.example do not count for it", finding.text
        )
        self.assertIn('"_xmpp-server._tcp.rooms.a.example. 3600 IN SRV 0 0 5269 HOST."', finding.remedy)
        self.assertEqual("has neither an SRV record nor an address", self.domain("b.example", "a.example").text)

    def test_no_address(self) -> None:
        """SRV records that name a host without an address lead nowhere."""
        self.zone.add_srv("a.example", "gone.example", 5269)
        finding = self.domain("a.example")
        self.assertIs(Grade.ERROR, finding.grade)
        self.assertEqual("its SRV records name gone.example:5269, without any address", finding.text)

    def test_elsewhere(self) -> None:
        """An address that is not of this host may be that of a router or a proxy: a warning."""
        self.zone.add_srv("a.example", "proxy.example", 5269)
        self.zone.add("proxy.example", "A", "203.0.113.1")
        finding = self.domain("a.example")
        self.assertIs(Grade.WARNING, finding.grade)
        self.assertEqual("leads to proxy.example:5269 (203.0.113.1), no address of this host", finding.text)

    def test_wrong_port(self) -> None:
        """A port of this host where nobody listens is an error, or a warning where another record is right."""
        self.zone.add_srv("a.example", "xmpp.example", 5222)
        finding = self.domain("a.example")
        self.assertIs(Grade.ERROR, finding.grade)
        self.assertIn(f"leads to xmpp.example:5222 ({HERE}) of this host, where no peers are accepted", finding.text)
        self.zone.add_srv("a.example", "xmpp.example", 5269)
        self.assertIs(Grade.WARNING, self.domain("a.example").grade)

    def test_direct_tls(self) -> None:
        """Records for direct TLS have to lead to a port where TLS comes first."""
        self.zone.add_srv("a.example", "xmpp.example", 5269)
        self.zone.add_srv("a.example", "xmpp.example", 5271, service="xmpps-server")
        finding = self.domain("a.example")
        self.assertIs(Grade.WARNING, finding.grade)
        self.assertIn(f"leads to xmpps://xmpp.example:5271 ({HERE}) of this host", finding.text)
        for ports in (frozenset({5271}), None):
            self.direct_tls_ports = ports
            self.assertIs(Grade.OK, self.domain("a.example").grade)

    def test_direct_tls_not_found(self) -> None:
        """Where TLS comes first at some port, and no record leads to it, nobody will go there."""
        self.zone.add_srv("a.example", "xmpp.example", 5269)
        self.direct_tls_ports = frozenset({5271, 5272})
        finding = self.domain("a.example")
        self.assertIs(Grade.WARNING, finding.grade)
        self.assertIn("nothing leads to direct TLS", finding.text)
        self.assertIn('"_xmpps-server._tcp.a.example. 3600 IN SRV 0 0 5271 HOST."', finding.remedy)

    def test_ports_unknown(self) -> None:
        """Where it cannot be told at which ports peers are accepted, any port is taken for right."""
        self.ports = None
        self.zone.add_srv("a.example", "xmpp.example", 5222)
        self.assertIs(Grade.OK, self.domain("a.example").grade)
        self.assertIn("SRV 0 0 5269 HOST.", self.domain("b.example").remedy)

    def test_no_service(self) -> None:
        """Records that say there is no service are an error for a server that is there."""
        self.zone.add_srv("a.example", ".", 0)
        finding = self.domain("a.example")
        self.assertIs(Grade.ERROR, finding.grade)
        self.assertIn("offers no XMPP service", finding.text)

    def test_address_as_target(self) -> None:
        """A record that names an address is no host, but peers that take it find it."""
        self.zone.add_srv("a.example", HERE, 5269)
        self.assertEqual(f"leads here: {HERE}:5269", self.domain("a.example").text)

    def test_many_addresses(self) -> None:
        """Of many addresses the first few are shown."""
        self.zone.add("a.example", "A", *(f"192.0.2.{number}" for number in range(1, 8)))
        self.assertIn("and 3 more", self.domain("a.example").text)


class NodeTests(RecordCase):
    """Several hosts that serve one domain."""

    def secret(self, **options: object) -> list[Finding]:
        """What is found of the secret they need."""
        return [one for one in self.found("a.example", **options) if one.about == "dialback.secret"]

    def test_several(self) -> None:
        """Where DNS names other hosts beside this one, all of them need the same secret."""
        self.zone.add_srv("a.example", "xmpp.example", 5269)
        self.zone.add_srv("a.example", "second.example", 5269)
        self.zone.add("second.example", "A", "192.0.2.2")
        [finding] = self.secret()
        self.assertIs(Grade.WARNING, finding.grade)
        self.assertIn("a.example is served by second.example as well", finding.text)
        self.assertEqual([], self.secret(dialback={"secret": "0123456789abcdef"}))

    def test_one(self) -> None:
        """A host alone needs none, even if one of its addresses is that of a router; nor do hosts elsewhere."""
        self.zone.add_srv("a.example", "xmpp.example", 5269)
        self.zone.add("xmpp.example", "A", "203.0.113.1")
        self.assertEqual([], self.secret())
        self.zone.remove("xmpp.example", "A")
        self.zone.add("xmpp.example", "A", "203.0.113.1")
        self.assertEqual([], self.secret())


class ServerTests(RecordCase):
    """The servers of DNS."""

    def test_answering(self) -> None:
        """Servers that answer are named: the configured ones, or the file that names those of the system."""
        self.assertEqual(("DNS servers of /etc/resolv.conf", "answer"), (self.found("a.example")[0].about, "answer"))
        first = self.found("a.example", dns={"servers": ["192.0.2.53", "[2001:db8::53]:5353"]})[0]
        self.assertEqual("DNS servers of 192.0.2.53:53, [2001:db8::53]:5353", first.about)

    def test_silent(self) -> None:
        """Servers that answer nothing are one error, not one for each domain."""
        for name in ("invalid", "_xmpp-server._tcp.a.example"):
            self.zone.fail(name, "REFUSED")
        [finding] = self.found("a.example", "b.example")
        self.assertIs(Grade.ERROR, finding.grade)
        self.assertIn("REFUSED", finding.text)
        self.assertIn("dns.servers", finding.remedy)

    def test_closed(self) -> None:
        """Servers that answer for our own domains alone are good."""
        self.zone.fail("invalid", "REFUSED")
        self.zone.add("a.example", "A", HERE)
        self.assertEqual([Grade.OK, Grade.OK], [finding.grade for finding in self.found("a.example")])

    def test_one_fails(self) -> None:
        """A failure of the servers of one name is an error of that domain."""
        self.zone.add_srv("a.example", "xmpp.example", 5269)
        self.zone.add_srv("b.example", "broken.example", 5269)
        self.zone.fail("broken.example")
        self.assertIs(Grade.OK, self.domain("a.example", "b.example").grade)
        finding = self.domain("b.example", "a.example")
        self.assertIs(Grade.ERROR, finding.grade)
        self.assertIn("broken.example failed: memory: SERVFAIL", finding.text)

    def test_service_fails(self) -> None:
        """So is a failure of the question for its servers, although peers then go by the domain itself."""
        self.zone.add("a.example", "A", HERE)
        self.zone.fail("_xmpps-server._tcp.a.example")
        finding = self.domain("a.example")
        self.assertIs(Grade.ERROR, finding.grade)
        self.assertIn("_xmpps-server._tcp.a.example failed: memory: SERVFAIL", finding.text)


class Slow:
    """Answers when told to, and counts who waits."""

    def __init__(self, inner: Lookup) -> None:
        self._inner = inner
        self.waiting: list[Deferred[None]] = []
        self.patient = False

    async def query(self, name: str, rdtype: str) -> Answer:
        """Wait, but for the first."""
        if self.patient and name.startswith("_xmpp-server."):
            self.waiting.append(Deferred())
            await self.waiting[-1]
        self.patient = True
        return await self._inner.query(name, rdtype)


class TimeTests(RecordCase):
    """How long it may take."""

    def test_bounded(self) -> None:
        """Some domains are asked for at once; when the time is over no more are begun, and that is said."""
        domains = [f"a{number}.example" for number in range(MAX_AT_ONCE + 2)]
        self.lookup = slow = Slow(self.lookup)
        looking = self.look(*domains)
        self.assertEqual(MAX_AT_ONCE, len(slow.waiting))
        slow.waiting[0].callback(None)
        self.assertEqual(MAX_AT_ONCE + 1, len(slow.waiting))
        self.clock.advance(MAX_SECONDS)
        for waiting in slow.waiting[1:]:
            waiting.callback(None)
        *_, last = self.successResultOf(looking)
        self.assertEqual((f"a{MAX_AT_ONCE + 1}.example", Grade.ERROR), (last.about, last.grade))
        self.assertEqual("not asked, as others took 60 s", last.text)
