"""
What a check has found: one thing, how it is, and what to do about it.

Knows values only. Does not know how anything is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

__all__ = ["Area", "Finding", "Grade", "day", "moment"]


class Area(Enum):
    """What is looked at, in the order of the report."""

    CONFIGURATION = "configuration"
    CERTIFICATES = "certificates"
    PORTS = "ports"
    DNS = "dns"
    SYSTEM = "system"


class Grade(Enum):
    """How good a thing is."""

    OK = "ok"
    WARNING = "warning"
    """The server works, but somebody will have trouble, now or soon."""

    ERROR = "error"
    """The server does not start, or a domain cannot be reached or proven."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    area: Area
    about: str
    """The thing: a domain, a file, an option, a place to listen."""

    grade: Grade
    text: str
    """What was found, without a full stop."""

    remedy: str = ""
    """What to do, without a full stop; empty if there is nothing to do."""

    details: Mapping[str, object] = field(default_factory=dict)
    """Facts for programs, fit for JSON."""


def day(seconds: float) -> str:
    """
    Write a day for people: ``2026-12-01``.

    :param seconds: since the epoch.
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def moment(seconds: float) -> str:
    """
    Write a moment for programs: ``2026-12-01T12:00:00Z``.

    :param seconds: since the epoch.
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
