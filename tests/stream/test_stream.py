"""Tests of :mod:`muxs2s.stream.stream`: stanzas, verdicts and reasons."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.outcome import Undecided
from muxs2s.stream import (
    AnswerUnasked,
    ProofWanted,
    StanzaDropped,
    StanzasReceived,
    StreamLimits,
    StreamState,
)
from muxs2s.stream.associations import OWN_CERTIFICATE, Direction
from muxs2s.testing.streams import StreamPair
from muxs2s.wire.errors import LocalMisuse, StreamCondition
from muxs2s.wire.names import DomainPair
from muxs2s.wire.reasons import MAX_REASON_CHARACTERS
from tests.stream import scripts
from tests.stream.scripts import (
    FROM_A,
    INITIATING_STEPS,
    PAIR,
    PATIENT,
    STREAM_ERROR,
    A,
    B,
    C,
    ending,
    header,
    initiating,
    message,
    proven,
    received,
    receiving,
    refused,
    streams,
    streams_in,
    take,
)

STRICT = StreamLimits(close_on_foreign_sender=True)


class StanzaTests(SynchronousTestCase):
    """What passes, in either direction."""

    def test_order(self) -> None:
        """S16: stanzas are handed on in order, however the bytes are cut."""
        sent = [message(text=str(number)).data for number in range(20)]
        whole, cut = receiving(), receiving()
        self.assertEqual(sent, received(whole.receive_bytes(b"\n".join(sent), 0.0)))
        one_by_one = [cut.receive_bytes(bytes([octet]), 0.0) for octet in b"".join(sent)]
        self.assertEqual(sent, [data for events in one_by_one for data in received(events)])

    def test_one_batch(self) -> None:
        """Stanzas that came in one piece are handed on in one event."""
        (event,) = receiving().receive_bytes(message().data * 3, 0.0)
        self.assertIsInstance(event, StanzasReceived)

    def test_slow_verdict(self) -> None:
        """S16: one stream's wait for a verdict holds up no other stream."""
        waiting, carrying = receiving(StreamState.JUDGING), receiving()
        self.assertEqual([], waiting.receive_bytes(b" ", 0.0))
        self.assertEqual([message().data], received(carrying.receive_bytes(message().data, 0.0)))
        self.assertIs(StreamState.JUDGING, waiting.state)

    def test_order_with_events(self) -> None:
        """A dropped stanza is told of between those that came before and after it."""
        events = receiving().receive_bytes(message().data + message("x@c.example").data + message().data, 0.0)
        self.assertEqual([StanzasReceived, StanzaDropped, StanzasReceived], [type(event) for event in events])

    def test_stanzas_before_a_violation(self) -> None:
        """What was right before something wrong in the same piece is delivered."""
        events = receiving().receive_bytes(message().data + b"<?evil?>", 0.0)
        self.assertEqual([message().data], received(events))
        self.assertIs(StreamCondition.RESTRICTED_XML, ending(events).condition)

    def test_foreign_sender(self) -> None:
        """S9: a stanza from a domain the peer has not proven is dropped and counted; the stream goes on."""
        stream = receiving()
        events = stream.receive_bytes(message("x@c.example").data + message().data, 0.0)
        self.assertEqual(StanzaDropped(pair=DomainPair(C, B)), events[0])
        self.assertEqual(([message().data], 1), (received(events), stream.dropped))

    def test_foreign_sender_with_strict_policy(self) -> None:
        """S9: by policy such a stanza ends the stream with ``invalid-from``."""
        events = receiving(limits=STRICT).receive_bytes(message("x@c.example").data + message().data, 0.0)
        self.assertEqual([], received(events))
        self.assertIs(StreamCondition.INVALID_FROM, ending(events).condition)

    def test_look_alike_senders(self) -> None:
        """S9: parents, children and look-alikes of a proven domain are foreign, as is our own domain."""
        for sender in ("example", "sub.a.example", "evil-a.example", "aa.example", "a.example.b.example", "b.example"):
            stream = receiving()
            self.assertEqual([], received(stream.receive_bytes(message(f"x@{sender}").data, 0.0)))
            self.assertEqual(1, stream.dropped)

    def test_unknown_target(self) -> None:
        """S12: a stanza to a third domain ends the stream with ``host-unknown`` and is never relayed."""
        for target in ("y@c.example", "a.example", "y@sub.b.example"):
            events = receiving().receive_bytes(message(target=target).data, 0.0)
            self.assertEqual([], received(events))
            self.assertIs(StreamCondition.HOST_UNKNOWN, ending(events).condition)

    def test_bad_addresses(self) -> None:
        """S11: a missing, empty or malformed address ends the stream with ``improper-addressing``."""
        for addresses in (
            *("from='x@a.example'", "to='y@b.example'", "from='' to='b.example'", "from='a.example' to=''"),
            *("from='@a.example' to='b.example'", "from='x@' to='b.example'", "from='a..example' to='b.example'"),
            *("from='a.example/' to='b.example'", "from='[::1]' to='b.example'", "from='a.example' to='192.0.2.1'"),
        ):
            events = receiving().receive_bytes(f"<message {addresses}/>".encode(), 0.0)
            self.assertIs(StreamCondition.IMPROPER_ADDRESSING, ending(events).condition, addresses)

    def test_spellings(self) -> None:
        """S13: a domain is the same with a trailing dot, in capitals, as U-label and as A-label."""
        for sender in ("a.example.", "A.EXAMPLE", "x@a.Example/r"):
            self.assertEqual(1, len(received(receiving().receive_bytes(message(sender).data, 0.0))))
        pair = StreamPair("bücher.example")
        pair.run()
        for sender in ("xn--bcher-kva.example", "BÜCHER.example.", "XN--BCHER-KVA.example"):
            self.assertEqual(1, len(pair.send(message(sender))))

    def test_stanzas_only(self) -> None:
        """S14: only message, presence and IQ of the stream's namespace are stanzas; others are ignored and counted."""
        stream = receiving()
        for element in ("<message xmlns='jabber:client'", "<r xmlns='urn:xmpp:sm:3'", "<chat", "<offer xmlns='urn:x'"):
            self.assertEqual([], stream.receive_bytes(f"{element} from='a.example' to='b.example'/>".encode(), 0.0))
        self.assertEqual((4, b"", StreamState.CARRYING), (stream.ignored, stream.bytes_to_send(), stream.state))
        for name in ("message", "presence", "iq"):
            self.assertEqual(1, len(stream.receive_bytes(f"<{name} from='a.example' to='b.example'/>".encode(), 0.0)))

    def test_unasked_answers(self) -> None:
        """D18: dialback answers nobody asked for prove nothing, to neither role; they are told of."""
        for stream in streams_in(StreamState.CARRYING):
            known = [*stream.associations.associations()]
            for name in ("result", "verify"):
                said = f"<{name} xmlns='jabber:server:dialback' type='valid' from='c.example' to='a.example' id='1'/>"
                (told,) = stream.receive_bytes(said.encode(), 0.0)
                self.assertIsInstance(told, AnswerUnasked)
            self.assertEqual((b"", known), (stream.bytes_to_send(), [*stream.associations.associations()]))

    def test_one_direction(self) -> None:
        """A stream carries stanzas from who opened it; the other way they are dropped, and never sent by us."""
        stream = initiating()
        self.assertEqual([], received(stream.receive_bytes(message("y@b.example", "x@a.example").data, 0.0)))
        self.assertEqual(1, stream.dropped)
        accepted = receiving()
        self.assertFalse(accepted.may_send(PAIR, 0.0) or accepted.may_send(PAIR.reversed(), 0.0))


