"""
What another configuration changed.

Knows how it is told in the log. Changes nothing: see :mod:`muxs2s.server.federation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from muxs2s.wire.names import DomainName

__all__ = ["Changes"]

MAX_NAMES_SHOWN: Final = 20
"""In one line of the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What another configuration changed, and what it could not."""

    added: tuple[DomainName, ...] = ()
    removed: tuple[DomainName, ...] = ()
    secrets: tuple[DomainName, ...] = ()
    """Components with a secret they did not have before."""

    dismissed: tuple[DomainName, ...] = ()
    """Components that are served no more."""

    hidden: tuple[DomainName, ...] = ()
    shown: tuple[DomainName, ...] = ()
    """Domains of ours that no peer is shown any more that asks for them, and those that are shown again."""

    announces: bool | None = None
    """Whether all that are not hidden are proven at once; ``None`` where that is as before."""

    sharing: tuple[str, ...] = ()
    """Domains of peers that may share streams now and might not, or the reverse; ``*`` for all not named."""

    overrides: bool = False
    policies: bool = False
    """Of peers."""

    trust_anchors: bool = False
    certificates_read: tuple[str, ...] = ()
    """Paths of those that are new or renewed."""

    certificates_removed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    """Files that could not be used, and domains without a certificate that peers accept."""

    waiting: tuple[str, ...] = ()
    """Options that changed and only a new start puts into effect."""

    def __str__(self) -> str:
        named = (
            ("domains added", self.added),
            ("domains removed", self.removed),
            ("domains hidden", self.hidden),
            ("domains hidden no longer", self.shown),
            ("sharing of streams changed with", self.sharing),
            ("components admitted or with a new secret", self.secrets),
            ("components dismissed", self.dismissed),
            ("certificates read", self.certificates_read),
            ("certificates removed", self.certificates_removed),
        )
        parts = [f"{what}: {_some(names)}" for what, names in named if names]
        if self.announces is not None:
            parts.append("domains are announced" if self.announces else "domains are announced no longer")
        parts += ["addresses of peers changed"] if self.overrides else []
        parts += ["policies of peers changed"] if self.policies else []
        parts += ["trust anchors changed"] if self.trust_anchors else []
        return "; ".join(parts) or "nothing changed"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MAX_NAMES_SHOWN])
    more = len(names) - MAX_NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
