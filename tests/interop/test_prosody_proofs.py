"""Certificates and DNS as they should not be, between Prosody and muxs2s; good domains go on beside them."""

from __future__ import annotations

import time
from typing import Final

from muxs2s.testing import CLIENT as FOR_CLIENTS
from muxs2s.testing import SERVER as FOR_SERVERS
from muxs2s.testing import CertificateAuthority, IssuedCredentials
from tests.interop.cases import CLOUD_ADDRESS, OURS, PEER_ADDRESS, THEIRS, Certify, ProsodyCase
from tests.interop.ledger import Flow
from tests.interop.servers import ACCOUNT
from tests.interop.servers.peer import free_port

FEW: Final = 5
DAY: Final = 86_400.0

GOOD_OURS: Final = "a1.example"
GOOD_THEIRS: Final = "b1.example"
GOOD: Final = frozenset({GOOD_OURS, GOOD_THEIRS})
"""These always have good certificates."""


class CertificateCase(ProsodyCase):
    """What each side may show instead of a good certificate."""

    def wrong(self, _domain: str) -> IssuedCredentials:
        """Make one of another domain."""
        return self.authority.issue("other.example")

    def expired(self, domain: str) -> IssuedCredentials:
        """Make one that ended yesterday."""
        return self.authority.issue(domain, not_after=time.time() - DAY)

    def strange(self, domain: str) -> IssuedCredentials:
        """Make one of an authority that nobody here trusts."""
        return CertificateAuthority("a stranger").issue(domain)

    def missing(self, _domain: str) -> None:
        """Make none."""

    def for_clients(self, domain: str) -> IssuedCredentials:
        """Make one that is not good for servers."""
        return self.authority.issue(domain, eku=[FOR_CLIENTS])

    def but_good(self, certify: Certify) -> Certify:
        """Certify as told, but well where a domain is to be good."""
        return lambda domain: self.authority.issue(domain) if domain in GOOD else certify(domain)

    async def try_all(self) -> tuple[Flow, Flow]:
        """Send between all domains; those that are good on both sides are not disturbed."""
        there, back = self.to_peer(FEW), self.to_cloud(FEW)
        self.crowd.send(GOOD_OURS, f"{ACCOUNT}@{GOOD_THEIRS}", FEW, sender=f"bot@{GOOD_OURS}")
        self.crowd.send(f"{ACCOUNT}@{GOOD_THEIRS}/home", f"bot@{GOOD_OURS}", FEW)
        await self.crowd.settled()
        self.assert_complete(
            self.crowd.ledger.flow(f"bot@{GOOD_OURS}", f"{ACCOUNT}@{GOOD_THEIRS}"),
            self.crowd.ledger.flow(f"{ACCOUNT}@{GOOD_THEIRS}", f"bot@{GOOD_OURS}"),
        )
        return there, back


class ProsodysCertificateTests(CertificateCase):
    """Prosody shows what we must refuse."""

    async def refuse(self, certify: Certify, reason: str) -> None:
        """Nothing passes either way, and what is sent comes back with the reason."""
        await self.populate([OURS, GOOD_OURS], [THEIRS, GOOD_THEIRS], certify_theirs=self.but_good(certify))
        there, back = await self.try_all()
        self.assert_bounced(there, "remote-server-timeout")
        self.assertIn(reason, there.bounced[0].text)
        self.assert_bounced(back, "remote-server-timeout")
        self.assertIn(f"no proof of {THEIRS} was accepted: ", back.bounced[0].text)
        await self.finish()

    async def test_wrong(self) -> None:
        """D2, D3, T8: Prosody has the certificate of another domain."""
        await self.refuse(self.wrong, "other.example")

    async def test_expired(self) -> None:
        """D2, D3, T8: Prosody's certificate has expired."""
        await self.refuse(self.expired, "expired")

    async def test_strange(self) -> None:
        """D2, D3, T8: Prosody's certificate is of an unknown authority."""
        await self.refuse(self.strange, "no trust anchor")

    async def test_for_clients(self) -> None:
        """D2, D3, T8: Prosody's certificate is for clients only."""
        await self.refuse(self.for_clients, "serverAuth")

    async def test_missing(self) -> None:
        """D2, D4, T8: Prosody has no certificate: TLS to it fails, and as initiating server it shows none."""
        await self.refuse(self.missing, "TLS failed")


