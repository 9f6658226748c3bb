"""Connections in name only, whose streams multiplex as a test says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.events import DomainRefused, Whose
from muxs2s.multiplex.multiplexer import Multiplexer
from muxs2s.network.protocol import StreamProtocol
from muxs2s.proof.dialback import DialbackKeys, DialbackSecret
from muxs2s.stream.initiating import InitiatingStream
from muxs2s.stream.receiving import ReceivingStream
from muxs2s.stream.side import OwnSide
from muxs2s.wire.names import DomainName, DomainPair
from tests.service.samples import PAIR

_NAMES = SimpleNamespace(is_open=lambda _domain: True)

IDLE, BUSY = (
    cast(Multiplexer, SimpleNamespace(is_idle=is_idle, own=_NAMES, peers=_NAMES)) for is_idle in (True, False)
)

SIDE = OwnSide(hosted=(), keys=DialbackKeys(DialbackSecret("sixteen bytes or more")))


def pair(sender: str, target: str) -> DomainPair:
    """A pair by the first labels of its domains."""
    return DomainPair(DomainName.parse(f"{sender}.example"), DomainName.parse(f"{target}.example"))


def names(*labels: str) -> list[DomainName]:
    """Domains by their first labels."""
    return [DomainName.parse(f"{label}.example") for label in labels]


class _Initiating(InitiatingStream):
    """A stream of ours that carries what it is told to."""

    def __init__(self, header: DomainPair) -> None:
        super().__init__(header, SIDE, 0.0)
        self.usable: set[DomainPair] = set()

    awaits_multiplexing = False

    def may_send(self, pair: DomainPair, now: float) -> bool:
        """As the test says."""
        return pair in self.usable


class _Receiving(ReceivingStream):
    """The same of a peer."""

    def __init__(self, header: DomainPair) -> None:
        super().__init__(SIDE, lambda size: b"x" * size, 0.0)
        self._pair = header
        self.usable: set[DomainPair] = set()

    awaits_multiplexing = False

    def may_send(self, pair: DomainPair, now: float) -> bool:
        """As the test says."""
        return pair in self.usable


class DoubleConnection:
    """A connection of which its stream, and what it is asked, are all there is."""

    def __init__(self, header: DomainPair = PAIR, *, id: str = "1", initiated: bool = True) -> None:
        self.stream: _Initiating | _Receiving = _Initiating(header) if initiated else _Receiving(header)
        self.stream.stream_id = id
        self.number = 1
        self.wanted: list[DomainPair] = []
        self.refusing: set[DomainPair] = set()
        self.is_closed = False
        self.transport: SimpleNamespace | None = None
        self.multiplexer: Multiplexer | None = IDLE
        """``None`` when the stream is over."""

    @property
    def awaits_multiplexing(self) -> bool:
        """Whether the peer has offered to multiplex, and has been asked."""
        return self.stream.awaits_multiplexing

    @awaits_multiplexing.setter
    def awaits_multiplexing(self, awaits: bool) -> None:
        self.stream.awaits_multiplexing = awaits

    @property
    def usable(self) -> set[DomainPair]:
        """What the stream carries."""
        return self.stream.usable

    @property
    def protocol(self) -> StreamProtocol:
        """Itself, as what it stands for."""
        return cast(StreamProtocol, self)

    def want(self, pair: DomainPair) -> DomainRefused | None:
        """Note what is asked; refuse what the test has said."""
        self.wanted.append(pair)
        return refused(pair.target) if pair in self.refusing else None

    def close(self) -> None:
        """Note it."""
        self.is_closed = True


def refused(domain: DomainName, whose: Whose = Whose.PEERS) -> DomainRefused:
    """A domain is not to be had."""
    return DomainRefused(
        whose=whose, domain=domain, condition=MultiplexCondition.UNKNOWN_DOMAIN, text="sorry", retry_at=3_600.0
    )
