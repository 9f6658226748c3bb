"""Prosody and muxs2s while one of them is not there, reads nothing, refuses or goes away in the middle."""

from __future__ import annotations

from typing import Final

from tests.interop.cases import OURS, THEIRS, ProsodyCase
from tests.interop.cloud import IMPATIENT, PATIENT, Options
from tests.interop.ledger import Flow

MANY: Final = 200
PAUSE: Final = 0.01
"""Seconds between two messages, so that an outage falls into the flow."""

FEW: Final = 20

LARGE: Final = 20
LARGE_BYTES: Final = 64_000


class OutageTests(ProsodyCase):
    """Prosody is not there for a while."""

    async def flow_both_ways(self) -> tuple[Flow, Flow]:
        """Begin two flows and wait until they run."""
        await self.populate()
        there, back = self.to_peer(MANY, pause=PAUSE), self.to_cloud(MANY, pause=PAUSE)
        await self.crowd.until(lambda: min(len(there.arrived), len(back.arrived)) > MANY // 5, "messages to flow")
        return there, back

    async def begin_without_prosody(self, options: Options = IMPATIENT) -> None:
        """Start muxs2s, and leave Prosody for later."""
        self.make_cloud([OURS], self.authority.issue, options)
        self.make_peer([THEIRS], self.authority.issue)
        await self.cloud.start()
        await self.join_ours()

    async def test_restarted(self) -> None:
        """S8, S17: Prosody is restarted while messages flow both ways."""
        there, back = await self.flow_both_ways()
        self.assertTrue(await self.peer.stop(), "Prosody had to be killed")
        await self.peer.start()
        await self.join_theirs()
        await self.fence(self.to_peer, self.to_cloud)
        self.assert_returned(there, "remote-server-timeout")
        await self.finish(lost=[there, back])

    async def test_killed(self) -> None:
        """S17: Prosody is killed while messages flow both ways, and started again."""
        there, back = await self.flow_both_ways()
        await self.peer.kill()
        await self.peer.start()
        await self.join_theirs()
        await self.fence(self.to_peer, self.to_cloud)
        self.assert_returned(there, "remote-server-timeout")
        await self.finish(lost=[there, back])

    async def populate_and_pause(self) -> Flow:
        """Let Prosody fall silent after a first message."""
        await self.populate([OURS, "a1.example"])
        there = self.to_peer()
        await self.crowd.settled()
        self.peer.pause()
        return there

    async def read_by_us(self) -> None:
        """Wait until muxs2s has read everything of the component: a message to a neighbour comes after it."""
        neighbour = self.to_peer(to="bot@a1.example")
        await self.crowd.until(lambda: not neighbour.missing, "muxs2s to read")

    async def fill(self, there: Flow) -> None:
        """Send more than two kernels and a queue hold."""
        while "resource-constraint" not in there.conditions:
            self.to_peer(LARGE, padding=LARGE_BYTES)
            await self.read_by_us()

    async def test_silent(self) -> None:
        """S17: Prosody reads nothing for a while; what comes back meanwhile is not delivered later."""
        there = await self.populate_and_pause()
        await self.fill(there)
        await self.crowd.until(lambda: "remote-server-timeout" in there.conditions, "messages to come back")
        self.peer.resume()
        await self.fence(self.to_peer)
        self.assert_returned(there, "remote-server-timeout", "resource-constraint")
        await self.finish()

    async def test_silent_then_killed(self) -> None:
        """S17: Prosody reads nothing and is killed: what the kernel had is lost, and nothing that came later."""
        there = await self.populate_and_pause()
        given = self.to_peer(FEW).sent[1:]
        await self.read_by_us()
        await self.crowd.until(lambda: self.cloud.has_passed_on, "the kernel to have everything")
        await self.peer.kill()
        await self.peer.start()
        await self.join_theirs()
        await self.fence(self.to_peer)
        self.assertEqual(given, there.missing)
        self.assertEqual([], there.bounced)
        await self.finish(lost=[there])

    async def test_blocked_then_killed(self) -> None:
        """S17: the same with more than the kernel takes: what waited before it arrives later, or comes back."""
        there = await self.populate_and_pause()
        await self.fill(there)
        in_hand = self.cloud.in_hand
        await self.peer.kill()
        await self.peer.start()
        await self.join_theirs()
        await self.fence(self.to_peer)
        self.assert_returned(there, "remote-server-timeout", "resource-constraint")
        self.assertGreater(len(there.missing), 0)
        self.assertEqual(1, len(in_hand))
        self.assertEqual(set(), set(in_hand) & set(there.missing))
        await self.finish(lost=[there])

    async def test_not_there(self) -> None:
        """S17: while nobody listens messages come back; later ones arrive."""
        await self.begin_without_prosody()
        there = self.to_peer(FEW)
        await self.crowd.settled()
        self.assert_bounced(there, "remote-server-timeout")
        await self.peer.start()
        await self.join_theirs()
        await self.fence(self.to_peer)
        await self.finish()

    async def test_late(self) -> None:
        """S27: messages wait for a Prosody that is started a little later, and arrive in order."""
        await self.begin_without_prosody(PATIENT)
        there = self.to_peer(FEW)
        await self.crowd.until(lambda: self.cloud.waiting == FEW, "messages to wait")
        await self.peer.start()
        await self.join_theirs()
        await self.crowd.settled()
        self.assert_complete(there)
        await self.finish()

    async def test_switched_off(self) -> None:
        """S17: Prosody refuses federation for its host: messages come back at once, with Prosody's reason."""
        closed = {"b0.example": 'modules_disabled = { "s2s" }'}
        await self.populate(theirs=[THEIRS, "b1.example"], host_options=closed)
        there = self.to_peer(FEW)
        await self.crowd.settled()
        self.assert_bounced(there, "remote-server-timeout")
        self.assertIn("policy-violation", there.bounced[0].text)
        await self.finish()

    async def test_unknown_to_prosody(self) -> None:
        """S17: Prosody does not know the domain it is asked for: messages come back, those to its own arrive."""
        await self.populate()
        self.zone.add_srv("ghost.example", "peer.example", self.peer.s2s_port)
        ghost, there = self.to_peer(FEW, to="somebody@ghost.example"), self.to_peer(FEW)
        await self.crowd.settled()
        self.assert_bounced(ghost, "remote-server-timeout")
        self.assertIn("host-unknown", ghost.bounced[0].text)
        self.assert_complete(there)
        await self.finish()

    async def test_unknown_to_us(self) -> None:
        """S7: Prosody asks for a domain that is not ours: its client hears so, and ours goes on."""
        await self.populate()
        self.zone.add_srv("ghost.example", "cloud.example", self.cloud.s2s_port)
        ghost, back = self.to_cloud(FEW, to="somebody@ghost.example"), self.to_cloud(FEW)
        await self.crowd.settled()
        self.assert_bounced(ghost, "remote-server-not-found", "remote-server-timeout")
        self.assertIn("ghost.example", ghost.bounced[0].text)
        self.assert_complete(back)
        await self.finish()

    async def test_nobody_behind_us(self) -> None:
        """A domain of ours whose component is not there answers for it."""
        await self.populate()
        await self.crowd.leave(OURS)
        back = self.to_cloud(FEW)
        await self.crowd.settled()
        self.assert_bounced(back, "service-unavailable")
        await self.join_ours()
        await self.fence(self.to_cloud)
        await self.finish()

    async def test_ourselves_restarted(self) -> None:
        """
        S8, S17: muxs2s is stopped and started again while messages flow both ways.

        What the component wrote while its stream was being closed is lost to it: it has no acknowledgements.
        """
        there, back = await self.flow_both_ways()
        await self.cloud.stop()
        await self.crowd.until(lambda: OURS not in self.crowd.online, "the component to be let go")
        await self.cloud.start()
        await self.join_ours()
        await self.fence(self.to_peer, self.to_cloud)
        self.assert_returned(there, "remote-server-timeout")
        self.assert_returned(back, "remote-server-not-found", "remote-server-timeout", "service-unavailable")
        await self.finish(lost=[there])

    async def test_ourselves_not_there(self) -> None:
        """S17: while muxs2s is not there Prosody returns messages; once it is, they arrive."""
        await self.populate()
        await self.cloud.stop()
        back = self.to_cloud(FEW)
        await self.crowd.settled()
        self.assert_bounced(back, "remote-server-not-found", "remote-server-timeout")
        await self.cloud.start()
        await self.join_ours()
        await self.fence(self.to_cloud)
        await self.finish()
