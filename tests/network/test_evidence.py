"""Which prooftypes are asked, and what the policy makes of them."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.evidence import PolicyJudge
from muxs2s.proof.outcome import Evidence, Outcome, Proven, Scope, Undecided
from muxs2s.wire.names import DomainName

A = DomainName.parse("a.example")
NOTHING = Evidence(chain=())


class DoubleProof:
    """Gives the same outcome to everybody, and remembers what it was asked."""

    shows = matched = material = "nothing"
    needs_secure_dns = False

    def __init__(self, name: str, outcome: Outcome) -> None:
        self.name, self.outcome = name, outcome
        self.asked: list[tuple[DomainName, Evidence, float]] = []

    def judge(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        """As any prooftype."""
        self.asked.append((domain, evidence, now))
        return self.outcome


class PolicyJudgeTests(SynchronousTestCase):
    """The judge that asks prooftypes."""

    def judge(self, *prooftypes: DoubleProof) -> Outcome:
        """Have a domain judged."""
        judge = PolicyJudge(prooftypes)
        return self.successResultOf(Deferred.fromCoroutine(judge.judge(A, NOTHING, 5.0)))

    def test_asked(self) -> None:
        """A prooftype is asked about the domain, with what the peer showed, at the time it is."""
        proven = Proven(domain=A, prooftype="pkix", evidence="x", scope=Scope.ASKED_DOMAIN, until=None)
        pkix = DoubleProof("pkix", proven)
        self.assertEqual(proven, self.judge(pkix))
        self.assertEqual([(A, NOTHING, 5.0)], pkix.asked)

    def test_no_evidence(self) -> None:
        """What no prooftype can decide is not proven, with the reasons."""
        outcome = self.judge(DoubleProof("pkix", Undecided(domain=A, reasons=("pkix: no certificate",))))
        self.assertNotIsInstance(outcome, Proven)
        self.assertEqual((A, ("pkix: no certificate",)), (outcome.domain, getattr(outcome, "reasons", None)))

    def test_none_in_force(self) -> None:
        """Without prooftypes nothing is proven."""
        self.assertNotIsInstance(self.judge(), Proven)
