"""
One first-level element: its bytes, its addresses and its kind; the tree only on demand.

Knows how a stanza moves between content namespaces and how one is bounced. Does not know whether a
stanza may pass: see :mod:`muxs2s.stream.associations`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from twisted.words.xish import domish

from muxs2s.wire.errors import LocalMisuse, StanzaCondition
from muxs2s.wire.names import DomainPair, domain_of
from muxs2s.wire.namespaces import SERVER, STANZA_ERRORS

__all__ = ["STANZA_NAMES", "Slice", "error_reply", "from_tree", "moved", "to_bytes"]

STANZA_NAMES: Final = frozenset({"iq", "message", "presence"})
"""The elements that are stanzas, in the content namespace of a stream (RFC 6120, section 4.1)."""

_MAX_OPEN_SCOPES: Final = 64
"""Parsers kept for the next tree, one per set of declarations in the opening tag of a stream."""

_PREFIXES: Final = {"http://www.w3.org/XML/1998/namespace": "xml"}


class Slice(NamedTuple):
    """
    A first-level element as it stood in the stream.

    A named tuple and no dataclass: one is made for every stanza that passes through.
    """

    data: bytes
    """From ``<`` to ``>``, UTF-8, well-formed, nothing restricted."""

    namespace: str
    name: str
    from_address: str | None
    to_address: str | None
    type: str | None
    id: str | None
    scope: bytes = b"<scope>"
    """A start tag with the namespaces that the stream's opening tag declared."""

    @property
    def is_stanza(self) -> bool:
        """Whether this is a message, presence or IQ in the content namespace between servers."""
        return self.namespace == SERVER and self.name in STANZA_NAMES

    @property
    def pair(self) -> DomainPair:
        """
        The domains of ``from`` and ``to``.

        :raises NameRefused: if an address is missing, malformed or has no domain name.
        """
        return DomainPair(domain_of(self.from_address or ""), domain_of(self.to_address or ""))

    def tree(self) -> domish.Element:
        """Build the element tree; a new one each time, the caller's own."""
        return _parser(self.scope).read(self.data)


class _TreeParser:
    """Reads slices of one scope, one after the other."""

    def __init__(self, scope: bytes) -> None:
        self._read: list[domish.Element] = []
        self._stream = domish.ExpatElementStream()
        self._stream.DocumentStartEvent = _ignore
        self._stream.ElementEvent = self._read.append
        self._stream.parse(scope)

    def read(self, data: bytes) -> domish.Element:
        self._stream.parse(data)
        return self._read.pop()


def _ignore(_element: domish.Element) -> None:
    """The scope's own start tag is of no interest."""


@lru_cache(maxsize=_MAX_OPEN_SCOPES)
def _parser(scope: bytes) -> _TreeParser:
    return _TreeParser(scope)


def from_tree(element: domish.Element) -> Slice:
    """
    Make a slice of a tree that is ours, in the tree's own content namespace.

    :param element: a first-level element; not changed.
    :raises LocalMisuse: if it cannot be written as XML, say because it holds a control character.
    """
    data = to_bytes(element)
    get = element.attributes.get
    made = Slice(data, element.uri or "", element.name, get("from"), get("to"), get("type"), get("id"))
    try:
        _TreeParser(made.scope).read(data)
    except (domish.ParserError, IndexError):
        raise LocalMisuse(f"a {element.name} stanza cannot be written as XML; look for control characters") from None
    return made


def to_bytes(element: domish.Element) -> bytes:
    """Write a tree so that it means the same in any stream: it declares every namespace it uses."""
    try:
        text: str = element.toXml(prefixes=dict(_PREFIXES))
        return text.encode()
    except (UnicodeEncodeError, RecursionError):
        raise LocalMisuse(f"a {element.name} stanza cannot be written as XML; look for lone surrogates") from None


def moved(stanza: Slice, namespace: str) -> Slice:
    """
    Re-scope a stanza to another content namespace, payload in that namespace included.

    Source: RFC 6120, section 4.8.3: what comes from a component or client is written anew as
    ``jabber:server`` before it leaves, and the other way about.
    """
    tree = stanza.tree()
    rescope(tree, stanza.namespace, namespace)
    return stanza._replace(data=to_bytes(tree), namespace=namespace, scope=b"<scope>")


def rescope(tree: domish.Element, old: str, new: str) -> None:
    """Move every element of ``tree`` that is in namespace ``old`` to ``new``, in place."""
    for element in _walk(tree):
        if element.uri == old:
            element.uri = new
        if element.defaultUri == old:
            element.defaultUri = new


def _walk(tree: domish.Element) -> Iterator[domish.Element]:
    waiting = [tree]
    while waiting:
        element = waiting.pop()
        yield element
        waiting.extend(element.elements())


def error_reply(stanza: Slice, condition: StanzaCondition, text: str) -> Slice | None:
    """
    Bounce a stanza.

    :param stanza: in any content namespace; the reply is in the same.
    :param text: the reason, for people.
    :returns: the error stanza; ``None`` where RFC 6120 wants silence: for an error, and for the
        result of an IQ.

    Source: RFC 6120, sections 8.1.3, 8.2.3 and 8.3.1.
    """
    if stanza.type == "error" or (stanza.name == "iq" and stanza.type not in {"get", "set"}):
        return None
    attributes = {"from": stanza.to_address, "to": stanza.from_address, "type": "error", "id": stanza.id}
    written = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items() if value is not None)
    data = (
        f"<{stanza.name} xmlns='{stanza.namespace}'{written}><error type='{condition.error_type}'>"
        f"<{condition.value} xmlns='{STANZA_ERRORS}'/><text xmlns='{STANZA_ERRORS}' xml:lang='en'>{escape(text)}</text>"
        f"</error></{stanza.name}>"
    ).encode()
    return Slice(data, stanza.namespace, stanza.name, stanza.to_address, stanza.from_address, "error", stanza.id)
