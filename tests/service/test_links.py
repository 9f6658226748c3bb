"""The way from a domain of ours to one of a peer: when it dials, rests, bounces and ends."""

from __future__ import annotations

import gc
from itertools import islice
from weakref import ref

from automat import NoTransition
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.writing import MAX_WRITE_BYTES
from muxs2s.service.links import REDIAL_SECONDS
from muxs2s.service.linkseams import StreamUnavailable
from muxs2s.service.queues import PairQueue, QueueLimits
from muxs2s.wire.errors import LocalMisuse, StanzaCondition
from tests.garbage import leave_out_what_is_there
from tests.service import draw_link
from tests.service.linkpeer import DoubleStream, LinkWorld
from tests.service.samples import PAIR, bodies, message, of_size

TIMEOUT = StanzaCondition.REMOTE_SERVER_TIMEOUT
NOT_FOUND = StanzaCondition.REMOTE_SERVER_NOT_FOUND
POLICY = StanzaCondition.POLICY_VIOLATION

GRID = """
              idle     resting   dialling  over
missed        idle     -         -         -
stanzas_wait  resting  resting   dialling  over
nothing_waits over     idle      dialling  over
overdue       -        resting   dialling  -
rested        -        dialling  -         -
reached       idle     dialling  dialling  over
opened        -        -         over      -
refused       -        -         idle      over
stop          over     over      over      over
"""
"""
Where each input leads. A stroke is what cannot come: the timer is cancelled by whoever leaves its state, an
attempt ends once, a queue loses its stream before its link is made, and no alarm rings for a link that is over.
"""


class LinkTestCase(SynchronousTestCase):
    """A link and its world."""

    def setUp(self) -> None:
        self.world = LinkWorld()
        self.clock = self.world.clock

    def assert_bounced(self, texts: list[str], condition: StanzaCondition = TIMEOUT) -> None:
        """What has come back so far, all of it for the same reason."""
        self.assertEqual((texts, {condition}), (self.world.returned, self.world.conditions))


