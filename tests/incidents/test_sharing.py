"""
Streams that domains share.

Incident 24: that a stream could serve another domain, as DNS has it, must not replace the proof.
"""

from __future__ import annotations

from typing import Final

from muxs2s.network.pem import Credentials
from muxs2s.testing import CertificateAuthority
from tests.service.world import FederationTestCase, Server, credentials_of

STRANGER: Final = CertificateAuthority("a stranger")


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
        """M5, M11, T19: the attacker is asked for the victim on the stream, and has nothing to show."""
        self.assert_safe(self.attacker())

    def test_forged_certificate(self) -> None:
        """M5, M11, T19: it shows a certificate that nobody vouches for, and is refused; the stream stays."""
        attacker = self.attacker(STRANGER.issue("victim.example"))
        self.assert_safe(attacker)
        self.a.send("again", target="evil.example")
        self.assertEqual(["hello", "again"], attacker.mailbox.texts)
