"""
Bytes of an XML stream to its opening tag, first-level elements and closing tag.

Knows expat, the XML that XMPP forbids and the limits on what a peer may send; hands on *slices*, the
very bytes of a first-level element with the few attributes every layer asks for, in batches. Does
not know what any element means, and builds no tree: see :meth:`muxs2s.wire.stanza.Slice.tree`.

One pass of expat finds where elements begin and end. Nothing else here looks at every byte, because
a stanza that merely passes through should cost no more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.namespaces import STREAMS
from muxs2s.wire.stanza import Slice

__all__ = [
    "AFTER_AUTHENTICATION",
    "BEFORE_AUTHENTICATION",
    "Framed",
    "Framer",
    "FramingLimits",
    "StreamClosed",
    "StreamOpened",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FramingLimits:
    """
    What one first-level element may cost us.

    Source: RFC 6120, section 13.12.
    """

    max_element_bytes: int
    """From ``<`` to ``>``; the opening tag of the stream has the same limit."""

    max_elements: int
    """Elements in one first-level element, itself counted."""

    max_feature_elements: int
    """The same for the stream features a peer sends us."""

    max_depth: int = 100
    """Levels of one first-level element, itself the first."""

    max_tag_bytes: int = 65_536
    """A tag that is not finished yet: expat reads it again whenever more of it arrives."""


BEFORE_AUTHENTICATION: Final = FramingLimits(max_element_bytes=10_000, max_elements=64, max_feature_elements=512)
"""For a peer that has proven nothing; 10,000 bytes is the least RFC 6120 allows."""

AFTER_AUTHENTICATION: Final = FramingLimits(
    max_element_bytes=512 * 1024, max_elements=10_000, max_feature_elements=10_000
)
"""For a peer that has proven a domain."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamClosed:
    """The closing tag of the stream; nothing follows it."""


Framed = StreamOpened | Slice | StreamClosed

