"""Federation in memory keeps the promise of the real one."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.hosts.seam import Federation
from muxs2s.testing.federation import MemoryFederation, stanza_of
from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.names import DomainName, NameRefused
from muxs2s.wire.stanza import Slice

HERE = DomainName.parse("a.example")
THERE = DomainName.parse("b.example")


def message(sender: str, target: str, body: str = "") -> str:
    """A message between servers."""
    return f"<message from='{sender}' to='{target}'><body>{body}</body></message>"


class Recorder:
    """A host that keeps what it is given, call by call."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def deliver(self, stanzas: Sequence[Slice]) -> None:
        """Keep the bodies."""
        self.calls.append([str(stanza.tree().body) for stanza in stanzas])


class MemoryFederationTests(SynchronousTestCase):
    """One domain of ours and one more."""

    def setUp(self) -> None:
        self.federation = MemoryFederation("a.example", "A2.example.")
        self.host = Recorder()

    def test_is_federation(self) -> None:
        """It has the shape that hosts expect, and reads domains in any spelling."""
        federation: Federation = self.federation
        self.assertIn(DomainName.parse("a2.example"), federation.hosted)
        self.assertNotIn(THERE, federation.hosted)
        self.assertRaises(NameRefused, MemoryFederation, "a..b")

    def test_attach(self) -> None:
        """A domain has one host, attached twice or once; a stranger's domain has none."""
        self.federation.attach(HERE, self.host)
        self.federation.attach(HERE, self.host)
        self.assertRaises(LocalMisuse, self.federation.attach, HERE, Recorder())
        self.assertRaises(LocalMisuse, self.federation.attach, THERE, self.host)
        self.assertEqual({HERE: self.host}, self.federation.hosts)

    def test_detach(self) -> None:
        """Only the host of a domain detaches it."""
        self.federation.attach(HERE, self.host)
        self.federation.detach(HERE, Recorder())
        self.assertEqual({HERE: self.host}, self.federation.hosts)
        self.federation.detach(HERE, self.host)
        self.assertEqual({}, self.federation.hosts)

    def test_send(self) -> None:
        """What is sent is kept, up to the first stanza that is not from a domain of ours."""
        good, bad = (stanza_of(message(sender, "c@b.example")) for sender in ("a.example", "b.example"))
        self.assertRaises(LocalMisuse, self.federation.send, [good, bad, good])
        self.assertEqual(([good], [3]), (self.federation.sent, self.federation.batches))

    def test_deliver(self) -> None:
        """Stanzas reach the host of their domain in order, those that follow each other in one call."""
        other = Recorder()
        self.federation.attach(HERE, self.host)
        self.federation.attach(DomainName.parse("a2.example"), other)
        here, there = (message("b.example", target, target) for target in ("x@a.example", "a2.example"))
        self.federation.deliver(here, stanza_of(here), there, here)
        self.assertEqual([["x@a.example"] * 2, ["x@a.example"]], self.host.calls)
        self.assertEqual([["a2.example"]], other.calls)

    def test_deliver_to_nobody(self) -> None:
        """A test that delivers to a domain nobody serves is told so."""
        self.assertRaises(LocalMisuse, self.federation.deliver, message("b.example", "a.example"))


class StanzaOfTests(SynchronousTestCase):
    """Stanzas for tests."""

    def test_namespaces(self) -> None:
        """A stanza stands in the namespace of its stream, ``jabber:server`` unless said otherwise."""
        self.assertTrue(stanza_of("<presence/>").is_stanza)
        self.assertEqual("jabber:client", stanza_of("<presence/>", "jabber:client").namespace)

    def test_not_one_stanza(self) -> None:
        """Two stanzas, half of one, none, and what is no XML are refused."""
        for xml in ("", "<presence/><presence/>", "<presence>", "presence", "</stream:stream>", "<presence/></oops>"):
            self.assertRaises(LocalMisuse, stanza_of, xml)
