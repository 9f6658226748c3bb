"""Shared streams that have lost their last domain."""

from __future__ import annotations

from muxs2s.proof.peers import PeerPolicies, PeerPolicy
from muxs2s.stream.deadlines import IDLE_SHARE
from muxs2s.stream.limits import StreamLimits
from tests.service.world import FederationTestCase, Server

IDLE_SECONDS = StreamLimits().idle_seconds * IDLE_SHARE


class EmptiedTests(FederationTestCase):
    """Two servers, whose domains have written to each other on one stream a moment ago."""

    def setUp(self) -> None:
        super().setUp()
        self.a.send("hello")
        self.b.send("hello back", target="a.example")
        self.began = self.network.seconds()

    def accepted(self, server: Server) -> list[str]:
        """Whatever is accepted on the stream at a server, of either end."""
        (stream,) = server.service.status().streams
        assert stream.multiplexing is not None
        known = (*stream.multiplexing.own, *stream.multiplexing.peers)
        return [domain for each in known for domain in each.domains]

    def assert_ends_idle(self) -> None:
        """Nothing is accepted, and the stream stays as long as an idle one does, then is closed in good order."""
        self.assertEqual([[], []], [self.accepted(server) for server in (self.a, self.b)])
        self.logged.events.clear()
        self.world.advance(self.began + IDLE_SECONDS - self.network.seconds() - 1.0)
        self.assertEqual([1, 1], [len(server.service.status().streams) for server in (self.a, self.b)])
        self.world.advance(1.0)
        self.assertEqual([0, 0], [len(server.service.status().streams) for server in (self.a, self.b)])
        self.assertEqual([], self.logged.lines)

    def test_withdrawn(self) -> None:
        """M12: a stream from which both ends have withdrawn every domain is closed when it has been idle."""
        self.a.service.remove_domain("a.example")
        self.network.settle()
        self.b.service.remove_domain("b.example")
        self.network.settle()
        self.assert_ends_idle()

    def test_withdrawn_at_once(self) -> None:
        """M12: so it is where both do it at the same moment."""
        self.a.service.remove_domain("a.example")
        self.b.service.remove_domain("b.example")
        self.network.settle()
        self.assert_ends_idle()

    def test_revoked(self) -> None:
        """M12: so it is where each end accepts nothing of the other any more."""
        self.policies = PeerPolicies(default=PeerPolicy(is_admitted=False))
        for server in (self.a, self.b):
            server.service.end_denied()
        self.network.settle()
        self.assert_ends_idle()

    def test_both(self) -> None:
        """M12: and where a domain is withdrawn and revoked at the same moment."""
        self.policies = PeerPolicies(default=PeerPolicy(is_admitted=False))
        for server, domain in ((self.a, "a.example"), (self.b, "b.example")):
            server.service.end_denied()
            server.service.remove_domain(domain)
        self.network.settle()
        self.assert_ends_idle()
