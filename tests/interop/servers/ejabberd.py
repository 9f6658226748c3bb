"""
ejabberd, with clients of its own.

Knows how Debian's is run without the service of the system: no distribution between Erlang nodes, so
neither a node name nor a daemon that knows it, and everything it writes in a directory of its own.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, Final

from tests.interop.servers.peer import ACCOUNT, HostedDomain, Peer, Program, Voice
from tests.interop.servers.requirements import Requirement, program

__all__ = ["MACHINE", "Ejabberd", "libraries"]

MACHINE: Final = ("+K", "true", "+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none", "-noinput")
"""As Debian starts it, but schedulers that have nothing to do sleep at once."""


@dataclass(slots=True, kw_only=True)
class Ejabberd(Peer):
    """ejabberd as Debian has it. It asks its name server for SRV records, and the system for addresses."""

    name: ClassVar[str] = "ejabberd"
    requirements: ClassVar[tuple[Requirement, ...]] = (
        (("dpkg-query", "--listfiles", "ejabberd"), "ejabberd is not installed: apt-get install ejabberd"),
        ((program("erl"), "-noinput", "-s", "erlang", "halt"), "Erlang is not installed: apt-get install ejabberd"),
    )
    finds_addresses: ClassVar[bool] = False

    def configure(self) -> None:
        """Write its configuration, its certificates, and where names are looked up."""
        address, port = self.dns
        self.fill("ejabberd.inetrc", "inetrc", dns_address=address.replace(".", ","), dns_port=port)
        direct_tls = (
            f'port: {self.direct_tls_port}, ip: "{self.address}", module: ejabberd_s2s_in, backlog: 128, tls: true'
        )
        self.fill(
            "ejabberd.yml",
            "ejabberd.yml",
            hosts=_listed(self.domains),
            certificates=_listed(map(self._certificate, self.hosts)),
            authorities=self.authorities,
            s2s_port=self.s2s_port,
            direct_tls=f"  - {{{direct_tls}}}" if self.direct_tls else "",
            c2s_port=self.voice_port,
            modules="  mod_s2s_dialback: {}" if self.dialback else "  {}",
        )

    def programs(self) -> Sequence[Program]:
        """One Erlang machine, which has no name and so hears of no other."""
        modules = {self.s2s_port: "s2s_in", self.voice_port: "c2s"}
        listening = [f"at {self.address}:{port} for ejabberd_{module}" for port, module in modules.items()]
        if self.direct_tls:
            listening.append(f"at {self.address}:{self.direct_tls_port} for ejabberd_s2s_in")
        argv = (program("erl"), *MACHINE, "-mnesia", "dir", f'"{self.place}/mnesia"', "-s", "ejabberd")
        environment = {
            "HOME": str(self.place),
            "EJABBERD_CONFIG_PATH": str(self.place / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(self.place / "ejabberd.log"),
            "ERL_INETRC": str(self.place / "inetrc"),
            "ERL_LIBS": libraries(),
            "ERL_CRASH_DUMP": str(self.place / "crash.dump"),
        }
        return [Program(argv=argv, listening=listening, environment=environment)]

    def voice(self, domain: str) -> Voice:
        """Give a client, which is let in with any password."""
        return Voice(who=f"{ACCOUNT}@{domain}/home", password="any", port=self.voice_port, sender=None)

    def _certificate(self, host: HostedDomain) -> str:
        assert host.credentials is not None, "ejabberd does not start without a certificate for TLS"
        path = self.place / f"{host.name}.pem"
        path.write_bytes(host.credentials.certificate_pem + host.credentials.key_pem)
        return str(path)


@cache
def libraries() -> str:
    """The directory in which the package has put its Erlang application."""
    files = subprocess.run(["dpkg-query", "--listfiles", "ejabberd"], capture_output=True, text=True, check=True).stdout
    application = next(line for line in files.splitlines() if line.endswith("/ebin/ejabberd.app"))
    return str(Path(application).parents[2])


def _listed(items: Iterable[str]) -> str:
    return "\n".join(f'  - "{item}"' for item in items)
