"""A pair to which anything may happen in any order: nothing is lost, nothing goes twice, order is kept."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, count

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.service.links import REDIAL_SECONDS
from muxs2s.service.queues import QueueLimits
from muxs2s.wire.stanza import Slice
from tests.service.linkpeer import DoubleStream, LinkWorld
from tests.service.samples import PAIR, bodies, message, of_size

LIMITS = QueueLimits(max_pair_stanzas=6, max_pair_bytes=60_000, max_age_seconds=8.0)
"""So small that every one is met."""

STEPS = (
    *("push", "push", "push big", "advance a little", "advance", "advance long"),
    *("dial succeeds", "dial fails", "dial fails finally", "reached", "new stream", "new stream", "new stream"),
    *("kernel takes", "kernel takes", "kernel takes", "closing", "gone", "gone unsent", "proof ends"),
)

BEGINNING = ("push", "push", "push", "advance a little", "dial succeeds", "push", "push")
"""A story begins with some of these, so that it comes to something."""

STORIES = st.builds(
    lambda begun, *then: [*BEGINNING[:begun], *chain(*then)],
    st.integers(0, len(BEGINNING)),
    *[st.lists(st.sampled_from(STEPS), max_size=10)] * 3,
)


class Story:
    """The life of a pair: what was sent, where it went."""

    def __init__(self, *, answering: bool) -> None:
        self.world = LinkWorld(LIMITS)
        self.world.on_bounce = self.answer
        self.carrier: DoubleStream | None = None
        self.numbers = count()
        self.wanted: list[Slice] = []
        self.left: list[Slice] = []
        """What has left for the peer, in order."""
        self.returned: list[Slice] = []
        self.answers = 3 if answering else 0
        self.acts: dict[str, Callable[[], None]] = {
            "push": self.push,
            "push big": lambda: self.push(9_000),
            "advance a little": lambda: self.advance(0.1),
            "advance": lambda: self.advance(3.0),
            "advance long": lambda: self.advance(100.0),
            "dial succeeds": self.succeed,
            "new stream": self.renew,
            "dial fails": lambda: self.fail(final=False),
            "dial fails finally": lambda: self.fail(final=True),
            "reached": self.reach,
            "kernel takes": self.take,
            "closing": self.closing,
            "gone": lambda: self.gone(unsent=False),
            "gone unsent": lambda: self.gone(unsent=True),
            "proof ends": self.end_proof,
        }

    def push(self, size: int = 0) -> None:
        """Send a stanza of our own."""
        stanza = of_size(size, str(next(self.numbers))) if size else message(str(next(self.numbers)))
        self.wanted.append(stanza)
        self.world.push_stanzas(stanza)

    def answer(self) -> None:
        """Send something from within a bounce, a few times."""
        if self.answers:
            self.answers -= 1
            self.push()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.world.clock.advance(seconds)

    def succeed(self) -> None:
        """Let the attempt under way succeed."""
        if self.world.state == "dialling":
            self.carrier = self.world.found[PAIR] = self.world.succeed()

    def renew(self) -> None:
        """Let as much time pass as a link rests after a stream, and the next attempt succeed."""
        self.advance(REDIAL_SECONDS)
        self.succeed()

    def fail(self, *, final: bool) -> None:
        """Let the attempt under way fail."""
        if self.world.state == "dialling":
            self.world.refuse(final=final)

    def reach(self) -> None:
        """Let the peer prove itself to us."""
        self.world.outgoing.reached(PAIR)

    def take(self) -> None:
        """Let the kernel take what the stream has in hand."""
        if self.carrier is not None:
            self.left += self.carrier.in_hand
            self.carrier.take()

    def closing(self) -> None:
        """Let one end close the stream."""
        if self.carrier is not None:
            self.carrier.close()

    def gone(self, *, unsent: bool) -> None:
        """Let the stream end; what it has in hand has left, or not."""
        carrier, self.carrier = self.carrier, None
        if carrier is not None:
            self.left += [] if unsent else carrier.in_hand
            del self.world.found[PAIR]
            carrier.gone(unsent=unsent)

    def end_proof(self) -> None:
        """Let the pair be no longer proven on the stream; it closes when it is to send."""
        if self.carrier is not None:
            self.carrier.unproven.add(PAIR)

    def act(self, step: str) -> None:
        """Do one step."""
        self.acts[step]()
        if not list(self.world.outgoing):
            assert (self.world.budget.stanzas, self.world.budget.bytes) == (0, 0)
            assert self.world.is_clear

    def end(self) -> None:
        """Stop everything, and let the stream end."""
        self.answers = 0
        self.world.stop()
        self.gone(unsent=True)
        assert (self.world.budget.stanzas, self.world.budget.bytes) == (0, 0)
        assert self.world.clock.getDelayedCalls() == []
        self.returned = [stanza for stanza, _, _ in self.world.bounces]


class AnyOrderTests(SynchronousTestCase):
    """Whatever happens, in whatever order."""

    @settings(derandomize=True, deadline=None, max_examples=400)
    @given(steps=STORIES, answering=st.booleans())
    def test_every_stanza_ends_once(self, steps: list[str], answering: bool) -> None:  # noqa: FBT001 - drawn
        """B11, S17: each stanza leaves or comes back, exactly once; those that leave keep their order."""
        story = Story(answering=answering)
        for step in steps:
            story.act(step)
        story.end()
        ended = bodies([*story.left, *story.returned])
        self.assertEqual(sorted(bodies(story.wanted)), sorted(ended))
        in_order = [stanza for stanza in story.wanted if stanza in story.left]
        self.assertEqual(bodies(in_order), bodies(story.left))

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(steps=STORIES)
    def test_nothing_outlives_its_age(self, steps: list[str]) -> None:
        """S17: what waits is never older than it may be, whatever the link does; nor does it need a new one to know."""
        story = Story(answering=False)
        for step in steps:
            story.act(step)
            deadline = story.world.queue.deadline if story.world.queue is not None else None
            now = story.world.clock.seconds()
            self.assertTrue(deadline is None or deadline > now, (step, deadline, now))
