"""The kit against a server of ours: every row that can be seen is met, and the page says so."""

from __future__ import annotations

from collections import Counter

from muxs2s.conformance import OwnDomains, Report, conformance
from muxs2s.conformance.cases import CASES
from muxs2s.conformance.result import State
from muxs2s.conformance.rows import ROWS, UNOBSERVABLE
from muxs2s.conformance.setting import Need
from muxs2s.network.pem import Credentials
from tests.conformance.page import PAGE, renewed
from tests.conformance.world import OURS, KitCase
from tests.server.configured import AUTHORITY

PLAIN = frozenset(row for row in ROWS if row[0] == "S")
"""Of streams and stanzas."""


def broken(report: Report) -> dict[str, str]:
    """The cases that are not met, and what came in each."""
    return {case.title: case.text for row in report.rows for case in row.cases if case.state is State.BROKEN}


class WholeTests(KitCase):
    """A server as its operator configures it."""

    def test_met(self) -> None:
        """Nothing is broken, doc/conformance.rst has the table, and in the end nothing is left open at either side."""
        server = self.run_server()
        report = self.finished(conformance(self.network, self.setting))
        self.assertEqual({}, broken(report))
        self.network.advance(60)
        self.assertEqual((), server.federation.status().streams)
        self.assertEqual({"192.0.2.2"}, {address for address, _ in self.network.ports})
        page = PAGE.read_text(encoding="utf-8")
        self.assertEqual(page, renewed(page, report), "renew it with python -m tests.conformance.page")

    def test_nothing_given(self) -> None:
        """Without places and authority less can be seen, nothing is broken, and each reason names an option."""
        self.change(listening=None, zone=None, direct_tls=None, more_domains=(), is_patient=False)
        given = [AUTHORITY.issue(OURS), AUTHORITY.issue("other.kit.example")]
        self.change(ours=OwnDomains(OURS, None, list[Credentials](given)))
        report = self.report()
        self.assertEqual({}, broken(report))
        unseen = [case for row in report.rows for case in row.cases if case.state is State.UNSEEN]
        reasons = {case.text for case in unseen} - {Need.MULTIPLEX.value}
        self.assertEqual([], [reason for reason in reasons if "give --" not in reason])

    def test_answers_on_another_stream(self) -> None:
        """A server that offers no streams in both directions answers on one that it opens, and nothing is broken."""
        self.change(rows=PLAIN)
        report = self.report(policy={"proofs": ["pkix", "dialback"], "bidi": False})
        states = {row.row: row.state for row in report.rows}
        self.assertEqual({}, broken(report))
        self.assertIs(State.MET, states["S17"])

    def test_certificates_alone(self) -> None:
        """A server that knows no dialback lives on if it closes its stream in good order, and nothing is broken."""
        self.change(rows=PLAIN)
        self.assertEqual({}, broken(self.report(policy={"proofs": ["pkix"]})))

    def test_some_rows(self) -> None:
        """Of some rows only their cases are played."""
        self.change(rows=frozenset({"S8", "S23"}))
        report = self.report()
        self.assertEqual({"S8": State.MET, "S23": State.UNSEEN}, {row.row: row.state for row in report.rows})


class CaseTests(KitCase):
    """The cases as they are written down."""

    def test_rows(self) -> None:
        """Every row has a case or a reason why it has none, and no case is for a row that nobody knows."""
        tried = {row for case in CASES for row in case.rows}
        self.assertEqual(set(), ROWS.keys() - tried - UNOBSERVABLE.keys())
        self.assertEqual(set(), tried - ROWS.keys())

    def test_titles(self) -> None:
        """Every case has a title, and no two have the same."""
        titles = Counter(case.title for case in CASES)
        self.assertEqual([], [title for title, count in titles.items() if not title or count > 1])
