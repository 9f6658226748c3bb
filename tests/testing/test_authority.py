"""Tests of :mod:`muxs2s.testing.authority`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtensionOID
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.certificates import CertificateStore, load_trust_anchors
from muxs2s.proof import Evidence, PkixProof, Proven
from muxs2s.testing import CLIENT, SERVER, CertificateAuthority, IssuedCredentials, general_name
from muxs2s.testing.authority import KeyKind
from muxs2s.wire.names import DomainName

NOW = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
DAY = 86_400.0


def proves(authority: CertificateAuthority, issued: IssuedCredentials, domain: str, now: float) -> bool:
    """Whether a certificate proves a domain to those who trust the authority."""
    evidence = Evidence(chain=(issued.leaf, *issued.chain))
    return isinstance(PkixProof(authority.trust_anchors).judge(DomainName.parse(domain), evidence, now), Proven)


def self_signed(name: str, key: Ed25519PrivateKey) -> x509.Certificate:
    """The certificate of an authority that signs with such a key."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).serial_number(1)
    builder = builder.public_key(key.public_key()).not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    return builder.not_valid_after(datetime(2027, 1, 1, tzinfo=UTC)).sign(key, None)


class AuthorityTests(SynchronousTestCase):
    """An authority for tests."""

    def test_good_at_any_time(self) -> None:
        """Without a time certificates are good in this century, whatever the clock says."""
        authority = CertificateAuthority()
        issued = authority.issue("a.example")
        for year in (2021, 2026, 2098):
            self.assertTrue(proves(authority, issued, "a.example", datetime(year, 1, 1, tzinfo=UTC).timestamp()))

    def test_time(self) -> None:
        """With a time certificates are good from the day before until 90 days later."""
        authority = CertificateAuthority(now=NOW)
        issued = authority.issue("a.example")
        self.assertEqual([issued.valid_at(NOW + days * DAY) for days in (-2, -1, 90, 91)], [False, True, True, False])

    def test_given_period(self) -> None:
        """A period can be given, one end or both; a certificate that ended had begun before."""
        authority = CertificateAuthority(now=NOW)
        both = authority.issue("a.example", not_before=NOW - 9 * DAY, not_after=NOW - 8 * DAY)
        self.assertEqual([both.valid_at(NOW - days * DAY) for days in (10, 9, 8, 7)], [False, True, True, False])
        ended = authority.issue("a.example", not_after=NOW - 30 * DAY)
        self.assertEqual([ended.valid_at(NOW - days * DAY) for days in (31, 30, 29)], [True, True, False])

    def test_serial_numbers(self) -> None:
        """No two certificates of an authority have the same number or path."""
        authority = CertificateAuthority()
        issued = [authority.issue("a.example") for _ in range(3)]
        self.assertEqual(len({one.leaf.serial_number for one in issued}), 3)
        self.assertEqual(len({one.path for one in issued}), 3)

    def test_intermediate(self) -> None:
        """An authority below another issues certificates that carry all issuers but the root."""
        root = CertificateAuthority()
        upper = root.intermediate("upper")
        lower = upper.intermediate("lower")
        issued = lower.issue("a.example")
        self.assertEqual(issued.chain, (lower.certificate, upper.certificate))
        self.assertTrue(proves(root, issued, "a.example", NOW))
        self.assertTrue(proves(lower, issued, "a.example", NOW))

    def test_intermediate_extensions(self) -> None:
        """An authority below another can be limited in what it may issue."""
        below = CertificateAuthority().intermediate(
            eku=(SERVER,), path_length=1, permitted=["example"], excluded=[x509.DNSName("b.example")]
        )
        found = below.certificate.extensions
        constraints = found.get_extension_for_class(x509.NameConstraints).value
        self.assertEqual(constraints.permitted_subtrees, [x509.DNSName("example")])
        self.assertEqual(constraints.excluded_subtrees, [x509.DNSName("b.example")])
        self.assertEqual(found.get_extension_for_class(x509.BasicConstraints).value.path_length, 1)
        self.assertEqual(list(found.get_extension_for_class(x509.ExtendedKeyUsage).value), [SERVER])


