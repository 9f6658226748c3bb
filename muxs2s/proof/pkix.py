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

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    DNSName,
    ExtendedKeyUsage,
    ExtensionNotFound,
    GeneralName,
    KeyUsage,
    Name,
    NameConstraints,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from muxs2s.proof.identity import CertificateNames, names_in
from muxs2s.proof.outcome import Evidence, Outcome, Proven, Refused, Scope, Undecided
from muxs2s.wire.names import DomainName
from muxs2s.wire.reasons import readable

__all__ = ["MAX_CHAIN_CERTIFICATES", "MIN_RSA_BITS", "PkixProof", "TrustAnchors"]

MAX_CHAIN_CERTIFICATES: Final = 10
"""Certificates a peer may show for one proof, its own included."""

MIN_RSA_BITS: Final = 2_048
"""Bits in the modulus of an RSA key that is still believed."""

_OUR_WORDS: Final = "ValueError: "
"""What the library puts before the words of a policy of ours."""

_MAX_TEXT: Final = 200
"""Characters of a name or of the library's words in one reason."""


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

    Source: RFC 6120, section 13.7; RFC 7712, section 7.
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
            return self._examine(domain, evidence.chain, datetime.fromtimestamp(now, UTC))
        except Exception as error:  # noqa: BLE001 -- the library meets bytes made to break it
            reason = f"pkix: the certificate cannot be read: {_shown(str(error) or type(error).__name__)}"
            return Refused(domain=domain, reasons=(reason,))

    def _examine(self, domain: DomainName, chain: Sequence[Certificate], now: datetime) -> Outcome:
        leaf, *issuers = chain
        names = names_in(leaf)
        reasons = list(_reasons_of_name(domain, names))
        reasons += _reasons_of_time(leaf, now)
        reasons += _reasons_of_key(leaf)
        path = _Path(self._anchors, leaf, issuers[: MAX_CHAIN_CERTIFICATES - 1])
        if len(chain) > MAX_CHAIN_CERTIFICATES:
            reasons.append(f"more than {MAX_CHAIN_CERTIFICATES} certificates were shown")
        # An expired certificate is judged as of its last moment: the reasons are to name all that is wrong.
        reasons += path.validate(min(max(now, leaf.not_valid_before_utc), leaf.not_valid_after_utc))
        if not reasons:
            names = _constrained(names, path.built)
            if not names.covers(domain):
                reasons.append(f"a name constraint of its issuers excludes {domain.ascii}")
        if reasons:
            return Refused(domain=domain, reasons=tuple(f"pkix: {reason}" for reason in reasons))
        return Proven(
            domain=domain,
            prooftype=self.name,
            evidence=f"sha256:{leaf.fingerprint(SHA256()).hex()[:16]} issued by {_named(leaf.issuer)}",
            scope=Scope.ALL_NAMES,
            until=min(certificate.not_valid_after_utc for certificate in path.built).timestamp(),
            names=names,
        )


class _Path:
    """One attempt to lead a certificate back to a trust anchor."""

    def __init__(self, anchors: TrustAnchors, leaf: Certificate, issuers: list[Certificate]) -> None:
        self._anchors, self._leaf, self._issuers = anchors, leaf, issuers
        self._unfit: list[str] = []
        self.built: list[Certificate] = []
        """From the leaf to the anchor; empty until validated."""

    def validate(self, when: datetime) -> list[str]:
        """
        Build the path, and judge what the certificates in it may be used for.

        :returns: what is wrong; nothing if all is well.
        """
        if self._anchors.store is None:
            return ["there are no trust anchors here: configure some"]
        builder = PolicyBuilder().store(self._anchors.store).time(when)
        builder = builder.extension_policies(ca_policy=_ISSUER_POLICY, ee_policy=self._leaf_policy())
        try:
            # Each check needs a verifier of its own: the time is built in.
            self.built = builder.build_client_verifier().verify(self._leaf, self._issuers).chain
        except VerificationError as error:
            words = str(error).rpartition(_OUR_WORDS)[2]
            return [*self._unfit, *self._ends(when), self._gap() or f"its chain is not valid: {_shown(words)}"]
        return self._unfit

    def _leaf_policy(self) -> ExtensionPolicy:
        """Take down what the leaf is unfit for and go on, so that one reason does not hide another."""
        any_way = Criticality.AGNOSTIC
        return (
            ExtensionPolicy.permit_all()
            .may_be_present(BasicConstraints, any_way, self._note_authority)
            .may_be_present(KeyUsage, any_way, self._note_key_usage)
            .may_be_present(ExtendedKeyUsage, any_way, self._note_purposes)
        )

    def _note_authority(self, _policy: Policy, _leaf: Certificate, found: BasicConstraints | None) -> None:
        if found is not None and found.ca:
            self._unfit.append(
                "it is the certificate of an authority (CA:TRUE), not of a server: issue one with CA:FALSE"
            )

    def _note_key_usage(self, _policy: Policy, _leaf: Certificate, found: KeyUsage | None) -> None:
        if found is not None and not found.digital_signature:
            self._unfit.append("its key usage lacks digitalSignature")

    def _note_purposes(self, _policy: Policy, _leaf: Certificate, found: ExtendedKeyUsage | None) -> None:
        if not _serves(found):
            self._unfit.append("its extended key usage lacks serverAuth, which a server needs in both roles")

    def _ends(self, when: datetime) -> Iterator[str]:
        """Which of the issuers are out of their time."""
        for issuer in self._issuers:
            if not issuer.not_valid_before_utc <= when <= issuer.not_valid_after_utc:
                yield f"the issuer's certificate {_named(issuer.subject)} is valid {_period(issuer)} only"

    def _gap(self) -> str | None:
        """Where the way up is interrupted, if that is why there is no path."""
        last = self._last_link()
        if self._anchors.may_have_issued(last):
            return None
        if last.issuer != last.subject:
            issued = "the certificate" if last == self._leaf else _named(last.subject)
            return (
                f"{_named(last.issuer)}, which issued {issued}, is no trust anchor here and was not sent along: "
                "the full chain should be sent, or the issuer be trusted here"
            )
        if last == self._leaf:
            return "it is self-signed and no trust anchor here"
        return f"its chain ends in {_named(last.subject)}, which is no trust anchor here"

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
        raise ValueError(f"the issuer {_named(issuer.subject)} may not issue certificates of servers")


