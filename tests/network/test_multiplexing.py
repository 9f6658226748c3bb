"""Tests of :mod:`muxs2s.network.multiplexing`, and of what a connection adds to multiplexing: TLS and time."""

from __future__ import annotations

from typing import Any, Final

from cryptography.x509 import Certificate
from twisted.internet.defer import Deferred

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.events import (
    DomainRefused,
    Multiplexes,
    NamesClosed,
    NamesOpened,
    ProofRecalled,
    ProofShown,
    SignatureWanted,
)
from muxs2s.multiplex.vouching import verdict
from muxs2s.network.writing import MAX_UNREAD_MULTIPLEX_BYTES
from muxs2s.proof.outcome import Evidence, Outcome
from muxs2s.proof.peers import PeerPolicies
from muxs2s.testing import stanza_of
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.names import DomainName, DomainPair
from tests.network.joined import AUTHORITY, OF_A, PAIR, PKIX, A, B, Ends, Record
from tests.network.test_protocol import ProtocolTestCase

MESSAGE: Final = stanza_of("<message from='a.example' to='b.example'><body>x</body></message>")
A2: Final = DomainName.parse("a2.example")
OF_A2: Final = AUTHORITY.issue("a2.example")


def shared(**options: Any) -> Ends:
    """Two ends that multiplex."""
    ends = Ends(bidi=True, further=[OF_A2], hosted_by_a=[A2], **options)
    return ends.run()


def judged(domain: DomainName, chain: tuple[Certificate, ...], now: float) -> Outcome:
    """What PKIX says of a certificate."""
    outcomes: list[Outcome] = []
    Deferred.fromCoroutine(PKIX.judge(domain, Evidence(chain=chain), now)).addCallback(outcomes.append)
    return outcomes[0]


def work(ends: Ends) -> None:
    """Sign, check and judge all that is asked for, at both ends."""
    for end, record in ((ends.a, ends.told_a), (ends.b, ends.told_b)):
        events, record.multiplex_events = record.multiplex_events, []
        assert end.authenticators is not None
        for event in events:
            match event:
                case SignatureWanted():
                    end.present(event.id, end.authenticators.authenticate(event.request, event.certificate))
                case ProofShown():
                    chain = end.authenticators.check(event.request, event.authenticator)
                    outcome = judged(event.domain, chain, ends.network.seconds())
                    end.conclude(event.id, verdict(outcome, chain, (), PeerPolicies()))
                case ProofRecalled(chain=chain):
                    outcome = judged(event.domain, chain, ends.network.seconds())
                    end.conclude(event.id, verdict(outcome, chain, (), PeerPolicies()))
                case _:
                    record.multiplex_events.append(event)
    ends.network.settle()


def kinds(record: Record) -> list[str]:
    """What was told of multiplexing."""
    return [type(event).__name__ for event in record.multiplex_events]


