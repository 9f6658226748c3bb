"""
What has arrived at one cloud, and what came back.

Knows which messages are awaited from whom, and tells what is missing from what came twice, out of
order or unasked. Does not know how anything arrives, and keeps a byte or two per message.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Final

from twisted.words.xish import domish

from muxs2s.wire.namespaces import STANZA_ERRORS
from muxs2s.wire.stanza import Slice

__all__ = ["MAX_EXAMPLES", "MAX_MESSAGES", "Bounces", "Ledger"]

MAX_MESSAGES: Final = 100
"""Messages of one pair."""

MAX_EXAMPLES: Final = 3
"""Bounces kept in full, of each condition."""


class Ledger:
    """
    The messages awaited from peers' domains, each by its number within its pair.

    :param senders: domains of the peer.
    :param targets: domains of ours.
    :param messages: awaited from each sender to each target, at most :data:`MAX_MESSAGES`; their ids
        are the numbers from 0 on.
    """

    def __init__(self, senders: Sequence[str], targets: Sequence[str], messages: int) -> None:
        self.arrived = 0
        """Awaited, and there."""

        self.repeated = 0
        """There already when they came."""

        self.disordered = 0
        """Overtaken by a later one of the same pair."""

        self.unasked = 0
        """From nobody known, to nobody known or with no known number."""

        self._senders = {name: place for place, name in enumerate(senders)}
        self._targets = {name: place for place, name in enumerate(targets)}
        self._messages = messages
        self._seen = bytearray(len(senders) * len(targets) * messages)
        self._next = array("B", bytes(len(senders) * len(targets)))

    def note(self, stanza: Slice) -> bool:
        """
        Enter what has come.

        :returns: whether it was awaited, and came for the first time.
        :raises NameRefused: if it bears no good addresses.
        """
        sender, target = stanza.pair
        row, column = self._senders.get(sender), self._targets.get(target)
        number = self._number(stanza.id)
        if row is None or column is None or number is None:
            self.unasked += 1
            return False
        pair = row * len(self._targets) + column
        return self._enter(pair, number)

    def _number(self, written: str | None) -> int | None:
        digits = written or ""
        number = int(digits) if digits.isascii() and digits.isdigit() else self._messages
        return number if number < self._messages else None

    def _enter(self, pair: int, number: int) -> bool:
        place = pair * self._messages + number
        if self._seen[place]:
            self.repeated += 1
            return False
        self._seen[place] = 1
        self.arrived += 1
        self.disordered += number < self._next[pair]
        self._next[pair] = max(self._next[pair], number + 1)
        return True


class Bounces:
    """The messages that came back as errors, counted by condition."""

    def __init__(self) -> None:
        self.conditions: Counter[str] = Counter()
        self.examples: list[str] = []
        """The first of each condition, for people: pair, condition and text."""

    @property
    def count(self) -> int:
        """Of all conditions together."""
        return self.conditions.total()

    def note(self, stanza: Slice) -> None:
        """Enter an error stanza."""
        condition, text = _reason(stanza.tree())
        self.conditions[condition] += 1
        if self.conditions[condition] <= MAX_EXAMPLES:
            self.examples.append(f"{stanza.to_address} to {stanza.from_address}: {condition}: {text}")


def _reason(tree: domish.Element) -> tuple[str, str]:
    """
    The condition of an error stanza and its text.

    Source: RFC 6120, section 8.3.2.
    """
    condition, text = "undefined-condition", "no reason given"
    for error in tree.elements(tree.uri, "error"):
        for child in error.elements():
            if child.uri == STANZA_ERRORS and child.name == "text":
                text = str(child)
            elif child.uri == STANZA_ERRORS:
                condition = child.name
    return condition, text
