"""
Which domains were refused on a stream, why, and when each may be tried again.

Knows how waits grow from one failure to the next. Does not know what has failed: see
:mod:`muxs2s.multiplex.presenting` and :mod:`muxs2s.multiplex.verifying`.
"""

from __future__ import annotations

from typing import Final

from muxs2s.multiplex.conditions import LONGEST_RETRY_SECONDS, Objection
from muxs2s.multiplex.events import DomainRefused, Whose
from muxs2s.wire.names import DomainName

__all__ = ["MAX_KEPT_CHARACTERS", "Refusals"]

MAX_KEPT_CHARACTERS: Final = 200
"""Of what was said for people, as long as the refusal is kept."""

_MOST_DOUBLINGS: Final = 6
"""From a minute to an hour."""


class Refusals:
    """
    What was last said of domains that are not proven.

    :param max_domains: kept; the one that was refused longest ago is forgotten first.
    """

    def __init__(self, max_domains: int) -> None:
        self._max_domains = max_domains
        self._last: dict[tuple[Whose, DomainName], tuple[DomainRefused, int]] = {}
        """With how many times in a row."""

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._last)

    def note(self, whose: Whose, domain: DomainName, objection: Objection, now: float) -> DomainRefused:
        """Remember a refusal."""
        _, failures = self._last.pop((whose, domain), (None, 0))
        refused = DomainRefused(
            whose=whose,
            domain=domain,
            condition=objection.condition,
            text=objection.text[:MAX_KEPT_CHARACTERS],
            retry_at=now + _wait_seconds(objection, failures),
        )
        self._last[whose, domain] = refused, failures + 1
        if len(self._last) > self._max_domains:
            del self._last[next(iter(self._last))]
        return refused

    def forget(self, whose: Whose, domain: DomainName) -> None:
        """A domain is proven after all."""
        self._last.pop((whose, domain), None)

    def find(self, whose: Whose, domain: DomainName, now: float) -> DomainRefused | None:
        """What keeps a domain from being tried now, if anything."""
        known = self._last.get((whose, domain))
        return None if known is None or known[0].retry_at <= now else known[0]


def _wait_seconds(objection: Objection, failures: int) -> float:
    """How long to wait, after so many failures in a row before this one."""
    if objection.retry_seconds is not None:
        return objection.retry_seconds
    seconds = objection.condition.retry_seconds
    if objection.condition.doubles:
        seconds = min(seconds * 2 ** min(failures, _MOST_DOUBLINGS), LONGEST_RETRY_SECONDS)
    return seconds
