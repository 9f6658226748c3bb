"""Elements of multiplexing that hypothesis makes up."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as some

from muxs2s.multiplex.conditions import EnableCondition, MultiplexCondition
from muxs2s.multiplex.elements import (
    Accept,
    Enable,
    Enabled,
    Failed,
    ListedName,
    MultiplexElement,
    Offer,
    Present,
    Reject,
    Request,
    Revoke,
    Revoked,
    Withdraw,
    Withdrawn,
)
from muxs2s.multiplex.formats import MAX_ID, MAX_NUMBER
from muxs2s.wire.names import DomainName, DomainPattern

_LABELS: Final = some.sampled_from(["a", "b", "rooms", "x-1", "bücher", "0", "m" * 63])
DOMAINS: Final = some.builds(
    lambda labels: DomainName.parse(".".join([*labels, "example"])), some.lists(_LABELS, min_size=1, max_size=3)
)
NAMES: Final = DOMAINS | some.builds(DomainPattern, DOMAINS)

_IDS: Final = some.integers(1, MAX_ID)
_CERTIFICATES: Final = some.integers(0, MAX_ID)
_NUMBERS: Final = some.integers(1, MAX_NUMBER)
_DATA: Final = some.binary(max_size=100)
_UNTIL: Final = some.none() | some.integers(0, 253_402_300_799).map(float)
_CONDITIONS: Final = some.sampled_from(MultiplexCondition)
_SOME_NAMES: Final = some.lists(NAMES, min_size=1, max_size=5).map(tuple)
_TEXTS: Final = some.text(some.characters(categories=["L", "N", "P", "S"]), max_size=40)

ELEMENTS: Final[some.SearchStrategy[MultiplexElement]] = some.one_of(
    some.builds(Enable, max_domains=_NUMBERS, max_pending=_NUMBERS),
    some.just(Enabled()),
    some.builds(Failed, condition=some.sampled_from(EnableCondition)),
    some.builds(Offer, id=_IDS, domain=DOMAINS, renew=some.booleans()),
    some.builds(Request, id=_IDS, domain=DOMAINS, data=_DATA),
    some.builds(Present, id=_IDS, data=_DATA),
    some.builds(
        Accept,
        id=_CERTIFICATES,
        certificate=some.none() | _CERTIFICATES,
        names=some.lists(some.builds(ListedName, name=NAMES, until=_UNTIL), max_size=5).map(tuple),
    ),
    some.builds(
        Reject,
        id=_IDS,
        condition=_CONDITIONS.filter(lambda condition: condition is not MultiplexCondition.REPLACED),
        retry_seconds=some.none() | some.integers(0, MAX_NUMBER).map(float),
        text=_TEXTS,
    ),
    some.builds(Withdraw, id=_IDS, names=_SOME_NAMES),
    some.builds(Revoke, id=_IDS, certificate=some.none(), names=_SOME_NAMES, condition=_CONDITIONS),
    some.builds(Revoke, id=_IDS, certificate=_CERTIFICATES, names=some.just(()), condition=_CONDITIONS),
    some.builds(Withdrawn, id=_IDS),
    some.builds(Revoked, id=_IDS),
)
"""Every kind, each as it is after it was read."""
