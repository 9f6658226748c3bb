"""After: the same two domains federated by S2SService."""

from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from wokkel.component import InternalComponent, Router
from wokkel.xmppim import MessageProtocol

from muxs2s import CertificateStore, S2SService, load_trust_anchors


class Echo(MessageProtocol):
    def onMessage(self, message):
        if message.getAttribute("type") != "error":
            message.swapAttributeValues("from", "to")
            self.send(message)


router = Router()
component = InternalComponent(router, "a.example")
component.domains.add("chat.a.example")
Echo().setHandlerParent(component)

certificates = CertificateStore()
certificates.add_files("fullchain.pem", "privkey.pem")
domains = ["a.example", "chat.a.example"]
anchors = load_trust_anchors()
port = serverFromString(reactor, "tcp:5269")
service = S2SService(reactor, domains, certificates=certificates, anchors=anchors, endpoints=[port])
service.attach_router(router)

application = Application("server")
component.setServiceParent(application)
service.setServiceParent(application)
