"""What moves bytes and asks others: connections, TLS, certificates, DNS. It judges nothing."""

from muxs2s.network.answers import Answer, AnswerStatus, LookupFailed
from muxs2s.network.certificates import CertificateStore, Reload
from muxs2s.network.connecting import ConnectLimits, Connector
from muxs2s.network.evidence import Judge, PolicyJudge
from muxs2s.network.pem import CertificateProblem, Credentials, load_trust_anchors
from muxs2s.network.protocol import ABORT_SECONDS, MAX_STALL_SECONDS, StreamObserver, StreamProtocol
from muxs2s.network.racing import RaceLimits
from muxs2s.network.reactors import INetworkReactor
from muxs2s.network.resolver import Lookup, Resolver, ResolverLimits
from muxs2s.network.targets import Overrides, Target, Unreachable, read_target
from muxs2s.network.tls import ClientTLS, ServerTLS, TLSContexts, TLSDescription
from muxs2s.network.writing import MAX_WRITE_BYTES, StanzaWriter

__all__ = [
    "ABORT_SECONDS",
    "MAX_STALL_SECONDS",
    "MAX_WRITE_BYTES",
    "Answer",
    "AnswerStatus",
    "CertificateProblem",
    "CertificateStore",
    "ClientTLS",
    "ConnectLimits",
    "Connector",
    "Credentials",
    "INetworkReactor",
    "Judge",
    "Lookup",
    "LookupFailed",
    "Overrides",
    "PolicyJudge",
    "RaceLimits",
    "Reload",
    "Resolver",
    "ResolverLimits",
    "ServerTLS",
    "StanzaWriter",
    "StreamObserver",
    "StreamProtocol",
    "TLSContexts",
    "TLSDescription",
    "Target",
    "Unreachable",
    "load_trust_anchors",
    "read_target",
]
