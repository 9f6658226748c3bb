"""Tests of :mod:`muxs2s.stream.multiplexed`: when a stream multiplexes, and what that does to its stanzas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, cast

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.events import Multiplexes, MultiplexRefused
from muxs2s.multiplex.limits import MultiplexLimits
from muxs2s.multiplex.multiplexer import Multiplexer
from muxs2s.multiplex.verdicts import NotVouched
from muxs2s.proof.authenticators import Authenticators
from muxs2s.proof.peers import DIALBACK_SUFFICES, PeerPolicies, PeerPolicy
from muxs2s.stream.associations import Direction
from muxs2s.stream.events import StreamEvent
from muxs2s.stream.initiating import InitiatingStream
from muxs2s.stream.limits import StreamLimits
from muxs2s.stream.machine import StreamState
from muxs2s.stream.multiplexed import TLSMeans
from muxs2s.stream.receiving import ReceivingStream
from muxs2s.stream.side import OwnSide
from muxs2s.wire.errors import StanzaCondition, StreamCondition
from muxs2s.wire.limits import AFTER_AUTHENTICATION
from muxs2s.wire.names import DomainPair
from tests.multiplex.twoends import OpenAuthenticators, issued, name, vouched
from tests.stream.scripts import (
    ASSERTION,
    AUTH,
    BIDI,
    CLOSING,
    FROM_A,
    FROM_B,
    OFFER_BIDI,
    OFFER_EXTERNAL_AND_BIDI,
    OFFER_NOTHING,
    OFFER_TLS,
    PAIR,
    PROCEED,
    STARTTLS,
    SUCCESS,
    VALID,
    A,
    B,
    CountingEntropy,
    dialback,
    ending,
    message,
    proven,
    received,
    refused,
    side,
)

NAMESPACE: Final = "urn:xmpp:mux-cert:0"
BOUNDS: Final = "max-domains='10000' max-pending='64'"
MUX: Final = f"<mux xmlns='{NAMESPACE}' {BOUNDS}/>".encode()
ENABLE: Final = f"<enable xmlns='{NAMESPACE}' {BOUNDS}/>".encode()
ENABLED: Final = f"<enabled xmlns='{NAMESPACE}'/>".encode()
A2, B2 = name("a2.example"), name("b2.example")


def failed(condition: str) -> bytes:
    """The refusal to multiplex."""
    return f"<failed xmlns='{NAMESPACE}'><{condition}/></failed>".encode()


def with_mux(features: bytes) -> bytes:
    """Features in which the peer also offers to multiplex."""
    return features.replace(b"</stream:features>", MUX + b"</stream:features>")


OFFER_MUX: Final = with_mux(b"<stream:features></stream:features>")


def accept(*names: str, id: int = 0) -> bytes:
    """Names that the peer accepts."""
    listed = "".join(f"<domain>{each}</domain>" for each in names)
    return f"<accept xmlns='{NAMESPACE}' id='{id}'>{listed}</accept>".encode()


def means(domain: str) -> TLSMeans:
    """A TLS connection that is fit for multiplexing, on which a domain has shown its certificate."""
    open_ones = cast(Authenticators, OpenAuthenticators(domain))
    return TLSMeans(authenticators=open_ones, shown=issued(domain).leaf)


def own_side(domain: str, **changes: Any) -> OwnSide:
    """Our side: one domain more than the one of the header."""
    hosted = {name(domain), name(domain.replace(".", "2.", 1))}
    return replace(side(hosted), certificate_of=lambda named, _now: issued(str(named)), **changes)


CHAIN_OF_A = (issued("a.example").leaf,)
CHAIN_OF_B = (issued("b.example").leaf,)


def receiving(
    *, is_fit: bool = True, bidi: bytes = BIDI, by_dialback: bool = False, until: float | None = None, **changes: Any
) -> ReceivingStream:
    """A stream that a.example has opened to us and that carries, all we had to say written."""
    stream = ReceivingStream(own_side("b.example", **changes), CountingEntropy(), 0.0)
    stream.begin()
    for data in (FROM_A, STARTTLS):
        stream.receive_bytes(data, 0.0)
    stream.tls_established(0.0, means("b.example") if is_fit else None)
    stream.receive_bytes(FROM_A, 0.0)
    if by_dialback:
        stream.decide(refused(A, "pkix: unknown"), 0.0, CHAIN_OF_A)
        stream.receive_bytes(bidi + ASSERTION, 0.0)
        stream.judge_pair(PAIR, proven(A), StanzaCondition.FORBIDDEN, 0.0)
    else:
        stream.decide(proven(A, until), 0.0, CHAIN_OF_A)
        stream.receive_bytes(bidi + AUTH, 0.0)
        stream.receive_bytes(FROM_A, 0.0)
    assert stream.state is StreamState.CARRYING
    return stream


def initiating(
    *, features: bytes = OFFER_MUX, first_features: bytes = OFFER_EXTERNAL_AND_BIDI, is_fit: bool = True, **changes: Any
) -> InitiatingStream:
    """A stream that we have opened to b.example, and what it has to say once it carries not yet written."""
    stream = InitiatingStream(PAIR, own_side("a.example", **changes), 0.0)
    stream.begin()
    for data in (FROM_B, OFFER_TLS, PROCEED):
        stream.receive_bytes(data, 0.0)
    stream.tls_established(0.0, means("a.example") if is_fit else None)
    stream.decide(proven(B), 0.0, CHAIN_OF_B)
    for data in (FROM_B, first_features, SUCCESS, FROM_B):
        stream.receive_bytes(data, 0.0)
    stream.bytes_to_send()
    stream.receive_bytes(features, 0.0)
    return stream


def enabled(**options: Any) -> ReceivingStream:
    """A receiving stream on which both ends multiplex."""
    stream = receiving(**options)
    stream.bytes_to_send()
    stream.receive_bytes(ENABLE + accept("b.example"), 0.0)
    stream.bytes_to_send()
    assert stream.multiplexer is not None
    return stream


def open_for(stream: ReceivingStream, *domains: str) -> Multiplexer:
    """Accept domains of the peer, as after exchanges."""
    multiplexer = stream.multiplexer
    assert multiplexer is not None
    for domain in domains:
        _prove(stream, domain)
    stream.bytes_to_send()
    return multiplexer


def _prove(stream: ReceivingStream, domain: str) -> None:
    """Ask for a domain of the peer, and have it proven."""
    stream.multiplex(lambda each: each.want(DomainPair(B, name(domain)), 0.0), 0.0)
    id = _last_id(stream)
    stream.receive_bytes(f"<present xmlns='{NAMESPACE}' id='{id}'>AAAA</present>".encode(), 0.0)
    proof = vouched(name(domain), (issued(domain).leaf,))
    stream.multiplex(lambda each: each.conclude(id, proof, 0.0), 0.0)


def _last_id(stream: ReceivingStream) -> int:
    multiplexer = stream.multiplexer
    assert multiplexer is not None
    return multiplexer._conversation._last_own


def kinds(events: Sequence[StreamEvent], *wanted: type[StreamEvent]) -> list[StreamEvent]:
    """The events of some kinds."""
    return [event for event in events if isinstance(event, wanted)]


class OfferTests(SynchronousTestCase):
    """Whether the receiving server offers it."""

    def offers(self, **options: Any) -> tuple[bool, bool]:
        """Whether it is offered before authentication, and after."""
        stream = ReceivingStream(own_side("b.example", **options), CountingEntropy(), 0.0)
        stream.begin()
        for data in (FROM_A, STARTTLS):
            stream.receive_bytes(data, 0.0)
        self.assertNotIn(b"<mux", stream.bytes_to_send())
        stream.tls_established(0.0, options.get("tls", means("b.example")))
        stream.receive_bytes(FROM_A, 0.0)
        stream.decide(proven(A), 0.0, CHAIN_OF_A)
        before = b"<mux" in stream.bytes_to_send()
        stream.receive_bytes(BIDI + AUTH, 0.0)
        stream.receive_bytes(FROM_A, 0.0)
        return before, f"<mux xmlns='{NAMESPACE}' {BOUNDS}>".encode() in stream.bytes_to_send()

    def test_offered(self) -> None:
        """M3: the receiving server shows in its features, inside TLS only, that it multiplexes, and its bounds."""
        self.assertEqual((True, True), self.offers())

    def test_switched_off(self) -> None:
        """M1: switched off, it is not offered."""
        self.assertEqual((False, False), self.offers(multiplex=False))

    def test_without_bidi(self) -> None:
        """M2: where stanzas may not go both ways, it is not offered."""
        self.assertEqual((False, False), self.offers(is_bidi=False))

    def test_policy(self) -> None:
        """M1: a peer whose policy does not want it is not offered it."""
        policies = PeerPolicies(domains={"a.example": PeerPolicy(is_multiplexed=False)})
        self.assertEqual((False, False), self.offers(policies=lambda: policies))

    def test_unfit_tls(self) -> None:
        """E1, E5: on a TLS connection that is not fit it is not offered, and operators are told why."""
        stream = receiving(is_fit=False)
        self.assertNotIn(b"<mux", stream.bytes_to_send())
        self.assertIn("TLS 1.3", stream.why_not_multiplexed)

    def test_bidi_not_taken(self) -> None:
        """M2: after authentication on a stream that the peer left one-way it is offered no more."""
        stream = receiving(bidi=b"")
        self.assertEqual(1, stream.bytes_to_send().count(b"<mux"))
        self.assertEqual("the stream is not bidirectional", stream.why_not_multiplexed)


class EnableTests(SynchronousTestCase):
    """The receiving server, asked to multiplex."""

    def test_enabled(self) -> None:
        """M3, M7, M8: it agrees, and in the same write says which names the handshake gives."""
        stream = receiving()
        stream.bytes_to_send()
        events = stream.receive_bytes(ENABLE, 0.0)
        self.assertEqual(ENABLED + accept("a.example"), stream.bytes_to_send())
        self.assertEqual([Multiplexes()], kinds(events, Multiplexes))
        self.assertEqual("", stream.why_not_multiplexed)

    def test_own_header(self) -> None:
        """Each end knows which domain of its own the header names: the peer may accept that one though it is hidden."""
        for stream, domain in ((enabled(), "b.example"), (initiating(), "a.example")):
            stream.receive_bytes(ENABLED, 0.0)
            assert stream.multiplexer is not None
            self.assertEqual(name(domain), stream.multiplexer.own.header_domain)

    def test_by_dialback(self) -> None:
        """M8: a first domain proven by dialback gives no name, and its pair goes on."""
        stream = receiving(by_dialback=True, policies=lambda: PeerPolicies(default=DIALBACK_SUFFICES))
        stream.bytes_to_send()
        stream.receive_bytes(ENABLE, 0.0)
        self.assertEqual(ENABLED + accept(), stream.bytes_to_send())
        self.assertEqual([message().data], received(stream.receive_bytes(message().data, 0.0)))

    def test_one_way(self) -> None:
        """M2: without bidi it is refused, for good, and the stream goes on."""
        stream = receiving(bidi=b"")
        stream.bytes_to_send()
        stream.receive_bytes(ENABLE + ENABLE, 0.0)
        self.assertEqual(failed("bidi-required"), stream.bytes_to_send())
        self.assertEqual(1, stream.ignored)
        self.assertIs(StreamState.CARRYING, stream.state)
        self.assertEqual("the stream is not bidirectional", stream.why_not_multiplexed)

    def test_too_early(self) -> None:
        """M3: before authentication it is refused."""
        stream = ReceivingStream(own_side("b.example"), CountingEntropy(), 0.0)
        stream.begin()
        for data in (FROM_A, STARTTLS):
            stream.receive_bytes(data, 0.0)
        stream.tls_established(0.0, means("b.example"))
        stream.receive_bytes(FROM_A, 0.0)
        stream.decide(proven(A), 0.0, CHAIN_OF_A)
        stream.bytes_to_send()
        stream.receive_bytes(BIDI + ENABLE, 0.0)
        self.assertEqual(failed("not-authenticated"), stream.bytes_to_send())

    def test_without_bounds(self) -> None:
        """M3: an ``<enable/>`` that does not say its bounds is refused."""
        for bounds in (
            "",
            "max-domains='1'",
            "max-domains='0' max-pending='1'",
            "max-domains='1' max-pending='2147483648'",
        ):
            stream = receiving()
            stream.bytes_to_send()
            stream.receive_bytes(f"<enable xmlns='{NAMESPACE}' {bounds}/>".encode(), 0.0)
            self.assertEqual(failed("policy-violation"), stream.bytes_to_send(), bounds)
            self.assertEqual("we have refused: policy-violation", stream.why_not_multiplexed)

    def test_not_offered(self) -> None:
        """M1: what was never offered is refused; switched off, it is not even understood."""
        stream = receiving(is_fit=False)
        stream.bytes_to_send()
        stream.receive_bytes(ENABLE, 0.0)
        self.assertEqual(failed("policy-violation"), stream.bytes_to_send())
        stream = receiving(multiplex=False)
        stream.bytes_to_send()
        stream.receive_bytes(ENABLE, 0.0)
        self.assertEqual(b"", stream.bytes_to_send())
        self.assertEqual("switched off here", stream.why_not_multiplexed)

    def test_nothing_before(self) -> None:
        """M3: elements that come before multiplexing is on are ignored, and counted."""
        stream = receiving()
        stream.receive_bytes(
            f"<offer xmlns='{NAMESPACE}' id='1' domain='a2.example'/><odd xmlns='{NAMESPACE}'/>".encode(), 0.0
        )
        self.assertEqual(2, stream.ignored)
        self.assertIsNone(stream.multiplexer)

    def test_ignored_limit(self) -> None:
        """M4: 100 elements that belong to nothing are ignored; one more ends the stream."""
        stream = enabled()
        element = f"<withdrawn xmlns='{NAMESPACE}' id='77'/>".encode()
        stream.receive_bytes(element * 100, 0.0)
        self.assertEqual(100, stream.ignored)
        ended = ending(stream.receive_bytes(element, 0.0))
        self.assertIs(StreamCondition.POLICY_VIOLATION, ended.condition)

    def test_over(self) -> None:
        """M4: what is asked of a stream that closes comes to nothing."""
        stream = enabled()
        stream.close(0.0)
        asked: list[object] = []
        stream.multiplex(asked.append, 0.0)
        self.assertEqual([], asked)
        self.assertIsNone(stream.multiplexer)


class AskTests(SynchronousTestCase):
    """The initiating server."""

    def test_asks(self) -> None:
        """M3: it asks once it is authenticated and bidi is on; on ``<enabled/>`` it says which names it takes."""
        stream = initiating()
        self.assertEqual(ENABLE, stream.bytes_to_send())
        self.assertIsNone(stream.multiplexer)
        events = stream.receive_bytes(ENABLED + accept("a.example"), 0.0)
        self.assertEqual(accept("b.example"), stream.bytes_to_send())
        self.assertEqual([Multiplexes()], kinds(events, Multiplexes))

    def test_silent(self) -> None:
        """M1: towards a peer that does not offer it nothing of it is ever said; nor where we do not want it."""
        no_bidi = with_mux(
            b"<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL"
            b"</mechanism></mechanisms></stream:features>"
        )
        for options in (
            {"features": OFFER_NOTHING},
            {"features": with_mux(b"<stream:features></stream:features>").replace(b"max-pending='64'", b"")},
            {"first_features": no_bidi},
            {"multiplex": False},
            {"is_fit": False},
        ):
            stream = initiating(**options)
            self.assertEqual(b"", stream.bytes_to_send(), options)
            self.assertNotEqual("", stream.why_not_multiplexed)

    def test_refused(self) -> None:
        """M4: a refusal is final, and the stream goes on as an ordinary one."""
        stream = initiating()
        events = stream.receive_bytes(failed("internal-error") + ENABLED, 0.0)
        self.assertEqual(1, len(kinds(events, MultiplexRefused)))
        self.assertEqual(1, stream.ignored)
        self.assertEqual("the peer refused: internal-error", stream.why_not_multiplexed)
        self.assertTrue(stream.may_send(PAIR, 0.0))

    def test_by_dialback(self) -> None:
        """M8: with dialback alone it asks after the first ``valid``, as the features inside TLS have offered it."""
        stream = InitiatingStream(PAIR, own_side("a.example"), 0.0)
        stream.begin()
        for data in (FROM_B, OFFER_TLS, PROCEED):
            stream.receive_bytes(data, 0.0)
        stream.tls_established(0.0, means("a.example"))
        stream.decide(proven(B), 0.0, CHAIN_OF_B)
        stream.receive_bytes(FROM_B + with_mux(OFFER_BIDI), 0.0)
        self.assertNotIn(b"<enable", stream.bytes_to_send())
        stream.receive_bytes(VALID, 0.0)
        self.assertEqual(ENABLE, stream.bytes_to_send())

    def test_offered_outside_tls(self) -> None:
        """M3: features outside TLS count for nothing."""
        stream = InitiatingStream(PAIR, own_side("a.example"), 0.0)
        stream.receive_bytes(FROM_B + with_mux(OFFER_TLS), 0.0)
        self.assertIsNone(stream.peer_offer)


class StanzaTests(SynchronousTestCase):
    """The check of stanzas on a shared stream."""

    def test_further_domain(self) -> None:
        """M7, M11: an accepted domain may write to every domain of ours that the peer has accepted."""
        stream = enabled()
        open_for(stream, "a2.example")
        stanza = message("x@a2.example").data
        self.assertEqual([stanza], received(stream.receive_bytes(stanza, 0.0)))

    def test_independent(self) -> None:
        """E13: each certificate stands for itself: that another is refused, or revoked, changes nothing for it."""
        stream = enabled()
        open_for(stream, "a2.example", "a3.example")
        stream.multiplex(lambda each: each.want(DomainPair(B, name("a4.example")), 0.0), 0.0)
        id = _last_id(stream)
        stream.receive_bytes(f"<present xmlns='{NAMESPACE}' id='{id}'>AAAA</present>".encode(), 0.0)
        bad = NotVouched(condition=MultiplexCondition.BAD_AUTHENTICATOR, text="another key")
        stream.multiplex(lambda each: each.conclude(id, bad, 0.0), 0.0)
        stream.multiplex(lambda each: each.revoke([A2], MultiplexCondition.POLICY_VIOLATION, 0.0), 0.0)
        stanza = message("x@a3.example").data
        self.assertEqual([stanza], received(stream.receive_bytes(stanza, 0.0)))

    def test_foreign_sender(self) -> None:
        """M11: a stanza from a domain that is not accepted ends the stream with ``invalid-from``, naming both."""
        stream = enabled()
        ended = ending(stream.receive_bytes(message("x@a3.example").data, 0.0))
        self.assertIs(StreamCondition.INVALID_FROM, ended.condition)
        self.assertIn("a3.example, in a stanza to b.example", ended.text)

    def test_unknown_target(self) -> None:
        """M11: one to a domain of ours that the peer has not accepted ends it with ``host-unknown``."""
        stream = enabled()
        open_for(stream, "a2.example")
        ended = ending(stream.receive_bytes(message("x@a2.example", "y@b2.example").data, 0.0))
        self.assertIs(StreamCondition.HOST_UNKNOWN, ended.condition)

    def test_not_hosted(self) -> None:
        """M11, S12: one to an accepted name that we do not host comes back, and the stream stays."""
        stream = enabled()
        multiplexer = open_for(stream, "a2.example")
        multiplexer.own.give(0, [name("gone.example")])
        stream.receive_bytes(message("x@a2.example", "y@gone.example").data, 0.0)
        self.assertIn(b"<item-not-found", stream.bytes_to_send())
        self.assertIs(StreamState.CARRYING, stream.state)

    def test_revoked(self) -> None:
        """M12: what comes from a name that was just revoked comes back; errors go nowhere."""
        stream = enabled()
        open_for(stream, "a2.example")
        stream.multiplex(lambda each: each.revoke([A2], MultiplexCondition.POLICY_VIOLATION, 0.0), 0.0)
        stream.bytes_to_send()
        stanza = message("x@a2.example").data
        self.assertEqual([], received(stream.receive_bytes(stanza, 0.0)))
        self.assertIn(b"<not-authorized", stream.bytes_to_send())
        stream.receive_bytes(stanza.replace(b"<message ", b"<message type='error' "), 0.0)
        self.assertEqual(b"", stream.bytes_to_send())

    def test_out(self) -> None:
        """M12: once a name is out, with every pair it was part of, a stanza from it is a violation."""
        stream = enabled()
        stream.multiplex(lambda each: each.revoke([A], MultiplexCondition.POLICY_VIOLATION, 0.0), 0.0)
        stream.receive_bytes(f"<revoked xmlns='{NAMESPACE}' id='2'/>".encode(), 0.0)
        ended = ending(stream.receive_bytes(message().data, 0.0))
        self.assertIs(StreamCondition.INVALID_FROM, ended.condition)

    def test_withdrawn_by_us(self) -> None:
        """M12: from a domain that we take off nothing new may leave, though what comes to it is delivered."""
        stream = enabled()
        back = PAIR.reversed()
        self.assertTrue(stream.may_send(back, 0.0))
        stream.multiplex(lambda each: each.withdraw([B], 0.0), 0.0)
        self.assertFalse(stream.may_send(back, 0.0))
        self.assertEqual([message().data], received(stream.receive_bytes(message().data, 0.0)))

    def test_nothing_on_hope(self) -> None:
        """M11: a stanza leaves only for a pair of which both domains are accepted, and the target is served."""
        stream = enabled()
        multiplexer = open_for(stream, "a2.example")
        self.assertTrue(stream.may_send(DomainPair(B, A2), 0.0))
        self.assertFalse(stream.may_send(DomainPair(B2, A2), 0.0))
        multiplexer.peers.give(0, [name("a3.example")])
        self.assertFalse(stream.may_send(DomainPair(B, name("a3.example")), 0.0))
        stream.receive_bytes(message("x@a3.example").data, 0.0)
        self.assertTrue(stream.may_send(DomainPair(B, name("a3.example")), 0.0))

    def test_size(self) -> None:
        """M4, S20: elements of multiplexing may be larger than stanzas where these are kept small."""
        framing = replace(AFTER_AUTHENTICATION, max_element_bytes=10_000)
        stream = enabled(limits=StreamLimits(after_authentication=framing))
        text = "x" * 20_000
        stream.receive_bytes(f"<offer xmlns='{NAMESPACE}' id='1' domain='a2.example'>{text}</offer>".encode(), 0.0)
        self.assertIn(b"<request", stream.bytes_to_send())
        ended = ending(stream.receive_bytes(message(text=text).data, 0.0))
        self.assertIs(StreamCondition.POLICY_VIOLATION, ended.condition)


class BesideTests(SynchronousTestCase):
    """Time, and dialback on the same stream."""

    def test_dialback(self) -> None:
        """M5, M11: after ``<enable/>`` no pair comes in by dialback, and the stream stays."""
        stream = enabled(policies=lambda: PeerPolicies(default=DIALBACK_SUFFICES))
        stream.receive_bytes(dialback("result", "a2.example", "b.example", "00"), 0.0)
        said = stream.bytes_to_send()
        self.assertIn(b'type="error"', said)
        self.assertIn(b"<not-authorized", said)
        self.assertIs(StreamState.CARRYING, stream.state)

    def test_proof_ends(self) -> None:
        """S25, M12: if the certificate of the handshake ends and no other covers its domain, the stream is reset."""
        stream = enabled(until=500.0)
        stream.receive_bytes(b" ", 400.0)
        self.assertEqual(500.0, stream.deadline)
        ended = ending(stream.wake(500.0))
        self.assertIs(StreamCondition.RESET, ended.condition)

    def test_covered(self) -> None:
        """S25: if another covers it, the stream goes on."""
        stream = enabled(until=500.0)
        assert stream.multiplexer is not None
        stream.receive_bytes(f"<offer xmlns='{NAMESPACE}' id='1' domain='a.example' renew='true'/>".encode(), 0.0)
        stream.receive_bytes(f"<present xmlns='{NAMESPACE}' id='1'>AAAA</present>".encode(), 0.0)
        newer = vouched(A, (issued("a.example", "a2.example").leaf,))
        stream.multiplex(lambda each: each.conclude(1, newer, 0.0), 0.0)
        stream.bytes_to_send()
        self.assertEqual([], kinds(stream.receive_bytes(b" ", 500.0), Multiplexes))
        self.assertIs(StreamState.CARRYING, stream.state)
        self.assertEqual([message().data], received(stream.receive_bytes(message().data, 501.0)))

    def test_reset_by_the_service(self) -> None:
        """S25: so does whoever revokes that certificate by hand."""
        stream = enabled()
        events = stream.multiplex(
            lambda each: each.revoke_certificate(0, MultiplexCondition.POLICY_VIOLATION, 0.0), 0.0
        )
        self.assertIs(StreamCondition.RESET, ending(events).condition)

    def test_wait(self) -> None:
        """M4: an exchange that waits in vain wakes the stream, and the stream goes on."""
        stream = enabled(limits=StreamLimits(quiet_seconds=1e6, multiplex=MultiplexLimits(answer_seconds=60.0)))
        stream.receive_bytes(f"<offer xmlns='{NAMESPACE}' id='1' domain='a2.example'/>".encode(), 0.0)
        stream.bytes_to_send()
        self.assertEqual(60.0, stream.deadline)
        stream.wake(60.0)
        self.assertIn(b"<timeout/>", stream.bytes_to_send())
        self.assertIs(StreamState.CARRYING, stream.state)

    def test_idle(self) -> None:
        """M12: a fence that the peer never ends keeps no idle stream open, nor does it close one."""
        stream = enabled(limits=StreamLimits(quiet_seconds=1e6))
        stream.multiplex(lambda each: each.withdraw([B], 0.0), 0.0)
        stream.bytes_to_send()
        for now, expected in ((3_599.0, b""), (3_600.0, CLOSING)):
            stream.wake(now)
            self.assertEqual(expected, stream.bytes_to_send())

    def test_directions(self) -> None:
        """M11: names are accepted in one direction of one stream: theirs do not become ours."""
        stream = enabled()
        open_for(stream, "a2.example")
        table = stream.associations
        self.assertFalse(table.examine(Direction.OUTBOUND, DomainPair(A2, A), 0.0).name == "ADMITTED")
