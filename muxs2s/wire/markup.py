"""
Pieces of XML that are written as text: start tags, and what is said to people in an error.

Knows quoting, and which characters no XML may hold. Does not know trees: see :mod:`muxs2s.wire.trees`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from xml.sax.saxutils import escape, quoteattr

__all__ = ["error_text", "escaped", "legible", "start_tag"]

_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legible(text: str) -> str:
    """Replace every character that no XML may hold, say a control character, by U+FFFD."""
    return _NO_XML.sub("\ufffd", text)


def escaped(text: str) -> str:
    """Write a text so that it is read as it is; a parser takes a bare carriage return for a line feed."""
    return escape(text, {"\r": "&#13;"})


def start_tag(name: str, attributes: Mapping[str, str | None]) -> str:
    """
    Write a start tag.

    :param attributes: by qualified name, in order, ``xmlns`` included; those that are ``None`` are left out.
    """
    written = (f" {key}={quoteattr(value)}" for key, value in attributes.items() if value is not None)
    return f"<{name}{''.join(written)}>"


def error_text(namespace: str, text: str) -> str:
    """
    Write the element in which a stream or stanza error explains itself.

    :param namespace: that of the conditions beside it.
    :param text: any characters, those included that XML forbids.

    Source: RFC 6120, sections 4.9.2 and 8.3.2.
    """
    return f"<text xmlns='{namespace}' xml:lang='en'>{escaped(legible(text))}</text>"
