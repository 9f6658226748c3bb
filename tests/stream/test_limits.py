"""Tests of :mod:`muxs2s.stream.limits`, on streams that keep them."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream import (
    StreamLimits,
    StreamState,
)
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.limits import AFTER_AUTHENTICATION as AFTER
from muxs2s.wire.limits import BEFORE_AUTHENTICATION as BEFORE
from tests.stream.scripts import (
    CLOSING,
    ending,
    initiating,
    message,
    received,
    receiving,
)


class DefaultTests(SynchronousTestCase):
    """What holds where nobody says otherwise."""

    def test_defaults(self) -> None:
        """A minute to negotiate, a third of it for TLS, ten seconds to close, an hour idle, three failures."""
        limits = StreamLimits()
        self.assertEqual(
            (60.0, 10.0, 3_600.0), (limits.negotiation_seconds, limits.closing_seconds, limits.idle_seconds)
        )
        self.assertEqual((20.0, 30.0), (limits.handshake_seconds, limits.dialback_seconds))
        self.assertEqual((300.0, 30.0), (limits.quiet_seconds, limits.answer_seconds))
        self.assertEqual((3, False), (limits.max_sasl_failures, limits.close_on_foreign_sender))
        self.assertEqual(
            (10, 64, 1_000, 1_000),
            (
                *(limits.max_failed_pairs, limits.max_pending_pairs),
                *(limits.max_proven_pairs, limits.max_dropped_stanzas),
            ),
        )
        self.assertEqual((10_000, 64), (BEFORE.max_element_bytes, BEFORE.max_elements))
        self.assertEqual((524_288, 10_000), (AFTER.max_element_bytes, AFTER.max_elements))
        self.assertEqual((BEFORE, AFTER), (limits.before_authentication, limits.after_authentication))


class LimitTests(SynchronousTestCase):
    """What one element may cost, before and after authentication."""

    @staticmethod
    def sized(size: int) -> bytes:
        """A stanza of so many bytes."""
        empty = message(text="").data
        return message(text="x" * (size - len(empty))).data

    def test_small_before(self) -> None:
        """Before authentication 10,000 bytes are the most; such a stanza comes too early, a larger one is too large."""
        for size, condition in ((10_000, StreamCondition.NOT_AUTHORIZED), (10_001, StreamCondition.POLICY_VIOLATION)):
            for state in (StreamState.PLAIN_NEGOTIATING, StreamState.PROVING):
                for stream in (initiating(state), receiving(state)):
                    self.assertIs(condition, ending(stream.receive_bytes(self.sized(size), 0.0)).condition)

    def test_large_after(self) -> None:
        """After authentication half a MiB is the most."""
        size = AFTER.max_element_bytes
        self.assertEqual([self.sized(size)], received(receiving().receive_bytes(self.sized(size), 0.0)))
        events = receiving().receive_bytes(self.sized(size + 1), 0.0)
        self.assertIs(StreamCondition.POLICY_VIOLATION, ending(events).condition)

    def test_many_elements(self) -> None:
        """Before authentication 64 elements are the most in one; after it such a stanza is nothing special."""
        before, after = BEFORE.max_elements, message(text="<x/>" * 100).data
        for count, condition in (
            (before, StreamCondition.UNSUPPORTED_STANZA_TYPE),
            (before + 1, StreamCondition.POLICY_VIOLATION),
        ):
            events = receiving(StreamState.PROVING).receive_bytes(f"<a>{'<x/>' * (count - 1)}</a>".encode(), 0.0)
            self.assertIs(condition, ending(events).condition)
        self.assertEqual([after], received(receiving().receive_bytes(after, 0.0)))

    def test_features(self) -> None:
        """The features of a peer may hold 512 elements, before authentication too."""
        for count, state in ((512, StreamState.TLS_REQUESTED), (513, StreamState.FAILING)):
            stream = initiating(StreamState.PLAIN_NEGOTIATING)
            stream.receive_bytes(f"<stream:features>{'<x/>' * (count - 1)}</stream:features>".encode(), 0.0)
            self.assertIs(state, stream.state)

    def test_truncated(self) -> None:
        """A stanza cut short is not handed on, whether the peer then is silent or closes."""
        for cut in (1, 10, len(message().data) - 1):
            stream = receiving()
            self.assertEqual([], stream.receive_bytes(message().data[:cut], 0.0))
            self.assertEqual([], received(stream.receive_bytes(CLOSING, 0.0)))
            self.assertIs(StreamState.FAILING, stream.state)

    def test_own_limits(self) -> None:
        """Both sets of limits are settings."""
        small = replace(BEFORE, max_element_bytes=300)
        limits = StreamLimits(before_authentication=small, after_authentication=small)
        for state in (StreamState.PROVING, StreamState.CARRYING):
            events = receiving(state, limits).receive_bytes(self.sized(301), 0.0)
            self.assertIs(StreamCondition.POLICY_VIOLATION, ending(events).condition)
