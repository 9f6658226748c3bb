"""Whatever happens in whatever order: nothing unproven is delivered, nothing proven lost, nobody honest punished."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.events import SignatureWanted
from muxs2s.multiplex.verdicts import NotVouched
from muxs2s.network.pem import Credentials
from muxs2s.wire.names import DomainName, DomainPair, DomainPattern, Name
from tests.multiplex.story import ONE, TWO, Side, Story
from tests.multiplex.twoends import issued, name

EXAMPLES = settings(max_examples=120, stateful_step_count=60, derandomize=True, deadline=None, database=None)

NAMES = (ONE, TWO)
PATTERNS = tuple(DomainPattern(name(names[2].partition(".")[2])) for names in NAMES)
"""For each side, what stands for its third and fourth domain."""

SIDES = some.integers(0, 1)
PICKS = some.integers(0, 10_000)
"""Something of a list, whatever its length."""

KINDS = (
    ((0,), None),
    ((0, 1), None),
    ((0, 1), "shared"),
    ((0,), "shared"),
    ((0, "*"), None),
    ((1,), None),
    ((1,), "shared"),
    (("*",), None),
    (("*", 0), "shared"),
    (("*", 2, 1), None),
    ((2, 3), "other"),
    ((4,), None),
)
"""What certificates name: domains of their side by number, or its pattern; and their subject."""

MOVING = ONE[4]
EDITIONS = 3


def certificates(number: int, domain: DomainName) -> list[Credentials]:
    """The certificates that a domain may have."""
    names = [*NAMES[number][:4], MOVING]
    found = []
    for parts, subject in KINDS:
        written = [str(PATTERNS[number]) if part == "*" else names[int(part)] for part in parts]
        if domain in written or (str(PATTERNS[number]) in written and PATTERNS[number].matches(domain)):
            found += [issued(*written, subject=subject, edition=edition) for edition in range(EDITIONS)]
    return found


class Anything(RuleBasedStateMachine):
    """A story in which anything happens."""

    story: Story

    @initialize(by_certificate=some.booleans(), picks=some.lists(PICKS, min_size=10, max_size=10))
    def begin(self, by_certificate: bool, picks: list[int]) -> None:  # noqa: FBT001 - hypothesis draws it
        """Every domain has some certificate."""
        self.story = Story(by_certificate=by_certificate)
        for number, side in enumerate(self.story.sides):
            for domain, pick in zip(map(name, {*NAMES[number], MOVING}), picks, strict=False):
                some_of_it = certificates(number, domain)
                side.certificates.setdefault(domain, some_of_it[pick % len(some_of_it)])

    # Stanzas, and what goes on by itself.

    @rule(number=SIDES, picks=some.lists(PICKS, min_size=1, max_size=3))
    def send(self, number: int, picks: list[int]) -> None:
        """Stanzas are sent, or what they lack is asked for."""
        side = self.story.sides[number]
        for pick in picks:
            side.send(self.some_pair(side, pick))

    @rule(number=SIDES, pick=PICKS)
    def talk(self, number: int, pick: int) -> None:
        """A stanza is sent when all it needs is there."""
        side = self.story.sides[number]
        pair = self.some_pair(side, pick)
        side.send(pair)
        self.story.settle()
        side.send(pair)
        side.send(pair)

    @rule(number=SIDES, pick=PICKS, steps=some.integers(0, 2))
    def ask(self, number: int, pick: int, steps: int) -> None:
        """What a pair lacks is asked for, and comes as far as its signature or its judgement."""
        self.story.sides[number].send(self.some_pair(self.story.sides[number], pick))
        for _ in range(steps):
            self.story.arrive_all(self.story.now)
            waiting = [(side, work) for side in self.story.sides for work in side.waiting]
            if waiting:
                side, work = waiting[0]
                side.do(work, self.story.now)
        self.story.arrive_all(self.story.now)

    @rule(number=SIDES, pieces=some.integers(1, 3))
    def arrive(self, number: int, pieces: int) -> None:
        """Some of what is under way arrives."""
        side = self.story.sides[number]
        for _ in range(min(pieces, len(side.said))):
            self.story.arrive(side)

    @rule(number=SIDES, pick=PICKS)
    def work(self, number: int, pick: int) -> None:
        """Something is signed or judged."""
        side = self.story.sides[number]
        if side.waiting:
            side.do(side.waiting[pick % len(side.waiting)], self.story.now)

    @rule()
    def settle(self) -> None:
        """Everything arrives and is done."""
        self.story.settle()

    @rule(seconds=some.sampled_from((0.5, 20.0, 61.0, 4_000.0)))
    def pass_time(self, seconds: float) -> None:
        """Time passes."""
        self.story.pass_time(seconds)

    # What comes in between.

    @rule(number=SIDES, pick=PICKS)
    def fail(self, number: int, pick: int) -> None:
        """A proof is no good, or a verifier begins or ceases to refuse a domain."""
        side = self.story.sides[number]
        wanted = [event for event in side.waiting if isinstance(event, SignatureWanted)]
        if wanted and pick % 2:
            side.events.remove(wanted[0])
            side.multiplexer.present(wanted[0].id, b"nonsense", self.story.now)
        elif wanted:
            side.events.remove(wanted[0])
            side.multiplexer.decline(wanted[0].id, MultiplexCondition.INTERNAL_ERROR, "a test", self.story.now)
        else:
            domain = self.some_domain(1 - number, pick)
            if side.verdicts.pop(domain, None) is None:
                condition = (MultiplexCondition.CERTIFICATE_UNTRUSTED, MultiplexCondition.TRY_AGAIN)[pick % 2]
                side.verdicts[domain] = NotVouched(condition=condition, text="a test")

    @rule(number=SIDES, pick=PICKS, ends=some.sampled_from((None, 30.0, 100.0, 5_000.0)))
    def change_certificate(self, number: int, pick: int, ends: float | None) -> None:
        """A domain gets another certificate, and is renewed with it or not; some end, but those of the handshake."""
        side, other = self.story.sides[number], self.story.sides[1 - number]
        domain = self.some_domain(number, pick)
        possible = certificates(number, domain)
        certificate = side.certificates[domain] = possible[pick // 10 % len(possible)]
        if ends is not None and not certificate.names.covers(other.header_domain):
            other.ends.setdefault(certificate.leaf, self.story.now + ends)
        if pick % 3 and domain in side.hosted:
            side.multiplexer.offer(domain, self.story.now, renew=True)

    @rule(number=SIDES, pick=PICKS)
    def remove(self, number: int, pick: int) -> None:
        """Names, a pattern or a certificate are taken off by either end, while stanzas are under way."""
        self.story.send_some(pick)
        side = self.story.sides[number]
        ids = [id for id in side.multiplexer.peers.certificates if id]
        kind = pick % 5
        if kind <= 1:
            side.withdraw(self.some_names(number, pick // 5))
        elif kind == 2 or not ids:
            side.revoke(self.some_names(1 - number, pick // 5))
        else:
            id = ids[pick // 5 % len(ids)]
            side.multiplexer.revoke_certificate(id, MultiplexCondition.CERTIFICATE_UNTRUSTED, self.story.now)

    @rule(number=SIDES, pick=PICKS)
    def host(self, number: int, pick: int) -> None:
        """A domain is hosted no longer or again, or moves to the other end, while stanzas are under way."""
        self.story.send_some(pick)
        side, other = self.story.sides[number], self.story.sides[1 - number]
        domain = self.some_domain(number, pick)
        if domain in side.hosted:
            if domain != other.header_domain:
                side.unhost(domain)
        elif domain not in other.hosted:
            side.host(domain)

    # What holds at any time.

    @invariant()
    def check(self) -> None:
        """See :meth:`tests.multiplex.story.Story.check`."""
        if hasattr(self, "story"):
            self.story.check()

    def teardown(self) -> None:
        """In the end nothing is open."""
        if hasattr(self, "story"):
            for finish in (self.story.settle, lambda: self.story.pass_time(61.0), self.story.settle):
                finish()
                self.story.check()
            assert all(side.multiplexer.is_idle for side in self.story.sides), "something never ends"

    # Choices.

    def some_domain(self, number: int, pick: int) -> DomainName:
        names = [*NAMES[number][:4], MOVING]
        return name(names[pick % len(names)])

    def some_names(self, number: int, pick: int) -> list[Name]:
        names: list[Name] = [self.some_domain(number, pick)]
        if pick % 4 == 0:
            names.append(self.some_domain(number, pick // 4))
        if pick % 2:
            under_way = {work.domain for side in self.story.sides for work in side.waiting}
            names += sorted(under_way & self.story.sides[number].hosted)
        return [PATTERNS[number], *names] if pick % 7 == 0 else names

    def some_pair(self, side: Side, pick: int) -> DomainPair:
        senders, targets = sorted(side.hosted), sorted(self.story.other(side).hosted)
        return DomainPair(senders[pick % len(senders)], targets[pick // 7 % len(targets)])


class ModelTests(SynchronousTestCase):
    """Two ends to which anything happens."""

    def test_anything(self) -> None:
        """M4, M6, M7, M11, M12: whatever is proven, refused, renewed, removed and sent crosses without harm."""
        run_state_machine_as_test(Anything, settings=EXAMPLES)
