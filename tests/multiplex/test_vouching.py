"""Tests of :mod:`muxs2s.multiplex.vouching`."""

from __future__ import annotations

from dataclasses import replace

from cryptography.x509 import GeneralName
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import ListedName
from muxs2s.multiplex.verdicts import NotVouched, Vouched
from muxs2s.multiplex.vouching import verdict
from muxs2s.proof import (
    MAX_CERTIFICATE_NAMES,
    Evidence,
    Fault,
    Outcome,
    PeerPolicies,
    PeerPolicy,
    PkixProof,
    ProofPolicy,
    Proven,
    Refused,
    Scope,
    Undecided,
)
from muxs2s.testing import CertificateAuthority, general_name
from muxs2s.wire.names import DomainName

NOW = 1_800_000_000.0
AUTHORITY = CertificateAuthority(now=NOW)
A = DomainName.parse("a.example")


class VerdictCase(SynchronousTestCase):
    """Certificates of peers, what our policies say of their names, and the domains we host."""

    policies = PeerPolicies()
    hosted: frozenset[DomainName] = frozenset()

    def judged(self, outcome: Outcome, *chain: object) -> Vouched | NotVouched:
        """The verdict on an outcome."""
        return verdict(outcome, chain, self.hosted, self.policies)  # type: ignore[arg-type]  # it is handed on

    def vouched(self, *names: str | GeneralName) -> Vouched:
        """The verdict on a certificate for these names that is shown for the first of them."""
        issued = AUTHORITY.issue(*names)
        outcome = PkixProof(AUTHORITY.trust_anchors).judge(A, Evidence(chain=(issued.leaf,)), NOW)
        found = self.judged(outcome, issued.leaf)
        assert isinstance(found, Vouched), found
        return found

    def names(self, *names: str | GeneralName) -> list[str]:
        """What a certificate for these names gives, in order."""
        return [str(listed.name) for listed in self.vouched(*names).names]

    def host(self, *domains: str) -> None:
        """Host these domains."""
        self.hosted = frozenset(map(DomainName.parse, domains))

    def ask(self, **policies: PeerPolicy) -> None:
        """Ask more of some domains below example."""
        self.policies = PeerPolicies(domains={f"{name}.example": policy for name, policy in policies.items()})


class NamesTests(VerdictCase):
    """The names that a certificate gives."""

    def test_every_kind(self) -> None:
        """M7, T14, T16, T17: a certificate gives its names of every kind, the domain asked about first."""
        others = general_name("srv", "d.example"), general_name("xmpp", "c.example")
        self.assertEqual(
            ["a.example", "c.example", "d.example", "*.b.example"], self.names("*.b.example", *others, "a.example")
        )

    def test_what_does_not_count(self) -> None:
        """T15, T16, T17: odd names are left out: other services, addresses of persons, asterisks in odd places."""
        odd = general_name("srv", "_xmpp-client.b.example"), general_name("xmpp", "x@c.example"), "d*.example"
        self.assertEqual(["a.example"], self.names("a.example", *odd))

    def test_by_pattern(self) -> None:
        """T15: a domain that only a pattern covers is listed itself, before the pattern."""
        self.assertEqual(["a.example", "*.example"], self.names("*.example"))

    def test_whole(self) -> None:
        """M7: chain, end, prooftype and evidence go with the names, the end with each of them."""
        issued = AUTHORITY.issue("a.example", not_after=NOW + 60)
        outcome = PkixProof(AUTHORITY.trust_anchors).judge(A, Evidence(chain=(issued.leaf,)), NOW)
        assert isinstance(outcome, Proven)
        expected = Vouched(
            names=(ListedName(name=A, until=NOW + 60),),
            chain=(issued.leaf,),
            until=NOW + 60,
            prooftype="pkix",
            evidence=outcome.evidence,
        )
        self.assertEqual(expected, self.judged(outcome, issued.leaf))

    def test_asked_domain_alone(self) -> None:
        """M7: evidence that was looked up for one domain vouches for that one, whatever the certificate names."""
        names = AUTHORITY.issue("a.example", "b.example", "*.c.example").names
        proven = Proven(domain=A, prooftype="dane", evidence="3 1 1", scope=Scope.ASKED_DOMAIN, until=None, names=names)
        found = self.judged(proven)
        assert isinstance(found, Vouched)
        self.assertEqual((ListedName(name=A),), found.names)

    def test_most_names(self) -> None:
        """M7: of many names 256 are given, the domain asked about among them."""
        names = [f"d{number}.example" for number in range(MAX_CERTIFICATE_NAMES - 1)]
        self.assertEqual(MAX_CERTIFICATE_NAMES, len(self.names("a.example", *names)))
        self.assertEqual("a.example", self.names("*.example", *names)[0])

    def test_one_name_more(self) -> None:
        """M7: with a domain that is covered by a pattern there would be 257: the last pattern is left out."""
        names = [f"d{number}.example" for number in range(MAX_CERTIFICATE_NAMES - 1)]
        found = self.names("*.example", *names)
        self.assertEqual((MAX_CERTIFICATE_NAMES, False), (len(found), "*.example" in found))


