"""Tests of :mod:`muxs2s.stream.receiving`: a server that called us, in bytes."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.outcome import Undecided
from muxs2s.stream import (
    OWN_CERTIFICATE,
    Association,
    Direction,
    Grant,
    ProofWanted,
    ReceivingStream,
    StreamEvent,
    StreamLimits,
    StreamReady,
    StreamState,
    TLSAgreed,
)
from muxs2s.stream.receiving import STREAM_ID_BYTES
from muxs2s.testing.streams import StreamPair
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.framing import Framer, StreamOpened
from muxs2s.wire.header import StreamHeader, read_header
from muxs2s.wire.limits import BEFORE_AUTHENTICATION
from muxs2s.wire.names import DomainName, DomainPair
from tests.stream import scripts
from tests.stream.scripts import (
    AUTH,
    CLOSING,
    FROM_A,
    PAIR,
    RECEIVING_STEPS,
    SASL_NAMESPACE,
    STARTTLS,
    A,
    B,
    C,
    CountingEntropy,
    ending,
    header,
    message,
    proven,
    received,
    receiving,
    refused,
    take,
)


def answered(stream: ReceivingStream) -> StreamHeader:
    """The header with which what a stream says begins."""
    opened = Framer(BEFORE_AUTHENTICATION).feed(stream.bytes_to_send())[0]
    assert isinstance(opened, StreamOpened)
    return read_header(opened)


def auth(identity: str | None, mechanism: str = "EXTERNAL") -> bytes:
    """A peer's ``<auth/>``, with what it says for its identity."""
    return f"<auth xmlns='{SASL_NAMESPACE}' mechanism='{mechanism}'>{identity or ''}</auth>".encode()


def response(identity: str) -> bytes:
    """A peer's ``<response/>``."""
    return f"<response xmlns='{SASL_NAMESPACE}'>{identity}</response>".encode()


def encoded(identity: str) -> str:
    """An identity as SASL carries it."""
    return base64.b64encode(identity.encode()).decode()


ABORT = f"<abort xmlns='{SASL_NAMESPACE}'/>".encode()
CHALLENGE = f"<challenge xmlns='{SASL_NAMESPACE}'/>".encode()


def failure(condition: str) -> bytes:
    """What answers a failed attempt."""
    return f"<failure xmlns='{SASL_NAMESPACE}'><{condition}/></failure>".encode()


