"""
Pairs that wait on a stream that multiplexes, until both of their domains are accepted there.

Knows who waits for which domain, and tells each what came of it. Does not know how a domain is proven
(:mod:`muxs2s.multiplex`), nor where a pair turns that was refused (:mod:`muxs2s.service.searching`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum, auto

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from muxs2s.multiplex.events import Whose
from muxs2s.network.protocol import StreamProtocol
from muxs2s.wire.names import DomainName, DomainPair, DomainPattern

__all__ = ["Answer", "Askers"]


class Answer(Enum):
    """What came of asking for a pair on a stream."""

    OPENED = auto()
    """The stream may carry the pair."""

    REFUSED = auto()
    """One of its domains is not accepted here, or not in time."""

    MISLED = auto()
    """Its peer only said that it leads there."""

    GONE = auto()
    """The stream is over."""


class _Line:
    """Those who wait on one stream."""

    def __init__(self) -> None:
        self._waiting: dict[DomainPair, Deferred[Answer]] = {}
        self._of: dict[Whose, dict[DomainName, dict[DomainPair, None]]] = {whose: {} for whose in Whose}
        """Their pairs, in the order in which they came, by the domain of either end."""

    def __len__(self) -> int:
        return len(self._waiting)

    def knows(self, pair: DomainPair) -> bool:
        """Whether others wait for both of its domains, so that nothing of it has to be asked for any more."""
        return all(domain in domains for domains, domain in self._places(pair))

    def join(self, pair: DomainPair) -> Deferred[Answer]:
        """Wait."""

        def leave(_asker: Deferred[Answer]) -> None:
            self._leave(pair)

        asker: Deferred[Answer] = Deferred(leave)
        self._waiting[pair] = asker
        for domains, domain in self._places(pair):
            domains.setdefault(domain, {})[pair] = None
        return asker

    def concerned(self, whose: Whose, names: Sequence[DomainName | DomainPattern]) -> list[DomainPair]:
        """Those who wait for one of these names."""
        domains = self._of[whose]
        return [pair for name in names for domain in _matching(name, domains) for pair in domains[domain]]

    def answer(self, pairs: Sequence[DomainPair], answer: Answer) -> None:
        """Tell some of them."""
        for pair in pairs:
            if pair in self._waiting:  # what one is told may make another leave
                self._leave(pair).callback(answer)

    def answer_all(self, answer: Answer) -> None:
        """Tell everybody."""
        self.answer(tuple(self._waiting), answer)

    def _leave(self, pair: DomainPair) -> Deferred[Answer]:
        for domains, domain in self._places(pair):
            del domains[domain][pair]
            if not domains[domain]:
                del domains[domain]
        return self._waiting.pop(pair)

    def _places(self, pair: DomainPair) -> Iterator[tuple[dict[DomainName, dict[DomainPair, None]], DomainName]]:
        yield self._of[Whose.OURS], pair.sender
        yield self._of[Whose.PEERS], pair.target


def _matching(name: DomainName | DomainPattern, domains: dict[DomainName, dict[DomainPair, None]]) -> list[DomainName]:
    if isinstance(name, DomainPattern):
        return [domain for domain in domains if name.matches(domain)]
    return [name] if name in domains else []


class Askers:
    """Those who wait, by stream."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._lines: dict[StreamProtocol, _Line] = {}

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def ask(self, pair: DomainPair, connection: StreamProtocol) -> Deferred[Answer]:
        """
        Have what is missing for a pair proven on a stream.

        :returns: fires with what came of it, at once if nothing is missing or it was refused lately. Can be
            cancelled; what was begun then goes on, for whoever comes next.
        """
        line = self._lines.get(connection) or _Line()
        if not line.knows(pair) and connection.want(pair) is not None:
            return succeed(Answer.REFUSED)
        if connection.multiplexer is None:
            return succeed(Answer.GONE)
        if self._may_send(connection, pair):
            return succeed(Answer.OPENED)
        self._lines[connection] = line
        return line.join(pair)

    def opened(self, connection: StreamProtocol, whose: Whose, names: Sequence[DomainName | DomainPattern]) -> None:
        """Names have become usable: tell those who miss nothing more."""
        line = self._lines.get(connection)
        if line is not None:
            pairs = [pair for pair in line.concerned(whose, names) if self._may_send(connection, pair)]
            line.answer(pairs, Answer.OPENED)

    def refused(self, connection: StreamProtocol, whose: Whose, names: Sequence[DomainName | DomainPattern]) -> None:
        """Names are not to be had on a stream."""
        line = self._lines.get(connection)
        if line is not None:
            line.answer(line.concerned(whose, names), Answer.REFUSED)

    def closing(self, connection: StreamProtocol) -> None:
        """A stream is over."""
        line = self._lines.pop(connection, None)
        if line is not None:
            line.answer_all(Answer.GONE)

    def _may_send(self, connection: StreamProtocol, pair: DomainPair) -> bool:
        return connection.stream.may_send(pair, self._clock.seconds())
