"""Tests of :mod:`muxs2s.stream.proving`: questions about keys, put to us and put by us."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.peers import PeerPolicies, PeerPolicy
from muxs2s.stream import (
    AnswerUnasked,
    InitiatingStream,
    KeyVerified,
    Negotiated,
    ProvingStream,
    StreamClosing,
    StreamEnded,
    StreamLimits,
    StreamState,
)
from muxs2s.wire.errors import LocalMisuse, StanzaCondition, StreamCondition
from muxs2s.wire.names import DomainPair
from tests.stream import scripts
from tests.stream.scripts import (
    CLOSING,
    INITIATING_BY_DIALBACK,
    INITIATING_TWO_WAY,
    PAIR,
    RECEIVING_BY_DIALBACK,
    RECEIVING_PLAIN,
    A,
    B,
    C,
    dialback,
    ending,
    initiating,
    message,
    proven,
    receiving,
    take,
)

BACK = PAIR.reversed()
"""Of a key that the peer at b.example has sent us: its domain, then ours."""

GOOD = KeyVerified(pair=BACK, stream_id="17", condition=None, text="")


def asking(limits: StreamLimits = scripts.LIMITS) -> InitiatingStream:
    """A stream on which we have asked b.example about a key for a stream with the id 17."""
    stream = initiating(limits=limits)
    stream.question(BACK, "17", "00", 0.0)
    stream.bytes_to_send()
    return stream


def answer(sender: str = "b.example", target: str = "a.example", **attributes: str) -> bytes:
    """What the peer says of a key."""
    return dialback("verify", sender, target, **{"id": "17", "type": "valid", **attributes})


class AskedTests(SynchronousTestCase):
    """The authoritative server: we are asked whether a key is ours."""

    def asked(self, stream: ProvingStream, **changed: str) -> str:
        """What is answered to a question about the key that was sent for the pair on a stream with the id s1."""
        said = {"sender": "b.example", "target": "a.example", "inside": scripts.SECRET.key(PAIR, "s1"), "id": "s1"}
        self.assertEqual([], stream.receive_bytes(dialback("verify", **{**said, **changed}), 0.0))
        return stream.bytes_to_send().decode()

    def test_ours(self) -> None:
        """D12: a key that we have sent and that waits for its answer is ours; the addresses change places."""
        stream = initiating(StreamState.PROVING, way=INITIATING_BY_DIALBACK)
        wanted = '<db:verify from="a.example" to="b.example" id="s1" type="valid"></db:verify>'
        self.assertEqual(wanted, self.asked(stream))
        self.assertEqual(wanted, self.asked(stream, inside=f"\n{scripts.SECRET.key(PAIR, 's1')} "))

    def test_not_ours(self) -> None:
        """D12: another key, another id, another pair, or one we could have sent but have not, is none of ours."""
        stream = initiating(StreamState.PROVING, way=INITIATING_BY_DIALBACK)
        for changed in (
            *({"inside": "00"}, {"inside": ""}, {"inside": "é" * 64}, {"id": "s2"}, {"id": ""}),
            {"inside": scripts.SECRET.key(PAIR, "s2"), "id": "s2"},
            {"sender": "c.example", "inside": scripts.SECRET.key(DomainPair(A, C), "s1")},
            {"inside": scripts.SECRET.key(PAIR, "s1").upper()},
        ):
            self.assertIn(' type="invalid"></db:verify>', self.asked(stream, **changed))

    def test_on_any_stream(self) -> None:
        """D11, D12: questions are answered on streams of either role, whoever has opened them."""
        first = initiating(StreamState.PROVING, way=INITIATING_BY_DIALBACK)
        for stream in (initiating(), initiating(way=INITIATING_TWO_WAY), receiving()):
            stream._side = first._side
            self.assertIn(' type="valid"', self.asked(stream))

    def test_before_the_peer_is_proven(self) -> None:
        """D21: who calls only to ask need not prove anything for it, and is not made to carry stanzas by that."""
        stream = receiving(StreamState.PROVING, way=RECEIVING_BY_DIALBACK)
        self.assertIn(' type="invalid"', self.asked(stream, sender="a.example", target="b.example"))
        self.assertIs(StreamState.PROVING, stream.state)
        self.assertIs(StreamCondition.NOT_AUTHORIZED, ending(stream.receive_bytes(message().data, 0.0)).condition)

    def test_unknown_domain(self) -> None:
        """D12, D16: for a domain that is not ours there is no answer but an error in its name; the stream stays."""
        for stream in (initiating(), receiving()):
            said = self.asked(stream, target="d.example")
            self.assertTrue(said.startswith('<db:verify from="d.example" to="b.example" id="s1" type="error">'))
            self.assertIn("<item-not-found ", said)
            self.assertIs(StreamState.CARRYING, stream.state)

    def test_denied(self) -> None:
        """A domain that the policy denies gets no answer about keys either."""
        denied = PeerPolicies(domains={"b.example": PeerPolicy(is_admitted=False)})
        stream = initiating()
        stream._side = scripts.side({A}, policies=denied)
        self.assertIn("<not-allowed ", self.asked(stream))

    def test_without_an_id(self) -> None:
        """A question that does not say for which stream is answered with an error, which has no id either."""
        stream = initiating()
        stream.receive_bytes(dialback("verify", "b.example", "a.example", "00"), 0.0)
        said = stream.bytes_to_send()
        self.assertTrue(said.startswith(b'<db:verify from="a.example" to="b.example" type="error">'))
        self.assertIn(b"<not-acceptable ", said)

    def test_plain(self) -> None:
        """T2: outside TLS only those are answered who may do without it."""
        stream = receiving(StreamState.PLAIN_NEGOTIATING, way=RECEIVING_PLAIN)
        self.assertIn(' type="invalid"', self.asked(stream, sender="a.example", target="b.example"))
        stream = receiving(StreamState.PLAIN_NEGOTIATING)
        self.assertIn("<policy-violation ", self.asked(stream, sender="a.example", target="b.example"))


class AskingTests(SynchronousTestCase):
    """The receiving server of dialback asks, on another stream, whether a key is genuine."""

    def test_question(self) -> None:
        """D11: the question goes from our domain to the peer's, with the id of the stream the key came on."""
        stream = initiating()
        self.assertEqual([], stream.question(BACK, "17", "00", 0.0))
        self.assertEqual(b'<db:verify from="a.example" to="b.example" id="17">00</db:verify>', stream.bytes_to_send())

    def test_good(self) -> None:
        """D12, D22: a key is good if the server says so, however it does."""
        for said in (answer(), dialback("verify", "b.example", "a.example", " 00 ", id="17", type="valid")):
            self.assertEqual([GOOD], asking().receive_bytes(said, 0.0))

    def test_disowned(self) -> None:
        """D13, D14: one that the server disowns makes its sender a liar: ``forbidden``."""
        (told,) = asking().receive_bytes(answer(type="invalid"), 0.0)
        text = "the authoritative server does not know the key"
        self.assertEqual(KeyVerified(pair=BACK, stream_id="17", condition=StanzaCondition.FORBIDDEN, text=text), told)

    def test_error(self) -> None:
        """D13: an error says where it comes from; of what is no known answer nothing good is believed."""
        inside = "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        for said, why in (
            (dialback("verify", "b.example", "a.example", inside, id="17", type="error"), "item-not-found"),
            (answer(type="perhaps"), "no reason given"),
        ):
            (told,) = asking().receive_bytes(said, 0.0)
            assert isinstance(told, KeyVerified)
            self.assertIs(StanzaCondition.REMOTE_SERVER_NOT_FOUND, told.condition)
            self.assertEqual(f"the authoritative server said {why}", told.text)

    def test_incident_1_unasked_answers(self) -> None:
        """D18: incident 1: what does not match pair and id of a question of this stream answers nothing."""
        stream = asking()
        for wrong in (
            *(answer(id="18"), answer(id=""), answer("a.example", "b.example"), answer(target="c.example")),
            *(answer("example"), answer("sub.b.example"), answer("evil-b.example"), answer("bb.example")),
            dialback("verify", "b.example", "a.example", type="valid"),
        ):
            self.assertEqual([AnswerUnasked], [type(event) for event in stream.receive_bytes(wrong, 0.0)])
        self.assertEqual([GOOD], stream.receive_bytes(answer(), 0.0))

    def test_on_another_stream(self) -> None:
        """D18, D19: the right answer on another stream answers nothing there, and the question stays open here."""
        stream = asking()
        for other in (initiating(), receiving(), initiating(way=INITIATING_TWO_WAY)):
            self.assertEqual([AnswerUnasked(pair=BACK)], other.receive_bytes(answer(), 0.0))
        self.assertEqual([GOOD], stream.receive_bytes(answer(), 0.0))

    def test_answered_twice(self) -> None:
        """D18: a second answer answers nothing, be it the opposite."""
        stream = asking()
        stream.receive_bytes(answer(type="invalid"), 0.0)
        self.assertEqual([AnswerUnasked(pair=BACK)], stream.receive_bytes(answer(), 0.0))

    def test_result_is_no_answer(self) -> None:
        """D18: an answer of the other step is none, though pair and id fit."""
        said = dialback("result", "b.example", "a.example", type="valid", id="17")
        self.assertEqual([AnswerUnasked(pair=PAIR)], asking().receive_bytes(said, 0.0))

    def test_one_at_a_time(self) -> None:
        """D19: of a pair and id one key is asked about at a time: its answer would not say which one it is about."""
        stream = asking()
        self.assertRaises(LocalMisuse, stream.question, BACK, "17", "11", 0.0)
        self.assertEqual(b"", stream.bytes_to_send())
        stream.receive_bytes(answer(), 0.0)
        self.assertEqual([], stream.question(BACK, "17", "11", 0.0))

    def test_several(self) -> None:
        """D19: questions that differ in pair or id are answered in any order."""
        stream = asking()
        stream.question(BACK, "18", "00", 0.0)
        stream.question(DomainPair(B, C), "17", "00", 0.0)
        said = answer(target="c.example") + answer(id="18") + answer()
        told = stream.receive_bytes(said, 0.0)
        wanted = [(DomainPair(B, C), "17"), (BACK, "18"), (BACK, "17")]
        self.assertEqual(wanted, [(event.pair, event.stream_id) for event in told if isinstance(event, KeyVerified)])

    def test_silence(self) -> None:
        """D20: a question not answered in 30 seconds has failed; others, and the stream, have not."""
        stream = asking()
        stream.question(BACK, "18", "00", 10.0)
        self.assertEqual((30.0, []), (stream.deadline, stream.wake(29.999)))
        text = "the server of b.example has not answered within 30 seconds"
        timed_out = KeyVerified(pair=BACK, stream_id="17", condition=StanzaCondition.REMOTE_SERVER_TIMEOUT, text=text)
        self.assertEqual([timed_out], stream.wake(30.0))
        self.assertEqual((40.0, StreamState.CARRYING), (stream.deadline, stream.state))
        self.assertEqual([AnswerUnasked(pair=BACK)], stream.receive_bytes(answer(), 31.0))

    def test_who_is_asked(self) -> None:
        """D11: only whoever has proven the domain here is asked about its keys, in whichever role of streams."""
        calling, called = initiating(), receiving()
        for stream, pair in ((calling, DomainPair(C, A)), (calling, PAIR), (called, BACK), (called, DomainPair(C, B))):
            self.assertRaises(LocalMisuse, stream.question, pair, "17", "00", 0.0)
        for stream, pair in ((calling, BACK), (calling, DomainPair(B, C)), (called, PAIR)):
            self.assertEqual([], stream.question(pair, "17", "00", 0.0))

    def test_stanzas_go_on(self) -> None:
        """S16, M9: stanzas pass while a question waits."""
        stream = asking()
        stream.send(PAIR, [message()], 0.0)
        self.assertEqual(message().data, stream.bytes_to_send())

    def test_when(self) -> None:
        """S6: nothing is asked before the stream is negotiated, while SASL may restart it, nor after its end."""
        for stream in scripts.streams():
            carries = stream.state is StreamState.CARRYING
            by_dialback = isinstance(stream, InitiatingStream) and stream.state is StreamState.PROVING and stream._asked
            self.assertEqual(carries or bool(by_dialback), stream.may_ask)
            if not stream.may_ask:
                self.assertRaises(LocalMisuse, stream.question, BACK, "17", "00", 0.0)
                self.assertEqual(b"", stream.bytes_to_send())

    def test_end(self) -> None:
        """A question whose stream ends is not answered any more: whoever asked learns of the end."""
        stream = asking()
        self.assertEqual([StreamClosing, StreamEnded], [type(event) for event in stream.connection_lost("cut")])
        self.assertEqual([], stream.receive_bytes(answer(), 0.0))