class SendingTests(SynchronousTestCase):
    """What we send."""

    def test_send(self) -> None:
        """Stanzas of the pair leave as they are, in order."""
        stream = initiating()
        stream.send(PAIR, [message(text="1"), message(text="2")], 0.0)
        self.assertEqual(message(text="1").data + message(text="2").data, stream.bytes_to_send())
        self.assertEqual(b"", stream.bytes_to_send())

    def test_send_all(self) -> None:
        """Stanzas of several pairs leave in the order given; if one of the pairs is not proven, none does."""
        stream, other = initiating(), DomainPair(A, C)
        turns = [(PAIR, [message(text="1")]), (other, [message(text="2")]), (PAIR, [message(text="3")])]
        self.assertRaises(LocalMisuse, stream.send_all, turns, 0.0)
        self.assertEqual(b"", stream.bytes_to_send())
        stream.associations.accept_pair(Direction.OUTBOUND, other, OWN_CERTIFICATE)
        stream.send_all(turns, 0.0)
        self.assertEqual(b"".join(message(text=text).data for text in "123"), stream.bytes_to_send())

    def test_only_the_pair(self) -> None:
        """A stanza of another pair does not leave on this stream, not even a part of it."""
        stream = initiating(limits=PATIENT)
        for pair in (PAIR.reversed(), DomainPair(A, C), DomainPair(C, B)):
            self.assertRaises(LocalMisuse, stream.send, pair, [message()], 100.0)
        self.assertEqual((b"", 3_600.0), (stream.bytes_to_send(), stream.deadline))

    def test_only_when_ready(self) -> None:
        """D2: before the stream is ready, and once it closes, nothing is sent."""
        for stream in streams():
            if stream.state is not StreamState.CARRYING:
                self.assertFalse(stream.may_send(PAIR, 0.0))
                self.assertRaises(LocalMisuse, stream.send, PAIR, [message()], 0.0)


