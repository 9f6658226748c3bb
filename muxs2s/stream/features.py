"""
Stream features as records: what each needs, what forbids it, how it is offered and read.

The order of negotiation follows from the preconditions and is wired nowhere. Does not know the
exchanges that follow an offer: see :mod:`muxs2s.stream.external`.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from muxs2s.wire.namespaces import SASL, STREAMS, TLS
from muxs2s.wire.stanza import Slice

__all__ = [
    "EXTERNAL",
    "FEATURES",
    "STARTTLS",
    "StreamFact",
    "StreamFeature",
    "features_element",
    "is_features",
    "read_features",
]


class StreamFact(Enum):
    """What is true of a stream when features are due."""

    SECURE = auto()
    """TLS is up."""

    PEER_PROVEN = auto()
    """The peer's certificate proves the domain of its header."""

    AUTHENTICATED = auto()
    """SASL has succeeded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFeature:
    """One feature: a record without state."""

    name: str
    namespace: str
    needs: frozenset[StreamFact]
    """Facts without which the receiving server does not offer it."""

    forbids: frozenset[StreamFact]
    """Facts with which it makes no sense any more."""

    content: str = ""
    """What stands inside the offer."""

    mechanism: str | None = None
    """The SASL mechanism it stands for, if it is one."""

    def fits(self, facts: AbstractSet[StreamFact]) -> bool:
        """Whether to offer it on a stream of which ``facts`` are true."""
        return self.needs <= facts and not self.forbids & facts


STARTTLS: Final = StreamFeature(
    name="starttls",
    namespace=TLS,
    needs=frozenset(),
    forbids=frozenset({StreamFact.SECURE}),
    content="<required/>",
)
"""Always required, and alone as long as it is due (RFC 6120, section 5.3.1)."""

EXTERNAL: Final = StreamFeature(
    name="mechanisms",
    namespace=SASL,
    needs=frozenset({StreamFact.SECURE, StreamFact.PEER_PROVEN}),
    forbids=frozenset({StreamFact.AUTHENTICATED}),
    content="<mechanism>EXTERNAL</mechanism>",
    mechanism="EXTERNAL",
)
"""Only for a peer whose certificate proves its domain (RFC 6120, section 6.3.4; XEP-0178, section 3)."""

FEATURES: Final = (STARTTLS, EXTERNAL)
"""Every feature we offer, in the order of the offer."""


def features_element(facts: AbstractSet[StreamFact]) -> bytes:
    """Write the features of a stream of which ``facts`` are true."""
    offers = (f"<{f.name} xmlns='{f.namespace}'>{f.content}</{f.name}>" for f in FEATURES if f.fits(facts))
    return f"<stream:features>{''.join(offers)}</stream:features>".encode()


def is_features(element: Slice) -> bool:
    """Whether a first-level element is a set of stream features."""
    return element.name == "features" and element.namespace == STREAMS


def read_features(element: Slice) -> frozenset[StreamFeature]:
    """
    Which of the features we know a peer offers.

    :param element: ``stream:features``; unknown children and mechanisms are ignored.
    """
    offered: set[tuple[str, str, str | None]] = set()
    for child in element.tree().elements():
        offered.add((child.uri, child.name, None))
        offered.update(
            (child.uri, child.name, str(mechanism).strip()) for mechanism in child.elements(child.uri, "mechanism")
        )
    return frozenset(f for f in FEATURES if (f.namespace, f.name, f.mechanism) in offered)
