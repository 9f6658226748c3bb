"""Which way leads to which peer, and why."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.service import ways
from muxs2s.service.ways import MULTIPLEXING, ORDINARY, ORDINARY_SECONDS, WAYS, Choice, Ways
from tests.hosts.logs import Logged

NAME, ADDRESS = ("xmpp.b.example", 5269), ("192.0.2.2", 5269)
OTHER = ("xmpp.c.example", 5269)


class WaysTests(SynchronousTestCase):
    """What peers have shown."""

    def setUp(self) -> None:
        self.logged = Logged(self)
        self.ways = Ways()

    def test_best_first(self) -> None:
        """M1: ways stand in their order, each with what a peer must show."""
        self.assertEqual((MULTIPLEXING, ORDINARY), WAYS)
        self.assertEqual(len(WAYS), len({way.needs for way in WAYS}))

    def test_choice(self) -> None:
        """A choice is told with its reason and since when, under the first name of the peer, once."""
        self.ways.note((NAME, ADDRESS), ORDINARY, 7.0, "no bidi")
        choice = Choice(peer="xmpp.b.example:5269", way=ORDINARY, why_not_better="no bidi", since=7.0)
        self.assertEqual((choice,), self.ways.choices())

    def test_said_once(self) -> None:
        """The log has one line for each change, however often and under whichever name the peer shows the same."""
        for at, endpoints in enumerate([(NAME, ADDRESS), (OTHER, ADDRESS), (OTHER,)]):
            self.ways.note(endpoints, ORDINARY, float(at), "no bidi")
        self.ways.note((NAME, ADDRESS), MULTIPLEXING, 9.0)
        self.assertEqual(
            [
                "to the server at xmpp.b.example:5269 by ordinary streams, and not certificate multiplexing: no bidi",
                "to the server at xmpp.b.example:5269 by certificate multiplexing",
            ],
            self.logged.lines,
        )

    def test_since(self) -> None:
        """What is shown again goes on; another reason is a change."""
        self.ways.note((NAME,), ORDINARY, 1.0, "no bidi")
        self.ways.note((NAME,), ORDINARY, 2.0, "no bidi")
        self.assertEqual([1.0], [choice.since for choice in self.ways.choices()])
        self.ways.note((NAME,), ORDINARY, 3.0, "TLS 1.2")
        self.assertEqual([3.0], [choice.since for choice in self.ways.choices()])

    def test_ordinary_for_a_time(self) -> None:
        """A peer that did not multiplex is asked again after a time, from when it was met last."""
        self.ways.note((NAME, ADDRESS), ORDINARY, 0.0, "no bidi")
        self.ways.note((NAME, ADDRESS), ORDINARY, 100.0, "no bidi")
        self.assertTrue(self.ways.is_ordinary([OTHER, ADDRESS], 100.0 + ORDINARY_SECONDS - 0.1))
        self.assertFalse(self.ways.is_ordinary([OTHER, ADDRESS], 100.0 + ORDINARY_SECONDS))
        self.assertFalse(self.ways.is_ordinary([OTHER], 100.0))

    def test_multiplexes(self) -> None:
        """A peer that has multiplexed is expected to do so again, until it shows otherwise."""
        self.ways.note((NAME, ADDRESS), MULTIPLEXING, 0.0)
        self.assertTrue(self.ways.multiplexes([OTHER, ADDRESS]))
        self.assertFalse(self.ways.is_ordinary([ADDRESS], 0.0))
        self.ways.note((NAME, ADDRESS), ORDINARY, 1.0, "TLS 1.2")
        self.assertFalse(self.ways.multiplexes([OTHER, ADDRESS]))

    def test_limit(self) -> None:
        """So many endpoints are remembered; the one heard of least lately goes first."""
        self.patch(ways, "MAX_WAYS", 2)
        self.ways.note((NAME,), ORDINARY, 0.0, "no bidi")
        self.ways.note((OTHER,), ORDINARY, 0.0, "no bidi")
        self.ways.note((NAME,), ORDINARY, 0.0, "no bidi")
        self.assertEqual(2, len(self.ways.choices()))
        self.ways.note((ADDRESS,), ORDINARY, 0.0, "no bidi")
        self.assertFalse(self.ways.is_ordinary([OTHER], 0.0))
        self.assertTrue(self.ways.is_ordinary([NAME], 0.0))
