"""
The streams that multiplex: whose domains they lead to, and where.

Knows what is proven on them by name, which is what may be used, and what is supposed of them by endpoint, which
is whom to ask. Closes those that became one too many. Does not know who waits
(:mod:`muxs2s.service.asking`) nor when a stream is opened (:mod:`muxs2s.service.searching`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Final, TypeVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from muxs2s.network.protocol import StreamProtocol
from muxs2s.service.preference import SILENCE_SECONDS, SPARE_SECONDS, Stays, preference
from muxs2s.service.whereabouts import Endpoint
from muxs2s.stream.initiating import InitiatingStream
from muxs2s.wire.names import DomainPair, DomainPattern, Name

__all__ = ["SharedStreams"]

K = TypeVar("K", bound=Hashable)

_CROSSED: Final = 2
"""Streams to one peer."""


class _Index(dict[K, tuple[StreamProtocol, ...]]):
    """Streams under one kind of key, the preferred one first."""

    def enter(self, key: K, connection: StreamProtocol) -> None:
        """Have a stream under a key where it is not yet."""
        self[key] = tuple(sorted((*self.get(key, ()), connection), key=preference))

    def leave(self, key: K, connection: StreamProtocol) -> None:
        """Have it there no longer."""
        left = tuple(stream for stream in self.get(key, ()) if stream is not connection)
        if left:
            self[key] = left
        else:
            self.pop(key, None)


class SharedStreams:
    """Streams with many pairs."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._names: dict[StreamProtocol, set[Name]] = {}
        """Of peers, by the streams on which they are accepted."""
        self._endpoints: dict[StreamProtocol, set[Endpoint]] = {}
        self._by_name: _Index[Name] = _Index()
        self._by_endpoint: _Index[Endpoint] = _Index()
        """Where streams lead that we have opened, or whose peer calls from there."""
        self._by_hint: _Index[Endpoint] = _Index()
        """Where the peers of other streams say that they are; they could say anything."""
        self._patterns = 0
        self._doubled: set[Name] = set()
        """Names to which more than one stream leads."""
        self._stays = Stays()
        self._look: IDelayedCall | None = None

    def __contains__(self, connection: object) -> bool:
        return connection in self._names

    # Which stream.

    def find(self, pair: DomainPair, now: float) -> StreamProtocol | None:
        """Find the stream for what a pair sends now, among those where its domains are accepted."""
        streams: Sequence[StreamProtocol] = self._by_name.get(pair.target, ())
        if self._patterns:
            above = self._by_name.get(DomainPattern.above(pair.target), ())
            streams = sorted({*streams, *above}, key=preference) if above else streams
        if len(streams) > 1:
            return self._stays.choose(pair, streams, now)
        for each in streams:  # one at most: a loop, as this is asked for every stanza
            if each.stream.may_send(pair, now):
                return each
        return None

    def leading_to(self, endpoints: Iterable[Endpoint], *, takes_hints: bool = True) -> StreamProtocol | None:
        """
        Find a stream whose peer may answer for a domain that is to be found at one of these endpoints.

        :param takes_hints: whether a stream is good enough of which only its peer says that it leads there.
        """
        for index in (self._by_endpoint, self._by_hint)[: 1 + takes_hints]:
            found = {connection for endpoint in endpoints for connection in index.get(endpoint, ())}
            usable = [connection for connection in found if connection.multiplexer is not None]
            if usable:
                return min(usable, key=preference) if len(usable) > 1 else usable[0]
        return None

    def is_sure(self, connection: StreamProtocol, endpoints: Iterable[Endpoint]) -> bool:
        """Whether a stream leads to one of these endpoints, whatever its peer says."""
        return any(connection in self._by_endpoint.get(endpoint, ()) for endpoint in endpoints)

    # What is known of a stream.

    def add(self, connection: StreamProtocol) -> None:
        """A stream multiplexes."""
        self._names.setdefault(connection, set())
        self._endpoints.setdefault(connection, set())

    def leads(self, connection: StreamProtocol, endpoints: Iterable[Endpoint], *, is_sure: bool) -> None:
        """
        A stream leads to endpoints.

        :param is_sure: whether we have called there, or are called from there; otherwise DNS of a domain of the
            peer says so, which is the peer's to choose.
        """
        for endpoint in endpoints:
            (self._by_endpoint if is_sure else self._by_hint).enter(endpoint, connection)
            self._endpoints[connection].add(endpoint)

    def misled(self, connection: StreamProtocol, endpoints: Iterable[Endpoint]) -> None:
        """A stream does not lead where its peer says that it does: this is not supposed of it any more."""
        for endpoint in endpoints:
            self._by_hint.leave(endpoint, connection)

    def opened(self, connection: StreamProtocol, names: Sequence[Name]) -> None:
        """Names of the peer are accepted on a stream."""
        self.add(connection)
        for name in names:
            if name not in self._names[connection]:
                self._open(connection, name)

    def closed(self, connection: StreamProtocol, names: Sequence[Name]) -> None:
        """Names of the peer are accepted there no longer."""
        known = self._names.get(connection, set())
        for name in known.intersection(names):
            known.discard(name)
            self._patterns -= isinstance(name, DomainPattern)
            self._by_name.leave(name, connection)
            if len(self._by_name.get(name, ())) < _CROSSED:
                self._doubled.discard(name)
                self._stays.uncrossed(name)
        if not self._doubled:
            self._stays.clear()
        self._watch()

    def gone(self, connection: StreamProtocol) -> None:
        """A stream is over; while it was closing, pairs stayed there that had sent on it."""
        self.closed(connection, tuple(self._names.get(connection, ())))
        for endpoint in self._endpoints.pop(connection, ()):
            self._by_endpoint.leave(endpoint, connection)
            self._by_hint.leave(endpoint, connection)
        self._names.pop(connection, None)

    # Streams that cross.

    def _open(self, connection: StreamProtocol, name: Name) -> None:
        before = self._by_name.get(name, ())
        if before and name not in self._doubled:
            self._stays.crossed(name, before[0], self._clock.seconds())
            self._doubled.add(name)
        self._names[connection].add(name)
        self._patterns += isinstance(name, DomainPattern)
        self._by_name.enter(name, connection)
        self._watch()

    def _watch(self) -> None:
        """Look after crossed streams for as long as there are any."""
        if self._doubled and self._look is None:
            self._look = self._clock.callLater(SILENCE_SECONDS, self._look_after)
        elif self._look is not None and not self._doubled:
            self._look.cancel()
            self._look = None

    def _look_after(self) -> None:
        self._look = None
        now = self._clock.seconds()
        spare = dict.fromkeys(connection for name in self._doubled for connection in self._by_name[name][1:])
        for connection in spare:
            if isinstance(connection.stream, InitiatingStream) and _is_quiet(connection, now):
                connection.close()
        self._watch()


def _is_quiet(connection: StreamProtocol, now: float) -> bool:
    """Whether nothing has happened on a stream for so long that it is not needed."""
    multiplexer = connection.multiplexer
    is_idle = multiplexer is not None and multiplexer.is_idle
    return is_idle and now >= connection.stream.last_stanza_at + SPARE_SECONDS
