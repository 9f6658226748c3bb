"""Tests of :mod:`muxs2s.stream.proving`: pairs asserted by us and by peers, on streams of either role."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.outcome import Proven, Scope, Undecided
from muxs2s.proof.peers import PeerPolicies, PeerPolicy
from muxs2s.stream import (
    OWN_KEY,
    AnswerUnasked,
    Association,
    Direction,
    Grant,
    PairAsserted,
    PairRefused,
    ProvingStream,
    ReceivingStream,
    StreamEvent,
    StreamLimits,
    StreamReady,
    StreamState,
)
from muxs2s.wire.errors import LocalMisuse, StanzaCondition, StreamCondition
from muxs2s.wire.names import DomainName, DomainPair
from tests.stream import scripts
from tests.stream.scripts import (
    ACCEPTED,
    ASSERTION,
    CLOSING,
    FROM_A,
    INITIATING_BY_DIALBACK,
    INITIATING_STEPS,
    INITIATING_TWO_WAY,
    INVALID,
    PAIR,
    RECEIVING_BY_DIALBACK,
    RECEIVING_PLAIN,
    RECEIVING_TWO_WAY,
    VALID,
    A,
    B,
    C,
    PairVerdict,
    Way,
    dialback,
    ending,
    header,
    initiating,
    message,
    proven,
    received,
    receiving,
    refused,
    take,
)

IN, OUT = Direction.INBOUND, Direction.OUTBOUND
D = DomainName.parse("d.example")
BACK = PAIR.reversed()
SECURE_ID = "00000000000000000000000000000004"
"""Of the header inside TLS that a receiving stream sends."""


def condition_of(said: bytes) -> str:
    """The condition of the one dialback error that is said."""
    (condition,) = [each for each in StanzaCondition if f"<{each.value} ".encode() in said]
    return str(condition.value)


def opened(events: list[StreamEvent]) -> list[tuple[Direction, DomainPair]]:
    """What may carry stanzas from now on."""
    return [(event.direction, event.pair) for event in events if isinstance(event, StreamReady)]


def by_dialback(domain: DomainName) -> Proven:
    """A verdict that a key has brought about."""
    return Proven(domain=domain, prooftype="dialback", evidence="key", scope=Scope.ASKED_DOMAIN, until=None)


class AssertedByUsTests(SynchronousTestCase):
    """The initiating server of dialback, on the stream that it opened."""

    def setUp(self) -> None:
        """A stream on which our pair has been asserted; the peer's header inside TLS has the id ``s1``."""
        self.stream = initiating(StreamState.PROVING, way=INITIATING_BY_DIALBACK)

    def test_key(self) -> None:
        """D7, D9, D10: the key is made with the id of the peer's header on that very stream, the one inside TLS."""
        stream = initiating(StreamState.SECURE_OPENING)
        take(stream, header(from_="b.example", to="a.example", id="s2"))
        take(stream, scripts.OFFER_DIALBACK)
        key = scripts.SECRET.key(PAIR, "s2")
        wanted = f'<db:result from="a.example" to="b.example">{key}</db:result>'
        self.assertEqual(wanted.encode(), stream.bytes_to_send())

    def test_declared(self) -> None:
        """D7: our headers declare the prefix in either role and after SASL as well."""
        for stream, steps in ((scripts.begin(way), way.steps) for way in scripts.WAYS):
            said = stream.bytes_to_send()
            for step in steps:
                take(stream, step)
                said += stream.bytes_to_send()
            self.assertEqual(said.count(b"<stream:stream "), said.count(b' xmlns:db="jabber:server:dialback" '))

    def test_accepted(self) -> None:
        """D10, D13: the pair carries stanzas from the answer on and not before; nothing is said in between."""
        self.assertFalse(self.stream.may_send(PAIR, 0.0))
        self.assertEqual([StreamReady(pair=PAIR, direction=OUT)], self.stream.receive_bytes(VALID, 0.0))
        self.stream.send(PAIR, [message()], 0.0)
        self.assertEqual(message().data, self.stream.bytes_to_send())
        self.assertEqual(Association(direction=OUT, sender=A, target=B, grant=OWN_KEY), self.listed()[-1])

    def listed(self) -> list[Association]:
        """What the table of the stream holds."""
        return [*self.stream.associations.associations()]

    def test_only_the_pair(self) -> None:
        """D5, D10: an accepted key opens its pair and direction, no other."""
        self.stream.receive_bytes(VALID, 0.0)
        for pair in (DomainPair(C, B), DomainPair(A, C), BACK):
            self.assertFalse(self.stream.may_send(pair, 0.0))
        self.stream.receive_bytes(message("y@b.example", "x@a.example").data, 0.0)
        self.assertEqual(1, self.stream.dropped)

    def test_proof_of_the_peer_ends(self) -> None:
        """Our key is worth as much as the proof of whom we called: with its end the pair is shut."""
        stream = initiating(StreamState.JUDGING)
        for step in (proven(B, until=500.0), *INITIATING_BY_DIALBACK.steps[5:]):
            take(stream, step)
        self.assertEqual([True, False], [stream.may_send(PAIR, now) for now in (499.999, 500.0)])

    def test_proof_of_the_peer_ended_meanwhile(self) -> None:
        """S25: a key accepted after that opens nothing; the stream is reset at once."""
        stream = initiating(StreamState.JUDGING)
        for step in (proven(B, until=5.0), *INITIATING_BY_DIALBACK.steps[5:7]):
            take(stream, step)
        stream.receive_bytes(VALID, 6.0)
        self.assertEqual((5.0, False), (stream.deadline, stream.may_send(PAIR, 6.0)))
        self.assertIs(StreamCondition.RESET, ending(stream.wake(6.0)).condition)

    def test_invalid(self) -> None:
        """D15: stanzas for a pair whose key was not taken come back at once; there is nothing left to do here."""
        refusal, closing = self.stream.receive_bytes(INVALID, 0.0)
        text = "b.example does not accept a.example: the server does not take our key for its own"
        self.assertEqual(PairRefused(pair=PAIR, condition=StanzaCondition.INTERNAL_SERVER_ERROR, text=text), refusal)
        self.assertEqual((None, CLOSING), (ending([closing]).condition, self.stream.bytes_to_send()))

    def test_error(self) -> None:
        """D15: after an error they come back as after a time-out, and with what the peer said."""
        inside = "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        said = dialback("result", "b.example", "a.example", inside, type="error")
        refusal = self.stream.receive_bytes(said, 0.0)[0]
        text = "b.example does not accept a.example: the server said item-not-found"
        self.assertEqual(PairRefused(pair=PAIR, condition=StanzaCondition.REMOTE_SERVER_TIMEOUT, text=text), refusal)

    def test_silence(self) -> None:
        """D20: a peer that does not answer within 30 seconds has not accepted the pair."""
        self.assertEqual((30.0, []), (self.stream.deadline, self.stream.wake(29.999)))
        refusal, closing = self.stream.wake(30.0)
        assert isinstance(refusal, PairRefused)
        self.assertIs(StanzaCondition.REMOTE_SERVER_TIMEOUT, refusal.condition)
        self.assertIs(None, ending([closing]).condition)

    def test_late(self) -> None:
        """D20: an answer that comes after that opens nothing."""
        self.stream.wake(30.0)
        self.assertEqual([], self.stream.receive_bytes(VALID, 31.0))
        self.assertEqual((StreamState.CLOSING, 1), (self.stream.state, self.stream.ignored))

    def test_after_external(self) -> None:
        """T11: where SASL EXTERNAL fails, dialback is tried on the same stream; where that fails, nothing more."""
        offer = scripts.OFFER_EXTERNAL.replace(b"<stream:features>", scripts.OFFER_DIALBACK[:-18])
        stream = initiating(StreamState.SECURE_NEGOTIATING)
        stream.receive_bytes(offer, 0.0)
        self.assertTrue(stream.bytes_to_send().startswith(b"<auth "))
        self.assertEqual([], stream.receive_bytes(scripts.SASL_FAILURE, 0.0))
        self.assertTrue(stream.bytes_to_send().startswith(b'<db:result from="a.example" to="b.example">'))
        self.assertEqual([(OUT, PAIR)], opened([*stream.receive_bytes(VALID, 0.0)]))

    def test_neither(self) -> None:
        """D15: a peer that takes neither our certificate nor keys is told so, and stanzas do not wait for it."""
        for offer in (scripts.OFFER_NOTHING, scripts.OFFER_TLS):
            stream = initiating(StreamState.SECURE_NEGOTIATING)
            ended = ending(stream.receive_bytes(offer, 0.0))
            self.assertIs(StreamCondition.UNSUPPORTED_FEATURE, ended.condition)
            self.assertIn("b.example offers neither SASL EXTERNAL nor dialback", ended.text)

    def test_declared_by_the_peer(self) -> None:
        """A peer that only declares the namespace, as servers did before there was a feature, is sent a key."""
        stream = initiating(StreamState.SECURE_OPENING)
        take(stream, header(from_="b.example", id="s1", **{"xmlns:db": "jabber:server:dialback"}))
        take(stream, scripts.OFFER_NOTHING)
        self.assertIn(b"<db:result ", stream.bytes_to_send())

    def test_incident_1_unasked_answers(self) -> None:
        """D18: incident 1: what does not answer our request on this stream opens nothing and changes nothing."""
        for sender, target in (
            *(("a.example", "b.example"), ("b.example", "c.example"), ("c.example", "a.example")),
            *(("example", "a.example"), ("sub.b.example", "a.example"), ("evil-b.example", "a.example")),
            *(("bb.example", "a.example"), ("b.example", "sub.a.example"), ("b.example", "example")),
        ):
            said = dialback("result", sender, target, type="valid")
            told = self.stream.receive_bytes(said, 0.0)
            self.assertEqual([AnswerUnasked(pair=DomainPair(DomainName.parse(target), DomainName.parse(sender)))], told)
        self.assertEqual((StreamState.PROVING, b""), (self.stream.state, self.stream.bytes_to_send()))
        self.assertFalse(self.stream.may_send(PAIR, 0.0))

    def test_answered_twice(self) -> None:
        """D18: a second answer answers nothing: an acceptance is not taken back so, nor a refusal."""
        self.stream.receive_bytes(VALID, 0.0)
        for again in (VALID, INVALID):
            self.assertEqual([AnswerUnasked(pair=PAIR)], self.stream.receive_bytes(again, 0.0))
        self.assertTrue(self.stream.may_send(PAIR, 0.0))

    def test_on_another_stream(self) -> None:
        """D18, D19: the right answer on another stream, be it one with the same id, is nobody's."""
        other = initiating()
        self.assertEqual([AnswerUnasked(pair=PAIR)], other.receive_bytes(VALID, 0.0))
        called = receiving()
        self.assertEqual([AnswerUnasked(pair=PAIR)], called.receive_bytes(VALID, 0.0))
        self.assertFalse(self.stream.may_send(PAIR, 0.0))

    def test_liberal(self) -> None:
        """D22: an answer that repeats the key, or gives an id, is an answer."""
        said = dialback("result", "b.example", "a.example", "00", type="valid", id="whatever")
        self.assertEqual([(OUT, PAIR)], opened([*self.stream.receive_bytes(said, 0.0)]))

    def test_unknown_type(self) -> None:
        """D18: an answer of a type nobody knows is no consent."""
        said = dialback("result", "b.example", "a.example", type="maybe")
        self.assertIsInstance(self.stream.receive_bytes(said, 0.0)[0], PairRefused)
        self.assertFalse(self.stream.may_send(PAIR, 0.0))


