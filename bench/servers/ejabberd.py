"""ejabberd, whose schedulers do not spin, so that its time is work; it has no streams in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from bench.components import SECRET
from bench.servers.server import Server
from tests.interop.servers.ejabberd import MACHINE, libraries
from tests.interop.servers.requirements import program

__all__ = ["Ejabberd"]


class Ejabberd(Server):
    """ejabberd as Debian has it, without modules. It asks the system for addresses, and its own file for DNS."""

    name: ClassVar[str] = "ejabberd"
    program: ClassVar[str] = "erl"
    finds_addresses: ClassVar[bool] = False
    settling_seconds: ClassVar[float] = 4.0

    def configure(self) -> None:
        """Write its configuration, and where names are looked up."""
        site = self.site
        address, port = site.dns
        self.fill("ejabberd.inetrc", dns_address=address.replace(".", ","), dns_port=port)
        self.fill(
            "ejabberd.yml",
            files=_lines(f'  - "{site.certificates.both(domain)}"' for domain in (*site.domains, site.host)),
            components=_lines(f'      "{domain}":\n        password: "{SECRET}"' for domain in site.domains),
        )

    def argv(self) -> Sequence[str]:
        """One Erlang machine without a name."""
        database = f'"{self.site.place}/mnesia"'
        return (program("erl"), *MACHINE, "+P", "250000", "-mnesia", "dir", database, "-s", "ejabberd")

    def environment(self) -> Mapping[str, str]:
        """Where everything is, as its own script says it."""
        place = self.site.place
        return {
            "HOME": str(place),
            "EJABBERD_CONFIG_PATH": str(place / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(place / "ejabberd.log"),
            "ERL_INETRC": str(place / "ejabberd.inetrc"),
            "ERL_LIBS": libraries(),
            "ERL_MAX_PORTS": "32000",
            "ERL_CRASH_DUMP": str(place / "crash.dump"),
        }


def _lines(items: Iterable[str]) -> str:
    return "\n".join(items)
