"""
The PROXY protocol: what a proxy says of a connection before the first byte of it.

Knows how both versions are written. Does not know sockets, nor whom to believe: see
:mod:`muxs2s.network.proxied`.

Source: "The PROXY protocol, versions 1 & 2", HAProxy Technologies, sections 2.1 and 2.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import MappingProxyType
from typing import Final

from muxs2s.wire.errors import MuxS2SError

__all__ = ["MAX_HEADER_BYTES", "ProxyHeader", "ProxyHeaderRefused", "read_proxy_header"]

MAX_HEADER_BYTES: Final = 2_048
"""Of a header; one with a certificate's names and other notes has some hundreds."""

_MAX_LINE_BYTES: Final = 107
"""Of a header of version 1."""

_LINE: Final = b"PROXY "
_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED_BYTES: Final = 16
"""Of a header of version 2, before the addresses."""

_LOCAL, _PROXY = 0x20, 0x21
"""Version 2, and whether the proxy speaks for itself or for somebody."""

_FAMILIES: Final[Mapping[bytes, type[IPv4Address | IPv6Address]]] = MappingProxyType(
    {b"TCP4": IPv4Address, b"TCP6": IPv6Address}
)
_ADDRESS_BYTES: Final[Mapping[int, int]] = MappingProxyType({0x11: 4, 0x21: 16})
"""By family and transport: TCP over IPv4 and over IPv6."""

_UNNAMED: Final = frozenset({0x00, 0x31})
"""Families that have no IP address: none, and Unix sockets."""


class ProxyHeaderRefused(MuxS2SError):
    """What comes is no header of a proxy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyHeader:
    """What a proxy said."""

    source: tuple[str, int] | None
    """The IP address and port that the connection comes from; ``None`` if the proxy names none."""

    size: int
    """Bytes; what follows is the connection's own."""


def read_proxy_header(data: bytes) -> ProxyHeader | None:
    """
    Read the beginning of a connection.

    :returns: ``None`` as long as the header is not complete.
    :raises ProxyHeaderRefused: as soon as it cannot become one.
    """
    if data.startswith(_LINE[: len(data)]):
        return _read_line(data)
    if data.startswith(_SIGNATURE[: len(data)]):
        return _read_binary(data)
    raise ProxyHeaderRefused("no PROXY header: does the proxy send one?")


def _read_line(data: bytes) -> ProxyHeader | None:
    line, end, _ = data[:_MAX_LINE_BYTES].partition(b"\r\n")
    if not end:
        if len(data) >= _MAX_LINE_BYTES:
            raise ProxyHeaderRefused(f"a PROXY header of version 1 is longer than {_MAX_LINE_BYTES} bytes")
        return None
    size = len(line) + len(end)
    match line.split(b" "):
        case [_, b"UNKNOWN", *_]:
            return ProxyHeader(source=None, size=size)
        case [_, family, source, target, source_port, target_port] if family in _FAMILIES:
            _read_port(target_port), _read_address(family, target)
            return ProxyHeader(source=(_read_address(family, source), _read_port(source_port)), size=size)
    raise ProxyHeaderRefused("a PROXY header of version 1 names no addresses")


def _read_address(family: bytes, text: bytes) -> str:
    try:
        return str(_FAMILIES[family](text.decode("ascii")))
    except ValueError:
        raise ProxyHeaderRefused("a PROXY header names what is no address of its family") from None


def _read_port(text: bytes) -> int:
    if not (text.isdigit() and len(text) <= len("65535") and int(text) < 1 << 16):
        raise ProxyHeaderRefused("a PROXY header names what is no port")
    return int(text)


def _read_binary(data: bytes) -> ProxyHeader | None:
    if len(data) < _FIXED_BYTES:
        return None
    command, family = data[12], data[13]
    size = _FIXED_BYTES + int.from_bytes(data[14:_FIXED_BYTES])
    if command not in {_LOCAL, _PROXY}:
        raise ProxyHeaderRefused(f"a PROXY header has the version and command {command:#04x}")
    if size > MAX_HEADER_BYTES:
        raise ProxyHeaderRefused(f"a PROXY header is longer than {MAX_HEADER_BYTES} bytes")
    if len(data) < size:
        return None
    if command == _LOCAL or family in _UNNAMED:
        return ProxyHeader(source=None, size=size)
    return ProxyHeader(source=_read_source(family, data[_FIXED_BYTES:size]), size=size)


def _read_source(family: int, addresses: bytes) -> tuple[str, int]:
    width = _ADDRESS_BYTES.get(family)
    if width is None:
        raise ProxyHeaderRefused(f"a PROXY header has the family and transport {family:#04x}")
    if len(addresses) < 2 * (width + 2):
        raise ProxyHeaderRefused("a PROXY header is too short for its addresses")
    return str(ip_address(addresses[:width])), int.from_bytes(addresses[2 * width : 2 * width + 2])