class FurtherPairsTests(SynchronousTestCase):
    """Pairs that we assert on a stream that carries others."""

    further = DomainPair(C, B)

    def test_beside_others(self) -> None:
        """D10: while a second pair waits for its answer, stanzas of the first go on, and none of the second."""
        for way in (scripts.INITIATING_WAY, INITIATING_BY_DIALBACK, INITIATING_TWO_WAY):
            stream = initiating(way=way)
            self.assertEqual([], stream.assert_pair(self.further, 0.0))
            self.assertIn(b'<db:result from="c.example" to="b.example">', stream.bytes_to_send())
            stream.send(PAIR, [message()], 0.0)
            self.assertRaises(LocalMisuse, stream.send, self.further, [message("c.example")], 0.0)
            self.assertEqual(message().data, stream.bytes_to_send())
            told = stream.receive_bytes(dialback("result", "b.example", "c.example", type="valid"), 0.0)
            self.assertIn((OUT, self.further), opened([*told]))
            self.assertTrue(stream.may_send(self.further, 0.0) and stream.may_send(PAIR, 0.0))

    def test_several(self) -> None:
        """D10, D20: several may be under way; one that is not answered fails alone."""
        stream = initiating()
        stream.assert_pair(self.further, 0.0)
        stream.assert_pair(DomainPair(D, B), 10.0)
        self.assertEqual(30.0, stream.deadline)
        (refusal,) = stream.wake(30.0)
        assert isinstance(refusal, PairRefused)
        self.assertEqual((self.further, 40.0), (refusal.pair, stream.deadline))
        told = stream.receive_bytes(dialback("result", "b.example", "d.example", type="valid"), 31.0)
        self.assertEqual([(OUT, DomainPair(D, B))], opened([*told]))

    def test_refused(self) -> None:
        """D15: whatever becomes of a second pair, the stream stays and goes on with the first."""
        for answer in ("invalid", "error"):
            stream = initiating()
            stream.assert_pair(self.further, 0.0)
            (refusal,) = stream.receive_bytes(dialback("result", "b.example", "c.example", type=answer), 0.0)
            self.assertIsInstance(refusal, PairRefused)
            self.assertEqual([True, False], [stream.may_send(pair, 0.0) for pair in (PAIR, self.further)])

    def test_once(self) -> None:
        """D23: a pair is not asserted again while it is under way; after its answer it may be."""
        stream = initiating()
        stream.assert_pair(self.further, 0.0)
        first = stream.bytes_to_send()
        stream.assert_pair(self.further, 1.0)
        self.assertEqual((b"", 30.0), (stream.bytes_to_send(), stream.deadline))
        stream.receive_bytes(dialback("result", "b.example", "c.example", type="invalid"), 2.0)
        stream.assert_pair(self.further, 3.0)
        self.assertEqual(first, stream.bytes_to_send())

    def test_reverse(self) -> None:
        """B6, B8: on a two-way stream the server that was called asserts pairs, and is answered, as well."""
        stream, further = receiving(way=RECEIVING_TWO_WAY), DomainPair(D, A)
        stream.assert_pair(further, 0.0)
        key = scripts.SECRET.key(further, "00000000000000000000000000000006")
        wanted = f'<db:result from="d.example" to="a.example">{key}</db:result>'
        self.assertEqual(wanted.encode(), stream.bytes_to_send())
        told = stream.receive_bytes(dialback("result", "a.example", "d.example", type="valid"), 0.0)
        self.assertEqual([(OUT, further), (IN, further.reversed())], opened([*told]))

    def test_not_possible(self) -> None:
        """B4, B6: not on a one-way stream, nor for a target that nobody has proven here, nor before or after."""
        for stream, pair in (
            (initiating(), DomainPair(A, C)),
            (receiving(), BACK),
            (receiving(way=RECEIVING_TWO_WAY), DomainPair(B, C)),
            (receiving(StreamState.PROVING, way=RECEIVING_TWO_WAY), BACK),
            (initiating(StreamState.PROVING), PAIR),
            (initiating(StreamState.CLOSING), self.further),
        ):
            self.assertRaises(LocalMisuse, stream.assert_pair, pair, 0.0)
            self.assertEqual(b"", stream.bytes_to_send())

    def test_to_a_domain_proven_by_a_key(self) -> None:
        """B6: a peer's domain that a key has proven may be asserted to, until what has proven it ends."""
        stream = receiving(StreamState.PROVING, way=RECEIVING_BY_DIALBACK)
        verdict = PairVerdict(pair=PAIR, outcome=proven(A, until=500.0))
        for step in (scripts.BIDI, ASSERTION, verdict):
            take(stream, step)
        self.assertEqual([], stream.assert_pair(DomainPair(C, A), 499.999))
        self.assertRaises(LocalMisuse, stream.assert_pair, DomainPair(D, A), 500.0)


