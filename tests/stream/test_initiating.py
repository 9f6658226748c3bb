"""Tests of :mod:`muxs2s.stream.initiating`: a server that we called, in bytes."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream import (
    OWN_CERTIFICATE,
    Association,
    Direction,
    Grant,
    InitiatingStream,
    PairRefused,
    ProofWanted,
    StreamClosing,
    StreamReady,
    StreamState,
    TLSAgreed,
)
from muxs2s.testing.streams import StreamPair
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.namespaces import DIALBACK, DIALBACK_FEATURE, STREAM_ERRORS
from tests.stream import scripts
from tests.stream.scripts import (
    CLOSING,
    FROM_B,
    INITIATING_STEPS,
    OFFER_EXTERNAL,
    OFFER_NOTHING,
    OFFER_TLS,
    PAIR,
    PATIENT,
    PROCEED,
    SASL_NAMESPACE,
    SUCCESS,
    A,
    B,
    ending,
    header,
    initiating,
    message,
    proven,
    refused,
    take,
)

MECHANISMS = f"<stream:features><mechanisms xmlns='{SASL_NAMESPACE}'>%s</mechanisms></stream:features>"

OFFER_BOTH = (
    (MECHANISMS % "<mechanism>EXTERNAL</mechanism>")
    .replace("</st", f"<dialback xmlns='{DIALBACK_FEATURE}'/></st")
    .encode()
)


def offering(*mechanisms: str) -> bytes:
    """Features that offer SASL mechanisms."""
    return (MECHANISMS % "".join(f"<mechanism>{name}</mechanism>" for name in mechanisms)).encode()


class HeaderTests(SynchronousTestCase):
    """Headers that we send, and those that answer."""

    def test_first_words(self) -> None:
        """S1, S3: the header names both domains, version and language, after an XML declaration; it has no id."""
        said = InitiatingStream(PAIR, scripts.side({A}), 0.0).bytes_to_send().decode()
        self.assertTrue(said.startswith("<?xml version='1.0'?><stream:stream "), said)
        for attribute in ('from="a.example"', 'to="b.example"', 'version="1.0"', 'xml:lang="en"'):
            self.assertIn(f" {attribute}", said)
        self.assertNotIn(" id=", said)

    def test_restarts(self) -> None:
        """S1, S6: after TLS and after SASL the same header is sent again, and no closing tag before it."""
        stream = InitiatingStream(PAIR, scripts.side({A}), 0.0)
        said = first = stream.bytes_to_send()
        for step in INITIATING_STEPS:
            take(stream, step)
            said += stream.bytes_to_send()
        self.assertEqual((3, 0), (said.count(first), said.count(CLOSING)))

    def test_bad_answers(self) -> None:
        """S19: a bad header is answered with an error and the closing tag; ours was sent before."""
        for bad, condition in (
            (header(from_="b.example", to="a.example"), StreamCondition.BAD_FORMAT),
            (header(from_="b.example", to="a.example", id=""), StreamCondition.BAD_FORMAT),
            (header(from_="b..example", id="s1"), StreamCondition.IMPROPER_ADDRESSING),
            (header(from_="b.example", id="s1", version=None), StreamCondition.UNSUPPORTED_VERSION),
            (header(from_="b.example", id="s1", version="0.9"), StreamCondition.UNSUPPORTED_VERSION),
            (header(from_="b.example", id="s1", xmlns="jabber:client"), StreamCondition.INVALID_NAMESPACE),
            (b"SSH-2.0-OpenSSH_9.2\r\n", StreamCondition.NOT_WELL_FORMED),
        ):
            stream = initiating(StreamState.PLAIN_OPENING)
            self.assertIs(condition, ending(stream.receive_bytes(bad, 0.0)).condition, bad)
            said = stream.bytes_to_send()
            self.assertTrue(said.startswith(f"<stream:error><{condition.value} ".encode()), said)
            self.assertTrue(said.endswith(CLOSING))

    def test_answer_without_from(self) -> None:
        """A server that does not say who answers is believed to be who was called, until it has to prove it."""
        stream = initiating(StreamState.PLAIN_OPENING)
        self.assertEqual([], stream.receive_bytes(header(id="s1"), 0.0))
        self.assertIs(StreamState.PLAIN_NEGOTIATING, stream.state)

    def test_another_answers(self) -> None:
        """Who answers in another name, be it ours, is not talked to, neither outside TLS nor inside nor after SASL."""
        offers = {
            StreamState.PLAIN_OPENING: OFFER_TLS,
            StreamState.SECURE_OPENING: OFFER_EXTERNAL,
            StreamState.PROVEN_OPENING: OFFER_NOTHING,
        }
        for name in ("c.example", "a.example"):
            for state, offer in offers.items():
                stream = initiating(state)
                ended = ending(stream.receive_bytes(header(from_=name, id="s1") + offer, 0.0))
                self.assertIs(StreamCondition.INVALID_FROM, ended.condition)
                self.assertEqual(f"{name} answers for b.example", ended.text)
                self.assertFalse(stream.may_send(PAIR, 0.0))

    def test_another_answers_with_an_error(self) -> None:
        """S7: a server that does not know whom we called answers in its own name, or none, and is heard out."""
        error = scripts.STREAM_ERROR.replace(b"system-shutdown", b"host-unknown")
        for name in ("main.example", ""):
            stream = initiating(StreamState.PLAIN_OPENING)
            ended = ending(stream.receive_bytes(header(from_=name, id="s1") + error + CLOSING, 0.0))
            self.assertEqual((True, StreamCondition.HOST_UNKNOWN), (ended.by_peer, ended.condition))

    def test_spelling(self) -> None:
        """S13: the answer may spell the domain we called as it likes."""
        for spelling in ("B.EXAMPLE", "b.example."):
            stream = initiating(StreamState.PLAIN_OPENING)
            self.assertEqual([], stream.receive_bytes(header(from_=spelling, id="s1"), 0.0))


class TLSTests(SynchronousTestCase):
    """STARTTLS from the initiating server's side."""

    def test_always_asked_for(self) -> None:
        """T2: STARTTLS is asked for whatever is offered: the offer may have been taken out on the way."""
        for offer in (OFFER_TLS, OFFER_NOTHING, OFFER_EXTERNAL):
            stream = initiating(StreamState.PLAIN_NEGOTIATING)
            stream.receive_bytes(offer, 0.0)
            self.assertEqual((scripts.STARTTLS, StreamState.TLS_REQUESTED), (stream.bytes_to_send(), stream.state))

    def test_agreement(self) -> None:
        """On ``proceed`` the handshake is due: our certificate for our domain, SNI for the peer's; nothing is said."""
        stream = initiating(StreamState.TLS_REQUESTED)
        self.assertEqual([TLSAgreed(own_domain=A, peer_domain=B, direct=False)], stream.receive_bytes(PROCEED, 0.0))
        self.assertEqual(b"", stream.bytes_to_send())

    def test_nothing_between(self) -> None:
        """T3: between ``starttls`` and the handshake, and between ``auth`` and the answer, we send nothing."""
        stream = InitiatingStream(PAIR, scripts.side({A}), 0.0)
        said = []
        for step in INITIATING_STEPS:
            take(stream, step)
            said.append(stream.bytes_to_send())
        self.assertEqual([b"", b""], [said[2], said[3]])
        self.assertTrue(said[1].endswith(b"/>") and said[6].endswith(b"</auth>"))

    def test_pitfall_11_plaintext_after_proceed_is_dropped(self) -> None:
        """T3: what is injected behind ``proceed``, in the same piece or later, whole or begun, comes to nothing."""
        evil = FROM_B + OFFER_EXTERNAL + SUCCESS + message("y@b.example", "x@a.example").data
        for pieces in ([PROCEED + evil], [PROCEED, evil], [PROCEED + FROM_B[:40]], [PROCEED, b"<", FROM_B[:40]]):
            stream = initiating(StreamState.TLS_REQUESTED)
            for piece in pieces:
                stream.receive_bytes(piece, 0.0)
            self.assertEqual((StreamState.SECURING, b""), (stream.state, stream.bytes_to_send()))
            for step in INITIATING_STEPS[3:]:
                take(stream, step)
            self.assertIs(StreamState.CARRYING, stream.state)

    def test_refused(self) -> None:
        """A peer that refuses STARTTLS is not talked to without it."""
        stream = initiating(StreamState.TLS_REQUESTED)
        ended = ending(stream.receive_bytes(scripts.TLS_FAILURE, 0.0))
        self.assertEqual("b.example refused STARTTLS: no reason given", ended.text)
        self.assertTrue(stream.bytes_to_send().endswith(CLOSING))

    def test_stripped_offer(self) -> None:
        """T2: so it is where dialback alone is offered, unless the policy of the peer lets it go without TLS."""
        for way, said in ((scripts.INITIATING_WAY, scripts.STARTTLS), (scripts.INITIATING_PLAIN, b"")):
            stream = initiating(StreamState.PLAIN_NEGOTIATING, way=way)
            stream.receive_bytes(scripts.OFFER_DIALBACK, 0.0)
            self.assertEqual(said, stream.bytes_to_send())

    def test_failed_handshake(self) -> None:
        """T3: a handshake that fails ends the stream without a word."""
        stream = initiating(StreamState.SECURING)
        lost = StreamClosing(by_peer=True, condition=None, text="no shared cipher", see_other="")
        self.assertEqual(lost, stream.connection_lost("no shared cipher")[0])
        self.assertEqual((StreamState.CLOSED, b""), (stream.state, stream.bytes_to_send()))

    def test_early_words(self) -> None:
        """A server that speaks inside TLS before we have, and before it is proven, is not listened to."""
        ended = ending(initiating(StreamState.JUDGING).receive_bytes(FROM_B, 0.0))
        self.assertIs(StreamCondition.POLICY_VIOLATION, ended.condition)


