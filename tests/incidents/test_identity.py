"""
Certificates that prove less than they seem to, in both directions: who calls, and who is called.

Incident 4 is CVE-2021-32919, a certificate that spared a dialback key and was never looked at; incident 8 is
CVE-2025-59154, a name taken from the text of a distinguished name by a pattern; incident 9 are certificates that
failed and were gone on with, among them CVE-2014-3451; incident 15 are certificates that were issued to somebody
on the way; incident 16 is the end of certificates for clients.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID, ObjectIdentifier

from muxs2s.network.pem import Credentials
from muxs2s.proof.outcome import Evidence, Outcome, Proven, Refused
from muxs2s.proof.peers import DIALBACK_SUFFICES, PeerPolicies, PeerPolicy
from muxs2s.proof.pkix import PkixProof
from muxs2s.proof.policy import ProofPolicy
from muxs2s.testing import CLIENT, SERVER, CertificateAuthority
from muxs2s.wire.names import DomainName
from tests.incidents.conversations import called
from tests.network.bytepeer import BytePeer, call
from tests.service.world import AUTHORITY, FederationTestCase, Server
from tests.stream.scripts import STARTTLS, dialback

EXPIRED: Final = datetime(2026, 1, 31, tzinfo=UTC).timestamp()

STRANGER: Final = CertificateAuthority("a stranger")


def subject_of(*attributes: tuple[ObjectIdentifier, str]) -> Credentials:
    """A certificate of the good authority with such a subject, and for other.example by its alternative name."""
    key = generate_private_key(SECP256R1())
    template = AUTHORITY.issue("other.example").leaf
    builder = x509.CertificateBuilder(
        issuer_name=template.issuer,
        subject_name=x509.Name([x509.NameAttribute(kind, value) for kind, value in attributes]),
        public_key=key.public_key(),
        serial_number=template.serial_number + 100_000,
        not_valid_before=template.not_valid_before_utc,
        not_valid_after=template.not_valid_after_utc,
        extensions=list(template.extensions),
    )
    return Credentials(leaf=builder.sign(AUTHORITY._key, SHA256()), chain=(), private_key=key, path="crafted")


def self_signed(domain: str) -> Credentials:
    """A certificate that only its own key vouches for."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=datetime(2020, 1, 1, tzinfo=UTC),
        not_valid_after=datetime(2099, 1, 1, tzinfo=UTC),
    ).add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
    return Credentials(leaf=builder.sign(key, SHA256()), chain=(), private_key=key, path="crafted")


def dns_name(name: bytes) -> bytes:
    """The alternative names of a certificate in DER: one dNSName, whatever is in it."""
    return bytes((0x30, len(name) + 2, 0x82, len(name))) + name


class IdentityCase(FederationTestCase):
    """The server a.example, which asks of victim.example a proof, and servers that pretend to be it."""

    victim = "a.victim.example"

    def pretender(self, *credentials: Credentials) -> Server:
        """A server that calls itself the victim, where DNS says it is, and shows this certificate, or none."""
        server = self.world.server(self.victim, credentials=credentials)
        for shown in credentials:
            self.patch(server.certificates, "for_domain", lambda _domain, _now, shown=shown: shown)
        return server

    def tried(self, credentials: Sequence[Credentials], judged_by: Server) -> dict[str, str]:
        """Send a stanza in each direction: what came of it, ``accepted`` or why our server has refused."""
        pretender = self.pretender(*credentials)
        came = {}
        for direction, sender, target in (("calls us", pretender, judged_by), ("is called", judged_by, pretender)):
            self.logged.events.clear()
            target.mailbox.taken.clear()
            sender.send(direction, target=target.domains[0])
            self.world.advance(61.0)
            refused = [line for line in self.logged.lines if "said we" in line]
            came[direction] = "accepted" if direction in target.mailbox.texts else "; ".join(refused)
            self.network.cut()
            self.network.settle()
        pretender.stop()
        self.world.zone.remove(f"xmpp.{self.victim}", "A")
        return came

    def assert_refused(self, reason: str, *credentials: Credentials, judged_by: Server | None = None) -> None:
        """Who shows this proves nothing in either direction, and the log has the reason, once."""
        came = self.tried(credentials, judged_by or self.a)
        for direction, condition in (("calls us", "policy-violation"), ("is called", "not-authorized")):
            self.assertIn(f"said we: {condition} (", came[direction])
            self.assertIn(reason, came[direction])
            self.assertEqual(1, came[direction].count("said we"), came)

    def assert_accepted(self, *credentials: Credentials, judged_by: Server | None = None) -> None:
        """Who shows this is the victim, in both directions."""
        came = self.tried(credentials, judged_by or self.a)
        self.assertEqual({"calls us": "accepted", "is called": "accepted"}, came)


