"""
What XML says, as two parsers read it that have nothing in common: expat and libxml2.

A stanza that passes through must say to whoever reads it next, with either of them, what it said to us.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from xml.parsers import expat

from lxml import etree

from muxs2s.wire.header import CLOSING_TAG, StreamHeader
from muxs2s.wire.namespaces import COMPONENT, SERVER
from muxs2s.wire.stanza import Slice, moved

Said = list[tuple[str, dict[str, str]] | str | None]
"""
A start tag is its name and its attributes, a text is itself, an end tag is ``None``.

A name is ``{namespace}name``, or ``name`` where there is no namespace; no two texts follow each other.
"""

OUR_HEADERS: Final = {name: StreamHeader(content_namespace=name).to_bytes() for name in (SERVER, COMPONENT)}
"""What we put before a stanza, by content namespace."""


def by_expat(document: bytes) -> Said:
    """What a document says to expat."""
    said: Said = []
    parser = expat.ParserCreate("UTF-8", " ")
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, attributes: said.append(
        (_bracketed(name), {_bracketed(key): value for key, value in attributes.items()})
    )
    parser.EndElementHandler = lambda _name: said.append(None)
    parser.CharacterDataHandler = said.append
    parser.Parse(document, True)
    return said


def _bracketed(name: str) -> str:
    namespace, space, local_name = name.rpartition(" ")
    return f"{{{namespace}}}{local_name}" if space else name


def by_libxml2(document: bytes) -> Said:
    """
    What a document says to libxml2.

    :raises ValueError: if it is not well-formed, or not as namespaces demand. A namespace that is no URI, or an
        ``xml:id`` that is there twice, is let pass as expat does.
    """
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True)
    root = etree.fromstring(document, parser)
    faults = [entry for entry in parser.error_log if _is_fault(entry)]
    if faults:
        raise ValueError(str(faults))
    return list(_walk(root))


def _is_fault(entry: Any) -> bool:
    return bool(entry.level == etree.ErrorLevels.FATAL or entry.type_name.startswith("NS_ERR_"))


def _walk(element: Any) -> Iterator[tuple[str, dict[str, str]] | str | None]:
    yield element.tag, dict(element.items())
    yield from filter(None, [element.text])
    for child in element:
        yield from _walk(child)
        yield from filter(None, [child.tail])
    yield None


def renamed(said: Said, old: str, new: str) -> Said:
    """The same, with every element of one namespace in another."""
    start = f"{{{old}}}"
    return [
        (f"{{{new}}}{each[0].removeprefix(start)}", each[1])
        if isinstance(each, tuple) and each[0].startswith(start)
        else each
        for each in said
    ]


def differences(header: bytes, stanza: Slice) -> Iterator[str]:
    """
    What anybody could notice of a stanza having been moved, but for its content namespace: nothing, if all is well.

    :param header: of the stream on which it came, between servers or from a component.
    """
    namespace = COMPONENT if stanza.namespace == SERVER else SERVER
    left = moved(stanza, namespace)
    came = [read(header + stanza.data + CLOSING_TAG)[1:-1] for read in (by_expat, by_libxml2)]
    went = [read(OUR_HEADERS[namespace] + left.data + CLOSING_TAG)[1:-1] for read in (by_expat, by_libxml2)]
    if came[0] != came[1]:
        yield f"two parsers read {stanza.data!r} in two ways: {came}"
    if went != [renamed(said, stanza.namespace, namespace) for said in came]:
        yield f"{stanza.data!r} became {left.data!r}"
    if left[1:7] != (namespace, *stanza[2:7]):
        yield f"{stanza[1:7]} became {left[1:7]}"
