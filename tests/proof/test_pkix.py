"""Tests of :mod:`muxs2s.proof.pkix`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID, ObjectIdentifier
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.pem import PrivateKey
from muxs2s.proof import (
    MAX_CHAIN_CERTIFICATES,
    NO_NAMES,
    CertificateNames,
    Evidence,
    Fault,
    Outcome,
    PkixProof,
    Proven,
    Refused,
    Scope,
    TrustAnchors,
    Undecided,
)
from muxs2s.proof.delegation import CallersEndpoints, Endpoint, Security
from muxs2s.proof.issuers import MAX_CACHED_ISSUERS, issuer_facts
from muxs2s.proof.issuers import constrained as left_of
from muxs2s.testing import CLIENT, SERVER, CertificateAuthority, IssuedCredentials, general_name
from muxs2s.wire.names import DomainName
from tests.proof.endpoints import HOST, HOUR, endpoint, found
from tests.wire.samples import vectors

NOW = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
DAY = 86_400.0

AUTHORITY = CertificateAuthority(now=NOW)
ANCHORS = AUTHORITY.trust_anchors


ABSENT = found(Security.ABSENT)

FLIPPED = AUTHORITY.issue("a.example").leaf
SELF = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "myself")])


def shown(issued: IssuedCredentials) -> Evidence:
    """What a peer with this certificate shows."""
    return Evidence(chain=(issued.leaf, *issued.chain))


def judge(
    issued: IssuedCredentials, domain: str = "a.example", *, now: float = NOW, anchors: TrustAnchors = ANCHORS
) -> Outcome:
    """Judge what a peer with this certificate shows."""
    return PkixProof(anchors).judge(DomainName.parse(domain), shown(issued), now)


def key_usage(*, digital_signature: bool) -> x509.KeyUsage:
    """A key usage with key agreement, and digital signatures or not."""
    return x509.KeyUsage(digital_signature, False, False, False, True, False, False, False, False)


def built(
    name: str,
    subject: x509.Name,
    issuer: x509.Name,
    *,
    key: PrivateKey,
    by: PrivateKey,
    ca: bool,
    usage: x509.KeyUsage | None = None,
) -> x509.Certificate:
    """A certificate as no authority of ours would issue it."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    return (builder if usage is None else builder.add_extension(usage, critical=True)).sign(by, SHA256())


def self_signed(*, ca: bool, issuer: x509.Name = SELF) -> IssuedCredentials:
    """A certificate for a.example signed by its own key, with that issuer."""
    key = generate_private_key(SECP256R1())
    return IssuedCredentials(
        leaf=built("a.example", SELF, issuer, key=key, by=key, ca=ca), private_key=key, path="self-signed"
    )


def signed_by(server: IssuedCredentials, name: str) -> x509.Certificate:
    """A certificate signed by a server, as if that were an authority."""
    assert isinstance(server.private_key, EllipticCurvePrivateKey)
    key = generate_private_key(SECP256R1())
    return built(name, SELF, server.leaf.subject, key=key, by=server.private_key, ca=False)


def constrained(
    names: CertificateNames,
    permitted: Iterable[str | x509.GeneralName] = (),
    excluded: Iterable[str | x509.GeneralName] = (),
) -> CertificateNames:
    """What is left of the names of a certificate under an authority with these constraints."""
    issuer = AUTHORITY.intermediate(permitted=permitted, excluded=excluded)
    return left_of(names, map(issuer_facts, (issuer.certificate, AUTHORITY.certificate)))


class PkixCase(SynchronousTestCase):
    """Assertions about outcomes."""

    def assert_proven(self, outcome: Outcome) -> Proven:
        """The outcome is a proof."""
        self.assertIsInstance(outcome, Proven, outcome)
        assert isinstance(outcome, Proven)
        return outcome

    def assert_refused(self, outcome: Outcome, *words: str) -> None:
        """The outcome is a refusal with exactly one reason for each of the words given."""
        self.assertIsInstance(outcome, Refused, outcome)
        assert isinstance(outcome, Refused)
        self.assertEqual(len(outcome.reasons), len(words), outcome.reasons)
        for word in words:
            self.assertTrue(any(word in reason for reason in outcome.reasons), (word, outcome.reasons))
        for reason in outcome.reasons:
            self.assertTrue(reason.startswith("pkix: "), reason)


