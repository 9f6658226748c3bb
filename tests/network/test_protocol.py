"""One connection: TLS, the verdict on the peer, sending, closing, deadlines."""

from __future__ import annotations

from OpenSSL import SSL
from twisted.internet.address import IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.protocol import ABORT_SECONDS, MAX_STALL_SECONDS
from muxs2s.network.writing import MAX_UNREAD_BYTES
from muxs2s.proof.outcome import Evidence, Outcome, Proven, Refused, Scope
from muxs2s.stream.associations import OWN_CERTIFICATE, Direction
from muxs2s.stream.limits import StreamLimits
from muxs2s.stream.machine import StreamState
from muxs2s.testing import CertificateAuthority, stanza_of
from muxs2s.wire.errors import LocalMisuse, StanzaCondition, StreamCondition
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.namespaces import STREAMS, TLS
from tests.hosts.logs import Logged
from tests.network.joined import OF_A, OF_B, PAIR, A, AnyJudge, B, Ends

MESSAGE = stanza_of("<message from='x@a.example' to='y@b.example'><body>hello</body></message>")
LARGE = stanza_of(f"<message from='x@a.example' to='y@b.example'><body>{'x' * 50_000}</body></message>")


class ProtocolTestCase(SynchronousTestCase):
    """Whatever is connected leaves nothing behind."""

    def setUp(self) -> None:
        self.logged = Logged(self)

    def ended(self, ends: Ends, seconds: float = 0.0) -> None:
        """Nothing is left of a connection, and both ends have been told once."""
        ends.network.advance(seconds)
        left = [*ends.network.getDelayedCalls(), *ends.network.getReaders(), *ends.network.getWriters()]
        self.assertEqual([], left)
        for record in (ends.told_a, ends.told_b):
            self.assertEqual(("gone", 1, 1), (record.told[-1], record.told.count("gone"), record.told.count("closing")))


class OpeningTests(ProtocolTestCase):
    """From a connection to a stream that carries."""

    def test_ready(self) -> None:
        """T4: both ends secure the connection, show their certificates, prove their domains, and say they are ready."""
        ends = Ends().run()
        for protocol, record, shown in ((ends.a, ends.told_a, OF_B), (ends.b, ends.told_b, OF_A)):
            self.assertEqual(StreamState.CARRYING, protocol.stream.state)
            self.assertIn(f"ready {PAIR}", record.told)
            self.assertEqual(shown.leaf, protocol.peer_certificate)
            assert protocol.tls is not None
            self.assertEqual("TLSv1.3", protocol.tls.version)

    def test_accepted(self) -> None:
        """Each end logs one line when it accepts the other."""
        Ends().run()
        self.assertEqual(
            [
                "accepted b.example, asked for a.example, by pkix on stream 1",
                "accepted a.example, asked for b.example, by pkix on stream 2",
            ],
            self.logged.lines,
        )

    def test_sends_when_ready(self) -> None:
        """A stream has room from when it says that it is ready, not before."""
        ends = Ends()
        ends.told_a.on_ready = lambda: ends.a.send(PAIR, [MESSAGE])
        self.assertFalse(ends.a.room)
        ends.run()
        self.assertEqual([MESSAGE], ends.told_b.stanzas)

    def test_peer_address(self) -> None:
        """Where the peer is, as operators write it."""
        ends = Ends()
        self.assertEqual(("not connected", None), (ends.a.peer_address, ends.a.source))
        ends.connect()
        self.assertEqual("192.0.2.2", ends.a.source)
        self.assertEqual("192.0.2.2:5269", ends.a.peer_address)
        later = Ends().a
        later.makeConnection(StringTransport(peerAddress=IPv6Address("TCP", "2001:db8::2", 5269)))
        self.assertEqual("[2001:db8::2]:5269", later.peer_address)
        odd = Ends().a
        odd.makeConnection(StringTransport(peerAddress="/run/socket"))
        self.assertEqual("a Unix socket", odd.peer_address)

    def test_not_negotiated_in_time(self) -> None:
        """A peer that says nothing is given up after the time for negotiation, then the connection is closed."""
        ends = Ends()
        ends.connect(Protocol())
        ends.network.advance(59.9)
        self.assertEqual([], ends.told_a.closings)
        ends.network.advance(0.1)
        self.assertEqual(StreamCondition.CONNECTION_TIMEOUT, ends.told_a.closings[0].condition)
        ends.network.advance(10.0)
        self.assertEqual("gone", ends.told_a.told[-1])


