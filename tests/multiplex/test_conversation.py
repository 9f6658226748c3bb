"""Ids, bounds and pauses of a conversation."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import Offer, Present, Reject, Request, Revoke, Revoked, Withdraw, Withdrawn
from muxs2s.multiplex.events import DomainRefused, Whose
from muxs2s.multiplex.limits import MultiplexLimits
from tests.multiplex.twoends import OneEnd, TwoEnds, name, pair, refused, rejected

C, D = name("c.example"), name("d.example")


class IdTests(SynchronousTestCase):
    """Who begins what."""

    def test_kinds(self) -> None:
        """What the initiating server begins has odd ids, what the receiving server begins even ones, each higher."""
        for initiates, expected in ((True, [1, 3, 5, 7]), (False, [2, 4, 6, 8])):
            one = OneEnd("c.example", "d.example", initiates=initiates)
            one.want("c.example", "x.example")
            one.want("d.example", "y.example")
            said = [element.id for element in one.said() if isinstance(element, Offer | Request)]
            self.assertEqual(expected, sorted(said))

    def test_gaps(self) -> None:
        """The ids of the peer may have gaps; one that does not rise begins nothing, and is no fault."""
        one = OneEnd()
        self.assertTrue(one.hear(Offer(id=2, domain=C), Offer(id=10, domain=D)))
        one.said()
        one.hear(Reject(id=10, condition=MultiplexCondition.TIMEOUT))
        self.assertTrue(one.hear(Offer(id=10, domain=D), Offer(id=4, domain=D)))
        self.assertEqual([], one.said())

    def test_other_kind(self) -> None:
        """An offer with an id of the reader's own kind begins nothing, and counts as ignored unless it was given."""
        one = OneEnd("c.example")
        self.assertFalse(one.hear(Offer(id=1, domain=D)))
        one.want("c.example", "b.example")
        self.assertFalse(one.hear(Offer(id=1, domain=D)))
        self.assertEqual(1, len(one.said()))

    def test_never_begun(self) -> None:
        """What belongs to an id that was never begun is ignored and counted, whichever element it is."""
        one = OneEnd()
        condition = MultiplexCondition.TIMEOUT
        never = (Present(id=1, data=b"x"), Reject(id=4, condition=condition), Withdrawn(id=6), Revoked(id=3))
        self.assertEqual([False] * 4, [one.hear(element) for element in never])

    def test_over(self) -> None:
        """What belongs to an exchange that is over is ignored, and not counted."""
        one = OneEnd()
        one.hear(Offer(id=2, domain=C))
        one.hear(Reject(id=2, condition=MultiplexCondition.TIMEOUT))
        late = (Present(id=2, data=b"x"), Reject(id=2, condition=MultiplexCondition.TIMEOUT), Revoked(id=2))
        self.assertEqual([True] * 3, [one.hear(element) for element in late])

    def test_wrong_element(self) -> None:
        """What does not fit its open exchange is ignored and counted, and the exchange goes on."""
        one = OneEnd("c.example")
        one.hear(Offer(id=2, domain=D))
        one.want("c.example", "b.example")
        fits_not = (Present(id=1, data=b""), Withdrawn(id=2), Request(id=1, domain=D, data=b"x"), Offer(id=2, domain=D))
        self.assertEqual([False] * 4, [one.hear(element) for element in fits_not])
        self.assertEqual(2, one.multiplexer.exchanges)


class PendingTests(SynchronousTestCase):
    """Exchanges that are open at a time."""

    def test_ours(self) -> None:
        """As many exchanges are begun as the peer lets be open; the rest begins as they end, in order."""
        domains = [f"c{number}.example" for number in range(5)]
        one = OneEnd(*domains, max_pending=2)
        for domain in domains:
            self.assertIsNone(one.want(domain, "b.example"))
        self.assertEqual([1, 3], [offer.id for offer in one.said() if isinstance(offer, Offer)])
        one.hear(Reject(id=3, condition=MultiplexCondition.TIMEOUT))
        self.assertEqual([Offer(id=5, domain=name("c2.example"))], one.said())

    def test_opened_in_line(self) -> None:
        """A domain that is accepted while it stands in line is not offered any more."""
        one = OneEnd("c.example", max_pending=1)
        one.want("c.example", "b.example")
        one.want("a.example", "b.example")
        one.accept("a.example")
        one.said()
        one.hear(Reject(id=1, condition=MultiplexCondition.TIMEOUT))
        self.assertEqual([], one.said())

    def test_peers(self) -> None:
        """Of what the peer begins max-pending may be open; one more is rejected with too-many, and the rest goes on."""
        one = OneEnd(limits=MultiplexLimits(max_pending=2))
        one.hear(*(Offer(id=id, domain=name(f"c{id}.example")) for id in (2, 4, 6)))
        self.assertEqual([(6, MultiplexCondition.TOO_MANY)], rejected(one.said()))
        one.hear(Reject(id=2, condition=MultiplexCondition.TIMEOUT), Request(id=8, domain=name("a.example"), data=b""))
        self.assertEqual([], rejected(one.said()))
        one.hear(Request(id=10, domain=name("a.example"), data=b""))
        self.assertEqual([(10, MultiplexCondition.TOO_MANY)], rejected(one.said()))

    def test_both_ends(self) -> None:
        """M9: two ends that want 300 domains of each other at once get all, 64 at a time, and refuse nothing."""
        ends = TwoEnds(
            {f"c{number}.one": (f"c{number}.one",) for number in range(300)},
            {f"d{number}.two": (f"d{number}.two",) for number in range(300)},
        )
        for number in range(300):
            ends.first.multiplexer.want(pair(f"c{number}.one", f"d{number}.two"), ends.now)
        ends.settle()
        self.assertTrue(all(ends.first.multiplexer.may_send(pair(f"c{n}.one", f"d{n}.two")) for n in range(300)))
        self.assertEqual({}, refused(ends.first.events, Whose.OURS) | refused(ends.second.events, Whose.OURS))


