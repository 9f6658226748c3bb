"""
Trees of elements, read from bytes and written to bytes.

Knows domish as a plain tree, XML's rules for names, and what XMPP forbids to send.
Does not know which elements are stanzas: see :mod:`muxs2s.wire.stanza`.

Domish reads. It does not write: its serialiser forgets where a prefix ceases to be bound, so that an
element may come out in another namespace than it came in.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import lru_cache
from itertools import count
from types import MappingProxyType
from typing import Final, NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from twisted.words.xish import domish

from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.markup import escaped
from muxs2s.wire.namespaces import XML

__all__ = ["MAX_DEPTH", "FirstTag", "first_tag", "read_tree", "to_bytes"]

MAX_DEPTH: Final = 100
"""Levels of elements in one first-level element, itself the first: what we take and what we make."""

MAX_READER_BYTES: Final = 512 * 1024
"""What one reader reads before a fresh one takes its place: expat never forgets a name it has met."""

MAX_READERS: Final = 64
"""Readers kept for the next tree, one per set of declarations in the opening tag of a stream."""

_SEPARATOR: Final = " "


# Reading.


def read_tree(data: bytes, scope: bytes) -> domish.Element:
    """
    Read one element.

    :param scope: a start tag with the namespace declarations that ``data`` relies on.
    :raises LocalMisuse: if ``data`` is not exactly one well-formed element.
    """
    return _reader(scope).read(data)


class _Reader:
    """Reads elements of one scope, one after the other."""

    def __init__(self, scope: bytes) -> None:
        self._scope = scope
        self._begin()

    def _begin(self) -> None:
        self._elements: list[domish.Element] = []
        self._bytes = 0
        stream = self._stream = domish.ExpatElementStream()
        # Framing has set its limits before; the caps that newer versions of domish bring add nothing.
        stream.maxStanzaSize = stream.maxElementCount = sys.maxsize
        stream.DocumentStartEvent = stream.DocumentEndEvent = _ignore
        stream.ElementEvent = self._elements.append
        stream.parse(self._scope)

    def read(self, data: bytes) -> domish.Element:
        """Read one element; what was read before, and may have been only the beginning of one, does not matter."""
        element = self._read(data)
        if element is None:
            self._begin()
            element = self._read(data)
        if element is None or self._bytes > MAX_READER_BYTES:
            self._begin()
        if element is None:
            raise LocalMisuse(f"{data[:40]!r} does not begin one well-formed element and no more")
        return element

    def _read(self, data: bytes) -> domish.Element | None:
        self._bytes += len(data)
        try:
            self._stream.parse(data)
        except domish.ParserError:
            return None
        element = self._elements[0] if len(self._elements) == 1 else None
        self._elements.clear()
        return element


def _ignore(*_scope: domish.Element) -> None:
    """The scope's own tag is of no interest."""


@lru_cache(maxsize=MAX_READERS)
def _reader(scope: bytes) -> _Reader:
    return _Reader(scope)


class FirstTag(NamedTuple):
    """What the start tag of an element says to whoever reads it."""

    namespace: str
    name: str
    attributes: Mapping[str, str]
    """Attributes without a prefix by name, others by ``namespace name``."""


def first_tag(data: bytes) -> FirstTag:
    """
    Read the start tag of an element that is to be sent, and make sure of all the rest.

    :raises LocalMisuse: unless ``data`` is one well-formed element that declares every namespace it
        uses, has at most :data:`MAX_DEPTH` levels, and holds neither a comment nor a processing instruction.

    Source: RFC 6120, section 11.1.
    """
    reading = _Reading()
    parser = expat.ParserCreate("UTF-8", _SEPARATOR, intern=None)
    parser.StartElementHandler = reading.started
    parser.EndElementHandler = reading.ended
    parser.XmlDeclHandler = parser.StartDoctypeDeclHandler = _refuse_restricted
    parser.CommentHandler = parser.ProcessingInstructionHandler = _refuse_restricted
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        text = f"an element cannot be sent, it is no XML ({expat.ErrorString(error.code)}); look for control characters"
        raise LocalMisuse(text) from None
    return reading.tags[0]


