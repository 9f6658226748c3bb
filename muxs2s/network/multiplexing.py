"""
What can be asked of multiplexing on a connection.

Knows how an answer comes back to a stream that may be gone meanwhile. Does not know when to ask: see
:mod:`muxs2s.service`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

from OpenSSL import SSL

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.events import DomainRefused
from muxs2s.multiplex.multiplexer import Multiplexer
from muxs2s.multiplex.verdicts import NotVouched, Vouched
from muxs2s.network.exporting import authenticator_keys
from muxs2s.proof.authenticators import Authenticators, TLSRole
from muxs2s.stream.initiating import InitiatingStream
from muxs2s.stream.multiplexed import TLSMeans
from muxs2s.stream.receiving import ReceivingStream
from muxs2s.wire.names import DomainName, DomainPair, Name

__all__ = ["MultiplexingConnection", "tls_means"]


def tls_means(connection: SSL.Connection, role: TLSRole, entropy: Callable[[int], bytes]) -> TLSMeans | None:
    """
    Give what a TLS connection has for multiplexing.

    :param connection: its handshake is complete.
    :returns: ``None`` if it is not fit for it: see :mod:`muxs2s.network.exporting`.
    """
    keys = authenticator_keys(connection)
    if keys is None:
        return None
    shown = connection.get_certificate(as_cryptography=True)
    return TLSMeans(authenticators=Authenticators(role, keys, entropy), shown=shown)


class MultiplexingConnection:
    """A connection, as far as many domains share its stream; where they do not, nothing comes of what is asked."""

    stream: InitiatingStream | ReceivingStream

    @abstractmethod
    def _ask(self, do: Callable[[Multiplexer, float], object]) -> None:
        """Have the stream ask its multiplexer, and do what it wants then."""

    @property
    def multiplexer(self) -> Multiplexer | None:
        """Multiplexing on this stream, as long as it goes on."""
        return self.stream.multiplexer

    @property
    def authenticators(self) -> Authenticators | None:
        """What makes and checks proofs on this connection; ``None`` if it is not fit for them."""
        return None if self.stream.means is None else self.stream.means.authenticators

    def want(self, pair: DomainPair) -> DomainRefused | None:
        """As :meth:`muxs2s.multiplex.multiplexer.Multiplexer.want`."""
        refused: list[DomainRefused | None] = []
        self._ask(lambda multiplexer, now: refused.append(multiplexer.want(pair, now)))
        return refused[0] if refused else None

    def offer(self, domain: DomainName) -> None:
        """As :meth:`muxs2s.multiplex.multiplexer.Multiplexer.offer`."""
        self._ask(lambda multiplexer, now: multiplexer.offer(domain, now))

    def renew(self, domain: DomainName) -> None:
        """Prove a domain again, with the certificate that it has by now."""
        self._ask(lambda multiplexer, now: multiplexer.offer(domain, now, renew=True))

    def present(self, id: int, authenticator: bytes) -> None:
        """As :meth:`muxs2s.multiplex.multiplexer.Multiplexer.present`."""
        self._ask(lambda multiplexer, now: multiplexer.present(id, authenticator, now))

    def decline(self, id: int, condition: MultiplexCondition, text: str) -> None:
        """As :meth:`muxs2s.multiplex.multiplexer.Multiplexer.decline`."""
        self._ask(lambda multiplexer, now: multiplexer.decline(id, condition, text, now))

    def conclude(self, id: int, verdict: Vouched | NotVouched) -> None:
        """As :meth:`muxs2s.multiplex.multiplexer.Multiplexer.conclude`."""
        self._ask(lambda multiplexer, now: multiplexer.conclude(id, verdict, now))

    def withdraw(self, domains: Sequence[DomainName]) -> None:
        """As :meth:`muxs2s.multiplex.multiplexer.Multiplexer.withdraw`."""
        self._ask(lambda multiplexer, now: multiplexer.withdraw(domains, now))

    def revoke(self, domains: Sequence[Name], condition: MultiplexCondition) -> None:
        """As :meth:`muxs2s.multiplex.multiplexer.Multiplexer.revoke`."""
        self._ask(lambda multiplexer, now: multiplexer.revoke(domains, condition, now))