class GrantTests(SynchronousTestCase):
    """What ends a right to send."""

    def test_receiving_until(self) -> None:
        """From the moment its proof ends, a peer's stanzas are dropped; one before they pass."""
        stream = receiving(StreamState.JUDGING)
        for step in (proven(A, until=500.0), scripts.AUTH, FROM_A):
            take(stream, step)
        self.assertEqual([message().data], received(stream.receive_bytes(message().data, 499.999)))
        self.assertEqual([], received(stream.receive_bytes(message().data, 500.0)))
        self.assertEqual((1, StreamState.CARRYING), (stream.dropped, stream.state))

    def test_sending_until(self) -> None:
        """From the moment the peer's proof ends, nothing is sent to it."""
        stream = initiating(StreamState.JUDGING)
        for step in (proven(B, until=500.0), *INITIATING_STEPS[5:]):
            take(stream, step)
        self.assertTrue(stream.may_send(PAIR, 499.999))
        self.assertFalse(stream.may_send(PAIR, 500.0))
        self.assertRaises(LocalMisuse, stream.send, PAIR, [message()], 500.0)

    def test_reset_at_the_end(self) -> None:
        """S25: a stream in use is reset when its peer's proof ends, so that it is proven anew."""
        for stream, domain, steps in (
            (initiating(StreamState.JUDGING, PATIENT), B, INITIATING_STEPS[5:]),
            (receiving(StreamState.JUDGING, PATIENT), A, (scripts.AUTH, FROM_A)),
        ):
            for step in (proven(domain, until=500.0), *steps):
                take(stream, step)
            self.assertEqual((500.0, []), (stream.deadline, stream.wake(499.999)))
            ended = ending(stream.wake(500.0))
            self.assertEqual((StreamCondition.RESET, f"the proof of {domain} has ended"), (ended.condition, ended.text))
            self.assertEqual(510.0, stream.deadline)

    def test_end_after_the_idle_time(self) -> None:
        """A proof that outlives the idle time does not keep a stream open."""
        stream = receiving(StreamState.JUDGING, PATIENT)
        for step in (proven(A, until=5_000.0), scripts.AUTH, FROM_A):
            take(stream, step)
        self.assertEqual(3_600.0, stream.deadline)
        self.assertIs(None, ending(stream.wake(3_600.0)).condition)

    def test_end_during_negotiation(self) -> None:
        """A proof that ends before the stream is ready does so without effect on the negotiation's own deadline."""
        stream = receiving(StreamState.JUDGING)
        take(stream, proven(A, until=5.0))
        self.assertEqual((60.0, []), (stream.deadline, stream.wake(6.0)))

    def test_withdrawn_peer(self) -> None:
        """A withdrawn domain of the peer may neither send nor be sent to."""
        calling, called = receiving(), initiating()
        calling.associations.withdraw_domain(A)
        called.associations.withdraw_domain(B)
        self.assertEqual([], received(calling.receive_bytes(message().data, 0.0)))
        self.assertEqual((1, False), (calling.dropped, called.may_send(PAIR, 0.0)))

    def test_withdrawn_domain_of_ours(self) -> None:
        """S12: a domain of ours that was withdrawn is an unknown host to the peer."""
        stream = receiving()
        stream.associations.withdraw_domain(B)
        self.assertIs(StreamCondition.HOST_UNKNOWN, ending(stream.receive_bytes(message().data, 0.0)).condition)