class DirectTLSTests(SynchronousTestCase):
    """Streams that begin with TLS."""

    def test_at_once(self) -> None:
        """S29, S30: the handshake comes first, with the protocol and the peer's domain named; no header before it."""
        stream = scripts.begin(scripts.INITIATING_DIRECT)
        self.assertEqual([TLSAgreed(own_domain=A, peer_domain=B, direct=True)], stream.begin())
        self.assertEqual((b"", [], StreamState.SECURING), (stream.bytes_to_send(), stream.begin(), stream.state))

    def test_goes_on(self) -> None:
        """S30: inside, the peer is judged, then all is as after STARTTLS, which nobody mentions."""
        stream, said = scripts.begin(scripts.INITIATING_DIRECT), b""
        stream.begin()
        self.assertEqual([ProofWanted(domain=B, asked_for=A)], stream.tls_established(0.0))
        for step in scripts.INITIATING_DIRECT.steps[1:]:
            take(stream, step)
            said += stream.bytes_to_send()
        self.assertEqual((2, 0), (said.count(b"<stream:stream "), said.count(b"starttls")))
        self.assertTrue(stream.may_send(PAIR, 0.0))

    def test_starttls_inside(self) -> None:
        """S30: an offer of STARTTLS inside TLS is not taken up, nor is its answer."""
        stream = initiating(StreamState.SECURE_NEGOTIATING, way=scripts.INITIATING_DIRECT)
        ended = ending(stream.receive_bytes(OFFER_TLS, 0.0))
        self.assertIs(StreamCondition.UNSUPPORTED_FEATURE, ended.condition)
        self.assertNotIn(b"<starttls", stream.bytes_to_send())
        for state in (StreamState.SECURE_NEGOTIATING, StreamState.PROVING, StreamState.CARRYING):
            stream = initiating(state, way=scripts.INITIATING_DIRECT)
            self.assertIs(StreamCondition.POLICY_VIOLATION, ending(stream.receive_bytes(PROCEED, 0.0)).condition)

    def test_bytes_before_the_handshake(self) -> None:
        """T3: what comes before the handshake is not read."""
        stream = scripts.begin(scripts.INITIATING_DIRECT)
        stream.begin()
        self.assertEqual([], stream.receive_bytes(FROM_B + OFFER_EXTERNAL, 0.0))
        self.assertIs(StreamState.SECURING, stream.state)


