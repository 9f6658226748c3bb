"""Tests of :mod:`muxs2s.proof.peers`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof import DIALBACK_SUFFICES, PeerPolicies, PeerPolicy, ProofPolicy, domains_above
from muxs2s.wire.names import DomainName

DENIED = PeerPolicy(is_admitted=False)


def found(policies: PeerPolicies, domain: str) -> PeerPolicy:
    """The policy of a domain."""
    return policies.of(DomainName.parse(domain))


class PeerPoliciesTests(SynchronousTestCase):
    """How the policy of a domain is found."""

    policies = PeerPolicies(domains={"bad.example": DENIED, "good.bad.example": DIALBACK_SUFFICES})

    def test_own(self) -> None:
        """A domain with a policy of its own has that one."""
        self.assertIs(DENIED, found(self.policies, "bad.example"))
        self.assertIs(DIALBACK_SUFFICES, found(self.policies, "good.bad.example"))

    def test_above(self) -> None:
        """Incident 17: any other has that of the nearest domain above it."""
        self.assertIs(DENIED, found(self.policies, "rooms.bad.example"))
        self.assertIs(DIALBACK_SUFFICES, found(self.policies, "x.y.good.bad.example"))

    def test_whole_labels(self) -> None:
        """Incident 17: a name that only ends alike is not below."""
        for domain in ("verybad.example", "example", "bad.example.org", "xbad.example"):
            self.assertIs(self.policies.default, found(self.policies, domain), domain)

    def test_default(self) -> None:
        """By default everybody is let in who shows a valid certificate inside TLS."""
        policy = found(PeerPolicies(), "b.example")
        self.assertTrue(policy.is_admitted and policy.require_encryption)
        self.assertFalse(policy.takes_dialback)
        self.assertTrue(DIALBACK_SUFFICES.takes_dialback)

    def test_right_below(self) -> None:
        """A pattern stands for domains of one more label: every policy that one of them has is looked at."""
        below = self.policies.right_below(DomainName.parse("example"))
        self.assertEqual([self.policies.default, DENIED], list(below))
        self.assertEqual([DENIED, DIALBACK_SUFFICES], list(self.policies.right_below(DomainName.parse("bad.example"))))
        self.assertEqual([DENIED], list(self.policies.right_below(DomainName.parse("x.bad.example"))))

    def test_given_by_chain(self) -> None:
        """M7: a certificate shown for another domain does where nothing but a chain is asked."""
        for policy, is_enough in (
            (PeerPolicy(), True),
            (DIALBACK_SUFFICES, True),
            (DENIED, False),
            (PeerPolicy(is_multiplexed=False), False),
            (PeerPolicy(proofs=ProofPolicy(order=("dialback",))), False),
            (PeerPolicy(proofs=ProofPolicy(order=("dane", "pkix"))), False),
        ):
            self.assertEqual(is_enough, policy.is_given_by_chain, policy)

    def test_domains_above(self) -> None:
        """A name leads up to its last label."""
        self.assertEqual(["a.b.c", "b.c", "c"], list(domains_above("a.b.c")))
        self.assertEqual([], list(domains_above("")))
