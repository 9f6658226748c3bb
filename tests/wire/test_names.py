"""Tests of :mod:`muxs2s.wire.names`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as some
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.wire import names
from muxs2s.wire.names import (
    MAX_CACHED_ADDRESS_CHARACTERS,
    MAX_CACHED_ADDRESSES,
    MAX_CACHED_NAMES,
    DomainName,
    DomainPair,
    NameRefused,
    domain_of,
    domainpart,
)
from tests.fuzz.checks import check_address
from tests.wire.samples import vectors

LABEL = "a" * 63
LONGEST = ".".join([LABEL, LABEL, LABEL, "a" * 61])
"""253 octets."""


class DomainNameTests(SynchronousTestCase):
    """Domains are compared in one spelling."""

    def test_two_spellings(self) -> None:
        """S13: the A-labels, U-labels, capitals and a trailing dot of one domain are one name."""
        for spelling in ("bücher.example", "xn--bcher-kva.example", "BÜCHER.Example.", "XN--BCHER-KVA.EXAMPLE."):
            name = DomainName.parse(spelling)
            self.assertEqual((name, name.ascii), ("bücher.example", "xn--bcher-kva.example"))

    def test_mapped_forms(self) -> None:
        """S13: full-width letters, ideographic dots and decomposed accents are read as what they stand for."""
        for spelling in ("ｂücher.example", "bücher。example", "bu\u0308cher.example"):
            self.assertEqual(DomainName.parse(spelling), "bücher.example")

    def test_plain_strings_find_it(self) -> None:
        """A name read from the wire finds its entry in a dictionary of names without being parsed."""
        name = DomainName.parse("A.Example")
        self.assertEqual(hash(name), hash("a.example"))
        self.assertEqual({name: 1}["a.example"], 1)  # type: ignore[index]  # that is what is promised
        self.assertEqual({"a.example": 1}[name], 1)
        self.assertIn("a.example", {name})

    def test_parsed_again(self) -> None:
        """A name that is parsed again stays what it is."""
        name = DomainName.parse("bücher.example")
        self.assertEqual(DomainName.parse(name), name)
        self.assertEqual(DomainName.parse(name).ascii, name.ascii)

    def test_lengths(self) -> None:
        """S13: labels have at most 63 octets and names 253, one more is refused; a trailing dot is not counted."""
        self.assertEqual(DomainName.parse(LONGEST + "."), LONGEST)
        self.assertRaises(NameRefused, DomainName.parse, LONGEST + "a")
        self.assertRaises(NameRefused, DomainName.parse, "a" + LABEL + ".example")

    def test_lengths_in_octets(self) -> None:
        """S13: what counts is the length in A-labels."""
        short = "ü" * 50 + ".example"
        self.assertEqual(DomainName.parse(short), short)
        self.assertRaises(NameRefused, DomainName.parse, "ü" * 60 + ".example")
        self.assertRaises(NameRefused, DomainName.parse, ".".join(["ü" * 40] * 6))

    def test_refused(self) -> None:
        """S13: empty labels, dots alone, hyphens at the ends, spaces and forbidden code points are no names."""
        bad = ["", ".", "..", "a..example", ".example", "a.example..", "-a.example", "a-.example", "a b.example"]
        bad += ["a_b.example", "a/b", "a@b", "\ud800.example", "a\u200db.example", "\u2028", "\x80.example", "a\0b"]
        bad += ["xn--a", "xn--", "xn---", "xn--ü.example", "\xad.example", "☃︎.example", "اb.example", "a!.exämple"]
        for spelling in bad:
            self.assertRaises(NameRefused, DomainName.parse, spelling)

    def test_no_second_spelling(self) -> None:
        """S13: an A-label that is not the one its U-label makes does not become a name of its own."""
        fake = "xn---bbk"
        try:
            name = DomainName.parse(fake)
        except NameRefused:
            return
        self.assertEqual(name.ascii, "xn--bbk")

    def test_ip_literals(self) -> None:
        """IP addresses are no domain names: nothing proves one between servers."""
        for spelling in ("127.0.0.1", "[::1]", "::1", "1.2.3.4.", "１２７.0.0.1"):
            self.assertRaises(NameRefused, DomainName.parse, spelling)

    def test_says_what_is_wrong(self) -> None:
        """A refusal shows the name as it was given."""
        error = self.assertRaises(NameRefused, DomainName.parse, "Bad_Name.example")
        self.assertIn("'Bad_Name.example'", str(error))

    @settings(max_examples=60, derandomize=True, deadline=None, database=None)
    @given(some.text(alphabet="aZ9-.ßüÜéآ中。ａ\u0308\u00ad\u200d", max_size=12))
    def test_any_text(self, text: str) -> None:
        """S13: any text is refused, or a name whose spellings in U-labels and A-labels are the same name."""
        check_address(text)


class CacheTests(SynchronousTestCase):
    """Names are kept for the next stanza, not for ever."""

    def test_pitfall_15_names_are_cached_within_bounds_and_checked(self) -> None:
        """
        S13: ten thousand and one names leave no more than ten thousand behind, bad ones leave nothing,
        and names that Twisted's internJID takes or chokes on are refused in order.
        """
        for number in range(MAX_CACHED_NAMES + 1):
            DomainName.parse(f"n{number}.example")
        self.assertEqual(names._parse.cache_info().currsize, MAX_CACHED_NAMES)
        DomainName.parse("n1.example")
        self.assertEqual(names._parse.cache_info().currsize, MAX_CACHED_NAMES)
        misses = names._parse.cache_info().misses
        for bad in ("a..b", "a" * 300, "a" * 300 + ".example"):
            self.assertRaises(NameRefused, DomainName.parse, bad)
            self.assertRaises(NameRefused, DomainName.parse, bad)
        self.assertEqual(names._parse.cache_info().misses, misses + 6)
        self.assertEqual(DomainName.parse("a.example."), "a.example")

    def test_addresses(self) -> None:
        """Of ten thousand and one addresses the domains of ten thousand are remembered, of bad ones nothing."""
        for number in range(MAX_CACHED_ADDRESSES + 1):
            self.assertEqual("a.example", domain_of(f"u{number}@a.example/r"))
        known = names._domain_of.cache_info()
        self.assertEqual(MAX_CACHED_ADDRESSES, known.currsize)
        self.assertIs(domain_of("u1@a.example/r"), domain_of("u1@a.example/r"))
        for _ in range(2):
            self.assertRaises(NameRefused, domain_of, "u@/r")
        self.assertEqual(known.misses + 2, names._domain_of.cache_info().misses)

    def test_long_addresses(self) -> None:
        """An address of 256 characters is remembered, one of 257 is read each time and leaves nothing behind."""
        names._domain_of.cache_clear()
        longest = "u@a.example/".ljust(MAX_CACHED_ADDRESS_CHARACTERS, "r")
        for address, remembered in ((longest, 1), (f"{longest}r", 1)):
            self.assertEqual("a.example", domain_of(address))
            self.assertEqual(remembered, names._domain_of.cache_info().currsize)

    def test_long_texts_cost_nothing(self) -> None:
        """A name of half a megabyte is refused by its length alone, without being looked at or quoted."""
        self.patch(names, "_mapped", self.fail)
        for text in ("a." * 262_144, "ü." * 262_144, "\ud800" * 262_144):
            error = self.assertRaises(NameRefused, DomainName.parse, text)
            self.assertLess(len(str(error)), 100)


class DomainPairTests(SynchronousTestCase):
    """A pair has a direction."""

    def test_directions(self) -> None:
        """The pair of the answers is another pair."""
        pair = DomainPair(DomainName.parse("a.example"), DomainName.parse("b.example"))
        self.assertEqual(str(pair), "a.example -> b.example")
        self.assertEqual(str(pair.reversed()), "b.example -> a.example")
        self.assertNotEqual(pair, pair.reversed())
        self.assertEqual(pair, pair.reversed().reversed())


class DomainpartTests(SynchronousTestCase):
    """Addresses are cut, not judged: localparts are the business of the domain that serves them."""

    def test_cut(self) -> None:
        """The domainpart ends at the first slash and begins after the at sign before it."""
        for address in ("b.example", "u@b.example", "b.example/r", "u@b.example/r@x/y", "b.example/@", "b.example/ r"):
            self.assertEqual(domainpart(address), "b.example")

    def test_as_spelled(self) -> None:
        """The domainpart is not examined; its domain is."""
        self.assertEqual(domainpart("u@BÜCHER.example./r"), "BÜCHER.example.")
        self.assertEqual(domain_of("u@BÜCHER.example./r"), "bücher.example")
        self.assertEqual(domainpart("127.0.0.1"), "127.0.0.1")
        self.assertRaises(NameRefused, domain_of, "u@127.0.0.1")

    def test_part_lengths(self) -> None:
        """Localparts and resources have at most 1,023 octets of UTF-8, one more is refused."""
        for part in ("a" * 1023, "ü" * 511 + "a"):
            self.assertEqual(domainpart(f"{part}@b.example/{part}"), "b.example")
            self.assertRaises(NameRefused, domainpart, f"{part}a@b.example")
            self.assertRaises(NameRefused, domainpart, f"b.example/{part}a")

    def test_refused(self) -> None:
        """Empty parts and characters that no part may hold make no address."""
        bad = [
            "",
            "@",
            "/",
            "u@",
            "u@/r",
            "@b.example",
            "b.example/",
            "a@b@c.example",
            "u\x7f@b.example",
            "/r@b.example",
        ]
        for address in bad:
            self.assertRaises(NameRefused, domainpart, address)

    def test_short_messages(self) -> None:
        """A long bad address is not quoted in full."""
        error = self.assertRaises(NameRefused, domainpart, "a@" * 100_000)
        self.assertLess(len(str(error)), 150)


class AnyAddressTests(SynchronousTestCase):
    """Whatever may stand in ``from`` and ``to``."""

    parts = some.text(max_size=20) | some.sampled_from(
        ["a.example", "BÜCHER.example.", "xn--bcher-kva", "\ud800", "a" * 1023]
    )

    @settings(max_examples=150, derandomize=True, deadline=None, database=None)
    @given(some.just("") | parts.map("{}@".format), parts, some.just("") | parts.map("/{}".format))
    def test_any_parts(self, localpart: str, domain: str, resource: str) -> None:
        """S13: an address is refused, or belongs to one domain: that which its domainpart is by itself."""
        check_address(localpart + domain + resource)


class VectorTests(SynchronousTestCase):
    """Addresses that other projects test their parsers with."""

    IP_LITERALS = frozenset({"[::1]", "127.0.0.1"})
    """Valid addresses of hosts, and no domain names here."""

    LOCALPARTS = frozenset({"henryⅣ@example.com", "♚@example.com"})
    """Localparts that PRECIS forbids: the domain that serves them refuses them, not the stream."""

    def test_mellium_valid(self) -> None:
        """S13: addresses that mellium takes belong to the domain it names."""
        for address, _local, domain, _resource in vectors("addresses")["mellium"]["valid"]:
            if domain in self.IP_LITERALS:
                self.assertEqual(domainpart(address), domain)
                self.assertRaises(NameRefused, domain_of, address)
            else:
                self.assertEqual(domain_of(address), domain)

    def test_mellium_invalid(self) -> None:
        """S13: addresses that mellium refuses are refused, but for two of which only the localpart is wrong."""
        samples = vectors("addresses")["mellium"]
        for address in samples["invalid"]:
            if address in self.LOCALPARTS:
                self.assertEqual(domain_of(address), "example.com")
            else:
                self.assertRaises(NameRefused, domain_of, address)
        self.assertRaises(UnicodeDecodeError, bytes.fromhex(samples["invalid_utf8_hex_parts"]).decode)
        self.assertEqual("any part over 1023 octets", samples["too_long"])
        for address in (f"{'a' * 1024}@b.example", f"b.example/{'a' * 1024}", "a" * 1024):
            self.assertRaises(NameRefused, domain_of, address)

    def test_prosody(self) -> None:
        """S13: Prosody's addresses are read and refused as Prosody does."""
        samples = vectors("addresses")["prosody"]
        for address, _local, domain, _resource in samples["prepped_valid"]:
            self.assertEqual(domain_of(address), domain)
        for address in samples["prepped_invalid"]:
            self.assertRaises(NameRefused, domain_of, address)
        for hexadecimal in samples["prepped_invalid_hex"]:
            address = bytes.fromhex(hexadecimal).decode("utf-8", "surrogateescape")
            self.assertRaises(NameRefused, domain_of, address)