class SharedTests(ProtocolTestCase):
    """Two connections inside real TLS."""

    def test_on(self) -> None:
        """M3, M8: both ends find out that the other multiplexes, and take the certificates of the handshake."""
        ends = shared()
        for record in (ends.told_a, ends.told_b):
            self.assertEqual(["Multiplexes", "NamesOpened", "NamesOpened"], sorted(kinds(record)))
        assert ends.a.multiplexer is not None
        self.assertTrue(ends.a.multiplexer.may_send(PAIR))

    def test_added(self) -> None:
        """M5, M7, M9: a further domain is proven by its certificate, and its stanzas pass; nothing restarts."""
        ends = shared()
        self.assertIsNone(ends.a.want(DomainPair(A2, B)))
        for _ in range(3):
            ends.network.settle()
            work(ends)
        pair = DomainPair(A2, B)
        self.assertTrue(ends.a.stream.may_send(pair, ends.network.seconds()))
        self.assertTrue(ends.b.stream.may_send(pair.reversed(), ends.network.seconds()))
        assert ends.a.multiplexer is not None
        assert ends.b.multiplexer is not None
        self.assertEqual((1, 1), (ends.a.multiplexer.presented, ends.b.multiplexer.judged))

    def test_declined(self) -> None:
        """M4: what is declined is over, and the stream stays."""
        ends = shared()
        ends.b.offer(A)  # not its own: it has no such domain, though a certificate for it is at hand
        ends.network.settle()
        ends.a.want(DomainPair(A2, B))
        ends.network.settle()
        [wanted] = [event for event in ends.told_a.multiplex_events if isinstance(event, SignatureWanted)]
        ends.a.decline(wanted.id, MultiplexCondition.INTERNAL_ERROR, "the key is out of reach")
        ends.network.settle()
        self.assertIn(DomainRefused, map(type, ends.told_a.multiplex_events))
        self.assertTrue(ends.a.stream.may_send(PAIR, ends.network.seconds()))

    def test_removed(self) -> None:
        """M12: each end can take a name off, and the stream stays."""
        ends = shared()
        ends.a.renew(A)
        ends.a.withdraw([A])
        ends.b.revoke([A], MultiplexCondition.POLICY_VIOLATION)
        ends.network.settle()
        self.assertIn(NamesClosed, map(type, ends.told_a.multiplex_events))
        self.assertFalse(ends.a.stream.may_send(PAIR, ends.network.seconds()))
        self.assertEqual([], ends.told_a.closings)

    def test_ordinary(self) -> None:
        """M1: on a stream that is not shared, nothing comes of what is asked."""
        ends = Ends(bidi=False).run()
        self.assertIsNone(ends.a.want(DomainPair(A2, B)))
        self.assertIsNone(ends.a.multiplexer)
        self.assertEqual([], ends.told_a.multiplex_events + ends.told_b.multiplex_events)
        self.assertIsNone(Ends().a.authenticators)

    def test_shown(self) -> None:
        """M8: each end knows which certificate it has shown in the handshake."""
        ends = shared()
        assert ends.a.stream.means is not None
        self.assertEqual(OF_A.leaf, ends.a.stream.means.shown)

    def test_gathered(self) -> None:
        """M9: while an end gathers what it says is not sent; then all of it is, in few records of TLS."""
        ends = shared()
        ends.b.gather()
        ends.a.want(DomainPair(A2, B))
        ends.network.settle()
        self.assertEqual([], [event for event in ends.told_a.multiplex_events if isinstance(event, SignatureWanted)])
        ends.b.settle()
        ends.network.settle()
        self.assertEqual(1, len([each for each in ends.told_a.multiplex_events if isinstance(each, SignatureWanted)]))

    def test_gathered_before_stanzas(self) -> None:
        """M7: stanzas wait for nothing, and overtake nothing that was said before."""
        ends = shared()
        ends.a.gather()
        ends.a.withdraw([A2])
        ends.a.offer(A2)
        ends.a.send(PAIR, [MESSAGE])
        ends.network.settle()
        self.assertEqual([MESSAGE], ends.told_b.stanzas)
        assert ends.b.multiplexer is not None
        self.assertEqual(1, ends.b.multiplexer.exchanges)

    def test_gathered_in_the_end(self) -> None:
        """An end that closes its stream gathers no more."""
        ends = shared()
        ends.a.gather()
        ends.a.close()
        ends.network.settle()
        self.assertEqual(["gone"], ends.told_b.told[-1:])

    def test_unread(self) -> None:
        """M9: proofs on their way to a peer that reads slowly do not cut it off, within a bound."""
        for unread, closings in ((MAX_UNREAD_MULTIPLEX_BYTES - 10_000, 0), (MAX_UNREAD_MULTIPLEX_BYTES, 1)):
            ends = shared(buffer_bytes=10_000)
            ends.wire_of_b.pauseProducing()
            assert ends.a._writer is not None
            ends.a._writer.write(b" " * unread)
            ends.a.want(DomainPair(A2, B))
            self.assertEqual(closings, len(ends.told_a.closings))
        self.assertIs(StreamCondition.POLICY_VIOLATION, ends.told_a.closings[0].condition)

    def test_all_events(self) -> None:
        """Whatever multiplexing tells is handed on."""
        ends = shared()
        told = ends.told_a.multiplex_events
        self.assertEqual({Multiplexes, NamesOpened}, set(map(type, told)))