class HeaderTests(SynchronousTestCase):
    """Headers that come, and those that answer."""

    def test_answer(self) -> None:
        """S1, S3: the answer names both domains, an id, version and language, after an XML declaration."""
        stream = receiving(StreamState.PLAIN_OPENING)
        stream.receive_bytes(FROM_A, 0.0)
        said = stream.bytes_to_send().decode()
        self.assertTrue(said.startswith("<?xml version='1.0'?><stream:stream "), said)
        for attribute in ('from="b.example"', 'to="a.example"', 'version="1.0"', 'xml:lang="en"'):
            self.assertIn(f" {attribute}", said.partition("<stream:features")[0])
        self.assertRegex(said, r' id="[0-9a-f]{32}"')

    def test_fresh_ids(self) -> None:
        """S2: the three headers of one connection have three ids."""
        stream, said = ReceivingStream(scripts.side({B}), CountingEntropy(), 0.0), b""
        for step in RECEIVING_STEPS:
            take(stream, step)
            said += stream.bytes_to_send()
        self.assertEqual(3, len(set(re.findall(rb' id="(\w+)"', said))))

    def test_fresh_id_for_an_error(self) -> None:
        """S2, S6: a header that only precedes an error after a restart has an id of its own, and no old address."""
        for state in (StreamState.SECURE_OPENING, StreamState.PROVEN_OPENING):
            stream, ids = receiving(StreamState.PLAIN_OPENING), set()
            for step in RECEIVING_STEPS:
                if stream.state is state:
                    break
                take(stream, step)
                ids.update(re.findall(rb' id="(\w+)"', stream.bytes_to_send()))
            stream.receive_bytes(b"<!-- -->", 0.0)
            header_for_error = answered(stream)
            assert header_for_error.id is not None
            self.assertNotIn(header_for_error.id.encode(), ids)
            self.assertEqual((None, None), (header_for_error.from_domain, header_for_error.to_domain))

    def test_features_follow(self) -> None:
        """S4, S5, B1, S21: features follow the header: STARTTLS, required, and bidi; after SASL our limits."""
        stream = receiving(StreamState.PLAIN_OPENING)
        stream.receive_bytes(FROM_A, 0.0)
        self.assertTrue(stream.bytes_to_send().endswith(scripts.OWN_TLS_OFFER))
        stream = receiving(StreamState.PROVEN_OPENING)
        stream.receive_bytes(FROM_A, 0.0)
        self.assertTrue(stream.bytes_to_send().endswith(scripts.OWN_LAST_OFFER))

    def test_restarts(self) -> None:
        """S6: a restart has a new header and no closing tag."""
        stream, said = ReceivingStream(scripts.side({B}), CountingEntropy(), 0.0), b""
        for step in RECEIVING_STEPS:
            take(stream, step)
            said += stream.bytes_to_send()
        self.assertEqual((3, 0), (said.count(b"<stream:stream "), said.count(CLOSING)))

    def test_bad_headers(self) -> None:
        """S7, S19: a bad header is answered with a whole one, the error and the closing tag."""
        for bad, condition in (
            (header(from_="a.example"), StreamCondition.IMPROPER_ADDRESSING),
            (header(from_="a..example", to="b.example"), StreamCondition.IMPROPER_ADDRESSING),
            (header(from_="a.example", to="c.example"), StreamCondition.HOST_UNKNOWN),
            (header(from_="b.example", to="b.example"), StreamCondition.INVALID_FROM),
            (header(from_="a.example", to="b.example", version=None), StreamCondition.UNSUPPORTED_VERSION),
            (header(from_="a.example", to="b.example", version="0.9"), StreamCondition.UNSUPPORTED_VERSION),
            (header(to="b.example", xmlns="jabber:client"), StreamCondition.INVALID_NAMESPACE),
            (header(to="b.example", **{"xmlns:stream": "urn:x"}), StreamCondition.INVALID_NAMESPACE),
            (FROM_A.replace(b"stream:", b"s:").replace(b":stream=", b":s="), StreamCondition.BAD_NAMESPACE_PREFIX),
            (b"<?xml version='1.0' encoding='latin-1'?>" + FROM_A, StreamCondition.UNSUPPORTED_ENCODING),
            (b"<stream:stream>", StreamCondition.NOT_WELL_FORMED),
            (b"GET / HTTP/1.1\r\n\r\n", StreamCondition.NOT_WELL_FORMED),
        ):
            stream = receiving(StreamState.PLAIN_OPENING)
            self.assertIs(condition, ending(stream.receive_bytes(bad, 0.0)).condition, bad)
            said = stream.bytes_to_send()
            self.assertEqual((1, 1), (said.count(b"<stream:stream "), said.count(CLOSING)))
            self.assertIn(f"<stream:error><{condition.value} ".encode(), said)

    def test_addresses_of_an_error(self) -> None:
        """S7: the header before an error names the peer as it named itself, and us only if we are who was called."""
        for bad, addresses in (
            (header(from_="a.example", to="c.example"), (None, A)),
            (header(from_="a.example"), (None, A)),
            (header(from_="b.example", to="b.example"), (B, B)),
            (header(from_="a..example", to="b.example"), (None, None)),
        ):
            stream = receiving(StreamState.PLAIN_OPENING)
            stream.receive_bytes(bad, 0.0)
            said = answered(stream)
            self.assertEqual(addresses, (said.from_domain, said.to_domain))

    def test_hint_may_be_missing(self) -> None:
        """D6: before TLS nobody needs to say who calls; inside TLS a header must."""
        stream = receiving(StreamState.PLAIN_OPENING)
        self.assertEqual([], stream.receive_bytes(header(to="b.example"), 0.0))
        for step in (STARTTLS, scripts.TLS_DONE):
            take(stream, step)
        ended = ending(stream.receive_bytes(header(to="b.example"), 0.0))
        self.assertIs(StreamCondition.IMPROPER_ADDRESSING, ended.condition)

    def test_only_the_header_inside_tls_counts(self) -> None:
        """D6, S6: who was named before TLS is forgotten; the domain named inside TLS must be proven."""
        hosted = {B, C}
        stream = ReceivingStream(scripts.side(hosted), CountingEntropy(), 0.0)
        for step in (header(from_="evil.example", to="c.example"), STARTTLS, scripts.TLS_DONE):
            take(stream, step)
        self.assertIs(None, stream.pair)
        self.assertEqual([ProofWanted(domain=A, asked_for=B)], take(stream, FROM_A))
        self.assertEqual(PAIR, stream.pair)

    def test_changed_after_authentication(self) -> None:
        """D6: a header after SASL that names others than the one before it ends the stream."""
        for changed in (header(from_="c.example", to="b.example"), header(from_="a.example", to="d.example")):
            stream = receiving(StreamState.PROVEN_OPENING, hosted={B, DomainName.parse("d.example")})
            ended = ending(stream.receive_bytes(changed, 0.0))
            self.assertIs(StreamCondition.IMPROPER_ADDRESSING, ended.condition)

    def test_hosted_domains_change(self) -> None:
        """Which domains are ours is asked anew for every header."""
        hosted = {B}
        stream = receiving(StreamState.SECURE_OPENING, hosted=hosted)
        hosted.clear()
        self.assertIs(StreamCondition.HOST_UNKNOWN, ending(take(stream, FROM_A)).condition)
        hosted.add(B)
        stream = receiving(StreamState.SECURE_OPENING, hosted=hosted)
        hosted.add(A)
        self.assertIs(StreamCondition.INVALID_FROM, ending(take(stream, FROM_A)).condition)
        late = set[DomainName]()
        stream = ReceivingStream(scripts.side(late), CountingEntropy(), 0.0)
        late.add(B)
        self.assertEqual(([], StreamState.PLAIN_NEGOTIATING), (take(stream, FROM_A), stream.state))

    def test_spellings(self) -> None:
        """S13: a header may spell our domain and its own as it likes, and differently each time."""
        stream = receiving(StreamState.SECURE_OPENING)
        take(stream, header(from_="A.example.", to="B.EXAMPLE"))
        for step in (proven(A), AUTH, header(from_="a.EXAMPLE", to="b.example.")):
            take(stream, step)
        self.assertEqual((StreamState.CARRYING, PAIR), (stream.state, stream.pair))


