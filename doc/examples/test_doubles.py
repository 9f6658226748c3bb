"""Certificates that must be refused, and a conversation of two streams: `python -m twisted.trial test_doubles`."""

from twisted.trial.unittest import SynchronousTestCase

from muxs2s import DomainName, Evidence, PkixProof, Refused
from muxs2s.testing import CLIENT, CertificateAuthority, StreamPair, stanza_of

NOW = 1_800_000_000  # seconds since the epoch


class BadCertificateTests(SynchronousTestCase):
    def test_refused(self):
        """Each of these proves nothing for b.example."""
        authority = CertificateAuthority()
        proof = PkixProof(authority.trust_anchors)
        for credentials in (
            authority.issue("b.example", not_after=1_600_000_000),  # expired
            authority.issue("other.example"),  # for another domain
            authority.issue("b.example", eku=[CLIENT]),  # for clients only
            CertificateAuthority("somebody else").issue("b.example"),  # by an authority nobody trusts
        ):
            evidence = Evidence(chain=(credentials.leaf, *credentials.chain))
            outcome = proof.judge(DomainName.parse("b.example"), evidence, NOW)
            self.assertIsInstance(outcome, Refused)
            self.assertEqual(1, len(outcome.reasons))


class ConversationTests(SynchronousTestCase):
    def test_idle(self):
        """A stream carries a stanza, and is closed an hour later."""
        pair = StreamPair("a.example", "b.example")
        pair.run()
        (arrived,) = pair.send(stanza_of("<message from='u@a.example' to='v@b.example'/>"))
        self.assertEqual("u@a.example", arrived.from_address)
        pair.advance(3_600)
        self.assertEqual("CLOSED", pair.initiating.state.name)
