"""Pairs that share a stream."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.writing import MAX_WRITE_BYTES
from muxs2s.service.users import TURN_BYTES
from muxs2s.wire.errors import StanzaCondition
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.stanza import Slice
from tests.service.linkpeer import DoubleStream, LinkWorld
from tests.service.samples import A, bodies, message

PAIRS = [DomainPair(A, DomainName.parse(f"{name}.example")) for name in ("one", "two", "three")]


def of_pair(index: int, size: int = 0) -> Slice:
    """A message of one of the pairs, at least of that many bytes; its body begins with the number of the pair."""
    return message(str(index) + "x" * max(0, size - 80), target=f"y@{PAIRS[index].target}")


class UsersTestCase(SynchronousTestCase):
    """A stream that carries three pairs."""

    def setUp(self) -> None:
        self.world = LinkWorld()
        self.stream = DoubleStream()
        self.world.found = dict.fromkeys(PAIRS, self.stream)

    def push(self, *stanzas: Slice) -> None:
        """Send stanzas in one batch."""
        self.world.push_together(*stanzas)

    def sent(self, stanzas: Sequence[Slice]) -> str:
        """Whose stanzas these are, in order."""
        return "".join(body[0] for body in bodies(list(stanzas)))


class TurnTests(UsersTestCase):
    """Who sends, and how much."""

    def test_together(self) -> None:
        """Stanzas of many pairs go in one write, without a link for any of them."""
        self.push(of_pair(0), of_pair(1), of_pair(0), of_pair(2))
        self.assertEqual(("0012", []), (self.sent(self.stream.in_hand), self.world.links))

    def test_turns(self) -> None:
        """A pair that has much to send lets the others have their turns in between."""
        self.push(*[of_pair(0, TURN_BYTES)] * 3, of_pair(1), of_pair(2))
        self.assertEqual("01200", self.sent(self.stream.in_hand))

    def test_turn_in_bytes(self) -> None:
        """At the limit of a turn both stanzas are in it; a byte more, and the second waits for the next one."""
        for more, order in ((0, "001"), (1, "010")):
            self.setUp()
            first = of_pair(0)
            second = of_pair(0, 80 + TURN_BYTES - len(first.data) - len(first.data) + more)
            self.assertEqual(TURN_BYTES + more, len(first.data) + len(second.data))
            self.push(first, second, of_pair(1))
            self.assertEqual(order, self.sent(self.stream.in_hand))

    def test_who_comes_last(self) -> None:
        """Whoever had no turn in a write is the first in the next one."""
        large = MAX_WRITE_BYTES // 2 + 200
        self.push(of_pair(0, large), of_pair(0, large), of_pair(1, large), of_pair(2))
        self.assertEqual("0", self.sent(self.stream.in_hand))
        self.stream.take()
        self.assertEqual("12", self.sent(self.stream.in_hand))

    def test_outside_tls(self) -> None:
        """Outside TLS a write is one stanza, and the pairs take turns all the same."""
        self.stream.stream.is_secure = False
        self.push(of_pair(0), of_pair(0), of_pair(1))
        self.assertEqual(1, len(self.stream.in_hand))
        self.stream.pass_on()
        self.assertEqual("010", self.sent(self.stream.taken))

    def test_larger_than_a_write(self) -> None:
        """A stanza that is larger than a write goes alone."""
        self.push(of_pair(0), of_pair(1, MAX_WRITE_BYTES + 1), of_pair(2))
        writes = []
        while self.stream.in_hand:
            writes.append(self.sent(self.stream.in_hand))
            self.stream.take()
        self.assertEqual(["0", "1", "2"], writes)


class EndTests(UsersTestCase):
    """What is left when stanzas have gone, and when the stream has."""

    def test_nothing_is_kept(self) -> None:
        """When all that a pair has sent has gone, nothing is kept of it, on the stream or elsewhere."""
        self.push(of_pair(0), of_pair(1))
        self.assertEqual(2, len(list(self.world.outgoing)))
        self.stream.take()
        users = self.stream.users
        self.assertEqual((True, 0, 0), (self.world.is_clear, len(users._turns), len(users._in_hand)))

    def test_too_large_for_the_peer(self) -> None:
        """S21: what the peer does not take comes back; what others send goes, whatever the size of that write."""
        self.stream.stream.peer_limits.max_bytes = 1_000.0
        self.push(of_pair(0, 1_100), of_pair(1), of_pair(0))
        self.assertEqual(("01", [StanzaCondition.POLICY_VIOLATION]), self.outcome())
        self.stream.take()
        self.assertTrue(self.world.is_clear)

    def test_proof_that_ended(self) -> None:
        """Where one pair is no longer proven all that was taken stands in front again, and the stream ends."""
        self.stream.unproven.add(PAIRS[1])
        self.push(of_pair(0), of_pair(1), of_pair(1))
        self.assertEqual((True, []), (self.stream.closed, self.stream.in_hand))
        self.assertEqual([1, 2], sorted(len(queue) for queue in self.world.outgoing))

    def test_name_that_was_closed(self) -> None:
        """On a stream that multiplexes a pair whose name was closed goes another way; the others go on."""
        self.stream.stream.multiplexer = object()
        self.stream.unproven.add(PAIRS[1])
        self.stream.has_room = False
        self.push(of_pair(0), of_pair(1), of_pair(1), of_pair(2))
        self.world.found[PAIRS[1]] = other = DoubleStream()
        self.stream.take()
        self.assertEqual(("02", "11"), (self.sent(self.stream.in_hand), self.sent(other.in_hand)))
        self.assertFalse(self.stream.closed)

    def test_in_hand(self) -> None:
        """B11: what never left goes back to its pairs, in front; what had left does not."""
        self.push(of_pair(0), of_pair(1))
        self.push(of_pair(1, 100), of_pair(2))
        for unsent, waiting in ((True, [1, 2, 1]), (False, [1, 1])):
            stream = self.stream
            stream.gone(unsent=unsent)
            self.assertEqual(waiting, [len(queue) for queue in self.world.outgoing])
            self.setUp()
            self.push(of_pair(0), of_pair(1))
            self.push(of_pair(1, 100), of_pair(2))

    def outcome(self) -> tuple[str, list[StanzaCondition]]:
        """Whose stanzas were sent, and why others came back."""
        return self.sent(self.stream.in_hand), [condition for _, condition, _ in self.world.bounces]


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("push"), st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0, 900, 9_000])), max_size=9)
        ),
        st.tuples(st.sampled_from(["take", "lose", "lose unsent"]), st.just([])),
    ),
    max_size=30,
)


class AnyOrderTests(UsersTestCase):
    """Whatever is sent, and however often the stream breaks."""

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(steps=STEPS)
    def test_every_stanza_leaves_once(self, steps: list[tuple[str, list[tuple[int, int]]]]) -> None:
        """B11: every stanza leaves once, and those of each pair in the order in which they came."""
        self.setUp()
        wanted: list[Slice] = []
        left: list[Slice] = []
        for step, given_ in steps:
            if step == "push":
                stanzas = [
                    of_pair(index, size)._replace(id=str(len(wanted) + n)) for n, (index, size) in enumerate(given_)
                ]
                wanted += stanzas
                self.push(*stanzas)
            elif step == "take":
                self.stream.take()
            else:
                self.lose(unsent=step == "lose unsent", left=left)
        self.stream.pass_on()
        left += self.stream.taken
        for pair in PAIRS:
            self.assertEqual(
                [each.id for each in wanted if each.pair == pair], [each.id for each in left if each.pair == pair]
            )

    def lose(self, *, unsent: bool, left: list[Slice]) -> None:
        """Let the stream break; another one takes what it has not."""
        left += self.stream.taken
        left += [] if unsent else self.stream.in_hand
        self.stream.gone(unsent=unsent)
        self.stream = DoubleStream()
        self.world.found = dict.fromkeys(PAIRS, self.stream)
        self.world.open_all(self.stream)
