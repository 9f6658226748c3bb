"""
Which of several streams to one peer a pair uses, until one of them remains.

Knows the order in which both ends prefer streams, where each pair has sent last, and for how long it stays there.
Does not know which streams lead to one peer: see :mod:`muxs2s.service.shared`. It keeps nothing while there
is but one stream.

Source: doc/protocol.rst, "Crossed connections".
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from muxs2s.network.protocol import StreamProtocol
from muxs2s.wire.names import DomainName, DomainPair, DomainPattern, Name

__all__ = ["SILENCE_SECONDS", "SPARE_SECONDS", "Stays", "preference"]

SILENCE_SECONDS: Final = 60.0
"""Of a pair, after which it moves to the preferred stream: what it has sent elsewhere has arrived by then."""

SPARE_SECONDS: Final = 300.0
"""Without a stanza, after which whoever opened a stream that is not preferred closes it."""


def preference(connection: StreamProtocol) -> tuple[bytes, bytes, bytes]:
    """
    Where a stream stands among those to one peer: the lowest is preferred, at both ends.

    :returns: ``from`` and ``to`` of the initiating server and the stream's id, of the last headers.
    """
    stream = connection.stream
    assert stream.pair is not None, "a stream that multiplexes has seen both headers"
    sender, target = stream.pair
    return sender.ascii.encode(), target.ascii.encode(), stream.stream_id.encode()


class Stays:
    """Where pairs of ours have sent last, while more than one stream leads to their peer."""

    def __init__(self) -> None:
        self._pairs: OrderedDict[DomainPair, tuple[StreamProtocol, float]] = OrderedDict()
        """The stream, and until when the pair stays there; the one that was silent longest first."""
        self._targets: dict[Name, tuple[StreamProtocol, float]] = {}
        """The same for pairs to a target that one stream alone has led to until now."""

    def __len__(self) -> int:
        return len(self._pairs) + len(self._targets)

    def crossed(self, name: Name, before: StreamProtocol, now: float) -> None:
        """A second stream leads to a target: whoever has sent to it has done so on the first."""
        self._targets[name] = before, now + SILENCE_SECONDS

    def choose(self, pair: DomainPair, streams: Sequence[StreamProtocol], now: float) -> StreamProtocol | None:
        """
        Choose the stream for what a pair sends now: one that is closing only if it has sent there.

        :param streams: which lead to its target, the preferred one first.
        """
        stay = self._pairs.get(pair) or self._stay_of_target(pair.target)
        usable = [each for each in streams if each.stream.may_send(pair, now)]
        chosen = next(iter(usable), None)
        if stay is not None and now < stay[1]:
            is_closing = stay[0] in streams and stay[0].multiplexer is None
            chosen = stay[0] if is_closing or stay[0] in usable else chosen
        if chosen is not None:
            self._keep(pair, chosen, now)
        return chosen

    def _keep(self, pair: DomainPair, chosen: StreamProtocol, now: float) -> None:
        self._pairs[pair] = chosen, now + SILENCE_SECONDS
        self._pairs.move_to_end(pair)
        while next(iter(self._pairs.values()))[1] <= now:
            self._pairs.popitem(last=False)

    def uncrossed(self, target: Name) -> None:
        """One stream alone leads to a target again."""
        self._targets.pop(target, None)

    def clear(self) -> None:
        """One stream remains, or none."""
        self._pairs.clear()

    def _stay_of_target(self, target: DomainName) -> tuple[StreamProtocol, float] | None:
        targets = self._targets
        return targets.get(target) or targets.get(DomainPattern.above(target))