class KeyLedgerTests(SynchronousTestCase):
    """Which keys of ours may be asked about."""

    def test_until_it_is_answered(self) -> None:
        """D12: a key is good from when it is sent until it is answered, or its stream or time is over."""
        for end in (
            lambda stream: stream.receive_bytes(VALID, 0.0),
            lambda stream: stream.receive_bytes(INVALID, 0.0),
            lambda stream: stream.wake(30.0),
            lambda stream: stream.connection_lost("cut"),
            lambda stream: stream.receive_bytes(CLOSING, 0.0),
        ):
            stream = initiating(StreamState.PROVING, way=INITIATING_BY_DIALBACK)
            self.assertEqual(1, len(stream._side.keys))
            end(stream)
            self.assertEqual(0, len(stream._side.keys))


class AssertedByPeerTests(SynchronousTestCase):
    """The receiving server of dialback."""

    def asserted(self, said: bytes = ASSERTION, way: Way = RECEIVING_BY_DIALBACK) -> ReceivingStream:
        """A stream on which a peer has asserted a pair."""
        stream = receiving(StreamState.PROVING, way=way)
        stream.receive_bytes(said, 0.0)
        return stream

    def test_reported(self) -> None:
        """D9, D11, D22: the pair is to be judged, by its trimmed key and the id of our header on that stream."""
        stream = receiving(StreamState.PROVING, way=RECEIVING_BY_DIALBACK)
        said = dialback("result", "a.example", "b.example", " \n00\t", id="x")
        self.assertEqual([PairAsserted(pair=PAIR, key="00", stream_id=SECURE_ID)], stream.receive_bytes(said, 0.0))
        self.assertEqual((b"", StreamState.PROVING), (stream.bytes_to_send(), stream.state))

    def test_accepted(self) -> None:
        """D13: a proven pair is answered, and carries stanzas at once, without new headers."""
        stream = self.asserted()
        events = stream.judge_pair(PAIR, by_dialback(A), StanzaCondition.FORBIDDEN, 0.0)
        self.assertEqual([StreamReady(pair=PAIR, direction=IN)], events)
        said = b'<db:result from="b.example" to="a.example" type="valid"></db:result>'
        self.assertEqual((said, StreamState.CARRYING), (stream.bytes_to_send(), stream.state))
        grant = Grant(prooftype="dialback", evidence="key")
        listed = [*stream.associations.associations()]
        self.assertEqual([Association(direction=IN, sender=A, target=B, grant=grant)], listed)

    def test_incident_10_stanza_right_after_the_answer(self) -> None:
        """Incident 10: a stanza sent on the strength of the answer passes, however fast; one before it does not."""
        stream = self.asserted()
        take(stream, ACCEPTED)
        self.assertEqual([message().data], received(stream.receive_bytes(message().data, 0.0)))
        events = self.asserted().receive_bytes(message().data, 0.0)
        self.assertEqual(([], StreamCondition.NOT_AUTHORIZED), (received(events), ending(events).condition))

    def test_stanza_with_the_assertion(self) -> None:
        """S10: a stanza behind the key in the same piece is too early, whatever becomes of the key."""
        stream = receiving(StreamState.PROVING, way=RECEIVING_BY_DIALBACK)
        events = stream.receive_bytes(ASSERTION + message().data, 0.0)
        self.assertIs(StreamCondition.NOT_AUTHORIZED, ending(events).condition)
        self.assertEqual([], take(stream, ACCEPTED))
        self.assertEqual([], [*stream.associations.associations()])

    def test_only_the_pair(self) -> None:
        """D5: a proven pair opens that pair and no other, in that direction and no other."""
        stream = receiving(way=RECEIVING_BY_DIALBACK, hosted={B, D})
        events = stream.receive_bytes(message("y@c.example").data, 0.0)
        self.assertEqual(([], 1), (received(events), stream.dropped))
        self.assertFalse(stream.may_send(BACK, 0.0))
        events = stream.receive_bytes(message(target="y@d.example").data, 0.0)
        self.assertIs(StreamCondition.HOST_UNKNOWN, ending(events).condition)

    def test_larger_stanzas(self) -> None:
        """Once a pair is proven, the limits for those who have proven something count."""
        stream = self.asserted()
        take(stream, ACCEPTED)
        large = message(text="x" * 100_000).data
        self.assertEqual([large], received(stream.receive_bytes(large, 0.0)))

    def test_first_is_invalid(self) -> None:
        """D14: a disowned key for the first pair is answered with ``invalid`` and ends the stream."""
        stream = self.asserted()
        closing = ending(take(stream, PairVerdict(pair=PAIR, outcome=refused(A, "dialback: disowned"))))
        self.assertIs(None, closing.condition)
        said = b'<db:result from="b.example" to="a.example" type="invalid"></db:result>'
        self.assertEqual(said + CLOSING, stream.bytes_to_send())

    def test_first_of_several_is_invalid(self) -> None:
        """D14: not while another pair is being judged: that may yet be good."""
        stream = self.asserted()
        stream.receive_bytes(dialback("result", "c.example", "b.example", "00"), 0.0)
        take(stream, PairVerdict(pair=PAIR, outcome=refused(A, "dialback: disowned")))
        self.assertEqual(("forbidden", StreamState.PROVING), (condition_of(stream.bytes_to_send()), stream.state))
        take(stream, PairVerdict(pair=DomainPair(C, B), outcome=refused(C, "dialback: disowned")))
        self.assertIs(StreamState.CLOSING, stream.state)

    def test_later_is_invalid(self) -> None:
        """D14: a disowned key for a later pair is answered with an error; the stream and the first pair stay."""
        stream = receiving(way=RECEIVING_BY_DIALBACK)
        stream.receive_bytes(dialback("result", "c.example", "b.example", "00"), 0.0)
        self.assertEqual([], take(stream, PairVerdict(pair=DomainPair(C, B), outcome=refused(C, "disowned"))))
        said = stream.bytes_to_send()
        self.assertIn(b'<db:result from="b.example" to="c.example" type="error">', said)
        self.assertEqual(("forbidden", StreamState.CARRYING), (condition_of(said), stream.state))
        self.assertEqual([message().data], received(stream.receive_bytes(message().data, 0.0)))

    def test_after_a_certificate(self) -> None:
        """D14: so it is on a stream that a certificate has made carry."""
        stream = receiving()
        stream.receive_bytes(dialback("result", "c.example", "b.example", "00"), 0.0)
        take(stream, PairVerdict(pair=DomainPair(C, B), outcome=refused(C, "disowned")))
        self.assertEqual(("forbidden", StreamState.CARRYING), (condition_of(stream.bytes_to_send()), stream.state))

    def test_other_failures(self) -> None:
        """D15, D20: what is no verdict on the key, a time-out say, is an error; the stream stays for another try."""
        for condition in (StanzaCondition.REMOTE_SERVER_TIMEOUT, StanzaCondition.NOT_AUTHORIZED):
            stream = self.asserted()
            verdict = Undecided(domain=A, reasons=("dialback: nobody <answers>",))
            self.assertEqual([], stream.judge_pair(PAIR, verdict, condition, 0.0))
            said = stream.bytes_to_send()
            self.assertEqual((condition.value, StreamState.PROVING), (condition_of(said), stream.state))
            self.assertIn(b">dialback: nobody &lt;answers&gt;</text>", said)
            self.assertEqual([PairAsserted], [type(event) for event in stream.receive_bytes(ASSERTION, 0.0)])

    def test_pitfall_4_a_second_request_leaves_the_first_domain_its_right(self) -> None:
        """D5: a second pair that is proven on a stream takes nothing from the first; stanzas of both pass."""
        stream = receiving(way=RECEIVING_BY_DIALBACK)
        stream.receive_bytes(dialback("result", "c.example", "b.example", "00"), 0.0)
        take(stream, PairVerdict(pair=DomainPair(C, B), outcome=proven(C)))
        for stanza in (message(), message("x@c.example"), message()):
            self.assertEqual([stanza.data], received(stream.receive_bytes(stanza.data, 0.0)))

    def test_pitfall_5_the_target_of_a_request_must_be_hosted(self) -> None:
        """D16: for a target that is not ours nobody is asked, whatever the key, and nothing is proven."""
        stream = receiving(StreamState.PROVING, way=RECEIVING_BY_DIALBACK)
        self.assertEqual([], stream.receive_bytes(dialback("result", "a.example", "d.example", "00"), 0.0))
        self.assertEqual([], [*stream.associations.associations()])
        take(stream, ASSERTION)
        take(stream, ACCEPTED)
        ended = ending(stream.receive_bytes(message(target="y@d.example").data, 0.0))
        self.assertIs(StreamCondition.HOST_UNKNOWN, ended.condition)

    def test_unknown_target(self) -> None:
        """D16: a domain that is not ours is an error in its own name; the stream stays, with whatever it carries."""
        for stream in (receiving(StreamState.PROVING, way=RECEIVING_BY_DIALBACK), receiving()):
            before = stream.state
            self.assertEqual([], stream.receive_bytes(dialback("result", "a.example", "d.example", "00"), 0.0))
            said = stream.bytes_to_send()
            self.assertTrue(said.startswith(b'<db:result from="d.example" to="a.example" type="error">'))
            self.assertEqual(("item-not-found", before), (condition_of(said), stream.state))

    def test_objections(self) -> None:
        """D16: our own name, a denied domain, no key, too long a key: nobody is asked about these."""
        denied = PeerPolicies(
            default=scripts.DIALBACK_SERVES.default, domains={"c.example": PeerPolicy(is_admitted=False)}
        )
        way = Way(is_initiating=False, steps=RECEIVING_BY_DIALBACK.steps, policies=denied)
        for sender, key, condition in (
            ("b.example", "00", "not-acceptable"),
            ("c.example", "00", "not-allowed"),
            ("x.c.example", "00", "not-allowed"),
            ("a.example", "", "not-acceptable"),
            ("a.example", "k" * 257, "not-acceptable"),
        ):
            stream = receiving(StreamState.PROVING, way=way)
            self.assertEqual([], stream.receive_bytes(dialback("result", sender, "b.example", key), 0.0))
            self.assertEqual(condition, condition_of(stream.bytes_to_send()), sender)

    def test_once(self) -> None:
        """D23: a pair that is being judged is judged once, however often it is asserted."""
        stream = self.asserted()
        self.assertEqual([], stream.receive_bytes(ASSERTION * 2, 0.0))
        self.assertEqual((b"", 2), (stream.bytes_to_send(), stream.ignored))

    def test_again(self) -> None:
        """D23: one that is accepted is answered at once, whatever key comes with it; nobody is asked."""
        stream = receiving(way=RECEIVING_BY_DIALBACK)
        self.assertEqual([], stream.receive_bytes(dialback("result", "a.example", "b.example", "11"), 0.0))
        self.assertEqual(
            b'<db:result from="b.example" to="a.example" type="valid"></db:result>', stream.bytes_to_send()
        )

    def test_grant_that_ended(self) -> None:
        """D23, S25: one whose proof has ended is judged anew; until then its stanzas are dropped."""
        stream = self.asserted()
        take(stream, PairVerdict(pair=PAIR, outcome=proven(A, until=5.0)))
        stream.receive_bytes(message().data, 5.0)
        self.assertEqual(1, stream.dropped)
        self.assertEqual([PairAsserted], [type(event) for event in stream.receive_bytes(ASSERTION, 5.0)])

    def test_late_verdict(self) -> None:
        """D19: a verdict on a pair that is not being judged here, or on a stream that ends, changes nothing."""
        closing, other, twice = self.asserted(), receiving(way=RECEIVING_BY_DIALBACK), self.asserted()
        closing.close(0.0)
        take(twice, ACCEPTED)
        for stream in (closing, other, twice):
            stream.bytes_to_send()
            known = [*stream.associations.associations()]
            self.assertEqual([], take(stream, ACCEPTED))
            self.assertEqual((b"", known), (stream.bytes_to_send(), [*stream.associations.associations()]))

    def test_equal_ids(self) -> None:
        """D19: of two streams with the same id only the one that is judged is opened."""
        one, other = self.asserted(), self.asserted()
        self.assertEqual(one.stream_id, other.stream_id)
        take(one, ACCEPTED)
        self.assertEqual([StreamState.CARRYING, StreamState.PROVING], [one.state, other.state])

    def test_verdict_on_another_domain(self) -> None:
        """A verdict on another domain than the one asserted is a mistake of ours and opens nothing."""
        stream = self.asserted()
        self.assertRaises(LocalMisuse, stream.judge_pair, PAIR, proven(C), StanzaCondition.FORBIDDEN, 0.0)
        self.assertEqual(([], b""), ([*stream.associations.associations()], stream.bytes_to_send()))

    def test_restart_forgets(self) -> None:
        """S6: what was asserted before SASL is forgotten with it; its verdict comes too late."""
        stream = receiving(StreamState.PROVING)
        stream.receive_bytes(dialback("result", "c.example", "b.example", "00"), 0.0)
        for step in (scripts.AUTH, FROM_A):
            take(stream, step)
        stream.bytes_to_send()
        self.assertEqual([], take(stream, PairVerdict(pair=DomainPair(C, B), outcome=proven(C))))
        self.assertEqual((b"", StreamState.CARRYING), (stream.bytes_to_send(), stream.state))

    def test_on_a_stream_we_opened(self) -> None:
        """D18, B6: whom we called may assert pairs on a two-way stream; on a one-way stream it is not heard."""
        further = dialback("result", "c.example", "a.example", "00")
        one_way, two_way = initiating(), initiating(way=INITIATING_TWO_WAY)
        self.assertEqual(([], 1), (one_way.receive_bytes(further, 0.0), one_way.ignored))
        pair = DomainPair(C, A)
        self.assertEqual([PairAsserted(pair=pair, key="00", stream_id="s1")], two_way.receive_bytes(further, 0.0))
        events = take(two_way, PairVerdict(pair=pair, outcome=by_dialback(C)))
        self.assertEqual([(OUT, pair.reversed()), (IN, pair)], opened([*events]))

    def test_before_we_are_proven(self) -> None:
        """B3: before we have proven ourselves to it, it may not: its pair would make the stream carry without us."""
        stream = initiating(StreamState.PROVING, way=INITIATING_TWO_WAY)
        self.assertEqual([], stream.receive_bytes(dialback("result", "c.example", "a.example", "00"), 0.0))
        self.assertEqual((1, StreamState.PROVING), (stream.ignored, stream.state))


