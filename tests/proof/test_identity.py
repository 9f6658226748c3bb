"""Tests of :mod:`muxs2s.proof.identity`."""

from __future__ import annotations

from ipaddress import ip_address
from typing import cast

from cryptography.x509 import (
    Certificate,
    DNSName,
    GeneralName,
    IPAddress,
    ObjectIdentifier,
    OtherName,
    RFC822Name,
    SubjectAlternativeName,
    UnrecognizedExtension,
)
from cryptography.x509.oid import ExtensionOID
from hypothesis import given, settings
from hypothesis import strategies as st
from service_identity import VerificationError
from service_identity.cryptography import extract_patterns
from service_identity.hazmat import DNS_ID, SRV_ID, verify_service_identity
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof import MAX_CERTIFICATE_NAMES, NO_NAMES, CertificateNames, names_in
from muxs2s.proof.identity import MAX_CACHED_CERTIFICATES, subject_in
from muxs2s.testing import CertificateAuthority, general_name
from muxs2s.wire.names import DomainName, DomainPattern
from tests.fuzz.checks import check_certificate
from tests.proof.der import der

AUTHORITY = CertificateAuthority()

SRV = bytes.fromhex("06082b06010505070807")
XMPP = bytes.fromhex("06082b06010505070805")


def dns(name: bytes) -> bytes:
    """A dNSName as it stands in the extension."""
    return der(0x82, name)


GOOD = dns(b"good.example")


def read(*names: str | GeneralName) -> CertificateNames:
    """Issue a certificate for these names and read them."""
    return names_in(AUTHORITY.issue(*names).leaf)


def read_raw(*entries: bytes) -> CertificateNames:
    """Issue a certificate with these subject alternative names, however broken, and read them."""
    return names_in(AUTHORITY.issue(san_raw=der(0x30, *entries)).leaf)


def covers(names: CertificateNames, domain: str) -> bool:
    """Whether the names cover a domain in any spelling."""
    return names.covers(DomainName.parse(domain))


TEXTS = st.binary(max_size=12) | st.sampled_from(
    [
        *(b"a.example", b"*.b.example", b"_xmpp-server.c.example", b"x@d.example", "ü.example".encode()),
        *(b"\0.example", b"127.0.0.1"),
    ]
)
VALUES = st.builds(der, st.sampled_from([0x0C, 0x16, 0x04, 0x30, 0x1F]), TEXTS)
KINDS = st.sampled_from([SRV, XMPP])
ANY_ENTRY = (
    st.builds(der, st.sampled_from([0x82, 0x81, 0x86, 0x87, 0xA0, 0x02, 0xBF]), TEXTS)
    | st.builds(lambda kind, value: der(0xA0, kind, der(0xA0, value)), KINDS, VALUES)
    | st.builds(lambda kind, value: der(0xA0, kind, der(0xA0, value, value)), KINDS | st.just(b""), VALUES)
)
"""GeneralNames: whole, broken inside, or of kinds that do not count."""


