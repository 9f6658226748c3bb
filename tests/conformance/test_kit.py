"""What a script has at hand: the connections of the server, names, and a limit of time."""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import DatagramProtocol, Factory

from muxs2s.conformance import conformance
from muxs2s.conformance.case import Case, Chapter
from muxs2s.conformance.deviation import Deviation
from muxs2s.conformance.kit import MAX_VISITORS, Kit
from muxs2s.conformance.peer import ScriptedPeer
from muxs2s.conformance.reception import Reception
from muxs2s.conformance.result import State
from muxs2s.conformance.run import CASE_SECONDS, play
from muxs2s.conformance.saying import features, header
from muxs2s.conformance.setting import Need
from muxs2s.conformance.tls import CallingTLS
from muxs2s.testing import MemoryNetwork
from muxs2s.wire.names import DomainName
from tests.conformance.world import KIT, OURS, KitCase

OTHER = DomainName.parse("other.kit.example")


class KitTests(KitCase):
    """A kit without a case; the server is whoever connects."""

    def setUp(self) -> None:
        super().setUp()
        self.reception = Reception(self.network, 10.0)
        self.network.listenTCP(5269, self.reception, interface=KIT)
        self.kit = Kit(self.network, self.setting, self.reception)

    def call(self, target: str) -> ScriptedPeer:
        """Call the kit, as the server would."""
        peer = ScriptedPeer(self.network, 10.0)
        factory = Factory.forProtocol(lambda: peer)
        TCP4ClientEndpoint(self.network, KIT, 5269).connect(factory)
        self.network.settle()
        peer.say(header(from_="b.example", to=target))
        self.network.settle()
        return peer

    def test_visitor(self) -> None:
        """A script gets the connection for the domain that it waits for; one for another is ended."""
        waiting = Deferred.fromCoroutine(self.kit.visitor(OURS))
        other = self.call(OTHER)
        self.network.advance(3)
        self.assertFalse(other.connected)
        self.call(OURS)
        self.assertIn(self.successResultOf(waiting), self.kit.peers)

    def test_too_many_visitors(self) -> None:
        """So many are looked at, and no more."""
        waiting = Deferred.fromCoroutine(self.kit.visitor(OURS))
        for _ in range(MAX_VISITORS):
            self.assertNoResult(waiting)
            self.call(OTHER)
            self.network.advance(3)
        self.assertIn("it called others 20 times", str(self.failureResultOf(waiting, Deviation).value))

    def test_dismissed(self) -> None:
        """When the case is over nobody is let in."""
        self.successResultOf(Deferred.fromCoroutine(self.kit.close()))
        self.assertFalse(self.call(OURS).connected)

    def test_neither_proof(self) -> None:
        """A server that does neither EXTERNAL nor dialback where both are offered is told of."""
        accepting = Deferred.fromCoroutine(self.kit.accepted(self.kit.ours.first))
        server = self.call(OURS)
        server.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        self.network.settle()
        tls = CallingTLS(self.kit.ours.first.credentials, OURS.ascii)
        starting = Deferred.fromCoroutine(server.start_tls(tls))
        self.network.settle()
        self.successResultOf(starting)
        server.say(header(from_="b.example", to=OURS), features())
        self.network.settle()
        told = str(self.failureResultOf(accepting, Deviation).value)
        self.assertIn("expected SASL EXTERNAL or a dialback key; <stream:features", told)


class PlayTests(KitCase):
    """Cases at play."""

    def case(self, *needs: Need) -> Case:
        """A case whose script never ends."""
        chapter = Chapter(*needs)

        @chapter.case("S8")
        async def endless(_kit: Kit) -> None:
            """It ends."""
            await Deferred[None]()

        return chapter.cases[0]

    def test_too_late(self) -> None:
        """A case may take so long, and no longer."""
        kit = Kit(self.network, self.setting, Reception(self.network, 10.0))
        playing = Deferred.fromCoroutine(play(self.case(), kit))
        self.network.advance(CASE_SECONDS - 1)
        self.assertNoResult(playing)
        self.network.advance(1)
        result = self.successResultOf(playing)
        self.assertEqual((State.BROKEN, "the case was not over within 180 s"), (result.state, result.text))

    def test_lacking(self) -> None:
        """A case that needs what is not there is not played, and the first thing that is lacking is told."""
        kit = Kit(self.network, self.setting, Reception(self.network, 10.0))
        result = self.finished(play(self.case(Need.MULTIPLEX, Need.TLS), kit))
        self.assertEqual((State.UNSEEN, Need.MULTIPLEX.value), (result.state, result.text))


class NamedNetwork(MemoryNetwork):
    """One on which somebody may listen for datagrams, which never come."""

    def listenUDP(
        self, port: int, protocol: DatagramProtocol, interface: str = "", maxPacketSize: int = 8192
    ) -> IListeningPort:
        """Listen, at another port."""
        return cast(IListeningPort, self.listenTCP(port + 1, Factory(), interface=interface))


class NamesTests(KitCase):
    """The kit as a name server."""

    def test_served(self) -> None:
        """As long as cases are played it answers for our names, and not afterwards."""
        network = NamedNetwork()
        self.change(name_server=(KIT, 5300), listening=None)
        working = Deferred.fromCoroutine(conformance(network, self.setting))
        self.assertIn((KIT, 5300), network.ports)
        self.network.settle()
        self.failureResultOf(working, Deviation)
        self.assertEqual({}, network.ports)

    def test_taken(self) -> None:
        """Where the place is taken nothing is played, and nothing stays open."""
        self.change(name_server=(KIT, 5300))
        working = Deferred.fromCoroutine(conformance(self.network, self.setting))
        self.failureResultOf(working, CannotListenError)
        self.assertEqual({}, self.network.ports)
