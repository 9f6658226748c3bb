"""
What two servers that multiplex say to each other, element by element, and how each is written.

Does not know how they are read: see :mod:`muxs2s.multiplex.reading`; nor which of them is due when: see
:mod:`muxs2s.multiplex.multiplexer`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from muxs2s.multiplex.conditions import EnableCondition, MultiplexCondition
from muxs2s.multiplex.formats import write_base64, write_seconds, write_text, write_time
from muxs2s.wire.markup import escaped
from muxs2s.wire.names import DomainName, Name
from muxs2s.wire.namespaces import MULTIPLEX

__all__ = [
    "MAX_ELEMENT_BYTES",
    "Accept",
    "Enable",
    "Enabled",
    "Failed",
    "ListedName",
    "MultiplexElement",
    "Offer",
    "PeerLimits",
    "Present",
    "Reject",
    "Request",
    "Revoke",
    "Revoked",
    "Withdraw",
    "Withdrawn",
    "portions",
]

MAX_ELEMENT_BYTES: Final = 32_768
"""Of one element, whatever a peer announces as its limit for others."""

_AROUND_NAMES_BYTES: Final = 256
"""More than the tags of an element and its condition ever take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerLimits:
    """How much one end of a stream takes of the other; what stands in the stream feature and in ``enable``."""

    max_domains: int
    max_pending: int

    @property
    def feature(self) -> bytes:
        """The stream feature that offers multiplexing."""
        return self._written("mux")

    def _written(self, name: str) -> bytes:
        return _empty(name, f" max-domains='{self.max_domains}' max-pending='{self.max_pending}'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Enable(PeerLimits):
    """From the initiating server, once: multiplex on this stream, within these limits of mine."""

    def to_bytes(self) -> bytes:
        """Write it."""
        return self._written("enable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Enabled:
    """From the receiving server: both multiplex from here on."""

    def to_bytes(self) -> bytes:
        """Write it."""
        return _empty("enabled", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """From the receiving server: not on this stream."""

    condition: EnableCondition

    def to_bytes(self) -> bytes:
        """Write it."""
        return _holding("failed", "", f"<{self.condition.value}/>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """From the presenter: I should like to prove this domain."""

    id: int
    domain: DomainName
    renew: bool = False
    """With a newer certificate, though it is accepted."""

    def to_bytes(self) -> bytes:
        """Write it."""
        renew = " renew='true'" if self.renew else ""
        return _empty("offer", f" id='{self.id}' domain='{self.domain.ascii}'{renew}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """From the verifier: prove this domain."""

    id: int
    domain: DomainName
    data: bytes
    """An authenticator request; empty: I accept the domain, do you serve it?"""

    def to_bytes(self) -> bytes:
        """Write it."""
        return _holding("request", f" id='{self.id}' domain='{self.domain.ascii}'", write_base64(self.data))


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """From the presenter: the proof."""

    id: int
    data: bytes
    """An authenticator; empty where the request was: I serve the domain."""

    def to_bytes(self) -> bytes:
        """Write it."""
        return _holding("present", f" id='{self.id}'", write_base64(self.data))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedName:
    """A name that a certificate gives."""

    name: Name
    until: float | None = None
    """The earliest end in the chain, seconds since 1970; ``None`` if none counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    """From the verifier: these names are valid from here on."""

    id: int
    certificate: int | None
    """The exchange in which it was accepted that gives the names, 0 for the handshake; ``None`` for this one."""

    names: tuple[ListedName, ...]

    def to_bytes(self) -> bytes:
        """Write it."""
        return _holding("accept", f" id='{self.id}'{_certificate(self.certificate)}", _domains(self.names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """From either side: this exchange is over, the stream is not."""

    id: int
    condition: MultiplexCondition
    retry_seconds: float | None = None
    """What the peer says of when to try again; ``None`` if nothing: the condition decides."""

    text: str = ""
    """For logs, one printable line when it was read."""

    def to_bytes(self) -> bytes:
        """Write it; what the text has over a KiB is left out."""
        retry = "" if self.retry_seconds is None else f" retry-after='{write_seconds(self.retry_seconds)}'"
        text = f"<text>{escaped(write_text(self.text))}</text>" if self.text else ""
        return _holding("reject", f" id='{self.id}'{retry}", f"<{self.condition.value}/>{text}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """From the presenter: I take these names off this stream."""

    id: int
    names: tuple[Name, ...]

    def to_bytes(self) -> bytes:
        """Write it."""
        return _holding("withdraw", f" id='{self.id}'", _domains(self.names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """From the verifier: these names, or what this certificate gives, I accept no longer."""

    id: int
    certificate: int | None
    names: tuple[Name, ...]
    """None if there is a certificate."""

    condition: MultiplexCondition

    def to_bytes(self) -> bytes:
        """Write it."""
        attributes = f" id='{self.id}'{_certificate(self.certificate)}"
        return _holding("revoke", attributes, f"{_domains(self.names)}<{self.condition.value}/>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """From each side once: what I had to send concerning these withdrawn names is sent."""

    id: int

    def to_bytes(self) -> bytes:
        """Write it."""
        return _empty("withdrawn", f" id='{self.id}'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """From each side once: what I had to send concerning these revoked names is sent."""

    id: int

    def to_bytes(self) -> bytes:
        """Write it."""
        return _empty("revoked", f" id='{self.id}'")


MultiplexElement = (
    Enable | Enabled | Failed | Offer | Request | Present | Accept | Reject | Withdraw | Revoke | Withdrawn | Revoked
)

_Name = TypeVar("_Name", ListedName, Name)


def portions(names: Sequence[_Name]) -> Iterator[tuple[_Name, ...]]:
    """
    Divide names over as many elements as they need to keep within :data:`MAX_ELEMENT_BYTES`.

    :returns: them in order; one portion without any if there are none.
    """
    portion: list[_Name] = []
    left = MAX_ELEMENT_BYTES - _AROUND_NAMES_BYTES
    for name in names:
        size = len(_domain(name))
        if size > left:
            yield tuple(portion)
            portion, left = [], MAX_ELEMENT_BYTES - _AROUND_NAMES_BYTES
        portion.append(name)
        left -= size
    yield tuple(portion)


def _empty(name: str, attributes: str) -> bytes:
    return f"<{name} xmlns='{MULTIPLEX}'{attributes}/>".encode()


def _holding(name: str, attributes: str, content: str) -> bytes:
    return f"<{name} xmlns='{MULTIPLEX}'{attributes}>{content}</{name}>".encode()


def _certificate(number: int | None) -> str:
    return "" if number is None else f" certificate='{number}'"


def _domains(names: Sequence[ListedName | Name]) -> str:
    return "".join(map(_domain, names))


def _domain(name: ListedName | Name) -> str:
    if not isinstance(name, ListedName):
        return f"<domain>{name.ascii}</domain>"
    until = "" if name.until is None else f" until='{write_time(name.until)}'"
    return f"<domain{until}>{name.name.ascii}</domain>"