class ProvenTests(PkixCase):
    """Certificates that prove a domain."""

    def test_proof(self) -> None:
        """P1.1, D2, D3: a certificate that names the domain, under an anchor of ours, proves it."""
        issued = AUTHORITY.issue("a.example", "b.example")
        digest = issued.leaf.fingerprint(SHA256()).hex()[:16]
        self.assertEqual(
            judge(issued),
            Proven(
                domain=DomainName.parse("a.example"),
                prooftype="pkix",
                evidence=f"sha256:{digest} issued by CN=muxs2s test CA",
                scope=Scope.ALL_NAMES,
                until=issued.ends,
                names=CertificateNames(dns=frozenset({"a.example", "b.example"})),
            ),
        )

    def test_every_kind_of_name(self) -> None:
        """T14: a certificate whose only name is an SRVName or an XmppAddr proves the domain."""
        self.assert_proven(judge(AUTHORITY.issue(general_name("srv", "a.example"))))
        self.assert_proven(judge(AUTHORITY.issue(general_name("xmpp", "a.example"))))

    def test_all_names(self) -> None:
        """M7: the proof lists every name of the certificate, of every kind."""
        names = ("a.example", "*.b.example", general_name("srv", "c.example"), general_name("xmpp", "d.example"))
        proof = self.assert_proven(judge(AUTHORITY.issue(*names)))
        self.assertEqual(proof.names.all_domains(), frozenset({"a.example", "c.example", "d.example"}))
        self.assertEqual(proof.names.patterns, frozenset({"*.b.example"}))

    def test_intermediate(self) -> None:
        """P1.1: a chain by way of an authority that the peer sent along is good."""
        self.assert_proven(judge(AUTHORITY.intermediate().issue("a.example")))

    def test_until_the_earliest_end(self) -> None:
        """P1.1: a proof ends with the first certificate of its chain that ends."""
        issued = AUTHORITY.intermediate(not_after=NOW + DAY).issue("a.example")
        self.assertEqual(self.assert_proven(judge(issued)).until, NOW + DAY)

    def test_constraints_that_are_not_critical(self) -> None:
        """P1.1: an authority whose basic constraints are not marked critical may issue all the same."""
        pems = vectors("dane")["openssl"]["certificates"]
        leaf, middle, root = (x509.load_pem_x509_certificate(pems[name].encode()) for name in ("c1", "c2", "c3"))
        self.assertFalse(middle.extensions.get_extension_for_class(x509.BasicConstraints).critical)
        evidence = Evidence(chain=(leaf, middle))
        self.assert_proven(PkixProof(TrustAnchors([root])).judge(DomainName.parse("example.com"), evidence, NOW))

    def test_anchored_intermediate(self) -> None:
        """An intermediate authority may be the anchor."""
        below = AUTHORITY.intermediate()
        self.assert_proven(judge(below.issue("a.example"), anchors=below.trust_anchors))

    def test_anchored_leaf(self) -> None:
        """A certificate that is an anchor itself is good, whoever issued it."""
        issued = CertificateAuthority("someone else").issue("a.example")
        proof = self.assert_proven(judge(issued, anchors=TrustAnchors([issued.leaf])))
        self.assertEqual(proof.until, issued.ends)

    def test_certificates_beside_the_chain(self) -> None:
        """What a peer sends along without need does no harm, not even if it expired."""
        other = CertificateAuthority("someone else").intermediate(not_after=NOW - DAY).certificate
        issued = AUTHORITY.issue("a.example")
        outcome = PkixProof(ANCHORS).judge(DomainName.parse("a.example"), Evidence(chain=(issued.leaf, other)), NOW)
        self.assert_proven(outcome)

    def test_odd_name(self) -> None:
        """T15: an invalid name beside a good one does no harm."""
        self.assert_proven(judge(AUTHORITY.issue("c*.example", general_name("srv", ""), "a.example")))

    def test_kinds_of_keys(self) -> None:
        """Keys of every kind that TLS knows are good."""
        self.assert_proven(judge(AUTHORITY.issue("a.example", key="ed25519")))
        self.assert_proven(judge(AUTHORITY.issue("a.example", key="rsa")))

    def test_long_chain(self) -> None:
        """As many certificates as the limit says are read."""
        issued = AUTHORITY.issue("a.example")
        chain = (issued.leaf,) * MAX_CHAIN_CERTIFICATES
        self.assert_proven(PkixProof(ANCHORS).judge(DomainName.parse("a.example"), Evidence(chain=chain), NOW))


