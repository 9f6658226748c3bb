"""
jabberd2: its router and its s2s, with components instead of clients.

Knows how Debian's is run without the services of the system, and how its resolver is told where to ask.
It has dialback and STARTTLS, and nothing else: neither EXTERNAL nor bidi nor direct TLS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from tests.interop.servers.peer import ACCOUNT, Peer, Program, Voice
from tests.interop.servers.requirements import Requirement, program

__all__ = ["Jabberd2"]

SECRET: Final = "interop"

QUEUE_SECONDS: Final = 10
"""How long stanzas wait for a stream before they are bounced."""


@dataclass(slots=True, kw_only=True)
class Jabberd2(Peer):
    """jabberd2 as Debian has it."""

    name: ClassVar[str] = "jabberd2"
    requirements: ClassVar[tuple[Requirement, ...]] = tuple(
        (("test", "-x", program(f"jabberd2-{part}")), "jabberd2 is not installed: apt-get install jabberd2")
        for part in ("router", "s2s")
    )

    says_of_absent: ClassVar[tuple[str, ...]] = ("item-not-found", "service-unavailable")
    processes: ClassVar[int] = 2

    def configure(self) -> None:
        """Write the configurations of both parts, and the one certificate it shows."""
        self.fill("jabberd2-users.xml", "router-users.xml", secret=SECRET)
        self.fill("jabberd2-router.xml", "router.xml", port=self.voice_port, secret=SECRET)
        self.fill(
            "jabberd2-s2s.xml",
            "s2s.xml",
            port=self.s2s_port,
            router_port=self.voice_port,
            secret=SECRET,
            certificate=self._certificate(),
            queue_seconds=QUEUE_SECONDS,
        )

    def programs(self) -> Sequence[Program]:
        """The router first, to which s2s connects."""
        address, port = self.dns
        router = Program(
            argv=(program("jabberd2-router"), "-c", str(self.place / "router.xml")),
            listening=[f"[{self.address}, port={self.voice_port}] listening for incoming connections"],
        )
        s2s = Program(
            argv=(program("jabberd2-s2s"), "-c", str(self.place / "s2s.xml")),
            listening=["[s2s] set as default route", "ready for connections"],
            environment={"NAMESERVERS": address, "RES_OPTIONS": f"port:{port}"},
        )
        return [router, s2s]

    def voice(self, domain: str) -> Voice:
        """Give a component, which any domain may be."""
        return Voice(who=domain, password=SECRET, port=self.voice_port, sender=f"{ACCOUNT}@{domain}")

    def _certificate(self) -> str:
        credentials = self.hosts[0].credentials
        if credentials is None:
            return ""
        path = self.place / "s2s.pem"
        path.write_bytes(credentials.certificate_pem + credentials.key_pem)
        return f"<pemfile>{path}</pemfile>"
