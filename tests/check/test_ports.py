"""Where the server will listen: free, taken by the running service, or taken by something else."""

from __future__ import annotations

import errno
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IConnector
from twisted.internet.protocol import ClientFactory, Factory, Protocol, ServerFactory

from muxs2s.check.answering import ANSWER_SECONDS
from muxs2s.check.finding import Finding, Grade
from muxs2s.check.ports import check_ports, port_of
from muxs2s.network.certificates import CertificateStore
from muxs2s.server.certificates import ConfiguredCertificates
from muxs2s.server.config import Configuration
from muxs2s.server.federation import FederationServer
from muxs2s.testing import MemoryNetwork, MemoryResolver, Zone
from muxs2s.testing.network import MemoryPort
from tests.server.configured import AUTHORITY, ConfiguredTestCase

PEERS = "127.0.0.1:5269"
COMPONENTS = "127.0.0.1:5347"


class Network(MemoryNetwork):
    """A network that has Unix sockets as well, and refuses some ports."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[int, Exception] = {}
        """What becomes of listening at some ports."""
        self.listened: list[Factory] = []
        """What has listened."""

    def listenTCP(self, port: int, factory: Factory, backlog: int = 50, interface: str = "") -> MemoryPort:
        """Listen, unless the port is refused."""
        if port in self.refused:
            raise self.refused[port]
        self.listened.append(factory)
        return super().listenTCP(port, factory, backlog, interface)

    def listenUNIX(self, address: str, _factory: Factory, **_options: object) -> MemoryPort:  # noqa: N802 - Twisted's
        """Somebody has the lock of each."""
        raise CannotListenError(None, address, "Cannot acquire lock")

    def connectUNIX(  # noqa: N802 - Twisted's
        self,
        address: str,
        factory: ClientFactory[Any],
        timeout: float = 30,
        checkPID: int = 0,  # noqa: N803 - as Twisted has it
    ) -> IConnector:
        """Each leads to the port of the same name."""
        return self.connectTCP("127.0.0.1", int(address.rpartition("/")[2]), factory, timeout)


class Mute(Protocol):
    """Says nothing, or one thing."""

    says = b""

    def dataReceived(self, _data: bytes) -> None:
        """Say it, whatever is said to us."""
        if self.says and self.transport is not None:
            self.transport.write(self.says)


class Leaver(Protocol):
    """Hangs up at the first word."""

    def dataReceived(self, _data: bytes) -> None:
        """Hang up."""
        if self.transport is not None:
            self.transport.loseConnection()


class PortCase(ConfiguredTestCase):
    """A host on which others may listen."""

    def setUp(self) -> None:
        super().setUp()
        self.network = Network()
        self.certify("a.example")

    def configuration(self, **options: object) -> Configuration:
        """Peers and components at the usual places of one address, and a certificate."""
        return self.made(
            **{
                "listen": [PEERS],
                "certificates": {"directories": [str(self.directory / "live")]},
                "components": {"listen": [COMPONENTS], "secrets": {"bot.a.example": "sesame"}},
                **options,
            }
        )

    def run_server(self, **options: object) -> FederationServer:
        """Start a server with such a configuration."""
        lookup = MemoryResolver(Zone(), self.network)
        server = FederationServer(self.network, self.configuration(**options), lookup=lookup)
        server.startService()
        self.network.settle()
        return server

    def stand(self, port: int, protocol: type[Protocol], **attributes: object) -> None:
        """Let something else listen."""
        factory = ServerFactory.forProtocol(type("Other", (protocol,), attributes))
        self.network.listenTCP(port, factory, interface="127.0.0.1")

    def look(self, **options: object) -> Deferred[list[Finding]]:
        """Begin to look at the places."""
        configuration = self.configuration(**options)
        certificates = ConfiguredCertificates(CertificateStore())
        certificates.load(configuration, self.network.seconds())

        async def all_of_it() -> list[Finding]:
            return [found async for found in check_ports(self.network, configuration, certificates.store)]

        return Deferred.fromCoroutine(all_of_it())

    def found(self, **options: object) -> list[Finding]:
        """What is found."""
        looking = self.look(**options)
        self.network.settle()
        return self.successResultOf(looking)


class FreeTests(PortCase):
    """Nobody listens."""

    def test_free(self) -> None:
        """Places that can be had are free, and stay so: peers, then components."""
        found = self.found()
        self.assertEqual(["listen 127.0.0.1:5269", "components.listen 127.0.0.1:5347"], [one.about for one in found])
        self.assertEqual([(Grade.OK, "free", "")] * 2, [(one.grade, one.text, one.remedy) for one in found])
        self.assertEqual({}, self.network.ports)
        self.assertEqual({"option": "listen", "place": PEERS}, found[0].details)

    def test_turned_away(self) -> None:
        """Whoever comes in that instant is turned away."""
        self.found()
        self.assertEqual([None, None], [factory.buildProtocol(None) for factory in self.network.listened])

    def test_no_components(self) -> None:
        """Where no component has a secret nobody will listen for components."""
        self.assertEqual(1, len(self.found(components={"listen": [COMPONENTS]})))

    def test_refused(self) -> None:
        """What the system refuses has the system's words, and a remedy where there is a known one."""
        for number, remedy in (
            (errno.EACCES, "CAP_NET_BIND_SERVICE"),
            (errno.EADDRNOTAVAIL, "name an address"),
            (1, "change listen"),
        ):
            self.network.refused[5269] = CannotListenError("127.0.0.1", 5269, OSError(number, "so it is"))
            found = self.found()[0]
            self.assertEqual(Grade.ERROR, found.grade)
            self.assertIn("so it is", found.text)
            self.assertIn(remedy, found.remedy)

    def test_other_failures(self) -> None:
        """What an endpoint fails with in its own way is told, too."""
        self.network.refused[5269] = ValueError("odd")
        found = self.found()[0]
        self.assertEqual((Grade.ERROR, "nothing can listen there: odd"), (found.grade, found.text))