class KindsTests(SynchronousTestCase):
    """The three kinds of names that count."""

    def test_dns_name(self) -> None:
        """T14: a dNSName names the domain."""
        self.assertEqual(read("a.example"), CertificateNames(dns=frozenset({"a.example"})))

    def test_srv_name(self) -> None:
        """T14: an SRVName of the service _xmpp-server names the domain."""
        self.assertEqual(read(general_name("srv", "a.example")), CertificateNames(srv=frozenset({"a.example"})))

    def test_xmpp_addr(self) -> None:
        """T14: an XmppAddr that is a bare domain names it."""
        self.assertEqual(read(general_name("xmpp", "a.example")), CertificateNames(xmpp=frozenset({"a.example"})))

    def test_each_suffices(self) -> None:
        """T14: a domain is covered by a name of any kind, and no other domain is."""
        for kind in ("dns", "srv", "xmpp"):
            names = read(general_name(kind, "a.example"))
            self.assertTrue(covers(names, "a.example"))
            self.assertFalse(covers(names, "b.example"))
            self.assertFalse(covers(names, "example"))

    def test_included(self) -> None:
        """M7: a pattern is included if it is named itself, a domain also if a pattern matches it."""
        names, below, above = read("*.a.example"), DomainName.parse("x.a.example"), DomainName.parse("a.example")
        self.assertTrue(names.include(below))
        self.assertTrue(names.include(DomainPattern(above)))
        self.assertFalse(names.include(above))
        self.assertFalse(names.include(DomainPattern(below)))

    def test_all_kinds(self) -> None:
        """T14: a name counts once, of however many kinds it is; patterns are names, but no domains."""
        found = read("a.example", "*.c.example", general_name("srv", "A.example"), general_name("xmpp", "b.example"))
        self.assertEqual({"a.example", "b.example"}, found.domains)
        self.assertEqual({"a.example", "b.example", "*.c.example"}, found.entries)
        self.assertEqual(frozenset(), NO_NAMES.entries)

    def test_other_kinds(self) -> None:
        """T14: mail and IP addresses are no names of servers, and are passed over without a note."""
        found = read(RFC822Name("a@a.example"), IPAddress(ip_address("192.0.2.1")))
        self.assertEqual((found, found.ignored), (NO_NAMES, ()))

    def test_other_other_names(self) -> None:
        """T14: an otherName of another kind is passed over, whatever it holds."""
        found = read(OtherName(ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), der(0x30)), "a.example")
        self.assertEqual((found.all_domains(), found.ignored), (frozenset({"a.example"}), ()))

    def test_all_names(self) -> None:
        """M7: every domain a certificate names in full is listed, whatever kind the name is of."""
        found = read("a.example", "*.b.example", general_name("srv", "c.example"), general_name("xmpp", "d.example"))
        self.assertEqual(found.all_domains(), frozenset({"a.example", "c.example", "d.example"}))

    def test_no_names(self) -> None:
        """A certificate without subject alternative names names nobody."""
        self.assertEqual(read(), NO_NAMES)

    def test_common_name(self) -> None:
        """T18: the Common Name is never consulted, with or without other names."""
        for names in ((), ("b.example",)):
            found = names_in(AUTHORITY.issue(*names, common_name="a.example").leaf)
            self.assertFalse(covers(found, "a.example"))


class DNSNameTests(SynchronousTestCase):
    """How a dNSName is compared."""

    def test_case_and_dot(self) -> None:
        """T15: labels are compared without regard to case, and a trailing dot is nothing."""
        self.assertTrue(covers(read_raw(dns(b"A.ExAmPlE.")), "a.example"))

    def test_internationalized(self) -> None:
        """T15: A-labels in the certificate match the domain in either spelling."""
        found = read("bücher.example")
        self.assertEqual(found.dns, frozenset({"xn--bcher-kva.example"}))
        self.assertTrue(covers(found, "bücher.example"))
        self.assertTrue(covers(found, "XN--BCHER-KVA.example"))

    def test_u_labels(self) -> None:
        """T15: U-labels do not belong into a dNSName and do not count there."""
        found = read_raw(dns("bücher.example".encode()), GOOD)
        self.assertEqual(found.all_domains(), frozenset({"good.example"}))
        self.assertEqual(len(found.ignored), 1)

    def test_wildcard(self) -> None:
        """T15: an asterisk as the whole left-most label stands for exactly one label."""
        found = read("*.example")
        self.assertEqual(found.patterns, frozenset({"*.example"}))
        self.assertTrue(covers(found, "c.example"))
        self.assertTrue(covers(found, "bücher.example"))
        self.assertFalse(covers(found, "x.c.example"))
        self.assertFalse(covers(found, "example"))

    def test_other_wildcards(self) -> None:
        """T15: any other form of wildcard makes this one name invalid."""
        for name in (b"c*.example", b"*c.example", b"a.*.example", b"*.*.example", b"*", b"*.", b"**.example"):
            found = read_raw(dns(name), GOOD)
            self.assertEqual(found, CertificateNames(dns=frozenset({"good.example"})), name)
            self.assertEqual(len(found.ignored), 1, name)

    def test_no_host_name(self) -> None:
        """What is no domain name does not count and spoils nothing."""
        for name in (b"", b".", b"a..example", b"-a.example", b"a_b.example", b"192.0.2.1", b"a\0.example", b"\xff"):
            found = read_raw(dns(name), GOOD)
            self.assertEqual(found, CertificateNames(dns=frozenset({"good.example"})), name)


