"""
The prooftype DANE: a certificate that records in secure DNS match.

Knows what a match is worth under each usage of TLSA records. Does not know which records count for an endpoint
(:mod:`muxs2s.proof.delegation`), nor how a chain is built (:mod:`muxs2s.proof.pkix`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from muxs2s.proof.delegation import Terms, earliest
from muxs2s.proof.identity import NO_NAMES
from muxs2s.proof.outcome import Evidence, Fault, Outcome, Proven, Refused, Scope, Undecided
from muxs2s.proof.pkix import MAX_CHAIN_CERTIFICATES, PkixProof, TrustAnchors
from muxs2s.proof.tlsa import Matching, Selector, TLSARecord, Usage, association_data, matching_records
from muxs2s.wire.names import DomainName

__all__ = ["DaneProof"]

_MAX_SHOWN: Final = 3
"""Records written out where none matches."""

_DIGEST_DIGITS: Final = 16
"""Of a certificate in a log."""


class DaneProof:
    """
    Proves a domain by TLSA records of the endpoint that serves it.

    One record that matches suffices. Under DANE-EE it decides alone: names, chain and dates do not count. Under
    PKIX-EE and DANE-TA the certificate has to pass PKIX as well, under our own trust anchors or under the one that the
    record matches, and to name the domain or the securely found host.

    :param pkix: judges under our own trust anchors.

    Source: RFC 7712, section 5.1; RFC 7673, section 4; RFC 7671, sections 5.1 to 5.3.
    """

    name = "dane"
    shows = "X.509 certificate"
    matched = "a TLSA record, in full or by digest, with the certificate or its key"
    material = "TLSA records at the host and port that the SRV records of the domain name"
    needs_secure_dns = True

    def __init__(self, pkix: PkixProof) -> None:
        self._pkix = pkix

    def judge(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        """
        Decide whether the certificate shown is the one that DNS leads to.

        :param now: seconds since the epoch.
        :returns: :class:`~muxs2s.proof.outcome.Undecided` where there are no records that count, or no certificate;
            a refusal where the endpoint must not be used, or nothing matches. Never raises, whatever was shown.
        """
        if evidence.dane is None:
            return Undecided(domain=domain, reasons=("dane: DNS was not asked for it",))
        terms = evidence.dane.terms(now)
        if terms.objection:
            return Refused(domain=domain, reasons=(f"dane: {terms.objection}",))
        if not terms.records:
            notes = terms.notes or (f"there are no TLSA records at {terms.where}",)
            return Undecided(domain=domain, reasons=tuple(f"dane: {note}" for note in notes))
        if not evidence.chain:
            return Undecided(domain=domain, reasons=("dane: no certificate was shown",))
        try:
            return _Judgement(self._pkix, domain, evidence, terms, now).outcome()
        except Exception as error:  # noqa: BLE001 -- certificates are bytes made to break their readers
            reason = f"dane: the certificate cannot be read: {type(error).__name__}"
            return Refused(domain=domain, reasons=(reason,), faults=frozenset({Fault.UNTRUSTED}))


class _Judgement:
    """One chain held against the records of one endpoint."""

    def __init__(self, pkix: PkixProof, domain: DomainName, evidence: Evidence, terms: Terms, now: float) -> None:
        self._pkix, self._domain, self._evidence, self._terms, self._now = pkix, domain, evidence, terms, now
        self._leaf, *issuers = evidence.chain
        self._issuers = issuers[: MAX_CHAIN_CERTIFICATES - 1]

    def outcome(self) -> Outcome:
        """The first proof; else a refusal with every reason."""
        reasons: list[str] = []
        faults: set[Fault] = set()
        for record, outcome in self._matches():
            if isinstance(outcome, Proven):
                return self._by_record(record, outcome)
            reasons += (f"TLSA {record} matches, but {text.removeprefix('pkix: ')}" for text in outcome.reasons)
            faults |= outcome.faults if isinstance(outcome, Refused) else set()
        if not reasons:
            reasons, faults = [self._mismatch()], {Fault.UNTRUSTED}
        told = tuple(f"dane: {reason}" for reason in (*reasons, *self._terms.notes))
        return Refused(domain=self._domain, reasons=told, faults=frozenset(faults))

    def _matches(self) -> Iterator[tuple[TLSARecord, Outcome]]:
        """One record for each usage under which any matches, the least work first, and what comes of the chain."""
        own = {record.usage: record for record in matching_records(self._terms.records, self._leaf)}
        if record := own.get(Usage.DANE_EE):
            yield record, self._as_it_is()
        if record := own.get(Usage.PKIX_EE):
            yield record, self._pkix.judge(self._domain, self._evidence, self._now)
        authorities = [record for record in self._terms.records if record.usage == Usage.DANE_TA]
        anchors = {issuer: record for issuer in self._issuers for record in matching_records(authorities, issuer)}
        if anchors:
            pkix = PkixProof(TrustAnchors(anchors))
            yield next(iter(anchors.values())), pkix.judge(self._domain, self._evidence, self._now)

    def _as_it_is(self) -> Proven:
        """Whatever the certificate says, it is the one."""
        digest = association_data(self._leaf, Selector.CERTIFICATE, Matching.SHA256).hex()
        return Proven(
            domain=self._domain,
            prooftype=DaneProof.name,
            evidence=f"sha256:{digest[:_DIGEST_DIGITS]}",
            scope=Scope.ASKED_DOMAIN,
            until=None,
        )

    def _by_record(self, record: TLSARecord, proof: Proven) -> Proven:
        """A proof by way of a record: it ends with the record, and only our own trust anchors vouch for more names."""
        if record.usage != Usage.PKIX_EE:
            proof = replace(proof, scope=Scope.ASKED_DOMAIN, names=NO_NAMES)
        return replace(
            proof,
            prooftype=DaneProof.name,
            evidence=f"{proof.evidence}, TLSA {record} at {self._terms.where}",
            until=earliest((proof.until, self._terms.until)),
        )

    def _mismatch(self) -> str:
        records = self._terms.records
        shown = ", ".join(map(str, records[:_MAX_SHOWN]))
        more = f" and {len(records) - _MAX_SHOWN} more" if len(records) > _MAX_SHOWN else ""
        key = association_data(self._leaf, Selector.PUBLIC_KEY, Matching.SHA256).hex()
        return f"TLSA {shown}{more} at {self._terms.where} match nothing that was shown; 3 1 1 {key} would"