class RunningTests(PortCase):
    """The service runs already."""

    def test_running(self) -> None:
        """It is known by our certificate; whoever takes components is taken for it. It stays as it was."""
        server = self.run_server()
        peers, components = self.found()
        self.assertEqual((Grade.OK, Grade.OK), (peers.grade, components.grade))
        self.assertEqual("the running service is there, and shows our certificate", peers.text)
        self.assertIn("by the running service most likely", components.text)
        self.assertEqual(0, len(server.federation.status().streams))

    def test_running_with_direct_tls(self) -> None:
        """A place for direct TLS is looked at with TLS from the beginning."""
        self.run_server(listen_tls=["127.0.0.1:5270"])
        _, direct, _ = self.found(listen_tls=["127.0.0.1:5270"])
        self.assertEqual(("listen_tls 127.0.0.1:5270", Grade.OK), (direct.about, direct.grade))
        self.assertEqual("the running service is there, and shows our certificate", direct.text)

    def test_renewed(self) -> None:
        """It shows the old certificate as long as it is not reloaded, and that is worth a warning."""
        self.run_server()
        AUTHORITY.issue("a.example").write(self.directory / "live" / "a.example")
        peers, _ = self.found()
        self.assertIs(Grade.WARNING, peers.grade)
        self.assertIn("shows another certificate for a.example than the file holds; it ends on 2099-12-31", peers.text)
        self.assertIn("systemctl reload", peers.remedy)

    def test_unix(self) -> None:
        """A Unix socket leads to it as well."""
        self.run_server()
        _, components = self.found(
            components={"listen": ["unix:/run/5347:mode=660"], "secrets": {"bot.a.example": "x"}}
        )
        self.assertIs(Grade.OK, components.grade)

    def test_everywhere(self) -> None:
        """Who listens at every address is reached at the loopback address."""
        self.run_server()
        self.network.refused[5269] = CannotListenError("::", 5269, OSError(errno.EADDRINUSE, "in use"))
        self.assertIs(Grade.OK, self.found(listen=["5269"])[0].grade)


