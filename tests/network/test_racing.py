"""Which of a host's addresses answers first."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.racing import AddressRace, NoneAnswered, RaceLimits

IPV6 = [f"2001:db8::{number}" for number in range(1, 9)]
IPV4 = [f"192.0.2.{number}" for number in range(1, 9)]


class RaceTestCase(SynchronousTestCase):
    """A race whose connections the test decides."""

    def setUp(self) -> None:
        """Two lookups to come."""
        self.clock = Clock()
        self.reasons: list[str] = []
        self.begun: dict[str, Deferred[str]] = {}
        self.cancelled: list[str] = []
        self.at_once: dict[str, Deferred[str]] = {}
        self.turns: dict[str, Callable[[], None]] = {}
        self.must_wait: set[str] = set()
        self.race = self.new_race(lookups=2)

    def new_race(self, *, lookups: int, limits: RaceLimits | None = None) -> AddressRace[str]:
        """Another race."""
        return AddressRace(
            self.clock, self.connect, lookups=lookups, note=self.reasons.append, limits=limits or RaceLimits()
        )

    def connect(self, address: str, begun: Callable[[], None]) -> Deferred[str]:
        """Begin to connect, or wait for the turn."""
        if address in self.must_wait:
            self.turns[address] = begun
        else:
            begun()
        attempt: Deferred[str] = Deferred(lambda _: self.cancelled.append(address))
        self.begun[address] = self.at_once.get(address, attempt)
        return self.begun[address]

    def refuse(self, address: str) -> None:
        """Let a connection fail."""
        self.begun[address].errback(OSError(f"{address}: refused"))

    def assert_lost(self, race: AddressRace[str], *reasons: str) -> None:
        """Nobody answered, for these reasons, and no timer is left."""
        self.failureResultOf(race.won, NoneAnswered)
        self.assertEqual(list(reasons), self.reasons)
        self.assertEqual([], self.clock.getDelayedCalls())


class OrderTests(RaceTestCase):
    """Who starts when."""

    def test_families_take_turns(self) -> None:
        """IPv6 and IPv4 addresses take turns, IPv6 first, each in the order of its answer."""
        self.race.offer(IPV4[:3])
        self.race.offer(IPV6[:2])
        self.clock.pump([0.25] * 5)
        self.assertEqual([IPV6[0], IPV4[0], IPV6[1], IPV4[1], IPV4[2]], list(self.begun))

    def test_head_start(self) -> None:
        """Each address has a quarter of a second before the next one starts."""
        self.race.offer(IPV6[:2])
        self.race.offer([])
        self.clock.advance(0.24)
        self.assertEqual(1, len(self.begun))
        self.clock.advance(0.01)
        self.assertEqual(2, len(self.begun))

    def test_failure_starts_the_next(self) -> None:
        """When an address fails the next one does not wait."""
        self.race.offer(IPV6[:2])
        self.refuse(IPV6[0])
        self.assertEqual(IPV6[:2], list(self.begun))

    def test_ipv6_does_not_wait(self) -> None:
        """IPv6 addresses start before the IPv4 addresses are known, which then keep their distance."""
        self.race.offer(IPV6[:1])
        self.assertEqual(IPV6[:1], list(self.begun))
        self.clock.advance(0.1)
        self.race.offer(IPV4[:1])
        self.assertEqual(1, len(self.begun))
        self.clock.advance(0.15)
        self.assertEqual([IPV6[0], IPV4[0]], list(self.begun))

    def test_ipv4_waits_a_moment(self) -> None:
        """IPv4 addresses wait 50 milliseconds for IPv6 addresses, not longer."""
        self.race.offer(IPV4[:1])
        self.clock.advance(0.04)
        self.assertEqual({}, self.begun)
        self.clock.advance(0.01)
        self.assertEqual(IPV4[:1], list(self.begun))

    def test_ipv4_need_not_wait(self) -> None:
        """Once it is known that there are no IPv6 addresses, IPv4 starts at once."""
        self.race.offer(IPV4[:1])
        self.race.offer([])
        self.assertEqual(IPV4[:1], list(self.begun))

    def test_nothing_yet(self) -> None:
        """While one lookup is under way, another that found nothing loses nothing."""
        self.race.offer([])
        self.clock.advance(5.0)
        self.assertNoResult(self.race.won)
        self.race.offer(IPV6[:1])
        self.assertEqual(IPV6[:1], list(self.begun))

    def test_late_addresses(self) -> None:
        """Addresses that come when all others have had their start begin at once."""
        self.race.offer(IPV6[:1])
        self.clock.advance(1.0)
        self.race.offer(IPV4[:1])
        self.assertEqual([IPV6[0], IPV4[0]], list(self.begun))


class TurnTests(RaceTestCase):
    """Addresses that have to wait before they begin."""

    def setUp(self) -> None:
        super().setUp()
        self.must_wait = {IPV6[0]}
        self.race.offer(IPV6[:2])

    def test_nobody_overtakes(self) -> None:
        """While an address waits for its turn no other one starts, however long it takes and whatever is found."""
        self.clock.advance(30.0)
        self.race.offer(IPV4[:1])
        self.assertEqual(IPV6[:1], list(self.begun))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_head_start(self) -> None:
        """Its head start begins with its turn."""
        self.clock.advance(30.0)
        self.turns[IPV6[0]]()
        self.clock.advance(0.24)
        self.assertEqual(IPV6[:1], list(self.begun))
        self.clock.advance(0.01)
        self.assertEqual(IPV6[:2], list(self.begun))

    def test_failure_without_a_turn(self) -> None:
        """One that fails without having had a turn makes way for the next."""
        self.refuse(IPV6[0])
        self.assertEqual(IPV6[:2], list(self.begun))

    def test_failure_of_another(self) -> None:
        """When one that has begun fails, the one that waits stays the next."""
        self.must_wait = {IPV6[1]}
        self.turns[IPV6[0]]()
        self.clock.advance(0.25)
        self.refuse(IPV6[0])
        self.race.offer(IPV4[:1])
        self.assertEqual(IPV6[:2], list(self.begun))
        self.turns[IPV6[1]]()
        self.clock.advance(0.25)
        self.assertEqual([*IPV6[:2], IPV4[0]], list(self.begun))

    def test_cancelled(self) -> None:
        """Cancelling ends what waits, too."""
        self.race.won.cancel()
        self.failureResultOf(self.race.won, CancelledError)
        self.assertEqual(IPV6[:1], self.cancelled)


class EndTests(RaceTestCase):
    """Who wins, and what becomes of the others."""

    def test_first_wins(self) -> None:
        """The first connection wins; the others and what has not begun are given up."""
        self.race.offer(IPV6[:2])
        self.race.offer(IPV4[:2])
        self.clock.advance(0.25)
        self.begun[IPV4[0]].callback("connected")
        self.assertEqual("connected", self.successResultOf(self.race.won))
        self.assertEqual([IPV6[0]], self.cancelled)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual(2, len(self.begun))

    def test_at_once(self) -> None:
        """Connections that succeed or fail at once are no different."""
        self.at_once = {IPV6[0]: fail(OSError("refused")), IPV6[1]: succeed("connected")}
        self.race.offer(IPV6[:3])
        self.assertEqual("connected", self.successResultOf(self.race.won))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_after_the_end(self) -> None:
        """Addresses that come after the end are not tried."""
        self.race.offer(IPV6[:1])
        self.begun[IPV6[0]].callback("connected")
        self.race.offer(IPV4[:1])
        self.assertEqual(IPV6[:1], list(self.begun))
        self.successResultOf(self.race.won)

    def test_all_fail(self) -> None:
        """When every address has failed the race is lost, with every reason."""
        self.race.offer(IPV6[:1])
        self.race.offer(IPV4[:1])
        self.refuse(IPV6[0])
        self.refuse(IPV4[0])
        self.assert_lost(self.race, f"{IPV6[0]}: refused", f"{IPV4[0]}: refused")

    def test_nobody_to_try(self) -> None:
        """Without any address the race is lost."""
        self.race.offer([])
        self.race.offer([])
        self.assert_lost(self.race)
        self.assertEqual({}, self.begun)

    def test_last_runner(self) -> None:
        """While one connection is still being made nothing is lost."""
        self.race.offer(IPV6[:2])
        self.race.offer([])
        self.clock.advance(0.25)
        self.refuse(IPV6[1])
        self.clock.advance(9.0)
        self.assertNoResult(self.race.won)
        self.begun[IPV6[0]].callback("late")
        self.assertEqual("late", self.successResultOf(self.race.won))

    def test_max_addresses(self) -> None:
        """As many addresses as allowed are tried; of more, the message tells how many were left."""
        for offered, left in ((2, []), (3, ["1 more addresses not tried, the limit for one host is 2"])):
            self.reasons, self.begun = [], {}
            race = self.new_race(lookups=1, limits=RaceLimits(max_addresses=2))
            race.offer(IPV4[:offered])
            self.refuse(IPV4[0])
            self.refuse(IPV4[1])
            self.assert_lost(race, f"{IPV4[0]}: refused", f"{IPV4[1]}: refused", *left)

    def test_cancelled(self) -> None:
        """Cancelling ends every attempt and the timer."""
        self.race.offer(IPV6[:3])
        self.clock.advance(0.25)
        self.race.won.cancel()
        self.failureResultOf(self.race.won, CancelledError)
        self.assertEqual(IPV6[:2], self.cancelled)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual([], self.reasons)