class PlainTests(SynchronousTestCase):
    """Streams that stay without TLS, as the policy of the peer lets them."""

    def offered(self, offer: bytes, from_: bytes = FROM_B) -> InitiatingStream:
        """A stream to a peer that need not have TLS, which has offered something."""
        stream = InitiatingStream(PAIR, scripts.side({A}, policies=scripts.PLAIN_SERVES), 0.0)
        for step in (from_, offer):
            take(stream, step)
        stream.bytes_to_send()
        return stream

    def test_judged_first(self) -> None:
        """D2: where the peer was found is judged before a key is sent."""
        stream = initiating(StreamState.PLAIN_NEGOTIATING, way=scripts.INITIATING_PLAIN)
        self.assertEqual([ProofWanted(domain=B, asked_for=A)], stream.receive_bytes(scripts.OFFER_DIALBACK, 0.0))
        self.assertEqual(b"", stream.bytes_to_send())
        self.assertEqual([], stream.decide(proven(B), 0.0))
        self.assertTrue(stream.bytes_to_send().startswith(b'<db:result from="a.example" to="b.example">'))

    def test_not_proven(self) -> None:
        """D2: a peer that is not proven is sent no key."""
        stream = self.offered(scripts.OFFER_DIALBACK)
        ended = ending(stream.decide(refused(B, "pkix: no certificate"), 0.0))
        self.assertIs(StreamCondition.NOT_AUTHORIZED, ended.condition)
        self.assertNotIn(b"<db:", stream.bytes_to_send())

    def test_tls_where_offered(self) -> None:
        """T2: TLS that is offered is taken, though it need not be."""
        stream = InitiatingStream(PAIR, scripts.side({A}, policies=scripts.PLAIN_SERVES), 0.0)
        stream.bytes_to_send()
        for step in (FROM_B, OFFER_TLS):
            take(stream, step)
        self.assertEqual(scripts.STARTTLS, stream.bytes_to_send())

    def test_external_is_not_taken(self) -> None:
        """T9: SASL outside TLS is not begun, though it is offered; without dialback there is nothing left."""
        stream = self.offered(OFFER_EXTERNAL)
        ended = ending(stream.decide(proven(B), 0.0))
        self.assertIs(StreamCondition.UNSUPPORTED_FEATURE, ended.condition)
        self.assertNotIn(b"<auth", stream.bytes_to_send())

    def test_declared(self) -> None:
        """D7: a peer that only declares dialback is sent a key."""
        declared = header(from_="b.example", id="s1", **{"xmlns:db": "jabber:server:dialback"})
        stream = self.offered(OFFER_NOTHING, declared)
        stream.decide(proven(B), 0.0)
        self.assertIn(b"<db:result ", stream.bytes_to_send())


