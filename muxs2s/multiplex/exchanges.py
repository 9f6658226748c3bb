"""
Where one exchange stands, for the end that presents a certificate and for the end that verifies it.

Knows which step may follow which. Does not know what a step does: see :mod:`muxs2s.multiplex.presenting` and
:mod:`muxs2s.multiplex.verifying`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import auto
from types import MappingProxyType
from typing import ClassVar, Final

from muxs2s.multiplex.waits import DueWait
from muxs2s.wire.kinds import Kind
from muxs2s.wire.names import DomainName

__all__ = [
    "PRESENTING",
    "VERIFYING",
    "Exchange",
    "PresenterInput",
    "PresenterState",
    "VerifierInput",
    "VerifierState",
]


class PresenterState(Kind):
    """What the end that proves a domain of its own waits for."""

    NEW = auto()
    """Nothing has been said."""
    OFFERED = auto()
    """The request of the peer."""
    ASKED = auto()
    """Its own signature."""
    PRESENTED = auto()
    """The verdict of the peer."""
    OVER = auto()


class PresenterInput(Kind):
    """What moves it on."""

    OFFER = auto()
    """It says that it would like to prove the domain."""
    REQUEST = auto()
    """The peer asks, in answer to an offer or by itself."""
    READY = auto()
    """The proof is made."""
    DECLINE = auto()
    """It cannot prove the domain, or will not."""
    ACCEPT = auto()
    REJECT = auto()
    LATE = auto()
    """The wait for the peer is up."""


class VerifierState(Kind):
    """What the end that verifies waits for."""

    NEW = auto()
    """Nothing has been said."""
    REQUESTED = auto()
    """The proof of the peer."""
    RECALLING = auto()
    """Its own verdict on a certificate that was accepted before; the peer, which has shown nothing, may still leave."""
    JUDGING = auto()
    """Its own verdict."""
    OVER = auto()


class VerifierInput(Kind):
    """What moves it on."""

    REQUEST = auto()
    """It asks for a proof, in answer to an offer or by itself."""
    RECALL = auto()
    """A certificate that names the domain was accepted before: that one is judged for it."""
    PRESENT = auto()
    REJECT = auto()
    """The peer will not prove the domain."""
    PROVEN = auto()
    NOT_PROVEN = auto()
    LATE = auto()
    """The wait is up, for the peer or for the verdict."""
    REMOVAL = auto()
    """Either end begins to take the domain off by name."""


_P, _PI, _V, _VI = PresenterState, PresenterInput, VerifierState, VerifierInput

PRESENTING: Final[Mapping[tuple[PresenterState, PresenterInput], PresenterState]] = MappingProxyType(
    {
        (_P.NEW, _PI.OFFER): _P.OFFERED,
        (_P.NEW, _PI.REQUEST): _P.ASKED,
        (_P.OFFERED, _PI.REQUEST): _P.ASKED,
        (_P.OFFERED, _PI.LATE): _P.OVER,
        (_P.ASKED, _PI.READY): _P.PRESENTED,
        (_P.ASKED, _PI.DECLINE): _P.OVER,
        (_P.PRESENTED, _PI.LATE): _P.PRESENTED,
        **{(state, _PI.ACCEPT): _P.OVER for state in (_P.OFFERED, _P.ASKED, _P.PRESENTED)},
        **{(state, _PI.REJECT): _P.OVER for state in (_P.OFFERED, _P.ASKED, _P.PRESENTED)},
    }
)
"""Once the proof is shown, only the verifier ends the exchange. What is absent changes nothing."""

VERIFYING: Final[Mapping[tuple[VerifierState, VerifierInput], VerifierState]] = MappingProxyType(
    {
        (_V.NEW, _VI.REQUEST): _V.REQUESTED,
        (_V.NEW, _VI.RECALL): _V.RECALLING,
        (_V.REQUESTED, _VI.PRESENT): _V.JUDGING,
        (_V.REQUESTED, _VI.REJECT): _V.OVER,
        (_V.RECALLING, _VI.REJECT): _V.OVER,
        **{(state, _VI.PROVEN): _V.OVER for state in (_V.RECALLING, _V.JUDGING)},
        **{(state, _VI.NOT_PROVEN): _V.OVER for state in (_V.RECALLING, _V.JUDGING)},
        **{(state, _VI.LATE): _V.OVER for state in (_V.REQUESTED, _V.RECALLING, _V.JUDGING)},
        **{(state, _VI.REMOVAL): _V.OVER for state in (_V.REQUESTED, _V.RECALLING, _V.JUDGING)},
    }
)
"""What is absent changes nothing."""


class Exchange:
    """
    What is common to exchanges of both roles.

    :param is_ours: whether we have begun it.
    """

    __slots__ = ("domain", "id", "is_ours")

    waits_as: ClassVar[DueWait]

    def __init__(self, id: int, domain: DomainName, *, is_ours: bool) -> None:
        self.id, self.domain, self.is_ours = id, domain, is_ours