class OnlyToAskTests(SynchronousTestCase):
    """Streams that are opened for nothing but questions."""

    def opened(self, *, direct_tls: bool = False, plain: bool = False) -> InitiatingStream:
        """A new one."""
        policies = scripts.PLAIN_SERVES if plain else scripts.DIALBACK_SERVES
        own = scripts.side({A}, policies=policies)
        return InitiatingStream(PAIR, own, 0.0, direct_tls=direct_tls, only_to_ask=True)

    def ready(self) -> InitiatingStream:
        """One on which questions may be asked, all it had to say said."""
        stream = self.opened()
        for step in (*scripts.INITIATING_STEPS[:6], scripts.OFFER_EXTERNAL_AND_BIDI):
            take(stream, step)
        stream.bytes_to_send()
        return stream

    def test_inside_tls(self) -> None:
        """D21: TLS and a proof of the peer come first; then nothing is proven, neither by certificate nor by key."""
        stream, said = self.opened(), b""
        for step in scripts.INITIATING_STEPS[:6]:
            self.assertFalse(stream.may_ask)
            take(stream, step)
            said += stream.bytes_to_send()
        self.assertEqual([Negotiated()], stream.receive_bytes(scripts.OFFER_EXTERNAL_AND_BIDI, 0.0))
        self.assertEqual((b"", True), (stream.bytes_to_send(), stream.may_ask))
        self.assertIn(b"<starttls ", said)

    def test_whatever_is_offered(self) -> None:
        """D21: which proofs of ours the peer takes does not matter for a question."""
        for offer in (scripts.OFFER_NOTHING, scripts.OFFER_DIALBACK, scripts.OFFER_BIDI):
            stream = self.opened()
            for step in scripts.INITIATING_STEPS[:6]:
                take(stream, step)
            self.assertEqual([Negotiated()], stream.receive_bytes(offer, 0.0))

    def test_question(self) -> None:
        """D21: it is asked and answered as on any stream, and carries no stanza."""
        stream = self.ready()
        stream.question(BACK, "17", "00", 0.0)
        self.assertIn(b"<db:verify ", stream.bytes_to_send())
        self.assertEqual([GOOD], stream.receive_bytes(answer(), 0.0))
        self.assertFalse(stream.may_send(PAIR, 0.0))
        self.assertEqual([StreamClosing], [type(event) for event in stream.close(0.0)])
        self.assertEqual(CLOSING, stream.bytes_to_send())

    def test_silence(self) -> None:
        """D20: the time-out of a question fails the question; the stream may be asked again."""
        stream = self.ready()
        stream.question(BACK, "17", "00", 0.0)
        self.assertEqual([KeyVerified], [type(event) for event in stream.wake(30.0)])
        self.assertEqual((True, 60.0), (stream.may_ask, stream.deadline))

    def test_not_forever(self) -> None:
        """A stream that is asked nothing more ends with the time to negotiate."""
        self.assertIs(StreamCondition.CONNECTION_TIMEOUT, ending(self.ready().wake(60.0)).condition)

    def test_unproven_server(self) -> None:
        """D2, D21: a server that is not proven is not asked."""
        stream = self.opened()
        for step in scripts.INITIATING_STEPS[:4]:
            take(stream, step)
        self.assertIs(StreamCondition.NOT_AUTHORIZED, ending(stream.decide(scripts.refused(B, "no"), 0.0)).condition)
        self.assertFalse(stream.may_ask)

    def test_plain(self) -> None:
        """Where the policy lets it, a server without TLS is asked without."""
        stream = self.opened(plain=True)
        take(stream, scripts.FROM_B)
        take(stream, scripts.OFFER_NOTHING)
        self.assertEqual([Negotiated()], take(stream, proven(B)))
        self.assertTrue(stream.may_ask)

    def test_direct_tls(self) -> None:
        """S29: it may begin with TLS like any other."""
        stream = self.opened(direct_tls=True)
        stream.begin()
        for step in scripts.INITIATING_STEPS[3:6]:
            take(stream, step)
        self.assertEqual([Negotiated()], take(stream, scripts.OFFER_NOTHING))

    def test_unasked_success(self) -> None:
        """T11: a success or failure of SASL that was never begun is a violation, and proves nothing."""
        for said in (scripts.SUCCESS, scripts.SASL_FAILURE):
            stream = self.ready()
            self.assertIs(StreamCondition.POLICY_VIOLATION, ending(stream.receive_bytes(said, 0.0)).condition)
            self.assertFalse(stream.may_send(PAIR, 0.0))

    def test_features_again(self) -> None:
        """S4: features that come again mean nothing."""
        stream = self.ready()
        self.assertEqual([], stream.receive_bytes(scripts.OFFER_EXTERNAL, 0.0))
        self.assertEqual((1, b"", True), (stream.ignored, stream.bytes_to_send(), stream.may_ask))