class TLSTests(SynchronousTestCase):
    """STARTTLS from the receiving server's side."""

    def test_agreement(self) -> None:
        """STARTTLS is answered with ``proceed``; the domain called decides which certificate is shown."""
        stream = receiving(StreamState.PLAIN_NEGOTIATING)
        self.assertEqual([TLSAgreed(own_domain=B, peer_domain=None, direct=False)], stream.receive_bytes(STARTTLS, 0.0))
        self.assertEqual(scripts.PROCEED, stream.bytes_to_send())

    def test_pitfall_11_plaintext_after_proceed_is_dropped(self) -> None:
        """T3: what is injected behind ``starttls``, in the same piece or later, whole or begun, comes to nothing."""
        evil = header(from_="evil.example", to="b.example") + AUTH
        for pieces in ([STARTTLS + evil], [STARTTLS, evil], [STARTTLS + FROM_A[:40]], [STARTTLS, b"<", FROM_A[:40]]):
            stream = receiving(StreamState.PLAIN_NEGOTIATING)
            for piece in pieces:
                stream.receive_bytes(piece, 0.0)
            self.assertEqual((StreamState.SECURING, scripts.PROCEED), (stream.state, stream.bytes_to_send()))
            stream.tls_established(0.0)
            self.assertEqual([ProofWanted(domain=A, asked_for=B)], stream.receive_bytes(FROM_A, 0.0))

    def test_failed_handshake(self) -> None:
        """T3: a handshake that fails ends the stream without a word."""
        stream = receiving(StreamState.SECURING)
        stream.connection_lost("no shared cipher")
        self.assertEqual((StreamState.CLOSED, b""), (stream.state, stream.bytes_to_send()))

    def test_no_second_tls(self) -> None:
        """Inside TLS there is no STARTTLS."""
        ended = ending(receiving(StreamState.PROVING).receive_bytes(STARTTLS, 0.0))
        self.assertIs(StreamCondition.POLICY_VIOLATION, ended.condition)

    def test_sasl_before_tls(self) -> None:
        """T9: SASL outside TLS ends the stream, whatever the peer might have shown."""
        ended = ending(receiving(StreamState.PLAIN_NEGOTIATING).receive_bytes(AUTH, 0.0))
        self.assertIs(StreamCondition.POLICY_VIOLATION, ended.condition)


