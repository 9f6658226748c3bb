"""A server for components in any language, set up in code: `twistd -ny components.py`."""

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString

from muxs2s import CertificateStore, ComponentFactory, S2SService, load_trust_anchors

secrets = {"bot.a.example": "change me"}

certificates = CertificateStore()
certificates.add_directory("/etc/letsencrypt")
anchors = load_trust_anchors()
port = serverFromString(reactor, "tcp:5269")
s2s = S2SService(reactor, secrets, certificates=certificates, anchors=anchors, endpoints=[port])
place = serverFromString(reactor, "tcp:5347:interface=127.0.0.1")
listener = StreamServerEndpointService(place, ComponentFactory(s2s, secrets.get, reactor))

application = Application("federation")
listener.setServiceParent(application)
s2s.setServiceParent(application)
