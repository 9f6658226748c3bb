"""What is asked for."""

from __future__ import annotations

import argparse
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from bench import options
from bench.__main__ import _names_of
from bench.options import Options
from bench.servers import Muxs2s, Prosody


class OptionTests(SynchronousTestCase):
    def test_names(self) -> None:
        """Names come with commas between; none at all means all, and an unknown one is refused."""
        read = _names_of(["fanout", "adding"])
        self.assertEqual(["adding"], read("adding"))
        self.assertEqual(["adding", "fanout"], read("adding, fanout"))
        self.assertEqual(["fanout", "adding"], read(""))
        self.assertRaises(argparse.ArgumentTypeError, read, "adding,fnaout")

    def test_turns(self) -> None:
        """Servers take turns, and another one begins each round."""
        self.patch(Prosody, "is_installed", classmethod(lambda _kind: True))
        turns = list(Options(place=Path(), systems=("muxs2s", "prosody"), rounds=2).turns())
        self.assertEqual([(1, Muxs2s), (1, Prosody), (2, Prosody), (2, Muxs2s)], turns)

    def test_missing(self) -> None:
        """A server that is not installed is left out, and it is said."""
        said: list[str] = []
        self.patch(Prosody, "is_installed", classmethod(lambda _kind: False))
        self.patch(options, "say", said.append)
        self.assertEqual([Muxs2s], list(Options(place=Path(), systems=("muxs2s", "prosody")).kinds))
        self.assertEqual(["prosody is not installed: not measured"], said)
