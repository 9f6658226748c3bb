"""The examples of the documentation: each starts as it stands."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.address import IPv4Address
from twisted.python.usage import UsageError
from twisted.scripts._twistd_unix import ServerOptions

from muxs2s.hosts.componentconnection import ComponentConnection
from muxs2s.server.config import Configuration, read_configuration
from muxs2s.server.federation import FederationServer
from tests.hosts.componentpeer import Component, digest
from tests.hosts.logs import Logged
from tests.network.memoryudp import MemoryNetworkReactor
from tests.server.configured import AUTHORITY, NOON, ConfiguredTestCase

DOC = Path(__file__).parent.parent / "doc"
EXAMPLES = DOC / "examples"
PAGE = DOC / "configuration.rst"

CERTIFICATES = {"/etc/letsencrypt": "letsencrypt/live", "/var/lib/dehydrated": "dehydrated/certs"}
"""Where certificates are for the examples, and where they are in the directory of a test."""


class ExampleTestCase(ConfiguredTestCase):
    """A host as the examples expect one: certificates, authorities, secrets."""

    def setUp(self) -> None:
        super().setUp()
        self.reactor = MemoryNetworkReactor()
        self.reactor.advance(NOON)

    def furnish(self, text: str) -> Configuration:
        """Put everything where the text says it is, and read it."""
        document = tomllib.loads(text)
        components: Mapping[str, Any] = document.get("components", {})
        secrets: Mapping[str, str] = components.get("secret_files", {})
        for name in secrets.values():
            path = self.directory / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"the secret of {name}\n")
        domains = [*document.get("domains", []), *components.get("secrets", {}), *secrets]
        for place, here in CERTIFICATES.items():
            text = text.replace(f'"{place}"', f'"{here.partition("/")[0]}"')
            self.certify(*domains, below=here)
        AUTHORITY.issue(*domains).write(self.directory / "house")
        (self.directory / "authorities").mkdir(exist_ok=True)
        AUTHORITY.write(self.directory / "authorities" / "ca.pem")
        return self.read(text)

    def start(self, configuration: Configuration) -> FederationServer:
        """A running server."""
        server = FederationServer(self.reactor, configuration)
        server.startService()
        self.addCleanup(lambda: self.successResultOf(server.stopService()))
        return server


class ExampleTests(ExampleTestCase):
    """``doc/examples``."""

    def started(self, name: str) -> FederationServer:
        """A server on one of the files."""
        return self.start(self.furnish((EXAMPLES / name).read_text(encoding="utf-8")))

    def serve(self, server: FederationServer, domain: str, secret: str) -> Component:
        """Connect the component of a domain."""
        connection = server.components.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        assert isinstance(connection, ComponentConnection)
        component = Component(connection)
        component.write(
            "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' "
            f"to='{domain}'>"
        )
        component.write(f"<handshake>{digest(component.stream_id, secret)}</handshake>")
        self.addCleanup(component.lose)
        return component

    def test_all_start(self) -> None:
        """Each one starts and listens, and every component in it can connect."""
        names = sorted(path.name for path in EXAMPLES.glob("*.toml"))
        self.assertLessEqual({"all-options.toml", "minimal.toml", "muxs2s.toml", "ten-domains.toml"}, set(names))
        for name in names:
            server = self.started(name)
            self.assertTrue(self.reactor.tcpServers, name)
            secrets = server.configuration.component_secrets
            for domain, secret in secrets.items():
                self.serve(server, domain, secret)
            self.assertEqual(set(secrets), server.components.connected, name)

    def test_no_warning(self) -> None:
        """With the certificates in place there is nothing to warn of."""
        logged = Logged(self)
        for name in ("minimal.toml", "muxs2s.toml", "ten-domains.toml"):
            self.started(name)
        self.assertEqual([], [line for line in logged.lines if not line.startswith("serving")])

    def test_minimal(self) -> None:
        """The smallest one serves one bot, for peers on port 5269 and for the bot on loopback."""
        server = self.started("minimal.toml")
        self.assertEqual({"bot.a.example"}, set(server.federation.hosted))
        places = {(interface, port) for port, _, _, interface in self.reactor.tcpServers}
        self.assertEqual({("::", 5269), ("127.0.0.1", 5347)}, places)

    def test_ten_domains(self) -> None:
        """The one for ten domains serves ten, all with a component."""
        server = self.started("ten-domains.toml")
        self.assertEqual((10, ()), (len(server.federation.hosted), server.unserved))

    def test_unit(self) -> None:
        """The command in the unit for systemd is one that twistd understands, and its reload is SIGHUP."""
        unit = (EXAMPLES / "muxs2s.service").read_text(encoding="utf-8")
        self.assertIn("ExecReload=/bin/kill -HUP $MAINPID\n", unit)
        (command,) = re.findall("^ExecStart=(.*)$", unit, re.MULTILINE)
        program, *arguments = shlex.split(command)
        self.assertTrue(program.endswith("/twistd"))
        self.write('domains = ["a.example"]')
        options: Any = ServerOptions()
        options.parseOptions([*arguments[:-1], str(self.file)])
        self.assertEqual(("muxs2s", self.file), (options.subCommand, options.subOptions.path))
        self.assertTrue(options["nodaemon"])
        missing = self.assertRaises(UsageError, ServerOptions().parseOptions, [*arguments[:-1], "/nowhere"])
        self.assertIn("/nowhere: cannot be read", str(missing))


class PageTests(ExampleTestCase):
    """What stands in ``doc/configuration.rst``."""

    def blocks(self, begin: str) -> list[str]:
        """The indented blocks behind a line that ends like this."""
        text = PAGE.read_text(encoding="utf-8")
        return [dedent(block) for block in re.findall(f"{begin}\n\n((?:    .*\n|\n)+)", text)]

    def test_toml(self) -> None:
        """Each piece of a configuration can stand in one."""
        pieces = self.blocks(".. code-block:: toml")
        self.assertGreater(len(pieces), 2)
        for piece in pieces:
            self.furnish('domains = ["a.example"]\n' + piece.replace("/etc/muxs2s/", ""))
            read_configuration(self.file)

    def test_python(self) -> None:
        """A server in a process of one's own starts as it is written there."""
        (code,) = self.blocks("as the configuration has it::")
        names: dict[str, Any] = {"reactor": self.reactor, "application": MultiService()}
        exec(code, names)  # noqa: S102 - our own documentation
        self.assertEqual([names["server"]], list(names["application"]))
        names["application"].startService()
        self.assertTrue(self.reactor.tcpServers)
        self.successResultOf(names["application"].stopService())
