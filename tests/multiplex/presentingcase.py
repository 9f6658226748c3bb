"""An end that proves domains of its own, and what its peer says to it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.elements import Accept, ListedName, Request
from muxs2s.wire.names import Name
from tests.multiplex.twoends import OneEnd, name


def accept(id: int, *names: Name, certificate: int | None = None) -> Accept:
    """Names that the peer accepts."""
    return Accept(id=id, certificate=certificate, names=tuple(ListedName(name=each) for each in names))


class PresentingCase(SynchronousTestCase):
    """An end that hosts ``c.example`` and ``d.example``, and proves them."""

    def setUp(self) -> None:
        self.one = OneEnd("c.example", "d.example")

    def ask(self, id: int, domain: str = "c.example", data: bytes | None = None) -> None:
        """Have the peer ask for a domain, or answer an offer."""
        data = f"peer {id}: {domain}".encode() if data is None else data
        self.one.hear(Request(id=id, domain=name(domain), data=data))

    def present(self, id: int) -> None:
        """Sign."""
        self.one.multiplexer.present(id, b"proof", self.one.now)

    def offered(self) -> None:
        """Exchange 1 offers ``c.example``."""
        self.one.want("c.example", "b.example")
        self.one.said()

    def presented(self) -> None:
        """In exchange 1 ``c.example`` is presented."""
        self.offered()
        self.ask(1)
        self.present(1)
        self.one.said()
