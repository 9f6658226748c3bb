"""Before: two domains federated by wokkel's ServerService."""

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from wokkel.component import InternalComponent, Router
from wokkel.server import ServerService, XMPPS2SServerFactory
from wokkel.xmppim import MessageProtocol


class Echo(MessageProtocol):
    def onMessage(self, message):
        if message.getAttribute("type") != "error":
            message.swapAttributeValues("from", "to")
            self.send(message)


router = Router()
component = InternalComponent(router, "a.example")
component.domains.add("chat.a.example")
Echo().setHandlerParent(component)

service = ServerService(router, domain="a.example", secret="the secret of dialback")
service.domains.add("chat.a.example")
peers = StreamServerEndpointService(serverFromString(reactor, "tcp:5269"), XMPPS2SServerFactory(service))

application = Application("server")
component.setServiceParent(application)
peers.setServiceParent(application)
