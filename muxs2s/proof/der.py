"""
DER, as far as it takes to find something in a certificate.

Knows tags of one octet and lengths that are stated. Does not know what stands where: see
:mod:`muxs2s.proof.identity`.

Source: ITU-T X.690, sections 8.1 and 10.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from muxs2s.wire.errors import MuxS2SError

__all__ = [
    "BIT_STRING",
    "IA5_STRING",
    "OBJECT_IDENTIFIER",
    "OCTET_STRING",
    "SEQUENCE",
    "UTF8_STRING",
    "DERMalformed",
    "read_element",
    "read_elements",
    "read_sequence",
]

# Identifier octets.
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
OBJECT_IDENTIFIER: Final = 0x06
UTF8_STRING: Final = 0x0C
IA5_STRING: Final = 0x16
SEQUENCE: Final = 0x30

_LONG_TAG: Final = 0x1F
_LONG_LENGTH: Final = 0x80
_MAX_LENGTH_OCTETS: Final = 4


class DERMalformed(MuxS2SError):
    """These bytes are not the DER they should be; the message says why."""


def read_element(data: bytes, at: int) -> tuple[int, bytes, int]:
    """
    Read one element.

    :returns: its identifier octet, its content, and where it ends.
    :raises DERMalformed: if no element of a usual shape begins there and ends within ``data``.
    """
    if len(data) < at + 2:
        raise DERMalformed("it ends too early")
    tag, length = data[at], data[at + 1]
    if tag & _LONG_TAG == _LONG_TAG:
        raise DERMalformed("it has a tag of several octets")
    at += 2
    if length >= _LONG_LENGTH:
        octets = length - _LONG_LENGTH
        if not 1 <= octets <= _MAX_LENGTH_OCTETS:
            raise DERMalformed("its length is indefinite or out of bounds")
        length = int.from_bytes(data[at : at + octets], "big")
        at += octets
    if len(data) < at + length:
        raise DERMalformed("it ends too early")
    return tag, data[at : at + length], at + length


def read_elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """
    Read one element after the other, to the end.

    :returns: identifier octet and content of each.
    :raises DERMalformed: as :func:`read_element`, at the first one that is broken.
    """
    at = 0
    while at < len(data):
        tag, content, at = read_element(data, at)
        yield tag, content


def read_sequence(data: bytes) -> Iterator[tuple[int, bytes]]:
    """
    Read what is inside the one SEQUENCE that ``data`` is made of.

    :returns: as :func:`read_elements`.
    :raises DERMalformed: if it is anything else, or broken inside.
    """
    tag, content, end = read_element(data, 0)
    if tag != SEQUENCE or end != len(data):
        raise DERMalformed("one SEQUENCE was expected")
    yield from read_elements(content)
