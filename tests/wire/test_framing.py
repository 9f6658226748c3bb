"""Tests of :mod:`muxs2s.wire.framing`: what is cut how, whatever the pieces; its limits are in ``test_limits.py``."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as some
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.framing import Framed, StreamClosed, StreamOpened
from muxs2s.wire.limits import FramingLimits
from muxs2s.wire.stanza import Slice
from tests.wire.generated import SIZES, pieces
from tests.wire.samples import CLOSING, HEADER, MESSAGE, OPENING, STREAMS, opened_framer, read, read_slice

SMALL = FramingLimits(max_element_bytes=400, max_elements=4, max_feature_elements=6, max_depth=3, max_tag_bytes=200)

SLICES = [
    MESSAGE,
    b"<presence from='a.example' to='b.example'/>",
    b"<iq type='get' id='1' to='b.example' from='a.example'><ping xmlns='urn:xmpp:ping'/></iq>",
    b"<db:result from='a.example' to='b.example'>0123456789abcdef</db:result>",
    b"<a></a>",
    b"<a >text/></a >",
    b"<a b='/>' c=\">'\"/>",
    b'<a b="\'/>"></a\n>',
    b"<a>/></a>",
    b"<a>&gt;/>&lt;/a&gt;</a>",
    b"<a><![CDATA[</a><b/>]]></a>",
    b"<a><a/></a>",
    b"<a><b/>/></a>",
    b"<stream>/></stream>",
    "<a ü='é'>日本語 𝜍</a>".encode(),
    b"<b xmlns=''/>",
    b"<features xmlns='http://etherx.jabber.org/streams'/>",
    b"<stream:stream xmlns:stream='urn:other'></stream:stream>",
]
"""Elements whose end is where a careless cutter does not expect it."""

BREACHES = [
    b"",
    CLOSING,
    CLOSING + b"<a/>",
    CLOSING + b"<!-- -->",
    b"junk<!-- -->",
    b"junk\x01>",
    b"&amp;",
    b"<![CDATA[ ]]><a/>",
    b"<![CDATA[ ]]>" + CLOSING,
    b"<!-- > -->",
    b"<?pi >?>",
    b"<!DOCTYPE a>",
    b"<a/></a>",
    b"<a/></b>",
    b"<a></b>",
    b"<a>\xff></a>",
    b"<a>\x00></a>",
    b"<a>&foo;</a>",
    b"<a b='<'/>",
    b"<a b='1' b='2'/>",
    b"<p:a/>",
    b"<stream:stream>",
    b"<a><stream:error/></a>",
    b"<a>" + b"x" * 500 + b"</a><b/>",
    b"<a>" + b"x" * 500,
    b"<a b='" + b"x" * 200 + b"'/><b/>",
    b"<a b='" + b">" * 250 + b"'/><b/>",
    b"<a><b><c><d/></c></b></a>",
    b"<a><b/><b/><b/><b/></a>",
]
"""Ends of a stream, most of them wrong, each in one way or more."""


def violated(data: bytes) -> StreamCondition | None:
    """The condition that answers these bytes in an open stream."""
    _, violation = read(HEADER, data)
    return violation.condition if violation else None


def told(framed: list[Framed], violation: RemoteViolation | None) -> tuple[list[Framed], StreamCondition | None, str]:
    """What a framer made of a stream, in a form that can be compared."""
    return framed, violation.condition if violation else None, str(violation)


class OpeningTests(SynchronousTestCase):
    """The opening tag is told as it was written."""

    def test_opening(self) -> None:
        """A stream header comes out with its names, prefix, content namespace and attributes."""
        framed, violation = read(HEADER)
        self.assertIsNone(violation)
        self.assertEqual(
            framed,
            [
                StreamOpened(
                    namespace=STREAMS,
                    name="stream",
                    prefix="stream",
                    attributes={"from": "a.example", "to": "b.example", "version": "1.0"},
                    default_namespace="jabber:server",
                    namespaces=frozenset({"jabber:server", STREAMS, "jabber:server:dialback"}),
                )
            ],
        )

    def test_without_prefix(self) -> None:
        """A header in the default namespace has no prefix, and no content namespace but that of streams."""
        [opened], _ = read(b"<stream xmlns='http://etherx.jabber.org/streams' xml:lang='de'>")
        assert isinstance(opened, StreamOpened)
        self.assertEqual((opened.prefix, opened.default_namespace), ("", STREAMS))
        self.assertEqual(opened.attributes, {"http://www.w3.org/XML/1998/namespace lang": "de"})

    def test_no_namespace(self) -> None:
        """A tag outside of every namespace is told too; refusing it is the business of whoever reads headers."""
        [opened], _ = read(b"<foo>")
        assert isinstance(opened, StreamOpened)
        self.assertEqual((opened.namespace, opened.name, opened.default_namespace), ("", "foo", None))

    def test_opened_and_closed_in_one_tag(self) -> None:
        """An empty stream opens and closes."""
        framed, violation = read(HEADER[:-1] + b"/>")
        self.assertEqual([type(each) for each in framed], [StreamOpened, StreamClosed])
        self.assertIsNone(violation)

    def test_white_space_before(self) -> None:
        """White space left over from before a restart does no harm, though an XML declaration follows."""
        framed, violation = read(b" \r\n" + HEADER)
        self.assertEqual((len(framed), violation), (1, None))


class SliceTests(SynchronousTestCase):
    """First-level elements come out as they stood there."""

    def test_fields(self) -> None:
        """A slice has the bytes, and read from them what every floor asks for."""
        element = read_slice(MESSAGE)
        self.assertEqual(element.data, MESSAGE)
        self.assertEqual((element.namespace, element.name), ("jabber:server", "message"))
        self.assertEqual((element.from_address, element.to_address), ("romeo@a.example/orchard", "juliet@b.example"))
        self.assertEqual((element.type, element.id), ("chat", "m1"))

    def test_missing_fields(self) -> None:
        """Attributes that are not there are None; one with a prefix is another attribute."""
        element = read_slice(
            b"<presence xmlns:x='urn:x' x:from='evil.example' x:to='b.example' x:type='error' x:id='1'/>"
        )
        self.assertEqual(element[3:7], (None, None, None, None))

    def test_odd_elements(self) -> None:
        """Every element is cut where it ends: empty, with '>' in values or text, with tags in CDATA."""
        framed, violation = read(HEADER, b"".join(SLICES))
        self.assertIsNone(violation)
        self.assertEqual([each.data for each in framed if isinstance(each, Slice)], SLICES)

    def test_empty_element_before_the_end(self) -> None:
        """An empty element and the closing tag after it are told apart at whatever byte the pieces part."""
        for element in (b"<a/>", b"<a></a>", b"<a>/></a>"):
            data = element + CLOSING
            for cut in range(len(data) + 1):
                framed, violation = read(HEADER, data[:cut], data[cut:])
                self.assertIsNone(violation)
                [_, first, closed] = framed
                assert isinstance(first, Slice)
                self.assertEqual((first.data, closed), (element, StreamClosed()))

    def test_wrong_end_tag_is_not_cut_in(self) -> None:
        """S19: an end tag too many after an empty element belongs to no slice and ends the stream."""
        for wrong in (b"</a>", b"</b>", b"</scope>"):
            framed, violation = read(HEADER + b"<a/>" + wrong)
            assert violation is not None
            self.assertEqual(violation.condition, StreamCondition.NOT_WELL_FORMED)
            self.assertEqual([each.data for each in framed if isinstance(each, Slice)], [b"<a/>"])

    def test_prefixes_rebound(self) -> None:
        """S14: a stanza is what its namespace says, whatever prefix is bound to it inside the element."""
        element = read_slice(b"<stream:message xmlns:stream='jabber:server' from='a.example' to='b.example'/>")
        self.assertTrue(element.is_stanza)
        element = read_slice(b"<message xmlns='urn:other' from='a.example' to='b.example'/>")
        self.assertFalse(element.is_stanza)
        element = read_slice(b"<message xmlns=''/>")
        self.assertEqual((element.namespace, element.is_stanza), ("", False))

    def test_batches(self) -> None:
        """All that a piece completes comes at once and in order; the rest waits for its end."""
        framer = opened_framer()
        self.assertEqual(
            [each.data for each in framer.feed(MESSAGE * 3 + b"<a") if isinstance(each, Slice)], [MESSAGE] * 3
        )
        self.assertEqual(framer.feed(b" b='1'"), [])
        [last] = framer.feed(b"/>")
        assert isinstance(last, Slice)
        self.assertEqual(last.data, b"<a b='1'/>")


class ChunkTests(SynchronousTestCase):
    """How bytes are cut on their way makes no difference."""

    def test_byte_by_byte(self) -> None:
        """One byte at a time gives what one piece gives, for every right and wrong end of a stream."""
        for breach in BREACHES:
            data = HEADER + b" ".join(SLICES[:6]) + breach
            whole = told(*read(data, limits=SMALL))
            pieces = told(*read(*(data[at : at + 1] for at in range(len(data))), limits=SMALL))
            self.assertEqual(pieces, whole, breach)

    def test_breaches_are_breaches(self) -> None:
        """All but the first four of the ends that these tests try are wrong."""
        wrong = [breach for breach in BREACHES if read(HEADER + breach, limits=SMALL)[1] is not None]
        self.assertEqual(wrong, BREACHES[4:])

    @settings(max_examples=60, derandomize=True, deadline=None, database=None)
    @given(
        some.lists(some.sampled_from([*SLICES, b" ", b"\n\t"]), max_size=8),
        some.sampled_from(BREACHES),
        SIZES,
    )
    def test_any_pieces(self, elements: list[bytes], breach: bytes, sizes: list[int]) -> None:
        """Any pieces give the same slices and the same violation, and what came before it is handed on."""
        data = HEADER + b"".join(elements) + breach
        whole = told(*read(data, limits=SMALL))
        self.assertEqual(told(*read(*pieces(data, sizes), limits=SMALL)), whole)
        good, _ = read(HEADER + b"".join(elements), limits=SMALL)
        self.assertEqual(whole[0][: len(good)], good)

    def test_good_before_bad(self) -> None:
        """What stood before a violation in the same piece is handed on, and nothing after it."""
        framer = opened_framer()
        framed = framer.feed(MESSAGE + b"<!-- -->" + MESSAGE)
        self.assertEqual(len(framed), 1)
        assert framer.violation is not None
        self.assertEqual(framer.violation.condition, StreamCondition.RESTRICTED_XML)
        self.assertEqual(framer.feed(MESSAGE), [])

    def test_after_the_end(self) -> None:
        """What follows the closing tag is not read, and no fault of the stream."""
        for rest in (MESSAGE, b"<!-- -->", b"\xff>", b"</a>"):
            framer = opened_framer()
            self.assertEqual(framer.feed(CLOSING + rest), [StreamClosed()])
            self.assertEqual(framer.feed(rest), [])
            self.assertIsNone(framer.violation)


class WellFormednessTests(SynchronousTestCase):
    """Each fault has its condition."""

    def test_pitfall_13_restricted_xml_is_refused(self) -> None:
        """S18: comments, processing instructions, document types and entities of one's own end the stream."""
        inside = [b"<!-- -->", b"<?php die(); ?>", b"&foo;", b"<b c='&foo;'/>"]
        for data in (b"<a>" + each + b"</a>" for each in inside):
            self.assertEqual(violated(data), StreamCondition.RESTRICTED_XML)
        for data in (b"<!-- -->", b"<?pi?>", b"<?xml-stylesheet href='a'?>"):
            self.assertEqual(violated(data), StreamCondition.RESTRICTED_XML)
            _, violation = read(data + HEADER)
            assert violation is not None
            self.assertEqual(violation.condition, StreamCondition.RESTRICTED_XML)

    def test_document_type(self) -> None:
        """S18: a document type is refused before an entity of it can be used, however many it defines."""
        entities = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 8))
        laughs = f"<!DOCTYPE a [<!ENTITY e0 'ha'>{entities}]><a>&e7;</a>".encode()
        for data in (
            laughs,
            b"<!DOCTYPE a SYSTEM 'http://evil.example/a.dtd'>",
            b"<?xml version='1.0'?><!DOCTYPE a []>",
        ):
            framed, violation = read(data)
            assert violation is not None
            self.assertEqual((framed, violation.condition), ([], StreamCondition.RESTRICTED_XML))
        for data in (b"<a/><!DOCTYPE a []>", b"<a><!ENTITY b 'c'></a>", b"<a><!></a>"):
            self.assertEqual(violated(data), StreamCondition.RESTRICTED_XML)

    def test_predefined_entities(self) -> None:
        """S18: the five predefined entities and character references are no entities of one's own."""
        data = b"<a b='&quot;&apos;'>&lt;&gt;&amp;&#65;&#x42;</a>"
        self.assertEqual(read_slice(data).data, data)

    def test_not_well_formed(self) -> None:
        """S19: tags that do not match, repeated attributes and characters that XML forbids are not well-formed."""
        wrong = [b"<a></b>", b"</a>", b"<a b='1' b='2'/>", b"<a b=1/>", b"<a>\x01</a>", b"<a>\x00</a>", b"<a>&#0;</a>"]
        wrong += [b"<a>]]></a>", b"< a/>", b"<>", b"<a b='<'/>", b"<a>\xef\xbf\xbe</a>", b"<a>&#xD800;</a>"]
        for data in wrong:
            self.assertEqual(violated(data), StreamCondition.NOT_WELL_FORMED, data)

    def test_namespace_errors(self) -> None:
        """S19: unbound, reserved, undeclared and twice declared prefixes are not well-formed."""
        wrong = [b"<p:a/>", b"<a p:b='1'/>", b"<a xmlns:p=''/>", b"<a xmlns:xml='urn:x'/>", b"<a xmlns:xmlns='urn:x'/>"]
        wrong += [b"<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", b"<a xmlns='urn:x' xmlns='urn:y'/>"]
        wrong += [b"<a xmlns:p='urn:x' xmlns:q='urn:x' p:b='1' q:b='2'/>", b"<a:b:c xmlns:a='urn:x'/>"]
        wrong += [b"<a xmlns='http://www.w3.org/XML/1998/namespace'/>", b"<a xmlns:p='http://www.w3.org/2000/xmlns/'/>"]
        for data in wrong:
            self.assertEqual(violated(data), StreamCondition.NOT_WELL_FORMED, data)

    def test_separator_in_a_namespace(self) -> None:
        """S19: a namespace with what divides it from a name, for this parser or for another, makes no element."""
        for separator in (b" ", b"&#32;", b"&#x20;", b"&#10;", b"&#9;", b"&#13;", b"\n", "\N{NO-BREAK SPACE}".encode()):
            framed, violation = read(HEADER, b"<a xmlns='jabber:server" + separator + b"message'/>")
            assert violation is not None
            self.assertEqual((len(framed), violation.condition), (1, StreamCondition.NOT_WELL_FORMED))

    def test_declaration_of_prefix_xml(self) -> None:
        """S19: the prefix xml may be declared as what it is."""
        xml = b"xmlns:xml='http://www.w3.org/XML/1998/namespace'"
        self.assertEqual(read_slice(b"<a " + xml + b"/>").name, "a")
        self.assertEqual(read_slice(b"<a xml:lang='en'/>", OPENING[:-1] + b" " + xml + b">").tree().name, "a")

    def test_text_between_elements(self) -> None:
        """Between elements stands white space and nothing else, reported at its first byte."""
        for text in (b"x", b"&amp;", b"&#32;", "\N{NO-BREAK SPACE}".encode(), b"\0", b"<![CDATA[ ]]><a/>", b"]]>"):
            self.assertEqual(violated(b"<a/> " + text), StreamCondition.BAD_FORMAT, text)
        self.assertEqual(violated(b"<![CDATA[]]>" + CLOSING), StreamCondition.BAD_FORMAT)
        self.assertEqual(violated(b" \t\r\n<a/> \n" + CLOSING), None)

    def test_stream_in_a_stream(self) -> None:
        """A stream tag inside a stream ends it, under whatever prefix; so do its elements deeper down."""
        streams = b"xmlns:x='http://etherx.jabber.org/streams'"
        for data in (OPENING, b"<x:stream " + streams + b"/>", b"<stream xmlns='http://etherx.jabber.org/streams'/>"):
            self.assertEqual(violated(data), StreamCondition.BAD_FORMAT)
        self.assertEqual(violated(b"<a><x:features " + streams + b"/></a>"), StreamCondition.BAD_FORMAT)
        self.assertEqual(violated(b"<stream:features/><stream:error/>"), None)


