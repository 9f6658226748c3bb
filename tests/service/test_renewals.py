"""Certificates of ours that end while a stream is shared."""

from __future__ import annotations

from unittest.mock import patch

from twisted.internet.defer import Deferred

from muxs2s.multiplex.multiplexer import Multiplexer
from muxs2s.network.pem import Credentials
from muxs2s.service import upkeep
from muxs2s.service.upkeep import RENEWAL_SECONDS
from tests.service.samples import C
from tests.service.world import AUTHORITY, FederationTestCase, Server, credentials_of

DAY = 86_400.0


class RenewalTests(FederationTestCase):
    """A server with two domains, of which the second is proven on a stream; its certificate ends in a day."""

    def setUp(self) -> None:
        super().setUp()
        self.ends = self.network.seconds() + DAY
        old = AUTHORITY.issue(C, not_after=self.ends)
        self.server = self.world.server("d.example", C, credentials=[credentials_of("d.example"), old])
        self.a.send("hello", target="d.example")
        self.a.send("hello", target=C)

    def successor(self, begins_in: float) -> Credentials:
        """A certificate that begins so many seconds from now, and is put where the server finds it."""
        issued = AUTHORITY.issue(C, not_before=self.network.seconds() + begins_in)
        self.server.certificates.add(issued)
        return issued

    def multiplexer(self, server: Server) -> Multiplexer:
        """Multiplexing on the only stream."""
        [stream] = server.service._streams
        assert stream.multiplexer is not None
        return stream.multiplexer

    def let_pass(self, seconds: float) -> None:
        """Let time pass, with a message every now and then, so that the stream is kept."""
        while seconds > 0:
            self.a.send("still there", target=C)
            self.world.advance(min(seconds, RENEWAL_SECONDS / 2))
            seconds -= RENEWAL_SECONDS / 2

    def shows(self, credentials: Credentials) -> bool:
        """Whether the peer has accepted it."""
        accepted = self.multiplexer(self.a).peers.certificates.values()
        return any(credentials.leaf in found.chain for found in accepted)

    def test_ahead(self) -> None:
        """S25, T21: a successor that is valid only later is shown when it is, and the stream outlives the old one."""
        new = self.successor(begins_in=RENEWAL_SECONDS / 2)
        self.server.service.reload_certificates()
        self.let_pass(RENEWAL_SECONDS - 10.0)
        self.assertFalse(self.shows(new))
        self.let_pass(20.0)
        self.assertTrue(self.shows(new))
        self.let_pass(DAY)
        self.assertGreater(self.network.seconds(), self.ends)
        self.assertTrue(self.multiplexer(self.server).own.is_open(C))
        self.assertEqual([], self.a.mailbox.errors)

    def test_no_streams(self) -> None:
        """When no stream is shared any more, nothing is looked at; with the next one that begins again."""
        for connection in self.server.service._streams:
            connection.close()
        self.world.advance(2 * RENEWAL_SECONDS)
        self.assertFalse(self.server.service._upkeep.renews)
        self.a.send("again", target=C)
        self.assertTrue(self.server.service._upkeep.renews)

    def test_trouble(self) -> None:
        """Whatever goes wrong at either end is logged, and the servers go on."""
        with patch.object(upkeep, "renew", side_effect=ValueError("x")):
            self.let_pass(RENEWAL_SECONDS + 10.0)
        self.assertEqual(2, len(self.flushLoggedErrors(ValueError)))
        self.assertTrue(self.server.service._upkeep.renews)

    def test_stopped(self) -> None:
        """A server that has stopped renews nothing, whatever its last streams come to."""
        [last] = self.server.service._streams
        stopping: Deferred[None] = self.server.stop()
        self.world.advance(200.0)
        self.successResultOf(stopping)
        self.server.service._shared(last)
        self.assertFalse(self.server.service._upkeep.renews)
