"""An end that verifies domains of its peer, and what the peer says to it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.elements import ListedName, Offer, Request
from muxs2s.multiplex.limits import MultiplexLimits
from muxs2s.network.pem import Credentials
from muxs2s.wire.names import Name
from tests.multiplex.twoends import OneEnd, issued, name, vouched


def listed(*names: Name, until: float | None = None) -> tuple[ListedName, ...]:
    """Names as an accept lists them."""
    return tuple(ListedName(name=each, until=until) for each in names)


class VerifyingCase(SynchronousTestCase):
    """An end that verifies ``c.example`` and ``d.example``; both ends have proven their header's domains."""

    limits: MultiplexLimits | None = None

    def setUp(self) -> None:
        self.one = OneEnd(limits=self.limits)
        self.one.accept("a.example")

    def offer(self, id: int, domain: str = "c.example", *, renew: bool = False) -> None:
        """Have the peer offer a domain."""
        self.one.hear(Offer(id=id, domain=name(domain), renew=renew))

    def asked(self) -> bytes:
        """What was asked last."""
        request = self.one.said()[-1]
        assert isinstance(request, Request), request
        return request.data

    def conclude(self, id: int, domain: str, credentials: Credentials | None = None) -> None:
        """Vouch for a certificate."""
        chain = ((credentials or issued(domain)).leaf,)
        self.one.multiplexer.conclude(id, vouched(name(domain), chain), self.one.now)
