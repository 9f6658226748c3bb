"""Tests of :mod:`muxs2s.proof.dane`, with the chains and records that OpenSSL is tested with."""

from __future__ import annotations

import warnings
from typing import Final, cast

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, InvalidVersion, load_der_x509_certificate
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof import (
    MAX_CHAIN_CERTIFICATES,
    NO_NAMES,
    Evidence,
    Fault,
    Outcome,
    PkixProof,
    Prooftype,
    Proven,
    Refused,
    Scope,
    TrustAnchors,
    Undecided,
)
from muxs2s.proof.dane import DaneProof
from muxs2s.proof.delegation import CallersEndpoints, Endpoint, Security
from muxs2s.proof.tlsa import TLSARecord
from muxs2s.testing import CertificateAuthority, IssuedCredentials
from muxs2s.wire.names import DomainName
from tests.proof.endpoints import HOST, HOUR, NOW, endpoint, found
from tests.proof.test_tlsa import (
    CERTIFICATES,
    SHA512,
    SHOWS_ANCHORS_IN_DNS,
    VECTORS,
    for_certificate,
    record,
    records_of,
)

DAY: Final = 86_400.0
A: Final = DomainName.parse("a.example")
AUTHORITY: Final = CertificateAuthority(now=NOW)
STRANGER: Final = CertificateAuthority("nobody we know", now=NOW)
GOOD: Final = AUTHORITY.issue("a.example", "b.example")
WORTHLESS: Final = STRANGER.issue("c.example", not_after=NOW - DAY, key="rsa1024")
"""Expired, of another name, of a short key and by an authority that nobody trusts."""

PKIX_TA_ONLY: Final = (*range(29, 38), 41, 42)
"""Samples of OpenSSL with no record but PKIX-TA, which is unusable here (P3.9)."""

MISSING_ISSUER: Final = 39
"""Takes an issuer that was not sent from a record of PKIX-TA."""

NAME_DEMANDED: Final = 54
"""Looks at names under DANE-EE, which RFC 7673 does not (P3.7)."""


def judge(
    issued: IssuedCredentials, dane: Endpoint | CallersEndpoints | None, *, domain: DomainName = A, now: float = NOW
) -> Outcome:
    """Judge what a peer with these credentials shows."""
    evidence = Evidence(chain=(issued.leaf, *issued.chain), dane=dane)
    return DaneProof(PkixProof(AUTHORITY.trust_anchors)).judge(domain, evidence, now)


class DaneCase(SynchronousTestCase):
    """Says of outcomes what they should be."""

    def proven(self, outcome: Outcome) -> Proven:
        """The outcome is a proof by DANE."""
        assert isinstance(outcome, Proven), outcome
        self.assertEqual("dane", outcome.prooftype)
        return outcome

    def refused(self, outcome: Outcome, *words: str) -> Refused:
        """The outcome is a refusal with one reason for each of the words given."""
        assert isinstance(outcome, Refused), outcome
        self.assertEqual(len(words), len(outcome.reasons), outcome.reasons)
        for word, reason in zip(words, outcome.reasons, strict=True):
            self.assertIn(word, reason)
            self.assertTrue(reason.startswith("dane: ") and reason.isprintable(), reason)
        return outcome

    def undecided(self, outcome: Outcome, *words: str) -> None:
        """The outcome is none, with one reason for each of the words given."""
        assert isinstance(outcome, Undecided), outcome
        self.assertEqual(len(words), len(outcome.reasons), outcome.reasons)
        for word, reason in zip(words, outcome.reasons, strict=True):
            self.assertIn(word, reason)