class SRVNameTests(SynchronousTestCase):
    """How an SRVName is compared."""

    def test_case(self) -> None:
        """T16: the service is compared without regard to case."""
        self.assertTrue(covers(read(general_name("srv", "_XMPP-Server.A.example")), "a.example"))

    def test_other_service(self) -> None:
        """T16: no other service counts, neither that of clients nor one with a protocol."""
        for name in ("_xmpp-client.c.example", "_xmpps-server.c.example", "_xmpp-server._tcp.c.example"):
            self.assertFalse(covers(read(general_name("srv", name)), "c.example"), name)

    def test_not_mixed(self) -> None:
        """T16: the service of one name never goes with the domain of another."""
        found = read(general_name("srv", "_xmpp-client.a.example"), general_name("srv", "b.example"))
        self.assertFalse(covers(found, "a.example"))

    def test_wildcard(self) -> None:
        """T16: an SRVName has no wildcards."""
        self.assertEqual(read(general_name("srv", "_xmpp-server.*.example")), NO_NAMES)

    def test_utf8_string(self) -> None:
        """T14: an SRVName written as UTF8String, as common configurations do, counts."""
        entry = der(0xA0, SRV, der(0xA0, der(0x0C, b"_xmpp-server.a.example")))
        self.assertTrue(covers(read_raw(entry), "a.example"))

    def test_empty(self) -> None:
        """An empty SRVName spoils nothing."""
        found = read_raw(der(0xA0, SRV, der(0xA0, der(0x16))), GOOD)
        self.assertEqual(found.all_domains(), frozenset({"good.example"}))


class XmppAddrTests(SynchronousTestCase):
    """How an XmppAddr is compared."""

    def test_addresses(self) -> None:
        """T17: an XmppAddr with a localpart or a resource is ignored."""
        for address in ("user@a.example", "a.example/x", "user@a.example/x"):
            found = read(general_name("xmpp", address))
            self.assertEqual((found, len(found.ignored)), (NO_NAMES, 1), address)

    def test_u_labels(self) -> None:
        """T17: an XmppAddr is compared as a domainpart, in whichever spelling it is given."""
        for address in ("bücher.example", "Bücher.Example.", "xn--bcher-kva.example"):
            self.assertTrue(covers(read(general_name("xmpp", address)), "bücher.example"), address)

    def test_wildcard(self) -> None:
        """T17: an XmppAddr has no wildcards."""
        self.assertEqual(read(general_name("xmpp", "*.example")), NO_NAMES)

    def test_broken_utf8(self) -> None:
        """An XmppAddr that is no UTF-8 is left out with a note."""
        found = read_raw(der(0xA0, XMPP, der(0xA0, der(0x0C, b"\xff\xfe"))), GOOD)
        self.assertEqual((found.all_domains(), len(found.ignored)), (frozenset({"good.example"}), 1))


