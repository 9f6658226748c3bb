"""Where connections are accepted, as operators write it."""

from __future__ import annotations

import errno
from functools import partial

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from muxs2s.network.proxied import ProxiedFactory
from muxs2s.server.endpoints import ListenEndpoint, ListenRefused, check_place
from tests.network.memoryudp import MemoryNetworkReactor


class OneFamilyReactor(MemoryNetworkReactor):
    """A host on which listening on IPv6 fails."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def listenTCP(self, port: int, factory: Factory, backlog: int = 50, interface: str = "") -> IListeningPort:
        """Refuse every IPv6 address."""
        if ":" in interface:
            raise CannotListenError(interface, port, OSError(self._number, "no"))
        listening: IListeningPort = super().listenTCP(port, factory, backlog, interface)
        return listening


class EndpointTests(SynchronousTestCase):
    """A place that listens."""

    def listen(self, text: str, reactor: MemoryNetworkReactor | None = None) -> MemoryNetworkReactor:
        """Listen at a place; tells the reactor that does."""
        reactor = reactor or MemoryNetworkReactor()
        self.successResultOf(ListenEndpoint(reactor, text).listen(Factory.forProtocol(Protocol)))
        return reactor

    def places(self, text: str, reactor: MemoryNetworkReactor | None = None) -> list[tuple[int, str]]:
        """The ports and interfaces it listens at."""
        return [(port, interface) for port, _, _, interface in self.listen(text, reactor).tcpServers]

    def test_interface(self) -> None:
        """It is an endpoint to Twisted, and shown as the operator wrote it."""
        endpoint = ListenEndpoint(MemoryNetworkReactor(), "5269")
        verifyObject(IStreamServerEndpoint, endpoint)
        self.assertEqual("5269", str(endpoint))

    def test_port(self) -> None:
        """A port alone listens on all addresses, by one socket for IPv6 and IPv4."""
        self.assertEqual([(5269, "::")], self.places("5269"))

    def test_no_ipv6(self) -> None:
        """Where the host has no IPv6, a port alone listens on IPv4."""
        for number in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            self.assertEqual([(5269, "0.0.0.0")], self.places("5269", OneFamilyReactor(number)))

    def test_port_in_use(self) -> None:
        """A port in use is not tried on IPv4: whoever has it would be in the way there, too."""
        endpoint = ListenEndpoint(OneFamilyReactor(errno.EADDRINUSE), "5269")
        self.failureResultOf(endpoint.listen(Factory.forProtocol(Protocol)), CannotListenError)

    def test_address(self) -> None:
        """An address and a port listen there alone."""
        self.assertEqual([(5269, "192.0.2.1")], self.places("192.0.2.1:5269"))
        self.assertEqual([(5269, "2001:db8::1")], self.places("[2001:db8::1]:5269"))

    def test_twisted(self) -> None:
        """Whatever else Twisted can listen at is written as Twisted writes it."""
        self.assertEqual([(5269, "127.0.0.1")], self.places("tcp:5269:interface=127.0.0.1"))
        self.assertEqual("/run/c", self.listen("unix:/run/c:mode=660").unixServers[0][0])

    def test_behind_a_proxy(self) -> None:
        """With ``haproxy:`` before it a place listens for a proxy, which says where connections come from."""
        for text, place in (("5269", (5269, "::")), ("tcp:5269:interface=127.0.0.1", (5269, "127.0.0.1"))):
            reactor = self.listen(f"haproxy:{text}")
            ((port, factory, _, interface),) = reactor.tcpServers
            self.assertEqual(place, (port, interface))
            self.assertIsInstance(factory, ProxiedFactory)
        self.assertEqual("/run/c", self.listen("haproxy:unix:/run/c").unixServers[0][0])

    def assert_refused(self, text: str, reason: str) -> None:
        """See that a place is refused, checked or used."""
        for refusing in (check_place, partial(ListenEndpoint, MemoryNetworkReactor())):
            self.assertIn(reason, str(self.assertRaises(ListenRefused, refusing, text)))

    def test_refused(self) -> None:
        """What is no port, no address or no endpoint is refused before anything listens."""
        self.assert_refused("65536", "65536 is no port")
        self.assert_refused("192.0.2.256:5269", "'192.0.2.256' is no IP address")
        self.assert_refused("[a.example]:5269", "'a.example' is no IP address")
        self.assert_refused("a.example:5269", "no place to listen")
        self.assert_refused("tcp", "no place to listen")
        self.assert_refused("", "no place to listen")
        self.assert_refused("tcp:many", "many")
        self.assert_refused("tcp:5269:colour=blue", "colour")
        self.assert_refused("tcp:5269\\", "the backslash at the end")
        self.assert_refused("haproxy:65536", "65536 is no port")
        self.assert_refused("haproxy:nowhere", "no place to listen")
        self.assert_refused("haproxy:ssl:5269", "stands before TCP or a Unix socket")
        self.assert_refused("haproxy:haproxy:5269", "stands before TCP or a Unix socket")

    def test_highest_port(self) -> None:
        """The highest port is 65535, and 0 stands for any that is free."""
        self.assertEqual([(65535, "::")], self.places("65535"))
        self.assertEqual([(0, "::")], self.places("0"))

    def test_unchecked(self) -> None:
        """An endpoint that may do more than listen is not made just to look at it."""
        check_place("systemd:domain=INET6:index=0")