class OpenSSLTests(DaneCase):
    """Known answers."""

    def test_verdicts(self) -> None:
        """P3.1, P3.7, P3.8, P3.9: each sample of OpenSSL is judged as there, but for what our rules leave out."""
        prooftype = DaneProof(PkixProof(TrustAnchors([CERTIFICATES["c3"]])))
        for vector in VECTORS["blocks"]:
            chain = tuple(CERTIFICATES[name] for name in vector["chain"])
            evidence = Evidence(chain=chain, dane=endpoint(*records_of(vector)))
            outcome = prooftype.judge(DomainName.parse("example.com"), evidence, NOW)
            self.assertIs(self.expected(vector["number"], vector["openssl_verify_result"]), type(outcome), vector)

    @staticmethod
    def expected(number: int, result: int) -> type[Outcome]:
        """What comes of a sample here."""
        if number in PKIX_TA_ONLY:
            return Undecided
        if number == NAME_DEMANDED:
            return Proven
        is_refused = result or number in SHOWS_ANCHORS_IN_DNS or number == MISSING_ISSUER
        return Refused if is_refused else Proven


class OwnCertificateTests(DaneCase):
    """Usage DANE-EE."""

    def test_nothing_else_counts(self) -> None:
        """P3.7, T21: an expired certificate for another name by a stranger is good, until the record ends."""
        for selector in (0, 1):
            for matching in (0, 1, 2):
                proof = self.proven(judge(WORTHLESS, endpoint(for_certificate(WORTHLESS.leaf, 3, selector, matching))))
                self.assertEqual((A, NOW + HOUR), (proof.domain, proof.until))

    def test_asked_domain(self) -> None:
        """M7, P3.7: it vouches for the domain that was looked up and for no other name of the certificate."""
        proof = self.proven(judge(GOOD, endpoint(for_certificate(GOOD.leaf))))
        self.assertEqual((Scope.ASKED_DOMAIN, NO_NAMES), (proof.scope, proof.names))

    def test_evidence(self) -> None:
        """D40: the proof says which certificate and which record it rests on, and where that stands."""
        wanted = for_certificate(GOOD.leaf)
        digest = for_certificate(GOOD.leaf, 3, 0, 1).data.hex()[:16]
        proof = self.proven(judge(GOOD, endpoint(wanted)))
        self.assertEqual(f"sha256:{digest}, TLSA {wanted} at _5269._tcp.{HOST}", proof.evidence)

    def test_mismatch(self) -> None:
        """P3.5: where no record matches the domain is refused, and the record that would match is told."""
        outcome = judge(GOOD, endpoint(record(), record(1)))
        key = for_certificate(GOOD.leaf).data.hex()
        shown = f"TLSA {record()}, {record(1)} at _5269._tcp.{HOST} match nothing that was shown; 3 1 1 {key} would"
        self.assertEqual(frozenset({Fault.UNTRUSTED}), self.refused(outcome, shown).faults)

    def test_one_of_several(self) -> None:
        """P3.5: one record that matches suffices, as while a new key takes the place of an old one."""
        self.proven(judge(GOOD, endpoint(record(), for_certificate(GOOD.leaf), record(1))))

    def test_agility(self) -> None:
        """P3.10: a good SHA-256 record beside a wrong SHA-512 one does not count; the other way about all is well."""
        self.refused(
            judge(GOOD, endpoint(for_certificate(GOOD.leaf), record(matching=2, data=SHA512))), "match nothing"
        )
        self.proven(judge(GOOD, endpoint(record(), for_certificate(GOOD.leaf, matching=2))))

    def test_unusable_beside(self) -> None:
        """P3.6: what is wrong with the other records is told with the refusal."""
        self.refused(judge(GOOD, endpoint(record(), record(9))), "match nothing", "its usage 9 is unknown")

    def test_many(self) -> None:
        """P3.6: of many records that do not match the first few are told."""
        crowd = [record(data=number.to_bytes(32, "big")) for number in range(100)]
        self.refused(judge(GOOD, endpoint(*crowd)), "and 97 more")