class DelegatedTests(PkixCase):
    """Certificates that name the host to which DNS leads."""

    def judged(self, issued: IssuedCredentials, dane: Endpoint | CallersEndpoints) -> Outcome:
        """Judge a certificate for a.example, which is served at one.hosting.example."""
        evidence = replace(shown(issued), dane=dane)
        return PkixProof(ANCHORS).judge(DomainName.parse("a.example"), evidence, NOW)

    def test_secure(self) -> None:
        """D37, P3.11: with secure SRV a certificate for the target proves the domain alone, while DNS says so."""
        proof = self.assert_proven(self.judged(AUTHORITY.issue(HOST, "b.example"), endpoint(tlsa=ABSENT)))
        self.assertEqual((Scope.ASKED_DOMAIN, NO_NAMES, NOW + HOUR), (proof.scope, proof.names, proof.until))
        self.assertTrue(proof.evidence.endswith(f" for {HOST}, to which secure DNS leads"))
        short = AUTHORITY.issue("*.hosting.example", not_after=NOW + 60)
        self.assertEqual(NOW + 60, self.assert_proven(self.judged(short, endpoint(tlsa=ABSENT))).until)

    def test_not_secure(self) -> None:
        """D37, P3.11, T19: without secure SRV, or with a bogus one, a certificate for the target is refused."""
        for security in Security:
            if security is not Security.SECURE:
                outcome = self.judged(AUTHORITY.issue(HOST), endpoint(srv=found(security)))
                self.assert_refused(outcome, f"does not name a.example; it names {HOST}")

    def test_over(self) -> None:
        """P3.18: the target counts no more once DNS is to be asked again."""
        old = endpoint(srv=found(Security.SECURE, NOW))
        self.assert_refused(self.judged(AUTHORITY.issue(HOST), old), "does not name a.example")

    def test_domain(self) -> None:
        """P3.11: a certificate for the domain is as good with secure SRV as without, for all its names."""
        issued = AUTHORITY.issue("a.example", HOST)
        self.assertEqual(judge(issued), self.judged(issued, endpoint(tlsa=ABSENT)))

    def test_names_of_services(self) -> None:
        """P3.11: the target counts as a host: what names a service there is not it."""
        for kind in ("srv", "xmpp"):
            outcome = self.judged(AUTHORITY.issue(general_name(kind, HOST)), endpoint(tlsa=ABSENT))
            self.assert_refused(outcome, "does not name a.example")

    def test_other_host(self) -> None:
        """D37: a certificate of another host is refused."""
        outcome = self.judged(AUTHORITY.issue("two.hosting.example"), endpoint(tlsa=ABSENT))
        self.assert_refused(outcome, "does not name a.example; it names two.hosting.example")

    def test_constrained(self) -> None:
        """D37: an authority that may not speak for the target proves nothing by it."""
        issuer = AUTHORITY.intermediate(excluded=["hosting.example"])
        self.assertIsInstance(self.judged(issuer.issue(HOST), endpoint(tlsa=ABSENT)), Refused)

    def test_caller(self) -> None:
        """D37: of a peer that has called us no target is known, and the domain alone counts."""
        caller = CallersEndpoints(endpoints=(endpoint(tlsa=ABSENT),))
        self.assert_refused(self.judged(AUTHORITY.issue(HOST), caller), "does not name a.example")


