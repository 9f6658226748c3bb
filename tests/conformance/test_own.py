"""The domains the kit speaks for."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.conformance.deviation import NotObservable
from muxs2s.conformance.own import OwnDomains
from muxs2s.wire.names import DomainName
from tests.server.configured import AUTHORITY

FIRST = DomainName.parse("kit.example")


class AuthorityTests(SynchronousTestCase):
    """Of an authority whatever is wanted is had."""

    ours = OwnDomains(FIRST, AUTHORITY)

    def test_first(self) -> None:
        """The first domain has a certificate, for servers and clients."""
        self.assertTrue(self.ours.first.credentials.names.covers(FIRST))
        self.assertTrue(self.ours.can_issue and self.ours.has_others)

    def test_others(self) -> None:
        """Each further domain is a new one below the first, with a certificate for it alone."""
        one, two = self.ours.another(), self.ours.another()
        self.assertNotEqual(one.domain, two.domain)
        self.assertEqual({two.domain.ascii}, two.credentials.names.dns)
        self.assertTrue(two.domain.endswith(".kit.example"))

    def test_until(self) -> None:
        """A certificate ends when a case wants it to."""
        identity = self.ours.named(FIRST, not_after=1_800_000_000.0)
        self.assertEqual(1_800_000_000.0, identity.credentials.ends)


class FilesTests(SynchronousTestCase):
    """Where files have to do."""

    def test_others(self) -> None:
        """Further certificates are for further domains, in turn."""
        given = [AUTHORITY.issue(name) for name in ("kit.example", "one.example", "two.example")]
        ours = OwnDomains(FIRST, None, given)
        self.assertTrue(ours.has_others)
        self.assertEqual({"one.example", "two.example"}, {ours.another().domain for _ in range(4)})

    def test_one(self) -> None:
        """With one certificate there are no others, and none can be made."""
        ours = OwnDomains(FIRST, None, [AUTHORITY.issue("kit.example")])
        self.assertFalse(ours.can_issue or ours.has_others)
        self.assertRaises(NotObservable, ours.another)
        self.assertRaises(NotObservable, ours.issue, "x.example")
