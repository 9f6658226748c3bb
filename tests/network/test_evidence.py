"""Which prooftypes are asked, and what the policy makes of them."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.evidence import PolicyJudge
from muxs2s.proof.outcome import Evidence, Fault, Outcome, Proven, Refused, Scope, Undecided
from muxs2s.proof.peers import PeerPolicies, PeerPolicy
from muxs2s.proof.policy import ProofPolicy
from muxs2s.wire.names import DomainName

A = DomainName.parse("a.example")
NOTHING = Evidence(chain=())
PROVEN = Proven(domain=A, prooftype="pkix", evidence="x", scope=Scope.ASKED_DOMAIN, until=None)


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

    policies = PeerPolicies()

    def judge(self, *prooftypes: DoubleProof) -> Outcome:
        """Have a domain judged."""
        judge = PolicyJudge(prooftypes, lambda: self.policies)
        return self.successResultOf(Deferred.fromCoroutine(judge.judge(A, NOTHING, 5.0)))

    def test_asked(self) -> None:
        """A prooftype is asked about the domain, with what the peer showed, at the time it is."""
        pkix = DoubleProof("pkix", PROVEN)
        self.assertEqual(PROVEN, self.judge(pkix))
        self.assertEqual([(A, NOTHING, 5.0)], pkix.asked)

    def test_no_evidence(self) -> None:
        """What no prooftype can decide is not proven, with the reasons."""
        outcome = self.judge(DoubleProof("pkix", Undecided(domain=A, reasons=("pkix: no certificate",))))
        self.assertNotIsInstance(outcome, Proven)
        self.assertEqual((A, ("pkix: no certificate",)), (outcome.domain, getattr(outcome, "reasons", None)))

    def test_denied(self) -> None:
        """A domain that the policy denies is refused, and no prooftype is asked."""
        self.policies = PeerPolicies(domains={A: PeerPolicy(is_admitted=False)})
        pkix = DoubleProof("pkix", PROVEN)
        text = "the policy of this server denies it"
        refused = Refused(domain=A, reasons=(text,), faults=frozenset({Fault.DENIED}))
        self.assertEqual((refused, []), (self.judge(pkix), pkix.asked))

    def test_order_of_the_policy(self) -> None:
        """The policy of the domain says which prooftypes count, and which is asked first."""
        self.policies = PeerPolicies(domains={A: PeerPolicy(proofs=ProofPolicy(order=("dialback",)))})
        pkix, dialback = DoubleProof("pkix", PROVEN), DoubleProof("dialback", replace(PROVEN, prooftype="dialback"))
        self.assertEqual("dialback", getattr(self.judge(pkix, dialback), "prooftype", None))
        self.assertEqual([], pkix.asked)

    def test_none_in_force(self) -> None:
        """Without prooftypes nothing is proven."""
        self.assertNotIsInstance(self.judge(), Proven)
