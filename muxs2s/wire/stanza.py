"""
One first-level element: its bytes, its addresses and its kind; the tree only on demand.

Knows how a stanza moves between content namespaces and how one is bounced. Does not know whether a
stanza may pass: see :mod:`muxs2s.stream.associations`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from twisted.words.xish import domish

from muxs2s.wire.errors import StanzaCondition
from muxs2s.wire.markup import error_text, start_tag
from muxs2s.wire.names import DomainName, DomainPair, domain_of
from muxs2s.wire.namespaces import CLIENT, COMPONENT, SERVER, STANZA_ERRORS
from muxs2s.wire.passing import passes_as_it_is
from muxs2s.wire.trees import first_tag, read_tree, to_bytes

__all__ = ["STANZA_NAMES", "Slice", "error_reply", "from_tree", "moved", "to_bytes"]

STANZA_NAMES: Final = frozenset({"iq", "message", "presence"})
"""The elements that are stanzas, in the content namespace of a stream (RFC 6120, section 4.1)."""

_NO_SCOPE: Final = b"<scope>"

_SCOPES: Final = {name: start_tag("scope", {"xmlns": name}).encode() for name in (CLIENT, COMPONENT, SERVER)}
"""What a stanza relies on that passes as it is, by content namespace."""


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
    scope: bytes = _NO_SCOPE
    """A start tag with the namespaces that the stream's opening tag declared."""

    @property
    def is_stanza(self) -> bool:
        """Whether this is a message, presence or IQ in the content namespace between servers."""
        return self.namespace == SERVER and self.name in STANZA_NAMES

    @property
    def sender(self) -> DomainName:
        """
        The domain of ``from``.

        :raises NameRefused: if the address is missing, malformed or has no domain name.
        """
        return domain_of(self.from_address or "")

    @property
    def target(self) -> DomainName:
        """
        The domain of ``to``.

        :raises NameRefused: if the address is missing, malformed or has no domain name.
        """
        return domain_of(self.to_address or "")

    @property
    def pair(self) -> DomainPair:
        """
        The domains of ``from`` and ``to``.

        :raises NameRefused: if an address is missing, malformed or has no domain name.
        """
        return DomainPair(domain_of(self.from_address or ""), domain_of(self.to_address or ""))

    def tree(self) -> domish.Element:
        """
        Build the element tree; a new one each time, the caller's own.

        :raises LocalMisuse: if the slice was made by hand, and not of one well-formed element.
        """
        return read_tree(self.data, self.scope)


def from_tree(element: domish.Element, namespace: str | None = None) -> Slice:
    """
    Make a slice of a tree that is ours.

    :param element: a first-level element; not changed.
    :param namespace: the content namespace to move it to; left out, it stays in its own.
    :raises LocalMisuse: if it cannot be written as XML, say because it holds a control character.
    """
    if namespace is None:
        data = to_bytes(element)
    elif element.uri is None:
        data = to_bytes(_adopted(element, namespace))
    else:
        data = to_bytes(element, {element.uri: namespace})
    tag = first_tag(data)
    get = tag.attributes.get
    return Slice(data, tag.namespace, tag.name, get("from"), get("to"), get("type"), get("id"))


def _adopted(element: domish.Element, namespace: str) -> domish.Element:
    """The same element in a namespace, which those of its children inherit that have none."""
    adopted = domish.Element((namespace, element.name), attribs=element.attributes, localPrefixes=element.localPrefixes)
    adopted.children = element.children
    return adopted


def moved(stanza: Slice, namespace: str) -> Slice:
    """
    Move a stanza to another content namespace, payload in that namespace included.

    The bytes stay what they are where they say the same under a stream of that namespace; otherwise they
    are written anew, so that they say it under any.

    Source: RFC 6120, section 4.8.3: what comes from a component or client is written anew as
    ``jabber:server`` before it leaves, and the other way about.
    """
    scope = _SCOPES.get(namespace)
    if scope is not None and stanza.namespace in _SCOPES and passes_as_it_is(stanza.data, stanza.scope):
        return Slice(stanza.data, namespace, *stanza[2:-1], scope)
    data = to_bytes(stanza.tree(), {stanza.namespace: namespace})
    return stanza._replace(data=data, namespace=namespace, scope=_NO_SCOPE)


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
    addressed = {"from": stanza.to_address, "to": stanza.from_address, "type": "error", "id": stanza.id}
    data = (
        f"{start_tag(stanza.name, {'xmlns': stanza.namespace, **addressed})}<error type='{condition.error_type}'>"
        f"<{condition.value} xmlns='{STANZA_ERRORS}'/>{error_text(STANZA_ERRORS, text)}</error></{stanza.name}>"
    ).encode()
    return Slice(data, stanza.namespace, stanza.name, stanza.to_address, stanza.from_address, "error", stanza.id)
