"""Enumerations that tables are asked with."""

from __future__ import annotations

from enum import Enum, auto

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.wire.kinds import Kind


class Colour(Kind):
    RED = auto()
    GREEN = auto()


class KindTests(SynchronousTestCase):
    def test_table(self) -> None:
        """A member is found in tables by itself, and by nothing that looks like it."""

        class Other(Kind):
            RED = auto()

        table: dict[object, int] = {Colour.RED: 1, Colour.GREEN: 2}
        self.assertEqual((1, 2, None), (table[Colour["RED"]], table[Colour(2)], table.get(Other.RED)))

    def test_hash(self) -> None:
        """What makes it quick: no function of Python has a part in it."""
        self.assertIs(object.__hash__, Colour.__hash__)
        self.assertIsNot(object.__hash__, Enum.__hash__)