class OtherTests(PortCase):
    """Something else listens."""

    def test_another_server(self) -> None:
        """A server with certificates of its own is not ours."""
        self.certify("b.example", below="others")
        others = {"directories": [str(self.directory / "others")]}
        self.run_server(certificates=others, components={})
        found = self.found()[0]
        self.assertIs(Grade.ERROR, found.grade)
        self.assertEqual(
            "taken by another server: of certificates for a.example it shows one for b.example", found.text
        )
        self.assertIn("stop what is there", found.remedy)

    def test_another_domain(self) -> None:
        """A server that does not know our domain says so itself."""
        self.run_server(domains=["b.example"], components={})
        found = self.found()[0]
        self.assertIs(Grade.ERROR, found.grade)
        self.assertIn("an XMPP server is there, which says host-unknown", found.text)

    def test_no_server(self) -> None:
        """What says something else is no server."""
        self.stand(5269, Mute, says=b"HTTP/1.1 400 Bad Request\r\n")
        found = self.found(components={})[0]
        self.assertIn("taken: no XMPP server answers there (what the peer sent is no XML", found.text)

    def test_silent(self) -> None:
        """What says nothing, or not the right thing, is waited for so long."""
        self.stand(5269, Mute)
        self.stand(5347, Mute, says=b"<stream:stream xmlns='jabber:client'>")
        looking = self.look()
        self.network.advance(2 * ANSWER_SECONDS - 0.1)
        self.assertNoResult(looking)
        self.network.advance(0.1)
        peers, components = self.successResultOf(looking)
        self.assertIn("no XMPP server answers there (not negotiated within 5 seconds", peers.text)
        self.assertEqual("taken: nobody answers components there within 5 s", components.text)
        self.assertIn("change components.listen", components.remedy)

    def test_hangs_up(self) -> None:
        """What hangs up is no server."""
        self.stand(5269, Leaver)
        self.stand(5347, Leaver)
        peers, components = self.found()
        self.assertIn("no XMPP server answers there (connection lost", peers.text)
        self.assertEqual("taken: whoever is there takes no components", components.text)

    def test_no_connection(self) -> None:
        """What takes the place and no connections is named with the reason."""
        self.network.refused[5269] = CannotListenError("127.0.0.1", 5269, OSError(errno.EADDRINUSE, "in use"))
        self.assertIn("no connection to whoever is there: Connection was refused", self.found()[0].text)

    def test_unknown_way(self) -> None:
        """Where a place does not say how it is reached, it is taken, and that is all."""
        self.network.refused[5269] = CannotListenError("", 5269, OSError(errno.EADDRINUSE, "in use"))
        found = self.found(listen=["tcp:5269"])[0]
        self.assertIs(Grade.ERROR, found.grade)
        self.assertIn("in use", found.text)
        self.assertIn("ss -ltnpx", found.remedy)


class CertificateTests(PortCase):
    """What a server shows, and what we have."""

    def test_no_certificate_of_ours(self) -> None:
        """Without a certificate of ours a server for the domain cannot be told from ours."""
        self.run_server()
        self.assertIs(Grade.WARNING, self.found(certificates={})[0].grade)


class PlaceTests(ConfiguredTestCase):
    """The ports of places."""

    def test_port(self) -> None:
        """A port is read where it stands plainly, and is unknown elsewhere."""
        for place, port in (
            ("5269", 5269),
            ("[2001:db8::1]:5270", 5270),
            ("tcp:5271:interface=127.0.0.1", 5271),
            ("tcp6:port=5272", 5272),
            ("unix:/run/5269", None),
            ("tcp:interface=127.0.0.1:port=5269", None),
            ("systemd:domain=INET:index=0", None),
        ):
            self.assertEqual(port, port_of(place), place)