class PauseTests(SynchronousTestCase):
    """The peer has had too many."""

    def test_pause(self) -> None:
        """After too-many no exchange is begun for a minute, whatever it is for; then they are."""
        one = OneEnd("c.example", "d.example", max_pending=1)
        one.want("c.example", "b.example")
        one.want("d.example", "b.example")
        one.hear(Reject(id=1, condition=MultiplexCondition.TOO_MANY))
        refusals = [event for event in one.end.told(DomainRefused) if isinstance(event, DomainRefused)]
        self.assertEqual([(C, 1_060.0), (D, 1_060.0)], [(event.domain, event.retry_at) for event in refusals])
        one.pass_time(59.0)
        self.assertEqual(1_060.0, getattr(one.want("a.example", "x.example"), "retry_at", None))
        one.pass_time(1.0)
        self.assertIsNone(one.want("d.example", "b.example"))
        self.assertEqual(Offer(id=3, domain=D), one.said()[-1])

    def test_told(self) -> None:
        """What the peer says of when to try again counts for the pause."""
        one = OneEnd("c.example", "d.example")
        one.want("c.example", "b.example")
        one.hear(Reject(id=1, condition=MultiplexCondition.TOO_MANY, retry_seconds=5.0))
        self.assertEqual(1_005.0, getattr(one.want("d.example", "b.example"), "retry_at", None))

    def test_unanswered(self) -> None:
        """M4: where the peer has let time run out for all it may have open, nothing waits for its turn for ever."""
        one = OneEnd("c.example", "d.example", max_pending=1)
        one.want("c.example", "b.example")
        one.hear(Request(id=1, domain=C, data=b"peer 1: c.example"))
        one.multiplexer.present(1, b"proof", one.now)
        one.want("d.example", "b.example")
        one.pass_time(60.0)
        self.assertEqual(
            {C: MultiplexCondition.TIMEOUT, D: MultiplexCondition.TOO_MANY}, refused(one.end.events, Whose.OURS)
        )
        one.pass_time(60.0)
        self.assertEqual(1_180.0, getattr(one.want("d.example", "b.example"), "retry_at", None))
        one.said()
        one.hear(Reject(id=1, condition=MultiplexCondition.POLICY_VIOLATION))
        self.assertIsNone(one.want("d.example", "b.example"))
        self.assertEqual([Offer(id=3, domain=D)], one.said())

    def test_unanswered_in_part(self) -> None:
        """M4: as long as the peer ends some of them, or has begun those itself that it does not end, others follow."""
        one = OneEnd("c.example", "d.example", "e.example", max_pending=2)
        one.hear(Request(id=2, domain=C, data=b"peer 2: c.example"))
        one.multiplexer.present(2, b"proof", one.now)
        one.want("d.example", "b.example")
        one.hear(Request(id=1, domain=D, data=b"peer 1: d.example"))
        one.multiplexer.present(1, b"proof", one.now)
        one.pass_time(60.0)
        one.said()
        one.want("e.example", "b.example")
        self.assertEqual([Offer(id=3, domain=name("e.example"))], one.said())

    def test_ours(self) -> None:
        """That we have had too many of the peer does not keep us from beginning."""
        one = OneEnd("c.example", limits=MultiplexLimits(max_domains=1))
        one.hear(Offer(id=2, domain=D))
        self.assertEqual([(2, MultiplexCondition.TOO_MANY)], rejected(one.said()))
        self.assertIsNone(one.want("c.example", "b.example"))

    def test_line(self) -> None:
        """As many domains stand in line as may be kept; one more is refused at once."""
        domains = [f"c{number}.example" for number in range(4)]
        one = OneEnd(*domains, limits=MultiplexLimits(max_domains=2), max_pending=1)
        found = [one.want(domain, "b.example") for domain in domains]
        self.assertEqual([None, None, None], found[:3])
        self.assertIs(MultiplexCondition.TOO_MANY, getattr(found[3], "condition", None))


