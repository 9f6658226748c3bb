"""
Which prooftypes suffice, and which of several outcomes counts.

Knows no prooftype from inside: it asks them in order and puts their answers together. Does not know
which of them an operator has switched on: it is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from muxs2s.proof.outcome import Evidence, Outcome, Prooftype, Proven, Refused, Undecided
from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.names import DomainName

__all__ = ["ProofPolicy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofPolicy:
    """
    The prooftypes that suffice, best first.

    Failing one prooftype is no failure of the stream: the next may prove the domain.

    Source: RFC 7712, section 4.3.
    """

    order: tuple[str, ...] = ("pkix",)
    """Names of prooftypes. One that is not listed proves nothing here."""

    @property
    def is_chain_enough(self) -> bool:
        """
        Whether a chain to our trust anchors suffices, and nothing is looked up for the domain itself.

        Dialback does not count here: it is for those who have no such chain.
        """
        return "pkix" in self.order and set(self.order) <= {"pkix", "dialback"}

    def judge(self, domain: DomainName, evidence: Evidence, now: float, prooftypes: Iterable[Prooftype]) -> Outcome:
        """
        Ask the prooftypes in the order of the policy, until one proves the domain.

        :param now: seconds since the epoch.
        :param prooftypes: those at hand, in any order.
        """
        at_hand = {prooftype.name: prooftype for prooftype in prooftypes}
        outcomes: list[Outcome] = []
        for name in self.order:
            if name in at_hand:
                outcome = at_hand[name].judge(domain, evidence, now)
                if isinstance(outcome, Proven):
                    return outcome
                outcomes.append(outcome)
        if not outcomes:
            return Undecided(domain=domain, reasons=(f"none of {', '.join(self.order) or 'no prooftypes'} is at hand",))
        return self.decide(outcomes)

    def decide(self, outcomes: Iterable[Outcome]) -> Outcome:
        """
        Put the outcomes for one domain together.

        :returns: the proof that stands first in the order; else a refusal if there is one, with the
            reasons of all; else the lack of a decision, with the reasons of all.
        :raises LocalMisuse: if there are no outcomes, or they are about several domains.
        """
        given = tuple(outcomes)
        domains = {outcome.domain for outcome in given}
        if len(domains) != 1:
            raise LocalMisuse(f"outcomes for one domain are decided upon, not for {len(domains)}")
        proofs = [outcome for outcome in given if isinstance(outcome, Proven)]
        sufficient = [proof for proof in proofs if proof.prooftype in self.order]
        if sufficient:
            return min(sufficient, key=lambda proof: self.order.index(proof.prooftype))
        reasons = tuple(f"{proof.prooftype}: proven, but that does not suffice here" for proof in proofs)
        reasons += tuple(reason for outcome in given if not isinstance(outcome, Proven) for reason in outcome.reasons)
        refusals = [outcome for outcome in given if isinstance(outcome, Refused)]
        if refusals:
            faults = frozenset().union(*(refusal.faults for refusal in refusals))
            return Refused(domain=domains.pop(), reasons=reasons, faults=faults)
        return Undecided(domain=domains.pop(), reasons=reasons)
