"""Keys that are asked about: on which stream, by whom together, and what comes of it."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.protocol import StreamProtocol
from muxs2s.proof.dialback import DialbackProof
from muxs2s.proof.outcome import Evidence, FoundByDNS, Outcome, Proven, Refused, Scope
from muxs2s.proof.peers import DIALBACK_SUFFICES, PeerPolicies
from muxs2s.service.linkseams import StreamUnavailable
from muxs2s.service.verification import MAX_ADDRESS_VERIFICATIONS, Verifications
from muxs2s.stream.events import KeyVerified, PairAsserted
from muxs2s.wire.errors import LocalMisuse, StanzaCondition
from muxs2s.wire.names import DomainName, DomainPair

A, B, C = (DomainName.parse(f"{letter}.example") for letter in "abc")
PAIR = DomainPair(A, B)
"""The pair that a peer asserts to us, b.example."""


class DoubleConnection:
    """A stream that keeps what it is told."""

    peer_address = "192.0.2.1:5269"
    evidence = Evidence(chain=(), dialback=FoundByDNS(address="elsewhere"))

    def __init__(self, source: str | None = "192.0.2.9") -> None:
        self.source = source
        self.questions: list[tuple[DomainPair, str, str]] = []
        self.judged: list[tuple[DomainPair, Outcome, StanzaCondition]] = []
        self.is_closed = False
        self.error: Exception | None = None

    def question(self, pair: DomainPair, stream_id: str, key: str) -> None:
        """As :class:`~muxs2s.network.protocol.StreamProtocol`."""
        if self.error is not None:
            raise self.error
        self.questions.append((pair, stream_id, key))

    def judge_pair(self, pair: DomainPair, outcome: Outcome, condition: StanzaCondition) -> None:
        """As :class:`~muxs2s.network.protocol.StreamProtocol`."""
        self.judged.append((pair, outcome, condition))

    def close(self) -> None:
        """As :class:`~muxs2s.network.protocol.StreamProtocol`."""
        self.is_closed = True


class DoubleStreams:
    """Has at most one stream, and opens those a test gives it."""

    def __init__(self) -> None:
        self.existing: DoubleConnection | None = None
        self.opened: list[tuple[DomainPair, Deferred[StreamProtocol]]] = []

    def asking(self, pair: DomainPair, *, other_than: StreamProtocol) -> StreamProtocol | None:
        """As :class:`~muxs2s.service.verification.AskableStreams`."""
        existing = cast(StreamProtocol, self.existing)
        return None if existing is other_than else existing

    async def open_to_ask(self, pair: DomainPair) -> StreamProtocol:
        """As :class:`~muxs2s.service.verification.AskableStreams`."""
        opening: Deferred[StreamProtocol] = Deferred()
        self.opened.append((pair, opening))
        return await opening


class DoubleJudge:
    """Finds proven by PKIX whom a test says; else asks dialback."""

    def __init__(self) -> None:
        self.certified: set[DomainName] = set()
        self.error: Exception | None = None

    async def judge(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        """As :class:`~muxs2s.network.evidence.Judge`."""
        if self.error is not None:
            raise self.error
        if domain in self.certified:
            return Proven(domain=domain, prooftype="pkix", evidence="x", scope=Scope.ALL_NAMES, until=None)
        if evidence.dialback is None:
            return Refused(domain=domain, reasons=("pkix: no certificate",))
        return DialbackProof().judge(domain, evidence, now)


def asserted(pair: DomainPair = PAIR, stream_id: str = "1") -> PairAsserted:
    """What a peer asserts."""
    return PairAsserted(pair=pair, key="k", stream_id=stream_id)


def answered(condition: StanzaCondition | None = None, pair: DomainPair = PAIR, stream_id: str = "1") -> KeyVerified:
    """What an authoritative server says."""
    return KeyVerified(pair=pair, stream_id=stream_id, condition=condition, text="so it says")


class VerificationCase(SynchronousTestCase):
    """A peer's stream, and what is done about its keys."""

    def setUp(self) -> None:
        self.streams, self.judge = DoubleStreams(), DoubleJudge()
        self.policies = PeerPolicies(default=DIALBACK_SUFFICES)
        self.peer = DoubleConnection()
        self.verifications = self.make()

    def make(self, **limits: int) -> Verifications:
        """Begin anew."""
        return Verifications(self.streams, self.judge, lambda: self.policies, Clock(), **limits)

    def hear(self, event: PairAsserted, peer: DoubleConnection | None = None) -> None:
        """Let a peer assert a pair."""
        self.verifications.asserted(cast(StreamProtocol, peer or self.peer), event)

    def open(self, number: int = 0) -> DoubleConnection:
        """Let the stream to an authoritative server come about."""
        asked = DoubleConnection()
        self.streams.opened[number][1].callback(cast(StreamProtocol, asked))
        return asked

    def answer(self, asked: DoubleConnection, event: KeyVerified) -> None:
        """Let an authoritative server answer."""
        self.verifications.verified(cast(StreamProtocol, asked), event)

    def judged(self, peer: DoubleConnection | None = None) -> tuple[Any, StanzaCondition]:
        """What the peer's stream was told, once: the outcome's evidence or reasons, and the condition."""
        ((pair, outcome, condition),) = (peer or self.peer).judged
        self.assertEqual(outcome.domain, pair.sender)
        return outcome.evidence if isinstance(outcome, Proven) else outcome.reasons, condition


