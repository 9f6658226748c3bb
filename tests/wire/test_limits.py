"""Tests of :mod:`muxs2s.wire.limits` as :mod:`muxs2s.wire.framing` keeps to them: each at the limit and one past it."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.wire import framing
from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.framing import MAX_PARSER_BYTES, StreamClosed
from muxs2s.wire.limits import AFTER_AUTHENTICATION, BEFORE_AUTHENTICATION, FramingLimits
from muxs2s.wire.stanza import Slice
from tests.wire.samples import CLOSING, HEADER, MESSAGE, OPENING, opened_framer, read
from tests.wire.work import WorkCase

BOTH = (BEFORE_AUTHENTICATION, AFTER_AUTHENTICATION)
SMALL = FramingLimits(max_element_bytes=2_000, max_elements=10, max_feature_elements=20, max_tag_bytes=300)


def sized(size: int) -> bytes:
    """An element of so many bytes."""
    return b"<a>" + b"x" * (size - 7) + b"</a>"


def with_elements(count: int, name: bytes = b"a") -> bytes:
    """An element that is so many elements, itself counted."""
    return b"<" + name + b">" + b"<b/>" * (count - 1) + b"</" + name + b">"


def nested(levels: int) -> bytes:
    """An element with so many levels, itself counted."""
    return b"<a>" * levels + b"</a>" * levels


class LimitCase(SynchronousTestCase):
    """Knows what is refused and what is not."""

    def take(self, limits: FramingLimits, *chunks: bytes) -> None:
        """These bytes are within the limits of an open stream."""
        framed, violation = read(HEADER, *chunks, limits=limits)
        self.assertIsNone(violation)
        self.assertGreater(len(framed), 1)

    def refuse(self, limits: FramingLimits, *chunks: bytes, header: bytes = HEADER) -> RemoteViolation:
        """These bytes are not, whether they come as they are or byte by byte."""
        _, violation = read(header, *chunks, limits=limits)
        assert violation is not None
        self.assertEqual(violation.condition, StreamCondition.POLICY_VIOLATION)
        return violation


class ElementTests(LimitCase):
    """One first-level element may cost so much."""

    def test_defaults(self) -> None:
        """S20: the limits are those of the documentation, and the least RFC 6120 allows before authentication."""
        self.assertEqual(
            BEFORE_AUTHENTICATION,
            FramingLimits(max_element_bytes=10_000, max_elements=64, max_feature_elements=512, max_depth=100),
        )
        self.assertEqual(
            AFTER_AUTHENTICATION,
            FramingLimits(max_element_bytes=524_288, max_elements=10_000, max_feature_elements=10_000, max_depth=100),
        )

    def test_size(self) -> None:
        """S20: an element of the largest size passes, one byte more does not, before authentication and after."""
        for limits in BOTH:
            size = limits.max_element_bytes
            self.take(limits, sized(size) + sized(size) + b" " * size + sized(size))
            violation = self.refuse(limits, sized(size + 1))
            self.assertEqual(str(violation), f"an element exceeds {size} bytes")
            self.refuse(limits, sized(size + 1)[:-1], b">")

    def test_unfinished(self) -> None:
        """S20: an element without end is refused one byte past the limit, whatever it consists of."""
        for limits in BOTH:
            size = limits.max_element_bytes
            for begin in (b"<a>", b"<a b='", b"<", b"<a><b/>", b"<a><![CDATA[", b"<a><b c='"):
                framer = opened_framer(limits)
                framer.feed(begin + b"x" * (size - len(begin)))
                self.assertIsNone(framer.violation)
                framer.feed(b"x")
                assert framer.violation is not None
                self.assertEqual(framer.violation.condition, StreamCondition.POLICY_VIOLATION)

    def test_opening(self) -> None:
        """S20: the opening tag of the stream, XML declaration included, has the same limit."""
        limits = BEFORE_AUTHENTICATION
        rest = limits.max_element_bytes - len(HEADER)
        framed, violation = read(HEADER[:-1] + b" " * rest + b">", limits=limits)
        self.assertEqual((len(framed), violation), (1, None))
        self.refuse(limits, header=HEADER[:-1] + b" " * (rest + 1) + b">")
        self.refuse(limits, header=b"<?xml version='1.0'?>" + b" " * limits.max_element_bytes)

    def test_elements(self) -> None:
        """So many elements in one pass, one more does not, and the next one is counted anew."""
        for limits in BOTH:
            count = limits.max_elements
            self.take(limits, with_elements(count) * 3)
            violation = self.refuse(limits, with_elements(count + 1))
            self.assertEqual(str(violation), f"an element holds more than {count} elements")

    def test_feature_elements(self) -> None:
        """Stream features may hold more elements than others before authentication, and no other element may."""
        limits, features = BEFORE_AUTHENTICATION, b"stream:features"
        self.take(limits, with_elements(512, features) + with_elements(64))
        self.refuse(limits, with_elements(513, features))
        self.refuse(limits, with_elements(512, features) + with_elements(65))
        self.refuse(limits, with_elements(65, b"stream:error"))
        self.refuse(limits, with_elements(65, b"features"))

    def test_pitfall_13_depth(self) -> None:
        """A hundred levels pass, a hundred and one do not, before authentication and after."""
        for limits in (replace(BEFORE_AUTHENTICATION, max_elements=1_000), AFTER_AUTHENTICATION):
            self.take(limits, nested(100) * 3)
            violation = self.refuse(limits, nested(101))
            self.assertEqual(str(violation), "elements are nested more than 100 deep")
            self.refuse(replace(limits, max_elements=30_000, max_element_bytes=10**6), nested(20_000))

    def test_raised_on_the_way(self) -> None:
        """The limits of a stream can be changed between two elements, say when dialback has proven a domain."""
        framer = opened_framer(BEFORE_AUTHENTICATION)
        framer.feed(sized(10_000))
        framer.limits = AFTER_AUTHENTICATION
        self.assertEqual(len(framer.feed(sized(524_288))), 1)


class TagTests(LimitCase):
    """A single tag may cost so much."""

    def test_size(self) -> None:
        """A tag of the largest size passes, one byte more does not, with '>' in it or without, in any pieces."""
        for limits in (SMALL, AFTER_AUTHENTICATION):
            size = limits.max_tag_bytes
            for filler in (b"x", b">", b">x", b"x" * (size // 2) + b">"):
                for begin in (b"<a b='", b"<a><b/>text<b c='"):
                    value = (filler * size)[: size - len(b"<a b=''/>")]
                    end = b"'/></a>" if begin.count(b"<") > 1 else b"'/>"
                    self.take(limits, begin + value + end)
                    violation = self.refuse(limits, begin + value + b"x" + end)
                    self.assertEqual(str(violation), f"a tag exceeds {size} bytes")
                    self.take(limits, begin, value[: size // 3], value[size // 3 :], end)
                    self.refuse(limits, begin, value[: size // 3], value[size // 3 :] + b"x", end)

    def test_end_tag(self) -> None:
        """An end tag is a tag too."""
        self.take(SMALL, b"<a></a" + b" " * 296 + b">")
        self.refuse(SMALL, b"<a></a" + b" " * 297 + b">")

    def test_texts_are_no_tags(self) -> None:
        """Texts and CDATA sections are as long as the element may be, with all sorts of brackets in them."""
        long = b"x" * 500
        for text in (long, b">" + long, long + b">" + long, b"/>" + long):
            self.take(SMALL, b"<a>" + text + b"</a>")
            self.take(SMALL, b"<a>" + text[:350], text[350:] + b"<b/>", b"</a>")
        for text in (long, b"<c d='" + long + b"'/>", b"<c>" + long + b"<" + long, b"]]" + long + b"<>"):
            self.take(SMALL, b"<a><![CDATA[" + text + b"]]></a>")
            for cut in range(0, 800, 80):
                data = b"<a>x<![CDATA[" + text + b"]]>" + long + b"</a>"
                self.take(SMALL, data[:cut], data[cut:])
        self.refuse(SMALL, b"<a><![CDATA[<>]]><b c='" + long + b"'/></a>")

    def test_namespace(self) -> None:
        """The name of a namespace may have so many characters, one more is refused, also on the opening tag."""
        for declaration in (b"xmlns='", b"xmlns:p='"):
            self.take(AFTER_AUTHENTICATION, b"<a " + declaration + b"u" * 256 + b"'/>")
            self.take(AFTER_AUTHENTICATION, b"<a><b " + declaration + "ü".encode() * 256 + b"'/></a>")
            self.refuse(AFTER_AUTHENTICATION, b"<a " + declaration + b"u" * 257 + b"'/>")
            self.refuse(AFTER_AUTHENTICATION, b"<a><b " + declaration + b"u" * 257 + b"'/></a>")
        self.refuse(AFTER_AUTHENTICATION, header=OPENING[:-1] + b" xmlns:p='" + b"u" * 257 + b"'>")


class CostTests(WorkCase):
    """What peers can make us spend is bounded, however they go about it."""

    def test_white_space(self) -> None:
        """White space between elements is not kept, so keeping a stream alive costs nothing."""
        framer = opened_framer(BEFORE_AUTHENTICATION)
        for _ in range(30):
            self.assertEqual(framer.feed(b" \n" * 50_000), [])
            self.assertEqual(len(framer._buffer), 0)
        [element, closed] = framer.feed(MESSAGE + b"\n" * 20_000 + CLOSING)
        assert isinstance(element, Slice)
        self.assertEqual((element.data, closed), (MESSAGE, StreamClosed()))

    def test_unfinished_tag_byte_by_byte(self) -> None:
        """A tag that comes byte by byte is neither parsed nor copied before there is an end to it."""
        framer, work = self.feed([bytes([byte]) for byte in b"<a b='" + b"x" * 60_000])
        self.assertEqual((work.calls, work.read, work.touched), (0, 0, 0))
        self.assertIsNone(framer.violation)

    def test_ends_of_tags_in_a_value_byte_by_byte(self) -> None:
        """A tag that seems to end with every byte is read from its start for each, up to the longest tag."""
        tag = AFTER_AUTHENTICATION.max_tag_bytes
        framer, work = self.feed([b"<a b='", *([b">"] * (tag * 2))])
        self.assertIsNotNone(framer.violation)
        self.assertLessEqual(work.calls, tag)
        self.assertLessEqual(work.read, tag * (tag + 1) // 2)
        self.assertLessEqual(work.touched, 3 * tag)

    def test_text_byte_by_byte(self) -> None:
        """A text full of '>' that comes byte by byte is read once, or a byte of it twice."""
        framer, work = self.feed([b"<a>", *([b">"] * 60_000)])
        self.assertIsNone(framer.violation)
        self.assertLessEqual(work.read, 2 * 60_010)
        self.assertLessEqual(work.touched, 3 * 60_010)

    def test_attributes(self) -> None:
        """A flood of attributes is read once, and leaves nothing behind."""
        element = b"<a" + b"".join(b" a%d=''" % number for number in range(1_000)) + b"/>"
        framer, work = self.feed([element] * 20, BEFORE_AUTHENTICATION)
        self.assertIsNone(framer.violation)
        self.assertEqual((work.calls, work.read), (20, 20 * len(element)))
        self.assertEqual(len(framer._buffer), 0)

    def test_namespace_repeated_for_every_attribute(self) -> None:
        """A long namespace and many attributes in it are refused before the parser has multiplied them."""
        tag = AFTER_AUTHENTICATION.max_tag_bytes
        attributes = b"".join(b" p:a%d=''" % number for number in range(tag // 25))
        flood = b"<a xmlns:p='" + b"u" * (tag // 2 - 20) + b"'" + attributes + b"/>"
        framer, work = self.feed([flood * 20])
        assert framer.violation is not None
        self.assertIn("256 characters", str(framer.violation))
        self.assertEqual(work.calls, 1)
        self.assertLessEqual(work.read, tag)

    def test_names_are_forgotten(self) -> None:
        """A peer that thinks up a new name for every element does not fill our memory."""
        self.patch(framing, "MAX_PARSER_BYTES", 20_000)
        framer = opened_framer()
        data = b"".join(b"<n%d a%d='' xmlns:p%d='urn:p'/>" % (number, number, number) for number in range(10_000))
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        for at in range(0, len(data), 5_000):
            framer.feed(data[at : at + 5_000])
        held, _ = tracemalloc.get_traced_memory()
        self.assertIsNone(framer.violation)
        self.assertLess(held, 300_000)

    def test_parser_renewed(self) -> None:
        """A parser reads so many bytes; past them the next element is for a new one, and nothing is lost by it."""
        framer = opened_framer()
        first = framer._parser
        rest = MAX_PARSER_BYTES - len(HEADER) - len(MESSAGE)
        self.assertEqual(len(framer.feed(sized(rest) + MESSAGE)), 2)
        self.assertIs(framer._parser, first)
        framed = framer.feed(b"\n<a/> \n" + MESSAGE + b"<db:b/>" + CLOSING)
        self.assertIsNot(framer._parser, first)
        self.assertEqual([type(each) for each in framed], [Slice, Slice, Slice, StreamClosed])
        self.assertIsNone(framer.violation)

    def test_renewed_often(self) -> None:
        """However long a stream lives and however its bytes come, every element arrives once and in order."""
        elements = [b"<iq id='%d' type='get'><ping xmlns='urn:xmpp:ping'/></iq>" % number for number in range(30_000)]
        data = b"\n".join(elements)
        for size in (65_536, 10_007):
            framer = opened_framer()
            chunks = (data[at : at + size] for at in range(0, len(data), size))
            got = [each.data for chunk in chunks for each in framer.feed(chunk) if isinstance(each, Slice)]
            self.assertEqual(got, elements)
            self.assertLess(framer._base, MAX_PARSER_BYTES)
