"""Tests of :mod:`muxs2s.multiplex.formats`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from math import floor, inf

from hypothesis import given
from hypothesis import strategies as some
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.formats import (
    MAX_CACHED_TIMES,
    MAX_ID,
    MAX_NUMBER,
    MAX_TEXT_BYTES,
    FormatRefused,
    read_base64,
    read_boolean,
    read_domain,
    read_id,
    read_name,
    read_number,
    read_text,
    read_time,
    write_base64,
    write_seconds,
    write_text,
    write_time,
)
from muxs2s.wire.names import DomainName, DomainPattern

LONGEST = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])
"""253 octets."""


class FormatTests(SynchronousTestCase):
    """One spelling for each value."""

    def assertRefused(self, read: Callable[[str], object], texts: Iterable[str]) -> None:
        """None of the texts is taken."""
        for text in texts:
            with self.assertRaises(FormatRefused, msg=repr(text)):
                read(text)

    def test_ids(self) -> None:
        """An id is a decimal up to 2^53-1; 0 only where certificate 0 may be meant."""
        self.assertEqual([1, 10, 2**53 - 1], [read_id(text) for text in ("1", "10", str(MAX_ID))])
        self.assertEqual(0, read_id("0", least=0))
        wrong = ("", "0", "01", "+1", "-1", "1.0", " 1", "1 ", "1\n", "0x1", "1e3", "١", str(MAX_ID + 1), "9" * 5_000)
        self.assertRefused(read_id, wrong)
        self.assertRefused(lambda text: read_id(text, least=0), ("00", "-0", "-1"))
        self.assertRaises(FormatRefused, read_id, None)

    def test_numbers(self) -> None:
        """A number is a decimal up to 2^31-1."""
        self.assertEqual([1, 2**31 - 1], [read_number(text) for text in ("1", str(MAX_NUMBER))])
        self.assertEqual(0, read_number("0", least=0))
        self.assertRefused(read_number, ("", "0", "07", "-5", str(MAX_NUMBER + 1)))
        self.assertRaises(FormatRefused, read_number, None)

    def test_seconds(self) -> None:
        """Seconds are rounded up, and bounded by what a number may be."""
        for seconds, written in ((0.0, "0"), (0.2, "1"), (60.0, "60"), (-3.0, "0"), (inf, "2147483647")):
            self.assertEqual(written, write_seconds(seconds))

    def test_domains(self) -> None:
        """S13: a domain is written in lower-case A-labels without a trailing dot, and in no other way."""
        for text in ("a.example", "xn--bcher-kva.example", "localhost", LONGEST):
            self.assertEqual(text, read_domain(text).ascii)
        spellings = ("A.example", "a.example.", "bücher.example", "XN--BCHER-KVA.example", " a.example", "a.example\n")
        no_domains = ("", ".", "a..example", "a_b.example", "-a.example", "*.a.example", "juliet@a.example", "a/b")
        self.assertRefused(read_domain, (*spellings, *no_domains, f"e{LONGEST}", "a" * 64))
        self.assertRefused(read_domain, ("192.0.2.1", "[2001:db8::1]", "2001:db8::1"))
        self.assertRaises(FormatRefused, read_domain, None)

    def test_names(self) -> None:
        """A name is a domain, or a pattern: one asterisk for one label, and a domain."""
        domain = DomainName.parse("b.example")
        self.assertEqual(domain, read_name("b.example"))
        self.assertEqual(DomainPattern(domain), read_name("*.b.example"))
        self.assertRefused(
            read_name, ("*", "*.", "*b.example", "*.*.b.example", "a*.b.example", "a.*.example", "*.B.example", "")
        )

    @given(some.binary(max_size=200))
    def test_base64_round_trip(self, data: bytes) -> None:
        """Base64 that we write we read."""
        self.assertEqual(data, read_base64(write_base64(data)))

    def test_base64(self) -> None:
        """Base64 is padded, in one piece, with unused bits of zero, in the first alphabet of RFC 4648."""
        self.assertEqual([b"", b"\xff\xfe", b"\xfb\xff\xbf"], [read_base64(text) for text in ("", "//4=", "+/+/")])
        cut = ("A", "AA", "AA=", "AAA", "AAAAA", "=", "====", "AA==AA==", "AAAA====")
        spaced = (" AAAA", "AAAA\n", "AA AA", "\tAA==")
        self.assertRefused(read_base64, (*cut, *spaced, "-_-_", "AB==", "AAB=", "AAAA!", "AÄAA", "Ａ"))

    def test_booleans(self) -> None:
        """A boolean is one of four words; what is not there is false."""
        read = [read_boolean(text) for text in ("true", "1", "false", "0", None)]
        self.assertEqual([True, True, False, False, False], read)
        self.assertRefused(read_boolean, ("", "True", "yes", "TRUE", " true", "2"))

    @given(some.datetimes(datetime(1950, 1, 1), datetime(2200, 1, 1), timezones=some.just(UTC)))  # noqa: DTZ001 - given by the strategy
    def test_time_round_trip(self, moment: datetime) -> None:
        """A time is read as it was written, to the second."""
        seconds = moment.timestamp()
        self.assertEqual(floor(seconds), read_time(write_time(seconds)))

    def test_times(self) -> None:
        """A time has one form; the end of a certificate that has none is the end of the year 9999."""
        self.assertEqual(1_801_396_800.0, read_time("2027-01-31T12:00:00Z"))
        self.assertEqual("2027-01-31T12:00:00Z", write_time(1_801_396_800.9))
        self.assertEqual("9999-12-31T23:59:59Z", write_time(inf))

    def test_remembered(self) -> None:
        """All names of a certificate have one time, which is spelled out once; so many are remembered, and no more."""
        for seconds in range(MAX_CACHED_TIMES + 1):
            write_time(seconds)
        known = write_time.cache_info()
        write_time(MAX_CACHED_TIMES)
        self.assertEqual((MAX_CACHED_TIMES, known.hits + 1), (known.currsize, write_time.cache_info().hits))
        self.assertIsNone(read_time(None))
        date = (
            "2027-01-31",
            "2027-02-30T12:00:00Z",
            "2027-13-01T12:00:00Z",
            "27-01-31T12:00:00Z",
            "0000-01-31T12:00:00Z",
        )
        clock = ("2027-01-31T24:00:00Z", "2027-01-31T12:00:60Z", "2027-01-31T12:00Z", "2027-01-31 12:00:00Z")
        zone = ("2027-01-31T12:00:00", "2027-01-31T12:00:00+00:00", "2027-01-31T12:00:00z", "2027-01-31T12:00:00.5Z")
        self.assertRefused(read_time, ("", *date, *clock, *zone, " 2027-01-31T12:00:00Z", "20270131T120000Z"))

    def test_text(self) -> None:
        """A text has one KiB, at the limit and one past it, and never half a character."""
        at_limit = "x" * MAX_TEXT_BYTES
        for cut in (read_text, write_text):
            self.assertEqual(at_limit, cut(at_limit))
            self.assertEqual(at_limit, cut(f"{at_limit}y"))
            self.assertEqual(at_limit[1:], cut(f"{at_limit[1:]}ü"))

    def test_text_for_logs(self) -> None:
        """A text that was read is one line; one that is written holds nothing that XML forbids."""
        self.assertEqual(r"two\nlines\x1b[2J", read_text("two\nlines\x1b[2J"))
        self.assertEqual("a\ufffdb\ufffd\nc", write_text("a\0b\ud800\nc"))