class _Reading:
    """The first start tag, and how deep the parser is."""

    def __init__(self) -> None:
        self.tags: list[FirstTag] = []
        self._depth = 0

    def started(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise LocalMisuse(f"elements are nested more than {MAX_DEPTH} deep: peers would close the stream for it")
        if not self.tags:
            namespace, _, local_name = name.rpartition(_SEPARATOR)
            self.tags.append(FirstTag(namespace, local_name, attributes))

    def ended(self, _name: str) -> None:
        self._depth -= 1


def _refuse_restricted(*_what: object) -> None:
    raise LocalMisuse("comments, processing instructions and document types cannot be sent")


# Writing.


def to_bytes(element: domish.Element, renamed: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """
    Write a tree so that it means the same in any stream: it declares every namespace it uses.

    No element gets a prefix but ``xml``, whose namespace cannot be had without; prefixes that the tree
    declares stay declared, for texts that use them. The effort grows with the size of the tree alone.

    :param renamed: the namespaces in which elements are written that are in these. Prefixes for those are
        not declared. An attribute stays in its namespace: it is none of the content of a stream.
    :raises LocalMisuse: if it holds a lone surrogate, something that is neither element nor text, or
        hundreds of levels. Other characters that XML forbids are :func:`first_tag`'s to find.
    """
    writer = _Writer(renamed)
    try:
        writer.write(element, "")
        return "".join(writer.written).encode()
    except (AttributeError, RecursionError, TypeError, UnicodeEncodeError) as error:
        raise LocalMisuse(f"a {element.name} element cannot be written as XML: {error}") from None


class _Writer:
    """Writes one tree, and knows which prefixes are bound where it stands."""

    def __init__(self, renamed: Mapping[str, str]) -> None:
        self._renamed = renamed
        self.written: list[str] = []
        self._put = self.written.append
        self._bound = {"xml": XML}
        """Namespaces by prefix."""
        self._prefixes: dict[str, dict[str, None]] = {XML: {"xml": None}}
        """The same the other way about: the prefixes of a namespace."""
        self._fresh = map("ns{}".format, count())

    def write(self, element: domish.Element, default: str) -> None:
        """Write an element where ``default`` is the default namespace."""
        put, name = self._put, element.name
        uri = default if element.uri is None else self._renamed.get(element.uri, element.uri)
        if uri == XML:
            uri, name = default, f"xml:{name}"
        put(f"<{name}")
        if uri != default:
            put(f" xmlns={quoteattr(uri)}")
        before: list[tuple[str, str | None]] = []
        if element.localPrefixes:
            declared = element.localPrefixes.items()
            before = [self._declare(prefix, named) for prefix, named in declared if named not in self._renamed]
        for key, value in element.attributes.items():
            written = self._attribute(key, before) if isinstance(key, tuple) else key
            put(f" {written}={quoteattr(value)}")
        put(">" if element.children else "/>")
        for child in element.children:
            if isinstance(child, domish.SerializedXML):
                put(child)
            elif isinstance(child, str):
                put(escaped(child))
            else:
                self.write(child, uri)
        if element.children:
            put(f"</{name}>")
        for prefix, previous in reversed(before):
            self._bind(prefix, previous)

    def _attribute(self, key: tuple[str, str], before: list[tuple[str, str | None]]) -> str:
        """Put an attribute under a prefix of its namespace; one is declared where there is none."""
        uri, name = key
        prefixes = self._prefixes.get(uri)
        if prefixes:
            return f"{next(iter(prefixes))}:{name}"
        prefix = next(fresh for fresh in self._fresh if fresh not in self._bound)
        before.append(self._declare(prefix, uri))
        return f"{prefix}:{name}"

    def _declare(self, prefix: str, uri: str) -> tuple[str, str | None]:
        """Bind a prefix for the element under way; tells what it was bound to before."""
        self._put(f" xmlns:{prefix}={quoteattr(uri)}")
        previous = self._bound.get(prefix)
        self._bind(prefix, uri)
        return prefix, previous

    def _bind(self, prefix: str, uri: str | None) -> None:
        """Bind a prefix, or, to ``None``, leave it without a namespace."""
        previous = self._bound.pop(prefix, None)
        if previous is not None:
            del self._prefixes[previous][prefix]
        if uri is not None:
            self._bound[prefix] = uri
            self._prefixes.setdefault(uri, {})[prefix] = None