class ChainTests(DaneCase):
    """Usages PKIX-EE and DANE-TA, under which PKIX is asked as well."""

    def test_pkix_ee(self) -> None:
        """P3.8, M7: a match under a chain to our own anchors proves every name, until record or chain ends."""
        proof = self.proven(judge(GOOD, endpoint(for_certificate(GOOD.leaf, 1))))
        self.assertEqual((Scope.ALL_NAMES, NOW + HOUR), (proof.scope, proof.until))
        self.assertEqual({"a.example", "b.example"}, proof.names.domains)
        short = AUTHORITY.issue("a.example", not_after=NOW + 60)
        self.assertEqual(NOW + 60, self.proven(judge(short, endpoint(for_certificate(short.leaf, 1)))).until)

    def test_host(self) -> None:
        """P3.8, P3.9, P3.11, D37: where names count, that of the secure target does, for the domain alone."""
        below = AUTHORITY.intermediate("below")
        issued = below.issue(HOST, "b.example")
        for wanted in (for_certificate(issued.leaf, 1), for_certificate(below.certificate, 2)):
            proof = self.proven(judge(issued, endpoint(wanted)))
            self.assertEqual((Scope.ASKED_DOMAIN, NO_NAMES), (proof.scope, proof.names))

    def test_pkix_ee_untrusted(self) -> None:
        """P3.8: a match under a chain of strangers, of another name, or too old, is refused with every reason."""
        outcome = judge(WORTHLESS, endpoint(for_certificate(WORTHLESS.leaf, 1)))
        words = "does not name a.example", "expired", "1024 bits", "CN=nobody we know"
        refused = self.refused(outcome, *(f"matches, but {word}" if word == "expired" else word for word in words))
        self.assertEqual({Fault.UNTRUSTED, Fault.WRONG_NAME, Fault.EXPIRED}, refused.faults)

    def test_pkix_ee_mismatch(self) -> None:
        """P3.8: a certificate that PKIX takes is refused if no record matches."""
        self.refused(judge(GOOD, endpoint(record(1))), "match nothing")

    def test_dane_ta(self) -> None:
        """P3.9, M7: under an anchor that a record matches, strange to us or not, the domain alone is proven."""
        below = STRANGER.intermediate("below")
        issued = below.issue("a.example", "b.example")
        for selector in (0, 1):
            for matching in (0, 1, 2):
                wanted = for_certificate(below.certificate, 2, selector, matching)
                proof = self.proven(judge(issued, endpoint(wanted)))
                self.assertEqual((Scope.ASKED_DOMAIN, NO_NAMES, NOW + HOUR), (proof.scope, proof.names, proof.until))

    def test_dane_ta_names_and_dates(self) -> None:
        """P3.9: under DANE-TA the names and dates of the certificate count, and those of its issuers."""
        below = STRANGER.intermediate("below")
        anchored = endpoint(for_certificate(below.certificate, 2))
        self.refused(judge(below.issue("b.example"), anchored), "does not name a.example")
        self.refused(judge(below.issue("a.example", not_after=NOW - DAY), anchored), "expired")
        old = STRANGER.intermediate("old", not_after=NOW - DAY)
        self.refused(
            judge(old.issue("a.example"), endpoint(for_certificate(old.certificate, 2))), "CN=old is valid", "not valid"
        )

    def test_dane_ta_not_shown(self) -> None:
        """P3.9: an anchor that is not in the chain is no anchor, though the record holds all of it."""
        wanted = for_certificate(STRANGER.certificate, 2, 0, 0)
        self.refused(judge(STRANGER.issue("a.example"), endpoint(wanted)), "match nothing")

    def test_dane_ta_beside_the_chain(self) -> None:
        """P3.9: who sends an authority along that has not issued the certificate gains nothing."""
        issued = STRANGER.issue("a.example")
        evidence = Evidence(
            chain=(issued.leaf, AUTHORITY.certificate), dane=endpoint(for_certificate(AUTHORITY.certificate, 2))
        )
        outcome = DaneProof(PkixProof(AUTHORITY.trust_anchors)).judge(A, evidence, NOW)
        self.refused(outcome, "CN=nobody we know, which issued the certificate, is no trust anchor")

    def test_dane_ta_server(self) -> None:
        """P3.9: a record of an anchor that matches the certificate itself makes it none."""
        self.refused(judge(GOOD, endpoint(for_certificate(GOOD.leaf, 2))), "match nothing")

    def test_dane_ta_long_chain(self) -> None:
        """P3.9: an anchor further up than the longest chain is not looked for."""
        for length, words in ((MAX_CHAIN_CERTIFICATES - 1, ()), (MAX_CHAIN_CERTIFICATES, ("match nothing",))):
            issued = STRANGER.issue("a.example")
            chain = (*(issued.leaf,) * length, STRANGER.certificate)
            evidence = Evidence(chain=chain, dane=endpoint(for_certificate(STRANGER.certificate, 2)))
            outcome = DaneProof(PkixProof(AUTHORITY.trust_anchors)).judge(A, evidence, NOW)
            self.refused(outcome, *words) if words else self.proven(outcome)

    def test_next_best(self) -> None:
        """P3.5: where the match under one usage proves nothing, one under another may; else all reasons are told."""
        issued = STRANGER.intermediate("below").issue("a.example")
        strict = for_certificate(issued.leaf, 1)
        self.proven(judge(issued, endpoint(strict, for_certificate(issued.chain[0], 2))))
        self.proven(judge(issued, endpoint(strict, for_certificate(issued.leaf))))
        other = STRANGER.intermediate("below").issue("b.example")
        both = endpoint(for_certificate(other.leaf, 1), for_certificate(other.chain[0], 2))
        self.refused(judge(other, both), "TLSA 1 1 1", "TLSA 1 1 1", "TLSA 2 1 1")