class EncodingTests(SynchronousTestCase):
    """UTF-8, and nothing else."""

    def test_declared(self) -> None:
        """S3: another encoding than UTF-8 is refused where it is declared."""
        for encoding in (b"UTF-16", b"ISO-8859-1", b"US-ASCII", b"x-nonsense"):
            framed, violation = read(b"<?xml version='1.0' encoding='" + encoding + b"'?>" + OPENING)
            assert violation is not None
            self.assertEqual((framed, violation.condition), ([], StreamCondition.UNSUPPORTED_ENCODING))
        self.assertEqual(len(read(b"<?xml version='1.0' encoding='utf-8' standalone='yes'?>" + OPENING)[0]), 1)

    def test_other_encodings(self) -> None:
        """S3: UTF-16 and UTF-32 are refused as what they are, with a byte order mark and without."""
        for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"):
            data = HEADER.decode().encode(encoding)
            for chunks in ([data], [data[at : at + 1] for at in range(len(data))]):
                framed, violation = read(*chunks)
                assert violation is not None
                self.assertEqual((framed, violation.condition), ([], StreamCondition.UNSUPPORTED_ENCODING), encoding)

    def test_broken_utf_8(self) -> None:
        """S3: bytes that are no UTF-8 are an encoding of their own, in text, values and names."""
        for wrong in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"):
            for data in (b"<a>" + wrong + b"</a>", b"<a b='" + wrong + b"'/>", b"<a" + wrong + b"/>"):
                self.assertEqual(violated(data), StreamCondition.UNSUPPORTED_ENCODING, data)

    def test_byte_order_mark(self) -> None:
        """S3: a byte order mark is text before the stream."""
        for chunks in ([b"\xef\xbb\xbf" + HEADER], [b"\xef", b"\xbb\xbf" + HEADER]):
            framed, violation = read(*chunks)
            assert violation is not None
            self.assertEqual((framed, violation.condition), ([], StreamCondition.NOT_WELL_FORMED))

    def test_xml_version(self) -> None:
        """XML 1.1 would allow control characters and is refused; so is a declaration that is none."""
        for declaration in (b"<?xml version='1.1'?>", b"<?xml?>", b"<?xml version='1.0'?><?xml version='1.0'?>"):
            _, violation = read(declaration + OPENING)
            assert violation is not None
            self.assertEqual(violation.condition, StreamCondition.NOT_WELL_FORMED)
        self.assertEqual(violated(b"<?xml version='1.0'?>"), StreamCondition.NOT_WELL_FORMED)

    def test_no_xml(self) -> None:
        """Another protocol on the port is noticed at its first byte."""
        for data in (b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"{", b"EHLO a.example\r\n"):
            _, violation = read(data)
            assert violation is not None
            self.assertEqual(violation.condition, StreamCondition.NOT_WELL_FORMED)
