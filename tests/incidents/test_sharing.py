"""
Streams that domains share.

Incident 23: the removal of one, or the end of its certificate, must not touch the others. Incident 24: that a
stream could serve another domain, as DNS has it, must not replace the proof.
"""

from __future__ import annotations

from typing import Final

from muxs2s.network.pem import Credentials
from muxs2s.testing import CertificateAuthority
from tests.service.world import AUTHORITY, FederationTestCase, Server, credentials_of

STRANGER: Final = CertificateAuthority("a stranger")


class RemovedTests(FederationTestCase):
    """Three domains of one server share a stream with us, and one of them goes."""

    def setUp(self) -> None:
        """The certificate of c2 ends soon."""
        super().setUp()
        ends = AUTHORITY.issue("c2.example", not_after=self.network.seconds() + 300.0)
        names = ("c1.example", "c2.example", "c3.example")
        others = [credentials_of(name) for name in names if name != "c2.example"]
        self.c = self.world.server(*names, credentials=[others[0], ends, others[1]])
        for name in names:
            self.c.send(f"from {name}", sender=name, target="a.example")
        self.assertEqual(1, self.c.initiated)

    def assert_others_go_on(self) -> None:
        """Stanzas of the other two pass both ways on the same stream, and nothing comes from the one that went."""
        self.a.mailbox.taken.clear()
        for name in ("c1.example", "c3.example"):
            self.c.send(f"again {name}", sender=name, target="a.example")
            self.a.send(f"to {name}", target=name)
        self.assertEqual(["again c1.example", "again c3.example"], self.a.mailbox.texts)
        self.assertEqual(["to c1.example", "to c3.example"], self.c.mailbox.texts)
        self.assertEqual(1, self.c.initiated)

    def test_removed(self) -> None:
        """M12: incident 23: a domain that is hosted no longer."""
        self.c.service.remove_domain("c2.example")
        self.network.settle()
        self.assert_others_go_on()

    def test_expired(self) -> None:
        """M12, T21: incident 23: a domain whose certificate ends."""
        self.world.advance(301.0)
        self.assert_others_go_on()
        self.c.send("too late", sender="c2.example", target="a.example")
        self.world.advance(61.0)
        self.assertNotIn("too late", self.a.mailbox.texts)


class LyingDNSTests(FederationTestCase):
    """DNS, in the hands of an attacker, leads from a victim to a server with which we share a stream."""

    def attacker(self, *of_victim: Credentials) -> Server:
        """A server that is good for its own domain, and says that it serves the victim's."""
        attacker = self.world.server(
            "evil.example", "victim.example", credentials=[credentials_of("evil.example"), *of_victim]
        )
        self.a.send("hello", target="evil.example")
        (stream,) = self.a.service.status().streams
        assert stream.multiplexing is not None
        return attacker

    def assert_safe(self, attacker: Server) -> None:
        """What is for the victim comes back; the attacker sees none of it, nor is believed in its name."""
        self.a.send("secret", target="victim.example")
        self.assertEqual(["hello"], attacker.mailbox.texts)
        self.world.advance(61.0)
        self.assertEqual(["hello"], attacker.mailbox.texts)
        self.assert_bounced(self.a, "remote-server-timeout")
        attacker.send("lie", sender="victim.example", target="a.example")
        self.world.advance(61.0)
        self.assertEqual([], self.a.mailbox.texts)

    def test_no_certificate(self) -> None:
        """M5, M11, T19: incident 24: the attacker is asked for the victim on the stream, and has nothing to show."""
        self.assert_safe(self.attacker())

    def test_forged_certificate(self) -> None:
        """M5, M11, T19: incident 24: it shows a certificate nobody vouches for, and is refused; the stream stays."""
        attacker = self.attacker(STRANGER.issue("victim.example"))
        self.assert_safe(attacker)
        self.a.send("again", target="evil.example")
        self.assertEqual(["hello", "again"], attacker.mailbox.texts)
