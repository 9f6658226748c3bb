"""muxs2s, as an operator runs it: twistd, a file of TOML, components from outside."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from bench.children import CHECKOUT
from bench.components import SECRET
from bench.servers.server import Server

__all__ = ["Muxs2s"]

_RUN_TWISTD = "from twisted.scripts.twistd import run; run()"


class Muxs2s(Server):
    """The server of this checkout."""

    name: ClassVar[str] = "muxs2s"
    program: ClassVar[str] = sys.executable
    directory: ClassVar[Path | None] = CHECKOUT

    def configure(self) -> None:
        """Write its configuration; certificates and secrets are named one by one."""
        site = self.site
        self.fill(
            "muxs2s.toml",
            dns=":".join(map(str, site.dns)),
            files=",\n".join(map(self._pair_of_files, site.domains)),
            secrets="\n".join(f'"{domain}" = "{SECRET}"' for domain in site.domains),
        )

    def argv(self) -> Sequence[str]:
        """In the foreground, without a file that tells its process id."""
        configuration = str(self.site.place / "muxs2s.toml")
        return (sys.executable, "-c", _RUN_TWISTD, "-n", "--pidfile=", "muxs2s", "--config", configuration)

    def _pair_of_files(self, domain: str) -> str:
        files = self.site.certificates
        return f'    {{ certificate = "{files.certificate(domain)}", key = "{files.key(domain)}" }}'
