"""
Prosody, with clients of its own.

Knows Debian's configuration of it, and what it says of the stanzas that pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from tests.interop.servers.peer import ACCOUNT, HostedDomain, Peer, Program, Voice
from tests.interop.servers.requirements import Requirement, program

__all__ = ["Prosody"]

PASSWORD: Final = "interop"

_PASSED_ON: Final = re.compile(r"Sending\[s2s\w+\]: <message (?!.*type='error').*\bid='(\w+)'")
_RECEIVED: Final = re.compile(r"Received\[s2s\w+\]: <([\w:-]+)")


@dataclass(slots=True, kw_only=True)
class Prosody(Peer):
    """
    Prosody as Debian has it.

    :param bidi: whether it offers bidirectional streams and asks for them.
    :param modules: more modules, and ``disabled`` those it shall not have.
    :param options: more of its configuration, in Lua; for single hosts in ``host_options``.
    :param tls_options: more of the table ``ssl`` of every host.
    """

    name: ClassVar[str] = "prosody"
    requirements: ClassVar[tuple[Requirement, ...]] = (
        ((program("prosodyctl"), "about"), "prosody is not installed: apt-get install prosody"),
        (("lua5.4", "-e", "require 'lunbound'"), "lua-unbound is not installed: apt-get install lua-unbound"),
    )

    bidi: bool = False
    modules: Sequence[str] = ()
    disabled: Sequence[str] = ()
    options: str = ""
    host_options: Mapping[str, str] = field(default_factory=dict)
    tls_options: str = ""

    def configure(self) -> None:
        """Write its configuration and the accounts of its clients."""
        for domain in self.domains:
            accounts = self.place / "data" / _stored(domain) / "accounts"
            accounts.mkdir(parents=True)
            (accounts / f"{ACCOUNT}.dat").write_text(f'return {{ ["password"] = "{PASSWORD}" }};\n')
        (self.place / "certificates").mkdir()
        self.fill(
            "prosody.cfg.lua",
            "prosody.cfg.lua",
            c2s_port=self.voice_port,
            s2s_port=self.s2s_port,
            direct_tls_ports=self.direct_tls_port or "",
            secure_auth="false" if self.dialback else "true",
            dns="@".join(map(str, self.dns)),
            authorities=self.authorities,
            modules=_quoted([*self.modules, *(["s2s_bidi"] if self.bidi else [])]),
            disabled=_quoted(self.disabled),
            options=self.options,
            hosts="\n".join(map(self._section, self.hosts)),
        )

    def programs(self) -> Sequence[Program]:
        """One process does it all."""
        ports = filter(None, (self.voice_port, self.s2s_port, self.direct_tls_port))
        argv = (program("prosody"), "-F", "--config", str(self.place / "prosody.cfg.lua"))
        return [Program(argv=argv, listening=[f"on [{self.address}]:{port}" for port in ports])]

    def voice(self, domain: str) -> Voice:
        """Give a client, whose only resource is called ``home``."""
        return Voice(who=f"{ACCOUNT}@{domain}/home", password=PASSWORD, port=self.voice_port, sender=None)

    @property
    def passed_on(self) -> Sequence[str]:
        """The ids of the messages it has sent to other servers, in its order."""
        return [found[1] for found in map(_PASSED_ON.search, self.lines) if found]

    @property
    def elements_received(self) -> set[str]:
        """The names of all first-level elements that other servers have sent."""
        return {found[1] for found in map(_RECEIVED.search, self.lines) if found}

    def _section(self, host: HostedDomain) -> str:
        lines = [f'VirtualHost "{host.name}"', self.host_options.get(host.name, "")]
        if host.credentials is not None:
            certificate, key = host.credentials.write(self.place / "certificates" / _stored(host.name))
            lines.append(f'ssl = {{ certificate = "{certificate}"; key = "{key}"; {self.tls_options} }}')
        return "\n\t".join(filter(None, lines))


def _quoted(names: Iterable[str]) -> str:
    return " ".join(f'"{name}";' for name in names)


def _stored(name: str) -> str:
    """As Prosody names a directory: whatever is neither letter nor digit of ASCII stands as ``%`` and two digits."""
    return "".join(chr(octet) if chr(octet).isalnum() and octet < 128 else f"%{octet:02x}" for octet in name.encode())
