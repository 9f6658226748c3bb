"""The conformance kit against servers of others: what it finds is what is written down of them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Final, Generic

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase

from muxs2s.conformance import OwnDomains, Setting, conformance
from muxs2s.conformance.result import CaseResult, State
from muxs2s.conformance.rows import UNOBSERVABLE
from muxs2s.network.targets import Target
from muxs2s.testing import CertificateAuthority
from muxs2s.wire.names import DomainName
from tests.conformance.others import keep, others
from tests.interop.cases import CLOUD_ADDRESS, PEER_ADDRESS, AnyPeer, PeerCase, reactor
from tests.interop.cloud import PATIENT, Cloud
from tests.interop.servers import Ejabberd, Prosody
from tests.interop.servers.peer import free_port

DOMAIN: Final = DomainName.parse("b0.example")
OTHER_DOMAIN: Final = DomainName.parse("b1.example")
OURS: Final = DomainName.parse("kit.example")

COMMAND: Final = ("-c", "import sys; from muxs2s.commands import main; sys.exit(main())", "conformance", "--json")

UNPERTURBED: Final = {"max_address_failed_proofs": 1_000}
"""The kit fails a good many proofs."""

RENEW: Final = "MUXS2S_RENEW_CONFORMANCE"
"""In the environment: write down what is found, instead of holding it against what is."""


class ConformanceCase(PeerCase[AnyPeer], Generic[AnyPeer]):
    """A server of others that is tried."""

    async def assert_as_known(self, name: str, **facts: Any) -> None:
        """Start it and play everything: what can be seen is met or broken as it is written down."""
        self.make_peer([DOMAIN, OTHER_DOMAIN], self.authority.issue, dialback=True, direct_tls=True, **facts)
        await self.peer.start()
        results: list[CaseResult] = []
        await conformance(reactor, self.setting(), tell=results.append)
        if RENEW in os.environ:
            keep(name, self.kind.version(), results)
        (known,) = (other for other in others() if other.name == name)
        told = {result.title: result.text for result in results if result.state is State.BROKEN}
        self.assertEqual(sorted(known.broken), sorted(told), f"{told}; look at it, then run this again with {RENEW}=1")

    def setting(self) -> Setting:
        """Everything is given but patience."""
        port = free_port(CLOUD_ADDRESS)
        assert self.peer.direct_tls_port is not None
        return Setting(
            place=f"{PEER_ADDRESS}:{self.peer.s2s_port}",
            endpoint=TCP4ClientEndpoint(reactor, PEER_ADDRESS, self.peer.s2s_port),
            direct_tls=TCP4ClientEndpoint(reactor, PEER_ADDRESS, self.peer.direct_tls_port),
            domain=DOMAIN,
            more_domains=(OTHER_DOMAIN,),
            ours=OwnDomains(OURS, self.authority),
            anchors=self.authority.trust_anchors,
            listening=TCP4ServerEndpoint(reactor, port, interface=CLOUD_ADDRESS),
            reached_at=Target(host="cloud.example" if self.kind.finds_addresses else CLOUD_ADDRESS, port=port),
            zone=self.zone,
            seconds=5.0,
        )


class OursTests(TestCase):
    """A server of ours, and the command in a process of its own, over real sockets."""

    timeout = 300

    def setUp(self) -> None:
        """Begin with an authority, and a place where the kit will answer for names."""
        self.place = Path(self.mktemp()).absolute()
        self.place.mkdir()
        self.authority = CertificateAuthority()
        self.name_server = (CLOUD_ADDRESS, free_port(CLOUD_ADDRESS))

    async def test_met(self) -> None:
        """Nothing is broken, and all that can be seen is met, except what takes more than a minute."""
        cloud = Cloud(
            reactor=reactor,
            place=self.place,
            address=PEER_ADDRESS,
            certificates={domain: self.authority.issue(domain) for domain in (DOMAIN, OTHER_DOMAIN)},
            authorities=self.authority.write(self.place / "authority.pem"),
            dns=self.name_server,
            options={
                **PATIENT,
                "policy": {"proofs": ["pkix", "dialback"]},
                "accept": {"max_address_failed_proofs": 1_000},
            },
            direct_tls=True,
        )
        await cloud.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(cloud.stop()))
        told = await self.told(
            f"{PEER_ADDRESS}:{cloud.s2s_port}",
            *("--domain", DOMAIN, "--domain", OTHER_DOMAIN, "--from", OURS),
            *("--authority", str(self.authority.write(self.place / "both.pem", with_key=True))),
            *("--direct-tls", f"{PEER_ADDRESS}:{cloud.direct_tls_port}"),
            *("--listen", f"{CLOUD_ADDRESS}:{free_port(CLOUD_ADDRESS)}"),
            *("--name-server", ":".join(map(str, self.name_server))),
        )
        cases = [case for row in told["rows"] for case in row["cases"]]
        self.assertEqual([], [(case["title"], case["text"]) for case in cases if case["state"] == "broken"])
        unseen = {row["row"] for row in told["rows"] if row["state"] != "met"}
        self.assertEqual(UNOBSERVABLE.keys() | {"D20"}, unseen)

    async def told(self, *arguments: str) -> dict[str, Any]:
        """What the command tells; it says nothing else."""
        running: Deferred[tuple[bytes, bytes, int]] = getProcessOutputAndValue(
            sys.executable, [*COMMAND, *arguments], env=os.environ, reactor=reactor
        )
        out, err, status = await running
        self.assertEqual((b"", 0), (err, status), out.decode()[-4000:])
        told: dict[str, Any] = json.loads(out)
        return told


class ProsodyTests(ConformanceCase[Prosody]):
    """Prosody."""

    kind = Prosody

    async def test_as_known(self) -> None:
        """With streams in both directions, and dialback beside certificates."""
        await self.assert_as_known("Prosody", bidi=True)


class EjabberdTests(ConformanceCase[Ejabberd]):
    """ejabberd."""

    kind = Ejabberd

    async def test_as_known(self) -> None:
        """With dialback beside certificates; its answers come on streams of its own."""
        await self.assert_as_known("ejabberd")
