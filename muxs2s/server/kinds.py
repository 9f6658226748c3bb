"""
What values an option may have: how one is written, read and refused.

Knows units, ranges and the words for them. Does not know which options there are: see
:mod:`muxs2s.server.options`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Generic, TypeVar

from muxs2s.network.addresses import is_address
from muxs2s.network.resolver import DNS_PORT
from muxs2s.network.targets import Target, TargetRefused, read_override, read_target
from muxs2s.proof.dialback import DialbackProof
from muxs2s.proof.pkix import PkixProof
from muxs2s.server.endpoints import WRITTEN, ListenRefused, check_place
from muxs2s.wire.errors import MuxS2SError
from muxs2s.wire.names import DomainName, NameRefused
from muxs2s.wire.reasons import readable

__all__ = [
    "ADDRESS",
    "ADMISSION",
    "DOMAINS",
    "NAME_SERVERS",
    "PLACES",
    "PROOFS",
    "SWITCH",
    "TARGET",
    "Kind",
    "ValueRefused",
    "choice",
    "read_domain",
    "read_each",
    "read_text",
    "seconds",
    "whole",
    "wrong_type",
]

MAX_SHOWN_CHARACTERS: Final = 80
"""Of a refused value, in a message."""

_DAY_SECONDS: Final = 86_400.0

_LARGEST: Final = (1 << 63) - 1
"""The largest number TOML promises to hold."""

T = TypeVar("T")


class ValueRefused(MuxS2SError):
    """
    A value an option cannot have.

    :param remedy: what to write instead.
    :param at: where inside the value, such as ``[0].key``.
    """

    def __init__(self, text: str, remedy: str, *, at: str = "") -> None:
        super().__init__(text)
        self.remedy = remedy
        self.at = at


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[T]):
    """A kind of value."""

    wants: str
    """What is to be written, to follow "write"."""

    read: Callable[[object, Path], T]
    """
    Make the value out of what TOML says and the directory that relative paths begin at.

    Raises :exc:`ValueRefused`.
    """

    unit: str = ""
    """What is counted, in the plural; empty for what is not counted."""


def whole(unit: str, *, least: int = 1, most: int | None = None, because: str = "") -> Kind[int]:
    """
    Count things.

    :param because: why there may be no fewer.
    """
    wants = f"a whole number of {unit}, {_range(least, most)}"

    def read(value: object, _base: Path) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong_type(value, wants)
        if value < least:
            raise ValueRefused(f"{_shown(value)} is too small" + (f": {because}" if because else ""), f"write {wants}")
        if value > (_LARGEST if most is None else most):
            raise ValueRefused(f"{_shown(value)} is too large", f"write {wants}")
        return value

    return Kind(wants=wants, read=read, unit=unit)


def seconds(least: float = 0.001, most: float = 30 * _DAY_SECONDS) -> Kind[float]:
    """Measure a time, with or without a fraction."""
    wants = f"a number of seconds from {least:g} to {most:.0f}"

    def read(value: object, _base: Path) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise wrong_type(value, wants)
        if not least <= value <= most or not math.isfinite(value):
            raise ValueRefused(f"{_shown(value)} is out of range", f"write {wants}")
        return float(value)

    return Kind(wants=wants, read=read, unit="seconds")


def choice(meanings: Mapping[str, T]) -> Kind[T]:
    """Choose one of some words; what each means."""
    wants = " or ".join(f'"{word}"' for word in meanings)

    def read(value: object, _base: Path) -> T:
        text = read_text(value, wants)
        if text not in meanings:
            raise ValueRefused(f"{_shown(text)} is none of the words there are", f"write {wants}")
        return meanings[text]

    return Kind(wants=wants, read=read)


def read_domain(text: str) -> DomainName:
    """
    Read a domain.

    :raises ValueRefused: if it is none.
    """
    try:
        return DomainName.parse(text)
    except NameRefused as refused:
        raise ValueRefused(str(refused), "write a domain name, such as a.example") from None


def _range(least: int, most: int | None) -> str:
    return f"at least {least}" if most is None else f"from {least} to {most}"


def wrong_type(value: object, wants: str, *, at: str = "", secret: bool = False) -> ValueRefused:
    """
    Say what a value is and should not be.

    :param secret: do not show it.
    """
    what = next((words for kind, words in _TYPES if isinstance(value, kind)), "a date or time")
    return ValueRefused(f"is {what}" if secret else f"{_shown(value)} is {what}", f"write {wants}", at=at)


_TYPES: Final = (
    (bool, "a switch"),
    (int | float, "a number"),
    (str, "text"),
    (list, "a list"),
    (dict, "a table"),
)


def _shown(value: object) -> str:
    try:
        text = str(value).lower() if isinstance(value, bool) else repr(value)
    except ValueError:
        return "what has thousands of digits"  # more than Python writes out
    return readable(text, MAX_SHOWN_CHARACTERS)


def read_text(value: object, wants: str) -> str:
    """
    Take text.

    :raises ValueRefused: if it is anything else.
    """
    if not isinstance(value, str):
        raise wrong_type(value, wants)
    return value


def read_each(value: object, wants: str, read: Callable[[str], T]) -> tuple[T, ...]:
    """
    Take a list of texts, no two of the same meaning.

    :param read: makes something of each; may raise :exc:`ValueRefused`.
    :raises ValueRefused: saying which of them cannot be.
    """
    if not isinstance(value, list):
        raise wrong_type(value, wants)
    found: dict[T, None] = {}
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise wrong_type(item, "text in quotes", at=f"[{index}]")
        try:
            meant = read(item)
        except ValueRefused as refused:
            raise ValueRefused(str(refused), refused.remedy, at=f"[{index}]") from None
        if meant in found:
            raise ValueRefused(f"{item!r} is there twice", "remove one of the two", at=f"[{index}]")
        found[meant] = None
    return tuple(found)


def _proofs(value: object, _base: Path) -> tuple[str, ...]:
    names = read_each(value, PROOFS.wants, _proof)
    if not names:
        raise ValueRefused("names none, so that no peer could prove itself", f"write {PROOFS.wants}")
    return names


def _proof(text: str) -> str:
    if text not in _PROOFTYPES:
        raise ValueRefused(f"{_shown(text)} proves nothing here", f"name some of {', '.join(_PROOFTYPES)}")
    return text


def _switch(value: object, _base: Path) -> bool:
    if not isinstance(value, bool):
        raise wrong_type(value, SWITCH.wants)
    return value


def _domains(value: object, _base: Path) -> tuple[DomainName, ...]:
    return read_each(value, DOMAINS.wants, read_domain)


def _places(value: object, _base: Path) -> tuple[str, ...]:
    return read_each(value, PLACES.wants, _place)


def _place(text: str) -> str:
    try:
        check_place(text)
    except ListenRefused as refused:
        raise ValueRefused(str(refused), f"write {WRITTEN}") from None
    return text


def _name_servers(value: object, _base: Path) -> tuple[tuple[str, int], ...]:
    return read_each(value, NAME_SERVERS.wants, _name_server)


def _name_server(text: str) -> tuple[str, int]:
    remedy = 'write an IP address, with a port unless it is 53: "192.0.2.53", "[2001:db8::53]:5353"'
    bare = text.removeprefix("[").removesuffix("]")
    if is_address(bare):
        return bare, DNS_PORT
    try:
        target = read_target(text)
    except TargetRefused as refused:
        raise ValueRefused(str(refused), remedy) from None
    if not target.is_address:
        raise ValueRefused(f"{text!r} is no IP address", remedy)
    return target.host, target.port


def _address(value: object, _base: Path) -> str | None:
    text = read_text(value, ADDRESS.wants)
    try:
        return str(ip_address(text)) if text else None
    except ValueError:
        raise ValueRefused(f"{text!r} is no IP address", f"write {ADDRESS.wants}") from None


def _target(value: object, _base: Path) -> Target:
    text = read_text(value, TARGET.wants)
    try:
        return read_override(text)
    except TargetRefused as refused:
        raise ValueRefused(str(refused), f"write {TARGET.wants}") from None


_PROOFTYPES: Final = (PkixProof.name, DialbackProof.name)

ADMISSION: Final = choice({"allow": True, "deny": False})
PROOFS: Final = Kind(wants='a list with the preferred one first, such as ["pkix", "dialback"]', read=_proofs)
SWITCH: Final = Kind(wants="true or false", read=_switch)
DOMAINS: Final = Kind(wants='a list of domain names, such as ["a.example", "chat.a.example"]', read=_domains)
PLACES: Final = Kind(wants=f"a list, each {WRITTEN}", read=_places)
NAME_SERVERS: Final = Kind(wants='a list of IP addresses, such as ["127.0.0.1", "192.0.2.53:5353"]', read=_name_servers)
ADDRESS: Final = Kind(wants='an IP address of this host, or "" for whichever the system takes', read=_address)
TARGET: Final = Kind(
    wants='a host or IP address and a port, such as "xmpp.b.example:5269", "[2001:db8::1]:5269" or, for direct TLS, '
    '"xmpps://xmpp.b.example:5270"',
    read=_target,
)
