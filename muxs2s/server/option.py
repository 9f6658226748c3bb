"""
One option of the configuration: what is known of it.

Knows no option in particular: see :mod:`muxs2s.server.options`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from muxs2s.server.kinds import Kind

__all__ = ["ANY", "Option"]

ANY: Final = "*"
"""Stands, in the name of an option, for a domain."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option(Generic[T]):
    """One option, or one for each domain."""

    name: str
    """As TOML writes it with dots: ``stream.idle_seconds``; with :data:`ANY` for a domain."""

    kind: Kind[T]

    default: object = None
    """As TOML says it; of no meaning where there is one for each domain."""

    example: str = ""
    """In TOML, where there is one for each domain."""

    text: str
    """What it is for, in operators' words."""

    live: bool = False
    """Whether a change takes effect on SIGHUP rather than on a new start."""

    @property
    def per_domain(self) -> bool:
        """Whether there is one for each domain that is named."""
        return ANY in self.name.split(".")
