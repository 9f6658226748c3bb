"""Tests of :mod:`muxs2s.stream.events`."""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, fields
from typing import get_args

from twisted.trial.unittest import SynchronousTestCase

import muxs2s.stream
from muxs2s.multiplex.events import MultiplexEvent
from muxs2s.stream import events
from muxs2s.stream.events import ProofWanted, StreamClosing, StreamEnded, StreamEvent
from tests.stream.scripts import A, B


class EventTests(SynchronousTestCase):
    """What the network floor can rely on."""

    def test_all_kinds(self) -> None:
        """Whatever a stream can tell is one of the kinds of ``StreamEvent``, and each is public."""
        kinds = {kind.__name__ for kind in {*get_args(StreamEvent)} - {*get_args(MultiplexEvent)}}
        self.assertEqual({*events.__all__} - {"StreamEvent"}, kinds)
        self.assertLessEqual({*events.__all__}, {*muxs2s.stream.__all__})

    def test_complete(self) -> None:
        """An event is complete when born: nothing in it has a default."""
        for kind in get_args(StreamEvent):
            self.assertEqual({MISSING}, {MISSING, *(field.default for field in fields(kind))}, kind)

    def test_frozen(self) -> None:
        """An event stays what it was."""
        event = StreamClosing(by_peer=True, condition=None, text="", see_other="")
        with self.assertRaises(FrozenInstanceError):
            event.text = "another"  # type: ignore[misc]  # that it is refused is what is tested

    def test_values(self) -> None:
        """Events with the same content are the same event."""
        self.assertEqual(StreamEnded(), StreamEnded())
        self.assertNotEqual(ProofWanted(domain=A, asked_for=B), ProofWanted(domain=B, asked_for=A))
