"""
What multiplexing on a stream tells the service.

Knows values only, each complete when born. What costs a signature or a look at a chain is asked for here and
answered when its turn has come, so that stanzas never wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import auto

from cryptography.x509 import Certificate

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.proof.authenticators import OwnCertificate, ReceivedRequest
from muxs2s.wire.kinds import Kind
from muxs2s.wire.names import DomainName, Name

__all__ = [
    "DomainRefused",
    "MultiplexEvent",
    "MultiplexRefused",
    "Multiplexes",
    "NamesClosed",
    "NamesOpened",
    "ProofRecalled",
    "ProofShown",
    "SignatureWanted",
    "Whose",
]


class Whose(Kind):
    """Of which end a name is."""

    OURS = auto()
    PEERS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiplexes:
    """Both ends multiplex on this stream from now on: ask for the pairs that wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplexRefused:
    """The peer does not multiplex on this stream, though it has offered to; it goes on as an ordinary one."""

    text: str
    """Why, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureWanted:
    """Sign with a certificate of ours, then call ``present`` with the authenticator, or ``decline``."""

    id: int
    domain: DomainName
    """Of ours."""

    certificate: OwnCertificate
    request: ReceivedRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofShown:
    """
    Check an authenticator, have its certificate judged, then call ``conclude``.

    DNS and HTTPS are asked only after signature and MAC held.
    """

    id: int
    domain: DomainName
    """Of the peer."""

    request: bytes
    authenticator: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofRecalled:
    """Have a certificate that was accepted already judged for one more domain it names, then call ``conclude``."""

    id: int
    domain: DomainName
    chain: tuple[Certificate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesOpened:
    """
    Names have become usable, or have become so in one more way: what waits for them may be looked at again.

    A pattern stands for every name it matches.
    """

    whose: Whose
    names: Sequence[Name]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesClosed:
    """Nothing new may be sent from names of ours, or to names of the peer, on this stream."""

    whose: Whose
    names: Sequence[Name]
    condition: MultiplexCondition | None
    """Why; ``None`` where their own side withdrew them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainRefused:
    """What waits for a domain has to go another way: it is not proven on this stream, or not in time."""

    whose: Whose
    domain: DomainName
    condition: MultiplexCondition
    text: str
    """Why, for people."""

    retry_at: float
    """When it may be tried again here, seconds; infinite if never with what is known."""


MultiplexEvent = (
    Multiplexes
    | MultiplexRefused
    | SignatureWanted
    | ProofShown
    | ProofRecalled
    | NamesOpened
    | NamesClosed
    | DomainRefused
)
