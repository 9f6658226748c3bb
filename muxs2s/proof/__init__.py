"""Does this evidence prove this domain? Evidence in; proven, refused or undecided out."""

from muxs2s.proof.dialback import MIN_SECRET_BYTES, DialbackKeys, DialbackProof, DialbackSecret
from muxs2s.proof.identity import MAX_CERTIFICATE_NAMES, NO_NAMES, CertificateNames, names_in
from muxs2s.proof.keys import MAX_RSA_BITS, MAX_RSA_EXPONENT_BITS, MIN_RSA_BITS
from muxs2s.proof.outcome import (
    Evidence,
    Fault,
    FoundByDNS,
    KeyAnswered,
    Outcome,
    Prooftype,
    Proven,
    Refused,
    Scope,
    Undecided,
)
from muxs2s.proof.peers import DIALBACK_SUFFICES, PeerPolicies, PeerPolicy, domains_above
from muxs2s.proof.pkix import MAX_CHAIN_CERTIFICATES, PkixProof, TrustAnchors
from muxs2s.proof.policy import ProofPolicy
from muxs2s.proof.posh import PoshProof

__all__ = [
    "DIALBACK_SUFFICES",
    "MAX_CERTIFICATE_NAMES",
    "MAX_CHAIN_CERTIFICATES",
    "MAX_RSA_BITS",
    "MAX_RSA_EXPONENT_BITS",
    "MIN_RSA_BITS",
    "MIN_SECRET_BYTES",
    "NO_NAMES",
    "CertificateNames",
    "DialbackKeys",
    "DialbackProof",
    "DialbackSecret",
    "Evidence",
    "Fault",
    "FoundByDNS",
    "KeyAnswered",
    "Outcome",
    "PeerPolicies",
    "PeerPolicy",
    "PkixProof",
    "PoshProof",
    "ProofPolicy",
    "Prooftype",
    "Proven",
    "Refused",
    "Scope",
    "TrustAnchors",
    "Undecided",
    "domains_above",
    "names_in",
]
