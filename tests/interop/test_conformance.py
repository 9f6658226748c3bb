"""The conformance kit against servers of others: what it finds is what is written down of them."""

from __future__ import annotations

import os
from typing import Any, Final, Generic

from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint

from muxs2s.conformance import OwnDomains, Setting, conformance
from muxs2s.conformance.result import CaseResult, State
from muxs2s.network.targets import Target
from muxs2s.wire.names import DomainName
from tests.conformance.others import keep, others
from tests.interop.cases import CLOUD_ADDRESS, PEER_ADDRESS, AnyPeer, PeerCase, reactor
from tests.interop.servers import Ejabberd, Prosody
from tests.interop.servers.peer import free_port

DOMAIN: Final = DomainName.parse("b0.example")
OTHER_DOMAIN: Final = DomainName.parse("b1.example")
OURS: Final = DomainName.parse("kit.example")

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