class RefusedTests(PkixCase):
    """Certificates that prove nothing, and why."""

    def test_past_long_chain(self) -> None:
        """One certificate more than the limit is refused."""
        issued = AUTHORITY.issue("a.example")
        chain = (issued.leaf,) * (MAX_CHAIN_CERTIFICATES + 1)
        outcome = PkixProof(ANCHORS).judge(DomainName.parse("a.example"), Evidence(chain=chain), NOW)
        self.assert_refused(outcome, "more than 10 certificates")

    def test_no_certificate(self) -> None:
        """A peer that shows no certificate is neither proven nor refused: another prooftype may decide."""
        domain = DomainName.parse("a.example")
        outcome = PkixProof(ANCHORS).judge(domain, Evidence(chain=()), NOW)
        self.assertEqual(outcome, Undecided(domain=domain, reasons=("pkix: no certificate was shown",)))

    def test_other_name(self) -> None:
        """D2, D3, P1.2: a certificate for another domain is refused, and the names in it are told."""
        self.assert_refused(judge(AUTHORITY.issue("b.example")), "does not name a.example; it names b.example")

    def test_common_name(self) -> None:
        """T18: a certificate with nothing but a Common Name is refused."""
        self.assert_refused(judge(AUTHORITY.issue(common_name="a.example")), "it names no XMPP domain")

    def test_why_a_name_does_not_count(self) -> None:
        """T15: where the name sought is malformed in the certificate, the refusal says so."""
        self.assert_refused(judge(AUTHORITY.issue("a_.example")), "a_.example' does not count")

    def test_expired(self) -> None:
        """P1.1: an expired certificate is refused, with its dates."""
        issued = AUTHORITY.issue("a.example", not_after=NOW - 1)
        self.assert_refused(judge(issued), "expired on 2026-05-31T23:59:59Z: it is valid from ")
        self.assert_proven(judge(issued, now=NOW - 1))

    def test_not_yet_valid(self) -> None:
        """P1.1: a certificate of the future is refused."""
        issued = AUTHORITY.issue("a.example", not_before=NOW + 1)
        self.assert_refused(judge(issued), "not valid before 2026-06-01T00:00:01Z")
        self.assert_proven(judge(issued, now=NOW + 1))

    def test_every_reason(self) -> None:
        """All that is wrong is told at once: name, date, key, purpose, issuer."""
        issued = CertificateAuthority("someone else", now=NOW).issue(
            "b.example", not_after=NOW - DAY, key="rsa1024", eku=(CLIENT,), is_ca=True
        )
        self.assert_refused(
            judge(issued), "does not name", "expired", "1024 bits", "CA:TRUE", "serverAuth", "CN=someone else"
        )

    def test_private_anchor(self) -> None:
        """P1.3: under anchors of our own a certificate of any other authority is refused."""
        issued = CertificateAuthority("a public CA", now=NOW).issue("a.example")
        self.assert_refused(judge(issued), "CN=a public CA, which issued the certificate, is no trust anchor here")

    def test_no_anchors(self) -> None:
        """P1.3: where nobody is trusted nothing is proven, and the remedy is told."""
        self.assert_refused(judge(AUTHORITY.issue("a.example"), anchors=TrustAnchors(())), "no trust anchors")

    def test_missing_intermediate(self) -> None:
        """A peer that does not send its intermediate certificate is told so."""
        issued = AUTHORITY.intermediate("the middle").issue("a.example")
        outcome = PkixProof(ANCHORS).judge(DomainName.parse("a.example"), Evidence(chain=(issued.leaf,)), NOW)
        self.assert_refused(outcome, "CN=the middle, which issued the certificate, is no trust anchor here and was not")

    def test_missing_second_intermediate(self) -> None:
        """The gap is named where it is, further up the chain."""
        issued = AUTHORITY.intermediate("upper").intermediate("lower").issue("a.example")
        chain = (issued.leaf, issued.chain[0])
        outcome = PkixProof(ANCHORS).judge(DomainName.parse("a.example"), Evidence(chain=chain), NOW)
        self.assert_refused(outcome, "CN=upper, which issued CN=lower, is no trust anchor here")

    def test_unknown_root(self) -> None:
        """A chain that is complete but ends in an unknown root is refused, and the root is named."""
        other = CertificateAuthority("someone else", now=NOW)
        chain = (other.issue("a.example").leaf, other.certificate)
        outcome = PkixProof(ANCHORS).judge(DomainName.parse("a.example"), Evidence(chain=chain), NOW)
        self.assert_refused(outcome, "its chain ends in CN=someone else")

    def test_self_signed(self) -> None:
        """A self-signed certificate is refused as such."""
        self.assert_refused(judge(self_signed(ca=False)), "self-signed")

    def test_forged_signature(self) -> None:
        """A certificate that only bears the name of an anchor as its issuer is refused."""
        forged = CertificateAuthority(now=NOW).issue("a.example")
        self.assert_refused(judge(forged), "its chain is not valid")

    def test_expired_intermediate(self) -> None:
        """P1.1: an expired intermediate certificate is told from an expired certificate of the server."""
        issued = AUTHORITY.intermediate("old", not_after=NOW - DAY).issue("a.example")
        self.assert_refused(judge(issued), "the issuer's certificate CN=old is valid from", "its chain is not valid")

    def test_authority_as_server(self) -> None:
        """T20: a certificate of an authority is refused as that of a server, even if it is an anchor."""
        self.assert_refused(judge(AUTHORITY.issue("a.example", is_ca=True)), "CA:TRUE")
        anchored = self_signed(ca=True)
        self.assert_refused(judge(anchored, anchors=TrustAnchors([anchored.leaf])), "CA:TRUE")

    def test_server_as_authority(self) -> None:
        """P1.1: who holds a server's certificate cannot issue others."""
        server = AUTHORITY.issue("b.example", common_name="b.example")
        leaf = signed_by(server, "a.example")
        chain = (leaf, server.leaf)
        outcome = PkixProof(ANCHORS).judge(DomainName.parse("a.example"), Evidence(chain=chain), NOW)
        self.assert_refused(outcome, "basicConstraints.cA must be asserted")

    def test_path_length(self) -> None:
        """P1.1: an authority that may certify no authorities below it is held to that."""
        issued = AUTHORITY.intermediate("upper", path_length=0).intermediate("lower").issue("a.example")
        self.assert_refused(judge(issued), "its chain is not valid")

    def test_short_rsa_key(self) -> None:
        """P1.1: an RSA key under 2048 bits proves nothing."""
        self.assert_refused(judge(AUTHORITY.issue("a.example", key="rsa1024")), "1024 bits")

    def test_unknown_critical_extension(self) -> None:
        """P1.1: a certificate with a demand we do not understand is refused."""
        unknown = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")
        self.assert_refused(judge(AUTHORITY.issue("a.example", extensions=[(unknown, True)])), "its chain is not valid")
        self.assert_proven(judge(AUTHORITY.issue("a.example", extensions=[(unknown, False)])))


