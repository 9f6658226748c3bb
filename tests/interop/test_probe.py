"""``muxs2s probe`` against servers of others: what it says where all is well, and of everything that may not be."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, Final, Generic

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.utils import getProcessOutputAndValue

from muxs2s.network import pem
from muxs2s.network.resolver import Resolver
from muxs2s.probe import Caller, probe
from muxs2s.testing import CLIENT as FOR_CLIENTS
from muxs2s.testing import SERVER as FOR_SERVERS
from muxs2s.testing import CertificateAuthority, IssuedCredentials
from muxs2s.wire.names import DomainName, DomainPair
from tests.interop.cases import OURS, PEER_ADDRESS, THEIRS, AnyPeer, Certify, PeerCase, reactor
from tests.interop.servers import Ejabberd, Jabberd2, Prosody
from tests.interop.servers.peer import free_port

COMMAND: Final = ("-c", "import sys; from muxs2s.commands import main; sys.exit(main())", "probe", "--json")

DAY: Final = 86_400.0

Told = dict[str, Any]
"""As JSON has it."""


class ProbingCase(PeerCase[AnyPeer], Generic[AnyPeer]):
    """A peer that runs, and a probe in a process of its own."""

    async def run_peer(self, certify: Certify | None = None, **facts: Any) -> None:
        """Start the peer."""
        self.make_peer([THEIRS], certify or self.authority.issue, **facts)
        await self.peer.start()

    async def probe(
        self, domain: str = THEIRS, *, certify: Certify | None = None, options: str = "", status: int = 0
    ) -> Told:
        """Probe a domain with a configuration, and look at the exit status."""
        credentials = (certify or self.authority.issue)(OURS)
        assert credentials is not None
        certificate, key = credentials.write(self.place / "ours")
        config = self.place / "muxs2s.toml"
        config.write_text(
            f'domains = ["{OURS}"]\n'
            f'certificates.files = [{{ certificate = "{certificate}", key = "{key}" }}]\n'
            f'trust.anchors = "{self.authorities}"\n'
            f'dns.servers = ["{self.dns.address}:{self.dns.port}"]\n'
            f"{options}"
        )
        arguments = [*COMMAND, "--config", str(config), domain]
        running: Deferred[tuple[bytes, bytes, int]] = getProcessOutputAndValue(
            sys.executable, arguments, env=os.environ, reactor=reactor
        )
        out, err, code = await running
        self.assertEqual((b"", status), (err, code), out.decode())
        told: Told = json.loads(out)
        return told

    def assert_blamed(self, told: Told, culprit: str, *words: str) -> None:
        """Somebody is to blame, there is a remedy, and these words are among what is told."""
        self.assertEqual(culprit, told["culprit"], told["text"])
        self.assertTrue(told["remedy"])
        for word in words:
            self.assertIn(word, f"{told['text']} | {told['remedy']}")

    def assert_healthy(self, told: Told) -> None:
        """All was tried, and all is well."""
        self.assertEqual((True, True, None), (told["healthy"], told["complete"], told["culprit"]), told["text"])

    def for_both(self, domain: str) -> IssuedCredentials:
        """Make a certificate for servers and clients, as ejabberd 23.01 wants it of whoever connects to it."""
        return self.authority.issue(domain, eku=[FOR_SERVERS, FOR_CLIENTS])

    def expired(self, domain: str) -> IssuedCredentials:
        """Make one that ended yesterday."""
        return self.authority.issue(domain, not_after=time.time() - DAY)

    def strange(self, domain: str) -> IssuedCredentials:
        """Make one of an authority that nobody here trusts."""
        return CertificateAuthority("a stranger").issue(domain)

    def wrong(self, _domain: str) -> IssuedCredentials:
        """Make one of another domain."""
        return self.authority.issue("other.example")


class ProsodyTests(ProbingCase[Prosody]):
    """Prosody."""

    kind = Prosody

    async def test_healthy(self) -> None:
        """All is well, and all of it is told: TLS, the certificate, features, both proofs."""
        await self.run_peer(bidi=True)
        told = await self.probe()
        self.assert_healthy(told)
        [way] = told["ways"]
        self.assertEqual(("TLSv1.3", "pkix"), (way["tls"]["version"], way["proven_by"]))
        self.assertEqual([THEIRS], way["certificates"][0]["names"])
        self.assertIn("mechanism EXTERNAL", way["features"]["inside_tls"])
        self.assertIn("bidi", way["features"]["inside_tls"])
        self.assertIn("external", [step["what"] for step in way["steps"]])

    async def test_direct_tls(self) -> None:
        """Both ways to it are tried, and both are well."""
        await self.run_peer(direct_tls=True)
        told = await self.probe()
        self.assert_healthy(told)
        self.assertEqual([True, False], sorted((way["direct_tls"] for way in told["ways"]), reverse=True))
        self.assertEqual([None, None], [way["culprit"] for way in told["ways"]])

    async def test_their_certificate(self) -> None:
        """Untrusted, expired or wrongly named: the peer's fault, each with its own remedy."""
        for certify, reason, remedy in (
            (self.strange, "no trust anchor", "trust.anchors"),
            (self.expired, "expired on", "has to be renewed"),
            (self.wrong, "it names other.example", f"has to name {THEIRS}"),
        ):
            await self.run_peer(certify)
            self.assert_blamed(await self.probe(status=1), "peer", reason, remedy)
            await self.peer.stop()
            self.zone.remove(f"_xmpp-server._tcp.{THEIRS}", "SRV")
            self.place = self.place / "next"
            self.place.mkdir()

    async def test_our_certificate(self) -> None:
        """Untrusted, expired or wrongly named: ours."""
        await self.run_peer()
        for certify, reason in (
            (self.strange, "no trust anchor"),
            (self.expired, "expired on"),
            (self.wrong, "no certificate names it"),
        ):
            told = await self.probe(certify=certify, status=1)
            self.assert_blamed(told, "us", "refuses our certificate", reason)

    async def test_neither(self) -> None:
        """It offers neither EXTERNAL, as it does not accept our certificate, nor dialback, as it has none."""
        await self.run_peer(dialback=True, disabled=["dialback"])
        told = await self.probe(certify=self.strange, status=1)
        self.assert_blamed(told, "us", "offers neither SASL EXTERNAL nor dialback")

    async def test_dialback(self) -> None:
        """Where it takes dialback alone, no key is sent; all until then works."""
        await self.run_peer(dialback=True)
        told = await self.probe(certify=self.strange)
        self.assertEqual((True, False), (told["healthy"], told["complete"]))
        self.assertIn("it offers dialback, which was not tried", told["text"])
        self.assertNotIn("<db:result", self.peer.log)

    async def test_no_starttls(self) -> None:
        """A peer that offers no STARTTLS is to blame."""
        await self.run_peer(disabled=["tls"])
        self.assert_blamed(await self.probe(status=1), "peer", "offers no STARTTLS")

    async def test_host_unknown(self) -> None:
        """It does not serve the domain that leads to it."""
        await self.run_peer()
        self.zone.add_srv("c.example", "peer.example", self.peer.s2s_port)
        told = await self.probe("c.example", status=1)
        self.assert_blamed(told, "peer", "is not served there", "host-unknown")
        override = f'[domain."d.example"]\naddress = "{PEER_ADDRESS}:{self.peer.s2s_port}"\n'
        told = await self.probe("d.example", options=override, status=1)
        self.assert_blamed(told, "us", "correct the address that the configuration has")

    async def test_port_closed(self) -> None:
        """A peer whose port is closed is to blame."""
        self.make_peer([THEIRS], self.authority.issue)
        self.assert_blamed(await self.probe(status=1), "peer", "Connection was refused")

    async def test_forbidden(self) -> None:
        """Our own policy denies it: it hears nothing of us."""
        await self.run_peer()
        denied = f'[domain."{THEIRS}"]\npolicy = "deny"\n'
        self.assert_blamed(await self.probe(options=denied, status=1), "us", "the policy of this server denies")
        self.assertNotIn(OURS, self.peer.log)

    async def test_unconfigured(self) -> None:
        """Without a configuration all is told up to our own proof, whatever it makes of who shows no certificate."""
        self.patch(pem, "SYSTEM_TRUST_ANCHORS", str(self.authorities))
        for dialback in (True, False):
            await self.run_peer(dialback=dialback)
            pair = DomainPair(DomainName.parse(OURS), DomainName.parse(THEIRS))
            lookup = Resolver(reactor, [(self.dns.address, self.dns.port)])
            report = await probe(reactor, Caller.unconfigured(reactor, pair, lookup=lookup))
            self.assertTrue(report.is_healthy, report.verdict)
            self.assertFalse(report.verdict.is_complete)
            self.assertIn("--config", report.verdict.remedy)
            await self.peer.stop()
            self.zone.remove(f"_xmpp-server._tcp.{THEIRS}", "SRV")
            self.place = self.place / "next"
            self.place.mkdir()