class AskingTests(VerificationCase):
    """A key goes to its authoritative server."""

    def test_valid(self) -> None:
        """D11, D21: the server of the sender domain is asked on a stream of its own, which is closed then."""
        self.hear(asserted())
        self.assertEqual(([PAIR.reversed()], 1), ([pair for pair, _ in self.streams.opened], len(self.verifications)))
        asked = self.open()
        self.assertEqual([(PAIR, "1", "k")], asked.questions)
        self.answer(asked, answered())
        self.assertEqual("key confirmed by the server at 192.0.2.1:5269", self.judged()[0])
        self.assertEqual((True, 0), (asked.is_closed, len(self.verifications)))

    def test_invalid(self) -> None:
        """D13: what it says decides."""
        self.hear(asserted())
        self.answer(self.open(), answered(StanzaCondition.FORBIDDEN))
        self.assertEqual((("dialback: so it says",), StanzaCondition.FORBIDDEN), self.judged())

    def test_existing_stream(self) -> None:
        """D11: where there is a stream to that server it is asked there, and stays open."""
        self.streams.existing = DoubleConnection()
        self.hear(asserted())
        self.answer(self.streams.existing, answered())
        self.assertEqual(([], False), (self.streams.opened, self.streams.existing.is_closed))
        self.assertEqual(1, len(self.peer.judged))

    def test_never_where_it_came_from(self) -> None:
        """B5, D11: a stream that was opened by us and brought the key is not asked."""
        self.streams.existing = self.peer
        self.hear(asserted())
        self.assertEqual(([], 1), (self.peer.questions, len(self.streams.opened)))

    def test_shared(self) -> None:
        """D19, D21: keys for one server share a stream, each with its own answer, and the last one closes it."""
        other = DoubleConnection()
        self.hear(asserted())
        self.hear(asserted(stream_id="2"), other)
        asked = self.open()
        self.assertEqual(1, len(self.streams.opened))
        self.answer(asked, answered(stream_id="2"))
        self.assertEqual(([], 1, False), (self.peer.judged, len(other.judged), asked.is_closed))
        self.answer(asked, answered(StanzaCondition.FORBIDDEN))
        self.assertEqual((StanzaCondition.FORBIDDEN, True), (self.judged()[1], asked.is_closed))

    def test_equal_ids(self) -> None:
        """D19: two streams whose ids are equal, for the same pair, are both answered."""
        other = DoubleConnection()
        self.hear(asserted())
        self.hear(asserted(), other)
        asked = self.open()
        self.assertEqual(1, len(asked.questions))
        self.answer(asked, answered())
        self.assertEqual((1, 1), (len(self.peer.judged), len(other.judged)))

    def test_equal_ids_with_another_key(self) -> None:
        """D19: a second key for the same pair and id does not share in the answer to the first."""
        other = DoubleConnection()
        self.hear(asserted())
        self.hear(PairAsserted(pair=PAIR, key="forged", stream_id="1"), other)
        self.answer(self.open(), answered())
        self.assertIs(StanzaCondition.RESOURCE_CONSTRAINT, self.judged(other)[1])
        self.assertEqual("key confirmed by the server at 192.0.2.1:5269", self.judged()[0])

    def test_answer_of_another_stream(self) -> None:
        """D18: an answer counts only on the stream where it was asked for."""
        self.hear(asserted())
        self.open()
        self.answer(DoubleConnection(), answered())
        self.assertEqual([], self.peer.judged)

    def test_closed_without_an_answer(self) -> None:
        """A server that closes the stream instead of answering has timed out."""
        self.hear(asserted())
        asked = self.open()
        self.verifications.closing(cast(StreamProtocol, asked), "gone home")
        reasons, condition = self.judged()
        self.assertIs(StanzaCondition.REMOTE_SERVER_TIMEOUT, condition)
        self.assertIn("did not answer: gone home", reasons[0])

    def test_no_longer_askable(self) -> None:
        """A stream that takes no question any more answers none, and the peer hears so."""
        self.streams.existing = DoubleConnection()
        self.streams.existing.error = LocalMisuse("closing")
        self.hear(asserted())
        self.assertEqual((("dialback: closing",), StanzaCondition.REMOTE_SERVER_TIMEOUT), self.judged())

    def test_unreachable(self) -> None:
        """A server that cannot be reached proves nothing, and the peer hears why."""
        self.hear(asserted())
        unavailable = StreamUnavailable(StanzaCondition.REMOTE_SERVER_NOT_FOUND, "no such server", final=True)
        self.streams.opened[0][1].errback(unavailable)
        self.assertEqual((("dialback: no such server",), StanzaCondition.REMOTE_SERVER_NOT_FOUND), self.judged())


