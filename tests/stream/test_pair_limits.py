"""The limits of a stream on which pairs are proven: each at the limit and one past it."""

from __future__ import annotations

from math import inf

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.peers import DIALBACK_SUFFICES, PeerPolicies
from muxs2s.stream import PairAsserted, PairRefused, ReceivingStream, StreamLimits, StreamState
from muxs2s.stream.announced import MIN_ANNOUNCED_BYTES, AnnouncedLimits, read_limits
from muxs2s.stream.dialback import MAX_KEY_CHARACTERS
from muxs2s.wire.errors import StanzaCondition, StreamCondition
from muxs2s.wire.header import MAX_OTHER_HOST_CHARACTERS, read_stream_error
from muxs2s.wire.names import DomainName, DomainPair
from tests.stream import scripts
from tests.stream.scripts import FROM_A, STARTTLS, TLS_DONE, A, B, ending, header, message, proven, refused, take
from tests.wire.samples import read_slice

LENIENT = PeerPolicies(default=DIALBACK_SUFFICES)


def asserted(sender: str = "a.example", key: str = "k") -> bytes:
    """A peer's request for a pair."""
    return f"<db:result from='{sender}' to='b.example'>{key}</db:result>".encode()


def pair(number: int) -> DomainPair:
    """The pair of one of the peer's domains."""
    return DomainPair(DomainName.parse(f"a{number}.example"), B)


def proving(limits: StreamLimits = scripts.LIMITS) -> ReceivingStream:
    """A stream whose peer has shown no certificate that counts, and may use dialback."""
    stream = ReceivingStream(scripts.side({B}, limits, LENIENT), scripts.CountingEntropy(), 0.0)
    with_dialback = header(from_="a.example", to="b.example", **{"xmlns:db": "jabber:server:dialback"})
    for step in (FROM_A, STARTTLS, TLS_DONE, with_dialback, refused(A, "unknown")):
        take(stream, step)
    stream.bytes_to_send()
    return stream


class PairLimitTests(SynchronousTestCase):
    """What a peer may assert on one stream."""

    def conditions(self, stream: ReceivingStream, *requests: bytes) -> list[str]:
        """The conditions of the errors that answer requests."""
        for request in requests:
            stream.receive_bytes(request, 0.0)
        said = stream.bytes_to_send().decode()
        return [condition.value for condition in StanzaCondition if f"<{condition.value} " in said]

    def test_pending(self) -> None:
        """So many pairs may wait to be judged; one more is told that there is no room."""
        stream = proving(StreamLimits(max_pending_pairs=2))
        requests = [asserted(f"a{number}.example") for number in range(3)]
        self.assertEqual([], self.conditions(stream, *requests[:2]))
        self.assertEqual(["resource-constraint"], self.conditions(stream, requests[2]))

    def test_proven(self) -> None:
        """So many pairs may be proven; one more is told that there is no room."""
        stream = proving(StreamLimits(max_proven_pairs=2))
        for number in range(2):
            stream.receive_bytes(asserted(f"a{number}.example"), 0.0)
            stream.judge_pair(pair(number), proven(pair(number).sender), StanzaCondition.FORBIDDEN, 0.0)
        stream.bytes_to_send()
        self.assertEqual(["resource-constraint"], self.conditions(stream, asserted("a2.example")))
        self.assertIs(StreamState.CARRYING, stream.state)

    def test_failed(self) -> None:
        """After so many pairs in vain the stream is closed; after one fewer it is not."""
        stream = proving(StreamLimits(max_failed_pairs=2))
        unhosted = b"<db:result from='a.example' to='x.example'>k</db:result>"
        self.assertEqual([], stream.receive_bytes(unhosted, 0.0))
        self.assertIs(StreamCondition.POLICY_VIOLATION, ending(stream.receive_bytes(unhosted, 0.0)).condition)

    def test_key(self) -> None:
        """A key may be so long; one character more, and it is no key."""
        (event,) = proving().receive_bytes(asserted(key="k" * MAX_KEY_CHARACTERS), 0.0)
        self.assertIsInstance(event, PairAsserted)
        self.assertEqual(["not-acceptable"], self.conditions(proving(), asserted(key="k" * (MAX_KEY_CHARACTERS + 1))))

    def test_no_room_is_no_failure(self) -> None:
        """An honest peer that asserts more pairs at once than there is room for keeps its stream."""
        stream = proving(StreamLimits(max_pending_pairs=1, max_failed_pairs=2))
        stream.receive_bytes(b"".join(asserted(f"a{number}.example") for number in range(20)), 0.0)
        self.assertEqual((19, StreamState.PROVING), (stream.ignored, stream.state))

    def test_ignored(self) -> None:
        """So many elements that mean nothing are ignored; one more ends the stream, whatever they were."""
        answer = b"<db:result xmlns:db='jabber:server:dialback' from='c.example' to='b.example' type='valid'/>"
        for nothing in (b"<nothing xmlns='urn:x'/>", answer):
            stream = scripts.receiving(limits=StreamLimits(max_ignored_elements=2))
            stream.receive_bytes(nothing * 2, 0.0)
            self.assertEqual((2, StreamState.CARRYING), (stream.ignored, stream.state))
            self.assertIs(StreamCondition.POLICY_VIOLATION, ending(stream.receive_bytes(nothing, 0.0)).condition)

    def test_dropped(self) -> None:
        """So many stanzas of strangers are dropped; one more ends the stream."""
        stream = scripts.receiving(limits=StreamLimits(max_dropped_stanzas=2))
        stranger = message("x@c.example").data
        stream.receive_bytes(stranger * 2, 0.0)
        self.assertEqual((2, StreamState.CARRYING), (stream.dropped, stream.state))
        self.assertIs(StreamCondition.INVALID_FROM, ending(stream.receive_bytes(stranger, 0.0)).condition)