class DirectTLSTests(SynchronousTestCase):
    """Streams that begin with TLS."""

    def test_at_once(self) -> None:
        """S29: the handshake comes first; whose certificate is shown the peer's SNI has to say."""
        stream = scripts.begin(scripts.RECEIVING_DIRECT)
        self.assertEqual([TLSAgreed(own_domain=None, peer_domain=None, direct=True)], stream.begin())
        self.assertEqual((b"", [], StreamState.SECURING), (stream.bytes_to_send(), stream.begin(), stream.state))

    def test_goes_on(self) -> None:
        """S30: inside, all is as after STARTTLS, which is not offered."""
        stream, said = scripts.begin(scripts.RECEIVING_DIRECT), b""
        stream.begin()
        for step in scripts.RECEIVING_DIRECT.steps:
            take(stream, step)
            said += stream.bytes_to_send()
        self.assertEqual((2, 0), (said.count(b"<stream:stream "), said.count(b"starttls")))
        self.assertEqual([message().data], received(stream.receive_bytes(message().data, 0.0)))

    def test_starttls_inside(self) -> None:
        """S30: STARTTLS that is asked for inside is a violation."""
        for state in (StreamState.JUDGING, StreamState.PROVING, StreamState.CARRYING):
            stream = receiving(state, way=scripts.RECEIVING_DIRECT)
            self.assertIs(StreamCondition.POLICY_VIOLATION, ending(stream.receive_bytes(STARTTLS, 0.0)).condition)

    def test_bytes_before_the_handshake(self) -> None:
        """T3: what comes before the handshake is not read."""
        stream = scripts.begin(scripts.RECEIVING_DIRECT)
        stream.begin()
        self.assertEqual([], stream.receive_bytes(FROM_A + AUTH, 0.0))
        self.assertEqual((StreamState.SECURING, b""), (stream.state, stream.bytes_to_send()))


class VerdictTests(SynchronousTestCase):
    """What follows from the verdict on the client certificate."""

    def test_proven(self) -> None:
        """D3, T8, D17: EXTERNAL is offered, first, once the certificate proves the header's domain, not before."""
        stream = receiving(StreamState.SECURE_OPENING)
        take(stream, FROM_A)
        self.assertNotIn(b"features", stream.bytes_to_send())
        self.assertEqual([], stream.decide(proven(A), 0.0))
        self.assertEqual(scripts.OWN_OFFER, stream.bytes_to_send())

    def test_not_proven(self) -> None:
        """D3, D4, T8: without a proof EXTERNAL is not offered; where dialback does not suffice, the stream ends."""
        for outcome in (refused(A, "pkix: expired on 2026-01-31"), Undecided(domain=A, reasons=("pkix: none shown",))):
            stream = receiving(StreamState.JUDGING)
            ended = ending(stream.decide(outcome, 0.0))
            self.assertIs(StreamCondition.POLICY_VIOLATION, ended.condition)
            self.assertEqual(f"no proof of a.example was accepted: {outcome.reasons[0]}", ended.text)
            self.assertNotIn(b"EXTERNAL", stream.bytes_to_send())

    def test_hasty_peer(self) -> None:
        """D3: SASL that comes before the verdict proves nothing, and the verdict then comes too late."""
        stream = receiving(StreamState.JUDGING)
        self.assertIs(StreamCondition.POLICY_VIOLATION, ending(stream.receive_bytes(AUTH, 0.0)).condition)
        self.assertEqual([], stream.decide(proven(A), 0.0))
        self.assertEqual([], [*stream.associations.associations()])


