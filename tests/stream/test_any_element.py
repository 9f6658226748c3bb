"""Whatever a peer offers, asks and says in a stream: it is read, or refused in the way that is promised."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as some
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream.announced import MIN_ANNOUNCED_BYTES
from muxs2s.stream.dialback import DialbackAnswer, read_dialback
from muxs2s.stream.events import StanzasReceived
from muxs2s.stream.external import SUCCESS, SASLFailed, auth_element, check_authzid, failure_reason
from muxs2s.stream.features import DIALBACK, DIALBACK_ERRORS, FEATURES, StreamFact, features_element, read_features
from muxs2s.stream.machine import StreamState
from muxs2s.stream.stream import Stream
from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.markup import escaped
from muxs2s.wire.names import DomainName
from muxs2s.wire.namespaces import DIALBACK_FEATURE, SASL, STANZA_ERRORS, STREAM_LIMITS, TLS
from muxs2s.wire.reasons import MAX_REASON_CHARACTERS
from tests.stream.scripts import CLOSING, PAIR, STREAM_ERROR, A, initiating, message, received, receiving, streams
from tests.wire.generated import SIZES, XML_TEXT, elements, pieces
from tests.wire.samples import read_slice

EXAMPLES = settings(max_examples=100, derandomize=True, deadline=None, database=None)

ANY_ELEMENT = elements(
    names=[
        *("mechanisms", "mechanism", "starttls", "text", "not-authorized", "dialback", "errors", "error"),
        *("limits", "max-bytes", "idle-seconds"),
    ],
    declarations=[
        *(f"xmlns='{namespace}'" for namespace in (SASL, TLS, DIALBACK_FEATURE, STREAM_LIMITS, STANZA_ERRORS, "")),
        *(f"xmlns:p='{SASL}'", "xmlns:p='urn:x'"),
    ],
    attributes=["", " xml:lang='de'", " mechanism='EXTERNAL'"],
    texts=["", "EXTERNAL", " EXTERNAL\n", "PLAIN", "=", "&#0013;", "YS5leGFtcGxl", "0", "20000", "-1", "٣", "9" * 19],
    depth=2,
)
"""What may stand in features and in elements of SASL and dialback, where it belongs and where it does not."""

SAID = [
    *(message().data, message(sender="x@c.example").data, message(target="c.example").data, message(sender="").data),
    *(b"<iq from='a.example' to='b.example' type='get'/>", b"<message/>", b"<x xmlns='u'/>"),
    *(b"<db:result>k</db:result>", b"<db:verify from='a.example' to='b.example' id='1'>k</db:verify>"),
    *(b"<stream:features/>", SUCCESS, b" \n", CLOSING, STREAM_ERROR),
    *(b"<!-- -->", b"junk", b"<", b">", b"</message>", b"<message from='a.example' to='b.example'>", b"\xff"),
]
"""What a peer may say once stanzas may pass."""


DOMAINS = [DomainName.parse(domain) for domain in ("a.example", "b.a.example", "bücher.example", "ß.example")]


class AnyElementTests(SynchronousTestCase):
    """Elements of negotiation."""

    @EXAMPLES
    @given(some.lists(ANY_ELEMENT, max_size=3).map("".join))
    def test_features(self, inside: str) -> None:
        """Features are read, whatever there is among them; none is read that is not there, nor a limit of no sense."""
        offered = read_features(read_slice(f"<stream:features>{inside}</stream:features>".encode()))
        for feature in offered.features:
            self.assertIn(feature.namespace, inside)
            self.assertIn(feature.name, inside)
        self.assertGreaterEqual(offered.limits.max_bytes, MIN_ANNOUNCED_BYTES)
        self.assertGreater(offered.limits.idle_seconds, 0)

    @EXAMPLES
    @given(
        some.sampled_from(["", " type=''", " type='valid'", " type='error'", " type='x'"]),
        some.sampled_from([" from='a.example' to='b.example'", " from='A.example' to='b.example'", " to='b.example'"]),
        ANY_ELEMENT | XML_TEXT.map(escaped),
    )
    def test_dialback(self, kind: str, addresses: str, inside: str) -> None:
        """An element of dialback is read whatever it holds, if it has addresses; what it says fits its type."""
        element = read_slice(f"<db:result{kind}{addresses}>{inside}</db:result>".encode())
        try:
            read = read_dialback(element)
        except RemoteViolation as violation:
            self.assertIs(violation.condition, StreamCondition.IMPROPER_ADDRESSING)
            self.assertNotIn("from=", addresses)
            return
        self.assertEqual((read.pair, read.answer is None), (PAIR, not kind))
        self.assertEqual(read.answer is DialbackAnswer.ERROR, bool(read.text))
        self.assertTrue(read.text.isprintable())

    @EXAMPLES
    @given(some.sets(some.sampled_from(StreamFact)))
    def test_own_features(self, facts: set[StreamFact]) -> None:
        """Features of ours are read as what they offer, whatever is true of the stream."""
        offered = {feature for feature in FEATURES if feature.fits(facts)}
        offered |= {DIALBACK_ERRORS} if DIALBACK in offered else set()
        self.assertEqual(offered, read_features(read_slice(features_element(facts))).features)

    @EXAMPLES
    @given(
        some.sampled_from(["auth", "response", "abort"]),
        some.sampled_from(["", " mechanism='EXTERNAL'", " mechanism='PLAIN'", " mechanism=''"]),
        XML_TEXT.map(escaped) | ANY_ELEMENT | some.sampled_from(["=", "YS5leGFtcGxl", "YS5leGFtcGxl=", "Yi5leGFtcGxl"]),
    )
    def test_authorization(self, name: str, mechanism: str, content: str) -> None:
        """T11, T12, T13: nobody is accepted but for the domain of the header; all else fails as SASL does."""
        said = read_slice(f"<{name} xmlns='{SASL}'{mechanism}>{content}</{name}>".encode())
        try:
            check_authzid(said, A)
        except SASLFailed:
            return
        self.assertIn(content, {"", "=", "YS5leGFtcGxl"})
        self.assertTrue(name == "response" or mechanism == " mechanism='EXTERNAL'")

    @EXAMPLES
    @given(some.sampled_from(DOMAINS), some.sampled_from(DOMAINS))
    def test_own_authorization(self, own: DomainName, header: DomainName) -> None:
        """T12: what we say of ourselves is taken where our header says the same, and nowhere else."""
        said = read_slice(auth_element(own))
        if own == header:
            self.assertTrue(check_authzid(said, header))
        else:
            self.assertRaises(SASLFailed, check_authzid, said, header)

    @EXAMPLES
    @given(some.lists(ANY_ELEMENT, max_size=3).map("".join))
    def test_failure(self, inside: str) -> None:
        """A failure has one reason, in one line of bounded length."""
        reason = failure_reason(read_slice(f"<failure xmlns='{SASL}'>{inside}</failure>".encode()))
        self.assertTrue(reason.isprintable() and 0 < len(reason) <= MAX_REASON_CHARACTERS + 3)


class AnyPiecesTests(SynchronousTestCase):
    """How bytes are cut on their way makes no difference to a stream that carries stanzas."""

    def outcome(self, stream: Stream, chunks: Iterable[bytes]) -> object:
        """What became of these bytes; how many stanzas come at once does not count."""
        told = [event for chunk in chunks for event in stream.receive_bytes(chunk, 0.0)]
        others = [event for event in told if not isinstance(event, StanzasReceived)]
        return received(told), others, stream.state, stream.bytes_to_send()

    @EXAMPLES
    @given(some.booleans(), some.lists(some.sampled_from(SAID), max_size=8).map(b"".join), SIZES)
    def test_any_pieces(self, calling: bool, said: bytes, sizes: list[int]) -> None:  # noqa: FBT001 - drawn
        """The same stanzas, the same events, the same end, and the same answer."""
        make = initiating if calling else receiving
        self.assertEqual(self.outcome(make(), [said]), self.outcome(make(), pieces(said, sizes)))

    @settings(EXAMPLES, max_examples=30)
    @given(some.lists(some.sampled_from(SAID) | some.binary(max_size=20), max_size=6))
    def test_any_state(self, said: list[bytes]) -> None:
        """Nothing that is said in any state of either role makes a stream fail but as streams do."""
        for stream in streams():
            self.outcome(stream, said)
            self.assertIsInstance(stream.state, StreamState)
