"""What came of a probe, for programs and for people."""

from __future__ import annotations

import io
import json
from typing import Any

from rich.console import Console

from muxs2s.probe import Report
from muxs2s.testing import CertificateAuthority
from tests.probe.test_run import INSIDE_TLS
from tests.probe.world import DOMAIN, EXTERNAL, HEADER, SUCCESS, ProbeCase, features
from tests.server.configured import AUTHORITY

LIMITS = (
    "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>20000</max-bytes><idle-seconds>600</idle-seconds></limits>"
)


class ReportCase(ProbeCase):
    """Reports of probes."""

    def told(self, report: Report) -> Any:
        """What programs are told."""
        return json.loads(report.as_json())

    def shown(self, report: Report) -> str:
        """What people see, in wide lines without padding."""
        out = io.StringIO()
        Console(file=out, width=400).print(report.for_people())
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


class JSONTests(ReportCase):
    """For programs."""

    def test_healthy(self) -> None:
        """Every key is there; nobody is to blame."""
        below = AUTHORITY.intermediate()
        self.theirs = below.issue(DOMAIN)
        self.run_script(*INSIDE_TLS, HEADER + features(EXTERNAL, LIMITS), SUCCESS, HEADER + features())
        told = self.told(self.report())
        self.assertEqual(
            ["domain", "from", "healthy", "complete", "culprit", "text", "remedy", "way", "seconds", "search", "ways"],
            list(told),
        )
        self.assertEqual((True, True, None), (told["healthy"], told["complete"], told["culprit"]))
        self.assertEqual("peer.example:5269", told["way"])
        [way] = told["ways"]
        self.assertEqual({"max_bytes": 20_000, "idle_seconds": 600}, way["limits"])
        self.assertEqual(("TLSv1.3", "pkix"), (way["tls"]["version"], way["proven_by"]))
        self.assertEqual([["b.example"], []], [certificate["names"] for certificate in way["certificates"]])
        self.assertEqual("CN=muxs2s test CA", way["certificates"][1]["issuer"])

    def test_steps(self) -> None:
        """Each step has its word, its time and what came of it."""
        self.run_server()
        told = self.told(self.report())
        step = {"what": "srv", "subject": "SRV _xmpp-server._tcp.b.example", "began_seconds": 0.0, "took_seconds": 0.0}
        self.assertEqual({**step, "text": "0 0 5269 peer.example.", "culprit": None}, told["search"][1])

    def test_proofs(self) -> None:
        """Each prooftype says what it has to say, whether it suffices or not."""
        self.theirs = CertificateAuthority("a stranger").issue(DOMAIN)
        self.run_server()
        told = self.told(self.report())
        [way] = told["ways"]
        pkix, dialback = way["proofs"]
        self.assertEqual(("refused", "proven"), (pkix["outcome"], dialback["outcome"]))
        self.assertIn("no trust anchor here", pkix["reasons"][0])
        self.assertIsNone(way["proven_by"])
        self.assertEqual(("peer", "peer"), (told["culprit"], way["steps"][-1]["culprit"]))

    def test_nobody_answers(self) -> None:
        """Where there is no connection what it would have shown is empty; a step that was given up took no time."""
        self.network.silent.add("192.0.2.2")
        self.zone.add("peer.example", "A", "192.0.2.3")
        self.network.silent.add("192.0.2.3")
        told = self.told(self.report(seconds=60))
        [way] = told["ways"]
        self.assertEqual((None, [], [], {}), (way["tls"], way["certificates"], way["proofs"], way["features"]))
        self.assertEqual({"max_bytes": None, "idle_seconds": None}, way["limits"])
        self.assertEqual("network", told["culprit"])

    def test_forbidden(self) -> None:
        """Where nothing was tried there is no way."""
        told = self.told(self.report(domain={DOMAIN: {"policy": "deny"}}))
        self.assertEqual(("us", None, []), (told["culprit"], told["way"], told["ways"]))


class PeopleTests(ReportCase):
    """For people."""

    def test_healthy(self) -> None:
        """The steps by their servers, what was shown, and the verdict."""
        self.run_script(*INSIDE_TLS, HEADER + features(EXTERNAL, LIMITS), SUCCESS, HEADER + features())
        shown = self.shown(self.report())
        self.assertTrue(shown.startswith("b.example, called as a.example\n  0.000 s srv SRV _xmpps-server._tcp.b"))
        self.assertIn("\npeer.example:5269\n  0.000 s address", shown)
        self.assertIn("  0.000 s header   answers as b.example\n", shown)
        self.assertIn("  certificate: b.example; 2020-01-01 to 2099-12-31; issued by CN=muxs2s test CA\n", shown)
        self.assertIn("  limits: 20000 bytes, 600 seconds\n", shown)
        self.assertTrue(shown.endswith("\nb.example accepts a.example by SASL EXTERNAL, and is proven by pkix."), shown)

    def test_failed(self) -> None:
        """Whose fault it is, and what to do."""
        below = CertificateAuthority("a stranger").intermediate()
        self.theirs = below.issue(DOMAIN)
        self.run_server()
        shown = self.shown(self.report())
        self.assertIn("  issuer: CN=muxs2s test intermediate CA; 2020-01-01 to 2099-12-31; issued by CN=a str", shown)
        self.assertIn("\nCulprit: peer.\nRemedy: ask the operator of b.example: ", shown)

    def test_incomplete(self) -> None:
        """What was not tried, and how it can be."""
        self.run_script(*INSIDE_TLS, HEADER + features(EXTERNAL))
        shown = self.shown(self.report(self.stranger()))
        self.assertNotIn("Culprit", shown)
        self.assertIn("not tried.\nRemedy: give --config", shown)

    def test_other_ways(self) -> None:
        """A way that fails beside one that works is told of below."""
        self.zone.add_srv(DOMAIN, "peer.example", 5299, priority=1)
        self.run_server()
        self.assertIn("\nAnother way does not work: no connection to peer.example:5299", self.shown(self.report()))

    def test_no_search(self) -> None:
        """Where nothing was tried there is the verdict alone."""
        shown = self.shown(self.report(domain={DOMAIN: {"policy": "deny"}}))
        self.assertTrue(shown.startswith("b.example, called as a.example\n\nthe policy of this server denies"), shown)
