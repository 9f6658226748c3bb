"""Whatever comes: framing, stream headers and stream errors give an answer, and the same one for any pieces."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from hypothesis import given, settings
from hypothesis import strategies as some
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.framing import StreamOpened
from muxs2s.wire.header import StreamFailure, StreamHeader, read_header, read_stream_error, stream_error
from muxs2s.wire.markup import legible
from muxs2s.wire.names import DomainName
from muxs2s.wire.stanza import Slice
from tests.fuzz.checks import check_framing
from tests.wire.generated import MARKUP, SIZES, XML_TEXT, elements
from tests.wire.samples import HEADER, MESSAGE, STREAMS, read, read_slice, vectors

EXAMPLES = settings(max_examples=100, derandomize=True, deadline=None, database=None)


class AnyStreamTests(SynchronousTestCase):
    """What a peer may send, right or wrong."""

    @EXAMPLES
    @given(some.booleans(), some.lists(some.sampled_from([*MARKUP, HEADER, MESSAGE]), max_size=12), SIZES)
    def test_any_markup(self, opened: bool, markup: list[bytes], sizes: list[int]) -> None:  # noqa: FBT001 - drawn
        """Pieces of markup in any order, inside a stream or not, give the same in any pieces, and no exception."""
        check_framing(HEADER * opened + b"".join(markup), sizes)

    @EXAMPLES
    @given(some.binary(max_size=60), SIZES)
    def test_any_bytes(self, data: bytes, sizes: list[int]) -> None:
        """So do any bytes at all, at the beginning of a stream, in it and in an element."""
        for before in (b"", HEADER, HEADER + b"<a>", HEADER + b"<a b='"):
            check_framing(before + data, sizes)

    @settings(EXAMPLES, max_examples=20)
    @given(SIZES)
    def test_published(self, sizes: list[int]) -> None:
        """So does every stream that other projects test their parsers with."""
        for origin in vectors("xml_streams").values():
            for case in origin["cases"] if isinstance(origin, dict) else ():
                data = (
                    bytes.fromhex(case.get("hex", ""))
                    + "".join([case.get("xml", ""), *case.get("chunks", ())]).encode()
                )
                check_framing(data, sizes)
                check_framing(HEADER + data, sizes)


class AnyHeaderTests(SynchronousTestCase):
    """Stream headers of peers, and ours."""

    names = some.sampled_from(["a.example", "bücher.example", "xn--bcher-kva.example"]).map(DomainName.parse)

    @EXAMPLES
    @given(
        some.dictionaries(
            some.sampled_from(
                ["xmlns", "xmlns:stream", "xmlns:x", "from", "to", "id", "version", "x:from", "xml:lang"]
            ),
            XML_TEXT
            | some.sampled_from(["jabber:server", STREAMS, "a.example", "B.example.", "1.0", "00.9", "2.", ""]),
        ),
        some.sampled_from(["stream:stream", "stream", "x:stream", "stream:features"]),
    )
    def test_any_attributes(self, attributes: dict[str, str], name: str) -> None:
        """A header is read, or refused with a stream error, whatever its attributes are."""
        written = " ".join(f"{key}={quoteattr(value)}" for key, value in attributes.items())
        check_framing(f"<{name} {written}>".encode(), [1_000])

    @EXAMPLES
    @given(
        some.builds(
            StreamHeader,
            from_domain=some.none() | names,
            to_domain=some.none() | names,
            id=some.none() | XML_TEXT,
            version=some.none() | some.tuples(some.integers(0, 9_999), some.integers(0, 9_999)),
        )
    )
    def test_own(self, header: StreamHeader) -> None:
        """S1: a header of ours is read as what it says."""
        [opened], _ = read(header.to_bytes())
        assert isinstance(opened, StreamOpened)
        self.assertEqual(header, read_header(opened))


class AnyStreamErrorTests(SynchronousTestCase):
    """Stream errors of peers, and ours."""

    children = elements(
        names=["text", "reset", "not-well-formed", "x"],
        declarations=["xmlns='urn:ietf:params:xml:ns:xmpp-streams'", "xmlns='urn:x'", "xmlns=''", "xmlns:p='urn:x'"],
        attributes=["", " xml:lang='de'"],
        texts=["", "until noon", "&lt;", "\n"],
        depth=1,
    )

    @EXAMPLES
    @given(some.lists(children, max_size=4))
    def test_any_content(self, children: list[str]) -> None:
        """Whatever a stream error holds, it has one condition, and a text."""
        failure = read_stream_error(read_slice(f"<stream:error>{''.join(children)}</stream:error>".encode()))
        said = "".join(children)
        self.assertIn(failure.condition.value, ["undefined-condition", "reset", "not-well-formed"])
        self.assertTrue(failure.condition.value in said or failure.condition is StreamCondition.UNDEFINED_CONDITION)

    @EXAMPLES
    @given(some.sampled_from(StreamCondition), some.text(some.characters()))
    def test_own(self, condition: StreamCondition, text: str) -> None:
        """An error of ours is read as what it says, whatever characters its text has."""
        framed, violation = read(HEADER, stream_error(condition, text))
        self.assertIsNone(violation)
        [error] = (each for each in framed if isinstance(each, Slice))
        self.assertEqual(StreamFailure(condition=condition, text=legible(text)), read_stream_error(error))
