"""Tests of :mod:`muxs2s.stream.liveness`, on streams whose peer falls silent."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream import Direction, Grant, ProvingStream, StreamEvent, StreamLimits, StreamState
from muxs2s.stream.liveness import answer_to_ping
from muxs2s.testing.streams import StreamPair
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.names import DomainPair
from muxs2s.wire.stanza import Slice
from tests.stream import scripts
from tests.stream.scripts import (
    CLOSING,
    INITIATING_TWO_WAY,
    PAIR,
    RECEIVING_TWO_WAY,
    A,
    C,
    ending,
    initiating,
    message,
    received,
    receiving,
    streams_in,
    take,
)
from tests.wire.samples import read_slice

PING_FROM_A = b"<iq type='get' id='muxs2s-ping-1' from='a.example' to='b.example'><ping xmlns='urn:xmpp:ping'/></iq>"


def iq(sender: str = "b.example", target: str = "a.example", **attributes: str) -> bytes:
    """An IQ of the server at b.example; without attributes, the answer to our first ping."""
    named = {"type": "result", "id": "muxs2s-ping-1", **attributes}
    return f"<iq from='{sender}' to='{target}' type='{named['type']}' id='{named['id']}'/>".encode()


def ping(sender: str = "b.example", target: str = "a.example", inside: str = "<ping xmlns='urn:xmpp:ping'/>") -> bytes:
    """A ping of that server."""
    return f"<iq type='get' id='p&lt;1' from='{sender}' to='{target}'>{inside}</iq>".encode()


def asked() -> ProvingStream:
    """A two-way stream whose peer has been asked for a sign of life at 300 seconds."""
    stream = initiating(way=INITIATING_TWO_WAY)
    stream.wake(300.0)
    stream.bytes_to_send()
    return stream


class AskingTests(SynchronousTestCase):
    """A peer is silent."""

    def test_two_way(self) -> None:
        """S22: on a two-way stream it is pinged, from domain to domain, after five minutes."""
        stream = initiating(way=INITIATING_TWO_WAY)
        self.assertEqual((300.0, []), (stream.deadline, stream.wake(300.0)))
        self.assertEqual(PING_FROM_A, stream.bytes_to_send())
        called = receiving(way=RECEIVING_TWO_WAY)
        called.wake(300.0)
        self.assertIn(b" from='b.example' to='a.example'><ping ", called.bytes_to_send())

    def test_one_way(self) -> None:
        """S22: where it could not answer on the stream it is sent a space, and nothing is expected of it."""
        for stream in streams_in(StreamState.CARRYING):
            if not stream.is_two_way:
                for times in range(1, 12):
                    self.assertEqual((300.0 * times, []), (stream.deadline, stream.wake(300.0 * times)))
                    self.assertEqual(b" ", stream.bytes_to_send())

    def test_not_more_often(self) -> None:
        """S22: a peer that answers is asked again when it has been silent for another five minutes."""
        stream = asked()
        stream.receive_bytes(iq(), 310.0)
        self.assertEqual((610.0, []), (stream.deadline, stream.wake(609.999)))
        self.assertEqual(b"", stream.bytes_to_send())
        stream.wake(610.0)
        self.assertEqual(PING_FROM_A.replace(b"ping-1", b"ping-2"), stream.bytes_to_send())

    def test_only_while_silent(self) -> None:
        """S22: a peer that says anything is not asked."""
        stream = receiving(way=RECEIVING_TWO_WAY)
        for now in (200.0, 400.0):
            stream.receive_bytes(message().data, now)
        self.assertEqual(700.0, stream.deadline)

    def test_before_stanzas_pass(self) -> None:
        """S22, T3: during negotiation nothing of the kind is said."""
        limits = StreamLimits(quiet_seconds=1.0)
        for stream in scripts.streams(limits):
            if stream.state is not StreamState.CARRYING:
                stream.wake(2.0)
                self.assertEqual(b"", stream.bytes_to_send())

    def test_after_the_proof(self) -> None:
        """A pair whose proof has ended is not asked for a sign of life, as no stanza of it may leave."""
        stream = initiating(way=INITIATING_TWO_WAY)
        stream.associations.withdraw_domain(PAIR.target)
        stream.wake(300.0)
        self.assertEqual(b" ", stream.bytes_to_send())


class SignTests(SynchronousTestCase):
    """What shows that a peer is there."""

    def assert_alive(self, said: bytes) -> list[StreamEvent]:
        """The peer says something, and is asked again five minutes later; what came of it."""
        stream = asked()
        events = stream.receive_bytes(said, 320.0)
        self.assertEqual((620.0, []), (stream.deadline, stream.wake(619.0)))
        return [*events]

    def test_anything(self) -> None:
        """S22: a space, part of an element, a stanza: each byte is a sign."""
        for said in (b" ", b"<", b"<message", b"<r xmlns='urn:xmpp:sm:3'/>"):
            self.assertEqual([], self.assert_alive(said))
        reply = message("y@b.example", "x@a.example").data
        self.assertEqual([reply], received(self.assert_alive(reply)))

    def test_answers(self) -> None:
        """S22: an error is as good an answer as a result; neither is delivered to anybody."""
        error = "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        for said in (iq(), iq(type="error"), iq(type="error").replace(b"/>", f">{error}</iq>".encode())):
            self.assertEqual([], received(self.assert_alive(said)))

    def test_forged(self) -> None:
        """S22: what only looks like the answer is delivered like any stanza: another id, type, kind or domain."""
        for said in (
            *(iq(id="muxs2s-ping-2"), iq(id="1"), iq(type="get"), iq(type="set")),
            iq().replace(b"<iq", b"<message"),
        ):
            self.assertEqual([said], received(self.assert_alive(said)))

    def test_of_another_domain(self) -> None:
        """S22: an answer of another domain of the peer's is not ours to swallow."""
        stream = asked()
        grant = Grant(prooftype="dialback", evidence="key")
        stream.associations.accept_pair(Direction.INBOUND, DomainPair(C, A), grant)
        self.assertEqual([iq("c.example")], received(stream.receive_bytes(iq("c.example"), 301.0)))

    def test_once(self) -> None:
        """S22: one answer is ours; a second one is delivered."""
        stream = asked()
        self.assertEqual([[], [iq()]], [received(stream.receive_bytes(iq(), now)) for now in (301.0, 302.0)])

    def test_unasked(self) -> None:
        """S22: nor is anything an answer where nothing was asked."""
        stream = initiating(way=INITIATING_TWO_WAY)
        self.assertEqual([iq()], received(stream.receive_bytes(iq(), 1.0)))

    def test_is_no_traffic(self) -> None:
        """S23: pings and their answers keep no idle stream open."""
        stream, now = initiating(way=INITIATING_TWO_WAY), 0.0
        for number in range(1, 12):
            now += 300.0
            stream.wake(now)
            stream.receive_bytes(iq(id=f"muxs2s-ping-{number}"), now)
        self.assertEqual((3_600.0, None), (stream.deadline, ending(stream.wake(3_600.0)).condition))
        self.assertTrue(stream.bytes_to_send().endswith(CLOSING))

    def test_gone(self) -> None:
        """S22: no word within 30 seconds: the stream is failed with ``connection-timeout``."""
        stream = asked()
        self.assertEqual((330.0, []), (stream.deadline, stream.wake(329.999)))
        ended = ending(stream.wake(330.0))
        self.assertIs(StreamCondition.CONNECTION_TIMEOUT, ended.condition)
        self.assertEqual("no sign of life for 30 seconds after being asked for one", ended.text)

    def test_late(self) -> None:
        """S22: a word in the last moment is one."""
        stream = asked()
        stream.receive_bytes(b" ", 329.999)
        self.assertEqual([], stream.wake(330.0))

    def test_what_we_send_is_none(self) -> None:
        """S22: that we go on sending does not show that the peer is there."""
        stream = initiating(way=INITIATING_TWO_WAY)
        stream.send(PAIR, [message()], 299.0)
        self.assertEqual(300.0, stream.deadline)