class NameTests(IdentityCase):
    """Only parsed alternative names count."""

    def test_measure(self) -> None:
        """Whose certificate names the victim is accepted in both directions: the others are refused for a reason."""
        self.assert_accepted(AUTHORITY.issue(self.victim))
        self.assert_accepted(AUTHORITY.issue("*.victim.example"))

    def test_subject(self) -> None:
        """Incident 8: no part of the subject names a domain, be it written to look like one."""
        for attributes in (
            [(NameOID.COMMON_NAME, self.victim)],
            [(NameOID.ORGANIZATIONAL_UNIT_NAME, f"CN={self.victim},"), (NameOID.COMMON_NAME, "other.example")],
            [(NameOID.COMMON_NAME, f"other.example,CN={self.victim}")],
            [(NameOID.ORGANIZATION_NAME, f"x\\,CN={self.victim}")],
        ):
            self.assert_refused("does not name a.victim.example; it names other.example", subject_of(*attributes))

    def test_common_name_alone(self) -> None:
        """Incident 8: a certificate without alternative names proves nothing, whatever its Common Name."""
        self.assert_refused("it names no XMPP domain", AUTHORITY.issue(common_name=self.victim))

    def test_zero(self) -> None:
        """Incident 8: a name with a zero in it is none, and above all not what stands in front of it."""
        name = f"{self.victim}\0.evil.example".encode()
        self.assert_refused("does not name a.victim.example", AUTHORITY.issue(san_raw=dns_name(name)))

    def test_wildcards(self) -> None:
        """Incident 8: an asterisk is the first label, the whole of it, and stands for no more than one."""
        for pattern in ("*.example", "*", "*.*.example", "a.*.example", "*a.victim.example", "a*.victim.example"):
            credentials = AUTHORITY.issue(san_raw=dns_name(pattern.encode()))
            self.assert_refused("does not name a.victim.example", credentials)

    def test_name_above(self) -> None:
        """Incident 8: a pattern does not stand for the domain it hangs below, nor a domain for those below."""
        self.victim = "victim.example"
        self.assert_refused("does not name victim.example", AUTHORITY.issue("*.victim.example"))
        self.victim = "a.victim.example"
        self.assert_refused("does not name a.victim.example", AUTHORITY.issue("victim.example"))


class FailClosedTests(IdentityCase):
    """Whatever fails, nothing goes on."""

    def failures(self) -> dict[str, Credentials]:
        """A certificate of each class that fails, by the reason."""
        return {
            "CN=a stranger, which issued the certificate, is no trust anchor": STRANGER.issue(self.victim),
            "expired on 2026-01-31": AUTHORITY.issue(self.victim, not_after=EXPIRED),
            "does not name a.victim.example": AUTHORITY.issue("victim.example.evil.example"),
            "self-signed and no trust anchor": self_signed(self.victim),
        }

    def assert_each_refused(self, policies: PeerPolicies) -> None:
        """A server with these policies refuses them all."""
        judge = self.world.server("c.example", policies=lambda: policies)
        for reason, credentials in self.failures().items():
            self.assert_refused(reason, credentials, judged_by=judge)

    def test_by_default(self) -> None:
        """Incident 9: a certificate that is untrusted, expired, of another or self-signed is refused."""
        self.assert_each_refused(PeerPolicies())

    def test_exception(self) -> None:
        """Incident 9: so it is for one domain where others may do with dialback."""
        self.assert_each_refused(
            PeerPolicies(default=DIALBACK_SUFFICES, domains={"victim.example": PeerPolicy(proofs=ProofPolicy())})
        )

    def test_no_certificate(self) -> None:
        """Incident 9: so is one who calls and shows none, and one who is called and has none to show."""
        for policies in (PeerPolicies(), PeerPolicies(domains={"victim.example": PeerPolicy()})):
            judge = self.world.server("c.example", policies=lambda policies=policies: policies)
            came = self.tried([], judge)
            self.assertIn("no proof of a.victim.example was accepted: pkix: no certificate was shown", came["calls us"])
            self.assertIn("internal-server-error (no usable certificate for a.victim.example)", came["is called"])
            judge.stop()

    def test_key_instead(self) -> None:
        """Incident 9: where a key may do, it is the key that is accepted, and is said to be; the certificate is not."""
        judge = self.world.server("c.example", policies=lambda: PeerPolicies(default=DIALBACK_SUFFICES))
        for credentials in self.failures().values():
            self.assert_accepted(credentials, judged_by=judge)
            accepted = [line for line in self.logged.lines if line.startswith(f"accepted {self.victim}")]
            self.assertEqual([True], [", by dialback on" in line for line in accepted])

    def test_denied(self) -> None:
        """Incident 9: a domain that is denied is refused with the best certificate."""
        denied = PeerPolicies(domains={"victim.example": PeerPolicy(is_admitted=False)})
        judge = self.world.server("c.example", policies=lambda: denied)
        came = self.tried([AUTHORITY.issue(self.victim)], judge)
        self.assertIn("policy-violation (the policy of this server denies a.victim.example)", came["calls us"])
        self.assertIn("<not-allowed ", judge.mailbox.errors[0])


