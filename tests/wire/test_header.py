"""Tests of :mod:`muxs2s.wire.header`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.framing import StreamClosed, StreamOpened
from muxs2s.wire.header import (
    CLOSING_TAG,
    MAX_OTHER_HOST_CHARACTERS,
    MAX_STREAM_ID_CHARACTERS,
    StreamFailure,
    StreamHeader,
    is_stream_error,
    named_domain,
    read_header,
    read_stream_error,
    stream_error,
)
from muxs2s.wire.names import DomainName
from muxs2s.wire.namespaces import COMPONENT, DIALBACK, SERVER, STREAM_ERRORS, XML
from muxs2s.wire.stanza import Slice
from tests.wire.samples import HEADER, STREAMS, read, read_slice

A, B = DomainName.parse("a.example"), DomainName.parse("b.example")
BUECHER = DomainName.parse("bücher.example")


def opened(data: bytes) -> StreamOpened:
    """The opening tag in these bytes."""
    framed, violation = read(data)
    assert violation is None, violation
    [first] = framed
    assert isinstance(first, StreamOpened)
    return first


def header(attributes: str = "", namespaces: str = f"xmlns='jabber:server' xmlns:stream='{STREAMS}'") -> StreamOpened:
    """The opening tag with these attributes."""
    return opened(f"<stream:stream {namespaces} {attributes}>".encode())


class WritingTests(SynchronousTestCase):
    """What our headers say."""

    def test_initial_header(self) -> None:
        """S1, S3: an initial header has a declaration, both domains, version, language and no id."""
        data = StreamHeader(from_domain=A, to_domain=B).to_bytes()
        self.assertTrue(data.startswith(b"<?xml version='1.0'?><stream:stream "))
        self.assertEqual(
            opened(data),
            StreamOpened(
                namespace=STREAMS,
                name="stream",
                prefix="stream",
                attributes={"from": "a.example", "to": "b.example", "version": "1.0", f"{XML} lang": "en"},
                default_namespace=SERVER,
                namespaces=frozenset({SERVER, STREAMS, DIALBACK}),
            ),
        )

    def test_response_header(self) -> None:
        """S1, S2: a response header has an id besides, as it was given."""
        attributes = opened(StreamHeader(from_domain=B, to_domain=A, id="<'id\">").to_bytes()).attributes
        self.assertEqual(attributes["id"], "<'id\">")
        self.assertEqual(attributes[f"{XML} lang"], "en")

    def test_dialback_prefix(self) -> None:
        """Between servers the prefix db is declared for dialback, and no namespace of a payload."""
        data = StreamHeader().to_bytes()
        self.assertEqual(read_slice(b"<db:result/>", data).namespace, DIALBACK)
        self.assertEqual(data.count(b"xmlns"), 3)

    def test_component_header(self) -> None:
        """S32: towards a component the content namespace is its own, without version and dialback."""
        data = StreamHeader(from_domain=A, id="1", version=None, content_namespace=COMPONENT).to_bytes()
        read_back = opened(data)
        self.assertEqual(read_back.default_namespace, COMPONENT)
        self.assertNotIn("version", read_back.attributes)
        self.assertNotIn(b"xmlns:db", data)

    def test_u_labels(self) -> None:
        """S13: domains stand in headers as U-labels."""
        self.assertEqual(opened(StreamHeader(to_domain=BUECHER).to_bytes()).attributes["to"], "bücher.example")

    def test_without_content_namespace(self) -> None:
        """A header that declares no content namespace can be written, for tests of other servers."""
        self.assertIsNone(opened(StreamHeader(content_namespace=None).to_bytes()).default_namespace)


class ReadingTests(SynchronousTestCase):
    """What peers' headers may say."""

    def refused(self, tag: StreamOpened, content_namespace: str = SERVER) -> StreamCondition:
        """The condition that answers this header."""
        violation: RemoteViolation = self.assertRaises(RemoteViolation, read_header, tag, content_namespace)
        return violation.condition

    def test_round_trip(self) -> None:
        """S1: what one server writes the other reads, in either role and between servers and components."""
        for written in (
            StreamHeader(from_domain=A, to_domain=BUECHER),
            StreamHeader(from_domain=BUECHER, to_domain=A, id="&<1>"),
            StreamHeader(),
        ):
            self.assertEqual(read_header(opened(written.to_bytes())), written)
        component = StreamHeader(to_domain=A, version=None, content_namespace=COMPONENT, declares_dialback=False)
        self.assertEqual(read_header(opened(component.to_bytes()), COMPONENT), component)

    def test_declared_dialback(self) -> None:
        """D7: a header that binds any prefix to dialback declares it; one that names it elsewhere does not."""
        usual = f"xmlns='jabber:server' xmlns:stream='{STREAMS}'"
        for namespaces, declares in (
            (f"{usual} xmlns:db='jabber:server:dialback'", True),
            (f"{usual} xmlns:x='jabber:server:dialback'", True),
            (f"{usual} db='jabber:server:dialback'", False),
            (f"{usual} xmlns:db='jabber:server:dialback2'", False),
            (usual, False),
        ):
            self.assertEqual(declares, read_header(header("", namespaces)).declares_dialback)

    def test_domains(self) -> None:
        """S13: domains are read in any spelling, an empty one is none, and another kind of address is improper."""
        read_back = read_header(header("from='XN--BCHER-KVA.example.' to=''"))
        self.assertEqual((read_back.from_domain, read_back.to_domain), (BUECHER, None))
        for bad in ("a..example", "u@a.example", "a.example/r", "127.0.0.1", "a b"):
            for attribute in ("from", "to"):
                self.assertIs(self.refused(header(f"{attribute}='{bad}'")), StreamCondition.IMPROPER_ADDRESSING)

    def test_stream_namespace(self) -> None:
        """S19: a stream in another namespace, or in none, is an invalid namespace."""
        for namespaces in (
            "xmlns='jabber:server' xmlns:stream='urn:other'",
            f"xmlns='jabber:server' xmlns:stream='{STREAMS}/'",
        ):
            self.assertIs(self.refused(header("", namespaces)), StreamCondition.INVALID_NAMESPACE)
        self.assertIs(self.refused(opened(b"<stream>")), StreamCondition.INVALID_NAMESPACE)
        self.assertIs(self.refused(opened(b"<stream xmlns=''>")), StreamCondition.INVALID_NAMESPACE)

    def test_content_namespace(self) -> None:
        """S19: another content namespace than the port is for, or none, is an invalid namespace."""
        for content in ("xmlns='jabber:client'", f"xmlns='{COMPONENT}'", "xmlns=''", ""):
            tag = header("", f"{content} xmlns:stream='{STREAMS}'")
            self.assertIs(self.refused(tag), StreamCondition.INVALID_NAMESPACE)
        self.assertIs(self.refused(header(), COMPONENT), StreamCondition.INVALID_NAMESPACE)

    def test_prefix(self) -> None:
        """S19: the prefix of a stream is 'stream' or none; another is a bad prefix."""
        tag = opened(f"<x:stream xmlns='jabber:server' xmlns:x='{STREAMS}'>".encode())
        self.assertIs(self.refused(tag), StreamCondition.BAD_NAMESPACE_PREFIX)
        self.assertEqual(read_header(opened(f"<stream xmlns='{STREAMS}' to='a.example'>".encode())).to_domain, A)

    def test_name(self) -> None:
        """Another element than a stream is a bad format."""
        tag = opened(f"<stream:features xmlns='jabber:server' xmlns:stream='{STREAMS}'>".encode())
        self.assertIs(self.refused(tag), StreamCondition.BAD_FORMAT)

    def test_id_length(self) -> None:
        """A stream id has at most 1,024 characters, one more is refused."""
        longest = "i" * MAX_STREAM_ID_CHARACTERS
        self.assertEqual(MAX_STREAM_ID_CHARACTERS, 1_024)
        self.assertEqual(read_header(header(f"id='{longest}'")).id, longest)
        self.assertIs(self.refused(header(f"id='{longest}i'")), StreamCondition.POLICY_VIOLATION)
        self.assertIsNone(read_header(header("x:id='1' xmlns:x='urn:x'")).id)

    def test_versions(self) -> None:
        """A version is two numbers, compared as numbers; none at all is from before XMPP 1.0."""
        for text, version in (
            ("1.0", (1, 0)),
            ("01.00", (1, 0)),
            ("1.10", (1, 10)),
            ("0.9", (0, 9)),
            ("9999.9999", None),
        ):
            self.assertEqual(read_header(header(f"version='{text}'")).version, version or (9999, 9999))
        self.assertIsNone(read_header(header()).version)
        for bad in ("", "1", "1.", ".0", "1.0.0", "-1.0", "1.x", "a", "1,0", "٢.٠", "1.²", "99999.9999", "1. 0"):
            self.assertIs(self.refused(header(f"version='{bad}'")), StreamCondition.UNSUPPORTED_VERSION)

    def test_named_domain(self) -> None:
        """Where a role needs a domain and the header names none, the peer is told which attribute is missing."""
        self.assertIs(A, named_domain(A, "from"))
        violation = self.assertRaises(RemoteViolation, named_domain, None, "to")
        self.assertIs(violation.condition, StreamCondition.IMPROPER_ADDRESSING)
        self.assertEqual("the stream header has no 'to'", str(violation))