class OwnNamesTests(VerdictCase):
    """Domains that we host."""

    def test_named(self) -> None:
        """T24: a domain of ours in the certificate of a peer is not given, and is told for the log."""
        self.host("b.example", "c.example")
        found = self.vouched("a.example", "b.example", "*.c.example", "d.example")
        self.assertEqual(["a.example", "d.example", "*.c.example"], [str(listed.name) for listed in found.names])
        self.assertEqual(("b.example",), found.ours)

    def test_asked_about(self) -> None:
        """T24: no certificate proves a domain of ours."""
        self.host("a.example")
        issued = AUTHORITY.issue("a.example")
        outcome = PkixProof(AUTHORITY.trust_anchors).judge(A, Evidence(chain=(issued.leaf,)), NOW)
        found = self.judged(outcome, issued.leaf)
        self.assertEqual(
            NotVouched(condition=MultiplexCondition.POLICY_VIOLATION, text="a.example is hosted here"), found
        )


class PolicyTests(VerdictCase):
    """Each name has to pass what an own stream for it would ask."""

    def test_denied(self) -> None:
        """M7: a domain that our policy denies is not given by the certificate of another."""
        self.ask(b=PeerPolicy(is_admitted=False))
        self.assertEqual(["a.example", "c.example"], self.names("a.example", "b.example", "c.example"))

    def test_other_evidence(self) -> None:
        """M7: a domain for which more is looked up than a chain has to be offered by itself."""
        self.ask(b=PeerPolicy(proofs=ProofPolicy(order=("dane", "pkix"))))
        self.assertEqual(["a.example"], self.names("a.example", "b.example"))

    def test_asked_about(self) -> None:
        """M5: the domain asked about is given by whatever proves it, unless it may share no stream."""
        self.ask(a=PeerPolicy(proofs=ProofPolicy(order=("dane", "pkix"))))
        self.assertEqual(["a.example"], self.names("a.example"))
        self.ask(a=PeerPolicy(is_multiplexed=False))
        found = self.judged(Proven(domain=A, prooftype="pkix", evidence="x", scope=Scope.ALL_NAMES, until=None))
        assert isinstance(found, NotVouched)
        self.assertEqual(MultiplexCondition.POLICY_VIOLATION, found.condition)

    def test_patterns(self) -> None:
        """M7: a pattern is given only where nothing but a chain is asked of every name it stands for."""
        looked_up = PeerPolicy(proofs=ProofPolicy(order=("dane", "pkix")))
        for name, is_given in (("b", False), ("x.b", False), ("y.x.b", True), ("c", True)):
            self.ask(**{name: looked_up})
            self.assertEqual(is_given, "*.b.example" in self.names("a.example", "*.b.example"), name)


class ConditionTests(VerdictCase):
    """What a peer is told whose certificate gives nothing."""

    def assert_condition(self, condition: MultiplexCondition, outcome: Outcome) -> None:
        """The condition tells of this outcome."""
        found = self.judged(outcome)
        assert isinstance(found, NotVouched)
        self.assertIs(condition, found.condition)

    def test_one_fault(self) -> None:
        """M4: each fault has the condition that says so."""
        refused = Refused(domain=A, reasons=("x",))
        for fault, condition in (
            (Fault.DENIED, MultiplexCondition.POLICY_VIOLATION),
            (Fault.UNTRUSTED, MultiplexCondition.CERTIFICATE_UNTRUSTED),
            (Fault.WRONG_NAME, MultiplexCondition.NAME_MISMATCH),
            (Fault.EXPIRED, MultiplexCondition.CERTIFICATE_EXPIRED),
        ):
            self.assert_condition(condition, replace(refused, faults=frozenset({fault})))
        self.assert_condition(MultiplexCondition.CERTIFICATE_UNTRUSTED, refused)

    def test_several(self) -> None:
        """M4: of several faults the one is told that would be left if the others were mended."""
        refused = Refused(domain=A, reasons=("x",), faults=frozenset({Fault.WRONG_NAME, Fault.EXPIRED}))
        self.assert_condition(MultiplexCondition.NAME_MISMATCH, refused)
        self.assert_condition(
            MultiplexCondition.CERTIFICATE_UNTRUSTED, replace(refused, faults=refused.faults | {Fault.UNTRUSTED})
        )

    def test_undecided(self) -> None:
        """M4: where nothing could be decided, trying again is good advice, and every reason is told."""
        found = self.judged(Undecided(domain=A, reasons=("dane: no answer", "posh: no answer")))
        text = "dane: no answer; posh: no answer"
        self.assertEqual(NotVouched(condition=MultiplexCondition.TRY_AGAIN, text=text), found)

    def test_dialback(self) -> None:
        """M5, M8: a domain that dialback proves is not given by the certificate that was shown beside."""
        proven = Proven(domain=A, prooftype="dialback", evidence="key", scope=Scope.ASKED_DOMAIN, until=None)
        self.assert_condition(MultiplexCondition.CERTIFICATE_UNTRUSTED, proven)
