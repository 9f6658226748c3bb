"""DER, as tests put it together."""

from __future__ import annotations


def der(tag: int, *contents: bytes) -> bytes:
    """One element."""
    content = b"".join(contents)
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | octets)) + length.to_bytes(octets, "big") + content
