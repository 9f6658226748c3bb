"""``muxs2s check`` on a host where the service runs, where it does not, and where another server has its port."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Final

from twisted.internet.utils import getProcessOutputAndValue

from tests.interop.cases import CLOUD_ADDRESS, OURS, PEER_ADDRESS, THEIRS, ProsodyCase, reactor

COMMAND: Final = ("-c", "import sys; from muxs2s.commands import main; sys.exit(main())", "check", "--json")


class CheckTests(ProsodyCase):
    """The command in a process of its own, with sockets and DNS as they are."""

    async def check(
        self, listen: str, *, certificates: Path | None = None, status: int = 0
    ) -> dict[str, dict[str, Any]]:
        """
        What is found for our domain if we are to listen somewhere, by what it is about.

        :param certificates: a directory with those of our domains; by default new ones.
        """
        if certificates is None:
            certificates = self.place / "certificates"
            self.authority.issue(OURS).write(certificates / OURS)
        config = self.place / "muxs2s.toml"
        config.write_text(
            f'listen = ["{listen}"]\n'
            f'certificates.directories = ["{certificates}"]\n'
            f'trust.anchors = "{self.authorities}"\n'
            f'dns.servers = ["{self.dns.address}:{self.dns.port}"]\n'
            f'components.listen = ["{CLOUD_ADDRESS}:0"]\n'
            f'components.secrets."{OURS}" = "sesame"\n'
        )
        arguments = [*COMMAND, "--config", str(config)]
        out, err, code = await getProcessOutputAndValue(sys.executable, arguments, env=os.environ, reactor=reactor)
        self.assertEqual((b"", status), (err, code), out.decode())
        return {
            finding["about"]: finding for finding in json.loads(out)["findings"] if finding["area"] != "certificates"
        }

    async def test_running(self) -> None:
        """S31: the running service is known by its certificate, and DNS leads to it."""
        self.make_cloud([OURS], self.authority.issue)
        await self.cloud.start()
        listen = f"{CLOUD_ADDRESS}:{self.cloud.s2s_port}"
        found = await self.check(listen, certificates=self.cloud.place / "certificates")
        self.assertEqual("the running service is there, and shows our certificate", found[f"listen {listen}"]["text"])
        self.assertEqual("ok", found[OURS]["grade"], found[OURS])

    async def test_free(self) -> None:
        """A port is free, and free again afterwards; but DNS says nothing of us."""
        found = await self.check(f"{CLOUD_ADDRESS}:0", status=1)
        self.assertEqual("free", found[f"listen {CLOUD_ADDRESS}:0"]["text"])
        self.assertIn("neither an SRV record nor an address", found[OURS]["text"])

    async def test_taken(self) -> None:
        """Another server has the port."""
        self.make_peer([THEIRS], self.authority.issue)
        await self.peer.start()
        listen = f"{PEER_ADDRESS}:{self.peer.s2s_port}"
        found = (await self.check(listen, status=1))[f"listen {listen}"]
        self.assertEqual("error", found["grade"])
        self.assertIn("an XMPP server is there, which says host-unknown", found["text"])