class NothingToGoByTests(DaneCase):
    """Where DANE has nothing to say, or forbids to go on."""

    def test_not_asked(self) -> None:
        """P3.1: where DNS was not asked there is nothing to judge."""
        self.undecided(judge(GOOD, None), "dane: DNS was not asked for it")

    def test_no_records(self) -> None:
        """P3.5: where there are no TLSA records another prooftype may decide."""
        self.undecided(judge(GOOD, endpoint()), f"dane: there are no TLSA records at _5269._tcp.{HOST}")
        self.undecided(judge(GOOD, endpoint(tlsa=found(Security.ABSENT))), "absent")

    def test_insecure(self) -> None:
        """P3.2, P3.3, P3.5: a record that matches is worth nothing without a signature anywhere on the way."""
        good, insecure = for_certificate(GOOD.leaf), found(Security.INSECURE)
        self.undecided(judge(GOOD, endpoint(good, srv=insecure)), "the SRV records of")
        self.undecided(judge(GOOD, endpoint(good, addresses=insecure)), "the address records of")
        self.undecided(judge(GOOD, endpoint(good, tlsa=insecure)), "the TLSA records of")

    def test_bogus(self) -> None:
        """P3.2, P3.3, P3.5: a bogus or failed lookup anywhere on the way is a refusal that says which."""
        for security in (Security.BOGUS, Security.FAILED):
            good, bad = for_certificate(GOOD.leaf), found(security)
            for shown in (endpoint(good, srv=bad), endpoint(good, addresses=bad), endpoint(good, tlsa=bad)):
                refused = self.refused(judge(GOOD, shown), f"are {security.value} (as told)")
                self.assertEqual(frozenset(), refused.faults)

    def test_unusable(self) -> None:
        """P3.6, P3.9: where no record is usable it is as if there were none, and why is told."""
        self.undecided(judge(GOOD, endpoint(for_certificate(GOOD.leaf, 0))), "PKIX-TA (0) is not supported")

    def test_over(self) -> None:
        """P3.18: a record is not held on to past its end."""
        shown = endpoint(for_certificate(GOOD.leaf))
        self.proven(judge(GOOD, shown, now=NOW + HOUR - 1))
        self.refused(judge(GOOD, shown, now=NOW + HOUR), "ask DNS again")

    def test_no_certificate(self) -> None:
        """A peer that shows no certificate is neither proven nor refused."""
        evidence = Evidence(chain=(), dane=endpoint(record()))
        self.undecided(DaneProof(PkixProof(TrustAnchors(()))).judge(A, evidence, NOW), "no certificate was shown")

    def test_prooftype(self) -> None:
        """P3.1, D39: DANE says what is shown, how it is matched, where its material is from, and needs secure DNS."""
        prooftype: Prooftype = DaneProof(PkixProof(TrustAnchors(())))
        self.assertEqual(
            ("dane", "X.509 certificate", True), (prooftype.name, prooftype.shows, prooftype.needs_secure_dns)
        )
        self.assertIn("in full or by digest", prooftype.matched)
        self.assertIn("TLSA records", prooftype.material)