class OurCertificateTests(CertificateCase):
    """We show what Prosody refuses, and what it must not."""

    async def be_refused(self, certify: Certify) -> None:
        """Nothing passes either way, and what is sent comes back with Prosody's reason."""
        await self.populate([OURS, GOOD_OURS], [THEIRS, GOOD_THEIRS], certify_ours=self.but_good(certify))
        there, back = await self.try_all()
        self.assert_bounced(there, "remote-server-timeout")
        self.assertIn("not-authorized", there.bounced[0].text)
        self.assert_bounced(back, "remote-server-timeout")
        await self.finish()

    async def test_wrong(self) -> None:
        """We have the certificate of another domain."""
        await self.be_refused(self.wrong)

    async def test_expired(self) -> None:
        """Our certificate has expired."""
        await self.be_refused(self.expired)

    async def test_strange(self) -> None:
        """Our certificate is of an authority Prosody does not know."""
        await self.be_refused(self.strange)

    async def test_missing(self) -> None:
        """We have no certificate for the domain."""
        await self.be_refused(self.missing)

    async def test_for_servers(self) -> None:
        """T8: certificates for servers only, as public authorities issue them now, do in both roles on both sides."""
        await self.populate(certify_ours=self.for_servers, certify_theirs=self.for_servers)
        there, back = self.to_peer(FEW), self.to_cloud(FEW)
        await self.crowd.settled()
        self.assert_complete(there, back)
        await self.finish()

    async def test_intermediate(self) -> None:
        """A chain by way of an intermediate authority is sent whole and judged whole on both sides."""
        below = self.authority.intermediate()
        await self.populate(certify_ours=below.issue, certify_theirs=below.issue)
        there, back = self.to_peer(FEW), self.to_cloud(FEW)
        await self.crowd.settled()
        self.assert_complete(there, back)
        await self.finish()

    def for_servers(self, domain: str) -> IssuedCredentials:
        """Make one that is good for servers only."""
        return self.authority.issue(domain, eku=[FOR_SERVERS])


class DNSTests(ProsodyCase):
    """DNS does not lead to Prosody."""

    async def lead_nowhere(self, domain: str) -> None:
        """Messages to a domain come back as if no server were there; those to another arrive."""
        await self.populate()
        nowhere, there = self.to_peer(FEW, to=f"somebody@{domain}"), self.to_peer(FEW)
        await self.crowd.settled()
        self.assert_bounced(nowhere, "remote-server-not-found")
        self.assert_complete(there)
        await self.finish()

    async def test_no_such_name(self) -> None:
        """S17: the domain does not exist (NXDOMAIN)."""
        await self.lead_nowhere("nowhere.example")

    async def test_failing(self) -> None:
        """S17: the name server fails (SERVFAIL)."""
        for name in ("_xmpp-server._tcp.broken.example", "broken.example"):
            self.zone.fail(name)
        await self.lead_nowhere("broken.example")

    async def test_not_offered(self) -> None:
        """S17, S28: the domain says that it has no such service, with the SRV target '.'."""
        self.zone.add_srv("closed.example", ".", 0)
        self.zone.add("closed.example", "A", PEER_ADDRESS)
        await self.lead_nowhere("closed.example")

    async def test_no_address(self) -> None:
        """S17: the target of the SRV record has no address."""
        self.zone.add_srv("lost.example", "gone.example", 5269)
        await self.lead_nowhere("lost.example")

    async def test_second_target(self) -> None:
        """S28: the first target refuses connections; the second, of lower priority, is Prosody."""
        await self.populate()
        self.zone.remove(f"_xmpp-server._tcp.{THEIRS}", "SRV")
        self.zone.add_srv(THEIRS, "cloud.example", free_port(CLOUD_ADDRESS), priority=1)
        self.zone.add_srv(THEIRS, "peer.example", self.peer.s2s_port, priority=2)
        there = self.to_peer(FEW)
        await self.crowd.settled()
        self.assert_complete(there)
        await self.finish()
