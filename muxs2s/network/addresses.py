"""
IP addresses and ports as text.

Knows which text is an address, which number a port, and how the two are written together. Does not
know host names: see :mod:`muxs2s.network.targets`.
"""

from __future__ import annotations

from ipaddress import ip_address

__all__ = ["is_address", "is_port", "with_port"]


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