class PolicyTests(VerificationCase):
    """What suffices decides whether anybody is asked."""

    def test_certificate(self) -> None:
        """D25: whose certificate proves the domain that is asserted is accepted at once."""
        self.judge.certified = {A}
        self.hear(asserted())
        self.assertEqual(("x", []), (self.judged()[0], self.streams.opened))

    def test_certificate_for_another_domain(self) -> None:
        """Incident 4: a certificate that proves another domain saves no key its verification."""
        self.judge.certified = {C}
        self.hear(asserted())
        self.assertEqual(([], 1), (self.peer.judged, len(self.streams.opened)))

    def test_certificate_required(self) -> None:
        """D29, P2.2: where dialback does not suffice nobody is asked, and the peer is told to prove itself."""
        self.policies = PeerPolicies()
        self.hear(asserted())
        self.assertEqual((("pkix: no certificate",), StanzaCondition.NOT_AUTHORIZED), self.judged())
        self.assertEqual([], self.streams.opened)

    def test_broken_judge(self) -> None:
        """Where the judge fails nothing is proven, and it is told in the log."""
        self.policies = PeerPolicies()
        self.judge.error = ZeroDivisionError()
        self.hear(asserted())
        self.assertEqual(("an internal error, see the log",), self.judged()[0])
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_broken_stream(self) -> None:
        """Whatever fails in a way it must not is told in the log."""
        self.hear(asserted())
        self.streams.opened[0][1].errback(ZeroDivisionError())
        self.assertEqual(([], 1), (self.peer.judged, len(self.flushLoggedErrors(ZeroDivisionError))))


class LimitTests(VerificationCase):
    """How many keys are asked about."""

    def test_at_once(self) -> None:
        """So many keys are asked about at once; one more is answered that there is no room."""
        self.verifications = self.make(max_at_once=2)
        for number in "12":
            self.hear(asserted(stream_id=number), DoubleConnection())
        self.assertEqual([], self.peer.judged)
        self.hear(asserted(stream_id="3"))
        self.assertIs(StanzaCondition.RESOURCE_CONSTRAINT, self.judged()[1])

    def test_of_one_address(self) -> None:
        """Of them so many for one address; with one more there is room for others only, and for one without any."""
        for number in range(MAX_ADDRESS_VERIFICATIONS):
            self.hear(asserted(stream_id=str(number)))
        self.assertEqual([], self.peer.judged)
        self.hear(asserted(stream_id="one more"))
        self.assertIs(StanzaCondition.RESOURCE_CONSTRAINT, self.judged()[1])
        others = [DoubleConnection("2001:db8::/64"), *(DoubleConnection(None) for _ in range(3))]
        for other in others:
            self.hear(asserted(stream_id="other"), other)
        self.assertEqual([], [other for other in others if other.judged])

    def test_room_again(self) -> None:
        """A key that is answered makes room for the next one of its address, and leaves nothing behind."""
        for number in range(MAX_ADDRESS_VERIFICATIONS):
            self.hear(asserted(stream_id=str(number)))
        asked = self.open()
        self.answer(asked, answered(stream_id="0"))
        self.streams.existing = asked
        self.hear(asserted(stream_id="next"))
        self.assertEqual((1, MAX_ADDRESS_VERIFICATIONS), (len(self.peer.judged), len(self.verifications)))
        self.verifications.closing(cast(StreamProtocol, asked), "gone")
        self.assertEqual((0, {}), (len(self.verifications), dict(self.verifications._under_way)))
