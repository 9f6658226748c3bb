"""
Enumerations that tables are asked with all the time.

Knows how their members are hashed, and none of them.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["Kind"]


class Kind(Enum):
    """An enumeration whose members are hashed as they are compared, by identity: Python would do it by name, slowly."""

    __hash__ = object.__hash__
