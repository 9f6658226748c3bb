"""
IP addresses and ports as text.

Knows which text is an address, which number a port, how the two are written together, and what the end of
a connection is called. Does not know host names: see :mod:`muxs2s.network.targets`.
"""

from __future__ import annotations

from ipaddress import ip_address

from twisted.internet.address import IPv4Address, IPv6Address

__all__ = ["is_address", "is_port", "shown", "with_port"]


def is_address(text: str) -> bool:
    """Whether this is an IP address, of either version, without brackets."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_port(number: int) -> bool:
    """Whether one can connect to a port of this number."""
    return 0 < number < 1 << 16


def with_port(host: str, port: int) -> str:
    """
    Write a host and a port: ``b.example:5269``, ``192.0.2.1:5269``, ``[2001:db8::1]:5269``.

    Source: RFC 3986, section 3.2.2 (brackets).
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def shown(end: object) -> str:
    """
    Write where one end of a connection is, for operators.

    :param end: as ``getPeer`` or ``getHost`` of a transport tells it.
    """
    return with_port(end.host, end.port) if isinstance(end, IPv4Address | IPv6Address) else "a Unix socket"
