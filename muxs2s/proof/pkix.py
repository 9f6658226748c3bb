"""
The prooftype PKIX: a chain of certificates to trust anchors of our own.

Knows path validation, what a certificate must be fit for, and how to say what is wrong with it. Does
not know where the anchors come from (:mod:`muxs2s.network.certificates`), nor revocation lists.

The chain is built by the library's *client* verifier in both roles, as the server verifier insists on
a DNS name; the names are ours to judge. What the library cannot read it refuses, and so do we: a
certificate whose subject alternative names break DER proves nothing here, though
:mod:`muxs2s.proof.identity` may find good names in it. Entries that are merely odd do no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import BasicConstraints, Certificate, ExtendedKeyUsage, KeyUsage
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from muxs2s.proof.delegation import Terms, earliest
from muxs2s.proof.identity import NO_NAMES, CertificateNames, names_in
from muxs2s.proof.issuers import constrained, issuer_facts, named
from muxs2s.proof.keys import why_costly, why_weak
from muxs2s.proof.outcome import Evidence, Fault, Outcome, Proven, Refused, Scope, Undecided
from muxs2s.wire.names import DomainName
from muxs2s.wire.reasons import readable

__all__ = ["MAX_CHAIN_CERTIFICATES", "PkixProof", "TrustAnchors"]

MAX_CHAIN_CERTIFICATES: Final = 10
"""Certificates a peer may show for one proof, its own included."""

_OUR_WORDS: Final = "ValueError: "
"""What the library puts before the words of a policy of ours."""

_MAX_TEXT: Final = 200
"""Characters of the library's words in one reason."""

_Fault = tuple[Fault, str]
"""One thing that is wrong: of which kind, and in words."""


class TrustAnchors:
    """
    The certificates whose word is taken: usually roots of certification authorities.

    Where an operator configures anchors of their own, make one of these from them alone, so that the
    general store does not count beside them.

    Source: RFC 6120, section 13.6.
    """

    def __init__(self, certificates: Iterable[Certificate]) -> None:
        self.certificates: tuple[Certificate, ...] = tuple(certificates)
        self.store: Store | None = Store(list(self.certificates)) if self.certificates else None
        """What the library's verifier wants; ``None`` where nothing is trusted."""

        self._subjects = frozenset(anchor.subject for anchor in self.certificates)

    def __len__(self) -> int:
        return len(self.certificates)

    def may_have_issued(self, certificate: Certificate) -> bool:
        """Whether an anchor bears the name that ``certificate`` gives as its issuer's."""
        return certificate.issuer in self._subjects