class SendingTests(LinkTestCase):
    """From the first stanza to a stream that carries them all."""

    def test_first_stanza_dials(self) -> None:
        """The first stanza makes the link dial, once, and wait for the stream."""
        self.world.push("1", "2")
        self.assertEqual("resting", self.world.state)
        self.clock.advance(0)
        self.world.push("3")
        self.assertEqual(("dialling", 1), (self.world.state, len(self.world.dials)))

    def test_everything_in_order(self) -> None:
        """B11: what waited for the stream and what comes later go out in the order they came."""
        carrier = self.world.open("1", "2", "3")
        self.world.push("4")
        self.assertEqual(["1", "2", "3", "4"], carrier.pass_on())
        self.assertEqual([], self.world.bounces)

    def test_one_write_at_a_time(self) -> None:
        """The stream is given what fits one write, and more only when that has gone."""
        small, big = message("small"), of_size(MAX_WRITE_BYTES // 2 + 1)
        self.world.push_stanzas(small, big, big)
        self.clock.advance(0)
        carrier = self.world.succeed()
        self.assertEqual([small, big], carrier.in_hand)
        self.world.push_stanzas(small)
        self.assertEqual([small, big], carrier.in_hand)
        carrier.take()
        self.assertEqual([big, small], carrier.in_hand)

    def test_exactly_one_write(self) -> None:
        """Stanzas that just fill a write go together; a byte more, and the last one waits."""
        for size, together in ((MAX_WRITE_BYTES // 2, 2), (MAX_WRITE_BYTES // 2 + 1, 1)):
            world = LinkWorld()
            world.push_stanzas(of_size(MAX_WRITE_BYTES // 2), of_size(size))
            world.clock.advance(0)
            self.assertEqual(together, len(world.succeed().in_hand))

    def test_stream_without_room(self) -> None:
        """A stream that has no room at first is given stanzas when it has."""
        self.world.dialling("1")
        carrier = DoubleStream()
        carrier.has_room = False
        self.world.succeed(carrier)
        self.assertEqual([], carrier.in_hand)
        carrier.take()
        self.assertEqual(["1"], bodies(carrier.in_hand))

    def test_proof_that_ended(self) -> None:
        """A stream on which the pair is no longer proven is closed; the stanzas go out on the next one."""
        carrier = self.world.open("1")
        self.world.push("2")
        carrier.unproven.add(PAIR)
        carrier.take()
        self.assertTrue(carrier.closed)
        carrier.gone(unsent=False)
        self.clock.advance(REDIAL_SECONDS)
        self.assertEqual(["2"], bodies(self.world.succeed().in_hand))


class PeerLimitTests(LinkTestCase):
    """The peer has said how large a stanza may be."""

    def test_larger(self) -> None:
        """S21: a stanza of that size is sent; one byte more, and it comes back, alone."""
        world = LinkWorld()
        world.dialling("1")
        world.push_stanzas(of_size(10_001, "2"), of_size(10_000, "3"), of_size(10_001, "4"), message("5"))
        carrier = DoubleStream()
        carrier.stream.peer_limits.max_bytes = 10_000.0
        world.succeed(carrier)
        self.assertEqual(["1", "3", "5"], [text[:1] for text in carrier.pass_on()])
        self.assertEqual((["2", "4"], {POLICY}), ([text[:1] for text in world.returned], world.conditions))
        self.assertIn("takes stanzas of 10000 bytes at most", world.bounces[0][2])

    def test_nothing_else(self) -> None:
        """S21: where everything is too large nothing is sent, and nothing is left of it."""
        world = LinkWorld()
        carrier = DoubleStream()
        carrier.stream.peer_limits.max_bytes = 10_000.0
        world.found[PAIR] = carrier
        world.push_stanzas(of_size(10_001, "1"))
        self.assertEqual(([], 1, True), (carrier.in_hand, len(world.returned), world.is_clear))
        world.push("2")
        self.assertEqual(["2"], carrier.pass_on())


class RefusedTests(LinkTestCase):
    """No stream can be had."""

    def test_failure_is_not_waited_for(self) -> None:
        """When an attempt fails, at once or later, the link goes on: it rests, dials again, and sends."""
        self.world.refuse_at_once = StreamUnavailable(TIMEOUT, "not today", final=False)
        self.world.dialling("1")
        self.assertEqual("resting", self.world.state)
        self.world.refuse_at_once = None
        self.clock.advance(5.0)
        self.world.refuse()
        self.clock.advance(10.0)
        self.assertEqual(["1"], bodies(self.world.succeed().in_hand))

    def test_backs_off(self) -> None:
        """S27: each failure in a row doubles the rest: 5, 10, 20, 40 seconds here, where chance takes nothing off."""
        world = LinkWorld(QueueLimits(max_age_seconds=1_000.0))
        world.dialling("1")
        for attempts, rest in enumerate((5.0, 10.0, 20.0, 40.0), 1):
            world.refuse()
            world.clock.advance(rest - 0.1)
            self.assertEqual(attempts, len(world.dials))
            world.clock.advance(0.1)
            self.assertEqual(attempts + 1, len(world.dials))

    def test_success_ends_it(self) -> None:
        """S27: a stream that was had lets the next failure begin with five seconds again."""
        self.world.dialling("1")
        self.world.refuse()
        self.clock.advance(5.0)
        self.world.succeed()
        self.world.stream.gone(unsent=True)
        self.clock.advance(REDIAL_SECONDS)
        self.world.refuse()
        self.clock.advance(5.0)
        self.assertEqual("dialling", self.world.state)

    def test_final(self) -> None:
        """S17: what can not be reached at all brings everything back at once, with its own condition."""
        self.world.dialling("1", "2")
        self.world.refuse(final=True, condition=NOT_FOUND)
        self.assert_bounced(["1", "2"], NOT_FOUND)
        self.assertTrue(self.world.is_clear)

    def test_not_final(self) -> None:
        """S17: otherwise stanzas wait for another attempt until they are too old; then the last reason is given."""
        self.world.dialling("1")
        self.world.refuse()
        self.assertEqual([], self.world.bounces)
        self.clock.advance(5.0)
        self.clock.advance(54.9)
        self.assertEqual([], self.world.bounces)
        self.clock.advance(0.1)
        self.assertEqual(["1"], self.world.returned)

    def test_long_rest(self) -> None:
        """A stanza that would be too old before the next attempt comes back at once, with the last reason."""
        for _ in range(5):
            self.world.backoff.fail(0.0, StreamUnavailable(NOT_FOUND, "not today", final=True))
        self.world.push("1")
        self.assert_bounced(["1"], NOT_FOUND)
        self.assertEqual("not today", self.world.bounces[0][2])
        self.assertEqual(0, len(self.world.dials))
        self.assertTrue(self.world.is_clear)

    def test_rest_as_long_as_the_age(self) -> None:
        """At the limit: who would be too old when the rest ends comes back, who would be a moment younger waits."""
        for age, returned in ((5.0, ["1"]), (5.1, [])):
            world = LinkWorld(QueueLimits(max_age_seconds=age))
            world.dialling("1")
            world.refuse()
            self.assertEqual(returned, world.returned)

    def test_only_the_older(self) -> None:
        """When a rest begins only those come back that it outlasts."""
        self.world.dialling("1")
        self.clock.advance(58.0)
        self.world.push("2")
        self.world.refuse()
        self.assert_bounced(["1"])
        self.clock.advance(5.0)
        self.assertEqual(["2"], bodies(self.world.succeed().in_hand))

    def test_unexpected_failure(self) -> None:
        """An attempt that fails in a way it must not is logged, and what waited comes back."""
        self.world.dialling("1").errback(ZeroDivisionError())
        self.assert_bounced(["1"], StanzaCondition.INTERNAL_SERVER_ERROR)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_failure_is_remembered_alone(self) -> None:
        """What failed is remembered for long, but not what was at hand when it failed, which may be much."""
        leave_out_what_is_there(self)
        at_hand = Clock()
        held = ref(at_hand)
        why = StreamUnavailable(TIMEOUT, "not today", final=False)
        why.__context__ = LocalMisuse(at_hand)
        self.world.dialling("1").errback(why)
        del at_hand, why
        gc.collect()
        self.assertEqual("not today", str(self.world.backoff.why))
        self.assertIsNone(held())

    def test_broken_stream_object(self) -> None:
        """A fault of ours while the stream is taken over is logged."""
        self.world.dialling("1")
        carrier = DoubleStream()
        carrier.users.serve = None  # type: ignore[assignment, method-assign]  # the fault
        self.world.succeed(carrier)
        self.assertEqual(1, len(self.flushLoggedErrors(TypeError)))

    def test_peer_comes_back(self) -> None:
        """A peer that proves itself to us is dialled at once, however long the rest was to be."""
        self.world.dialling("1")
        self.world.refuse()
        self.world.outgoing.reached(PAIR)
        self.assertEqual((2, None), (len(self.world.dials), self.world.backoff.why))
        self.assertEqual(["1"], bodies(self.world.succeed().in_hand))


class AgeTests(LinkTestCase):
    """Stanzas that wait too long come back, whatever the link does meanwhile."""

    def age(self) -> None:
        """Let stanzas get as old as they may."""
        self.clock.advance(59.9)
        self.assertEqual([], self.world.bounces)
        self.clock.advance(0.1)

    def test_dialling(self) -> None:
        """S17: while a stream is being opened; the attempt goes on."""
        self.world.dialling("1", "2")
        self.age()
        self.assert_bounced(["1", "2"])
        self.world.push("3")
        self.assertEqual(["3"], bodies(self.world.succeed().in_hand))

    def test_open(self) -> None:
        """S17: while a stream has no room; what it was given last does not come back."""
        carrier = self.world.open("1")
        self.world.push("2")
        self.age()
        self.assert_bounced(["2"])
        self.assertEqual(["1"], carrier.pass_on())

    def test_parting(self) -> None:
        """S17: while a stream is closing."""
        self.world.open("1")
        self.world.stream.close()
        self.world.push("2")
        self.age()
        self.assert_bounced(["2"])

    def test_each_at_its_time(self) -> None:
        """One alarm is enough for all: each stanza comes back when it is 60 seconds old."""
        self.world.dialling("1")
        self.clock.advance(10.0)
        self.world.push("2")
        self.clock.advance(50.0)
        self.assertEqual(["1"], self.world.returned)
        self.clock.advance(9.9)
        self.assertEqual(["1"], self.world.returned)
        self.clock.advance(0.1)
        self.assertEqual(["1", "2"], self.world.returned)

    def test_alarm_while_resting(self) -> None:
        """An alarm that rings for a stanza long gone does not leave the next one without."""
        self.world.dialling("1")
        self.world.refuse()
        self.clock.advance(58.0)
        self.world.push("2")
        self.world.refuse()
        self.assertEqual(["1"], self.world.returned)
        self.clock.advance(2.0)
        self.assertEqual("resting", self.world.state)
        self.clock.advance(57.9)
        self.assertEqual(["1"], self.world.returned)
        self.clock.advance(0.1)
        self.assertEqual(["1", "2"], self.world.returned)

    def test_text(self) -> None:
        """S17: where nothing has failed the text says that the peer took too long."""
        self.world.dialling("1")
        self.age()
        self.assertEqual("b.example did not take the stanza in time", self.world.bounces[0][2])

    def test_put_back_too_late(self) -> None:
        """What a broken stream gives back and is too old by then comes back at once."""
        self.world.open("1")
        self.clock.advance(61.0)
        self.world.stream.gone(unsent=True)
        self.assert_bounced(["1"])
        self.assertTrue(self.world.is_clear)


class BrokenStreamTests(LinkTestCase):
    """A stream ends."""

    def test_unsent(self) -> None:
        """B11: what never left goes out on the next stream, in front of what came later."""
        self.world.open("1")
        self.world.push("2")
        self.world.stream.close()
        self.world.stream.gone(unsent=True)
        self.clock.advance(REDIAL_SECONDS)
        self.assertEqual(["1", "2"], self.world.succeed().pass_on())

    def test_sent(self) -> None:
        """What has left is not sent again: it may have arrived."""
        self.world.open("1")
        self.world.push("2")
        self.world.stream.close()
        self.world.stream.gone(unsent=False)
        self.clock.advance(REDIAL_SECONDS)
        self.assertEqual(["2"], self.world.succeed().pass_on())

    def test_without_warning(self) -> None:
        """A stream may be gone without having been closed."""
        self.world.open("1")
        self.world.stream.gone(unsent=True)
        self.clock.advance(REDIAL_SECONDS)
        self.assertEqual(["1"], bodies(self.world.succeed().in_hand))

    def test_redialled_at_random(self) -> None:
        """S27: a stream that is missed is dialled again within a second, at random; not a second later."""
        for chance in (0.0, 0.5, 0.999):
            world = LinkWorld()
            world.chance = chance
            world.open("1")
            world.stream.gone(unsent=True)
            world.clock.advance(chance * REDIAL_SECONDS - 0.001)
            self.assertEqual(1, len(world.dials))
            world.clock.advance(0.002)
            self.assertEqual(2, len(world.dials))

    def test_streams_that_take_nothing(self) -> None:
        """
        S27: a peer that takes streams, but no stanza on them, is dialled ever more rarely.

        The first such stream may be an accident and is dialled again at once; from the second on it is a failure.
        """
        for unsent in (True, False):
            world = LinkWorld(QueueLimits(max_age_seconds=1_000.0))
            world.dialling("1")
            for attempts, rest in enumerate((REDIAL_SECONDS / 2, 5.0, 10.0, 20.0), 1):
                carrier = DoubleStream()
                carrier.has_room = unsent  # it is given a stanza that never leaves, or not even given one
                world.succeed(carrier)
                carrier.close()
                carrier.gone(unsent=unsent)
                world.clock.advance(rest - 0.1)
                self.assertEqual(attempts, len(world.dials))
                world.clock.advance(0.1)
                self.assertEqual(attempts + 1, len(world.dials))

    def test_stream_that_takes_something(self) -> None:
        """S27: a stream on which something went its way makes up for those before it that took nothing."""
        world = LinkWorld(QueueLimits(max_age_seconds=1_000.0))
        world.open("1")
        world.stream.gone(unsent=True)
        world.clock.advance(REDIAL_SECONDS)
        carrier = world.succeed()
        world.push("2")
        carrier.take()
        world.stream.gone(unsent=True)
        world.clock.advance(REDIAL_SECONDS)
        self.assertEqual(["2"], bodies(world.succeed().in_hand))

    def test_why_nothing_was_taken(self) -> None:
        """S17: what comes back from a peer that takes streams but no stanzas says so."""
        self.world.open("1")
        while not self.world.bounces:
            if self.world.state == "dialling":
                self.world.succeed()
            elif self.world.state == "over":
                self.world.stream.gone(unsent=True)
            self.clock.advance(1.0)
        self.assert_bounced(["1"])
        self.assertEqual(
            "b.example accepts streams and ends them before it has taken a stanza", self.world.bounces[0][2]
        )

    def test_not_missed(self) -> None:
        """A stream that nothing waits for is not dialled again; the link is forgotten and leaves no timer."""
        self.world.open("1").pass_on()
        self.world.stream.gone(unsent=False)
        self.assertEqual((True, 1), (self.world.is_clear, len(self.world.links)))
        self.assertEqual(0, self.world.budget.stanzas)

    def test_nothing_more_on_a_closing_stream(self) -> None:
        """Once a stream is closing nothing is sent on it, not even if it had room."""
        carrier = self.world.open("1")
        carrier.close()
        carrier.take()
        self.world.push("2")
        self.assertEqual([], carrier.in_hand)


class StopTests(LinkTestCase):
    """The link is stopped: the domain of ours, or the service, goes away."""

    def assert_stopped(self, texts: list[str]) -> None:
        """Stop; what has come back."""
        self.world.stop()
        self.assert_bounced(texts)
        self.assertEqual(
            "a.example went out of service before b.example had taken the stanza", self.world.bounces[0][2]
        )
        self.assertEqual(("over", []), (self.world.state, self.clock.getDelayedCalls()))

    def test_idle(self) -> None:
        """Where nothing waits nothing comes back; what is sent afterwards waits for the next stop."""
        self.world.stop()
        self.assertEqual([], self.world.bounces)
        self.world.push("1")
        self.assert_stopped(["1"])

    def test_resting(self) -> None:
        """What waits for the end of a rest comes back."""
        self.world.dialling("1")
        self.world.refuse()
        self.world.push("2")
        self.assert_stopped(["1", "2"])

    def test_dialling(self) -> None:
        """An attempt is cancelled, and what waits for it comes back."""
        self.world.dialling("1")
        self.assert_stopped(["1"])
        self.assertEqual(1, self.world.cancelled)

    def test_open(self) -> None:
        """What waits comes back at once, what the stream was given if it is known not to have left."""
        for unsent, returned in ((True, ["2", "1"]), (False, ["2"])):
            self.setUp()
            self.world.open("1")
            self.world.push("2")
            self.assert_stopped(["2"])
            self.world.stream.close()
            self.world.stream.gone(unsent=unsent)
            self.assert_bounced(returned)

    def test_parting(self) -> None:
        """The same if the stream was closing already."""
        self.world.open("1")
        self.world.stream.close()
        self.world.push("2")
        self.assert_stopped(["2"])
        self.world.stream.gone(unsent=True)
        self.assert_bounced(["2", "1"])

    def test_twice(self) -> None:
        """Stopping again, and a peer that comes back then, change nothing."""
        self.world.push("1")
        self.assert_stopped(["1"])
        self.world.outgoing.reached(PAIR)
        self.assert_stopped(["1"])


class ReentranceTests(LinkTestCase):
    """Whoever gets a stanza back may do something at once."""

    def answer_bounces(self, *texts: str) -> None:
        """Send one new message after the other whenever something comes back."""
        answers = iter(texts)
        self.world.on_bounce = lambda: self.world.push(*islice(answers, 1))

    def test_sends_again(self) -> None:
        """What is sent from within a bounce waits like anything else, and the link goes on."""
        self.answer_bounces("2")
        self.world.dialling("1")
        self.world.refuse(final=True)
        self.assertEqual(["1"], self.world.returned)
        self.clock.advance(5.0)
        self.assertEqual(["2"], bodies(self.world.succeed().in_hand))

    def test_sends_into_a_long_rest(self) -> None:
        """What is sent from within a bounce while the link rests for long comes back as well; then it is over."""
        for _ in range(9):
            self.world.backoff.fail(0.0)
        self.answer_bounces("2", "3", "4")
        self.world.push("1")
        self.assertEqual(["1", "2", "3", "4"], self.world.returned)
        self.assertEqual(("over", True), (self.world.state, self.world.is_clear))

    def test_stops(self) -> None:
        """The link is stopped from within a bounce."""
        self.world.on_bounce = self.world.stop
        self.world.dialling("1")
        self.world.refuse(final=True)
        self.assertEqual(("over", []), (self.world.state, self.clock.getDelayedCalls()))


class MachineTests(SynchronousTestCase):
    """The machine as a whole."""

    def expected(self) -> dict[tuple[str, str], str]:
        """The grid as a table."""
        head, *lines = GRID.strip().splitlines()
        rows = [(given, dict(zip(head.split(), cells, strict=True))) for given, *cells in map(str.split, lines)]
        return {(state, given): after for given, row in rows for state, after in row.items()}

    def test_every_pair(self) -> None:
        """Every input leads in every state where the grid says, and nowhere else."""
        self.assertEqual({pair: to for pair, to in self.expected().items() if to != "-"}, draw_link.table())

    def test_what_cannot_come(self) -> None:
        """An input that cannot come in a state is a fault of ours, and says so."""
        impossible = [pair for pair, to in self.expected().items() if to == "-"]
        self.assertGreater(len(impossible), 10)
        for state, given in impossible:
            world = LinkWorld()
            self.bring(world, state)
            arguments = {"opened": (DoubleStream().users,), "refused": (None,)}.get(given, ())
            self.assertRaises(NoTransition, getattr(world.link, given), *arguments)

    def test_drawing(self) -> None:
        """The drawing is what the machine does; after a change, run ``python -m tests.service.draw_link``."""
        self.assertEqual(draw_link.drawing(), draw_link.DRAWING.read_text(encoding="utf-8"))

    def bring(self, world: LinkWorld, state: str) -> None:
        """Lead a new link to a state."""
        if state in {"resting", "dialling"}:
            (world.push if state == "resting" else world.dialling)("1")
        else:
            world.make_link(PairQueue(PAIR, world.budget, world.outgoing, 0.0))
            if state == "over":
                world.link.stop()
        self.assertEqual(state, world.state)
