"""A bot in wokkel that is its own server: `twistd -ny wokkel_echo.py` sends every message back."""

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


certificates = CertificateStore()
certificates.add_files("fullchain.pem", "privkey.pem")
anchors = load_trust_anchors()
port = serverFromString(reactor, "tcp:5269")
s2s = S2SService(reactor, ["bot.a.example"], certificates=certificates, anchors=anchors, endpoints=[port])
router = Router()
s2s.attach_router(router)
component = InternalComponent(router, "bot.a.example")
Echo().setHandlerParent(component)

application = Application("echo")
component.setServiceParent(application)
s2s.setServiceParent(application)