class CallerTests(DaneCase):
    """A peer that has called us."""

    def test_any_target(self) -> None:
        """P3.17: a caller that shows what one of the servers of its domain shows is proven."""
        other = endpoint(for_certificate(WORTHLESS.leaf), host="two.hosting.example")
        caller = CallersEndpoints(endpoints=(endpoint(record()), other))
        proof = self.proven(judge(WORTHLESS, caller))
        self.assertEqual((Scope.ASKED_DOMAIN, NOW + HOUR), (proof.scope, proof.until))
        self.assertTrue(proof.evidence.endswith("at the hosts of its SRV records"))

    def test_other_usages(self) -> None:
        """P3.17: under another usage than DANE-EE nothing is proven of a caller."""
        for usage in (1, 2):
            caller = CallersEndpoints(endpoints=(endpoint(for_certificate(GOOD.leaf, usage)),))
            self.undecided(judge(GOOD, caller), "there are no TLSA records at the hosts of its SRV records")

    def test_mismatch(self) -> None:
        """P3.17: a caller that shows something else is refused."""
        self.refused(judge(GOOD, CallersEndpoints(endpoints=(endpoint(record()),))), "match nothing")


class HostileTests(DaneCase):
    """Bytes made to break their readers."""

    def test_records(self) -> None:
        """P3.6: a thousand records, empty ones, huge ones: refused or passed over, with few and short reasons."""
        crowd = [record(data=number.to_bytes(32, "big")) for number in range(1_000)]
        huge = [record(3, selector, 0, bytes(65_532)) for selector in (0, 1)]
        empty = [
            record(usage, selector, matching, b"") for usage in (1, 3) for selector in (0, 1) for matching in (0, 1)
        ]
        self.refused(judge(GOOD, endpoint(*crowd)), "there are 1000 TLSA records")
        tiny = [record(3, 0, 0, b"\x30\x82\x3f\xfc" + b"\x05\x00" * 8_190)] * 100
        for records in (huge, empty, tiny):
            outcome = judge(GOOD, endpoint(*records))
            assert isinstance(outcome, Undecided)
            self.assertLess(len("".join(outcome.reasons)), 1_000)

    def test_unreadable(self) -> None:
        """A certificate that cannot be taken apart is refused."""
        evidence = Evidence(chain=(cast(Certificate, object()),), dane=endpoint(record()))
        self.refused(DaneProof(PkixProof(TrustAnchors(()))).judge(A, evidence, NOW), "cannot be read: AttributeError")

    @settings(max_examples=60)
    @given(st.integers(0, 2_000), st.integers(1, 255))
    def test_broken_certificates(self, at: int, mask: int) -> None:
        """A certificate with one octet changed is refused by its digest; by its key, where the octet is signed."""
        whole = bytearray(GOOD.leaf.public_bytes(Encoding.DER))
        whole[at % len(whole)] ^= mask
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a serial number that became negative
            try:
                changed = load_der_x509_certificate(bytes(whole))
            except (ValueError, InvalidVersion):
                return  # the network floor gives us no such certificate
        signed = GOOD.leaf.tbs_certificate_bytes, GOOD.leaf.signature
        for usage, selector in ((3, 0), (1, 0), (1, 1)):
            evidence = Evidence(chain=(changed,), dane=endpoint(for_certificate(GOOD.leaf, usage, selector)))
            outcome = DaneProof(PkixProof(AUTHORITY.trust_anchors)).judge(A, evidence, NOW)
            if selector == 0 or signed != (changed.tbs_certificate_bytes, changed.signature):
                self.assertIsInstance(outcome, Refused, f"byte {at} by {mask}")

    @given(st.lists(st.builds(TLSARecord.read, st.binary(min_size=3, max_size=70)), max_size=5))
    def test_any_records(self, records: list[TLSARecord]) -> None:
        """Records made at random prove nothing and break nothing."""
        self.assertNotIsInstance(judge(GOOD, endpoint(*records)), Proven)
