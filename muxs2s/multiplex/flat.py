"""
An element of multiplexing before it means anything: its attributes, its text, its children.

Knows that these elements have two levels, and reads the spelling that most peers use without a parser: it has
come through one in framing. Whatever is spelled otherwise is read from its tree. Does not know the elements: see
:mod:`muxs2s.multiplex.elements`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from twisted.words.xish import domish

from muxs2s.wire.namespaces import MULTIPLEX
from muxs2s.wire.stanza import Slice

__all__ = ["FlatChild", "FlatElement", "read_flat", "read_plain", "read_tree"]


class FlatChild(NamedTuple):
    """A child in the namespace of multiplexing."""

    name: str
    attributes: Mapping[str, str]
    """Those without a namespace."""

    text: str
    """That of the child itself, without what its own children hold."""


class FlatElement(NamedTuple):
    """What stands in one element. A named tuple as its children: many are made, and read once."""

    attributes: Mapping[str, str]
    """Those without a namespace."""

    text: str
    """That of the element itself, white space between children included."""

    children: Sequence[FlatChild]
    """In order; those in other namespaces are left out."""


def read_flat(element: Slice) -> FlatElement:
    """Read an element in the namespace of multiplexing, as framing hands it on."""
    return read_plain(element.data) or read_tree(element.tree())


_VALUE: Final = "[ !#-%(-;=?-~]*+"
"""Of an attribute: ASCII with neither quotes, references, tags nor anything a parser would change."""

_ATTRIBUTES: Final = f"(?: [a-z-]++=(?:'{_VALUE}'|\"{_VALUE}\"))*+"
_TEXT: Final = "[ -%'-;=?-~]*+"
_CHILD: Final = f"<([a-z-]++)({_ATTRIBUTES})(?:/>|>({_TEXT})</[a-z-]++>)"
_EACH_ATTRIBUTE: Final = re.compile(f" ([a-z-]++)=['\"]({_VALUE})")
_EACH_CHILD: Final = re.compile(_CHILD)
_WHOLE: Final = re.compile(f"<[a-z-]++({_ATTRIBUTES})(?:/>|>({_TEXT})((?:{_CHILD})*+)</[a-z-]++>)")


def read_plain(data: bytes) -> FlatElement | None:
    """
    Read an element that is spelled plainly, by pattern.

    Plainly means in ASCII, without prefixes, references, CDATA, line breaks, or white space where none need be;
    all of it in the namespace of the element itself. What matches is read as a parser would, because it is
    known to be well-formed.

    :param data: of one well-formed element.
    :returns: ``None`` if it is spelled otherwise.
    """
    whole = _WHOLE.fullmatch(data.decode("ascii")) if data.isascii() else None
    if whole is None:
        return None
    attributes, text, children = whole.group(1, 2, 3)
    if not children:
        return FlatElement(_attributes(attributes), text or "", ())
    if "xmlns" in children:
        return None
    return FlatElement(_attributes(attributes), text, [_child(found) for found in _EACH_CHILD.finditer(children)])


def _child(found: re.Match[str]) -> FlatChild:
    name, attributes, text = found.groups(default="")
    return FlatChild(name, _attributes(attributes), text)


def _attributes(written: str) -> dict[str, str]:
    attributes: dict[str, str] = dict(_EACH_ATTRIBUTE.findall(written))
    attributes.pop("xmlns", None)
    return attributes


def read_tree(tree: domish.Element) -> FlatElement:
    """Read an element that is spelled in any way."""
    children = (child for child in tree.elements() if child.uri == MULTIPLEX)
    return FlatElement(
        _unqualified(tree),
        _text(tree),
        [FlatChild(child.name, _unqualified(child), _text(child)) for child in children],
    )


def _unqualified(element: domish.Element) -> dict[str, str]:
    return {name: value for name, value in element.attributes.items() if isinstance(name, str)}


def _text(element: domish.Element) -> str:
    return "".join(child for child in element.children if isinstance(child, str))
