"""
Which way the pairs of ours take to a peer, since when, and why not a better one.

Knows the ways, best first, what a peer must show for each, and what each peer has shown lately. A lesser way
is never a lesser demand: what policy asks of a domain, it asks on every way. Does not open streams: see
:mod:`muxs2s.service.searching`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from twisted.logger import Logger

from muxs2s.network.addresses import with_port
from muxs2s.service.whereabouts import Endpoint

__all__ = ["MAX_WAYS", "MULTIPLEXING", "ORDINARY", "ORDINARY_SECONDS", "WAYS", "Choice", "Way", "Ways"]

MAX_WAYS: Final = 10_000
"""Endpoints of peers of which it is known which way leads there, the one heard of least lately first out."""

ORDINARY_SECONDS: Final = 600.0
"""For which a peer that did not multiplex is called for each pair at once, before one call is waited for again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to carry the pairs between us and one peer."""

    name: str
    """As logs and the status have it."""

    needs: str
    """What the peer must show, for people."""


MULTIPLEXING: Final = Way(
    name="certificate multiplexing", needs="urn:xmpp:mux-cert:0 and bidi in its features inside TLS 1.3"
)
ORDINARY: Final = Way(name="ordinary streams", needs="nothing: each pair has a stream of its own")

WAYS: Final = (MULTIPLEXING, ORDINARY)
"""Best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The way to one peer."""

    peer: str
    """``host:port`` where it was met."""

    way: Way
    why_not_better: str
    """What keeps the peer, or us, from a better way; empty for the best."""

    since: float
    """Seconds since the epoch."""


@dataclass(slots=True)
class _Known:
    choice: Choice
    shown_at: float
    """When the peer has last shown it."""


class Ways:
    """The ways to all peers met lately."""

    _log = Logger()

    def __init__(self) -> None:
        self._known: OrderedDict[Endpoint, _Known] = OrderedDict()

    def choices(self) -> tuple[Choice, ...]:
        """Every peer met lately, under the name by which it was found."""
        return tuple(dict.fromkeys(known.choice for known in self._known.values()))

    def is_ordinary(self, endpoints: Iterable[Endpoint], now: float) -> bool:
        """Whether a peer has shown lately that it does not multiplex."""
        found = (self._known[endpoint] for endpoint in endpoints if endpoint in self._known)
        return any(known.choice.way is ORDINARY and now < known.shown_at + ORDINARY_SECONDS for known in found)

    def multiplexes(self, endpoints: Iterable[Endpoint]) -> bool:
        """Whether a peer has multiplexed when it was met last."""
        return any(
            endpoint in self._known and self._known[endpoint].choice.way is MULTIPLEXING for endpoint in endpoints
        )

    def note(self, endpoints: tuple[Endpoint, ...], way: Way, now: float, why_not_better: str = "") -> None:
        """
        Note what a peer has shown; what is new stands in the log.

        :param endpoints: names of one endpoint, the one for people first.
        :param why_not_better: for people.
        """
        choice = Choice(peer=with_port(*endpoints[0]), way=way, why_not_better=why_not_better, since=now)
        before = next((self._known[endpoint].choice for endpoint in endpoints if endpoint in self._known), None)
        if before is not None and (before.way, before.why_not_better) == (way, why_not_better):
            choice = before
        else:
            self._say(choice)
        for endpoint in endpoints:
            self._known[endpoint] = _Known(choice, now)
            self._known.move_to_end(endpoint)
        while len(self._known) > MAX_WAYS:
            self._known.popitem(last=False)

    def _say(self, choice: Choice) -> None:
        why = f", and not {WAYS[0].name}: {choice.why_not_better}" if choice.why_not_better else ""
        self._log.info("to the server at {peer} by {way}{why}", peer=choice.peer, way=choice.way.name, why=why)
