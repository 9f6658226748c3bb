"""Multiplexing on one stream, as a stream uses it."""

from __future__ import annotations

from math import inf

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import Accept, Enabled, ListedName, Offer, Request
from muxs2s.multiplex.events import Whose
from tests.multiplex.twoends import OneEnd, TwoEnds, issued, name, opened, pair, refused, vouched

A, B, C, D = map(name, ("a.example", "b.example", "c.example", "d.example"))


class BeginningTests(SynchronousTestCase):
    """The first lists."""

    def test_by_certificate(self) -> None:
        """M8: each end tells what it takes of the certificate of the handshake, and the headers' pair is usable."""
        ends = TwoEnds({"a.example": ("a.example", "e.example")}, {"b.example": ("b.example", "a.example")})
        elements = dict(ends.elements)
        self.assertIn(b"id='0'><domain>a.example</domain><domain>e.example</domain>", elements[ends.second])
        self.assertTrue(ends.first.multiplexer.may_send(pair("a.example", "b.example")))
        self.assertFalse(ends.second.multiplexer.may_send(pair("b.example", "e.example")))

    def test_ours_left_out(self) -> None:
        """T24: a name in the peer's certificate that we host is not taken."""
        one = OneEnd()
        one.multiplexer.begin(vouched(B, (issued("b.example", "a.example").leaf,)), one.now)
        self.assertEqual([Accept(id=0, certificate=None, names=(ListedName(name=B),))], one.said())
        self.assertFalse(one.multiplexer.peers.is_open(A))

    def test_by_dialback(self) -> None:
        """M8: where dialback has proven the header's domain the first list is empty, and exchanges follow."""
        ends = TwoEnds({"a.example": ("a.example",)}, {"b.example": ("b.example",)}, by_certificate=False)
        self.assertEqual({b"<accept xmlns='urn:xmpp:mux-cert:0' id='0'></accept>"}, {data for _, data in ends.elements})
        self.assertFalse(ends.first.multiplexer.may_send(pair("a.example", "b.example")))
        ends.first.multiplexer.want(pair("a.example", "b.example"), ends.now)
        ends.settle()
        self.assertTrue(ends.first.multiplexer.may_send(pair("a.example", "b.example")))

    def test_nothing_waits(self) -> None:
        """At the beginning nothing is open, and nothing wakes it."""
        one = OneEnd()
        self.assertEqual((inf, True, 0), (one.multiplexer.deadline, one.multiplexer.is_idle, one.multiplexer.exchanges))


class PairTests(SynchronousTestCase):
    """What a pair lacks."""

    def setUp(self) -> None:
        first = {each: (each,) for each in ("a.example", "c.example")}
        second = {each: (each,) for each in ("b.example", "d.example")}
        self.ends = TwoEnds(first, second)
        self.first, self.second = (end.multiplexer for end in self.ends.ends)
        self.ends.elements.clear()

    def test_both(self) -> None:
        """M9: both domains of a new pair are asked about in one write, and usable after two round trips."""
        self.assertIsNone(self.first.want(pair("c.example", "d.example"), self.ends.now))
        self.assertEqual(2, len(self.ends.first.said))
        self.ends.settle()
        self.assertTrue(self.first.may_send(pair("c.example", "d.example")))
        kinds = [data.split(b" ")[0] for _, data in self.ends.elements]
        expected = [b"<accept", b"<offer", b"<present", b"<request"]
        self.assertEqual(expected, sorted(set(kinds)))
        self.assertEqual(7, len(kinds))

    def test_known(self) -> None:
        """M7: a pair whose domains are known lacks nothing, in either direction."""
        self.first.want(pair("c.example", "d.example"), self.ends.now)
        self.ends.settle()
        self.ends.elements.clear()
        for sender, target in (("c.example", "b.example"), ("a.example", "d.example")):
            self.assertIsNone(self.first.want(pair(sender, target), self.ends.now))
            self.assertIsNone(self.second.want(pair(target, sender), self.ends.now))
        self.ends.settle()
        self.assertEqual([], self.ends.elements)

    def test_one_refused(self) -> None:
        """M4: where one of both domains cannot be had, nothing is asked for the other."""
        self.assertIsNotNone(self.first.want(pair("nobody.example", "d.example"), self.ends.now))
        self.ends.second.hidden.add(D)
        self.first.want(pair("a.example", "d.example"), self.ends.now)
        self.ends.settle()
        self.assertEqual({D: MultiplexCondition.UNKNOWN_DOMAIN}, refused(self.ends.first.events, Whose.PEERS))
        self.ends.elements.clear()
        self.assertIsNotNone(self.first.want(pair("c.example", "d.example"), self.ends.now))
        self.assertEqual(0, len(self.ends.first.said))

    def test_others_go_on(self) -> None:
        """M4: that one domain is refused touches no other."""
        self.first.want(pair("c.example", "nobody.example"), self.ends.now)
        self.ends.settle()
        self.assertEqual({C}, opened(self.ends.first.events, Whose.OURS) - {A})
        self.assertTrue(self.first.may_send(pair("c.example", "b.example")))

    def test_counted(self) -> None:
        """What was shown and judged is counted, the handshake not."""
        self.first.want(pair("c.example", "d.example"), self.ends.now)
        self.ends.settle()
        counts = [(each.presented, each.judged, each.exchanges) for each in (self.first, self.second)]
        self.assertEqual([(1, 1, 0), (1, 1, 0)], counts)
        self.assertEqual([3, 0], [each.round_trips for each in (self.first, self.second)])

    def test_all_pairs(self) -> None:
        """M7: with ten domains on each side, eighteen proofs make a hundred pairs usable both ways."""
        first = [f"c{number}.one" for number in range(10)]
        second = [f"d{number}.two" for number in range(10)]
        ends = TwoEnds({each: (each,) for each in first}, {each: (each,) for each in second})
        for sender in first:
            for target in second:
                ends.first.multiplexer.want(pair(sender, target), ends.now)
        ends.settle()
        pairs = [pair(sender, target) for sender in first for target in second]
        self.assertTrue(all(ends.first.multiplexer.may_send(each) for each in pairs))
        self.assertTrue(all(ends.second.multiplexer.may_send(each.reversed()) for each in pairs))
        self.assertEqual(18, ends.first.multiplexer.presented + ends.second.multiplexer.presented)


class TakingTests(SynchronousTestCase):
    """Elements that mean nothing."""

    def test_unknown(self) -> None:
        """What is no element of multiplexing, or has its time over, changes nothing and is told."""
        one = OneEnd()
        unknown = b"<parley xmlns='urn:xmpp:mux-cert:0' id='2'/>"
        self.assertEqual([False, False], [one.end.take(each, one.now) for each in (unknown, Enabled().to_bytes())])
        self.assertTrue(one.hear(Offer(id=2, domain=C)))
        self.assertIsInstance(one.said()[-1], Request)

    def test_unreadable_answer(self) -> None:
        """What answers nothing and cannot be read is told, too."""
        one = OneEnd()
        broken = b"<accept xmlns='urn:xmpp:mux-cert:0' id='0' certificate='x'/>"
        self.assertFalse(one.end.take(broken, one.now))
