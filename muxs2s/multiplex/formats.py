"""
How ids, numbers, names, times, base64 and booleans are written in elements of multiplexing.

Knows one spelling for each, and takes no other. Does not know which of them stands where: see
:mod:`muxs2s.multiplex.elements`.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from datetime import UTC, datetime
from functools import lru_cache
from math import ceil
from typing import Final

from muxs2s.wire.errors import MuxS2SError
from muxs2s.wire.markup import legible
from muxs2s.wire.names import DomainName, DomainPattern, Name, NameRefused
from muxs2s.wire.reasons import readable

__all__ = [
    "MAX_CACHED_TIMES",
    "MAX_ID",
    "MAX_NUMBER",
    "MAX_TEXT_BYTES",
    "FormatRefused",
    "read_base64",
    "read_boolean",
    "read_domain",
    "read_id",
    "read_name",
    "read_number",
    "read_text",
    "read_time",
    "write_base64",
    "write_seconds",
    "write_text",
    "write_time",
]

MAX_ID: Final = 2**53 - 1
"""Of an exchange or a fence: what any peer can hold, a double included."""

MAX_NUMBER: Final = 2**31 - 1
"""Of anything else that is counted: domains, exchanges, seconds."""

MAX_CACHED_TIMES: Final = 256
"""Spellings of times remembered, least recently used first out."""

MAX_TEXT_BYTES: Final = 1_024
"""Of what a ``reject`` says for logs, in UTF-8; the rest is cut off."""

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
_PATTERN_START: Final = "*."
_LAST_TIME: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()


class FormatRefused(MuxS2SError):
    """What was given is spelled in no way that is taken; the message says what it should be."""


def read_id(text: str | None, least: int = 1) -> int:
    """
    Read an id.

    :param text: an attribute, ``None`` if it is not there.
    :param least: 0 where certificate 0, that of the handshake, may be meant.
    :raises FormatRefused: unless it is a decimal from ``least`` to 2^53-1, without leading zeros.
    """
    return _decimal(text, least, MAX_ID)


def read_number(text: str | None, least: int = 1) -> int:
    """
    Read a number.

    :raises FormatRefused: unless it is a decimal from ``least`` to 2^31-1, without leading zeros.
    """
    return _decimal(text, least, MAX_NUMBER)


def _decimal(text: str | None, least: int, most: int) -> int:
    if text is not None and _DECIMAL.fullmatch(text) and least <= int(text) <= most:
        return int(text)
    raise FormatRefused(f"{_shown(text)} where a decimal from {least} to {most} without leading zeros should be")


def read_domain(text: str | None) -> DomainName:
    """
    Read a domain.

    :raises FormatRefused: unless it is one, in A-labels and in lower case, without a trailing dot.
    """
    try:
        domain = DomainName.parse(text or "")
    except NameRefused as refused:
        raise FormatRefused(str(refused)) from None
    if domain.ascii != text:
        raise FormatRefused(f"{_shown(text)} where {domain.ascii} should be: A-labels, lower case, no trailing dot")
    return domain


def read_name(text: str) -> Name:
    """
    Read a domain or a pattern.

    :raises FormatRefused: unless it is a domain as for :func:`read_domain`, or ``*.`` and one.
    """
    if text.startswith(_PATTERN_START):
        return DomainPattern(read_domain(text.removeprefix(_PATTERN_START)))
    return read_domain(text)


def read_base64(text: str) -> bytes:
    """
    Read base64; of nothing it makes nothing.

    :raises FormatRefused: unless it is padded, has unused bits of zero, and holds nothing else, be it white space.

    Source: RFC 4648, section 4; for padding and unused bits sections 3.2, 3.3 and 3.5.
    """
    try:
        data = a2b_base64(text)
    except ValueError:  # binascii.Error is one; so is what a character beyond ASCII leads to
        raise FormatRefused("base64 that is cut short, or holds other characters") from None
    if write_base64(data) != text:
        raise FormatRefused("base64 with white space, other characters, or not padded with zeros")
    return data


def write_base64(data: bytes) -> str:
    """Write base64, padded, in one line."""
    return b2a_base64(data, newline=False).decode("ascii")


def read_boolean(text: str | None) -> bool:
    """
    Read a boolean; what is not there is false.

    :raises FormatRefused: unless it is ``true``, ``1``, ``false`` or ``0``.
    """
    if text is None:
        return False
    if text not in _BOOLEANS:
        raise FormatRefused(f"{_shown(text)} where true, 1, false or 0 should be")
    return _BOOLEANS[text]


def read_time(text: str | None) -> float | None:
    """
    Read a time.

    :returns: seconds since 1970; ``None`` if it is not there.
    :raises FormatRefused: unless it is spelled as ``2027-01-31T12:00:00Z``, and there is such a time.
    """
    if text is None:
        return None
    try:
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text).timestamp()
    except ValueError:
        pass
    raise FormatRefused(f"{_shown(text)} where a time such as 2027-01-31T12:00:00Z should be")


@lru_cache(maxsize=MAX_CACHED_TIMES)
def write_time(seconds: float) -> str:
    """
    Write a time; all names of a certificate end at the same, and there may be hundreds.

    :param seconds: since 1970. Fractions are cut off; what is later than the year 9999 becomes its end.
    """
    written = datetime.fromtimestamp(min(seconds, _LAST_TIME), UTC).isoformat(timespec="seconds")
    return written.replace("+00:00", "Z")


def write_seconds(seconds: float) -> str:
    """Write how many seconds to wait, at least as many as are given as far as a number can say it."""
    return str(ceil(min(max(seconds, 0), MAX_NUMBER)))


def read_text(text: str) -> str:
    """Make of what a peer says for logs one printable line, of no more than the first KiB."""
    return readable(_cut(text), MAX_TEXT_BYTES)


def write_text(text: str) -> str:
    """Cut what is said for logs to a KiB, and leave out what XML forbids."""
    return _cut(legible(text))


def _cut(text: str) -> str:
    return text.encode()[:MAX_TEXT_BYTES].decode(errors="ignore")


def _shown(text: str | None) -> str:
    """What stands where something else should be."""
    return "nothing" if text is None else f"'{readable(text, 80)}'"