class NobodyTests(ProbingCase[Prosody]):
    """No server at all, or one that says nothing."""

    kind = Prosody

    async def test_no_records(self) -> None:
        """No SRV record and no address."""
        self.assert_blamed(await self.probe(status=1), "dns", f"{THEIRS} has no A record", "the spelling")

    async def test_silent(self) -> None:
        """Somebody takes the connection and says nothing."""
        number = free_port(PEER_ADDRESS)
        endpoint = TCP4ServerEndpoint(reactor, number, interface=PEER_ADDRESS)
        port = await endpoint.listen(Factory.forProtocol(Protocol))
        self.addCleanup(port.stopListening)
        self.zone.add_srv(THEIRS, "peer.example", number)
        told = await self.probe(options="stream.negotiation_seconds = 2\n", status=1)
        self.assert_blamed(told, "peer", "accepts the connection and says nothing")


class EjabberdTests(ProbingCase[Ejabberd]):
    """ejabberd."""

    kind = Ejabberd

    async def test_healthy(self) -> None:
        """All is well with a certificate for servers and clients, by STARTTLS and direct TLS."""
        await self.run_peer(direct_tls=True)
        told = await self.probe(certify=self.for_both)
        self.assert_healthy(told)
        self.assertEqual([None, None], [way["culprit"] for way in told["ways"]])

    async def test_for_servers(self) -> None:
        """It refuses a certificate for servers only, as old versions do; a dialback key would be next."""
        await self.run_peer()
        told = await self.probe()
        self.assertEqual((True, False), (told["healthy"], told["complete"]), told["text"])
        self.assertIn("refuses SASL EXTERNAL (not-authorized", told["text"])


class Jabberd2Tests(ProbingCase[Jabberd2]):
    """jabberd2, which knows no SASL EXTERNAL."""

    kind = Jabberd2

    async def test_dialback(self) -> None:
        """All works up to the dialback key, which is not sent."""
        await self.run_peer()
        told = await self.probe()
        self.assertEqual((True, False), (told["healthy"], told["complete"]), told["text"])
        self.assertIn("it offers dialback", told["text"])
