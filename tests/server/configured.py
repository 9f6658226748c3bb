"""A directory with a configuration, certificates and an authority in it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network import pem
from muxs2s.server.config import Configuration, ConfigurationRefused, make_configuration, read_configuration
from muxs2s.testing import CertificateAuthority

AUTHORITY: Final = CertificateAuthority()

NOON: Final = 1_800_000_000.0
"""A moment in the lifetime of the certificates, in seconds since the epoch."""


class ConfiguredTestCase(SynchronousTestCase):
    """The authorities of the system are those of the test; whatever is written is read."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.file = self.directory / "muxs2s.toml"
        self.patch(pem, "SYSTEM_TRUST_ANCHORS", str(AUTHORITY.write(self.directory / "authorities.pem")))

    def certify(self, *domains: str, below: str = "live", until: float | None = None) -> Path:
        """Have a certificate for domains where certbot would put it; tells its directory."""
        place = self.directory / below / domains[0]
        AUTHORITY.issue(*domains, not_after=until).write(place)
        return place

    def write(self, text: str) -> None:
        """Write the configuration."""
        self.file.write_text(text, encoding="utf-8")

    def read(self, text: str) -> Configuration:
        """Read a configuration of this text."""
        self.write(text)
        return read_configuration(self.file)

    def faults(self, text: str | bytes) -> list[str]:
        """What is wrong with a configuration of this text, with its directory left out."""
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())
        refused = self.assertRaises(ConfigurationRefused, read_configuration, self.file)
        return [str(problem).replace(f"{self.directory}/", "") for problem in refused.problems]

    def fault(self, text: str | bytes) -> str:
        """The only thing that is wrong with it."""
        (only,) = self.faults(text)
        return only

    def made(self, **options: object) -> Configuration:
        """A configuration of these options; one domain is served in any case."""
        return make_configuration({"domains": ["a.example"], **options}, directory=self.directory)
