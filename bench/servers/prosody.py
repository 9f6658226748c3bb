"""Prosody, tuned: streams in both directions, and its generational garbage collector, which halves its time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from bench.components import SECRET
from bench.servers.server import Server
from tests.interop.servers.requirements import program

__all__ = ["Prosody"]


class Prosody(Server):
    """Prosody as Debian has it, without modules it does not need here."""

    name: ClassVar[str] = "prosody"
    program: ClassVar[str] = "prosody"

    def configure(self) -> None:
        """Write its configuration; it finds certificates by the names in them."""
        sections = (f'Component "{domain}"\n\tcomponent_secret = "{SECRET}"' for domain in self.site.domains)
        self.fill("prosody.cfg.lua", dns="@".join(map(str, self.site.dns)), components="\n".join(sections))

    def argv(self) -> Sequence[str]:
        """In the foreground."""
        return (program("prosody"), "-F", "--config", str(self.site.place / "prosody.cfg.lua"))
