"""A whole check."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from muxs2s.check import Area, Grade, Report, check
from muxs2s.check.system import Machine
from muxs2s.network.resolver import Resolver
from muxs2s.testing import MemoryNetwork, MemoryResolver, Zone
from tests.check.test_system import GOOD
from tests.server.configured import ConfiguredTestCase

CONFIGURATION = """\
listen = ["127.0.0.1:5269"]
certificates.directories = ["live"]
components.secrets."a.example" = "sesame"
"""


class CheckTests(ConfiguredTestCase):
    """From the file to the report."""

    def setUp(self) -> None:
        super().setUp()
        self.certify("a.example")
        self.network, self.zone = MemoryNetwork(now=4_000_000_000.0), Zone()
        self.zone.add("a.example", "A", "192.0.2.1")

    def report(self, text: str, machine: Machine = GOOD) -> Report:
        """The report on a configuration."""
        self.write(text)
        lookup = MemoryResolver(self.zone, self.network)
        checking = Deferred.fromCoroutine(check(self.network, self.file, machine=machine, lookup=lookup))
        self.network.settle()
        return self.successResultOf(checking)

    def test_good(self) -> None:
        """A server that wants for nothing: every area is looked at, and all is good."""
        report = self.report(CONFIGURATION)
        self.assertEqual([], [finding for finding in report.findings if finding.grade is not Grade.OK])
        self.assertEqual(list(Area), list(dict.fromkeys(finding.area for finding in report.findings)))
        self.assertEqual("serves 1 domains, 1 of them by components", report.findings[0].text)

    def test_faulty(self) -> None:
        """Every fault of the configuration is told; what follows from it is not looked at, the machine is."""
        report = self.report('listen = "5269"\ndomain = 3\n', Machine(user=lambda: 0))
        faults = [finding for finding in report.findings if finding.area is Area.CONFIGURATION]
        self.assertEqual(["domain", "listen"], sorted(finding.about for finding in faults))
        self.assertTrue(all(finding.grade is Grade.ERROR and finding.remedy for finding in faults))
        self.assertEqual((Area.CERTIFICATES, Area.PORTS, Area.DNS), report.skipped)
        self.assertIn(Area.SYSTEM, {finding.area for finding in report.findings})

    def test_no_file(self) -> None:
        """A file that is not there is a fault like others."""
        report = self.report("")
        self.file.unlink()
        report = self.successResultOf(Deferred.fromCoroutine(check(self.network, self.file, machine=GOOD)))
        self.assertEqual(str(self.file), report.findings[0].about)
        self.assertIn("cannot be read", report.findings[0].text)

    def test_unserved(self) -> None:
        """A domain that no component can serve is worth a warning."""
        report = self.report(f'domains = ["b.example"]\n{CONFIGURATION}')
        self.assertIn(("b.example", Grade.WARNING), [(finding.about, finding.grade) for finding in report.findings])

    def test_unknown_ports(self) -> None:
        """Where one place does not say its port, any port that DNS names is taken for right."""
        for place, grade in (("tcp:5222", Grade.ERROR), ("tcp:interface=127.0.0.1:port=5222", Grade.OK)):
            report = self.report(CONFIGURATION.replace("127.0.0.1:5269", place))
            [finding] = [one for one in report.findings if one.area is Area.DNS and one.about == "a.example"]
            self.assertIs(grade, finding.grade)

    def test_dns_of_the_configuration(self) -> None:
        """DNS is asked as the server will ask it."""
        asked = []

        async def ask(_resolver: Resolver, name: str, _rdtype: str) -> None:
            asked.append(name)
            raise ZeroDivisionError

        self.patch(Resolver, "query", ask)
        self.write(CONFIGURATION)
        checking = Deferred.fromCoroutine(check(self.network, self.file, machine=GOOD))
        self.network.settle()
        self.failureResultOf(checking, ZeroDivisionError)
        self.assertEqual(["invalid"], asked)
