"""Tests of :mod:`muxs2s.wire.errors`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

import muxs2s.wire
from muxs2s.wire.errors import LocalMisuse, MuxS2SError, RemoteViolation, StanzaCondition, StreamCondition


class ConditionTests(SynchronousTestCase):
    """Conditions are spelled as RFC 6120 spells them."""

    def test_stream_conditions(self) -> None:
        """Every stream condition is named as its element is, and there are all 25 of section 4.9.3."""
        self.assertEqual(
            [condition.name for condition in StreamCondition],
            [condition.value.upper().replace("-", "_") for condition in StreamCondition],
        )
        self.assertEqual(len(StreamCondition), 25)

    def test_stanza_conditions(self) -> None:
        """Every stanza condition is named as its element is, and there are all 22 of section 8.3.3."""
        self.assertEqual(
            [condition.name for condition in StanzaCondition],
            [condition.value.upper().replace("-", "_") for condition in StanzaCondition],
        )
        self.assertEqual(len(StanzaCondition), 22)

    def test_stanza_error_types(self) -> None:
        """S17: a domain that is not found is final, one that is not reached may be tried again."""
        self.assertEqual(StanzaCondition.REMOTE_SERVER_NOT_FOUND.error_type, "cancel")
        self.assertEqual(StanzaCondition.REMOTE_SERVER_TIMEOUT.error_type, "wait")
        types = {condition.error_type for condition in StanzaCondition}
        self.assertEqual(types, {"auth", "cancel", "modify", "wait"})

    def test_looked_up_by_element(self) -> None:
        """A condition is found by the name of its element."""
        self.assertIs(StreamCondition("host-unknown"), StreamCondition.HOST_UNKNOWN)
        found = {condition.value: condition for condition in StanzaCondition}
        self.assertIs(found["gone"], StanzaCondition.GONE)


class RootTests(SynchronousTestCase):
    """One root for all that this package raises on purpose."""

    def test_one_root(self) -> None:
        """Whoever catches MuxS2SError catches the peer's faults and the caller's."""
        self.assertTrue(issubclass(LocalMisuse, MuxS2SError))
        self.assertTrue(issubclass(RemoteViolation, MuxS2SError))

    def test_violation_names_its_condition(self) -> None:
        """A violation carries the stream error it is answered with, and the reason for people."""
        violation = RemoteViolation(StreamCondition.BAD_FORMAT, "why")
        self.assertEqual((violation.condition, str(violation)), (StreamCondition.BAD_FORMAT, "why"))

    def test_public_names(self) -> None:
        """What the package offers is there and documented."""
        for name in muxs2s.wire.__all__:
            self.assertTrue(getattr(muxs2s.wire, name).__doc__ or name == "Framed", name)
        self.assertEqual(muxs2s.wire.__all__, sorted(muxs2s.wire.__all__, key=lambda name: (name.islower(), name)))
