"""Links to which anything may happen in any order: nothing is lost, nothing goes twice, order is kept."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, count

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.service.links import REDIAL_SECONDS
from muxs2s.service.queues import QueueLimits
from muxs2s.wire.stanza import Slice
from tests.service.linkpeer import DoubleCarrier, LinkWorld
from tests.service.samples import bodies, message, of_size

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
    """A link's life: what was sent, where it went."""

    def __init__(self, *, answering: bool) -> None:
        self.begin()
        self.numbers = count()
        self.wanted: list[Slice] = []
        self.left: list[Slice] = []
        """What has left for the peer, in order."""
        self.refused: list[Slice] = []
        """For which there was no place in the queue."""
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

    def begin(self) -> None:
        """Make a new link, as is done when the one before was forgotten."""
        self.world = LinkWorld(LIMITS)
        self.world.on_bounce = self.answer
        self.carrier: DoubleCarrier | None = None
        self.is_closing = False

    def push(self, size: int = 0) -> None:
        """Send a stanza of our own."""
        stanza = of_size(size, str(next(self.numbers))) if size else message(str(next(self.numbers)))
        self.wanted.append(stanza)
        was_empty = not self.world.queue
        if not self.world.queue.push(stanza, self.world.clock.seconds()):
            self.refused.append(stanza)
        elif was_empty:
            self.world.link.stanzas_wait()

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
            self.is_closing = False
            self.carrier = self.world.succeed()

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
        self.world.link.reached()

    def take(self) -> None:
        """Let the kernel take what the stream has in hand."""
        if self.carrier is not None and self.carrier.in_hand:
            self.left += self.carrier.in_hand
            self.carrier.in_hand = []
            if not self.is_closing:
                self.carrier.room = True
                self.world.link.has_room()

    def closing(self) -> None:
        """Let one end close the stream."""
        if self.carrier is not None and not self.is_closing:
            self.is_closing, self.carrier.room = True, False
            self.world.link.closing()

    def gone(self, *, unsent: bool) -> None:
        """Let the stream end; what it has in hand has left, or not."""
        carrier, self.carrier = self.carrier, None
        if carrier is not None:
            unsent = unsent and bool(carrier.in_hand)
            self.left += [] if unsent else carrier.in_hand
            self.world.link.gone(unsent=unsent)

    def end_proof(self) -> None:
        """Let the pair be no longer proven on the stream; the stream closes when it is asked to."""
        if self.carrier is not None:
            self.carrier.is_proven = False

    def act(self, step: str) -> None:
        """Do one step, and what follows from it."""
        self.acts[step]()
        if self.carrier is not None and self.carrier.closed:
            self.closing()
        if self.world.state == "over":
            self.turn_over()

    def turn_over(self) -> None:
        """Look at a link that is over: nothing is left of it; go on with a new one."""
        assert (self.world.budget.stanzas, self.world.budget.bytes) == (0, 0)
        assert self.world.clock.getDelayedCalls() == []
        self.returned += [stanza for stanza, _, _ in self.world.bounces]
        self.begin()

    def end(self) -> None:
        """Stop the link, and let its stream end."""
        self.answers = 0
        self.world.link.stop()
        self.gone(unsent=True)
        self.turn_over()


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
        ended = bodies([*story.left, *story.refused, *story.returned])
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
            deadline = story.world.queue.deadline
            now = story.world.clock.seconds()
            self.assertTrue(deadline is None or deadline > now, (step, deadline, now))