class PolicyTests(SynchronousTestCase):
    """What is asked of a peer before its key is looked at."""

    def test_certificate_required(self) -> None:
        """D4: where a certificate alone suffices, dialback is not offered to those without one."""
        stream = receiving(StreamState.JUDGING)
        ended = ending(stream.decide(refused(A, "pkix: unknown"), 0.0))
        self.assertIs(StreamCondition.POLICY_VIOLATION, ended.condition)
        self.assertNotIn(b"urn:xmpp:features:dialback", stream.bytes_to_send())

    def test_dialback_suffices(self) -> None:
        """D4, D17: where it suffices it is offered, with the promise to cope with errors; EXTERNAL is not."""
        stream = receiving(StreamState.JUDGING, way=RECEIVING_BY_DIALBACK)
        self.assertEqual([], stream.decide(refused(A, "pkix: unknown"), 0.0))
        said = stream.bytes_to_send()
        self.assertIn(b"<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>", said)
        self.assertNotIn(b"EXTERNAL", said)

    def test_tls_required(self) -> None:
        """T2: who goes on without TLS where it is required is told that in answer to each request."""
        for request in (ASSERTION, dialback("verify", "a.example", "b.example", "00", id="1")):
            stream = receiving(StreamState.PLAIN_NEGOTIATING, way=RECEIVING_BY_DIALBACK)
            self.assertEqual([], stream.receive_bytes(request, 0.0))
            self.assertEqual("policy-violation", condition_of(stream.bytes_to_send()))
            self.assertIs(StreamCondition.NOT_AUTHORIZED, ending(stream.receive_bytes(message().data, 0.0)).condition)

    def test_plain_serves(self) -> None:
        """Where the policy of the caller lets it, STARTTLS is offered and not required, and dialback beside it."""
        stream = receiving(StreamState.PLAIN_OPENING, way=RECEIVING_PLAIN)
        stream.receive_bytes(FROM_A, 0.0)
        said = stream.bytes_to_send()
        self.assertIn(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'></starttls>", said)
        self.assertIn(b"<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>", said)
        self.assertEqual([PairAsserted], [type(event) for event in stream.receive_bytes(ASSERTION, 0.0)])

    def test_plain_for_some(self) -> None:
        """T2: it counts for each domain that is asserted, not for the one that a header names."""
        policies = PeerPolicies(
            default=scripts.DIALBACK_SERVES.default, domains={"a.example": scripts.PLAIN_SERVES.default}
        )
        way = Way(is_initiating=False, steps=RECEIVING_PLAIN.steps, policies=policies)
        stream = receiving(way=way)
        stream.receive_bytes(dialback("result", "c.example", "b.example", "00"), 0.0)
        self.assertEqual(
            ("policy-violation", StreamState.CARRYING), (condition_of(stream.bytes_to_send()), stream.state)
        )

    def test_plain_of_nobody(self) -> None:
        """T2: a caller without a name is offered nothing but TLS, as what is asked of it cannot be known."""
        stream = receiving(StreamState.PLAIN_OPENING, way=RECEIVING_PLAIN)
        stream.receive_bytes(header(to="b.example"), 0.0)
        self.assertTrue(stream.bytes_to_send().endswith(scripts.OWN_TLS_OFFER))

    def test_denied(self) -> None:
        """A denied domain is refused as soon as a header names it, outside TLS and inside."""
        policies = PeerPolicies(domains={"a.example": PeerPolicy(is_admitted=False)})
        for state in (StreamState.PLAIN_OPENING, StreamState.SECURE_OPENING):
            stream = scripts.begin(Way(is_initiating=False, steps=(), policies=policies))
            if state is StreamState.SECURE_OPENING:
                for step in (header(to="b.example"), scripts.STARTTLS, scripts.TLS_DONE):
                    take(stream, step)
            ended = ending(stream.receive_bytes(FROM_A, 0.0))
            self.assertIs(StreamCondition.POLICY_VIOLATION, ended.condition)
            self.assertEqual("the policy of this server denies a.example", ended.text)


class PairCountTests(SynchronousTestCase):
    """How many pairs one stream has room for, beside those that :mod:`tests.stream.test_pair_limits` looks at."""

    def assert_all(self, stream: ProvingStream, *senders: str) -> list[DomainPair]:
        """Assert pairs as a peer; those that are to be judged."""
        told: list[StreamEvent] = []
        for sender in senders:
            told += stream.receive_bytes(dialback("result", sender, "b.example", "00"), 0.0)
        return [event.pair for event in told if isinstance(event, PairAsserted)]

    def test_pending_count_as_proven(self) -> None:
        """Pairs that are being judged take the room of those that they may become."""
        limits = StreamLimits(max_proven_pairs=2)
        stream = receiving(StreamState.PROVING, limits, way=RECEIVING_BY_DIALBACK)
        self.assertEqual(2, len(self.assert_all(stream, "c.example", "d.example", "e.example")))
        self.assertEqual("resource-constraint", condition_of(stream.bytes_to_send()))

    def test_judged_make_room(self) -> None:
        """A pair that is judged makes room for another one to be."""
        limits = StreamLimits(max_pending_pairs=1)
        stream = receiving(StreamState.PROVING, limits, way=RECEIVING_BY_DIALBACK)
        self.assertEqual([DomainPair(C, B)], self.assert_all(stream, "c.example", "d.example"))
        take(stream, PairVerdict(pair=DomainPair(C, B), outcome=proven(C)))
        self.assertEqual([DomainPair(D, B)], self.assert_all(stream, "d.example"))

    def test_failed_by_verdict(self) -> None:
        """Failed verdicts count like objections: the tenth ends the stream, also one that carries stanzas."""
        stream = receiving()
        pairs = [DomainPair(DomainName.parse(f"a{number}.example"), B) for number in range(10)]
        for pair in pairs:
            self.assertIs(StreamState.CARRYING, stream.state)
            self.assert_all(stream, pair.sender)
            events = take(stream, PairVerdict(pair=pair, outcome=refused(pair.sender, "disowned")))
        self.assertIs(StreamCondition.POLICY_VIOLATION, ending(events).condition)


class SilenceTests(SynchronousTestCase):
    """What nobody may do by keeping still."""

    def test_no_verdict(self) -> None:
        """D20: a pair whose verdict does not come holds nobody's stream open beyond the time to negotiate."""
        stream = receiving(StreamState.PROVING, way=RECEIVING_BY_DIALBACK)
        stream.receive_bytes(ASSERTION, 0.0)
        self.assertEqual(60.0, stream.deadline)
        self.assertIs(StreamCondition.CONNECTION_TIMEOUT, ending(stream.wake(60.0)).condition)

    def test_slow_verdict(self) -> None:
        """S16: while one pair waits for its verdict, stanzas of another pass, in order."""
        stream = receiving(way=RECEIVING_BY_DIALBACK)
        further = dialback("result", "c.example", "b.example", "00")
        first, second = message(text="1").data, message(text="2").data
        events = stream.receive_bytes(first + further + second, 0.0)
        self.assertEqual([first, second], received(events))
        self.assertEqual([PairAsserted], [type(event) for event in events if isinstance(event, PairAsserted)])

    def test_steps_of_certificates_stay(self) -> None:
        """D7: what certificates prove takes no dialback: nothing of it is said on such a stream."""
        stream, said = initiating(StreamState.PLAIN_OPENING), b""
        for step in INITIATING_STEPS:
            take(stream, step)
            said += stream.bytes_to_send()
        self.assertNotIn(b"<db:", said)
