"""Two servers that meet in memory, over TLS as it is: `python -m twisted.trial test_two_servers`."""

from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.trial.unittest import SynchronousTestCase

from muxs2s import CertificateStore, DomainName, S2SService
from muxs2s.testing import CertificateAuthority, MemoryNetwork, MemoryResolver, Zone, stanza_of

HELLO = stanza_of("<message from='u@a.example' to='v@b.example'><body>hello</body></message>")


class Inbox(list):
    """A host that keeps what it gets."""

    def deliver(self, stanzas):
        self.extend(stanzas)


class TwoServersTests(SynchronousTestCase):
    def setUp(self):
        self.network, self.zone, self.authority = MemoryNetwork(), Zone(), CertificateAuthority("everybody's")
        self.a, self.inbox_of_a = self.serve("a.example", "192.0.2.1", self.authority)

    def serve(self, domain, address, authority):
        """Start a server for one domain."""
        certificates, inbox = CertificateStore(), Inbox()
        certificates.add(authority.issue(domain))
        self.zone.add(domain, "A", address)
        service = S2SService(
            self.network,
            [domain],
            certificates=certificates,
            anchors=self.authority.trust_anchors,
            endpoints=[TCP4ServerEndpoint(self.network, 5269, interface=address)],
            lookup=MemoryResolver(self.zone, self.network),
        )
        service.attach(DomainName.parse(domain), inbox)
        service.startService()
        return service, inbox

    def test_message(self):
        """A message arrives."""
        _, inbox = self.serve("b.example", "192.0.2.2", self.authority)
        self.a.send([HELLO])
        self.network.settle()
        self.assertEqual(["u@a.example"], [stanza.from_address for stanza in inbox])

    def test_foreign_certificate(self):
        """A message for a server whose certificate nobody vouches for comes back at once."""
        self.serve("b.example", "192.0.2.2", CertificateAuthority("nobody's"))
        self.a.send([HELLO])
        self.network.settle()
        self.assertIn(b"b.example is not proven", self.inbox_of_a[0].data)

    def test_nobody_there(self):
        """A message for a server that does not run comes back within a minute."""
        self.zone.add("b.example", "A", "192.0.2.2")
        self.a.send([HELLO])
        self.network.settle()
        self.assertEqual([], self.inbox_of_a)
        self.network.advance(60)
        self.assertIn(b"Connection was refused", self.inbox_of_a[0].data)