class FaultTests(PkixCase):
    """Of which kinds the reasons of a refusal are."""

    def assert_faults(self, outcome: Outcome, *faults: Fault) -> None:
        """The outcome is a refusal for exactly these."""
        assert isinstance(outcome, Refused)
        self.assertEqual(set(faults), outcome.faults, outcome.reasons)

    def test_name(self) -> None:
        """M4: a certificate for other domains is told from one that nobody vouches for."""
        self.assert_faults(judge(AUTHORITY.issue("b.example")), Fault.WRONG_NAME)
        self.assert_faults(judge(CertificateAuthority("someone else").issue("a.example")), Fault.UNTRUSTED)

    def test_time(self) -> None:
        """M4: a certificate of the past or the future, or under one that ended, is told as such."""
        for issued in (
            AUTHORITY.issue("a.example", not_after=NOW - 1),
            AUTHORITY.issue("a.example", not_before=NOW + 1),
            AUTHORITY.intermediate(not_after=NOW - DAY).issue("a.example"),
        ):
            self.assert_faults(judge(issued), Fault.EXPIRED)

    def test_time_is_not_all(self) -> None:
        """M4: where an authority is unknown, an old one beside it is not the reason."""
        stranger = CertificateAuthority("someone else", now=NOW).intermediate(not_after=NOW - DAY)
        self.assert_faults(judge(stranger.issue("a.example")), Fault.EXPIRED, Fault.UNTRUSTED)

    def test_use(self) -> None:
        """M4: a certificate unfit for servers, or not for this domain in the mouth of its issuer, is not trusted."""
        below = AUTHORITY.intermediate(excluded=["a.example"])
        for issued in (
            AUTHORITY.issue("a.example", eku=(CLIENT,)),
            AUTHORITY.issue("a.example", key="rsa1024"),
            AUTHORITY.issue("a.example", is_ca=True),
            below.issue(general_name("srv", "a.example")),
        ):
            self.assert_faults(judge(issued), Fault.UNTRUSTED)

    def test_everything(self) -> None:
        """M4: all that is wrong is told at once."""
        issued = CertificateAuthority("someone else", now=NOW).issue("b.example", not_after=NOW - DAY)
        self.assert_faults(judge(issued), Fault.UNTRUSTED, Fault.WRONG_NAME, Fault.EXPIRED)