class VerdictTests(SynchronousTestCase):
    """What follows from the verdict on the peer's certificate."""

    def test_judged_first(self) -> None:
        """D2: the certificate is judged by the domain we called before we say a word inside TLS."""
        stream = initiating(StreamState.SECURING)
        self.assertEqual([ProofWanted(domain=B, asked_for=A)], stream.tls_established(0.0))
        self.assertEqual(b"", stream.bytes_to_send())
        self.assertEqual([], stream.decide(proven(B), 0.0))
        self.assertTrue(stream.bytes_to_send().startswith(b"<?xml version='1.0'?><stream:stream "))

    def test_not_proven(self) -> None:
        """D2: a peer that proves another name is told so and given nothing, least of all a stanza."""
        stream = initiating(StreamState.JUDGING)
        ended = ending(stream.decide(refused(B, "pkix: names only c.example"), 0.0))
        self.assertIs(StreamCondition.NOT_AUTHORIZED, ended.condition)
        self.assertEqual("b.example is not proven: pkix: names only c.example", ended.text)
        said = stream.bytes_to_send()
        self.assertEqual((1, True), (said.count(b"<stream:stream "), said.endswith(CLOSING)))
        self.assertEqual((False, []), (stream.may_send(PAIR, 0.0), [*stream.associations.associations()]))


