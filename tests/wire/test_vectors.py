"""Streams that other projects test their parsers with, given to :mod:`muxs2s.wire.framing` and the header."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.framing import Framer, StreamClosed, StreamOpened
from muxs2s.wire.header import read_header, read_stream_error
from muxs2s.wire.limits import AFTER_AUTHENTICATION, FramingLimits
from muxs2s.wire.stanza import Slice
from tests.wire.samples import HEADER, STREAMS, opened_framer, read, read_slice, vectors

TEXT_BETWEEN = "junk text between stanzas tolerated by the parser"
STICKY_LIMIT = "size limit sticks after the first error"


class VectorCase(SynchronousTestCase):
    """Gives each sample to a framer, whole and byte by byte."""

    def cases(self, name: str) -> Iterator[dict[str, Any]]:
        """The samples of one origin."""
        yield from vectors("xml_streams")[name]["cases"]

    def accepts(self, data: bytes) -> bool:
        """Whether a stream that begins with these bytes is taken, its header too."""
        whole, violation = read(data)
        pieces, same = read(*(data[at : at + 1] for at in range(len(data))))
        self.assertEqual((whole, str(violation)), (pieces, str(same)))
        if violation is not None or not whole:
            return False
        assert isinstance(whole[0], StreamOpened)
        try:
            read_header(whole[0])
        except RemoteViolation:
            return False
        return True


class EncodingVectorTests(VectorCase):
    """Byte sequences in an open stream."""

    NO_XML = frozenset({"00", "efbfbe", "efbfbf"})
    """UTF-8 of code points that XML 1.0 forbids."""

    def test_utf_8(self) -> None:
        """S3: broken UTF-8 is an unsupported encoding; UTF-8 of what XML forbids is not well-formed."""
        for case in self.cases("utf8_sequences"):
            _, violation = read(HEADER, b"<a>" + bytes.fromhex(case["hex"]) + b"</a>")
            condition = violation.condition if violation else None
            if not case["valid_utf8"]:
                self.assertIs(condition, StreamCondition.UNSUPPORTED_ENCODING, case["note"])
            elif case["hex"] in self.NO_XML:
                self.assertIs(condition, StreamCondition.NOT_WELL_FORMED, case["note"])
            else:
                self.assertIsNone(condition, case["note"])


class ProsodyVectorTests(VectorCase):
    """Prosody's tests of its stream parser and its tree parser."""

    def adapted(self, case: dict[str, Any]) -> bytes:
        """A sample with the real namespaces, inside of the real header where it is meant to stand in a stream."""
        if "hex" in case:
            return bytes.fromhex(case["hex"])
        xml: str = case["xml"].replace('"stanzans"', '"jabber:server"')
        xml = xml.replace('xmlns="streamns"', f'xmlns="{STREAMS}"')
        xml = xml.replace('xmlns:stream="streamns"', f'xmlns="jabber:server" xmlns:stream="{STREAMS}"')
        return (HEADER if case.get("prefix") else b"") + xml.encode()

    def test_streams(self) -> None:
        """S3, S18, S19: streams that Prosody takes are taken, those that it refuses are refused."""
        for case in self.cases("prosody_xmppstream"):
            self.assertEqual(self.accepts(self.adapted(case)), case["accept"], case)

    def test_namespaces(self) -> None:
        """S19: a prefix that is bound anew inside an element means what it meant before after it."""
        [case] = [case for case in self.cases("prosody_xmppstream") if "check" in case]
        tree = read_slice(case["xml"].encode()).tree()
        inner, outer = tree.elements()
        self.assertEqual([child.uri for child in inner.elements()], ["c"])
        self.assertEqual(outer.uri, "b")

    def test_elements(self) -> None:
        """S18: what Prosody refuses in an element is refused in a first-level element, what it takes is taken."""
        for case in self.cases("prosody_xml"):
            xml = case["xml"].removeprefix("<?xml version='1.0'?>").encode()
            _, violation = read(HEADER, xml)
            self.assertEqual(violation is None, case["accept"], case)
            if violation is not None:
                self.assertIs(violation.condition, StreamCondition.RESTRICTED_XML)


