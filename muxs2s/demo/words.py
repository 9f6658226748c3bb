"""
What the parent process and the clouds say to each other: one JSON object a line.

Knows every message and how it is written and read. Does not know pipes: see :mod:`muxs2s.demo.run`
and :mod:`muxs2s.demo.cloud`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from muxs2s.demo.plan import DemoWay, Plan
from muxs2s.wire.errors import MuxS2SError

__all__ = [
    "MAX_LINE_BYTES",
    "Begin",
    "Failed",
    "Finish",
    "Finished",
    "Listening",
    "Measure",
    "Prepare",
    "Progress",
    "Usage",
    "Word",
    "WordReader",
    "WordRefused",
    "write_word",
]

MAX_LINE_BYTES: Final = 16 * 1024 * 1024
"""Of one line; the longest brings the certificates of all domains of a cloud, about 1,000 bytes each."""


class WordRefused(MuxS2SError):
    """What came over the pipe is not understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepare:
    """To a cloud: become one. Answered by :class:`Listening`."""

    cloud: str
    domains: int
    peer_domains: int
    messages: int
    way: str
    """As :class:`~muxs2s.demo.plan.DemoWay` writes it."""

    address: str
    dns_address: str
    dns_port: int
    anchors: str
    """Certificates in PEM."""

    credentials: Sequence[Sequence[str]] = field(repr=False)
    """Of each domain the certificate and the private key in PEM."""

    @property
    def plan(self) -> Plan:
        """How much is exchanged."""
        return Plan(domains=self.domains, peer_domains=self.peer_domains, messages=self.messages, way=DemoWay(self.way))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """From a cloud: peers may connect."""

    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """To a cloud. Answered by :class:`Usage`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """From a cloud: what its process has used."""

    resident_kib: int
    cpu_seconds: float
    """User and system, since it began."""

    presentations: int = 0
    """Certificates it has shown inside streams, beyond those of handshakes."""

    round_trips: int = 0
    """That proving domains of either end inside streams has taken, as far as it has begun it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """To the first cloud: let every domain write to every domain of the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """From a cloud, unasked, now and then and when everything has arrived or come back."""

    arrived: int
    bounced: int
    connections: int
    """Accepted so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """To a cloud: close every stream, then say what came of it. Answered by :class:`Finished`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """From a cloud: what came of it."""

    arrived: int
    repeated: int
    disordered: int
    unasked: int
    bounced: int
    bounces: Sequence[str]
    """The first few, for people."""

    connections: int
    """Accepted."""

    proofs: Mapping[str, int]
    """Ends of streams at this cloud by the prooftype that proved the peer's domain."""

    tls_versions: Mapping[str, int]
    """Ends of streams at this cloud by the version of TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """From a cloud: it cannot go on, and why."""

    reason: str


Word = Prepare | Listening | Measure | Usage | Begin | Progress | Finish | Finished | Failed
"""Anything either side says."""

_KINDS: Final[Mapping[str, type[Word]]] = {
    kind.__name__: kind for kind in (Prepare, Listening, Measure, Usage, Begin, Progress, Finish, Finished, Failed)
}


def write_word(word: Word) -> bytes:
    """Write one line, its end included."""
    return json.dumps([type(word).__name__, asdict(word)]).encode() + b"\n"


def _read_word(line: bytes) -> Word:
    try:
        name, fields = json.loads(line)
        return _KINDS[name](**fields)
    except (ValueError, KeyError, TypeError):
        raise WordRefused(f"{line[:60]!r} is not part of this conversation") from None


class WordReader:
    """
    Reads lines as they come, in pieces of any size.

    :param max_line_bytes: of one line without its end.
    """

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_line_bytes = max_line_bytes
        self._begun = bytearray()

    def feed(self, data: bytes) -> Iterator[Word]:
        """
        Take what came and give every word that is complete.

        :raises WordRefused: at a line that is none, or one that is too long.
        """
        *whole, rest = data.split(b"\n")
        for line in whole:
            self._extend(line)
            complete = bytes(self._begun)
            self._begun.clear()
            yield _read_word(complete)
        self._extend(rest)

    def _extend(self, piece: bytes) -> None:
        self._begun += piece
        if len(self._begun) > self._max_line_bytes:
            raise WordRefused(f"a line of more than {self._max_line_bytes} bytes")