class SASLTests(SynchronousTestCase):
    """SASL EXTERNAL from the initiating server's side."""

    def test_identity(self) -> None:
        """T12: our domain goes into ``auth``, although it stands in the header already."""
        stream = initiating(StreamState.SECURE_NEGOTIATING)
        stream.receive_bytes(OFFER_EXTERNAL, 0.0)
        wanted = f"<auth xmlns='{SASL_NAMESPACE}' mechanism='EXTERNAL'>YS5leGFtcGxl</auth>"
        self.assertEqual(wanted.encode(), stream.bytes_to_send())

    def test_international_identity(self) -> None:
        """T12, S13: it is written in U-labels, as in the header."""
        stream = InitiatingStream(DomainPair(DomainName.parse("xn--bcher-kva.example"), B), scripts.side({A}), 0.0)
        for step in INITIATING_STEPS[:7]:
            take(stream, step)
        said = stream.bytes_to_send()
        self.assertEqual(2, said.count(' from="bücher.example"'.encode()))
        self.assertTrue(said.endswith(b">YsO8Y2hlci5leGFtcGxl</auth>"))

    def test_among_others(self) -> None:
        """EXTERNAL is chosen wherever it stands among the mechanisms."""
        stream = initiating(StreamState.SECURE_NEGOTIATING)
        stream.receive_bytes(offering("PLAIN", "EXTERNAL", "SCRAM-SHA-1"), 0.0)
        self.assertIs(StreamState.PROVING, stream.state)

    def test_not_offered(self) -> None:
        """A peer that offers no EXTERNAL does not take our certificate: the reason says so."""
        for offer in (OFFER_NOTHING, offering("PLAIN"), offering(), OFFER_TLS):
            ended = ending(initiating(StreamState.SECURE_NEGOTIATING).receive_bytes(offer, 0.0))
            self.assertIs(StreamCondition.UNSUPPORTED_FEATURE, ended.condition)
            self.assertIn("it does not accept our certificate for a.example", ended.text)

    def test_refused(self) -> None:
        """A refusal ends the stream, with the peer's words."""
        said = f"<failure xmlns='{SASL_NAMESPACE}'><not-authorized/><text>expired\nyesterday</text></failure>"
        ended = ending(initiating(StreamState.PROVING).receive_bytes(said.encode(), 0.0))
        self.assertEqual(r"b.example refused our certificate: not-authorized: expired\nyesterday", ended.text)

    def key_after_refusal(self) -> InitiatingStream:
        """Show our key to a peer that has refused our certificate."""
        stream = initiating(StreamState.SECURE_NEGOTIATING)
        stream.receive_bytes(OFFER_BOTH, 0.0)
        stream.receive_bytes(scripts.SASL_FAILURE, 0.0)
        self.assertIn(b"<db:result", stream.bytes_to_send())
        return stream

    def test_key_after_refusal(self) -> None:
        """A peer that refuses our certificate is shown our key; whatever ends that, the certificate is named, too."""
        refusal = "b.example refused our certificate: not-authorized"
        error = f"<stream:error><not-authorized xmlns='{STREAM_ERRORS}'/></stream:error>"
        self.assertEqual(refusal, ending(self.key_after_refusal().receive_bytes(error.encode(), 0.0)).text)
        answer = f"<result xmlns='{DIALBACK}' from='b.example' to='a.example' type='invalid'/>".encode()
        [told] = [each for each in self.key_after_refusal().receive_bytes(answer, 0.0) if isinstance(each, PairRefused)]
        self.assertTrue(told.text.endswith(f"our key for its own; {refusal}"), told.text)

    def test_unexpected_failure(self) -> None:
        """A refusal of what we have not asked for is a violation, whatever it says."""
        for state in (StreamState.PLAIN_NEGOTIATING, StreamState.SECURE_NEGOTIATING, StreamState.CARRYING):
            ended = ending(initiating(state).receive_bytes(scripts.SASL_FAILURE, 0.0))
            self.assertEqual(
                (StreamCondition.POLICY_VIOLATION, f"a failure while {state.name}"), (ended.condition, ended.text)
            )

    def test_early_success(self) -> None:
        """Success before we have asked for it proves nothing and ends the stream."""
        for state in (StreamState.PLAIN_NEGOTIATING, StreamState.TLS_REQUESTED, StreamState.SECURE_NEGOTIATING):
            stream = initiating(state)
            self.assertIs(StreamCondition.POLICY_VIOLATION, ending(stream.receive_bytes(SUCCESS, 0.0)).condition)
            self.assertFalse(stream.may_send(PAIR, 0.0))

    def test_grants(self) -> None:
        """The peer's domain is granted by its proof, ours by success, outbound only, and stanzas wait for both."""
        stream = initiating(StreamState.JUDGING)
        target = Association(
            direction=Direction.OUTBOUND,
            sender=None,
            target=B,
            grant=Grant(prooftype="pkix", evidence="sha256:00", until=500.0),
        )
        take(stream, proven(B, until=500.0))
        self.assertEqual([target], [*stream.associations.associations()])
        for step in INITIATING_STEPS[5:8]:
            take(stream, step)
        sender = Association(direction=Direction.OUTBOUND, sender=A, target=None, grant=OWN_CERTIFICATE)
        self.assertEqual([sender, target], [*stream.associations.associations()])
        self.assertFalse(stream.may_send(PAIR, 0.0))

    def test_success_and_more(self) -> None:
        """S6: what stands behind ``success`` in the same piece belongs to nothing and is dropped."""
        stream = initiating(StreamState.PROVING)
        self.assertEqual([], stream.receive_bytes(SUCCESS + FROM_B + OFFER_NOTHING, 0.0))
        self.assertIs(StreamState.PROVEN_OPENING, stream.state)