class TimeLimitTests(SynchronousTestCase):
    """How long a peer may take."""

    def test_handshake(self) -> None:
        """The TLS handshake has so many seconds."""
        stream = scripts.initiating(StreamState.SECURING)
        self.assertEqual((20.0, []), (stream.deadline, stream.wake(19.999)))
        self.assertIs(StreamCondition.CONNECTION_TIMEOUT, ending(stream.wake(20.0)).condition)

    def test_dialback(self) -> None:
        """D20: a key has so many seconds to be answered."""
        stream = scripts.initiating(StreamState.SECURE_NEGOTIATING)
        stream.receive_bytes(b"<stream:features><dialback xmlns='urn:xmpp:features:dialback'/></stream:features>", 5.0)
        self.assertEqual((35.0, []), (stream.deadline, stream.wake(34.999)))
        refusal = stream.wake(35.0)[0]
        assert isinstance(refusal, PairRefused)
        self.assertIs(StanzaCondition.REMOTE_SERVER_TIMEOUT, refusal.condition)

    def test_quiet(self) -> None:
        """S22: a peer may be silent for so long before it hears from us."""
        stream = scripts.initiating()
        self.assertEqual((300.0, b""), (stream.deadline, (stream.wake(299.999), stream.bytes_to_send())[1]))
        stream.wake(300.0)
        self.assertEqual(b" ", stream.bytes_to_send())

    def test_answer(self) -> None:
        """S22: a peer that can answer has so long to do it."""
        stream = scripts.initiating(StreamState.SECURE_NEGOTIATING)
        bidi = scripts.OFFER_EXTERNAL.replace(b"<mech", b"<bidi xmlns='urn:xmpp:features:bidi'/><mech", 1)
        for step in (bidi, *scripts.INITIATING_STEPS[7:]):
            take(stream, step)
        stream.wake(300.0)
        self.assertIn(b"urn:xmpp:ping", stream.bytes_to_send())
        self.assertEqual((330.0, []), (stream.deadline, stream.wake(329.999)[1:]))
        self.assertIs(StreamCondition.CONNECTION_TIMEOUT, ending(stream.wake(330.0)).condition)


class AnnouncedTests(SynchronousTestCase):
    """What peers say of themselves."""

    def read(self, name: str, number: int) -> AnnouncedLimits:
        """What is made of a limit."""
        limits = f"<limits xmlns='urn:xmpp:stream-limits:0'><{name}>{number}</{name}></limits>"
        return read_limits(read_slice(f"<x xmlns='urn:x'>{limits}</x>".encode()).tree())

    def max_bytes(self, announced: int) -> float:
        """What is made of a limit of bytes."""
        return self.read("max-bytes", announced).max_bytes

    def test_least(self) -> None:
        """S21: a limit below what every server has to take is not believed."""
        self.assertEqual(MIN_ANNOUNCED_BYTES, self.max_bytes(MIN_ANNOUNCED_BYTES - 1))
        self.assertEqual(MIN_ANNOUNCED_BYTES + 1, self.max_bytes(MIN_ANNOUNCED_BYTES + 1))
        self.assertEqual(inf, self.max_bytes(0))

    def test_least_idle(self) -> None:
        """S21: nor is a limit believed that would end every stream at once."""
        for announced, taken in ((59, 60.0), (61, 61.0), (0, inf)):
            self.assertEqual(taken, self.read("idle-seconds", announced).idle_seconds)

    def test_other_host(self) -> None:
        """S26: the place a peer sends us to may be so long; a longer one is none."""
        for length, taken in ((MAX_OTHER_HOST_CHARACTERS, True), (MAX_OTHER_HOST_CHARACTERS + 1, False)):
            host = "h" * length
            error = (
                "<stream:error>"
                f"<see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>{host}</see-other-host></stream:error>"
            )
            self.assertEqual(host if taken else "", read_stream_error(read_slice(error.encode())).see_other)
