"""Tests of :mod:`muxs2s.proof.policy`."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof import Evidence, Fault, Outcome, ProofPolicy, Proven, Refused, Scope, Undecided
from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.names import DomainName

DOMAIN = DomainName.parse("a.example")
NOTHING = Evidence(chain=())


def proven(prooftype: str) -> Proven:
    """A proof by that prooftype."""
    return Proven(domain=DOMAIN, prooftype=prooftype, evidence="seen", scope=Scope.ASKED_DOMAIN, until=None)


def refused(reason: str) -> Refused:
    """A refusal for that reason."""
    return Refused(domain=DOMAIN, reasons=(reason,))


def undecided(reason: str) -> Undecided:
    """No decision for that reason."""
    return Undecided(domain=DOMAIN, reasons=(reason,))


class Always:
    """A prooftype that has made up its mind, and counts how often it is asked."""

    shows = matched = material = "nothing"
    needs_secure_dns = False

    def __init__(self, name: str, outcome: Outcome) -> None:
        self.name, self.outcome, self.asked = name, outcome, 0

    def judge(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        """Say the same whatever is shown."""
        self.asked += 1
        return self.outcome


class DecideTests(SynchronousTestCase):
    """Several outcomes make one decision."""

    policy = ProofPolicy(order=("pkix", "dane"))

    def test_first_proof_wins(self) -> None:
        """Of two proofs the one that stands first in the order counts."""
        self.assertEqual(self.policy.decide([proven("dane"), proven("pkix")]), proven("pkix"))

    def test_one_proof_suffices(self) -> None:
        """D2, D3: a failed prooftype does no harm where another one proves the domain."""
        self.assertEqual(self.policy.decide([refused("pkix: expired"), proven("dane")]), proven("dane"))

    def test_refused(self) -> None:
        """Without a proof a refusal counts, with the reasons of all."""
        decided = self.policy.decide([undecided("dane: no records"), refused("pkix: expired")])
        self.assertEqual(decided, Refused(domain=DOMAIN, reasons=("dane: no records", "pkix: expired")))

    def test_faults(self) -> None:
        """A refusal by several is for what all of them have found."""
        given = [replace(refused("x"), faults=frozenset({fault})) for fault in (Fault.EXPIRED, Fault.WRONG_NAME)]
        decided = self.policy.decide(given)
        assert isinstance(decided, Refused)
        self.assertEqual({Fault.EXPIRED, Fault.WRONG_NAME}, decided.faults)

    def test_undecided(self) -> None:
        """Where nobody decides nothing is decided."""
        decided = self.policy.decide([undecided("pkix: no certificate"), undecided("dane: no records")])
        self.assertEqual(decided, Undecided(domain=DOMAIN, reasons=("pkix: no certificate", "dane: no records")))

    def test_proof_that_does_not_suffice(self) -> None:
        """A proof by a prooftype that the policy does not list proves nothing, and is named."""
        decided = self.policy.decide([proven("dialback"), undecided("pkix: no certificate")])
        self.assertEqual(
            decided,
            Undecided(
                domain=DOMAIN,
                reasons=("dialback: proven, but that does not suffice here", "pkix: no certificate"),
            ),
        )

    def test_nothing_to_decide(self) -> None:
        """Deciding on nothing is a mistake of ours."""
        self.assertRaises(LocalMisuse, self.policy.decide, [])

    def test_several_domains(self) -> None:
        """Outcomes for different domains are not mixed."""
        other = Undecided(domain=DomainName.parse("b.example"), reasons=())
        self.assertRaises(LocalMisuse, self.policy.decide, [proven("pkix"), other])


class JudgeTests(SynchronousTestCase):
    """The prooftypes are asked in order."""

    def test_asks_until_proven(self) -> None:
        """The first proof ends the asking."""
        pkix, dane = Always("pkix", proven("pkix")), Always("dane", proven("dane"))
        decided = ProofPolicy(order=("pkix", "dane")).judge(DOMAIN, NOTHING, 0.0, [dane, pkix])
        self.assertEqual((decided, pkix.asked, dane.asked), (proven("pkix"), 1, 0))

    def test_asks_all_without_proof(self) -> None:
        """Without a proof every prooftype gives its reasons."""
        pkix, dane = Always("pkix", refused("pkix: expired")), Always("dane", undecided("dane: no records"))
        decided = ProofPolicy(order=("pkix", "dane")).judge(DOMAIN, NOTHING, 0.0, [pkix, dane])
        self.assertEqual(decided, Refused(domain=DOMAIN, reasons=("pkix: expired", "dane: no records")))

    def test_unlisted_is_not_asked(self) -> None:
        """A prooftype that does not suffice is not even asked."""
        dialback = Always("dialback", proven("dialback"))
        decided = ProofPolicy().judge(DOMAIN, NOTHING, 0.0, [dialback])
        self.assertEqual((decided, dialback.asked), (undecided("none of pkix is at hand"), 0))
