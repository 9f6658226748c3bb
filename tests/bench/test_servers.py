"""How each server is configured."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from bench.certificates import issue
from bench.servers import Ejabberd, Muxs2s, Prosody, Server, Site
from muxs2s.server.config import read_configuration

NAMES = ("host-a.example", "a0.example", "a1.example")


class ConfigurationTests(SynchronousTestCase):
    def setUp(self) -> None:
        place = Path(self.mktemp()).resolve()
        place.mkdir()
        certificates = issue(place / "certificates", NAMES)
        self.site = Site.at(place / "a", "127.0.0.2", ("127.0.0.4", 20_053), certificates, NAMES)

    def written(self, kind: type[Server], name: str) -> Path:
        """The file that a server would read, had it been started."""
        server = kind.__new__(kind)
        server.site = self.site
        server.configure()
        return self.site.place / name

    def test_muxs2s(self) -> None:
        """Our configuration is accepted: a component and a certificate for each domain but the first."""
        configuration = read_configuration(self.written(Muxs2s, "muxs2s.toml"))
        self.assertEqual(NAMES[1:], tuple(map(str, configuration.component_secrets)))
        self.assertEqual(2, len(configuration.certificate_files))

    def test_prosody(self) -> None:
        """Prosody has components of the same domains, streams in both directions, and its better garbage collector."""
        text = self.written(Prosody, "prosody.cfg.lua").read_text()
        for part in ('VirtualHost "host-a.example"', 'Component "a1.example"', '"s2s_bidi"', 'mode = "generational"'):
            self.assertIn(part, text)

    def test_ejabberd(self) -> None:
        """Ejabberd has components of the same domains, and is told where DNS is in its own spelling."""
        text = self.written(Ejabberd, "ejabberd.yml").read_text()
        for part in ('- "host-a.example"', '"a1.example":\n        password:', "a0.example.pem"):
            self.assertIn(part, text)
        self.assertIn("{nameserver, {127,0,0,4}, 20053}", (self.site.place / "ejabberd.inetrc").read_text())
