"""What a server shows of its domains on a stream that many of them share."""

from __future__ import annotations

from muxs2s.multiplex.multiplexer import Multiplexer
from muxs2s.wire.names import DomainName
from tests.service.world import FederationTestCase, Server, credentials_of

C, D, E = (DomainName.parse(f"{letter}.example") for letter in "cde")


class ShownTests(FederationTestCase):
    """A server with three domains, called by one with a single domain."""

    def serve(self, **options: object) -> Server:
        """The server with three domains, once the first of them has had a message."""
        server = self.world.server(C, D, E, **options)
        self.a.send("hello", target=C)
        self.assertEqual(["hello"], server.mailbox.texts)
        return server

    def multiplexer(self, server: Server) -> Multiplexer | None:
        """Multiplexing on the stream of the server with the single domain."""
        [stream] = server.service._streams
        return stream.multiplexer

    def accepted(self, server: Server) -> set[DomainName]:
        """Those of the three that the peer accepts on the stream."""
        multiplexer = self.multiplexer(server)
        assert multiplexer is not None
        return {domain for domain in (C, D, E) if multiplexer.own.is_open(domain)}

    def test_by_default(self) -> None:
        """A server does not list its domains: it proves those it is asked for, or has something to say for."""
        server = self.serve()
        self.assertEqual({C}, self.accepted(server))
        self.a.send("to d", target=D)
        self.assertEqual({C, D}, self.accepted(server))
        server.send("from e", sender=E, target="a.example")
        self.assertEqual({C, D, E}, self.accepted(server))

    def test_announced(self) -> None:
        """A server that announces its domains proves all of them at once, those that it comes to host later too."""
        announces: list[bool] = [False]
        server = self.world.server(C, announces=lambda: announces[0], credentials=map(credentials_of, (C, D, E)))
        self.a.send("hello", target=C)
        server.service.add_domain(D)
        self.network.settle()
        self.assertEqual({C}, self.accepted(server))
        announces[0] = True
        server.service.add_domain(E)
        self.network.settle()
        self.assertEqual({C, E}, self.accepted(server))

    def test_announced_later(self) -> None:
        """What comes to be announced is proven on streams that are there, each domain once."""
        hidden, announces = {D}, list[bool]()
        server = self.serve(hidden=hidden, announces=lambda: bool(announces))
        for change, expected in ((lambda: announces.append(True), {C, E}), (hidden.clear, {C, D, E})):
            change()
            server.service.announce()
            self.network.settle()
            self.assertEqual(expected, self.accepted(server))
        multiplexer = self.multiplexer(server)
        assert multiplexer is not None
        self.assertEqual(2, multiplexer.presented)

    def test_announced_at_once(self) -> None:
        """What is announced is proven before anybody asks."""
        self.assertEqual({C, D, E}, self.accepted(self.serve(announces=lambda: True)))

    def test_hidden(self) -> None:
        """A hidden domain is neither announced nor shown to those who ask; it speaks for itself all the same."""
        server = self.serve(announces=lambda: True, hidden={D})
        self.assertEqual({C, E}, self.accepted(server))
        server.send("from d", sender=D, target="a.example")
        self.assertEqual({C, D, E}, self.accepted(server))

    def test_not_at_all(self) -> None:
        """A server may let no domains share a stream."""
        self.assertIsNone(self.multiplexer(self.serve(multiplex=False)))
