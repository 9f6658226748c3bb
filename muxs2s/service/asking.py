"""
Pairs that wait on a stream that multiplexes, until both of their domains are accepted there.

Knows who waits for which domain, and tells each what came of it. Does not know how a domain is proven
(:mod:`muxs2s.multiplex`), nor where a pair turns that was refused (:mod:`muxs2s.service.searching`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import auto

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from muxs2s.multiplex.events import Whose
from muxs2s.network.protocol import StreamProtocol
from muxs2s.service.lobbies import Lobby
from muxs2s.service.queues import PairQueue
from muxs2s.wire.kinds import Kind
from muxs2s.wire.names import DomainName, DomainPair, DomainPattern, Name

__all__ = ["Answer", "Askers"]


class Answer(Kind):
    """What came of asking for a pair on a stream."""

    OPENED = auto()
    """The stream may carry the pair."""

    REFUSED = auto()
    """One of its domains is not accepted here, or not in time."""

    MISLED = auto()
    """Its peer only said that it leads there."""

    GONE = auto()
    """The stream is over."""


class _Line(Lobby):
    """Those who wait on one stream: pairs that are told, and queues that are sent off."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[DomainPair, Callable[[Answer], None] | None] = {}
        """What tells a pair; ``None`` for that of a queue."""
        self._of: dict[Whose, dict[DomainName, dict[DomainPair, None]]] = {whose: {} for whose in Whose}
        """Their pairs, in the order in which they came, by the domain of either end."""
        self._senders, self._targets = self._of[Whose.OURS], self._of[Whose.PEERS]

    def __len__(self) -> int:
        return len(self._waiting)

    def knows(self, pair: DomainPair) -> bool:
        """Whether others wait for both of its domains, so that nothing of it has to be asked for any more."""
        return pair.sender in self._senders and pair.target in self._targets

    def admit(self, queue: PairQueue) -> None:
        """As :meth:`muxs2s.service.queues.Carrier.admit`."""
        super().admit(queue)
        self.join(queue.pair, None)

    def join(self, pair: DomainPair, told: Callable[[Answer], None] | None) -> None:
        """
        Wait.

        :param told: called with what came of it, unless the pair leaves before.
        """
        self._waiting[pair] = told
        self._senders.setdefault(pair.sender, {})[pair] = None
        self._targets.setdefault(pair.target, {})[pair] = None

    def leave(self, pair: DomainPair, told: Callable[[Answer], None]) -> None:
        """Wait no more, if it still does."""
        if self._waiting.get(pair) is told:
            self._take(pair)

    def is_told(self, pair: DomainPair) -> bool:
        """Whether a pair that waits is told what has come of it, which has to be true then."""
        return self._waiting[pair] is not None

    def concerned(self, whose: Whose, names: Sequence[Name]) -> list[DomainPair]:
        """Those who wait for one of these names."""
        domains = self._of[whose]
        return [pair for name in names for domain in _matching(name, domains) for pair in domains[domain]]

    def answer(self, pairs: Sequence[DomainPair], answer: Answer) -> None:
        """Tell some of them, when all of these have left: whoever asks again is not taken for one who waits."""
        leaving = [(pair, self._take(pair)) for pair in dict.fromkeys(pairs) if pair in self._waiting]
        for _, told in leaving:
            if told is not None:
                told(answer)
        self.send_off([pair for pair, told in leaving if told is None])

    def answer_all(self, answer: Answer) -> None:
        """Tell everybody."""
        self.answer(tuple(self._waiting), answer)

    def _take(self, pair: DomainPair) -> Callable[[Answer], None] | None:
        for domains, domain in ((self._senders, pair.sender), (self._targets, pair.target)):
            del domains[domain][pair]
            if not domains[domain]:
                del domains[domain]
        return self._waiting.pop(pair)


def _matching(name: Name, domains: dict[DomainName, dict[DomainPair, None]]) -> list[DomainName]:
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
        answer = self._answer_at_once(pair, connection, line)
        if answer is not None:
            return succeed(answer)

        def told(answer: Answer) -> None:
            if not asker.called:  # what others were told meanwhile may have made it leave
                asker.callback(answer)

        asker: Deferred[Answer] = Deferred(lambda _asker: line.leave(pair, told))
        self._lines[connection] = line
        line.join(pair, told)
        return asker

    def hold(self, pair: DomainPair, connection: StreamProtocol) -> Lobby | None:
        """
        As :meth:`ask`, for a queue that may not be sent here now: it is sent off when something has come of it.

        :returns: where to wait; ``None`` if there is nothing to wait for.
        """
        line = self._lines.get(connection) or _Line()
        if not line.knows(pair) and self._answer_at_once(pair, connection, line) is not None:
            return None
        self._lines[connection] = line
        return line

    def _answer_at_once(self, pair: DomainPair, connection: StreamProtocol, line: _Line) -> Answer | None:
        """Ask for what nobody waits for yet; what came of it, if that is known."""
        if not line.knows(pair) and connection.want(pair) is not None:
            return Answer.REFUSED
        if connection.multiplexer is None:
            return Answer.GONE
        return Answer.OPENED if self._may_send(connection, pair) else None

    def opened(self, connection: StreamProtocol, whose: Whose, names: Sequence[Name]) -> None:
        """Names have become usable: tell those who miss nothing more; queues look for themselves."""
        line, multiplexer = self._lines.get(connection), connection.multiplexer
        if line is None or multiplexer is None:
            return
        pairs = line.concerned(whose, names)
        if whose is Whose.OURS:
            pairs = [pair for pair in pairs if multiplexer.peers.is_open(pair.target)]
        else:
            pairs = [pair for pair in pairs if multiplexer.own.is_open(pair.sender)]
        line.answer(
            [pair for pair in pairs if not line.is_told(pair) or self._may_send(connection, pair)], Answer.OPENED
        )

    def refused(self, connection: StreamProtocol, whose: Whose, names: Sequence[Name]) -> None:
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
