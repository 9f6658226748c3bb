"""The kit against servers that do wrong: no case passes whatever a server does."""

from __future__ import annotations

from collections.abc import Sequence

from muxs2s.conformance import Deviation, conformance
from muxs2s.conformance.case import Case
from muxs2s.conformance.cases import CASES, forging
from muxs2s.conformance.result import CaseResult, State
from tests.conformance.world import SERVER, KitCase
from tests.conformance.wrong import Wrong, WrongFactory


class WrongTests(KitCase):
    """Servers that open streams well enough."""

    def played(self, wrong: Wrong, cases: Sequence[Case] = CASES) -> list[CaseResult]:
        """What each case comes to against a server that does wrong in this way."""
        self.network.ports.clear()
        for port in (5269, 5270):
            self.network.listenTCP(port, WrongFactory(wrong), interface=SERVER)
        results: list[CaseResult] = []
        self.finished(conformance(self.network, self.setting, cases=cases, tell=results.append))
        return results

    def test_every_case_can_fail(self) -> None:
        """For every case there is a server that does wrong and is found out; a gullible one by every forgery."""
        left = list(CASES)
        for wrong in sorted(Wrong, key=lambda wrong: wrong is not Wrong.CREDULOUS):
            broken = {result.title for result in self.played(wrong, left) if result.state is State.BROKEN}
            left = [case for case in left if case.title not in broken]
            self.assertEqual(set(), set(left) & set(forging.CHAPTER.cases), wrong)
        self.assertEqual([], [case.title for case in left])

    def test_told(self) -> None:
        """What was expected is told, what came in its place, and all that was said on every connection."""
        self.change(rows=frozenset({"S19"}))
        [result] = [result for result in self.played(Wrong.SILENT) if result.rows == ("S19",)][:1]
        self.assertIn("expected stream error not-well-formed, and nothing came within 10 s", result.text)
        self.assertEqual("1 > <message><body></message>", result.transcript[2])

    def test_nobody(self) -> None:
        """Where nobody answers, or nobody who speaks XMPP, there is nothing to be tried."""
        self.failed_with(Deviation, conformance(self.network, self.setting), "no connection to 192.0.2.2:5269: ")
