"""
Which streams are open after a case, and which have to be.

Knows what every situation leaves: by pair of domains, direction and proof. Reads what muxs2s says of its
streams, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, product

from muxs2s.service.status import StreamStatus
from muxs2s.stream.associations import Association, Direction
from tests.interop.matrix import Situation

__all__ = ["OpenStreams", "Openers", "Passage", "expected", "read_streams"]

Passage = tuple[str, str, str]
"""From which domain to which stanzas may pass, and what proved the one that is not ours."""

Openers = tuple[str, ...]
"""Who opened the streams that let the same pass, ``peer`` and ``we``, in alphabetical order."""

OpenStreams = Mapping[frozenset[Passage], Openers]
"""What passes on streams, with those who opened them."""


def expected(situation: Situation, ours: Sequence[str], their: str) -> Mapping[frozenset[Passage], Sequence[Openers]]:
    """
    Which streams may be open in the end, and by whom they may have been opened.

    There is one for each pair of domains and each direction, or for both directions of the pair; jabberd2
    sends for all pairs on one.
    """
    prooftype = "pkix" if situation.proof == "external" else "dialback"
    there = [(our, their, prooftype) for our in ours]
    back = [(their, our, prooftype) for our in ours]
    if situation.bidi == "bidi":
        return dict.fromkeys(map(frozenset, zip(there, back, strict=True)), _openers_of_both_ways(situation))
    shared = [back] if situation.peer == "jabberd2" else [[passage] for passage in back]
    return {
        **{frozenset({passage}): [("we",)] for passage in there},
        **{frozenset(passages): [("peer",)] for passages in shared},
    }


def _openers_of_both_ways(situation: Situation) -> Sequence[Openers]:
    """
    Whoever is first opens a stream that serves both directions.

    Prosody asks about our dialback keys on a stream of its own, and keeps it. After an outage that met both
    sides in the middle of sending either of them may be first, or both.
    """
    if situation.fault in {"restarted", "killed", "half-open"}:
        return [("we",), ("peer",), ("peer", "we")]
    if situation.first == "peer first":
        return [("peer",)]
    return [("peer", "we") if situation.proof == "dialback" else ("we",)]


def read_streams(streams: Iterable[StreamStatus]) -> OpenStreams:
    """What muxs2s says of its streams."""
    found: dict[frozenset[Passage], Openers] = {}
    for stream in streams:
        passages = frozenset(chain.from_iterable(_passages(direction, stream.associations) for direction in Direction))
        found[passages] = tuple(sorted((*found.get(passages, ()), "we" if stream.initiated else "peer")))
    return found


def _passages(direction: Direction, associations: Iterable[Association]) -> Iterator[Passage]:
    """Pairs that were proven, and pairs of domains that were."""
    lane = [association for association in associations if association.direction is direction]
    for sender, target in product(lane, lane):
        if sender.target is None and target.sender is None:
            proof = (sender if direction is Direction.INBOUND else target).grant.prooftype
            yield str(sender.sender), str(target.target), proof
    for pair in lane:
        if pair.sender is not None and pair.target is not None:
            yield str(pair.sender), str(pair.target), pair.grant.prooftype
