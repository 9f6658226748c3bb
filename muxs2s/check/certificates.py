"""
Our certificates, as peers will see them.

Knows which certificate is shown for which domain, until when, and what peers will object to. Does not
know how files are read (:mod:`muxs2s.network.pem`) nor how a chain is judged (:mod:`muxs2s.proof.pkix`):
the very code that judges peers judges us.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from twisted.internet.interfaces import IReactorTime

from muxs2s.check.finding import Area, Finding, Grade, day
from muxs2s.check.shown import ShownCertificate
from muxs2s.network.certificates import CertificateProblem, CertificateStore, Credentials, Reload, load_trust_anchors
from muxs2s.network.tls import TLSContexts
from muxs2s.proof.outcome import Evidence, Proven
from muxs2s.proof.pkix import PkixProof, TrustAnchors
from muxs2s.server.config import Configuration
from muxs2s.wire.names import DomainName

__all__ = ["SOON_DAYS", "CertificateReview", "check_certificates", "public_authorities"]

SOON_DAYS: Final = 21
"""A certificate that ends within so many days ends soon; one that lives less than 84 days, in its last quarter."""

_DAY_SECONDS: Final = 86_400.0
_LAST_PART: Final = 0.25

_finding = partial(Finding, area=Area.CERTIFICATES)


def check_certificates(
    configuration: Configuration, store: CertificateStore, loaded: Reload, clock: IReactorTime
) -> Iterator[Finding]:
    """
    Look at the certificate of each domain, and at the files that are of no use.

    :param store: holds the certificates of the configuration.
    :param loaded: what came of reading them.
    """
    for problem in loaded.problems:
        yield _unusable(problem)
    review = CertificateReview(configuration.trust_anchors, store, clock)
    for domain in configuration.domains:
        yield review.of(domain)
    shown = {store.for_domain(domain, clock.seconds()) for domain in configuration.domains}
    by_name = {str(files.certificate) for files in configuration.certificate_files}
    for credentials in store:
        if credentials.path in by_name and credentials not in shown:
            yield _idle(credentials)


class CertificateReview:
    """
    What peers will say to our certificates: those that trust the public authorities, or whom we trust.

    :param anchors: whom we trust.
    """

    def __init__(self, anchors: TrustAnchors, store: CertificateStore, clock: IReactorTime) -> None:
        self._store, self._clock = store, clock
        self._contexts = TLSContexts(store, clock)
        public = public_authorities()
        self._public = PkixProof(public)
        self._anchors = TrustAnchors(dict.fromkeys((*anchors.certificates, *public.certificates)))
        self._proof = PkixProof(self._anchors)

    def of(self, domain: DomainName) -> Finding:
        """What they will say to the one of a domain; ``details`` tells whether a public authority vouches for it."""
        now = self._clock.seconds()
        credentials = self._store.for_domain(domain, now)
        if credentials is None:
            return self._none(domain)
        try:
            self._contexts.initiating(domain)
        except CertificateProblem as problem:
            return _finding(
                about=domain, grade=Grade.ERROR, text=f"{problem.path}: {problem.text}", remedy=problem.remedy
            )
        evidence = Evidence(chain=(credentials.leaf, *credentials.chain))
        outcome = self._proof.judge(domain, evidence, now)
        if isinstance(outcome, Proven):
            is_public = isinstance(self._public.judge(domain, evidence, now), Proven)
            return _accepted(outcome, credentials, now, {**_facts(credentials), "is_public": is_public})
        reasons = "; ".join(reason.removeprefix("pkix: ") for reason in outcome.reasons)
        complaint = credentials.complaint(now)
        return _finding(
            about=domain,
            grade=Grade.ERROR,
            text=f"peers will refuse {credentials.path}: {reasons}",
            remedy=complaint.remedy if complaint is not None else self._remedy(credentials),
            details=_facts(credentials),
        )

    def _none(self, domain: DomainName) -> Finding:
        """No certificate names the domain; people often believe that a wildcard does."""
        patterns = sorted({pattern for found in self._store for pattern in found.names.patterns})
        above = [pattern for pattern in patterns if domain.ascii.endswith(pattern.removeprefix("*"))]
        narrow = f"; {above[0]} stands for one label, not for two" if above else ""
        return _finding(
            about=domain,
            grade=Grade.ERROR,
            text=f"no certificate names it{narrow}",
            remedy="add one that names it in full under certificates.files or certificates.directories",
        )

    def _remedy(self, credentials: Credentials) -> str:
        """Of a certificate that names a domain and whose time is right."""
        last = (credentials.leaf, *credentials.chain)[-1]
        if last.issuer != last.subject and not self._anchors.may_have_issued(last):
            return "put the certificates of its issuers behind it in the file, as fullchain.pem has them"
        return "have it issued for servers, by an authority that peers trust"


def public_authorities() -> TrustAnchors:
    """Whom the system trusts, which stands for whom peers trust; nobody, if it does not say."""
    try:
        return load_trust_anchors()
    except CertificateProblem:
        return TrustAnchors(())


def _accepted(proven: Proven, credentials: Credentials, now: float, facts: Mapping[str, object]) -> Finding:
    """Peers accept it now; it may end soon."""
    accepted = partial(_finding, about=proven.domain, details=facts)
    ends = credentials.ends if proven.until is None else proven.until
    left = ends - now
    if left >= min(SOON_DAYS * _DAY_SECONDS, _LAST_PART * _lifetime(credentials)):
        issuer = credentials.leaf.issuer.rfc4514_string()
        return accepted(grade=Grade.OK, text=f"{credentials.path}, until {day(ends)}, issued by {issuer}")
    whose = "" if ends == credentials.ends else "the certificate of an issuer of "
    return accepted(
        grade=Grade.WARNING,
        text=f"{whose}{credentials.path} ends on {day(ends)}, in {left / _DAY_SECONDS:.0f} days",
        remedy="renew it, see why that did not happen by itself, then reload the server",
    )


def _lifetime(credentials: Credentials) -> float:
    return credentials.ends - credentials.leaf.not_valid_before_utc.timestamp()


def _unusable(problem: CertificateProblem) -> Finding:
    return _finding(
        about=problem.path,
        grade=Grade.ERROR,
        text=problem.text,
        remedy=problem.remedy or "name a file that holds it, or have it issued again",
    )


def _idle(credentials: Credentials) -> Finding:
    return _finding(
        about=credentials.path,
        grade=Grade.WARNING,
        text=f"is shown for no domain: it names {credentials.names}, and another may fit better",
        remedy="remove it from certificates.files, or add the domain",
        details=_facts(credentials),
    )


def _facts(credentials: Credentials) -> dict[str, object]:
    return {"path": credentials.path, **ShownCertificate.of(credentials.leaf).as_object()}
