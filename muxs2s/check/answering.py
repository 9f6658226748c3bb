"""
Who listens where this server is to listen.

Knows how to begin a stream and to leave as soon as the other end has shown itself. Does not know what
is expected there: see :mod:`muxs2s.check.ports`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NoReturn, cast

from cryptography.x509 import Certificate
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import connectProtocol
from twisted.internet.error import ConnectError, ConnectingCancelledError
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from muxs2s.multiplex.events import MultiplexEvent
from muxs2s.network.certificates import CertificateStore
from muxs2s.network.observer import DialbackEvent
from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.tls import TLSContexts
from muxs2s.proof.dialback import DialbackKeys, DialbackSecret
from muxs2s.proof.outcome import Evidence, Outcome, Undecided
from muxs2s.stream.associations import Direction
from muxs2s.stream.events import StreamClosing
from muxs2s.stream.initiating import InitiatingStream
from muxs2s.stream.limits import StreamLimits
from muxs2s.stream.side import OwnSide
from muxs2s.wire.errors import MuxS2SError
from muxs2s.wire.header import StreamHeader
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.namespaces import COMPONENT
from muxs2s.wire.stanza import Slice

__all__ = ["ANSWER_SECONDS", "NotAnswered", "answers_components", "certificate_at"]

ANSWER_SECONDS: Final = 5.0
"""For a neighbour on the same host to show itself."""

MAX_HEADER_BYTES: Final = 4_096
"""Of what is read of its header."""

_LIMITS: Final = StreamLimits(negotiation_seconds=ANSWER_SECONDS, closing_seconds=ANSWER_SECONDS)

_NOBODY: Final = DomainName.parse("check.invalid")
"""Who calls: a domain nobody has (RFC 2606, section 2)."""


class NotAnswered(MuxS2SError):
    """Whoever is there is not what was expected; the message says why."""


async def certificate_at(
    there: IStreamClientEndpoint, domain: DomainName, clock: IReactorTime, *, direct_tls: bool = False
) -> Certificate | None:
    """
    Begin a stream to a domain, and leave after the handshake.

    :param direct_tls: begin with TLS.
    :returns: the certificate shown, if any.
    :raises NotAnswered: if it does not come to a handshake.
    """
    call = _Call()
    side = OwnSide(hosted=(), keys=DialbackKeys(DialbackSecret("nothing is proven with it")), limits=_LIMITS)
    stream = InitiatingStream(DomainPair(_NOBODY, domain), side, clock.seconds(), direct_tls=direct_tls)
    contexts = TLSContexts(CertificateStore(), clock)
    protocol = StreamProtocol(0, stream, clock=clock, contexts=contexts, judge=call, observer=call)
    await _connect(there, protocol)
    try:
        return await call.shown
    finally:
        _hang_up(protocol)


class _Call:
    """Owner and judge of a stream that only wants to see a certificate."""

    def __init__(self) -> None:
        self.shown: Deferred[Certificate | None] = Deferred()

    async def judge(self, domain: DomainName, evidence: Evidence, _now: float) -> Outcome:
        """See the certificate; that was all."""
        self.shown.callback(evidence.chain[0] if evidence.chain else None)
        return Undecided(domain=domain, reasons=("enough was seen",))

    def closing(self, _connection: StreamProtocol, event: StreamClosing) -> None:
        """It ended before a certificate was seen, or because one was."""
        if not self.shown.called:
            self.shown.errback(NotAnswered(_why(event)))

    def ready(self, _connection: StreamProtocol, pair: DomainPair, direction: Direction) -> None:
        """Never comes: nothing is proven."""

    def dialback(self, _connection: StreamProtocol, event: DialbackEvent) -> None:
        """Never comes."""

    def multiplex(self, _connection: StreamProtocol, _event: MultiplexEvent) -> None:
        """Nothing: one pair is all that is looked at."""

    def received(self, _connection: StreamProtocol, stanzas: Sequence[Slice]) -> None:
        """Never comes."""

    def has_room(self, _connection: StreamProtocol) -> None:
        """Never comes."""

    def gone(self, _connection: StreamProtocol, unsent: Sequence[Slice]) -> None:
        """All has been said in :meth:`closing`."""


def _why(event: StreamClosing) -> str:
    if event.by_peer and event.condition is not None:
        return f"an XMPP server is there, which says {event.condition.value}: {event.text}"
    return f"no XMPP server answers there ({event.text})"


async def answers_components(there: IStreamClientEndpoint, domain: DomainName, clock: IReactorTime) -> None:
    """
    Begin the stream of a component, and leave when the other end begins its own.

    :raises NotAnswered: if it does not.

    Source: XEP-0114, section 3.
    """
    greeting = _Greeting(domain)

    def give_up(_result: object, seconds: float) -> NoReturn:
        raise NotAnswered(f"nobody answers components there within {seconds:g} s")

    await _connect(there, greeting)
    try:
        await greeting.answered.addTimeout(ANSWER_SECONDS, clock, give_up)
    finally:
        _hang_up(greeting)


class _Greeting(Protocol):
    """The header of a component, and the wait for the answer."""

    def __init__(self, domain: DomainName) -> None:
        self._domain = domain
        self._received = b""
        self.answered: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """Say who we are, nothing more."""
        header = StreamHeader(to_domain=self._domain, version=None, content_namespace=COMPONENT)
        cast(Any, self.transport).write(header.to_bytes())

    def dataReceived(self, data: bytes) -> None:
        """Look for the namespace that the answer declares."""
        self._received = (self._received + data)[:MAX_HEADER_BYTES]
        if COMPONENT.encode() in self._received and not self.answered.called:
            self.answered.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It hung up."""
        if not self.answered.called:
            self.answered.errback(NotAnswered("whoever is there takes no components"))


async def _connect(there: IStreamClientEndpoint, protocol: Protocol) -> None:
    try:
        await connectProtocol(there, protocol)
    except (ConnectError, ConnectingCancelledError) as error:
        raise NotAnswered(f"no connection to whoever is there: {error}") from None


def _hang_up(protocol: Protocol) -> None:
    cast(Any, protocol.transport).abortConnection()