class FastXmlVectorTests(VectorCase):
    """Tests of ejabberd's parser, some of them of faults it once had."""

    def named(self, name: str) -> dict[str, Any]:
        """The sample of this name."""
        [case] = [case for case in self.cases("fast_xml") if case["name"] == name]
        return case

    def test_refused(self) -> None:
        """S19: what ejabberd refuses is refused, a line feed in a namespace too, which divides names for it alone."""
        for case in self.cases("fast_xml"):
            if "xml" in case:
                _, violation = read(HEADER, case["xml"].encode() + b">")
                assert violation is not None, case
                self.assertIs(violation.condition, StreamCondition.NOT_WELL_FORMED, case)

    def test_chunking(self) -> None:
        """Elements in odd pieces come out whole and in order, and the end of the stream after them."""
        case = self.named("chunking")
        framed, violation = read(*(chunk.encode() for chunk in case["chunks"]))
        self.assertIsNone(violation)
        self.assertEqual([each.name for each in framed if isinstance(each, Slice)], case["elements"])
        self.assertEqual(framed[-1], StreamClosed())

    def test_text_between_elements(self) -> None:
        """Text between elements, which ejabberd's parser leaves to its caller to judge, is refused here at once."""
        case = self.named(TEXT_BETWEEN)
        framed, violation = read(*(chunk.encode() for chunk in case["chunks"]))
        assert violation is not None
        self.assertEqual(len(framed), 1)
        self.assertIs(violation.condition, StreamCondition.BAD_FORMAT)

    def test_size_limit_sticks(self) -> None:
        """S20: an element over its limit is refused once and for all."""
        case = self.named(STICKY_LIMIT)
        framer = Framer(FramingLimits(max_element_bytes=case["limit"], max_elements=9, max_feature_elements=9))
        framed = [each for chunk in case["chunks"] for each in framer.feed(chunk.encode())]
        self.assertEqual([type(each) for each in framed], [StreamOpened])
        assert framer.violation is not None
        self.assertIs(framer.violation.condition, StreamCondition.POLICY_VIOLATION)


class MelliumVectorTests(VectorCase):
    """Mellium's tests of stream headers and of its stream reader."""

    FOR_THE_STREAM = frozenset({"version='0.0' id='123'>", "version='1.0'>"})
    """
    Ends of two headers that can be read: that a version is too old, or that a response has no id,
    depends on the role and is for :mod:`muxs2s.stream` to refuse.
    """

    def test_headers(self) -> None:
        """S1, S19: headers that mellium takes are taken, and refused if it refuses them whatever the role."""
        for case in self.cases("mellium_stream_open"):
            data = case["xml"].replace("jabber:client", "jabber:server")
            known = data.endswith(tuple(self.FOR_THE_STREAM)) and not case["accept"]
            self.assertEqual(self.accepts(data.encode()), case["accept"] or known, case)

    def test_inside_a_stream(self) -> None:
        """A stream inside a stream is refused; an unknown element of the streams namespace is no stanza."""
        for case in self.cases("mellium_reader"):
            if "xml" not in case or "stream_error" in case:
                continue
            framer = opened_framer()
            framed = framer.feed(case["xml"].replace("jabber:client", "jabber:server").encode())
            if "unknown" in case["xml"]:
                [element] = framed
                assert isinstance(element, Slice)
                self.assertFalse(element.is_stanza)
            else:
                assert framer.violation is not None
                self.assertIs(framer.violation.condition, StreamCondition.BAD_FORMAT)

    def test_stream_errors(self) -> None:
        """A stream error is read under any prefix, and without a condition as undefined."""
        for case in self.cases("mellium_reader"):
            if "stream_error" in case:
                known = case["stream_error"] if isinstance(case["stream_error"], str) else "undefined-condition"
                self.assertEqual(read_stream_error(read_slice(case["xml"].encode())).condition.value, known)

    def test_tokens(self) -> None:
        """S18: the kinds of token that mellium refuses are refused between elements and in them."""
        samples = {"comment": "<!-- -->", "processing instruction": "<?pi?>", "directive": "<!DOCTYPE a>"}
        [case] = [case for case in self.cases("mellium_reader") if case.get("kind") == "tokens"]
        for token in case["tokens"]:
            for data in (samples[token], f"<a>{samples[token]}</a>"):
                _, violation = read(HEADER, data.encode(), limits=AFTER_AUTHENTICATION)
                assert violation is not None
                self.assertIs(violation.condition, StreamCondition.RESTRICTED_XML)
