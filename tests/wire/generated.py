"""XML that hypothesis makes up, and ways to cut it in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Final

from hypothesis import strategies as some

SIZES: Final = some.lists(some.integers(min_value=1, max_value=120), min_size=1, max_size=20)
"""Sizes of the pieces in which bytes come, over and over."""

XML_TEXT: Final = some.text(some.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))
"""Any text that XML can hold but for white space, which attributes do not keep."""


MARKUP: Final = [
    piece.encode()
    for piece in (
        *("<", ">", "/", "'", '"', "=", " ", "\n", "a", "x" * 90, "&", ";", "]", ":", "to", "id"),
        *("<a>", "</a>", "<a/>", "<a b='", "'/>", "<message>", "</message>", "<message to='b.example'>"),
        *(
            "&amp;",
            "&lt;",
            "&b;",
            "&#32;",
            "&#58;",
            "&#x3a;",
            "&#0;",
            "\0",
            "\x7f",
            "\ufffe",
            "\ufeff",
            "ü",
            "\U0001d70d",
        ),
        *("<![CDATA[", "]]>", "<!--", "-->", "<?", "?>", "<!DOCTYPE", "<?xml version='1.0'?>"),
        *("xmlns", " xmlns=''", " xmlns='urn:x'", " xmlns:p='urn:x'", "<p:a ", "</p:a>", "p:b=", "<c:a>", "urn:x"),
        *(" xmlns='jabber:server'", " xmlns:c='jabber:component:accept'", "jabber:client", "<db:a/>", " db:b=''"),
        *("<stream:features>", "<stream:error/>", "<stream:stream>", "</stream:stream>", "xml:lang='en'"),
    )
] + [b"\xff", b"\xc3", b"\xe3", b"\xc0\xbc", b"\xed\xa0\x80"]
"""What streams are made of, and what breaks them."""


def pieces(data: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """Cut bytes in pieces of these sizes."""
    at = 0
    for size in cycle(sizes):
        if at >= len(data):
            return
        yield data[at : at + size]
        at += size


def elements(
    names: Sequence[str], declarations: Sequence[str], attributes: Sequence[str], texts: Sequence[str], depth: int = 3
) -> some.SearchStrategy[str]:
    """
    Elements of a few levels.

    :param names: with or without a prefix.
    :param declarations: of namespaces; one element has at most two, none twice.
    :param attributes: with the space before them, or nothing.
    """
    declared = some.lists(some.sampled_from(declarations), max_size=2, unique_by=lambda each: each.partition("=")[0])
    inner = elements(names, declarations, attributes, texts, depth - 1) if depth else some.nothing()
    children = some.lists(inner | some.sampled_from(texts), max_size=3).map("".join)

    def written(name: str, namespaces: list[str], attribute: str, inside: str) -> str:
        return f"<{' '.join([name, *namespaces])}{attribute}>{inside}</{name}>"

    return some.builds(written, some.sampled_from(names), declared, some.sampled_from(attributes), children)
