"""The kit against servers that do wrong: no case passes whatever a server does."""

from __future__ import annotations

from muxs2s.conformance import Deviation, conformance
from muxs2s.conformance.cases import CASES, forging
from muxs2s.conformance.result import CaseResult, State
from tests.conformance.world import SERVER, KitCase
from tests.conformance.wrong import Wrong, WrongFactory


class WrongTests(KitCase):
    """Servers that open streams well enough."""

    def played(self, wrong: Wrong) -> list[CaseResult]:
        """What each case comes to against a server that does wrong in this way."""
        self.network.ports.clear()
        for port in (5269, 5270):
            self.network.listenTCP(port, WrongFactory(wrong), interface=SERVER)
        results: list[CaseResult] = []
        self.finished(conformance(self.network, self.setting, tell=results.append))
        return results

    def test_every_case_can_fail(self) -> None:
        """For every case there is a server that does wrong and is found out; a gullible one by every forgery."""
        broken = {
            wrong: {result.title for result in self.played(wrong) if result.state is State.BROKEN} for wrong in Wrong
        }
        found = set[str]().union(*broken.values())
        self.assertEqual([], [case.title for case in CASES if case.title not in found])
        forgeries = {case.title for case in forging.CHAPTER.cases}
        self.assertEqual(set(), forgeries - broken[Wrong.CREDULOUS])

    def test_told(self) -> None:
        """What was expected is told, what came in its place, and all that was said on every connection."""
        self.change(rows=frozenset({"S19"}))
        [result] = [result for result in self.played(Wrong.SILENT) if result.rows == ("S19",)][:1]
        self.assertIn("expected stream error not-well-formed, and nothing came within 10 s", result.text)
        self.assertEqual("1 > <message><body></message>", result.transcript[2])

    def test_nobody(self) -> None:
        """Where nobody answers, or nobody who speaks XMPP, there is nothing to be tried."""
        self.failed_with(Deviation, conformance(self.network, self.setting), "no connection to 192.0.2.2:5269: ")