class HostileTests(SynchronousTestCase):
    """Names made to break their reader."""

    def test_odd_entries(self) -> None:
        """T14: an entry that is malformed in itself is left out with a note; those around it count."""
        odd = {
            "no value": der(0xA0, SRV),
            "nothing": der(0xA0),
            "no identifier": der(0xA0, der(0x02, b"\x01"), der(0xA0, der(0x16, b"x"))),
            "value not tagged": der(0xA0, SRV, der(0x16, b"_xmpp-server.a.example")),
            "trailing bytes": der(0xA0, SRV, der(0xA0, der(0x16, b"_xmpp-server.a.example")), b"\x05\x00"),
            "no string": der(0xA0, SRV, der(0xA0, der(0x02, b"\x01"))),
            "two strings": der(0xA0, XMPP, der(0xA0, der(0x0C, b"a.example"), der(0x0C, b"a.example"))),
            "string cut short": der(0xA0, XMPP, der(0xA0, b"\x0c\x20a.example")),
            "indefinite length": der(0xA0, XMPP, b"\xa0\x80\x0c\x01a\x00\x00"),
            "huge length": der(0xA0, XMPP, b"\xa0\x85\x01\x01\x01\x01\x01"),
            "tag of two octets": der(0xA0, XMPP, b"\xbf\x1f\x00"),
        }
        for label, entry in odd.items():
            found = read_raw(GOOD, entry, dns(b"also.example"))
            self.assertEqual(found.all_domains(), frozenset({"good.example", "also.example"}), label)
            self.assertEqual(len(found.ignored), 1, label)

    def test_broken_list(self) -> None:
        """Where the list itself breaks, the names before the break still count."""
        found = read_raw(GOOD, b"\x82\x70cut")
        self.assertEqual((found.all_domains(), len(found.ignored)), (frozenset({"good.example"}), 1))

    def test_no_list(self) -> None:
        """An extension that is no list of names names nobody, and says so."""
        for raw in (b"", b"\x30", b"\x30\x80", der(0x31, GOOD), der(0x30, GOOD) + b"x", b"\x04\x00"):
            found = names_in(AUTHORITY.issue(san_raw=raw).leaf)
            self.assertEqual((found, len(found.ignored)), (NO_NAMES, 1), raw)

    def test_unparsable_for_the_library(self) -> None:
        """T14: names are read even where the library's reader gives up on the whole extension."""
        leaf = AUTHORITY.issue(san_raw=der(0x30, GOOD, der(0x87, b"abc"))).leaf
        self.assertRaises(ValueError, lambda: leaf.extensions)
        self.assertTrue(covers(names_in(leaf), "good.example"))

    def test_extension_twice(self) -> None:
        """Of two extensions with names neither is believed."""
        raw = der(0x30, GOOD)
        issued = AUTHORITY.issue(
            "a.example", extensions=[(UnrecognizedExtension(ObjectIdentifier("1.2.3"), raw), False)]
        )
        twice = _Doubled(issued.leaf.tbs_certificate_bytes)
        found = names_in(twice)
        self.assertEqual((found, len(found.ignored)), (NO_NAMES, 1))

    def test_longest_notes(self) -> None:
        """A note is cut, so that a peer cannot fill a log with it."""
        found = read_raw(dns(b"x" * 5_000))
        self.assertLessEqual(len(found.ignored[0]), 200)

    def test_name_limit(self) -> None:
        """As many names as the limit says are read."""
        found = read(*(f"d{number}.example" for number in range(MAX_CERTIFICATE_NAMES)))
        self.assertEqual((len(found.dns), found.ignored), (256, ()))

    def test_past_name_limit(self) -> None:
        """One name more than the limit is not read, and a note says so."""
        found = read(*(f"d{number}.example" for number in range(MAX_CERTIFICATE_NAMES + 1)))
        self.assertEqual((len(found.dns), len(found.ignored)), (256, 1))
        self.assertFalse(covers(found, "d256.example"))

    def test_remembered(self) -> None:
        """Of one certificate more than there is room for the names of the least recently used are forgotten."""
        certificates = [AUTHORITY.issue("a.example").leaf for _ in range(MAX_CACHED_CERTIFICATES + 1)]
        for certificate in certificates:
            names_in(certificate)
        known = names_in.cache_info()
        self.assertEqual(MAX_CACHED_CERTIFICATES, known.currsize)
        names_in(certificates[0])
        self.assertEqual(known.misses + 1, names_in.cache_info().misses)

    @settings(deadline=None)
    @given(st.binary(max_size=200))
    def test_anything(self, raw: bytes) -> None:
        """No bytes in place of the names make reading them fail."""
        self.assertLessEqual(len(read_raw(GOOD, raw).ignored), MAX_CERTIFICATE_NAMES + 1)

    @settings(deadline=None)
    @given(st.lists(ANY_ENTRY, max_size=6), st.binary(max_size=3))
    def test_any_entries(self, entries: list[bytes], rest: bytes) -> None:
        """Entries of every kind with any content, and with anything behind them: names that count are domain names."""
        names = check_certificate(AUTHORITY.issue(san_raw=der(0x30, *entries, rest)).leaf)
        for domain in names.all_domains():
            self.assertTrue(names.covers(domain))
        self.assertEqual(read_raw(*entries), read_raw(*entries, GOOD[:-1]))

    def test_truncated(self) -> None:
        """A list of names cut anywhere is no list any more: it names nobody, and reading it never fails."""
        whole = der(0x30, GOOD, der(0xA0, SRV, der(0xA0, der(0x16, b"_xmpp-server.a.example"))), dns(b"*.c.example"))
        for end in range(len(whole)):
            self.assertEqual(names_in(AUTHORITY.issue(san_raw=whole[:end]).leaf), NO_NAMES, end)