class TLSTests(ProtocolTestCase):
    """TLS that does not come about."""

    def test_no_certificate_to_show(self) -> None:
        """T3: a receiving server without a certificate ends the stream; what is missing is logged."""
        ends = Ends(of_b=None).run()
        self.assertEqual(StreamCondition.INTERNAL_SERVER_ERROR, ends.told_b.closings[0].condition)
        (line,) = [line for line in self.logged.lines if line.startswith("no TLS for b.example on stream 2: ")]
        self.assertIn("there is no certificate to show: add one", line)
        self.ended(ends)

    def test_peer_speaks_no_tls(self) -> None:
        """T3: when the handshake fails the connection is closed without a closing tag, and the reason is told."""
        ends = Ends()
        ends.connect(PlainPeer())
        ends.network.settle()
        (closing,) = ends.told_a.closings
        self.assertTrue(closing.text.startswith("TLS failed: "), closing.text)
        self.assertIn("stream 1 with 192.0.2.2:5269: TLS failed: ", self.logged.lines[0])
        self.assertEqual(("gone", []), (ends.told_a.told[-1], ends.network.getDelayedCalls()))

    def test_reason_of_openssl(self) -> None:
        """However OpenSSL puts it, there is some reason."""
        for error, text in (
            (SSL.Error([("SSL routines", "", "bad key share"), ("", "", "and so on")]), "bad key share; and so on"),
            (SSL.Error(), "no reason was given"),
            (SSL.SysCallError(-1, "odd"), "no reason was given"),
        ):
            ends = Ends()
            ends.connect()
            ends.a.connectionLost(Failure(error))
            self.assertEqual(f"TLS failed: {text}", ends.told_a.closings[0].text)

    def test_silent_in_the_handshake(self) -> None:
        """A peer that falls silent in the handshake is given up; nothing is said outside TLS."""
        ends = Ends()
        ends.connect()
        ends.until(StreamState.SECURING)
        ends.wire_of_a.pauseProducing()
        self.ended(ends, 60.0 + ABORT_SECONDS)


class PlainPeer(Protocol):
    """A server that agrees on TLS and then does something else."""

    _answers = (
        f"<stream:stream xmlns='jabber:server' xmlns:stream='{STREAMS}' id='1' version='1.0'>",
        f"<stream:features><starttls xmlns='{TLS}'/></stream:features>",
        f"<proceed xmlns='{TLS}'/>",
        "<message/> is no TLS record",
    )

    def connectionMade(self) -> None:
        """Begin."""
        self._left = iter([self._answers[0] + self._answers[1], *self._answers[2:]])

    def dataReceived(self, data: bytes) -> None:
        """Say the next thing."""
        assert self.transport is not None
        self.transport.write(next(self._left, "").encode())


