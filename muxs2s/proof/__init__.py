"""Does this evidence prove this domain? Evidence in; proven, refused or undecided out."""

from muxs2s.proof.identity import MAX_CERTIFICATE_NAMES, NO_NAMES, CertificateNames, names_in
from muxs2s.proof.outcome import Evidence, Outcome, Prooftype, Proven, Refused, Scope, Undecided
from muxs2s.proof.pkix import MAX_CHAIN_CERTIFICATES, MIN_RSA_BITS, PkixProof, TrustAnchors
from muxs2s.proof.policy import ProofPolicy

__all__ = [
    "MAX_CERTIFICATE_NAMES",
    "MAX_CHAIN_CERTIFICATES",
    "MIN_RSA_BITS",
    "NO_NAMES",
    "CertificateNames",
    "Evidence",
    "Outcome",
    "PkixProof",
    "ProofPolicy",
    "Prooftype",
    "Proven",
    "Refused",
    "Scope",
    "TrustAnchors",
    "Undecided",
    "names_in",
]