class PurposeTests(PkixCase):
    """What a certificate may be used for."""

    def test_pitfall_17_server_auth_only_certificate_of_an_initiating_server(self) -> None:
        """D3, P1.2: a certificate for servers only is good in both roles, as the judgement knows none."""
        self.assert_proven(judge(AUTHORITY.issue("a.example", eku=(SERVER,))))

    def test_purposes_that_suffice(self) -> None:
        """A certificate for servers and clients, for anything, or that does not say is good."""
        for eku in ((SERVER, CLIENT), (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), ()):
            self.assert_proven(judge(AUTHORITY.issue("a.example", eku=eku)))

    def test_client_only(self) -> None:
        """A certificate for clients only is refused: being a client of someone proves no domain."""
        self.assert_refused(judge(AUTHORITY.issue("a.example", eku=(CLIENT,))), "serverAuth")

    def test_other_purposes(self) -> None:
        """A certificate for signing code or mail is refused."""
        for purpose in (ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION):
            self.assert_refused(judge(AUTHORITY.issue("a.example", eku=(purpose,))), "serverAuth")

    def test_purpose_of_the_issuer(self) -> None:
        """An authority for servers may issue a server's certificate; one for clients or code may not."""
        self.assert_proven(judge(AUTHORITY.intermediate(eku=(SERVER,)).issue("a.example")))
        for purpose in (CLIENT, ExtendedKeyUsageOID.CODE_SIGNING):
            issued = AUTHORITY.intermediate("for other things", eku=(purpose,)).issue("a.example")
            self.assert_refused(judge(issued), "its chain is not valid: the issuer CN=for other things may not issue")

    def judge_house(self, usage: x509.KeyUsage | None) -> Outcome:
        """What comes of a certificate by an authority of the house, whose own says that of its key."""
        key = generate_private_key(SECP256R1())
        house = built("house.example", SELF, SELF, key=key, by=key, ca=True, usage=usage)
        issued = signed_by(IssuedCredentials(leaf=house, private_key=key, path="house"), "a.example")
        return PkixProof(TrustAnchors([house])).judge(DomainName.parse("a.example"), Evidence(chain=(issued,)), NOW)

    def test_authority_that_does_not_say(self) -> None:
        """P1.1: an authority whose certificate does not say what its key is for may sign others."""
        self.assert_proven(self.judge_house(None))

    def test_authority_that_may_not_sign(self) -> None:
        """P1.1: an authority whose certificate says its key is for other things is named, with the remedy."""
        outcome = self.judge_house(key_usage(digital_signature=True))
        self.assert_refused(outcome, "its chain is not valid: the issuer CN=myself lacks the key usage keyCertSign")

    def test_key_usage(self) -> None:
        """P1.1: if the certificate says what its key is for, digital signatures must be among it."""
        good = AUTHORITY.issue("a.example", extensions=[(key_usage(digital_signature=True), True)])
        self.assert_proven(judge(good))
        bad = AUTHORITY.issue("a.example", extensions=[(key_usage(digital_signature=False), True)])
        self.assert_refused(judge(bad), "digitalSignature")