class VerdictTests(ProtocolTestCase):
    """What the judge says of the peer."""

    def test_refused(self) -> None:
        """D3: a peer that is not proven is told why, and one line is logged at the end that refused it."""
        ends = Ends(of_a=CertificateAuthority("another").issue("a.example")).run()
        (closing,) = ends.told_a.closings
        self.assertEqual((True, StreamCondition.POLICY_VIOLATION), (closing.by_peer, closing.condition))
        (line,) = [line for line in self.logged.lines if "said we" in line]
        self.assertIn("stream 2 with 192.0.2.255:40000 failed, said we: policy-violation (no proof of a.example", line)
        self.assertEqual([], [line for line in self.logged.lines if line.startswith("refused")])
        self.ended(ends)

    def test_names_of_the_peer_forge_no_line(self) -> None:
        """A reason with line breaks in it is logged as one line."""
        judge = AnyJudge(lambda domain: _refused(domain, "one\naccepted b.example"))
        Ends(judge_of_a=judge).run()
        self.assertIn("b.example is not proven: one\\naccepted b.example", self.logged.lines[0])

    def test_judge_that_raises(self) -> None:
        """A judge that fails proves nothing; its failure is logged, the peer hears that it was ours."""
        ends = Ends(judge_of_b=AnyJudge(lambda _domain: _raise())).run()
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.assertIn("an internal error, see the log", ends.told_a.closings[0].text)
        self.ended(ends)

    def test_verdict_on_another_domain(self) -> None:
        """A verdict on another domain is no verdict: the connection is cut, the mistake is logged."""
        ends = Ends(judge_of_b=AnyJudge(lambda _domain: _proven(B))).run()
        self.assertEqual(1, len(self.flushLoggedErrors(LocalMisuse)))
        self.assertNotIn(f"ready {PAIR}", ends.told_b.told)
        self.assertEqual([], [line for line in self.logged.lines if line.startswith("accepted a.example")])
        self.ended(ends)

    def test_connection_lost_meanwhile(self) -> None:
        """A judge whose answer nobody waits for any more is told so, and nothing is logged."""
        judge = PatientJudge()
        ends = Ends(judge_of_b=judge).run()
        ends.network.cut()
        ends.network.settle()
        self.assertEqual((True, []), (judge.cancelled, self.flushLoggedErrors()))
        self.assertEqual([], [line for line in self.logged.lines if "a.example, asked for b.example" in line])
        self.ended(ends)

    def test_judge_that_will_not_be_stopped(self) -> None:
        """A verdict that comes although nobody waits for it any more changes nothing and is not logged."""
        judge = PatientJudge(stubborn=True)
        ends = Ends(judge_of_b=judge).run()
        ends.network.cut()
        ends.network.settle()
        self.assertEqual([], [line for line in self.logged.lines if "a.example, asked for b.example" in line])
        self.ended(ends)

    def test_pair_that_nobody_asserts(self) -> None:
        """A verdict on a pair that the peer does not assert, or no more, changes nothing and is not logged."""
        ends = Ends().run()
        self.logged.events.clear()
        for outcome in (_proven(A), _refused(A, "late")):
            ends.b.judge_pair(PAIR, outcome, StanzaCondition.FORBIDDEN)
        ends.network.settle()
        self.assertEqual(([], StreamState.CARRYING), (self.logged.lines, ends.a.stream.state))

    def test_too_late(self) -> None:
        """A verdict that comes when the stream was given up changes nothing and is not logged."""
        judge = PatientJudge()
        ends = Ends(judge_of_b=judge).run()
        ends.wire_of_a.pauseProducing()
        ends.network.advance(60.0)
        judge.verdict.callback(_proven(A))
        self.assertEqual([], [line for line in self.logged.lines if line.startswith("accepted a.example")])
        self.ended(ends, 20.0)