class PkixProof:
    """
    Proves a domain by a certificate that names it, issued under one of our trust anchors.

    A certificate for servers is good in both roles; one for clients only is good in none, as public
    authorities issue ever fewer of them and as being a client proves no domain.

    Where secure DNS has led to the host we called, the certificate may name that host instead; it proves nothing
    beyond the domain then.

    Source: RFC 6120, section 13.7; RFC 7712, sections 6 and 7; RFC 7673, section 4.1.
    """

    name = "pkix"
    shows = "X.509 certificate"
    matched = "a name of the certificate, after path validation"
    material = "configured trust anchors"
    needs_secure_dns = False

    def __init__(self, anchors: TrustAnchors) -> None:
        self._anchors = anchors

    def judge(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        """
        Decide whether the certificate shown proves ``domain``.

        :param now: seconds since the epoch.
        :returns: :class:`~muxs2s.proof.outcome.Undecided` if no certificate was shown, else a
            decision with every reason that can be told apart. Never raises, whatever was shown.
        """
        if not evidence.chain:
            return Undecided(domain=domain, reasons=("pkix: no certificate was shown",))
        try:
            return self._examine(domain, evidence, now)
        except Exception as error:  # noqa: BLE001 -- the library meets bytes made to break it
            reason = f"pkix: the certificate cannot be read: {_shown(str(error) or type(error).__name__)}"
            return Refused(domain=domain, reasons=(reason,))

    def _examine(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        chain, moment = evidence.chain, datetime.fromtimestamp(now, UTC)
        terms = evidence.dane.terms(now) if evidence.dane else Terms()
        leaf, *issuers = chain
        names = names_in(leaf)
        begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        faults = [
            *_faults_of_name(domain, terms.host, names),
            *_faults_of_time(begins, ends, moment),
            *_faults_of_use(leaf),
        ]
        costly = [text for each in chain[:MAX_CHAIN_CERTIFICATES] if (text := why_costly(each))]
        if costly:
            return _refused(domain, [*faults, (Fault.UNTRUSTED, costly[0])])
        path = _Path(self._anchors, leaf, issuers[: MAX_CHAIN_CERTIFICATES - 1])
        if len(chain) > MAX_CHAIN_CERTIFICATES:
            faults.append((Fault.UNTRUSTED, f"more than {MAX_CHAIN_CERTIFICATES} certificates were shown"))
        # An expired certificate is judged as of its last moment: the reasons are to name all that is wrong.
        faults += path.faults(min(max(moment, begins), ends))
        above = [] if faults else [issuer_facts(issuer) for issuer in path.built[1:]]
        names = constrained(names, above)
        is_named = names.covers(domain)
        if not faults and not is_named and not _leads_to(terms.host, names):
            faults.append((Fault.UNTRUSTED, f"a name constraint of its issuers excludes {domain.ascii}"))
        if faults:
            return _refused(domain, faults)
        issuer = above[0].named if above else named(leaf.issuer)
        proof = Proven(
            domain=domain,
            prooftype=self.name,
            evidence=f"sha256:{_fingerprint(leaf)[:16]} issued by {issuer}",
            scope=Scope.ALL_NAMES,
            until=min([ends.timestamp(), *(issuer.ends for issuer in above)]),
            names=names,
        )
        return proof if is_named else _of_host(proof, terms)


class _Path:
    """One attempt to lead a certificate back to a trust anchor."""

    def __init__(self, anchors: TrustAnchors, leaf: Certificate, issuers: list[Certificate]) -> None:
        self._anchors, self._leaf, self._issuers = anchors, leaf, issuers
        self.built: list[Certificate] = []
        """From the leaf to the anchor; empty until there is one."""

    def faults(self, when: datetime) -> Iterator[_Fault]:
        """Build the path; tells why there is none."""
        if self._anchors.store is None:
            yield Fault.UNTRUSTED, "there are no trust anchors here: configure some"
            return
        builder = PolicyBuilder().store(self._anchors.store).time(when)
        builder = builder.extension_policies(ca_policy=_ISSUER_POLICY, ee_policy=_LEAF_POLICY)
        try:
            # Each check needs a verifier of its own: the time is built in.
            self.built = builder.build_client_verifier().verify(self._leaf, self._issuers).chain
        except VerificationError as error:
            ended, gap = [(Fault.EXPIRED, text) for text in self._ends(when)], self._gap()
            yield from ended
            words = str(error).rpartition(_OUR_WORDS)[2]
            is_old = ended and not gap
            yield Fault.EXPIRED if is_old else Fault.UNTRUSTED, gap or f"its chain is not valid: {_shown(words)}"

    def _ends(self, when: datetime) -> Iterator[str]:
        """Which of the issuers are out of their time."""
        for issuer in self._issuers:
            if not issuer.not_valid_before_utc <= when <= issuer.not_valid_after_utc:
                yield f"the issuer's certificate {named(issuer.subject)} is valid {_period(issuer)} only"

    def _gap(self) -> str | None:
        """Where the way up is interrupted, if that is why there is no path."""
        last = self._last_link()
        if self._anchors.may_have_issued(last):
            return None
        if last.issuer != last.subject:
            issued = "the certificate" if last == self._leaf else named(last.subject)
            return (
                f"{named(last.issuer)}, which issued {issued}, is no trust anchor here and was not sent along: "
                "the full chain should be sent, or the issuer be trusted here"
            )
        if last == self._leaf:
            return "it is self-signed and no trust anchor here"
        return f"its chain ends in {named(last.subject)}, which is no trust anchor here"

    def _last_link(self) -> Certificate:
        """The certificate, going up by names from the leaf, whose issuer the peer did not send."""
        last, left = self._leaf, list(self._issuers)
        while not self._anchors.may_have_issued(last):
            above = next((issuer for issuer in left if issuer.subject == last.issuer), None)
            if above is None or above == last:
                break
            left.remove(above)
            last = above
        return last


def _serves(purposes: ExtendedKeyUsage | None) -> bool:
    """Whether a certificate, or those an issuer may issue, may be a server's."""
    return purposes is None or (
        ExtendedKeyUsageOID.SERVER_AUTH in purposes or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in purposes
    )


def _demand_server_issuer(_policy: Policy, issuer: Certificate, purposes: ExtendedKeyUsage | None) -> None:
    if not _serves(purposes):
        raise ValueError(f"the issuer {named(issuer.subject)} may not issue certificates of servers")


def _demand_signer(_policy: Policy, issuer: Certificate, usage: KeyUsage | None) -> None:
    # The library demands key usage even of authorities without the extension, which RFC 5280, 6.1.4(n), lets pass.
    if usage is not None and not usage.key_cert_sign:
        raise ValueError(
            f"the issuer {named(issuer.subject)} lacks the key usage keyCertSign: renew its certificate with it"
        )


_LEAF_POLICY: Final = ExtensionPolicy.permit_all()
"""What a leaf is unfit for is told by itself, so that one reason does not hide another."""

_ISSUER_POLICY: Final = (
    ExtensionPolicy.webpki_defaults_ca()
    .require_present(BasicConstraints, Criticality.AGNOSTIC, None)  # RFC 5280, 6.1.4(k), looks at CA alone
    .may_be_present(KeyUsage, Criticality.AGNOSTIC, _demand_signer)
    .may_be_present(ExtendedKeyUsage, Criticality.AGNOSTIC, _demand_server_issuer)
)


def _refused(domain: DomainName, faults: Sequence[_Fault]) -> Refused:
    return Refused(
        domain=domain,
        reasons=tuple(f"pkix: {text}" for _, text in faults),
        faults=frozenset(fault for fault, _ in faults),
    )


def _leads_to(host: DomainName | None, names: CertificateNames) -> bool:
    """Whether a certificate names the host that secure DNS leads to, if it does."""
    return host is not None and names.covers_host(host)


def _of_host(proof: Proven, terms: Terms) -> Proven:
    """Make a proof of the host one of the domain that secure DNS has led from, for as long as it does."""
    return replace(
        proof,
        evidence=f"{proof.evidence} for {terms.host}, to which secure DNS leads",
        scope=Scope.ASKED_DOMAIN,
        until=earliest((proof.until, terms.until)),
        names=NO_NAMES,
    )


def _faults_of_name(domain: DomainName, host: DomainName | None, names: CertificateNames) -> Iterator[_Fault]:
    if not names.covers(domain) and not _leads_to(host, names):
        ignored = f" ({'; '.join(names.ignored[:3])})" if names.ignored else ""
        yield Fault.WRONG_NAME, f"the certificate does not name {domain.ascii}; it names {names}{ignored}"


def _faults_of_time(begins: datetime, ends: datetime, now: datetime) -> Iterator[_Fault]:
    if now > ends:
        yield Fault.EXPIRED, f"expired on {_date(ends)}: it is valid from {_date(begins)} to {_date(ends)}, renew it"
    elif now < begins:
        yield Fault.EXPIRED, f"not valid before {_date(begins)}: compare the clocks"


def _faults_of_use(leaf: Certificate) -> Iterator[_Fault]:
    """What a certificate is unfit for; the verifier looks at keys and uses of issuers only."""
    if weak := why_weak(leaf):
        yield Fault.UNTRUSTED, weak
    for extension in leaf.extensions:
        look = _LOOKS.get(type(extension.value))
        unfit = look(extension.value) if look else None
        if unfit:
            yield Fault.UNTRUSTED, unfit


def _look_at_constraints(found: BasicConstraints) -> str | None:
    text = "it is the certificate of an authority (CA:TRUE), not of a server: issue one with CA:FALSE"
    return text if found.ca else None


def _look_at_usage(found: KeyUsage) -> str | None:
    return None if found.digital_signature else "its key usage lacks digitalSignature"


def _look_at_purposes(found: ExtendedKeyUsage) -> str | None:
    return None if _serves(found) else "its extended key usage lacks serverAuth, which a server needs in both roles"


_LOOKS: Final[Mapping[type, Callable[..., str | None]]] = {
    BasicConstraints: _look_at_constraints,
    KeyUsage: _look_at_usage,
    ExtendedKeyUsage: _look_at_purposes,
}
"""What each extension of a leaf is looked at for; a table, as the library's types are slow to match."""


def _fingerprint(certificate: Certificate) -> str:
    return sha256(certificate.public_bytes(Encoding.DER)).hexdigest()  # half the time the library takes


def _shown(text: str) -> str:
    """What came from elsewhere, fit for one line of a log."""
    return readable(text, _MAX_TEXT)


def _date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _period(certificate: Certificate) -> str:
    return f"from {_date(certificate.not_valid_before_utc)} to {_date(certificate.not_valid_after_utc)}"