class SASLTests(SynchronousTestCase):
    """SASL EXTERNAL from the receiving server's side."""

    def attempt(self, *said: bytes) -> tuple[ReceivingStream, bytes]:
        """Let a peer whose certificate is proven say something; what comes of it."""
        stream = receiving(StreamState.PROVING)
        for piece in said:
            stream.receive_bytes(piece, 0.0)
        return stream, stream.bytes_to_send()

    def test_success(self) -> None:
        """T11, T12: no identity of its own, or exactly the header's domain in any spelling, is success."""
        for identity in ("=", encoded("a.example"), encoded("A.Example.")):
            stream, said = self.attempt(auth(identity))
            self.assertEqual((scripts.SUCCESS, StreamState.PROVEN_OPENING), (said, stream.state))

    def test_international_identity(self) -> None:
        """T12, S13: an identity may be written in U-labels or A-labels."""
        domain = DomainName.parse("bücher.example")
        for identity in ("bücher.example", "xn--bcher-kva.example", "BÜCHER.example"):
            stream = receiving(StreamState.SECURE_OPENING)
            for step in (header(from_="bücher.example", to="b.example"), proven(domain), auth(encoded(identity))):
                take(stream, step)
            self.assertIs(StreamState.PROVEN_OPENING, stream.state)

    def test_other_identity(self) -> None:
        """T12: any other identity fails, however close, and nothing is granted."""
        for identity in ("c.example", "b.example", "x@a.example", "sub.a.example", "example", "a.example ", " "):
            stream, said = self.attempt(auth(encoded(identity)))
            self.assertEqual((failure("invalid-authzid"), StreamState.PROVING), (said, stream.state))
            self.assertEqual([], [*stream.associations.associations()])

    def test_bad_base64(self) -> None:
        """T13: what is not base64, or padded where it must not be, fails."""
        for text in (
            "YS5leGFtcGxl=",
            "YS5leGFtcGxl====",
            "YS5l eGFtcGxl",
            "\nYS5leGFtcGxl",
            "YS5leGFtcGx",
            "==",
            "é",
            "*",
        ):
            _, said = self.attempt(auth(text))
            self.assertEqual(failure("incorrect-encoding"), said, text)

    def test_other_mechanism(self) -> None:
        """T8: only the mechanism that was offered is accepted."""
        for mechanism in ("PLAIN", "external", "SCRAM-SHA-1", ""):
            _, said = self.attempt(auth("=", mechanism))
            self.assertEqual(failure("invalid-mechanism"), said)

    def test_challenge(self) -> None:
        """T12: a peer that leaves its identity out is asked for it once; an empty answer is as good as ``=``."""
        for identity in ("", "=", encoded("a.example")):
            stream, said = self.attempt(auth(None))
            self.assertEqual((CHALLENGE, StreamState.PROVING), (said, stream.state))
            stream.receive_bytes(response(identity), 0.0)
            self.assertEqual(scripts.SUCCESS, stream.bytes_to_send())

    def test_other_identity_after_challenge(self) -> None:
        """T12: the answer to a challenge is judged like an identity given at once."""
        _, said = self.attempt(auth(None), response(encoded("c.example")))
        self.assertEqual(CHALLENGE + failure("invalid-authzid"), said)

    def test_response_without_challenge(self) -> None:
        """An answer to nothing is no authentication."""
        for identity in ("", "=", encoded("a.example")):
            stream, said = self.attempt(response(identity))
            self.assertEqual((failure("malformed-request"), StreamState.PROVING), (said, stream.state))

    def test_begins_twice(self) -> None:
        """A peer that begins again instead of answering has failed; its answer then comes too late."""
        _, said = self.attempt(auth(None), auth("="), response("="))
        self.assertEqual(CHALLENGE + failure("malformed-request") * 2, said)

    def test_abort(self) -> None:
        """A peer may give up, and try again."""
        stream, said = self.attempt(auth(None), ABORT)
        self.assertEqual(CHALLENGE + failure("aborted"), said)
        stream.receive_bytes(AUTH, 0.0)
        self.assertEqual(scripts.SUCCESS, stream.bytes_to_send())

    def test_elements_inside(self) -> None:
        """SASL holds text; elements in it are refused, not skipped."""
        _, said = self.attempt(auth(f"{encoded('a.example')}<x/>"))
        self.assertEqual(failure("malformed-request"), said)

    def test_failures_are_limited(self) -> None:
        """T11: two failures leave a third attempt, the third ends the stream."""
        stream, _ = self.attempt(ABORT, ABORT, AUTH)
        self.assertIs(StreamState.PROVEN_OPENING, stream.state)
        stream, said = self.attempt(ABORT, ABORT, ABORT)
        self.assertIs(StreamState.FAILING, stream.state)
        self.assertIn(failure("aborted") + b"<stream:error><policy-violation ", said)

    def test_limit_is_a_setting(self) -> None:
        """How many failures end the stream can be chosen."""
        stream = receiving(StreamState.PROVING, StreamLimits(max_sasl_failures=1))
        self.assertIs(StreamCondition.POLICY_VIOLATION, ending(stream.receive_bytes(ABORT, 0.0)).condition)

    def test_second_success(self) -> None:
        """T10: SASL after success fails, and the rights on the stream stay what they were."""
        stream = receiving()
        known = [*stream.associations.associations()]
        for identity in ("=", encoded("a.example")):
            self.assertEqual([], stream.receive_bytes(auth(identity), 0.0))
            self.assertEqual(failure("not-authorized"), stream.bytes_to_send())
        self.assertEqual((known, StreamState.CARRYING), ([*stream.associations.associations()], stream.state))
        self.assertEqual([message().data], received(stream.receive_bytes(message().data, 0.0)))
        self.assertIs(StreamCondition.POLICY_VIOLATION, ending(stream.receive_bytes(AUTH, 0.0)).condition)

    def test_grants(self) -> None:
        """Success grants the peer's domain by its proof and ours by our certificate, inbound only."""
        stream = receiving(StreamState.JUDGING)
        for step in (proven(A, until=500.0), AUTH):
            take(stream, step)
        grant = Grant(prooftype="pkix", evidence="sha256:00", until=500.0)
        self.assertEqual(
            [
                Association(direction=Direction.INBOUND, sender=A, target=None, grant=grant),
                Association(direction=Direction.INBOUND, sender=None, target=B, grant=OWN_CERTIFICATE),
            ],
            [*stream.associations.associations()],
        )

    def test_nothing_before_the_last_header(self) -> None:
        """S6: what stands behind ``auth`` in the same piece is dropped; the peer cannot know yet how it ended."""
        stream, said = self.attempt(AUTH + FROM_A + message().data)
        self.assertEqual((scripts.SUCCESS, StreamState.PROVEN_OPENING), (said, stream.state))

    def test_stanza_with_the_last_header(self) -> None:
        """A stanza that follows the last header in the same piece is good: all is recorded before we answer."""
        stream = receiving(StreamState.PROVEN_OPENING)
        events = stream.receive_bytes(FROM_A + message().data, 0.0)
        self.assertEqual(
            (StreamReady(pair=PAIR, direction=Direction.INBOUND), [message().data]), (events[0], received(events))
        )


