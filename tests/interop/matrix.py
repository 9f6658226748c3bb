"""
Which cases there are between muxs2s and servers of others, and which of them are run each time.

Knows the words in which two cases differ, what no server can do, and how few cases are chosen so that
every two words meet. Does not know how a case is played: see :mod:`tests.interop.plays`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import combinations, product
from typing import Final, Literal, get_args

__all__ = ["EVERY", "HEALTHY", "OUTAGES", "SELECTED", "Fault", "Situation", "meetings", "select"]

PeerName = Literal["prosody", "ejabberd", "jabberd2"]
First = Literal["we first", "peer first"]
Proof = Literal["external", "dialback"]
Bidi = Literal["one way", "bidi"]
Security = Literal["starttls", "direct tls"]
Domains = Literal["one domain", "ten domains"]
Fault = Literal["healthy", "restarted", "killed", "half-open", "refuses", "slow dns"]

Word = tuple[str, str]
"""A dimension and one of its values."""

TOGETHER: Final = 3
"""How many words are to meet in the selection: every two do, as every three do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What one case is about."""

    peer: PeerName
    first: First
    """Which server connects first, because a stanza of its own has to go."""

    proof: Proof
    bidi: Bidi
    security: Security
    domains: Domains
    """How many domains are ours; the peer has one."""

    fault: Fault

    @property
    def name(self) -> str:
        """As the test is called."""
        return "_".join(astuple(self)).replace(" ", "_").replace("-", "_")

    def __str__(self) -> str:
        return ", ".join(astuple(self))

    @property
    def words(self) -> tuple[Word, ...]:
        """All that it is made of."""
        return tuple((each.name, getattr(self, each.name)) for each in fields(self))

    @property
    def is_possible(self) -> bool:
        """Whether the peer can do so: bidi is Prosody's alone, and jabberd2 has but dialback after STARTTLS."""
        if self.peer == "jabberd2" and (self.proof, self.security) != ("dialback", "starttls"):
            return False
        return self.bidi == "one way" or self.peer == "prosody"


def _every() -> list[Situation]:
    dimensions = (PeerName, First, Proof, Bidi, Security, Domains, Fault)
    names = [each.name for each in fields(Situation)]
    situations = (Situation(**dict(zip(names, values, strict=True))) for values in product(*map(get_args, dimensions)))
    return [situation for situation in situations if situation.is_possible]


def meetings(situations: Iterable[Situation], together: int) -> set[tuple[Word, ...]]:
    """Every set of so many words that meet in one situation."""
    return {met for situation in situations for met in combinations(situation.words, together)}


def select(situations: Sequence[Situation], together: int = TOGETHER) -> list[Situation]:
    """
    Choose situations in which all words meet that meet in any: always the first that brings most meetings.

    :returns: in the order of ``situations``.
    """
    chosen: set[Situation] = set()
    missing = meetings(situations, together)
    while missing:
        best = max(situations, key=lambda situation: len(missing.intersection(meetings([situation], together))))
        missing -= meetings([best], together)
        chosen.add(best)
    return [situation for situation in situations if situation in chosen]


EVERY: Final = _every()
"""All that are possible."""

HEALTHY: Final = [situation for situation in EVERY if situation.fault == "healthy"]
OUTAGES: Final = [situation for situation in EVERY if situation.fault != "healthy"]
SELECTED: Final = select(OUTAGES)
"""The outages that are played each time."""
