"""Two servers in one process, over real TLS on loopback: `trial test_two_servers.py`."""

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from muxs2s import CertificateStore, DomainName, S2SService
from muxs2s.testing import CertificateAuthority, MemoryResolver, Zone, stanza_of


class Inbox:
    """A host that waits for one stanza."""

    def __init__(self):
        self.first = Deferred()

    def deliver(self, stanzas):
        self.first.callback(stanzas[0])


class TwoServersTests(TestCase):
    timeout = 20

    def setUp(self):
        self.authority, self.zone = CertificateAuthority("everybody's"), Zone()

    def serve(self, domain, credentials):
        """Start a server for one domain, with an inbox."""
        certificates = CertificateStore()
        certificates.add(credentials)
        service = S2SService(
            reactor,
            [domain],
            certificates=certificates,
            anchors=self.authority.trust_anchors,
            lookup=MemoryResolver(self.zone, reactor),
        )
        service.startService()
        self.addCleanup(service.stopService)
        port = reactor.listenTCP(0, service.factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.zone.add(domain, "A", "127.0.0.1")
        self.zone.add_srv(domain, domain, port.getHost().port)
        inbox = Inbox()
        service.attach(DomainName.parse(domain), inbox)
        return service, inbox

    async def test_message(self):
        """A message arrives."""
        a, _ = self.serve("a.example", self.authority.issue("a.example"))
        _, inbox = self.serve("b.example", self.authority.issue("b.example"))
        a.send([stanza_of("<message from='u@a.example' to='v@b.example'><body>hi</body></message>")])
        stanza = await inbox.first
        self.assertEqual("u@a.example", stanza.from_address)

    async def test_foreign_certificate(self):
        """A message for a server whose certificate nobody vouches for comes back."""
        a, inbox = self.serve("a.example", self.authority.issue("a.example"))
        self.serve("b.example", CertificateAuthority("nobody's").issue("b.example"))
        a.send([stanza_of("<message from='u@a.example' to='v@b.example'><body>hi</body></message>")])
        stanza = await inbox.first
        self.assertEqual("error", stanza.type)
        self.assertIn(b"b.example is not proven", stanza.data)
