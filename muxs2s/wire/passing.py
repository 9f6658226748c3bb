"""
Which stanzas may leave as the very bytes they came in.

Knows the one rule; why it holds is in ``doc/design/slices.rst``. Does not know what becomes of the others:
see :func:`muxs2s.wire.stanza.moved`.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["passes_as_it_is"]

_DOUBTS: Final = (
    # CDATA, or what is restricted.
    re.compile(rb"<[!?]"),
    # Perhaps the declaration of a content namespace ...
    re.compile(rb"jabber:(?:client|component:accept|server)"),
    # ... or of one that is spelled with a reference to a letter or to the colon.
    re.compile(rb"&#(?:x|0*(?:58|9\d|1[01]\d);)"),
    # Perhaps a prefix that the stream declares.
    re.compile(rb":(?:(?<=db:)|(?<=stream:))"),
)
"""What, anywhere in a stanza, sends it through a tree, be it markup or text that looks like it."""

_OTHER_PREFIX: Final = re.compile(rb"xmlns:(?!(?:db|stream|xml)=)")


def passes_as_it_is(data: bytes, scope: bytes) -> bool:
    """
    Tell whether a stanza says the same under any stream, its content namespace being the stream's.

    :param data: as framing hands it on, its outermost element in the content namespace of its stream.
    :param scope: a start tag with the namespaces that the opening tag of its stream declared.
    :returns: ``False`` where there is any doubt.
    """
    for doubt in _DOUBTS:  # a loop, as this is done for every stanza
        if doubt.search(data):
            return False
    return not _OTHER_PREFIX.search(scope) and _is_utf_8(data)


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