def _demand_signer(_policy: Policy, issuer: Certificate, usage: KeyUsage | None) -> None:
    # The library demands key usage even of authorities without the extension, which RFC 5280, 6.1.4(n), lets pass.
    if usage is not None and not usage.key_cert_sign:
        raise ValueError(
            f"the issuer {_named(issuer.subject)} lacks the key usage keyCertSign: renew its certificate with it"
        )


_ISSUER_POLICY: Final = (
    ExtensionPolicy.webpki_defaults_ca()
    .may_be_present(KeyUsage, Criticality.AGNOSTIC, _demand_signer)
    .may_be_present(ExtendedKeyUsage, Criticality.AGNOSTIC, _demand_server_issuer)
)


def _reasons_of_name(domain: DomainName, names: CertificateNames) -> Iterator[str]:
    if not names.covers(domain):
        ignored = f" ({'; '.join(names.ignored[:3])})" if names.ignored else ""
        yield f"the certificate does not name {domain.ascii}; it names {names}{ignored}"


def _reasons_of_time(leaf: Certificate, now: datetime) -> Iterator[str]:
    if now > leaf.not_valid_after_utc:
        yield f"expired on {_date(leaf.not_valid_after_utc)}: it is valid {_period(leaf)}, renew it"
    elif now < leaf.not_valid_before_utc:
        yield f"not valid before {_date(leaf.not_valid_before_utc)}: compare the clocks"


def _reasons_of_key(leaf: Certificate) -> Iterator[str]:
    """The verifier looks at the keys of issuers only."""
    key = leaf.public_key()
    if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        yield f"its RSA key of {key.key_size} bits is too short: {MIN_RSA_BITS} are the least"


def _constrained(names: CertificateNames, path: Sequence[Certificate]) -> CertificateNames:
    """
    Leave out the names that a name constraint of the path excludes.

    The verifier holds dNSName entries against the constraints on DNS names. An SRVName or XmppAddr
    asserts a DNS domain as well and is held against the same constraints, or it would be a way around
    them.

    Source: RFC 5280, section 4.2.1.10; RFC 4985, section 4.
    """
    for issuer in path[1:]:
        try:
            found = issuer.extensions.get_extension_for_class(NameConstraints).value
        except ExtensionNotFound:
            continue
        names = replace(
            names,
            dns=_allowed(names.dns, found),
            patterns=_allowed(names.patterns, found),
            srv=_allowed(names.srv, found),
            xmpp=_allowed(names.xmpp, found),
        )
    return names


def _allowed(names: frozenset[str], constraints: NameConstraints) -> frozenset[str]:
    permitted = _dns_subtrees(constraints.permitted_subtrees)
    excluded = _dns_subtrees(constraints.excluded_subtrees)
    return frozenset(
        name
        for name in names
        if (not permitted or any(_within(name, subtree) for subtree in permitted))
        and not any(_within(name, subtree) or _matches(name, subtree) for subtree in excluded)
    )


def _dns_subtrees(subtrees: Sequence[GeneralName] | None) -> tuple[str, ...]:
    """The constraints on DNS names among others."""
    return tuple(subtree.value.lower() for subtree in subtrees or () if isinstance(subtree, DNSName))


def _within(name: str, subtree: str) -> bool:
    """Whether a name, or everything a pattern stands for, lies in a subtree (``.x`` leaves out ``x``)."""
    bare = subtree.removeprefix(".")
    return not bare or name.endswith(f".{bare}") or name == subtree


def _matches(name: str, subtree: str) -> bool:
    """Whether ``name`` is a pattern that stands for the top of ``subtree``."""
    return name == f"*.{subtree.removeprefix('.').partition('.')[2]}"


def _named(name: Name) -> str:
    """A distinguished name for messages: printable, and of bounded length."""
    return _shown(name.rfc4514_string() or "nobody by name")


def _shown(text: str) -> str:
    """What came from elsewhere, fit for one line of a log."""
    return readable(text, _MAX_TEXT)


def _date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _period(certificate: Certificate) -> str:
    return f"from {_date(certificate.not_valid_before_utc)} to {_date(certificate.not_valid_after_utc)}"
