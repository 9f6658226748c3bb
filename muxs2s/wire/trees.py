"""
Trees of elements, read from bytes and written to bytes.

Knows domish as a plain tree, XML's rules for names, and what XMPP forbids to send.
Does not know which elements are stanzas: see :mod:`muxs2s.wire.stanza`.

Domish reads. It does not write: its serialiser forgets where a prefix ceases to be bound, so that an
element may come out in another namespace than it came in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import count
from types import MappingProxyType
from typing import Final, NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from twisted.words.xish import domish

from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.namespaces import XML

__all__ = ["MAX_DEPTH", "FirstTag", "first_tag", "read_tree", "rescope", "to_bytes"]

MAX_DEPTH: Final = 100
"""Levels of elements in one first-level element, itself the first: what we take and what we make."""

MAX_READER_BYTES: Final = 512 * 1024
"""What one reader reads before a fresh one takes its place: expat never forgets a name it has met."""

MAX_READERS: Final = 64
"""Readers kept for the next tree, one per set of declarations in the opening tag of a stream."""

_ALWAYS_BOUND: Final[Mapping[str, str]] = MappingProxyType({"xml": XML})
_IN_TEXT: Final = {"\r": "&#13;"}
"""A parser reads a bare carriage return as a line feed."""

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


# Changing and writing.


def rescope(tree: domish.Element, old: str, new: str) -> None:
    """Move every element of ``tree`` that is in namespace ``old`` to ``new``, in place."""
    for element in _walk(tree):
        if element.uri == old:
            element.uri = new
        if element.defaultUri == old:
            element.defaultUri = new
        element.localPrefixes = {prefix: uri for prefix, uri in element.localPrefixes.items() if uri != old}


def _walk(tree: domish.Element) -> Iterator[domish.Element]:
    waiting = [tree]
    while waiting:
        element = waiting.pop()
        yield element
        waiting.extend(element.elements())


def to_bytes(element: domish.Element) -> bytes:
    """
    Write a tree so that it means the same in any stream: it declares every namespace it uses.

    No element gets a prefix; prefixes that the tree declares stay declared, for texts that use them.

    :raises LocalMisuse: if it holds a lone surrogate, something that is neither element nor text, or
        hundreds of levels. Other characters that XML forbids are :func:`first_tag`'s to find.
    """
    written: list[str] = []
    try:
        _write(element, written.append, "", _ALWAYS_BOUND)
        return "".join(written).encode()
    except (AttributeError, RecursionError, TypeError, UnicodeEncodeError) as error:
        raise LocalMisuse(f"a {element.name} element cannot be written as XML: {error}") from None


def _write(element: domish.Element, write: Callable[[str], object], default: str, bound: Mapping[str, str]) -> None:
    """Write an element where ``default`` is the default namespace and ``bound`` the prefixes in scope."""
    uri = default if element.uri is None else element.uri
    write(f"<{element.name}")
    if uri != default:
        write(f" xmlns={quoteattr(uri)}")
    if element.localPrefixes:
        bound = {**bound, **element.localPrefixes}
        for prefix, named in element.localPrefixes.items():
            write(f" xmlns:{prefix}={quoteattr(named)}")
    for key, value in element.attributes.items():
        name = key
        if isinstance(key, tuple):
            prefix, bound = _prefix(key[0], bound, write)
            name = f"{prefix}:{key[1]}"
        write(f" {name}={quoteattr(value)}")
    if not element.children:
        write("/>")
        return
    write(">")
    for child in element.children:
        if isinstance(child, domish.SerializedXML):
            write(child)
        elif isinstance(child, str):
            write(escape(child, _IN_TEXT))
        else:
            _write(child, write, uri, bound)
    write(f"</{element.name}>")


def _prefix(uri: str, bound: Mapping[str, str], write: Callable[[str], object]) -> tuple[str, Mapping[str, str]]:
    """Find a prefix for an attribute's namespace, or declare one; the prefixes in scope from then on."""
    for prefix, named in bound.items():
        if named == uri:
            return prefix, bound
    prefix = next(name for name in map("ns{}".format, count()) if name not in bound)
    write(f" xmlns:{prefix}={quoteattr(uri)}")
    return prefix, {**bound, prefix: uri}
