"""
Gathers what each prooftype asks for, and has it judged.

Knows which prooftypes are in force and in which order they are asked. Does not know how any of them
decides: see :mod:`muxs2s.proof`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from muxs2s.proof.outcome import Evidence, Fault, Outcome, Prooftype, Refused
from muxs2s.proof.peers import PeerPolicies
from muxs2s.wire.names import DomainName

__all__ = ["Judge", "PolicyJudge"]


class Judge(Protocol):
    """Decides whether what a peer showed proves a domain; it may have to ask others first."""

    async def judge(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        """
        Decide.

        :param now: seconds since the epoch.
        """
        ...


class PolicyJudge:
    """
    Asks the prooftypes that the policy of the domain names.

    :param prooftypes: every prooftype that is at hand.
    :param policies: gives the policies of the moment.
    """

    def __init__(self, prooftypes: tuple[Prooftype, ...], policies: Callable[[], PeerPolicies] = PeerPolicies) -> None:
        self._prooftypes = prooftypes
        self._policies = policies

    async def judge(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        """Ask each prooftype and let the policy choose; a domain that is denied is not asked for a proof."""
        policy = self._policies().of(domain)
        if not policy.is_admitted:
            text = "the policy of this server denies it"
            return Refused(domain=domain, reasons=(text,), faults=frozenset({Fault.DENIED}))
        return policy.proofs.judge(domain, evidence, now, self._prooftypes)