class ConstraintTests(PkixCase):
    """Authorities that may speak for some domains only."""

    def test_dns_name(self) -> None:
        """P1.1: a certificate with a dNSName beyond the constraints of its issuer is refused."""
        below = AUTHORITY.intermediate(permitted=["a.example"])
        self.assert_proven(judge(below.issue("a.example", "x.a.example")))
        self.assert_refused(judge(below.issue("a.example", "b.example")), "its chain is not valid")

    def test_other_kinds_of_names(self) -> None:
        """M7: an SRVName or XmppAddr beyond the constraints is no name, whatever library verified the chain."""
        below = AUTHORITY.intermediate(permitted=["a.example"])
        others = (
            general_name("srv", "b.example"),
            general_name("xmpp", "c.example"),
            general_name("srv", "x.a.example"),
        )
        issued = below.issue("a.example", *others)
        proof = self.assert_proven(judge(issued))
        self.assertEqual(proof.names.all_domains(), frozenset({"a.example", "x.a.example"}))
        self.assert_refused(judge(issued, "b.example"), "a name constraint of its issuers excludes b.example")

    def test_excluded(self) -> None:
        """M7: an SRVName in an excluded domain is no name; its neighbours are."""
        below = AUTHORITY.intermediate(excluded=["b.example"])
        issued = below.issue(*(general_name("srv", name) for name in ("a.example", "b.example", "x.b.example")))
        self.assertEqual(self.assert_proven(judge(issued)).names.all_domains(), frozenset({"a.example"}))

    def test_leading_dot(self) -> None:
        """M7: a constraint with a leading dot is about what is below the domain."""
        below = AUTHORITY.intermediate(permitted=["a.example", ".b.example"])
        issued = below.issue(*(general_name("srv", name) for name in ("a.example", "b.example", "x.b.example")))
        proof = self.assert_proven(judge(issued))
        self.assertEqual(proof.names.all_domains(), frozenset({"a.example", "x.b.example"}))

    def test_everything_excluded(self) -> None:
        """M7: the empty constraint is about every domain."""
        below = AUTHORITY.intermediate(excluded=[""])
        self.assert_refused(judge(below.issue(general_name("srv", "a.example"))), "a name constraint")

    def test_every_issuer_counts(self) -> None:
        """M7: the constraints of all authorities of the chain apply together."""
        below = AUTHORITY.intermediate("upper", permitted=["example"]).intermediate("lower", excluded=["b.example"])
        issued = below.issue(*(general_name("srv", name) for name in ("a.example", "b.example", "c.example.net")))
        self.assertEqual(self.assert_proven(judge(issued)).names.all_domains(), frozenset({"a.example"}))

    def test_patterns(self) -> None:
        """T15: a pattern stays only if everything it stands for is permitted and nothing is excluded."""
        found = CertificateNames(patterns=frozenset({"*.b.example"}))
        self.assertEqual(constrained(found, permitted=["b.example"]), found)
        self.assertEqual(constrained(found, permitted=[".b.example"]), found)
        self.assertEqual(constrained(found, permitted=["x.b.example"]), CertificateNames())
        self.assertEqual(constrained(found, excluded=["x.b.example"]), CertificateNames())
        self.assertEqual(constrained(found, excluded=["example"]), CertificateNames())
        self.assertEqual(constrained(found, excluded=["x.x.b.example"]), found)

    def test_constraints_on_other_things(self) -> None:
        """A constraint on mail or IP addresses says nothing about domains."""
        found = CertificateNames(srv=frozenset({"a.example"}))
        network = x509.IPAddress(ip_network("192.0.2.0/24"))
        self.assertEqual(constrained(found, permitted=[network]), found)


class CacheTests(PkixCase):
    """Authorities are read once."""

    def test_remembered(self) -> None:
        """Of one authority more than there is room for the facts of the least recently used are forgotten."""
        issuers = [AUTHORITY.intermediate().certificate for _ in range(MAX_CACHED_ISSUERS + 1)]
        for issuer in issuers:
            issuer_facts(issuer)
        known = issuer_facts.cache_info()
        self.assertEqual(MAX_CACHED_ISSUERS, known.currsize)
        issuer_facts(issuers[0])
        self.assertEqual(known.misses + 1, issuer_facts.cache_info().misses)

    def test_only_believed_ones(self) -> None:
        """An authority that a peer makes up is not remembered: only those in a path that was found good are."""
        before = issuer_facts.cache_info()
        self.assert_refused(judge(CertificateAuthority("made up").intermediate().issue("a.example")), "made up")
        self.assertEqual(before, issuer_facts.cache_info())