class StreamErrorTests(SynchronousTestCase):
    """Stream errors, written and read."""

    def test_recognised(self) -> None:
        """A stream error is an ``error`` in the namespace of streams, and nothing else is."""
        self.assertTrue(is_stream_error(read_slice(b"<stream:error/>")))
        self.assertFalse(is_stream_error(read_slice(b"<error/>")))
        self.assertFalse(is_stream_error(read_slice(b"<stream:features/>")))

    def test_round_trip(self) -> None:
        """Every condition is read as it was written, with its text, and the closing tag follows."""
        for condition in StreamCondition:
            framed, violation = read(HEADER + stream_error(condition, "<why> & 'how'"))
            self.assertIsNone(violation)
            [_, error, closed] = framed
            assert isinstance(error, Slice)
            self.assertEqual(read_stream_error(error), StreamFailure(condition=condition, text="<why> & 'how'"))
            self.assertEqual(closed, StreamClosed())
        self.assertEqual(CLOSING_TAG, b"</stream:stream>")

    def test_any_text(self) -> None:
        """S18: a text that quotes what the peer sent cannot make the error itself ill-formed."""
        framed, violation = read(HEADER + stream_error(StreamCondition.BAD_FORMAT, "a\0b\x1f\ud800\ufffec]]>"))
        self.assertIsNone(violation)
        error = framed[1]
        assert isinstance(error, Slice)
        self.assertEqual(read_stream_error(error).text, "a\ufffdb\ufffd\ufffd\ufffdc]]>")

    def test_unknown(self) -> None:
        """An error without a condition, with an unknown one or with one in another namespace is undefined."""
        inside = ["", f"<no-such xmlns='{STREAM_ERRORS}'/>", "<host-gone xmlns='urn:x'/>", "<host-gone/>"]
        for each in inside:
            error = read_slice(f"<stream:error>{each}</stream:error>".encode())
            self.assertEqual(
                read_stream_error(error), StreamFailure(condition=StreamCondition.UNDEFINED_CONDITION, text="")
            )

    def test_see_other_host(self) -> None:
        """S26: where to go instead is read, white space off, up to a length that a domain and a port can have."""
        for inside, place in (
            (" b.example:5270\n", "b.example:5270"),
            ("[2001:db8::1]:5269", "[2001:db8::1]:5269"),
            ("", ""),
            ("h" * MAX_OTHER_HOST_CHARACTERS, "h" * MAX_OTHER_HOST_CHARACTERS),
            ("h" * (MAX_OTHER_HOST_CHARACTERS + 1), ""),
        ):
            named = f"<see-other-host xmlns='{STREAM_ERRORS}'>{inside}</see-other-host>"
            failure = read_stream_error(read_slice(f"<stream:error>{named}</stream:error>".encode()))
            self.assertEqual((StreamCondition.SEE_OTHER_HOST, place), (failure.condition, failure.see_other))

    def test_only_under_its_condition(self) -> None:
        """S26: of several conditions the first counts, and only with its own content."""
        see, gone = (f"<{name} xmlns='{STREAM_ERRORS}'>x</{name}>" for name in ("see-other-host", "host-gone"))
        unknown = f"<flood xmlns='{STREAM_ERRORS}'>y</flood>"
        for inside, condition, place in (
            (gone + see, StreamCondition.HOST_GONE, ""),
            (see + gone, StreamCondition.SEE_OTHER_HOST, "x"),
            (see + unknown, StreamCondition.SEE_OTHER_HOST, "x"),
            (unknown + see, StreamCondition.SEE_OTHER_HOST, "x"),
        ):
            failure = read_stream_error(read_slice(f"<stream:error>{inside}</stream:error>".encode()))
            self.assertEqual((condition, place), (failure.condition, failure.see_other), inside)

    def test_beside_others(self) -> None:
        """An application's own condition beside the defined one changes nothing."""
        conditions = f"<too-big xmlns='urn:xmpp:errors'/><policy-violation xmlns='{STREAM_ERRORS}'/>"
        error = read_slice(f"<stream:error>{conditions}</stream:error>".encode())
        self.assertIs(read_stream_error(error).condition, StreamCondition.POLICY_VIOLATION)
