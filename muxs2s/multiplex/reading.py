"""
Elements of multiplexing, as a peer wrote them.

Knows what each must hold, and takes nothing less; attributes and children that are not known are ignored. Does
not know which element is due when: see :mod:`muxs2s.multiplex.multiplexer`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeVar

from twisted.words.xish import domish

from muxs2s.multiplex.conditions import EnableCondition, MultiplexCondition
from muxs2s.multiplex.elements import (
    MAX_ELEMENT_BYTES,
    Accept,
    Enable,
    Enabled,
    Failed,
    ListedName,
    MultiplexElement,
    Offer,
    PeerLimits,
    Present,
    Reject,
    Request,
    Revoke,
    Revoked,
    Withdraw,
    Withdrawn,
)
from muxs2s.multiplex.flat import FlatChild, FlatElement, read_flat
from muxs2s.multiplex.formats import (
    FormatRefused,
    read_base64,
    read_boolean,
    read_domain,
    read_id,
    read_name,
    read_number,
    read_text,
    read_time,
)
from muxs2s.wire.errors import MuxS2SError
from muxs2s.wire.namespaces import MULTIPLEX
from muxs2s.wire.stanza import Slice

__all__ = ["MultiplexMalformed", "read_element", "read_feature"]


class MultiplexMalformed(MuxS2SError):
    """An element that is not as specified, or none that is; the message says why."""

    def __init__(self, kind: str, number: int | None, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        """The name of the element."""

        self.id = number
        """``None`` if it has none, or none that can be read."""


def read_feature(features: domish.Element) -> PeerLimits | None:
    """
    Read the offer to multiplex in a set of stream features.

    :returns: what the peer takes; ``None`` if there is no offer, or one that does not say it as it must.
    """
    for feature in features.elements(MULTIPLEX, "mux"):
        get = feature.getAttribute
        try:
            return PeerLimits(max_domains=read_number(get("max-domains")), max_pending=read_number(get("max-pending")))
        except FormatRefused:
            return None
    return None


def read_element(element: Slice) -> MultiplexElement:
    """
    Read an element of multiplexing.

    :param element: in its namespace.
    :raises MultiplexMalformed: if there is none of this name, or it is over :data:`MAX_ELEMENT_BYTES`, or lacks
        something, or holds something in another format.

    Source: doc/protocol.rst, "Formats" and "Elements".
    """
    read = _READERS.get(element.name, _unknown)
    try:
        return read(_within_limit(element))
    except FormatRefused as refused:
        raise MultiplexMalformed(element.name, _readable_id(element), str(refused)) from None


def _within_limit(element: Slice) -> FlatElement:
    if len(element.data) > MAX_ELEMENT_BYTES:
        raise FormatRefused(f"{len(element.data)} bytes, which exceeds {MAX_ELEMENT_BYTES}")
    return read_flat(element)


def _readable_id(element: Slice) -> int | None:
    try:
        return read_id(element.id)
    except FormatRefused:
        return None


def _enable(flat: FlatElement) -> Enable:
    get = flat.attributes.get
    return Enable(max_domains=read_number(get("max-domains")), max_pending=read_number(get("max-pending")))


def _enabled(_flat: FlatElement) -> Enabled:
    return Enabled()


def _failed(flat: FlatElement) -> Failed:
    return Failed(condition=_condition(flat, _ENABLE_CONDITIONS, EnableCondition.INTERNAL_ERROR))


def _offer(flat: FlatElement) -> Offer:
    get = flat.attributes.get
    return Offer(id=read_id(get("id")), domain=read_domain(get("domain")), renew=read_boolean(get("renew")))


def _request(flat: FlatElement) -> Request:
    get = flat.attributes.get
    return Request(id=read_id(get("id")), domain=read_domain(get("domain")), data=read_base64(flat.text))


def _present(flat: FlatElement) -> Present:
    return Present(id=read_id(flat.attributes.get("id")), data=read_base64(flat.text))


def _accept(flat: FlatElement) -> Accept:
    return Accept(
        id=read_id(flat.attributes.get("id"), least=0),
        certificate=_certificate(flat),
        names=tuple(
            ListedName(name=read_name(child.text), until=read_time(child.attributes.get("until")))
            for child in _domains(flat)
        ),
    )


def _reject(flat: FlatElement) -> Reject:
    retry = flat.attributes.get("retry-after")
    return Reject(
        id=read_id(flat.attributes.get("id")),
        condition=_condition(flat, _REJECT_CONDITIONS, MultiplexCondition.INTERNAL_ERROR),
        retry_seconds=None if retry is None else float(read_number(retry, least=0)),
        text=next((read_text(child.text) for child in flat.children if child.name == _TEXT), ""),
    )


def _withdraw(flat: FlatElement) -> Withdraw:
    names = tuple(read_name(child.text) for child in _domains(flat))
    if not names:
        raise FormatRefused("no domain, where one or more should be")
    return Withdraw(id=read_id(flat.attributes.get("id")), names=names)


def _revoke(flat: FlatElement) -> Revoke:
    certificate = _certificate(flat)
    names = tuple(read_name(child.text) for child in _domains(flat))
    if bool(names) is (certificate is not None):
        raise FormatRefused("a certificate and domains, or neither, where one of them should be")
    return Revoke(
        id=read_id(flat.attributes.get("id")),
        certificate=certificate,
        names=names,
        condition=_condition(flat, _REVOKE_CONDITIONS, MultiplexCondition.INTERNAL_ERROR),
    )


def _withdrawn(flat: FlatElement) -> Withdrawn:
    return Withdrawn(id=read_id(flat.attributes.get("id")))


def _revoked(flat: FlatElement) -> Revoked:
    return Revoked(id=read_id(flat.attributes.get("id")))


def _unknown(_flat: FlatElement) -> MultiplexElement:
    raise FormatRefused("no element of multiplexing")


_READERS: Final[Mapping[str, Callable[[FlatElement], MultiplexElement]]] = MappingProxyType(
    {
        "enable": _enable,
        "enabled": _enabled,
        "failed": _failed,
        "offer": _offer,
        "request": _request,
        "present": _present,
        "accept": _accept,
        "reject": _reject,
        "withdraw": _withdraw,
        "revoke": _revoke,
        "withdrawn": _withdrawn,
        "revoked": _revoked,
    }
)

_DOMAIN: Final = "domain"
_TEXT: Final = "text"
_Condition = TypeVar("_Condition", bound=Enum)

_ENABLE_CONDITIONS: Final = {condition.value: condition for condition in EnableCondition}
_REVOKE_CONDITIONS: Final = {condition.value: condition for condition in MultiplexCondition}
_REJECT_CONDITIONS: Final = {
    name: condition for name, condition in _REVOKE_CONDITIONS.items() if condition is not MultiplexCondition.REPLACED
}
"""An exchange is never rejected because a certificate took its place."""


def _certificate(flat: FlatElement) -> int | None:
    number = flat.attributes.get("certificate")
    return None if number is None else read_id(number, least=0)


def _domains(flat: FlatElement) -> Iterator[FlatChild]:
    return (child for child in flat.children if child.name == _DOMAIN)


def _condition(flat: FlatElement, known: Mapping[str, _Condition], otherwise: _Condition) -> _Condition:
    """
    The one condition of an element.

    :param otherwise: what an unknown one reads as.
    """
    names = [child.name for child in flat.children if child.name not in {_DOMAIN, _TEXT}]
    conditions = {known[name] for name in names if name in known}
    if not names or len(conditions) > 1:
        raise FormatRefused(f"{len(conditions)} conditions, where one should be")
    return conditions.pop() if conditions else otherwise
