"""
The RELAX NG schema of certificate multiplexing, ``doc/mux-cert.rng``, as a judge of what either end sends.

Knows the schema only: what it cannot say is shown by the tests of the elements.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from lxml import etree

__all__ = ["SCHEMA", "assert_valid", "faults"]

SCHEMA: Final = Path(__file__).resolve().parent.parent.parent / "doc" / "mux-cert.rng"


@cache
def _schema() -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(SCHEMA))


def faults(element: bytes) -> str:
    """What the schema has against an element of multiplexing; nothing if it fits."""
    schema = _schema()
    return "" if schema.validate(etree.fromstring(element)) else str(schema.error_log)


def assert_valid(*elements: bytes) -> None:
    """
    Hold elements to the schema.

    :param elements: each one element, with its namespace declared.
    :raises AssertionError: if one does not fit; it says which, and why.
    """
    for element in elements:
        found = faults(element)
        assert not found, f"{element.decode()}: {found}"