_SEPARATOR: Final = " "
_STREAMS_START: Final = STREAMS + _SEPARATOR
_FEATURES: Final = _STREAMS_START + "features"
_SPACE: Final = b" \t\r\n"
_LESS_THAN: Final = ord("<")
_AFTER_NAME: Final = _SPACE + b"/>"
_TAG: Final = re.compile(rb"<([^\s/>]+)(?:[^\"'>]|\"[^\"]*\"|'[^']*')*>")
_CONDITIONS: Final[Mapping[int, StreamCondition]] = MappingProxyType({
    expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]: StreamCondition.RESTRICTED_XML,
    expat.errors.codes[expat.errors.XML_ERROR_UNKNOWN_ENCODING]: StreamCondition.UNSUPPORTED_ENCODING,
    expat.errors.codes[expat.errors.XML_ERROR_INCORRECT_ENCODING]: StreamCondition.UNSUPPORTED_ENCODING,
})


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
        self._parsed = 0
        """How many bytes of the buffer the parser has been given."""
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
        self._closed = False
        self._first: tuple[str, dict[str, str]] = ("", {})
        self._scope = b""
        self._root_name = b""
        self._parser = self._new_parser()

    def _new_parser(self) -> expat.XMLParserType:
        parser = expat.ParserCreate("UTF-8", _SEPARATOR)
        if hasattr(parser, "SetReparseDeferralEnabled"):  # pragma: no cover - depends on the version of expat
            parser.SetReparseDeferralEnabled(False)
        self._declared: dict[str, str] = {}
        parser.StartNamespaceDeclHandler = self._namespace_declared
        parser.StartElementHandler = self._root_started
        parser.EndElementHandler = self._element_ended
        parser.XmlDeclHandler = _check_declaration
        parser.CommentHandler = _refuse_restricted
        parser.ProcessingInstructionHandler = _refuse_restricted
        parser.StartDoctypeDeclHandler = _refuse_restricted
        return parser

    def feed(self, data: bytes) -> list[Framed]:
        """
        Read more of the stream.

        The result does not depend on how the bytes are cut into pieces.

        :returns: what these bytes completed, in order.
        """
        if self.violation is not None or self._closed:
            return []
        self._buffer += data
        try:
            if b">" in data:
                self._parse()
            if not self._closed:
                self._check_rest()
        except RemoteViolation as violation:
            self.violation = violation
        framed, self._framed = self._framed, []
        return framed

    def _parse(self) -> None:
        """Give expat what it has not seen. Every tag ends with ``>``, so no stanza waits for the next."""
        unseen = bytes(self._buffer[self._parsed :]) if self._parsed else bytes(self._buffer)
        self._parsed = len(self._buffer)
        try:
            self._parser.Parse(unseen, False)
        except expat.ExpatError as error:
            if self._closed:
                return
            condition = _CONDITIONS.get(error.code, StreamCondition.NOT_WELL_FORMED)
            raise RemoteViolation(condition, f"not well-formed: {expat.ErrorString(error.code)}") from None
        if self._depth:
            self._drop((self._start if self._depth > 1 else self._end) - self._base)

    def _drop(self, count: int) -> None:
        """Forget the first ``count`` bytes of the buffer."""
        seen = min(count, self._parsed)
        self._base += seen
        self._parsed -= seen
        del self._buffer[:count]

    def _check_rest(self) -> None:
        """Bound what is not complete yet; between elements keep and allow nothing but the start of one."""
        buffer = self._buffer
        if self._depth < 2:
            rest = buffer.lstrip(_SPACE)
            if rest and rest[0] != _LESS_THAN:
                raise _text_between_elements() if self._depth else _no_stream()
            if self._depth:
                self._drop(len(buffer) - len(rest))
        if len(buffer) > self.limits.max_element_bytes:
            raise self._too_large()
        if self._parsed and self._base + self._parsed - self._parser.CurrentByteIndex > self.limits.max_tag_bytes:
            raise RemoteViolation(StreamCondition.POLICY_VIOLATION, f"a tag exceeds {self.limits.max_tag_bytes} bytes")

    def _too_large(self) -> RemoteViolation:
        text = f"an element exceeds {self.limits.max_element_bytes} bytes"
        return RemoteViolation(StreamCondition.POLICY_VIOLATION, text)

    # What expat calls, in the order of a stream.

    def _namespace_declared(self, prefix: str | None, uri: str | None) -> None:
        self._declared[prefix or ""] = uri or ""

    def _root_started(self, name: str, attributes: dict[str, str]) -> None:
        parser, index = self._parser, self._parser.CurrentByteIndex
        tag = _TAG.match(self._buffer, index - self._base)
        assert tag is not None, "expat reports whole tags"
        if tag.end() - tag.start() > self.limits.max_element_bytes:
            raise self._too_large()
        self._root_name = tag[1]
        self._end = self._base + tag.end()
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
            )
        )
        self._depth = 1
        parser.StartNamespaceDeclHandler = None
        parser.StartElementHandler = self._first_level_started

    def _first_level_started(self, name: str, attributes: dict[str, str]) -> None:
        start = self._parser.CurrentByteIndex
        buffer, base = self._buffer, self._base
        if buffer[self._end - base : start - base].strip(_SPACE):
            raise _text_between_elements()
        after_name = start - base + 1 + len(self._root_name)
        if buffer.startswith(self._root_name, start - base + 1) and buffer[after_name] in _AFTER_NAME:
            raise RemoteViolation(StreamCondition.BAD_FORMAT, "a stream inside a stream")
        limits = self.limits
        self._max_elements = limits.max_feature_elements if name == _FEATURES else limits.max_elements
        self._start = start
        self._elements = 1
        self._first = name, attributes
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
        self._depth -= 1
        if self._depth == 1:
            self._first_level_ended()
        elif not self._depth:
            self._stream_ended()

    def _first_level_ended(self) -> None:
        buffer, base = self._buffer, self._base
        end = self._parser.CurrentByteIndex - base
        # Of <a></a> expat names the start of the end tag, of <a/> its end, where the stream's own end tag may stand.
        close = buffer.find(b">", end) if buffer.startswith(b"</", end) else -1
        if close >= 0 and buffer[end + 2 : close].rstrip(_SPACE) != self._root_name:
            end = close + 1
        start = self._start - base
        if end - start > self.limits.max_element_bytes:
            raise self._too_large()
        self._end = end + base
        name, attributes = self._first
        namespace, _, local_name = name.rpartition(_SEPARATOR)
        get = attributes.get
        self._framed.append(
            Slice(
                bytes(buffer[start:end]), namespace, local_name, get("from"), get("to"), get("type"), get("id"), self._scope
            )
        )
        self._parser.StartElementHandler = self._first_level_started

    def _stream_ended(self) -> None:
        index = self._parser.CurrentByteIndex - self._base
        if self._buffer[self._end - self._base : index].strip(_SPACE):
            raise _text_between_elements()
        self._closed = True
        self._framed.append(StreamClosed())


def _scope(declared: Mapping[str, str]) -> bytes:
    """A tag that declares what the stream's opening tag declared, to read a slice in by itself."""
    declarations = (f" xmlns{':' if prefix else ''}{prefix}={quoteattr(uri)}" for prefix, uri in declared.items())
    return f"<scope{''.join(declarations)}>".encode()


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
    return RemoteViolation(StreamCondition.NOT_WELL_FORMED, "what the peer sent is no XML in UTF-8")
