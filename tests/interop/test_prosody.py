"""Prosody as Debian has it: clients there talk with components behind muxs2s."""

from __future__ import annotations

from typing import Final

from tests.interop.cases import BOT, CLIENT, OURS, THEIRS, ProsodyCase
from tests.interop.servers import ACCOUNT

MANY: Final = 200
"""Messages of one direction where order matters."""

FEW: Final = 3

MODULES_BESIDE: Final = ("s2s_bidi", "limits")

LIMITS_OF_DEBIAN: Final = 'limits = { c2s = { rate = "10kb/s" }; s2sin = { rate = "30kb/s" } }'

NEGOTIATED: Final = frozenset({"features", "starttls", "proceed", "auth", "success"})


class TalkTests(ProsodyCase):
    """While all is well."""

    async def test_every_pair(self) -> None:
        """
        M1, D5: ten components and ten hosts, each with each and both ways.

        Every pair has a stream of its own in each direction, proven by itself, and Prosody is sent
        nothing that it might not know.
        """
        await self.talk_every_pair()
        self.assertEqual({"message", *NEGOTIATED}, self.peer.elements_received)
        await self.finish()

    async def test_order(self) -> None:
        """D1, D2, D3, T1, T8: two hundred messages each way arrive once each and in order, over TLS 1.3."""
        await self.populate()
        there, back = self.to_peer(MANY), self.to_cloud(MANY)
        await self.crowd.settled()
        self.assert_complete(there, back)
        self.assertEqual(["TLSv1.3"] * 2, [stream.tls and stream.tls.version for stream in self.cloud.streams])
        self.assertEqual(
            {f"accepted {THEIRS}, asked for {OURS}, by pkix on stream {number}" for number in (1, 2)},
            set(self.cloud.accepted),
        )
        await self.finish()

    async def test_older_tls(self) -> None:
        """T1: with a Prosody that has TLS 1.2 only."""
        await self.populate(tls_options='protocol = "tlsv1_2"')
        there, back = self.to_peer(FEW), self.to_cloud(FEW)
        await self.crowd.settled()
        self.assert_complete(there, back)
        self.assertEqual(["TLSv1.2"] * 2, [stream.tls and stream.tls.version for stream in self.cloud.streams])
        await self.finish()

    async def test_more_modules(self) -> None:
        """M1: with a Prosody that has bidirectional streams and Debian's bandwidth limits."""
        await self.populate(modules=MODULES_BESIDE, options=LIMITS_OF_DEBIAN)
        there, back = self.to_peer(MANY), self.to_cloud(MANY)
        await self.crowd.settled()
        self.assert_complete(there, back)
        await self.finish()

    async def test_presence(self) -> None:
        """Presence reaches the other side: shown, and asked for."""
        await self.populate()
        self.crowd.show(OURS, f"{CLIENT}/home", sender=BOT)
        self.crowd.show(OURS, CLIENT, "subscribe", sender=BOT)
        self.crowd.show(f"{CLIENT}/home", BOT, "unavailable")
        await self.crowd.until(lambda: "subscribed" in self.crowd.shown(BOT, CLIENT), "the answer to a subscription")
        self.assertEqual(["available", "subscribe"], self.crowd.shown(CLIENT, BOT)[:2])
        self.assertIn("unavailable", self.crowd.shown(BOT, CLIENT))
        await self.finish()

    async def test_ping(self) -> None:
        """An IQ is answered across the border: by server, client and component, and with an error for nobody."""
        await self.populate()
        self.assertEqual("pong", await self.crowd.ping(OURS, THEIRS, BOT))
        self.assertEqual("pong", await self.crowd.ping(OURS, f"{CLIENT}/home", BOT))
        self.assertEqual("pong", await self.crowd.ping(f"{CLIENT}/home", BOT))
        self.assertEqual("service-unavailable", await self.crowd.ping(OURS, f"nobody@{THEIRS}/there", BOT))
        await self.crowd.leave(OURS)
        self.assertEqual("service-unavailable", await self.crowd.ping(f"{CLIENT}/home", BOT))
        await self.finish()

    async def test_large(self) -> None:
        """S20: messages as large as Prosody takes them, near enough, from servers and from clients."""
        await self.populate()
        there = self.to_peer(FEW, padding=500_000)
        self.crowd.send(f"{CLIENT}/home", BOT, FEW, padding=250_000)
        await self.crowd.settled()
        self.assert_complete(there, self.crowd.ledger.flow(CLIENT, BOT))
        await self.finish()

    async def test_beyond_ascii(self) -> None:
        """S13: domains with letters beyond ASCII, on both sides."""
        our, their = "büro.example", "köln.example"
        await self.populate([our], [their])
        self.crowd.send(our, f"{ACCOUNT}@{their}", FEW, sender=f"bot@{our}")
        self.crowd.send(f"{ACCOUNT}@{their}/home", f"bot@{our}", FEW)
        await self.crowd.settled()
        self.assert_complete(*self.crowd.ledger.flows.values())
        await self.finish()
