"""
Stream features as records: what each needs, what forbids it, how it is offered and read.

The order of negotiation follows from the preconditions and is wired nowhere. Does not know the
exchanges that follow an offer: see :mod:`muxs2s.stream.external` and :mod:`muxs2s.stream.proving`.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from muxs2s.multiplex.elements import PeerLimits
from muxs2s.multiplex.reading import read_feature
from muxs2s.stream.announced import AnnouncedLimits, read_limits
from muxs2s.wire.namespaces import BIDI_FEATURE, DIALBACK_FEATURE, MULTIPLEX, SASL, STREAM_LIMITS, STREAMS, TLS
from muxs2s.wire.stanza import Slice

__all__ = [
    "BIDI",
    "DIALBACK",
    "DIALBACK_ERRORS",
    "EXTERNAL",
    "FEATURES",
    "LIMITS",
    "MULTIPLEXING",
    "STARTTLS",
    "OfferedFeatures",
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

    DIALBACK_SERVES = auto()
    """A dialback key might prove the peer's domain."""

    TWO_WAY = auto()
    """We want stanzas in both directions."""

    MULTIPLEXES = auto()
    """TLS is fit for multiplexing, we want it, and stanzas go both ways or may yet."""

    PLAIN_SERVES = auto()
    """What we ask of the peer lets it go without TLS."""


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
    """What stands inside the offer, unless the stream has something else to say there."""

    child: tuple[str, str] | None = None
    """The name and text of a child without which it is not this feature: a mechanism, say."""

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
"""Required unless the policy of the peer says otherwise (RFC 6120, section 5.3.1)."""

EXTERNAL: Final = StreamFeature(
    name="mechanisms",
    namespace=SASL,
    needs=frozenset({StreamFact.SECURE, StreamFact.PEER_PROVEN}),
    forbids=frozenset({StreamFact.AUTHENTICATED}),
    content="<mechanism>EXTERNAL</mechanism>",
    child=("mechanism", "EXTERNAL"),
)
"""Only for a peer whose certificate proves its domain (RFC 6120, section 6.3.4; XEP-0178, section 3)."""

DIALBACK: Final = StreamFeature(
    name="dialback",
    namespace=DIALBACK_FEATURE,
    needs=frozenset({StreamFact.DIALBACK_SERVES}),
    forbids=frozenset({StreamFact.AUTHENTICATED}),
    content="<errors/>",
)
"""Together with the promise to answer errors by errors (XEP-0220, section 2.4.2)."""

DIALBACK_ERRORS: Final = StreamFeature(
    name=DIALBACK.name,
    namespace=DIALBACK.namespace,
    needs=frozenset(StreamFact),
    forbids=frozenset(StreamFact),
    child=("errors", ""),
)
"""That promise, as a peer gives it; ours is part of :data:`DIALBACK`."""

BIDI: Final = StreamFeature(
    name="bidi",
    namespace=BIDI_FEATURE,
    needs=frozenset({StreamFact.TWO_WAY}),
    forbids=frozenset({StreamFact.AUTHENTICATED}),
)
"""Both outside TLS and inside, though it can be taken up inside only (XEP-0288, section 2.1)."""

LIMITS: Final = StreamFeature(
    name="limits",
    namespace=STREAM_LIMITS,
    needs=frozenset({StreamFact.SECURE}),
    forbids=frozenset(),
)
"""No offer, but told among the offers (XEP-0478, section 3.1)."""

MULTIPLEXING: Final = StreamFeature(
    name="mux",
    namespace=MULTIPLEX,
    needs=frozenset({StreamFact.SECURE, StreamFact.MULTIPLEXES}),
    forbids=frozenset(),
)
"""Before authentication and after it (doc/protocol.rst)."""

_NO_CONTENTS: Final[Mapping[StreamFeature, str]] = MappingProxyType({})

FEATURES: Final = (STARTTLS, EXTERNAL, DIALBACK, BIDI, LIMITS, MULTIPLEXING)
"""Every feature we offer, in the order of the offer."""


def features_element(
    facts: AbstractSet[StreamFact],
    contents: Mapping[StreamFeature, str] = _NO_CONTENTS,
    attributes: Mapping[StreamFeature, str] = _NO_CONTENTS,
) -> bytes:
    """
    Write the features of a stream of which ``facts`` are true.

    :param contents: what stands in features that do not say the same everywhere.
    :param attributes: the same for what stands in their start tags.
    """
    offers = (
        f"<{f.name} xmlns='{f.namespace}'{attributes.get(f, '')}>{contents.get(f, f.content)}</{f.name}>"
        for f in FEATURES
        if f.fits(facts)
    )
    return f"<stream:features>{''.join(offers)}</stream:features>".encode()


def is_features(element: Slice) -> bool:
    """Whether a first-level element is a set of stream features."""
    return element.name == "features" and element.namespace == STREAMS


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedFeatures:
    """What a peer offers, of what we know."""

    features: frozenset[StreamFeature]
    limits: AnnouncedLimits
    multiplex: PeerLimits | None = None
    """How much the peer takes where both multiplex; ``None`` if it has not offered to."""

    def __contains__(self, feature: StreamFeature) -> bool:
        """Whether a feature is among them."""
        return feature in self.features


def read_features(element: Slice) -> OfferedFeatures:
    """
    Which of the features we know a peer offers.

    :param element: ``stream:features``; unknown children and mechanisms are ignored.
    """
    tree = element.tree()
    offered: set[tuple[str, str, tuple[str, str] | None]] = set()
    for feature in tree.elements():
        offered.add((feature.uri, feature.name, None))
        offered.update(
            (feature.uri, feature.name, (child.name, str(child).strip()))
            for child in feature.elements()
            if child.uri == feature.uri
        )
    known = (*FEATURES, DIALBACK_ERRORS)
    return OfferedFeatures(
        features=frozenset(f for f in known if (f.namespace, f.name, f.child) in offered),
        limits=read_limits(tree),
        multiplex=read_feature(tree),
    )
