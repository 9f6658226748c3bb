"""
As whom a probe calls, and with what: our certificates, trust anchors, DNS servers, overrides, policies.

Knows what becomes of each if there is no configuration. Does not know what is said on a call: see
:mod:`muxs2s.probe.call`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from muxs2s.check.certificates import CertificateReview, public_authorities
from muxs2s.check.finding import Finding
from muxs2s.network.certificates import CertificateStore
from muxs2s.network.connecting import ConnectLimits, Connector
from muxs2s.network.reactors import INetworkReactor
from muxs2s.network.resolver import Lookup, Resolver
from muxs2s.network.targets import Overrides
from muxs2s.network.tls import TLSContexts
from muxs2s.proof.dialback import DialbackKeys, DialbackProof, DialbackSecret
from muxs2s.proof.outcome import Prooftype
from muxs2s.proof.peers import PeerPolicies, PeerPolicy
from muxs2s.proof.pkix import PkixProof
from muxs2s.server.certificates import ConfiguredCertificates
from muxs2s.server.config import Configuration
from muxs2s.server.federation import make_resolver
from muxs2s.stream.limits import StreamLimits
from muxs2s.stream.side import OwnSide
from muxs2s.wire.names import DomainName, DomainPair

__all__ = ["ANSWER_SECONDS", "NOBODY", "Caller"]

ANSWER_SECONDS: Final = 15.0
"""For a server to negotiate a stream, and for each handshake; less if the configuration says so."""

CLOSING_SECONDS: Final = 2.0
"""For it to close the stream when all has been seen."""

NOBODY: Final = DomainName.parse("probe.invalid")
"""Who calls if nobody is named: a domain nobody has (RFC 2606, section 2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whoever calls a domain, and all it brings along."""

    pair: DomainPair
    """Our domain, then the one that is called."""

    own_certificate: Finding | None
    """What peers will say to our certificate; ``None`` without a configuration: then none is shown."""

    lookup: Lookup
    overrides: Overrides
    max_targets: int
    connector: Connector
    contexts: TLSContexts
    policies: PeerPolicies
    prooftypes: tuple[Prooftype, ...]
    public_proof: PkixProof
    """Judges by the public authorities, whomever else we trust."""

    limits: StreamLimits

    @classmethod
    def configured(
        cls, reactor: INetworkReactor, configuration: Configuration, pair: DomainPair, *, lookup: Lookup | None = None
    ) -> Caller:
        """
        Call as a server with this configuration does.

        :param pair: the first domain is one of the configuration's.
        :param lookup: asks DNS, in place of what the configuration says.
        """
        certificates = ConfiguredCertificates(CertificateStore())
        certificates.load(configuration, reactor.seconds())
        store, anchors = certificates.store, configuration.trust_anchors
        lookup = lookup or make_resolver(reactor, configuration)
        limits = configuration.limits
        return cls(
            pair=pair,
            own_certificate=CertificateReview(anchors, store, reactor).of(pair.sender),
            lookup=lookup,
            overrides=configuration.overrides,
            max_targets=limits.connect.max_targets,
            connector=Connector(reactor, lookup, bind_address=configuration.bind_address, limits=limits.connect),
            contexts=TLSContexts(store, reactor),
            policies=configuration.peer_policies,
            prooftypes=(PkixProof(anchors), DialbackProof()),
            public_proof=PkixProof(public_authorities()),
            limits=_hurried(limits.stream),
        )

    @classmethod
    def unconfigured(cls, reactor: INetworkReactor, pair: DomainPair, *, lookup: Lookup | None = None) -> Caller:
        """
        Call with nothing of ours: no certificate, the authorities of the system, its DNS servers.

        :param lookup: asks DNS, in place of those.
        """
        lookup = lookup or Resolver.from_system(reactor)
        public = PkixProof(public_authorities())
        limits = ConnectLimits()
        return cls(
            pair=pair,
            own_certificate=None,
            lookup=lookup,
            overrides=Overrides(),
            max_targets=limits.max_targets,
            connector=Connector(reactor, lookup, limits=limits),
            contexts=TLSContexts(CertificateStore(), reactor),
            policies=PeerPolicies(),
            prooftypes=(public, DialbackProof()),
            public_proof=public,
            limits=_hurried(StreamLimits()),
        )

    @property
    def proves_itself(self) -> bool:
        """Whether it has something to prove itself with."""
        return self.own_certificate is not None

    @property
    def policy(self) -> PeerPolicy:
        """What is asked of the domain that is called."""
        return self.policies.of(self.pair.target)

    @property
    def side(self) -> OwnSide:
        """Our side of the streams; its dialback keys are never sent."""
        return OwnSide(
            hosted=frozenset({self.pair.sender}),
            keys=DialbackKeys(DialbackSecret("no key of a probe is ever sent")),
            policies=lambda: self.policies,
            limits=self.limits,
            is_bidi=False,
        )


def _hurried(limits: StreamLimits) -> StreamLimits:
    """Somebody waits for the result."""
    return replace(
        limits,
        negotiation_seconds=min(limits.negotiation_seconds, ANSWER_SECONDS),
        handshake_seconds=min(limits.handshake_seconds, ANSWER_SECONDS),
        closing_seconds=min(limits.closing_seconds, CLOSING_SECONDS),
    )
