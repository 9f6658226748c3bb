"""Two stream protocols on one connection in memory, with observers that keep a record."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Final

from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol

from muxs2s.multiplex.events import MultiplexEvent
from muxs2s.network.certificates import CertificateStore
from muxs2s.network.evidence import Judge, PolicyJudge
from muxs2s.network.observer import DialbackEvent
from muxs2s.network.pem import Credentials
from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.tls import TLSContexts
from muxs2s.proof.dialback import DialbackKeys, DialbackSecret
from muxs2s.proof.outcome import Evidence, Outcome
from muxs2s.proof.peers import PeerPolicies
from muxs2s.proof.pkix import PkixProof
from muxs2s.stream.associations import Direction
from muxs2s.stream.events import StreamClosing
from muxs2s.stream.initiating import InitiatingStream
from muxs2s.stream.limits import StreamLimits
from muxs2s.stream.machine import StreamState
from muxs2s.stream.receiving import ReceivingStream
from muxs2s.stream.side import OwnSide
from muxs2s.testing import CertificateAuthority, stanza_of
from muxs2s.testing.network import MemoryConnection, MemoryNetwork
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.stanza import Slice

A: Final = DomainName.parse("a.example")
B: Final = DomainName.parse("b.example")
PAIR: Final = DomainPair(A, B)

AUTHORITY: Final = CertificateAuthority()
OF_A: Final = AUTHORITY.issue("a.example")
OF_B: Final = AUTHORITY.issue("b.example")

SCOPE: Final = stanza_of("<message/>").scope

PKIX: Final = PolicyJudge((PkixProof(AUTHORITY.trust_anchors),))


class Record:
    """Keeps what a protocol tells whoever owns it."""

    def __init__(self) -> None:
        self.told: list[str] = []
        """The names of what was told, in order."""
        self.stanzas: list[Slice] = []
        """What was received, comparable to what was sent."""
        self.unsent: list[Slice] = []
        self.closings: list[StreamClosing] = []
        self.multiplex_events: list[MultiplexEvent] = []
        self.dialback_events: list[DialbackEvent] = []
        self.on_ready: Callable[[], None] = lambda: None

    def ready(self, _connection: StreamProtocol, pair: DomainPair, _direction: Direction) -> None:
        """As :class:`~muxs2s.network.observer.StreamObserver`."""
        self.told.append(f"ready {pair}")
        self.on_ready()

    def dialback(self, _connection: StreamProtocol, event: DialbackEvent) -> None:
        """As :class:`~muxs2s.network.observer.StreamObserver`."""
        self.told.append(f"dialback {type(event).__name__}")
        self.dialback_events.append(event)

    def multiplex(self, _connection: StreamProtocol, event: MultiplexEvent) -> None:
        """As :class:`~muxs2s.network.observer.StreamObserver`."""
        self.multiplex_events.append(event)

    def received(self, _connection: StreamProtocol, stanzas: Sequence[Slice]) -> None:
        """As :class:`~muxs2s.network.observer.StreamObserver`."""
        self.told.append(f"received {len(stanzas)}")
        self.stanzas += [stanza._replace(scope=SCOPE) for stanza in stanzas]

    def has_room(self, _connection: StreamProtocol) -> None:
        """As :class:`~muxs2s.network.observer.StreamObserver`."""
        self.told.append("room")

    def closing(self, _connection: StreamProtocol, event: StreamClosing) -> None:
        """As :class:`~muxs2s.network.observer.StreamObserver`."""
        self.told.append("closing")
        self.closings.append(event)

    def gone(self, _connection: StreamProtocol, unsent: Sequence[Slice]) -> None:
        """As :class:`~muxs2s.network.observer.StreamObserver`."""
        self.told.append("gone")
        self.unsent += unsent


class Ends:
    """
    The initiating end a.example and the receiving end b.example, not yet connected.

    :param buffer_bytes: how much may be on its way.
    :param hosted_by_a: domains of the initiating end besides its first.
    :param further: certificates that either end may show on a stream that both share.
    """

    def __init__(
        self,
        *,
        of_a: Credentials | None = OF_A,
        of_b: Credentials | None = OF_B,
        judge_of_a: Judge = PKIX,
        judge_of_b: Judge = PKIX,
        buffer_bytes: int = 65_536,
        limits: StreamLimits | None = None,
        policies: PeerPolicies | None = None,
        bidi: bool = False,
        direct_tls: bool = False,
        multiplex: bool = True,
        further: Sequence[Credentials] = (),
        hosted_by_a: Sequence[DomainName] = (),
    ) -> None:
        self.network = MemoryNetwork(buffer_bytes=buffer_bytes)
        now = self.network.seconds()
        sides = [
            OwnSide(
                hosted={domain, *(hosted_by_a if domain is A else ())},
                keys=DialbackKeys(DialbackSecret(f"sixteen bytes of {domain}")),
                policies=lambda: policies or PeerPolicies(),
                limits=limits or StreamLimits(),
                is_bidi=bidi,
                multiplex=multiplex,
                certificate_of=_store(*(each for each in (of_a, of_b, *further) if each is not None)).for_domain,
            )
            for domain in PAIR
        ]
        self.told_a, self.told_b = Record(), Record()
        self.a = self._protocol(
            1, InitiatingStream(PAIR, sides[0], now, direct_tls=direct_tls), of_a, judge_of_a, self.told_a
        )
        self.b = self._protocol(
            2, ReceivingStream(sides[1], os.urandom, now, direct_tls=direct_tls), of_b, judge_of_b, self.told_b
        )

    def connect(self, peer: Protocol | None = None) -> None:
        """Connect both ends, or the initiating one with somebody else; hardly anything moves yet."""
        port = self.network.listenTCP(5269, _giving(peer or self.b), interface="192.0.2.2")
        TCP4ClientEndpoint(self.network, "192.0.2.2", 5269).connect(_giving(self.a))
        self.network.step()
        port.stopListening()

    def run(self) -> Ends:
        """Connect, and let everything happen that needs no time."""
        self.connect()
        self.network.settle()
        return self

    def until(self, state: StreamState) -> None:
        """Let happen what happens until the receiving end is in a state."""
        while self.b.stream.state is not state:
            assert self.network.step(), f"it stops in {self.b.stream.state}"

    @property
    def wire_of_a(self) -> MemoryConnection:
        """The transport of the initiating end."""
        return self.network.connections[0]

    @property
    def wire_of_b(self) -> MemoryConnection:
        """The transport of the receiving end."""
        return self.network.connections[1]

    def _protocol(
        self,
        number: int,
        stream: InitiatingStream | ReceivingStream,
        credentials: Credentials | None,
        judge: Judge,
        record: Record,
    ) -> StreamProtocol:
        contexts = TLSContexts(_store(*([] if credentials is None else [credentials])), self.network)
        return StreamProtocol(number, stream, clock=self.network, contexts=contexts, judge=judge, observer=record)


def _store(*credentials: Credentials) -> CertificateStore:
    """The certificates of one end."""
    store = CertificateStore()
    for each in credentials:
        store.add(each)
    return store


def _giving(protocol: Protocol) -> Factory:
    """A factory for one connection."""
    return _Giving(protocol)


class _Giving(Factory):
    noisy = False

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return self._protocol


class AnyJudge:
    """A judge that does what a test says."""

    def __init__(self, judge: Callable[[DomainName], Outcome]) -> None:
        self._judge = judge

    async def judge(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        """As :class:`~muxs2s.network.evidence.Judge`."""
        return self._judge(domain)
