"""Tests of :mod:`muxs2s.stream.announced`."""

from __future__ import annotations

from math import inf

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream.announced import MIN_ANNOUNCED_BYTES, NO_LIMITS, AnnouncedLimits, read_limits
from muxs2s.stream.limits import StreamLimits
from muxs2s.stream.machine import StreamState
from tests.stream import scripts
from tests.stream.scripts import OWN_LIMITS, initiating, take
from tests.wire.samples import read_slice


def limits(inside: str, outside: str = "") -> AnnouncedLimits:
    """What a peer announces with so much inside its limits, and before them."""
    parent = f"<x xmlns='urn:x'>{outside}<limits xmlns='urn:xmpp:stream-limits:0'>{inside}</limits></x>"
    return read_limits(read_slice(parent.encode()).tree())


def max_bytes(text: str) -> float:
    """What is made of the text of one limit."""
    return limits(f"<max-bytes>{text}</max-bytes>").max_bytes


class ReadingTests(SynchronousTestCase):
    """What peers announce, sensible or not."""

    def test_both(self) -> None:
        """S21: the two limits are read, in any order, with white space around, whatever stands beside them."""
        wanted = AnnouncedLimits(max_bytes=262_144, idle_seconds=1_800)
        for inside in (
            "<max-bytes>262144</max-bytes><idle-seconds>1800</idle-seconds>",
            "<idle-seconds> 1800\n</idle-seconds>text<rate xmlns='urn:x'/><max-bytes>\n262144</max-bytes>",
        ):
            self.assertEqual(wanted, limits(inside))

    def test_one_alone(self) -> None:
        """S21: where one is left out, only the other counts."""
        self.assertEqual(AnnouncedLimits(max_bytes=20_000), limits("<max-bytes>20000</max-bytes>"))
        self.assertEqual(AnnouncedLimits(idle_seconds=60), limits("<idle-seconds>60</idle-seconds>"))
        self.assertEqual(NO_LIMITS, limits(""))

    def test_none(self) -> None:
        """S21: without limits, or with those of another namespace, nothing is limited."""
        for inside in (
            "",
            "<limits/>",
            "<limits xmlns='urn:xmpp:stream-limits:1'><max-bytes>20000</max-bytes></limits>",
        ):
            parent = read_slice(f"<x xmlns='urn:x'>{inside}</x>".encode()).tree()
            self.assertEqual((inf, inf), (read_limits(parent).max_bytes, read_limits(parent).idle_seconds))

    def test_garbage(self) -> None:
        """S21: what is no whole number above 0 says nothing."""
        for text in ("", "-1", "0", "00", "1e6", "20000.0", "0x8000", "20 000", "much", "٣٠٠٠٠", "²", "+20000"):
            self.assertEqual(inf, max_bytes(text), text)
            self.assertEqual(inf, limits(f"<idle-seconds>{text}</idle-seconds>").idle_seconds, text)

    def test_long(self) -> None:
        """A number may have 18 digits; a longer one says nothing."""
        self.assertEqual(int("9" * 18), max_bytes("9" * 18))
        self.assertEqual(inf, max_bytes("9" * 19))

    def test_too_small(self) -> None:
        """S20, S21: nobody may take less than 10,000 bytes: who says so is not believed."""
        for text, bound in (("9999", 10_000), ("1", 10_000), ("10000", 10_000), ("10001", 10_001)):
            self.assertEqual((bound, 10_000), (max_bytes(text), MIN_ANNOUNCED_BYTES))

    def test_several(self) -> None:
        """S21: of several limits, and of several numbers in one, the first counts."""
        second = "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>20000</max-bytes></limits>"
        self.assertEqual(20_000, limits("<max-bytes>30000</max-bytes>", second).max_bytes)
        self.assertEqual(20_000, limits("<max-bytes>20000</max-bytes><max-bytes>30000</max-bytes>").max_bytes)

    def test_elsewhere(self) -> None:
        """Numbers of another namespace, or deeper down, are others."""
        self.assertEqual(inf, limits("<max-bytes xmlns='urn:x'>20000</max-bytes>").max_bytes)
        self.assertEqual(inf, limits("<x><max-bytes>20000</max-bytes></x>").max_bytes)
        self.assertEqual(inf, limits("<max-bytes><x>20000</x></max-bytes>").max_bytes)


class OwnTests(SynchronousTestCase):
    """What we announce."""

    def test_written(self) -> None:
        """S21: our limits are written as whole numbers, and read back."""
        own = scripts.side(set(), StreamLimits(idle_seconds=90.4)).announced
        self.assertEqual("<max-bytes>524288</max-bytes><idle-seconds>90</idle-seconds>", own.content)
        self.assertEqual(AnnouncedLimits(max_bytes=524_288, idle_seconds=90), limits(own.content))

    def test_defaults(self) -> None:
        """S21: by default half a MiB, which is what we take after authentication, and an hour."""
        own = scripts.side(set()).announced
        self.assertEqual(OWN_LIMITS, f"<limits xmlns='urn:xmpp:stream-limits:0'>{own.content}</limits>")


class HonouredTests(SynchronousTestCase):
    """What becomes of the limits of a server we called."""

    def test_last_features_count(self) -> None:
        """S21: its features tell them, and may tell others after SASL."""
        stream = initiating(StreamState.SECURE_NEGOTIATING)
        before = scripts.OFFER_EXTERNAL.replace(b"</stream:f", f"{OWN_LIMITS}</stream:f".encode())
        take(stream, before)
        self.assertEqual(524_288, stream.peer_limits.max_bytes)
        after = f"<stream:features>{OWN_LIMITS.replace('524288', '99999')}</stream:features>".encode()
        for step in (scripts.SUCCESS, scripts.FROM_B, after):
            take(stream, step)
        self.assertEqual(99_999, stream.peer_limits.max_bytes)

    def test_plain(self) -> None:
        """S21: so they do on a stream without TLS."""
        stream = initiating(StreamState.PLAIN_NEGOTIATING, way=scripts.INITIATING_PLAIN)
        take(stream, scripts.OFFER_DIALBACK.replace(b"</stream:f", f"{OWN_LIMITS}</stream:f".encode()))
        self.assertEqual(3_600, stream.peer_limits.idle_seconds)