class FailureTests(SynchronousTestCase):
    """Exchanges that the peer makes fail."""

    LIMITS = MultiplexLimits(max_failures=3)

    def make_fail(self, one: OneEnd, *ids: int) -> list[tuple[int, MultiplexCondition]]:
        """Have the peer ask for domains that are not here; what it hears."""
        one.hear(*(Request(id=id, domain=name("nobody.example"), data=b"x") for id in ids))
        return rejected(one.said())

    def test_limit(self) -> None:
        """So many may fail in ten minutes; one more, and whatever the peer begins, is too-many for ten minutes."""
        one = OneEnd(limits=self.LIMITS)
        self.assertEqual({MultiplexCondition.UNKNOWN_DOMAIN}, {each for _, each in self.make_fail(one, 2, 4, 6)})
        self.assertEqual([(8, MultiplexCondition.TOO_MANY)], self.make_fail(one, 8))
        one.pass_time(500.0)
        one.hear(Offer(id=10, domain=C))
        self.assertEqual(
            [
                Reject(
                    id=10, condition=MultiplexCondition.TOO_MANY, retry_seconds=100.0, text="too many exchanges failed"
                )
            ],
            one.said(),
        )
        one.pass_time(100.0)
        self.assertEqual([(12, MultiplexCondition.UNKNOWN_DOMAIN)], self.make_fail(one, 12))

    def test_hidden(self) -> None:
        """To ask for a hidden domain counts as to ask for one of nobody."""
        one = OneEnd("c.example", limits=MultiplexLimits(max_failures=1))
        one.end.hidden.add(C)
        one.hear(Request(id=2, domain=C, data=b"x"), Offer(id=4, domain=D))
        expected = [(2, MultiplexCondition.UNKNOWN_DOMAIN), (4, MultiplexCondition.TOO_MANY)]
        self.assertEqual(expected, rejected(one.said()))

    def test_slowly(self) -> None:
        """What fails over more than ten minutes closes no door."""
        one = OneEnd(limits=self.LIMITS)
        self.make_fail(one, 2, 4)
        one.pass_time(600.0)
        self.assertEqual({MultiplexCondition.UNKNOWN_DOMAIN}, {each for _, each in self.make_fail(one, 6, 8)})

    def test_default(self) -> None:
        """A thousand may fail, and one more is too many."""
        one = OneEnd()
        heard = self.make_fail(one, *range(2, 2_004, 2))
        self.assertEqual((999, MultiplexCondition.UNKNOWN_DOMAIN), (len(heard) - 2, heard[-2][1]))
        self.assertEqual((2_002, MultiplexCondition.TOO_MANY), heard[-1])

    def test_not_to_blame(self) -> None:
        """What fails for our own fault, or for nobody's, does not count against the peer."""
        one = OneEnd("c.example", limits=MultiplexLimits(max_failures=1))
        one.want("c.example", "d.example")
        one.end.certificates.clear()
        one.hear(Request(id=1, domain=C, data=b"first 1: c.example"))
        one.hear(Reject(id=3, condition=MultiplexCondition.UNKNOWN_DOMAIN))
        self.assertEqual([(1, MultiplexCondition.UNKNOWN_DOMAIN)], rejected(one.said()))
        one.hear(Offer(id=2, domain=D))
        self.assertEqual([], rejected(one.said()))

    def test_peer_gives_up(self) -> None:
        """A peer that offers, and then rejects what it was asked for, is to blame."""
        one = OneEnd(limits=MultiplexLimits(max_failures=1))
        one.hear(Offer(id=2, domain=D), Reject(id=2, condition=MultiplexCondition.UNKNOWN_DOMAIN))
        one.said()
        one.hear(Offer(id=4, domain=D))
        self.assertEqual([(4, MultiplexCondition.TOO_MANY)], rejected(one.said()))

    def test_bad_request(self) -> None:
        """A peer that asks badly for what was offered is to blame."""
        one = OneEnd("c.example", limits=MultiplexLimits(max_failures=1))
        one.want("c.example", "b.example")
        one.hear(Request(id=1, domain=C, data=b"nonsense"), Offer(id=2, domain=D))
        expected = [(1, MultiplexCondition.BAD_REQUEST), (2, MultiplexCondition.TOO_MANY)]
        self.assertEqual(expected, rejected(one.said()))


class WithdrawIdTests(SynchronousTestCase):
    """Removals have ids, too."""

    def test_once(self) -> None:
        """A removal that comes twice with one id is one; while it is open, the second is counted as ignored."""
        one = OneEnd()
        one.prove(2, "d.example")
        one.said()
        self.assertTrue(one.hear(Withdraw(id=4, names=(D,))))
        self.assertFalse(one.hear(Withdraw(id=4, names=(D,))))
        self.assertTrue(one.hear(Withdrawn(id=4)))
        self.assertTrue(one.hear(Withdraw(id=4, names=(D,))))
        revoke = Revoke(id=4, certificate=0, names=(), condition=MultiplexCondition.REPLACED)
        self.assertTrue(one.hear(revoke))
        self.assertEqual([Withdrawn(id=4)], one.said())