class VerdictTests(SynchronousTestCase):
    """Who has to be proven, and what a verdict does."""

    def test_domain_to_prove(self) -> None:
        """P1.2: the peer must prove the domain we called, or the one its header inside TLS names."""
        called = initiating(StreamState.SECURING).tls_established(0.0)
        self.assertEqual([ProofWanted(domain=B, asked_for=A)], called)
        calling = receiving(StreamState.SECURE_OPENING).receive_bytes(FROM_A, 0.0)
        self.assertEqual([ProofWanted(domain=A, asked_for=B)], calling)

    def test_verdict_on_another_domain(self) -> None:
        """A verdict on another domain than the one in question is a mistake of ours and moves nothing."""
        for stream in (initiating(StreamState.JUDGING), receiving(StreamState.JUDGING)):
            self.assertRaises(LocalMisuse, stream.decide, proven(C), 0.0)
            self.assertEqual((StreamState.JUDGING, b""), (stream.state, stream.bytes_to_send()))

    def test_late_verdict(self) -> None:
        """A verdict that comes when nobody waits for one, on whomever, changes nothing."""
        for stream in streams():
            if stream.state not in {StreamState.JUDGING, StreamState.PLAIN_JUDGING}:
                before = stream.state
                self.assertEqual(([], before), (stream.decide(proven(C), 0.0), stream.state))

    def test_undecided(self) -> None:
        """No evidence is no proof."""
        for stream, domain in ((initiating(StreamState.JUDGING), B), (receiving(StreamState.JUDGING), A)):
            ended = ending(stream.decide(Undecided(domain=domain, reasons=("pkix: no certificate",)), 0.0))
            self.assertIn("pkix: no certificate", ended.text)
            self.assertIs(StreamState.FAILING, stream.state)

    def test_one_stream(self) -> None:
        """D5: what is proven is proven on one stream; another one between the same servers proves it anew."""
        first, second = receiving(), receiving(StreamState.PROVING)
        self.assertEqual([message().data], received(first.receive_bytes(message().data, 0.0)))
        self.assertEqual([], received(second.receive_bytes(message().data, 0.0)))
        self.assertEqual(([], 2), ([*second.associations.associations()], len([*first.associations.associations()])))

    def test_handshake_not_awaited(self) -> None:
        """The end of a handshake that nobody began changes nothing."""
        for stream in streams():
            if stream.state is not StreamState.SECURING:
                before = stream.state
                self.assertEqual(([], before), (stream.tls_established(0.0), stream.state))


class ReasonTests(SynchronousTestCase):
    """What peers say, and make us say, in logs."""

    bound = MAX_REASON_CHARACTERS + len("...")

    def test_text_of_an_error(self) -> None:
        """The text of a peer's stream error is bounded and cannot forge a line of a log."""
        text = f"bye\n2026-01-01 INFO accepted evil.example{'!' * 9_000}"
        error = STREAM_ERROR.replace(b"until noon", text.encode())
        said = ending(receiving().receive_bytes(error, 0.0)).text
        self.assertTrue(said.startswith(r"bye\n2026-01-01 INFO accepted evil.example!"))
        self.assertEqual(self.bound, len(said))

    def test_names_in_a_header(self) -> None:
        """A header's absurd domain is not repeated in full, to nobody."""
        stream = receiving(StreamState.PLAIN_OPENING)
        said = ending(stream.receive_bytes(header(from_="a.example", to="b" * 9_000), 0.0)).text
        self.assertLessEqual(len(said), self.bound)
        self.assertLess(len(stream.bytes_to_send()), 1_500)

    def test_names_in_a_stanza(self) -> None:
        """So with the address of a stanza, which may be as large as a stanza is."""
        stream = receiving()
        said = ending(stream.receive_bytes(message(f"x@{'c' * 200_000}").data, 0.0)).text
        self.assertLessEqual(len(said), self.bound)

    def test_our_own_words(self) -> None:
        """Whatever a caller gives for a reason, the error we write is XML."""
        stream = receiving()
        said = ending(stream.fail(StreamCondition.RESET, "a\x00b\ud800<c>", 0.0)).text
        self.assertEqual(r"a\x00b\ud800<c>", said)
        self.assertIn(rb">a\x00b\ud800&lt;c&gt;</text>", stream.bytes_to_send())

    def test_lost_connection(self) -> None:
        """The reason for which a connection was lost is treated alike."""
        self.assertEqual(r"a\nb", ending(receiving().connection_lost("a\nb")).text)

    def test_reasons_of_a_refusal(self) -> None:
        """What was wrong with a certificate names what the peer wrote into it, within bounds."""
        stream = receiving(StreamState.JUDGING)
        said = ending(stream.decide(refused(A, "pkix: names " + "x.example " * 256), 0.0)).text
        self.assertEqual(self.bound, len(said))
