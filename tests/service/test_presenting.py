"""Signatures and judgements, a slice at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from cryptography.x509 import Certificate
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.events import ProofRecalled, ProofShown, SignatureWanted
from muxs2s.multiplex.verdicts import NotVouched, Vouched
from muxs2s.network.evidence import PolicyJudge
from muxs2s.proof import Evidence, Outcome, PeerPolicies, PeerPolicy, PkixProof
from muxs2s.proof.authenticators import (
    AuthenticatorRefused,
    Authenticators,
    AuthenticatorTooLarge,
    OwnCertificate,
    ReceivedRequest,
)
from muxs2s.service.presenting import PresentationLimits, Presentations
from muxs2s.testing import CertificateAuthority, IssuedCredentials
from muxs2s.wire.names import DomainName
from tests.network.gathering import Gathering
from tests.network.turning import TurningClock

A = DomainName.parse("a.example")
AUTHORITY = CertificateAuthority()
ISSUED = AUTHORITY.issue("a.example")
REQUEST = ReceivedRequest(data=b"request", context=b"context", schemes=(0x0403,))


class DoubleAuthenticators:
    """Makes proofs of a word and the path of the certificate; looks a proof that is checked up by its bytes."""

    def __init__(self) -> None:
        self.shown: dict[bytes, tuple[Certificate, ...]] = {b"proof": (ISSUED.leaf,), b"": ()}
        self.refusal: AuthenticatorRefused | None = None

    def authenticate(self, request: ReceivedRequest, certificate: OwnCertificate) -> bytes:
        """Make a proof."""
        if self.refusal is not None:
            raise self.refusal
        return request.data + b" " + cast(IssuedCredentials, certificate).path.encode()

    def check(self, request: bytes, authenticator: bytes) -> tuple[Certificate, ...]:
        """Check one; only what was asked for with the right word is good."""
        if request != b"request" or authenticator not in self.shown:
            raise AuthenticatorRefused("the MAC is wrong")
        return self.shown[authenticator]


class DoubleConnection(Gathering):
    """Writes down what it is told."""

    def __init__(self, number: int = 1, source: str | None = "192.0.2.1") -> None:
        super().__init__()
        self.number, self.source = number, source
        self.authenticators: Authenticators | None = cast(Authenticators, DoubleAuthenticators())
        self.presented: list[tuple[int, bytes]] = []
        self.declined: list[tuple[int, MultiplexCondition, str]] = []
        self.verdicts: list[tuple[int, Vouched | NotVouched]] = []

    @property
    def double(self) -> DoubleAuthenticators:
        """What the test may change."""
        return cast(DoubleAuthenticators, self.authenticators)

    def present(self, id: int, authenticator: bytes) -> None:
        """Take a proof of ours."""
        self.presented.append((id, authenticator))

    def decline(self, id: int, condition: MultiplexCondition, text: str) -> None:
        """Take it that there is none."""
        self.declined.append((id, condition, text))

    def conclude(self, id: int, verdict: Vouched | NotVouched) -> None:
        """Take a verdict on a proof of the peer."""
        self.verdicts.append((id, verdict))

    @property
    def said(self) -> int:
        """How often it was told anything."""
        return len(self.presented) + len(self.declined) + len(self.verdicts)


class WaitingJudge:
    """Leaves the judgement to the test."""

    def __init__(self) -> None:
        self.asked: list[Deferred[Outcome]] = []

    async def judge(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        """Wait."""
        self.asked.append(Deferred())
        return await self.asked[-1]


class PresentationsTestCase(SynchronousTestCase):
    """A server that hosts b.example and trusts one authority."""

    def setUp(self) -> None:
        self.clock = TurningClock()
        self.clock.advance(1_800_000_000.0)
        self.policies = PeerPolicies()
        self.judge = PolicyJudge((PkixProof(AUTHORITY.trust_anchors),), lambda: self.policies)
        self.connection = DoubleConnection()
        self.presentations = self.started()

    def started(self, judge: object = None, limits: PresentationLimits | None = None) -> Presentations:
        """Presentations, closed when the test ends."""
        started = Presentations(
            self.clock,
            cast(PolicyJudge, judge or self.judge),
            frozenset({DomainName.parse("b.example")}),
            lambda: self.policies,
            limits,
        )
        self.addCleanup(started.close)
        return started

    def sign(self, id: int = 2, connection: DoubleConnection | None = None) -> None:
        """A stream wants a signature."""
        wanted = SignatureWanted(id=id, domain=A, certificate=ISSUED, request=REQUEST)
        self.presentations.take(connection or self.connection, wanted)

    def show(self, id: int = 1, proof: bytes = b"proof", connection: DoubleConnection | None = None) -> None:
        """A peer shows a proof."""
        shown = ProofShown(id=id, domain=A, request=b"request", authenticator=proof)
        self.presentations.take(connection or self.connection, shown)

    def verdict(self, turns: int = 10) -> Vouched | NotVouched:
        """The only verdict, after so many turns."""
        self.clock.turns(turns)
        [(_, verdict)] = self.connection.verdicts
        return verdict

    def assert_refused(self, condition: MultiplexCondition, *words: str) -> None:
        """The verdict is that, and says so."""
        verdict = self.verdict()
        assert isinstance(verdict, NotVouched), verdict
        self.assertIs(condition, verdict.condition)
        self.assertEqual([], [word for word in words if word not in verdict.text], verdict.text)


class SignatureTests(PresentationsTestCase):
    """Proofs of ours."""

    def test_made(self) -> None:
        """M5: a signature is made in a turn of its own, with the certificate and for the request it is wanted for."""
        self.sign()
        self.assertEqual(0, self.connection.said)
        self.clock.turn()
        self.assertEqual([(2, b"request " + ISSUED.path.encode())], self.connection.presented)

    def test_no_scheme(self) -> None:
        """E9: where the peer takes no signature of ours, there is no certificate for the domain that helps it."""
        self.connection.double.refusal = AuthenticatorRefused("no scheme fits")
        self.sign()
        self.clock.turn()
        self.assertEqual([(2, MultiplexCondition.UNKNOWN_DOMAIN, "no scheme fits")], self.connection.declined)

    def test_too_large(self) -> None:
        """E15: a chain that exceeds the limits is not sent; the peer is told that this is why."""
        self.connection.double.refusal = AuthenticatorTooLarge("too long")
        self.sign()
        self.clock.turn()
        self.assertEqual([(2, MultiplexCondition.TOO_LARGE, "too long")], self.connection.declined)

    def test_unfit_connection(self) -> None:
        """On a connection that is not fit for authenticators nothing is signed."""
        self.connection.authenticators = None
        self.sign()
        self.clock.turn()
        self.assertEqual([2], [id for id, _, _ in self.connection.declined])


class ProofTests(PresentationsTestCase):
    """Proofs of peers."""

    def test_proven(self) -> None:
        """E12, M5: signature and MAC first, then in a turn of its own the chain, judged as that of a handshake."""
        self.show()
        self.clock.turn()
        self.assertEqual(0, self.connection.said)
        verdict = self.verdict(turns=1)
        assert isinstance(verdict, Vouched)
        self.assertEqual(([A], "pkix"), ([listed.name for listed in verdict.names], verdict.prooftype))
        self.assertEqual((ISSUED.leaf,), verdict.chain)

    def test_bad_authenticator(self) -> None:
        """E12: what does not hold is refused before anybody looks at a certificate, or is asked about it."""
        judge = WaitingJudge()
        self.presentations = self.started(judge)
        self.show(proof=b"forged")
        self.assert_refused(MultiplexCondition.BAD_AUTHENTICATOR, "the MAC is wrong")
        self.assertEqual([], judge.asked)

    def test_empty_authenticator(self) -> None:
        """E11: an empty authenticator is a refusal of the peer, never a proof."""
        self.show(proof=b"")
        self.assert_refused(MultiplexCondition.UNKNOWN_DOMAIN, "declines")

    def test_untrusted(self) -> None:
        """M4, M5: a certificate that proves nothing here is refused with every reason."""
        other = CertificateAuthority("someone else").issue("c.example")
        self.connection.double.shown[b"other"] = (other.leaf,)
        self.show(proof=b"other")
        self.assert_refused(MultiplexCondition.CERTIFICATE_UNTRUSTED, "does not name a.example", "CN=someone else")

    def test_denied(self) -> None:
        """M4: a domain that the policy denies is refused for that."""
        self.policies = PeerPolicies(domains={A: PeerPolicy(is_admitted=False)})
        self.show()
        self.assert_refused(MultiplexCondition.POLICY_VIOLATION, "denies")

    def test_recalled(self) -> None:
        """M7: a certificate that was accepted is judged for another domain without a signature."""
        recalled = ProofRecalled(id=3, domain=A, chain=(ISSUED.leaf,))
        self.presentations.take(self.connection, recalled)
        self.assertEqual(0, self.connection.said)
        self.assertIsInstance(self.verdict(turns=1), Vouched)


class WaitingTests(PresentationsTestCase):
    """Judgements that wait for others."""

    def setUp(self) -> None:
        super().setUp()
        self.waiting = WaitingJudge()
        self.presentations = self.started(self.waiting)

    def test_beside(self) -> None:
        """M9: while one judgement waits for DNS, others go on."""
        for id in (1, 3):
            self.show(id)
        self.sign()
        self.clock.turns(10)
        self.assertEqual((2, 1), (len(self.waiting.asked), self.connection.said))
        outcome = self.successResultOf(
            Deferred.fromCoroutine(self.judge.judge(A, Evidence(chain=(ISSUED.leaf,)), 1.8e9))
        )
        self.waiting.asked[1].callback(outcome)
        self.assertEqual([3], [id for id, _ in self.connection.verdicts])

    def test_failure(self) -> None:
        """Whatever a judge raises, the peer is told of trouble here; the log has each kind of failure once."""
        for id in (1, 3, 5):
            self.show(id)
        self.clock.turns(10)
        for asked, error in zip(self.waiting.asked, (ValueError("x"), ValueError("y"), KeyError("z")), strict=True):
            asked.errback(error)
        self.assertEqual([1, 3, 5], [id for id, _ in self.connection.verdicts])
        self.assertEqual(1, len(self.flushLoggedErrors(ValueError)))
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))
        for _, verdict in self.connection.verdicts:
            self.assertIs(MultiplexCondition.INTERNAL_ERROR, cast(NotVouched, verdict).condition)

    def test_gone(self) -> None:
        """When a connection is gone, what was under way for it ends, and what waited is not begun."""
        for id in (1, 3):
            self.show(id)
        self.clock.turns(2)
        self.sign()
        self.presentations.gone(self.connection)
        self.assertEqual(0, self.clock.turns(10) and self.connection.said)
        self.assertEqual(([True], []), ([asked.called for asked in self.waiting.asked], self.flushLoggedErrors()))

    def test_gone_without_asking(self) -> None:
        """A connection that has asked for nothing may go as well."""
        self.presentations.gone(self.connection)

    def test_close(self) -> None:
        """At the end all is dropped, and the reactor is asked for nothing."""
        self.show()
        self.clock.turns(2)
        self.show(3)
        self.presentations.close()
        self.assertEqual(([], 0), (self.clock.getDelayedCalls(), self.connection.said))


class RateTests(PresentationsTestCase):
    """How much of the processor one peer may have."""

    def limited(self, **limits: int) -> None:
        """Have these limits."""
        self.presentations = self.started(limits=PresentationLimits(**limits))

    def assert_rate(self, ask: Callable[[int], None], said: tuple[int, int, int]) -> None:
        """Of ten that are asked for so many are done by now, after half a second, and after one second."""
        for id in range(10):
            ask(id)
        found = []
        for _ in said:
            self.clock.turns(100)
            found.append(self.connection.said)
            self.clock.advance(0.5)
        self.assertEqual(said, tuple(found))

    def test_signatures(self) -> None:
        """M9: after a burst the signatures made for one peer wait, so that so many are made in a second."""
        self.limited(max_signatures_per_second=2, max_burst_signatures=3)
        self.assert_rate(self.sign, (3, 4, 5))

    def test_judgements(self) -> None:
        """M9: after a burst its proofs wait as well; bad ones cost as much as good ones."""
        self.limited(max_judgements_per_second=2, max_burst_judgements=3)
        self.assert_rate(lambda id: self.show(id, b"forged" if id % 2 else b"proof"), (3, 4, 5))

    def test_by_kind(self) -> None:
        """Signatures that wait keep no proof waiting."""
        self.limited(max_signatures_per_second=1, max_burst_signatures=1)
        for id in (2, 4):
            self.sign(id)
        self.show()
        self.assertIsInstance(self.verdict(), Vouched)
        self.assertEqual(1, len(self.connection.presented))

    def test_by_peer(self) -> None:
        """All connections of one address count together, those of others do not; without an address each for itself."""
        self.limited(max_signatures_per_second=1, max_burst_signatures=1)
        others = [
            DoubleConnection(number, source) for number, source in enumerate(("192.0.2.1", "192.0.2.2", None, None))
        ]
        for connection in (self.connection, *others):
            self.sign(connection=connection)
        self.clock.turns(100)
        self.assertEqual([0, 1, 1, 1], [connection.said for connection in others])

    def test_most_that_wait(self) -> None:
        """As many as the limit says wait for one peer, of each kind; one more is told that it is too many."""
        self.limited(max_waiting_proofs=2)
        for id in (1, 2, 3):
            self.sign(id)
            self.show(id)
        [(declined, why, _)] = self.connection.declined
        [(concluded, verdict)] = self.connection.verdicts
        self.assertEqual((3, 3), (declined, concluded))
        self.assertEqual({MultiplexCondition.TOO_MANY}, {why, cast(NotVouched, verdict).condition})

    def test_defaults(self) -> None:
        """200 signatures and 200 judgements in a second, after a burst of 2,000."""
        limits = PresentationLimits()
        self.assertEqual((200, 200), (limits.max_signatures_per_second, limits.max_judgements_per_second))
        self.assertEqual((2_000, 2_000), (limits.max_burst_signatures, limits.max_burst_judgements))


class LogTests(PresentationsTestCase):
    """What operators are told."""

    def lines(self, *names: str) -> list[str]:
        """What the log says of a certificate for these names that is shown twice."""
        self.connection.double.shown[b"many"] = (AUTHORITY.issue(*names).leaf,)
        with capturedLogs() as events:
            for id in (1, 3):
                self.show(id, b"many")
            self.clock.turns(10)
        return [cast(str, event["log_format"]).format(**event) for event in events]

    def test_own_domain(self) -> None:
        """T24: a certificate that names a domain of ours is told of, once in a while."""
        [line] = self.lines("a.example", "b.example")
        self.assertIn("proves a.example on stream 1 names b.example as well, hosted here", line)

    def test_many_names(self) -> None:
        """T24: a certificate of very many names is told of; as many as the limit says are not very many."""
        self.presentations = self.started(limits=PresentationLimits(warn_names=3))
        self.assertEqual([], self.lines("a.example", "x.example", "y.example"))
        [line] = self.lines("a.example", "x.example", "y.example", "*.z.example")
        self.assertIn("gives 4 names", line)

    def test_refused(self) -> None:
        """A domain that is not accepted is told of with every reason, once in a while."""
        [line] = self.lines("c.example")
        self.assertIn("not accepted on stream 1: a.example: name-mismatch (pkix: the certificate does not name", line)
