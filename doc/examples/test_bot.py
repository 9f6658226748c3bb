"""Tests of a bot in wokkel, without a network: `python -m twisted.trial test_bot`."""

from twisted.trial.unittest import SynchronousTestCase
from wokkel.component import InternalComponent, Router
from wokkel.xmppim import MessageProtocol

from muxs2s import RouterHost
from muxs2s.testing import MemoryFederation


class Echo(MessageProtocol):
    """The bot; yours stands in a module of its own."""

    def onMessage(self, message):
        if message.getAttribute("type") != "error":
            message.swapAttributeValues("from", "to")
            self.send(message)


class EchoTests(SynchronousTestCase):
    def setUp(self):
        router = Router()
        component = InternalComponent(router, "bot.a.example")
        Echo().setHandlerParent(component)
        component.startService()
        self.federation = MemoryFederation("bot.a.example")
        RouterHost(router, self.federation, ["bot.a.example"]).start()

    def test_message(self):
        """A message from a peer goes back to its sender."""
        self.federation.deliver("<message from='u@b.example' to='bot.a.example'><body>hi</body></message>")
        (answer,) = self.federation.sent
        self.assertEqual("u@b.example", answer.to_address)
        self.assertEqual("hi", str(answer.tree().body))

    def test_error(self):
        """An error is not answered."""
        self.federation.deliver("<message from='u@b.example' to='bot.a.example' type='error'/>")
        self.assertEqual([], self.federation.sent)