class AssertedTests(IdentityCase):
    """Dialback that spares the key: the certificate of the stream is judged for whichever domain is asserted on it."""

    weak = "x.weak.example"

    def answer(self, credentials: Credentials | None) -> bytes:
        """Show a certificate, and assert the victim, which needs one, on a stream of somebody who does not."""
        judge = self.world.server(
            "c.example", policies=lambda: PeerPolicies(domains={"weak.example": DIALBACK_SUFFICES})
        )
        peer = call(BytePeer(self.network, credentials), judge.address)
        own = called(self.weak, "c.example")
        peer.say(own + STARTTLS)
        peer.begin_tls()
        peer.say(own)
        peer.heard = b""
        peer.say(dialback("result", self.victim, "c.example", "key"))
        peer.leave()
        judge.stop()
        return peer.heard

    def test_proven(self) -> None:
        """D25, P2.3: incident 4: a good certificate for the domain that is asserted does; no key is asked about."""
        self.assertIn(b' type="valid"', self.answer(AUTHORITY.issue(self.weak, self.victim)))

    def test_not_proven(self) -> None:
        """Incident 4: one for others, expired, self-signed, with nothing but a Common Name, or none, will not."""
        for credentials in (
            AUTHORITY.issue(self.weak),
            AUTHORITY.issue(self.weak, self.victim, not_after=EXPIRED),
            STRANGER.issue(self.weak, self.victim),
            self_signed(self.victim),
            AUTHORITY.issue(common_name=self.victim),
            None,
        ):
            self.assertIn(b"<not-authorized ", self.answer(credentials))


class PinningJudge:
    """Takes what PKIX proves, if the certificate is the one that is known."""

    def __init__(self, known: Credentials) -> None:
        self.known = known.leaf

    async def judge(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        """As :class:`~muxs2s.network.evidence.Judge`."""
        outcome = PkixProof(AUTHORITY.trust_anchors).judge(domain, evidence, now)
        if isinstance(outcome, Proven) and evidence.chain[0] != self.known:
            return Refused(domain=domain, reasons=("pin: another certificate than the one that is known",))
        return outcome


class InterceptionTests(IdentityCase):
    """Somebody on the way who has a certificate that a good authority has issued."""

    def test_more_than_pkix(self) -> None:
        """Incident 15: where PKIX does not suffice the best certificate is refused, even if nothing else is at hand."""
        policies = PeerPolicies(domains={"victim.example": PeerPolicy(proofs=ProofPolicy(order=("dane",)))})
        judge = self.world.server("c.example", policies=lambda: policies)
        self.assert_refused("none of dane is at hand", AUTHORITY.issue(self.victim), judged_by=judge)

    def test_pin(self) -> None:
        """Incident 15: a judge of one's own can ask for the known certificate; another for the same name is refused."""
        known, issued_on_the_way = AUTHORITY.issue(self.victim), AUTHORITY.issue(self.victim)
        judge = self.world.server("c.example", judge=PinningJudge(known))
        self.assert_accepted(known, judged_by=judge)
        self.assert_refused("pin: another certificate", issued_on_the_way, judged_by=judge)


class PurposeTests(IdentityCase):
    """What a certificate is for."""

    def test_for_servers(self) -> None:
        """Incident 16: a certificate for servers proves a domain in both directions, with or without clients."""
        for purposes in ([SERVER], [SERVER, CLIENT]):
            self.assert_accepted(AUTHORITY.issue(self.victim, eku=purposes))

    def test_for_anything(self) -> None:
        """Incident 16: so does one that does not say what it is for."""
        self.assert_accepted(AUTHORITY.issue(self.victim, eku=[]))

    def test_for_clients(self) -> None:
        """Incident 16: one for clients alone proves nothing in either, though TLS has them call as clients."""
        self.assert_refused("lacks serverAuth", AUTHORITY.issue(self.victim, eku=[CLIENT]))