class PitfallTests(SynchronousTestCase):
    """What others got wrong."""

    def test_pitfall_9_peer_without_db_prefix_is_served(self) -> None:
        """A peer that does not declare the prefix ``db`` is offered TLS and SASL and served."""
        self.assertNotIn(b"xmlns:db", FROM_A)
        stream = receiving(StreamState.PLAIN_OPENING)
        told: list[StreamEvent] = []
        for step in RECEIVING_STEPS:
            told += take(stream, step)
        told += stream.receive_bytes(message().data, 0.0)
        self.assertEqual([message().data], received(told))

    def test_pitfall_12_receiving_side_has_tls_sasl_features_and_unpredictable_ids(self) -> None:
        """The receiving side offers STARTTLS, then SASL, and makes each id of 16 random bytes."""
        entropy = CountingEntropy()
        stream = ReceivingStream(scripts.side({B}), entropy, 0.0)
        said = []
        for step in RECEIVING_STEPS:
            take(stream, step)
            said.append(stream.bytes_to_send())
        self.assertIn(scripts.OWN_TLS_OFFER, said[0])
        self.assertIn(scripts.OWN_OFFER, said[4])
        self.assertEqual({16}, {STREAM_ID_BYTES, *entropy.asked})
        self.assertIn(entropy(16)[:-1].hex().encode(), said[0])

    def test_no_compression(self) -> None:
        """Compression of the stream (XEP-0138), with which little becomes much, is never offered."""
        pair = StreamPair()
        said: Sequence[bytes] = []
        for step in RECEIVING_STEPS:
            take(pair.receiving, step)
            said = [*said, pair.receiving.bytes_to_send()]
        self.assertNotIn(b"compress", b"".join(said))

    def test_dialback_is_refused_before_it_is_offered(self) -> None:
        """Dialback that comes before features ends the stream: who calls is not known yet, or being judged."""
        request = b"<result xmlns='jabber:server:dialback' from='a.example' to='b.example'>00</result>"
        ended = ending(receiving(StreamState.JUDGING).receive_bytes(request, 0.0))
        self.assertIs(StreamCondition.UNSUPPORTED_STANZA_TYPE, ended.condition)

    def test_element_names_are_bounded(self) -> None:
        """An unexpected element is named, in part."""
        ended = ending(receiving(StreamState.PROVING).receive_bytes(f"<{'x' * 9_000}/>".encode(), 0.0))
        self.assertEqual(f"<{'x' * 40}/> while PROVING", ended.text)

    def test_pair_of_a_hint(self) -> None:
        """D6: there is no pair before the header inside TLS names it."""
        self.assertIs(None, receiving(StreamState.SECURE_OPENING).pair)
        self.assertEqual(DomainPair(A, B), receiving(StreamState.JUDGING).pair)
