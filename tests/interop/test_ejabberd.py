"""ejabberd as Debian has it: clients there talk with components behind muxs2s, over certificates."""

from __future__ import annotations

from typing import Final

from muxs2s.testing import CLIENT as FOR_CLIENTS
from muxs2s.testing import SERVER as FOR_SERVERS
from muxs2s.testing import IssuedCredentials
from tests.interop.cases import PeerCase
from tests.interop.servers import Ejabberd

MANY: Final = 200
FEW: Final = 3


class EjabberdCase(PeerCase[Ejabberd]):
    """One case against ejabberd."""

    kind = Ejabberd

    def for_both(self, domain: str) -> IssuedCredentials:
        """Make a certificate for servers and clients, as ejabberd 23.01 wants it of whoever connects to it."""
        return self.authority.issue(domain, eku=[FOR_SERVERS, FOR_CLIENTS])

    def for_servers(self, domain: str) -> IssuedCredentials:
        """Make one that is good for servers only."""
        return self.authority.issue(domain, eku=[FOR_SERVERS])


class TalkTests(EjabberdCase):
    """While all is well, and where a certificate is not what ejabberd wants."""

    async def test_every_pair(self) -> None:
        """
        M1, D5: ten components and ten hosts, each with each and both ways.

        Every pair has a stream of its own in each direction, proven by itself.
        """
        await self.talk_every_pair(self.for_both)
        await self.finish()

    async def test_order(self) -> None:
        """D1, D2, D3, T1: two hundred messages each way arrive once each and in order."""
        await self.populate(certify_ours=self.for_both)
        there, back = self.to_peer(MANY), self.to_cloud(MANY)
        await self.crowd.settled()
        self.assert_complete(there, back)
        await self.finish()

    async def test_for_servers(self) -> None:
        """
        T8: a certificate for servers only, as public authorities issue them now, is refused by ejabberd 23.01.

        It takes none from who connects; to where it connects, it does. The same works with Prosody both ways.
        """
        await self.populate(certify_ours=self.for_servers, certify_theirs=self.for_servers)
        there, back = self.to_peer(FEW), self.to_cloud(FEW)
        await self.crowd.settled()
        self.assert_bounced(there, "remote-server-timeout")
        self.assertIn("unsupported certificate purpose", there.bounced[0].text)
        self.assert_complete(back)
        await self.finish()
