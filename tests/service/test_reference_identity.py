"""Whose certificate is expected: what we called, never where DNS led."""

from __future__ import annotations

from tests.service.world import AUTHORITY, FederationTestCase


class ReferenceIdentityTests(FederationTestCase):
    """DNS that nobody vouches for names hosts; it does not name whom to believe."""

    def test_host_of_the_srv_record(self) -> None:
        """T19: a good certificate for the host that the SRV record names does not prove the domain."""
        self.world.server("c.example", credentials=[AUTHORITY.issue("xmpp.c.example")])
        self.a.send("secret", target="c.example")
        self.assert_bounced(self.a, "remote-server-timeout")
        self.assertIn("c.example is not proven", self.a.mailbox.errors[0])

    def test_domain_at_a_strange_host(self) -> None:
        """T19: wherever the SRV record leads, a certificate for the domain itself proves it."""
        d = self.world.server("d.example")
        self.world.zone.remove("_xmpp-server._tcp.d.example", "SRV")
        self.world.zone.add_srv("d.example", "hosting.example", 5269)
        self.world.zone.add("hosting.example", "A", d.address)
        self.a.send("hello", target="d.example")
        self.assertEqual(["hello"], d.mailbox.texts)