class FeatureTests(SynchronousTestCase):
    """Features from a peer that is careless or hostile."""

    def test_ready(self) -> None:
        """S4: features after SASL, empty or with what we do not know, make the stream ready."""
        voluntary = (
            b"<stream:features><sm xmlns='urn:xmpp:sm:3'/><bidi xmlns='urn:xmpp:features:bidi'/></stream:features>"
        )
        for offer in (OFFER_NOTHING, voluntary):
            stream = initiating(StreamState.PROVEN_NEGOTIATING, PATIENT)
            self.assertEqual([StreamReady(pair=PAIR, direction=Direction.OUTBOUND)], stream.receive_bytes(offer, 5.0))
            self.assertEqual((True, 3_605.0), (stream.may_send(PAIR, 5.0), stream.deadline))

    def test_twice(self) -> None:
        """Features that come twice during negotiation end the stream, so that nothing is asked for twice."""
        for state, offer in (
            (StreamState.PLAIN_NEGOTIATING, OFFER_TLS),
            (StreamState.SECURE_NEGOTIATING, OFFER_EXTERNAL),
        ):
            stream = initiating(state)
            self.assertIs(StreamCondition.POLICY_VIOLATION, ending(stream.receive_bytes(offer * 2, 0.0)).condition)

    def test_later(self) -> None:
        """S4: features on a stream that carries stanzas mean nothing."""
        stream = initiating()
        self.assertEqual(([], 1), (stream.receive_bytes(OFFER_EXTERNAL, 0.0), stream.ignored))
        self.assertEqual((b"", StreamState.CARRYING), (stream.bytes_to_send(), stream.state))


class TranscriptTests(SynchronousTestCase):
    """Two streams with each other."""

    def test_order(self) -> None:
        """D1: header, STARTTLS, handshake, header, EXTERNAL, header; then stanzas."""
        pair, said = StreamPair(), b""
        heard = pair.receiving.receive_bytes

        def overhear(data: bytes, now: float) -> object:
            nonlocal said
            said += data
            return heard(data, now)

        self.patch(pair.receiving, "receive_bytes", overhear)
        pair.run()
        pair.send(message())
        words = re.findall(rb"<(stream:stream|starttls|auth|message) ", said)
        wanted = [b"stream:stream", b"starttls", b"stream:stream", b"auth", b"stream:stream", b"message"]
        self.assertEqual(wanted, words)

    def test_first_domain_by_certificate_others_otherwise(self) -> None:
        """M8: beside the domain accepted by certificate a pair accepted by another proof carries stanzas."""
        pair = StreamPair()
        pair.run()
        other = DomainPair(DomainName.parse("c.example"), DomainName.parse("d.example"))
        grant = Grant(prooftype="dialback", evidence="key for stream 1")
        pair.receiving.associations.accept_pair(Direction.INBOUND, other, grant)
        pair.initiating.associations.accept_pair(Direction.OUTBOUND, other, grant)
        pair.initiating.send(other, [message("c.example", "d.example")], 0.0)
        self.assertEqual(
            ["c.example", "a.example"], [stanza.from_address for stanza in pair.send(message("a.example"))]
        )
