"""
Bytes of an XML stream to its opening tag, first-level elements and closing tag.

Knows expat, the XML that XMPP forbids and the limits on what a peer may send; hands on *slices*, the
very bytes of a first-level element with the few attributes every layer asks for, in batches. Does
not know what any element means, and builds no tree: see :meth:`muxs2s.wire.stanza.Slice.tree`. The
reasons are in ``doc/design/framing.rst``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from xml.parsers import expat

from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.limits import FramingLimits
from muxs2s.wire.markup import start_tag
from muxs2s.wire.namespaces import STREAMS
from muxs2s.wire.stanza import Slice

__all__ = ["MAX_PARSER_BYTES", "Framed", "Framer", "StreamClosed", "StreamOpened"]

MAX_PARSER_BYTES: Final = 512 * 1024
"""What one parser reads before, at the end of an element, a fresh one takes its place: expat never
forgets a name it has met, and a peer may think up new ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOpened:
    """The opening tag of a stream, as it was written."""

    namespace: str
    name: str
    prefix: str
    """Empty if the tag has none."""

    attributes: Mapping[str, str]
    """Attributes without a prefix by name, others by ``namespace name``."""

    default_namespace: str | None
    """What ``xmlns`` says: the content namespace of the stream."""

    namespaces: frozenset[str] = frozenset()
    """All that are declared, that one among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamClosed:
    """The closing tag of the stream; nothing follows it."""


Framed = StreamOpened | Slice | StreamClosed

_SEPARATOR: Final = " "
_STREAMS_START: Final = STREAMS + _SEPARATOR
_STREAM: Final = _STREAMS_START + "stream"
_FEATURES: Final = _STREAMS_START + "features"
_SPACE: Final = b" \t\r\n"
_LESS_THAN: Final = ord("<")
_CDATA: Final = b"<![CDATA["
_UTF_16: Final = (b"<\0", b"\0", b"\xfe", b"\xff")
"""How a stream in UTF-16 or UTF-32 begins; expat would read some of them without being told."""

_WHITE_SPACE: Final = re.compile(r"\s")
"""What divides namespace and name for some parsers; expat only looks for what divides them for us."""

_TAG: Final = re.compile(rb"""<([^\s/>]++)[^"'>]*+(?:"[^"]*+"[^"'>]*+|'[^']*+'[^"'>]*+)*+>""")
_INVALID_TOKEN: Final = expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]
_UNDEFINED_ENTITY: Final = expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]


class _ParserSpent(Exception):  # raised in what expat calls, to make it stop; no error
    """The parser has read its share; what follows the last element is for the next one."""


class Framer:
    """
    Cuts one XML stream, from its opening to its closing tag, into slices.

    A restarted stream needs a new framer. Feed it bytes; once :attr:`violation` is set, what
    :meth:`feed` returned so far is good and nothing after it will be read.
    """

    violation: RemoteViolation | None = None
    """What the peer did wrong; ``None`` as long as all is well."""

    def __init__(self, limits: FramingLimits) -> None:
        self.limits = limits
        self._buffer = bytearray()
        """Begins with the current first-level element or, before the first one, with the stream."""
        self._parsed = 0
        """How many bytes of the buffer the parser has been given: always up to a ``>``."""
        self._base = 0
        """Where the buffer begins, as the parser counts bytes. So are the next two."""
        self._start = 0
        """The current first-level element."""
        self._end = 0
        """The end of the last first-level element, or of the opening tag."""
        self._depth = 0
        self._elements = 0
        self._max_elements = 0
        self._framed: list[Framed] = []
        self._first: tuple[str, str, str | None, str | None, str | None, str | None] = ("", "", None, None, None, None)
        self._in_cdata = False
        self._declared: dict[str, str] = {}
        self._opening = b""
        self._scope = b""
        self._parser = self._new_parser()
        self._parser.StartElementHandler = self._root_started

    def _new_parser(self) -> expat.XMLParserType:
        parser = expat.ParserCreate("UTF-8", _SEPARATOR, intern=None)
        if hasattr(parser, "SetReparseDeferralEnabled"):  # pragma: no cover - depends on the version of expat
            parser.SetReparseDeferralEnabled(False)
        parser.StartNamespaceDeclHandler = self._namespace_declared
        parser.EndElementHandler = self._element_ended
        parser.StartCdataSectionHandler = self._cdata_started
        parser.EndCdataSectionHandler = self._cdata_ended
        parser.XmlDeclHandler = _check_declaration
        parser.CommentHandler = _refuse_restricted
        parser.ProcessingInstructionHandler = _refuse_restricted
        parser.StartDoctypeDeclHandler = _refuse_restricted
        return parser

    @property
    def is_between(self) -> bool:
        """Whether no element has begun that has not ended."""
        return not self._buffer

    def feed(self, data: bytes) -> list[Framed]:
        """
        Read more of the stream.

        The result does not depend on how the bytes are cut into pieces.

        :returns: what these bytes completed, in order.
        """
        if self.violation is not None or self._ended():
            return []
        self._buffer += data
        try:
            if self._depth <= 1:
                self._expect_element()
            if b">" in data:
                self._parse()
            if len(self._buffer) > self.limits.max_element_bytes:
                raise _too_large("an element", self.limits.max_element_bytes)
        except RemoteViolation as violation:
            self.violation = None if self._ended() else violation
        framed, self._framed = self._framed, []
        return framed

    def _ended(self) -> bool:
        """Whether the closing tag of the stream has been read."""
        return not self._depth and bool(self._opening)

    def _parse(self) -> None:
        """
        Give expat what it has not seen, in pieces.

        Each ends with a ``>``, as every tag does: so no element waits for the next one, and what
        expat finds does not depend on how the bytes came.
        """
        while self._buffer and not self._ended() and (stop := self._piece()):
            piece = self._buffer[self._parsed : stop]
            self._parsed = stop
            try:
                self._parser.Parse(piece, False)
            except _ParserSpent:
                self._renew_parser()
            except RemoteViolation:
                self._forget()
                raise
            except expat.ExpatError as error:
                violation = self._ill_formed(error)
                self._forget()
                raise violation from None
            else:
                self._forget()

    def _piece(self) -> int:
        """Where the next piece ends; 0 while there is none, or none inside the limit of the element."""
        buffer, parsed, limits = self._buffer, self._parsed, self.limits
        # Where the tag begins that expat has read in part; if there is none, where the piece begins.
        tag = self._parser.CurrentByteIndex - self._base if parsed else 0
        farthest = min(tag + limits.max_tag_bytes, limits.max_element_bytes)
        stop = buffer.rfind(b">", parsed, farthest) + 1
        if stop or len(buffer) <= farthest:
            return stop
        stop = buffer.find(b">", farthest, limits.max_element_bytes) + 1
        if tag == parsed:
            tag = self._tag_in_text(stop)
        if stop - tag > limits.max_tag_bytes:
            raise _too_large("a tag", limits.max_tag_bytes)
        return stop

    def _tag_in_text(self, stop: int) -> int:
        """Where the tag begins that ends at ``stop``, after a long text; ``stop`` if it ends no tag."""
        run = self._buffer[self._parsed : stop]
        start = -1 if self._in_cdata or _CDATA in run else run.rfind(b"<")
        return stop if start < 0 else self._parsed + start

    def _forget(self) -> None:
        """Keep nothing of what has been framed."""
        if self._depth:
            self._drop((self._start if self._depth > 1 else self._end) - self._base)
        if self._depth == 1 and self._buffer:
            self._expect_element()

    def _drop(self, count: int) -> None:
        """Forget the first ``count`` bytes of the buffer."""
        seen = min(count, self._parsed)
        self._base += seen
        self._parsed -= seen
        del self._buffer[:count]

    def _expect_element(self) -> None:
        """Between elements keep no white space, and allow nothing but the start of an element."""
        if self._buffer.startswith(b"<") and not self._buffer.startswith(_UTF_16):
            return
        rest = self._buffer.lstrip(_SPACE)
        self._drop(len(self._buffer) - len(rest))
        self._end = self._base
        if rest and not self._depth and rest.startswith(_UTF_16):
            raise RemoteViolation(StreamCondition.UNSUPPORTED_ENCODING, "what the peer sent is not UTF-8")
        if rest and rest[0] != _LESS_THAN:
            raise _text_between_elements() if self._depth else _no_stream()

    def _renew_parser(self) -> None:
        """Go on after the last element with a parser that has read the opening tag alone."""
        self._drop(self._end - self._base)
        self._parser = self._new_parser()
        self._parser.Parse(self._opening, False)
        self._parser.StartElementHandler = self._first_level_started
        self._parsed = 0
        self._base = self._end = len(self._opening)
        self._expect_element()

    def _ill_formed(self, error: expat.ExpatError) -> RemoteViolation:
        """
        Name what is wrong with the bytes where expat stopped.

        Source: RFC 6120, sections 4.9.3.13, 4.9.3.18 and 4.9.3.22, which counts broken UTF-8 as an
        encoding of its own.
        """
        at = self._parser.ErrorByteIndex - self._base
        text = f"not well-formed: {expat.ErrorString(error.code)}"
        invalid = error.code == _INVALID_TOKEN
        if error.code == _UNDEFINED_ENTITY or (invalid and self._buffer.endswith(b"<!", 0, at)):
            return RemoteViolation(StreamCondition.RESTRICTED_XML, text)
        if invalid and _badly_encoded(self._buffer[at : at + 4]):
            return RemoteViolation(StreamCondition.UNSUPPORTED_ENCODING, "what the peer sent is not UTF-8")
        return RemoteViolation(StreamCondition.NOT_WELL_FORMED, text)

    # What expat calls, in the order of a stream.

    def _namespace_declared(self, prefix: str | None, uri: str | None) -> None:
        if uri is not None and len(uri) > self.limits.max_namespace_characters:
            text = f"the name of a namespace exceeds {self.limits.max_namespace_characters} characters"
            raise RemoteViolation(StreamCondition.POLICY_VIOLATION, text)
        if uri is not None and _WHITE_SPACE.search(uri):
            raise RemoteViolation(StreamCondition.NOT_WELL_FORMED, "white space in the name of a namespace")
        if not self._depth:
            self._declared[prefix or ""] = uri or ""

    def _root_started(self, name: str, attributes: dict[str, str]) -> None:
        index = self._parser.CurrentByteIndex
        tag = _TAG.match(self._buffer, index - self._base)
        assert tag is not None, "expat reports whole tags"
        self._opening = bytes(tag[0])
        self._end = index + len(self._opening)
        self._scope = _scope(self._declared)
        namespace, _, local_name = name.rpartition(_SEPARATOR)
        prefix, colon, _ = tag[1].decode().rpartition(":")
        self._framed.append(
            StreamOpened(
                namespace=namespace,
                name=local_name,
                prefix=prefix if colon else "",
                attributes=MappingProxyType(attributes),
                default_namespace=self._declared.get(""),
                namespaces=frozenset(self._declared.values()),
            )
        )
        self._depth = 1
        self._parser.StartElementHandler = self._first_level_started

    def _first_level_started(self, name: str, attributes: dict[str, str]) -> None:
        start = self._parser.CurrentByteIndex
        if start > self._end and self._buffer[self._end - self._base : start - self._base].strip(_SPACE):
            raise _text_between_elements()
        if name == _STREAM:
            raise RemoteViolation(StreamCondition.BAD_FORMAT, "a stream inside a stream")
        limits = self.limits
        self._max_elements = limits.max_feature_elements if name == _FEATURES else limits.max_elements
        self._start = start
        self._elements = 1
        namespace, _, local_name = name.rpartition(_SEPARATOR)
        get = attributes.get
        self._first = namespace, local_name, get("from"), get("to"), get("type"), get("id")
        self._depth = 2
        self._parser.StartElementHandler = self._nested_started

    def _nested_started(self, name: str, _attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._elements > self._max_elements:
            text = f"an element holds more than {self._max_elements} elements"
            raise RemoteViolation(StreamCondition.POLICY_VIOLATION, text)
        if self._depth > self.limits.max_depth + 1:
            text = f"elements are nested more than {self.limits.max_depth} deep"
            raise RemoteViolation(StreamCondition.POLICY_VIOLATION, text)
        if name.startswith(_STREAMS_START):
            raise RemoteViolation(StreamCondition.BAD_FORMAT, "an element of the streams namespace inside another")

    def _element_ended(self, _name: str) -> None:
        if self._depth > 2:  # noqa: PLR2004 - the stream and the first-level element
            self._depth -= 1
        elif self._depth > 1:
            self._first_level_ended()
        else:
            self._stream_ended()

    def _first_level_ended(self) -> None:
        buffer, base = self._buffer, self._base
        start, end = self._start - base, self._parser.CurrentByteIndex - base
        # Expat points before the end tag of <a></a>, but behind <a/>, where another's end tag may stand.
        if self._elements > 1 or not _is_empty(buffer, start, end):
            end = buffer.index(b">", end) + 1
        self._end = base + end
        self._depth = 1
        self._framed.append(Slice(bytes(buffer[start:end]), *self._first, self._scope))
        self._parser.StartElementHandler = self._first_level_started
        if self._end > MAX_PARSER_BYTES:
            raise _ParserSpent

    def _cdata_started(self) -> None:
        self._in_cdata = True

    def _cdata_ended(self) -> None:
        self._in_cdata = False

    def _stream_ended(self) -> None:
        index = self._parser.CurrentByteIndex - self._base
        if self._buffer[self._end - self._base : index].strip(_SPACE):
            raise _text_between_elements()
        self._depth = 0
        self._framed.append(StreamClosed())


def _scope(declared: Mapping[str, str]) -> bytes:
    """A tag that declares what the stream's opening tag declared, to read a slice in by itself."""
    declarations = {f"xmlns:{prefix}" if prefix else "xmlns": uri for prefix, uri in declared.items()}
    return start_tag("scope", declarations).encode()


def _check_declaration(version: str, encoding: str | None, _standalone: int) -> None:
    if version != "1.0":
        raise RemoteViolation(StreamCondition.NOT_WELL_FORMED, f"XML {version[:20]}, not 1.0")
    if encoding is not None and encoding.upper() != "UTF-8":
        raise RemoteViolation(StreamCondition.UNSUPPORTED_ENCODING, f"the encoding {encoding[:20]}, not UTF-8")


def _refuse_restricted(*_what: object) -> None:
    raise RemoteViolation(
        StreamCondition.RESTRICTED_XML, "comments, processing instructions and document types are forbidden"
    )


def _text_between_elements() -> RemoteViolation:
    return RemoteViolation(StreamCondition.BAD_FORMAT, "text outside of elements")


def _no_stream() -> RemoteViolation:
    return RemoteViolation(StreamCondition.NOT_WELL_FORMED, "what the peer sent is no XML, or has a byte order mark")


def _too_large(what: str, max_bytes: int) -> RemoteViolation:
    return RemoteViolation(StreamCondition.POLICY_VIOLATION, f"{what} exceeds {max_bytes} bytes")


def _is_empty(buffer: bytearray, start: int, end: int) -> bool:
    """Whether all between ``start`` and ``end`` is one tag, of an element that needs no other."""
    if not buffer.startswith(b"/>", end - 2):
        return False
    tag = _TAG.match(buffer, start)
    return tag is not None and tag.end() == end


def _badly_encoded(wrong: bytearray) -> bool:
    """Whether what begins with these four bytes begins with no character in UTF-8."""
    try:
        wrong.decode()
    except UnicodeDecodeError as error:
        return error.start == 0
    return False