class HostileTests(PkixCase):
    """Certificates made to break their judge."""

    def test_unreadable_names(self) -> None:
        """A certificate whose names the verifier cannot read is refused, not raised about, though we find a name."""
        good = bytes.fromhex("8209") + b"a.example"
        for odd in (b"\x87\x03abc", b"\xa3\x00", b"\x82\x02\xff\xfe", b"\x8f\x01x"):
            issued = AUTHORITY.issue(san_raw=bytes((0x30, len(good + odd))) + good + odd)
            self.assertTrue(issued.names.covers(DomainName.parse("a.example")))
            outcome = judge(issued)
            self.assertIsInstance(outcome, Refused, outcome)

    def test_broken_extension(self) -> None:
        """Any extension that cannot be parsed makes a refusal."""
        for oid in (ExtensionOID.KEY_USAGE, ExtensionOID.NAME_CONSTRAINTS, ExtensionOID.AUTHORITY_INFORMATION_ACCESS):
            broken = x509.UnrecognizedExtension(oid, b"\xff\x80\x00")
            for critical in (True, False):
                outcome = judge(AUTHORITY.issue("b.example", extensions=[(broken, critical)]))
                self.assertIsInstance(outcome, Refused, (oid, outcome))

    @settings(deadline=None)
    @given(st.binary(max_size=60))
    def test_any_names(self, raw: bytes) -> None:
        """No bytes in place of the names make the judgement fail or prove anything."""
        self.assertIsInstance(judge(AUTHORITY.issue(san_raw=raw)), Refused)

    @settings(deadline=None)
    @given(st.integers(min_value=0, max_value=1_000), st.integers(min_value=1, max_value=255))
    def test_flipped_byte(self, at: int, mask: int) -> None:
        """
        A certificate changed in one byte anywhere is refused, whatever that byte meant.

        One byte means nothing: it counts the bits at the end of the signature that are not used, and
        is not signed itself.
        """
        whole = bytearray(FLIPPED.public_bytes(Encoding.DER))
        whole[at % len(whole)] ^= mask
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a serial number that became negative
            try:
                changed = x509.load_der_x509_certificate(bytes(whole))
            except (ValueError, x509.InvalidVersion):
                return  # the network floor gives us no such certificate
            outcome = PkixProof(ANCHORS).judge(DomainName.parse("a.example"), Evidence(chain=(changed,)), NOW)
        if not isinstance(outcome, Refused):
            unchanged = FLIPPED.tbs_certificate_bytes, FLIPPED.signature
            self.assertEqual((changed.tbs_certificate_bytes, changed.signature), unchanged, f"byte {at} by {mask}")

    def test_long_and_unprintable_issuer(self) -> None:
        """Names from a certificate are cut and cleaned before they get into a log."""
        authority = CertificateAuthority("x\r\n" + "y" * 60, now=NOW)
        outcome = judge(authority.issue("a.example"))
        assert isinstance(outcome, Refused)
        self.assertTrue(outcome.reasons[0].isprintable())
        nested = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "z" * 60)] * 8)
        self.assertIn("...", str(judge(self_signed(ca=False, issuer=nested))))

    def test_nameless_issuer(self) -> None:
        """A certificate that does not say who issued it is refused."""
        self.assert_refused(judge(self_signed(ca=False, issuer=x509.Name([]))), "nobody by name")

    def test_issuers_in_a_circle(self) -> None:
        """Authorities that certify each other lead nowhere, and end."""
        one, two = CertificateAuthority("one", now=NOW), CertificateAuthority("two", now=NOW)
        circle = (
            built("x", two._name, one._name, key=two._key, by=one._key, ca=True),
            built("x", one._name, two._name, key=one._key, by=two._key, ca=True),
        )
        chain = (one.issue("a.example").leaf, *circle, *circle)
        outcome = PkixProof(ANCHORS).judge(DomainName.parse("a.example"), Evidence(chain=chain), NOW)
        self.assertIsInstance(outcome, Refused, outcome)


class AnchorTests(SynchronousTestCase):
    """The certificates whose word is taken."""

    def test_what_they_are(self) -> None:
        """Anchors can be counted and listed."""
        self.assertEqual((len(ANCHORS), ANCHORS.certificates), (1, (AUTHORITY.certificate,)))

    def test_issuer_by_name(self) -> None:
        """It is told by name whether an anchor may have issued a certificate."""
        self.assertTrue(ANCHORS.may_have_issued(AUTHORITY.issue("a.example").leaf))
        self.assertFalse(ANCHORS.may_have_issued(CertificateAuthority("another").certificate))