class AnsweringTests(SynchronousTestCase):
    """A peer asks us."""

    def test_answered(self) -> None:
        """S22: a ping from domain to domain is answered on the spot, and nobody is troubled with it."""
        stream = initiating(way=INITIATING_TWO_WAY)
        self.assertEqual([], stream.receive_bytes(ping(), 0.0))
        self.assertEqual(b'<iq from="a.example" to="b.example" type="result" id="p&lt;1"></iq>', stream.bytes_to_send())

    def test_on_one_way_streams(self) -> None:
        """S22: where the answer may not leave on the stream, the ping is delivered like any stanza."""
        said = ping("a.example", "b.example")
        self.assertEqual([said], received(receiving().receive_bytes(said, 0.0)))

    def test_not_ours_to_answer(self) -> None:
        """S22: what a user asks, or asks of a user, or asks for otherwise, is the business of the host."""
        for said in (
            *(ping("x@b.example"), ping("b.example/r"), ping(target="y@a.example"), ping("B.EXAMPLE")),
            *(
                ping(inside=""),
                ping(inside="<ping/>"),
                ping(inside="<x xmlns='urn:x'><ping xmlns='urn:xmpp:ping'/></x>"),
            ),
            *(
                ping(inside="<x xmlns='urn:xmpp:ping'/>"),
                ping().replace(b"get", b"set"),
                ping().replace(b"'get'", b"'result'"),
            ),
        ):
            stream = initiating(way=INITIATING_TWO_WAY)
            self.assertEqual([said], received(stream.receive_bytes(said, 0.0)))
            self.assertEqual(b"", stream.bytes_to_send())

    def test_of_strangers(self) -> None:
        """S9: a ping of a domain that is not proven here is dropped like anything of it."""
        stream = initiating(way=INITIATING_TWO_WAY)
        self.assertEqual([], received(stream.receive_bytes(ping("c.example"), 0.0)))
        self.assertEqual((1, b""), (stream.dropped, stream.bytes_to_send()))

    def test_after_our_closing_tag(self) -> None:
        """S8: once we have closed our half, nothing is said any more, to a ping neither."""
        stream = initiating(way=INITIATING_TWO_WAY)
        stream.close(0.0)
        stream.bytes_to_send()
        self.assertEqual([], stream.receive_bytes(ping(), 0.0))
        self.assertEqual(b"", stream.bytes_to_send())

    def test_other_stanzas(self) -> None:
        """What is no IQ is no ping, whatever is in it."""
        for said in (message().data, ping().replace(b"iq", b"message")):
            self.assertIsNone(answer_to_ping(read_slice(said)))
        self.assertIsInstance(read_slice(ping()), Slice)

    def test_each_other(self) -> None:
        """S22: two of ours that have nothing to say ask each other, answer each other, and stay until they are idle."""
        pair = StreamPair()
        pair.run()
        for _ in range(10):
            pair.advance(300.0)
            self.assertEqual([StreamState.CARRYING] * 2, [pair.initiating.state, pair.receiving.state])
        pair.advance(300.0)
        self.assertEqual([StreamState.CLOSED] * 2, [pair.initiating.state, pair.receiving.state])


class IdleTests(SynchronousTestCase):
    """When a stream without stanzas is closed."""

    def test_ours(self) -> None:
        """S23: after our own time, where the peer says nothing of its own or is more patient."""
        for seconds in (None, "86400"):
            self.assertEqual(3_600.0, self.idle_until(seconds))

    def test_the_peers(self) -> None:
        """S21, S23: where it would close earlier, we do so before it, at nine tenths of its time."""
        self.assertEqual(900.0, self.idle_until("1000"))

    def idle_until(self, seconds: str | None) -> float | None:
        """When a stream ends whose peer announces its time."""
        said = "" if seconds is None else f"<idle-seconds>{seconds}</idle-seconds>"
        offer = f"<stream:features><limits xmlns='urn:xmpp:stream-limits:0'>{said}</limits></stream:features>"
        stream = initiating(StreamState.PROVEN_NEGOTIATING, scripts.PATIENT)
        take(stream, offer.encode())
        return stream.deadline
