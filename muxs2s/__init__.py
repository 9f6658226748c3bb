"""
Server-to-server federation for Twisted and wokkel: each domain proven on the stream that carries it.

What is exported here is the promise; everything below may move. Doubles for tests are in
:mod:`muxs2s.testing`.
"""

from muxs2s.hosts.components import ComponentFactory
from muxs2s.hosts.componentstream import ComponentLimits
from muxs2s.hosts.seam import Federation, Host
from muxs2s.hosts.wokkel import RouterHost
from muxs2s.multiplex.limits import MultiplexLimits
from muxs2s.network.accepting import AcceptLimits
from muxs2s.network.certificates import CertificateStore, Reload, load_trust_anchors
from muxs2s.network.connecting import ConnectLimits
from muxs2s.network.dialling import DialLimits
from muxs2s.network.pem import CertificateProblem, Credentials
from muxs2s.network.racing import RaceLimits
from muxs2s.network.resolver import Lookup, Resolver, ResolverLimits
from muxs2s.network.targets import Overrides, Target, read_override, read_target
from muxs2s.proof.dialback import DialbackSecret
from muxs2s.proof.outcome import Evidence, Outcome, Prooftype, Proven, Refused, Scope, Undecided
from muxs2s.proof.peers import DIALBACK_SUFFICES, PeerPolicies, PeerPolicy
from muxs2s.proof.pkix import PkixProof, TrustAnchors
from muxs2s.proof.policy import ProofPolicy
from muxs2s.service.backoff import BackoffLimits
from muxs2s.service.presenting import PresentationLimits
from muxs2s.service.queues import QueueLimits
from muxs2s.service.s2s import S2SService, ServiceLimits
from muxs2s.service.status import QueueStatus, ServiceStatus, StreamStatus
from muxs2s.stream.limits import StreamLimits
from muxs2s.wire.errors import LocalMisuse, MuxS2SError, RemoteViolation, StanzaCondition, StreamCondition
from muxs2s.wire.limits import FramingLimits
from muxs2s.wire.names import DomainName, DomainPair, NameRefused
from muxs2s.wire.stanza import Slice, error_reply, from_tree

__all__ = [
    "DIALBACK_SUFFICES",
    "AcceptLimits",
    "BackoffLimits",
    "CertificateProblem",
    "CertificateStore",
    "ComponentFactory",
    "ComponentLimits",
    "ConnectLimits",
    "Credentials",
    "DialLimits",
    "DialbackSecret",
    "DomainName",
    "DomainPair",
    "Evidence",
    "Federation",
    "FramingLimits",
    "Host",
    "LocalMisuse",
    "Lookup",
    "MultiplexLimits",
    "MuxS2SError",
    "NameRefused",
    "Outcome",
    "Overrides",
    "PeerPolicies",
    "PeerPolicy",
    "PkixProof",
    "PresentationLimits",
    "ProofPolicy",
    "Prooftype",
    "Proven",
    "QueueLimits",
    "QueueStatus",
    "RaceLimits",
    "Refused",
    "Reload",
    "RemoteViolation",
    "Resolver",
    "ResolverLimits",
    "RouterHost",
    "S2SService",
    "Scope",
    "ServiceLimits",
    "ServiceStatus",
    "Slice",
    "StanzaCondition",
    "StreamCondition",
    "StreamLimits",
    "StreamStatus",
    "Target",
    "TrustAnchors",
    "Undecided",
    "error_reply",
    "from_tree",
    "load_trust_anchors",
    "read_override",
    "read_target",
]