class PatientJudge:
    """Takes its time, until the test says what it finds or it is cancelled."""

    def __init__(self, *, stubborn: bool = False) -> None:
        self.verdict: Deferred[Outcome] = Deferred()
        self.cancelled = False
        self._stubborn = stubborn

    async def judge(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        """As :class:`~muxs2s.network.evidence.Judge`."""
        try:
            return await self.verdict
        except Exception:
            self.cancelled = True
            if self._stubborn:
                return _proven(domain)
            raise


def _raise() -> Outcome:
    raise ZeroDivisionError


def _proven(domain: DomainName) -> Outcome:
    return Proven(domain=domain, prooftype="pkix", evidence="x", scope=Scope.ASKED_DOMAIN, until=None)


def _refused(domain: DomainName, reason: str) -> Outcome:
    return Refused(domain=domain, reasons=(reason,))


class SendingTests(ProtocolTestCase):
    """Stanzas out."""

    def setUp(self) -> None:
        super().setUp()
        self.ends = Ends(buffer_bytes=20_000).run()
        self.ends.told_a.told.clear()

    def test_room(self) -> None:
        """After each write there is no room until the kernel has taken it; that is told once."""
        self.ends.a.send(PAIR, [MESSAGE, MESSAGE])
        self.assertFalse(self.ends.a.room)
        self.ends.network.settle()
        self.assertEqual((True, ["room"]), (self.ends.a.room, self.ends.told_a.told))
        self.assertEqual([MESSAGE, MESSAGE], self.ends.told_b.stanzas)

    def test_no_room(self) -> None:
        """Whoever sends where there is no room is told, and nothing is sent."""
        self.ends.a.send(PAIR, [MESSAGE])
        self.assertRaises(LocalMisuse, self.ends.a.send, PAIR, [MESSAGE])
        self.assertRaises(LocalMisuse, Ends().a.send, PAIR, [MESSAGE])
        self.ends.network.settle()
        self.assertEqual([MESSAGE], self.ends.told_b.stanzas)

    def test_another_pair(self) -> None:
        """A pair that is not proven on the stream cannot be sent; the stream goes on."""
        other = DomainPair(A, DomainName.parse("c.example"))
        self.assertRaises(LocalMisuse, self.ends.a.send, other, [MESSAGE])
        self.assertTrue(self.ends.a.room)

    def test_many_pairs(self) -> None:
        """Stanzas of many pairs are one write; if one of the pairs is not proven nothing is sent."""
        other = DomainPair(A, DomainName.parse("c.example"))
        turns = [(PAIR, [MESSAGE]), (other, [MESSAGE]), (PAIR, [MESSAGE])]
        self.assertRaises(LocalMisuse, self.ends.a.send_all, turns)
        self.ends.a.stream.associations.accept_pair(Direction.OUTBOUND, other, OWN_CERTIFICATE)
        self.ends.a.send_all(turns)
        self.ends.network.settle()
        self.assertEqual(([MESSAGE] * 3, ["room"]), (self.ends.told_b.stanzas, self.ends.told_a.told))

    def test_unsent(self) -> None:
        """When the connection breaks, what the kernel had not taken to the last byte is given back."""
        self.ends.wire_of_b.pauseProducing()
        self.ends.a.send(PAIR, [LARGE])
        self.ends.network.settle()
        self.ends.network.cut()
        self.ends.network.settle()
        self.assertEqual([LARGE], self.ends.told_a.unsent)
        self.assertEqual(["closing", "gone"], self.ends.told_a.told)

    def test_sent(self) -> None:
        """What the kernel had taken is not."""
        self.ends.a.send(PAIR, [MESSAGE])
        self.ends.network.settle()
        self.ends.network.cut()
        self.ends.network.settle()
        self.assertEqual([], self.ends.told_a.unsent)

    def test_closed_with_stanzas_in_hand(self) -> None:
        """S8: the closing tag waits for the stanzas in front of it; if they do not go they are given back."""
        for reads_on, unsent in ((True, []), (False, [LARGE])):
            ends = Ends(buffer_bytes=20_000).run()
            ends.wire_of_b.pauseProducing()
            ends.a.send(PAIR, [LARGE])
            ends.a.close()
            ends.network.advance(0.0 if reads_on else 10.0 + ABORT_SECONDS)
            ends.wire_of_b.resumeProducing()
            self.ended(ends)
            self.assertEqual((unsent, [LARGE] if reads_on else []), (ends.told_a.unsent, ends.told_b.stanzas))

    def test_peer_closes_while_stanzas_are_in_hand(self) -> None:
        """S8: stanzas in hand when the peer closes the stream still go, and our closing tag after them."""
        self.ends.wire_of_b.pauseProducing()
        self.ends.a.send(PAIR, [LARGE])
        self.ends.network.settle()
        self.ends.b.close()
        self.ends.network.settle()
        self.assertEqual(["closing"], self.ends.told_a.told)
        self.ends.wire_of_b.resumeProducing()
        self.ends.network.settle()
        self.assertEqual(([LARGE], []), (self.ends.told_b.stanzas, self.ends.told_a.unsent))
        self.ended(self.ends)


class ClosingTests(ProtocolTestCase):
    """The end of a stream and of its connection."""

    def test_polite(self) -> None:
        """S8: closing tags, then TLS, then TCP; no error on either side."""
        ends = Ends().run()
        ends.a.close()
        ends.network.settle()
        self.assertEqual([None, None], [ends.told_a.closings[0].condition, ends.told_b.closings[0].condition])
        self.ended(ends)

    def test_failed(self) -> None:
        """A stream error reaches the peer; both ends log it, each from its side."""
        ends = Ends().run()
        ends.b.fail(StreamCondition.HOST_GONE, "moved away")
        ends.network.settle()
        self.assertIn("stream 2 with 192.0.2.255:40000 failed, said we: host-gone (moved away)", self.logged.lines)
        self.assertIn("stream 1 with 192.0.2.2:5269 failed, said the peer: host-gone (moved away)", self.logged.lines)
        self.ended(ends)

    def test_silent_peer(self) -> None:
        """S8: a peer that does not close its half is waited for ten seconds, then cut off after ten more."""
        ends = Ends().run()
        ends.wire_of_b.pauseProducing()
        ends.a.close()
        ends.network.advance(10.0 + ABORT_SECONDS - 0.1)
        self.assertNotIn("gone", ends.told_a.told)
        ends.network.advance(0.1)
        self.assertEqual("gone", ends.told_a.told[-1])

    def test_closed_twice(self) -> None:
        """Closing a stream that is closing or gone changes nothing."""
        ends = Ends().run()
        for _ in range(2):
            ends.a.close()
            ends.network.settle()
            ends.a.fail(StreamCondition.RESET, "again")
        self.ended(ends)

    def test_stanzas_of_others(self) -> None:
        """Stanzas of a domain that is not proven are dropped, with one line for all of them, however they come."""
        ends = Ends().run()
        foreign = b"<message from='c.example' to='b.example'/>"
        assert ends.a._writer is not None
        for data in (foreign * 3, foreign):
            ends.a._writer.write(data)
            ends.network.settle()
        self.assertEqual((4, []), (ends.b.stream.dropped, ends.told_b.stanzas))
        self.assertEqual(1, len([line for line in self.logged.lines if "dropping stanzas from c.example" in line]))


class AlarmTests(ProtocolTestCase):
    """Deadlines on one alarm."""

    def test_idle(self) -> None:
        """S23: a stream is closed when it was idle for too long, counted from its last stanza."""
        ends = Ends(limits=StreamLimits(idle_seconds=100.0)).run()
        ends.network.advance(60.0)
        ends.a.send(PAIR, [MESSAGE])
        ends.network.advance(89.9)
        self.assertEqual([], ends.told_a.closings)
        self.ended(ends, 0.1)

    def test_moving_deadlines_cost_nothing(self) -> None:
        """While stanzas pass, the alarm stays where it is; it looks again when it rings."""
        ends = Ends(limits=StreamLimits(quiet_seconds=1_000.0)).run()
        ends.network.advance(60.0)
        ends.a.send(PAIR, [MESSAGE])
        ends.network.settle()
        alarms = list(ends.network.getDelayedCalls())
        for _ in range(20):
            ends.a.send(PAIR, [MESSAGE])
            ends.network.advance(1.0)
        self.assertEqual(alarms, ends.network.getDelayedCalls())

    def test_earlier_deadline(self) -> None:
        """When a deadline comes nearer the alarm does: closing a stream that was idle takes ten seconds."""
        ends = Ends().run()
        ends.wire_of_b.pauseProducing()
        ends.network.advance(100.0)
        ends.a.close()
        (first, _) = sorted(call.getTime() - ends.network.seconds() for call in ends.network.getDelayedCalls())
        self.assertAlmostEqual(10.0, first)

    def test_peer_that_reads_no_more(self) -> None:
        """A peer that takes nothing of a write for a minute is cut off, not a moment sooner; nothing is sent twice."""
        ends = Ends(buffer_bytes=20_000).run()
        ends.wire_of_b.pauseProducing()
        ends.a.send(PAIR, [LARGE])
        ends.network.advance(MAX_STALL_SECONDS - 0.1)
        self.assertEqual([], ends.told_a.closings)
        ends.network.advance(0.1)
        self.assertEqual(StreamCondition.CONNECTION_TIMEOUT, ends.told_a.closings[0].condition)
        self.assertEqual(([LARGE], "gone"), (ends.told_a.unsent, ends.told_a.told[-1]))
        self.assertIn("the peer has read nothing for 60 seconds", self.logged.lines[-1])

    def test_stalled_while_closing(self) -> None:
        """A stream that is closing and stalls is cut off when the first of both times is over."""
        ends = Ends(buffer_bytes=20_000, limits=StreamLimits(closing_seconds=1_000.0)).run()
        ends.wire_of_b.pauseProducing()
        ends.a.send(PAIR, [LARGE])
        ends.a.close()
        ends.network.advance(MAX_STALL_SECONDS)
        self.assertEqual(([LARGE], "gone"), (ends.told_a.unsent, ends.told_a.told[-1]))

    def test_slow_peer(self) -> None:
        """A peer that reads slowly but does read is not cut off: each write has its own minute."""
        ends = Ends(buffer_bytes=20_000).run()
        for _ in range(5):
            ends.wire_of_b.pauseProducing()
            ends.a.send(PAIR, [LARGE])
            ends.network.advance(MAX_STALL_SECONDS - 0.1)
            ends.wire_of_b.resumeProducing()
            ends.network.settle()
        self.assertEqual(([LARGE] * 5, []), (ends.told_b.stanzas, ends.told_a.closings))


class UnreadTests(ProtocolTestCase):
    """A peer that asks and does not read the answers."""

    question = b'<db:verify from="a.example" to="b.example" id="1">key</db:verify>'
    answer = b'<db:verify from="b.example" to="a.example" id="1" type="invalid"></db:verify>'

    def asked(self, unread: int) -> Ends:
        """Let a peer that does not read ask once when so many bytes, the answer included, are unread."""
        ends = Ends(buffer_bytes=10_000).run()
        ends.wire_of_a.pauseProducing()
        assert ends.a._writer is not None
        assert ends.b._writer is not None
        ends.b._writer.write(b" " * (unread - len(self.answer)))
        ends.a._writer.write(self.question)
        ends.network.settle()
        return ends

    def test_limit(self) -> None:
        """As many bytes as are allowed may be unread; when the peer has read them, as many again."""
        ends = self.asked(MAX_UNREAD_BYTES)
        self.assertEqual([], ends.told_b.closings)
        ends.wire_of_a.resumeProducing()
        ends.network.settle()
        assert ends.b._writer is not None
        self.assertEqual((0, StreamState.CARRYING), (ends.b._writer.unread_bytes, ends.b.stream.state))

    def test_never_read(self) -> None:
        """However little it is, a peer that has not read it for a minute is cut off, though it asks for more."""
        ends = self.not_reading()
        ends.network.advance(MAX_STALL_SECONDS - 0.1)
        ends.a._writer.write(self.question)  # type: ignore[union-attr]  # the stream carries
        ends.network.settle()
        self.assertEqual([], ends.told_b.closings)
        ends.network.advance(0.1)
        self.assertEqual(StreamCondition.CONNECTION_TIMEOUT, ends.told_b.closings[0].condition)

    def test_read_late(self) -> None:
        """A peer that reads before its minute is over has another one."""
        ends = self.not_reading()
        for _ in range(3):
            ends.network.advance(MAX_STALL_SECONDS - 0.1)
            ends.wire_of_a.resumeProducing()
            ends.network.settle()
            ends.wire_of_a.pauseProducing()
            ends.a._writer.write(self.question * 300)  # type: ignore[union-attr]  # the stream carries
            ends.network.settle()
        self.assertEqual([], ends.told_b.closings)

    def not_reading(self) -> Ends:
        """Let a peer ask more than there is room for in the answers, and read none."""
        ends = Ends(buffer_bytes=10_000).run()
        ends.wire_of_a.pauseProducing()
        ends.a._writer.write(self.question * 300)  # type: ignore[union-attr]  # the stream carries
        ends.network.settle()
        return ends

    def test_past_limit(self) -> None:
        """With one more the connection is cut, and the log says why."""
        ends = self.asked(MAX_UNREAD_BYTES + 1)
        self.assertEqual(StreamCondition.POLICY_VIOLATION, ends.told_b.closings[0].condition)
        self.assertIn("policy-violation (the peer does not read what it is answered)", self.logged.lines[-1])
        ends.wire_of_a.resumeProducing()
        self.ended(ends)

    def test_behind_stanzas(self) -> None:
        """Answers that wait for stanzas in hand count, too; the stanzas are given back."""
        ends = Ends(buffer_bytes=10_000, bidi=True, multiplex=False).run()
        ends.wire_of_a.pauseProducing()
        assert ends.a._writer is not None
        ends.b.send(PAIR.reversed(), [LARGE])
        ends.a._writer.write(self.question * (MAX_UNREAD_BYTES // len(self.answer) + 1))
        ends.network.settle()
        self.assertEqual(([LARGE], "gone"), (ends.told_b.unsent, ends.told_b.told[-1]))


class LostTests(ProtocolTestCase):
    """The connection goes away."""

    def test_told_once(self) -> None:
        """Whenever the connection breaks, each end hears of the closing and of the end once, in this order."""
        for steps in range(1, 25):
            ends = Ends()
            ends.connect()
            ends.network.step(steps)
            ends.network.cut()
            self.ended(ends)
        self.assertEqual([], self.flushLoggedErrors())

    def test_never_connected(self) -> None:
        """A protocol that was never connected can be told that it is gone."""
        ends = Ends()
        for protocol, record in ((ends.a, ends.told_a), (ends.b, ends.told_b)):
            protocol.connectionLost()
            self.assertEqual(["closing", "gone"], record.told)