class IssueTests(SynchronousTestCase):
    """What can be asked of a certificate."""

    authority = CertificateAuthority()

    def test_names(self) -> None:
        """Domains in any spelling, wildcards, and names of other kinds go together."""
        names = self.authority.issue("bücher.example", "*.a.example", general_name("xmpp", "b.example")).names
        self.assertEqual(names.dns, frozenset({"xn--bcher-kva.example"}))
        self.assertEqual(names.patterns, frozenset({"*.a.example"}))
        self.assertEqual(names.xmpp, frozenset({"b.example"}))

    def test_kind(self) -> None:
        """All domains can be written as SRVName or XmppAddr."""
        self.assertEqual(self.authority.issue("a.example", kind="srv").names.srv, frozenset({"a.example"}))
        self.assertEqual(self.authority.issue("a.example", kind="xmpp").names.xmpp, frozenset({"a.example"}))

    def test_keys(self) -> None:
        """Each kind of key can be had."""
        kinds: dict[KeyKind, type] = {"ec": EllipticCurvePrivateKey, "ed25519": Ed25519PrivateKey}
        for kind, expected in kinds.items():
            issued = self.authority.issue("a.example", key=kind)
            self.assertIsInstance(issued.private_key, expected)
            self.assertEqual(issued.leaf.public_key(), issued.private_key.public_key())

    def test_rsa_keys(self) -> None:
        """RSA keys are 2048 bits long, or too short."""
        lengths: dict[KeyKind, int] = {"rsa": 2_048, "rsa1024": 1_024}
        for kind, bits in lengths.items():
            key = self.authority.issue("a.example", key=kind).private_key
            assert isinstance(key, RSAPrivateKey)
            self.assertEqual(key.key_size, bits)

    def test_purposes(self) -> None:
        """The purposes can be chosen, or left out."""
        both = self.authority.issue("a.example", eku=(SERVER, CLIENT)).leaf.extensions
        self.assertEqual(list(both.get_extension_for_class(x509.ExtendedKeyUsage).value), [SERVER, CLIENT])
        none = self.authority.issue("a.example", eku=()).leaf.extensions
        self.assertRaises(x509.ExtensionNotFound, none.get_extension_for_class, x509.ExtendedKeyUsage)

    def test_subject(self) -> None:
        """The subject is empty and the names critical, unless a Common Name is given."""
        for common_name, text in ((None, ""), ("a server", "CN=a server")):
            leaf = self.authority.issue("a.example", common_name=common_name).leaf
            self.assertEqual(leaf.subject.rfc4514_string(), text)
            names = leaf.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
            self.assertEqual(names.critical, common_name is None)

    def test_nameless(self) -> None:
        """A certificate for nobody has no names, and a path all the same."""
        issued = self.authority.issue()
        self.assertEqual(list(issued.names.all_domains()), [])
        self.assertTrue(issued.path.startswith("nobody (number "), issued.path)

    def test_broken_names(self) -> None:
        """Any bytes can stand where the names should."""
        self.assertEqual(len(self.authority.issue(san_raw=b"broken").names.ignored), 1)

    def test_bad_certificates(self) -> None:
        """Certificates of authorities and ones with further extensions can be had."""
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
        found = self.authority.issue("a.example", is_ca=True, extensions=[(extension, True)]).leaf.extensions
        self.assertTrue(found.get_extension_for_class(x509.BasicConstraints).value.ca)
        self.assertTrue(found.get_extension_for_oid(x509.ObjectIdentifier("1.2.3.4")).critical)


class WriteTests(SynchronousTestCase):
    """Certificates in files."""

    def test_round_trip(self) -> None:
        """What is written can be read as the configuration of a server."""
        place = Path(self.mktemp())
        authority = CertificateAuthority()
        issued = authority.intermediate().issue("a.example")
        certificate, key = issued.write(place / "live" / "a.example")
        self.assertEqual((certificate.name, key.name), ("fullchain.pem", "privkey.pem"))
        store = CertificateStore()
        store.add_directory(place)
        (found,) = store
        self.assertEqual((found.leaf, found.chain), (issued.leaf, issued.chain))
        anchors = load_trust_anchors(authority.write(place / "ca.pem"))
        self.assertEqual(anchors.certificates, (authority.certificate,))

    def test_authority(self) -> None:
        """An authority that was written with its key can be read, and goes on issuing under its name."""
        place = Path(self.mktemp())
        authority = CertificateAuthority("written")
        again = CertificateAuthority.read(authority.write(place, with_key=True))
        self.assertEqual(authority.certificate, again.certificate)
        self.assertTrue(proves(authority, again.issue("a.example"), "a.example", NOW))
        self.assertNotEqual(again.issue("a.example").leaf.serial_number, again.issue("a.example").leaf.serial_number)

    def test_pure_keys(self) -> None:
        """An authority may sign with a key that hashes by itself, such as Ed25519."""
        place = Path(self.mktemp())
        key = Ed25519PrivateKey.generate()
        built = self_signed("Ed25519 CA", key)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        place.write_bytes(built.public_bytes(Encoding.PEM) + pem)
        authority = CertificateAuthority.read(place)
        self.assertEqual(built.subject, authority.issue("a.example").leaf.issuer)

    def test_in_memory(self) -> None:
        """What is issued can be added to a store as it is."""
        issued = CertificateAuthority().issue("a.example")
        store = CertificateStore()
        store.add(issued)
        self.assertIs(store.for_domain(DomainName.parse("a.example"), NOW), issued)
