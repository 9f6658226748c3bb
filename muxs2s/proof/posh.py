"""
The prooftype POSH: a certificate whose fingerprint the domain publishes on its web server.

Knows when what was published proves a domain. Does not know how it is written
(:mod:`muxs2s.proof.poshdocument`), nor how it is fetched (:mod:`muxs2s.network.posh`).

The certificate need name nobody: that the domain points to it, over a connection that is verified for the
domain, is all there is to know. RFC 7711 says in sections 3 and 7 that names count and that they do not;
where a hosting service shows a certificate of its own they cannot. It need not lead to a trust anchor
either, but its time must not be over.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from muxs2s.proof.keys import why_weak
from muxs2s.proof.outcome import Evidence, Fault, Outcome, Proven, Refused, Scope, Undecided
from muxs2s.proof.poshdocument import PoshAbsent, PoshFailed, PoshFound
from muxs2s.wire.names import DomainName
from muxs2s.wire.reasons import readable

__all__ = ["PoshProof"]


class PoshProof:
    """
    Proves a domain by a certificate that the domain says is its server's.

    Source: RFC 7711, section 3; RFC 7712, section 5.2.
    """

    name = "posh"
    shows = "X.509 certificate"
    matched = "the hash of the certificate"
    material = "a document at a well-known place of the domain, over HTTPS"
    needs_secure_dns = False

    def judge(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        """
        Decide whether the certificate shown is one that ``domain`` publishes.

        :param now: seconds since the epoch.
        :returns: :class:`~muxs2s.proof.outcome.Undecided` if nothing was published or shown, or what was
            published is stale, else a decision with every reason. Never raises, whatever was shown.
        """
        match evidence.posh:
            case None:
                return _undecided(domain, "nobody has looked for fingerprints")
            case PoshAbsent(reason=reason):
                return _undecided(domain, reason)
            case PoshFailed(reasons=reasons):
                return _undecided(domain, *reasons)
            case found:
                return self._weigh(domain, found, evidence.chain, now)

    def _weigh(self, domain: DomainName, found: PoshFound, chain: tuple[Certificate, ...], now: float) -> Outcome:
        if now >= found.until:
            return _undecided(domain, f"the fingerprints at {found.source} are stale: fetch them again")
        if not chain:
            return _undecided(domain, "no certificate was shown")
        try:
            faults = list(_faults(found, chain[0], now))
            ends = chain[0].not_valid_after_utc.timestamp()
        except Exception as error:  # noqa: BLE001 -- the library meets bytes made to break it
            words = readable(str(error) or type(error).__name__)
            return Refused(domain=domain, reasons=(f"posh: the certificate cannot be read: {words}",))
        if faults:
            reasons = tuple(f"posh: {text}" for _, text in faults)
            return Refused(domain=domain, reasons=reasons, faults=frozenset(fault for fault, _ in faults))
        return Proven(
            domain=domain,
            prooftype=self.name,
            evidence=f"sha256:{_digest(chain[0])[:16]} published at {found.source}",
            scope=Scope.ASKED_DOMAIN,
            until=min(found.until, ends),
        )


def _faults(found: PoshFound, leaf: Certificate, now: float) -> Iterator[tuple[Fault, str]]:
    """Everything that is wrong with a certificate."""
    der = leaf.public_bytes(Encoding.DER)
    fingerprints = found.document.fingerprints
    if not any(fingerprint.matches(der) for fingerprint in fingerprints):
        shown = f"the certificate shown (sha256:{_digest(leaf)[:16]})"
        published = f"the {len(fingerprints)} fingerprints at {found.source}"
        yield Fault.UNTRUSTED, f"{shown} has none of {published}: publish its own there"
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if now > ends.timestamp():
        yield (
            Fault.EXPIRED,
            f"expired on {ends:%Y-%m-%dT%H:%M:%SZ}: renew it, and publish the new one",
        )
    elif now < begins.timestamp():
        yield Fault.EXPIRED, f"not valid before {begins:%Y-%m-%dT%H:%M:%SZ}: compare the clocks"
    if weak := why_weak(leaf):
        yield Fault.UNTRUSTED, weak


def _digest(certificate: Certificate) -> str:
    return sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def _undecided(domain: DomainName, *reasons: str) -> Undecided:
    return Undecided(domain=domain, reasons=tuple(f"posh: {reason}" for reason in reasons))