class _Doubled:
    """A certificate with the names twice, which no library would sign."""

    def __init__(self, tbs: bytes) -> None:
        names = der(0x30, der(0x06, bytes.fromhex("551d11")), der(0x04, der(0x30, GOOD)))
        self.tbs_certificate_bytes = der(0x30, der(0xA3, der(0x30, names, names)))


class SubjectTests(SynchronousTestCase):
    """The subject of a certificate, as it is written in it."""

    def test_subject(self) -> None:
        """M6: the subject is read as it stands there, empty if it is."""
        issued = AUTHORITY.issue("b.example", common_name="a.example").leaf
        self.assertEqual(der(0x30, subject_in(issued)), issued.subject.public_bytes())
        self.assertEqual(b"", subject_in(AUTHORITY.issue("b.example").leaf))

    def test_broken(self) -> None:
        """Bytes that are no certificate have no subject, wherever they end."""
        whole = AUTHORITY.issue("b.example", common_name="a.example").leaf.tbs_certificate_bytes
        for tbs in (whole[:-1], whole[:1], b"", der(0x30, der(0x02, b"1"), der(0x30)), der(0x30, b"\x30\x05")):
            self.assertEqual(b"", subject_in(cast(Certificate, _Bytes(tbs))), tbs)


class _Bytes:
    """What no library would take for a certificate."""

    def __init__(self, tbs: bytes) -> None:
        self.tbs_certificate_bytes = tbs


class WordsTests(SynchronousTestCase):
    """A certificate described in one line."""

    def test_names(self) -> None:
        """Names in full come first, then patterns."""
        self.assertEqual(str(read("*.b.example", "c.example", "a.example")), "a.example, c.example, *.b.example")

    def test_many(self) -> None:
        """Of many names the first are listed and the rest are counted."""
        names = read(*(f"{letter}.example" for letter in "abcdefghij"))
        self.assertTrue(str(names).endswith("g.example, h.example and 2 more"), str(names))

    def test_none(self) -> None:
        """A certificate for nobody is called that."""
        self.assertEqual(str(NO_NAMES), "no XMPP domain")


class CrossCheckTests(SynchronousTestCase):
    """Ours against service-identity, which knows DNS-ID and SRV-ID."""

    certificates = (
        ("a.example",),
        ("A.EXAMPLE", "b.example"),
        ("*.a.example",),
        ("*.example.net", "x.a.example"),
        (general_name("srv", "a.example"),),
        (general_name("srv", "a.example"), "b.example"),
        ("xn--bcher-kva.example",),
        ("a.example", DNSName("a.b.example")),
    )
    domains = (
        "a.example",
        "b.example",
        "x.a.example",
        "x.x.a.example",
        "example.net",
        "y.example.net",
        "bücher.example",
    )

    def test_agree(self) -> None:
        """T14, T15, T16: for certificates without oddities both come to the same verdict on every domain."""
        for names in self.certificates:
            leaf = AUTHORITY.issue(*names).leaf
            for domain in map(DomainName.parse, self.domains):
                self.assertEqual(names_in(leaf).covers(domain), self._theirs(leaf, domain), (names, domain))

    @staticmethod
    def _theirs(leaf: Certificate, domain: DomainName) -> bool:
        patterns = extract_patterns(leaf)
        for wanted in (DNS_ID(domain.ascii), SRV_ID(f"_xmpp-server.{domain.ascii}")):
            try:
                verify_service_identity(patterns, obligatory_ids=[wanted], optional_ids=[])
            except VerificationError:
                continue
            return True
        return False

    def test_names_are_where_the_library_sees_them(self) -> None:
        """T14: the extension we find is the one the library finds."""
        leaf = AUTHORITY.issue("a.example", "b.example").leaf
        found = leaf.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
        assert isinstance(found, SubjectAlternativeName)
        self.assertEqual(names_in(leaf).dns, frozenset(found.get_values_for_type(DNSName)))
