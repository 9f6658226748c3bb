"""Our certificates, as peers will see them."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.task import Clock

from muxs2s.check.certificates import SOON_DAYS, check_certificates
from muxs2s.check.finding import Finding, Grade
from muxs2s.network import pem
from muxs2s.network.certificates import CertificateStore
from muxs2s.network.pem import CertificateProblem
from muxs2s.network.tls import TLSContexts
from muxs2s.server.certificates import ConfiguredCertificates
from muxs2s.testing import CertificateAuthority
from muxs2s.testing.authority import CLIENT, IssuedCredentials
from tests.server.configured import AUTHORITY, NOON, ConfiguredTestCase

DAY = 86_400.0


class CertificateCase(ConfiguredTestCase):
    """What is found where the configuration names certificates."""

    def found(
        self, *domains: str, files: list[object] | None = None, trust: Mapping[str, str] | None = None
    ) -> list[Finding]:
        """Whatever is found for some domains; without files those below the directory ``live`` count."""
        where = {"directories": [str(self.directory / "live")]} if files is None else {"files": files}
        configuration = self.made(domains=list(domains), certificates=where, trust=dict(trust or {}))
        certificates, clock = ConfiguredCertificates(CertificateStore()), Clock()
        clock.advance(NOON)
        loaded = certificates.load(configuration, NOON)
        return list(check_certificates(configuration, certificates.store, loaded, clock))

    def only(self, domain: str, trust: Mapping[str, str] | None = None) -> Finding:
        """The only finding."""
        [finding] = self.found(domain, trust=trust)
        return finding

    def keep(self, credentials: IssuedCredentials, name: str = "a.example") -> None:
        """Put a certificate where it counts."""
        credentials.write(self.directory / "live" / name)


class DomainTests(CertificateCase):
    """One domain of ours."""

    def test_good(self) -> None:
        """A certificate that peers accept is named with its end and its issuer; programs get all of it."""
        self.certify("a.example", "*.a.example", until=NOON + 90 * DAY)
        finding = self.only("a.example")
        self.assertEqual((Grade.OK, "a.example", ""), (finding.grade, finding.about, finding.remedy))
        self.assertIn("fullchain.pem, until 2027-04-15, issued by CN=muxs2s test CA", finding.text)
        self.assertEqual(["*.a.example", "a.example"], finding.details["names"])
        self.assertEqual("2027-04-15T08:00:00Z", finding.details["not_after"])

    def test_none(self) -> None:
        """A domain that no certificate names is an error."""
        self.certify("b.example")
        finding = self.only("a.example")
        self.assertEqual((Grade.ERROR, "no certificate names it"), (finding.grade, finding.text))
        self.assertIn("certificates.files", finding.remedy)

    def test_wildcard(self) -> None:
        """A wildcard stands for one label; whoever takes it for more is told."""
        self.certify("*.a.example")
        good, bad = self.found("rooms.a.example", "x.rooms.a.example")
        self.assertEqual((Grade.OK, Grade.ERROR), (good.grade, bad.grade))
        self.assertEqual("no certificate names it; *.a.example stands for one label, not for two", bad.text)

    def test_expired(self) -> None:
        """A certificate that is over is an error, with its own remedy."""
        self.certify("a.example", until=NOON - DAY)
        finding = self.only("a.example")
        self.assertEqual((Grade.ERROR, "renew the certificate"), (finding.grade, finding.remedy))
        self.assertIn("peers will refuse", finding.text)
        self.assertIn("expired on 2027-01-14", finding.text)

    def test_not_yet(self) -> None:
        """A certificate of tomorrow speaks of a wrong clock."""
        self.keep(AUTHORITY.issue("a.example", not_before=NOON + DAY))
        self.assertEqual("check the clock of this machine", self.only("a.example").remedy)

    def test_purpose(self) -> None:
        """A certificate for clients only is an error, whatever else it is."""
        self.keep(AUTHORITY.issue("a.example", eku=[CLIENT]))
        finding = self.only("a.example")
        self.assertIn("lacks serverAuth", finding.text)
        self.assertEqual("have it issued for servers, by an authority that peers trust", finding.remedy)

    def test_chain(self) -> None:
        """A certificate whose issuer is neither trusted nor in the file is an error that the file mends."""
        credentials = AUTHORITY.intermediate().issue("a.example")
        self.keep(credentials)
        self.assertIs(Grade.OK, self.only("a.example").grade)
        (self.directory / "live/a.example/fullchain.pem").write_bytes(
            credentials.certificate_pem.partition(b"-----END CERTIFICATE-----\n")[0] + b"-----END CERTIFICATE-----\n"
        )
        self.assertIn("behind it in the file", self.only("a.example").remedy)

    def test_openssl(self) -> None:
        """A certificate that OpenSSL does not take is an error."""
        self.certify("a.example")

        def refuse(_contexts: TLSContexts, _domain: object) -> None:
            raise CertificateProblem("a.pem", "OpenSSL refuses it: ee key too small", "have it reissued")

        self.patch(TLSContexts, "initiating", refuse)
        finding = self.only("a.example")
        self.assertEqual("a.pem: OpenSSL refuses it: ee key too small", finding.text)
        self.assertEqual((Grade.ERROR, "have it reissued"), (finding.grade, finding.remedy))


class SoonTests(CertificateCase):
    """Certificates that end soon."""

    def grade(self, *, lives: float, left: float) -> Grade:
        """The grade of a certificate that lives so many days and has so many left."""
        end = NOON + left * DAY
        self.keep(AUTHORITY.issue("a.example", not_before=end - lives * DAY, not_after=end))
        return self.only("a.example").grade

    def test_long(self) -> None:
        """Of a certificate of three months or a year the last three weeks are soon."""
        for lives in (90, 365):
            self.assertIs(Grade.OK, self.grade(lives=lives, left=SOON_DAYS))
            self.assertIs(Grade.WARNING, self.grade(lives=lives, left=SOON_DAYS - 0.01))

    def test_short(self) -> None:
        """Of one that lives for days, the last quarter."""
        self.assertIs(Grade.OK, self.grade(lives=8, left=2))
        self.assertIs(Grade.WARNING, self.grade(lives=8, left=1.99))

    def test_words(self) -> None:
        """When, and how many days are left."""
        self.certify("a.example", until=NOON + 5 * DAY)
        self.keep(AUTHORITY.issue("a.example", not_before=NOON - 85 * DAY, not_after=NOON + 5 * DAY))
        finding = self.only("a.example")
        self.assertIn("fullchain.pem ends on 2027-01-20, in 5 days", finding.text)
        self.assertIn("renew it", finding.remedy)

    def test_issuer(self) -> None:
        """An issuer whose own certificate ends first ends ours, too."""
        issuer = AUTHORITY.intermediate(not_after=NOON + 3 * DAY)
        self.keep(issuer.issue("a.example", not_after=NOON + 80 * DAY))
        finding = self.only("a.example")
        self.assertIs(Grade.WARNING, finding.grade)
        self.assertTrue(finding.text.startswith("the certificate of an issuer of /"), finding.text)


class AnchorTests(CertificateCase):
    """Whom peers trust."""

    def test_house(self) -> None:
        """An authority of the house counts where it is configured, and the public ones count beside it."""
        house = CertificateAuthority("house")
        self.keep(house.issue("a.example"))
        self.certify("b.example")
        trust = {"anchors": str(house.write(self.directory / "house.pem"))}
        found = self.found("a.example", "b.example", trust=trust)
        self.assertEqual([Grade.OK, Grade.OK], [finding.grade for finding in found])
        self.assertEqual([False, True], [finding.details["is_public"] for finding in found])
        self.assertIs(Grade.ERROR, self.only("a.example").grade)

    def test_no_public_authorities(self) -> None:
        """Where the system collects none, those configured are all."""
        house = CertificateAuthority("house")
        self.keep(house.issue("a.example"))
        self.patch(pem, "SYSTEM_TRUST_ANCHORS", str(self.directory / "nowhere"))
        trust = {"anchors": str(house.write(self.directory / "house.pem"))}
        self.assertIs(Grade.OK, self.only("a.example", trust).grade)


class FileTests(CertificateCase):
    """The files that are named."""

    def test_unusable(self) -> None:
        """A file that cannot be used is an error of its own, with the remedy."""
        place = self.certify("a.example")
        _, key_pem = place / "fullchain.pem", (self.certify("b.example") / "privkey.pem").read_bytes()
        (place / "privkey.pem").write_bytes(key_pem)
        unusable, domain = self.found("a.example")
        self.assertEqual(str(place / "fullchain.pem"), unusable.about)
        self.assertIn("does not match the key", unusable.text)
        self.assertIn("same issuance", unusable.remedy)
        self.assertEqual("no certificate names it", domain.text)

    def test_unusable_without_a_remedy_of_its_own(self) -> None:
        """Where the reader of files knows no remedy there is a general one."""
        (self.directory / "empty.pem").touch()
        unusable, _ = self.found("a.example", files=[str(self.directory / "empty.pem")])
        self.assertIn("holds no certificate in PEM", unusable.text)
        self.assertIn("have it issued again", unusable.remedy)

    def test_idle(self) -> None:
        """A file named by itself that is shown for no domain is worth a warning; one in a directory is not."""
        files: list[object] = []
        for domain in ("a.example", "www.example"):
            place = self.certify(domain)
            files.append({"certificate": str(place / "fullchain.pem"), "key": str(place / "privkey.pem")})
        good, idle = self.found("a.example", files=files)
        self.assertEqual((Grade.OK, Grade.WARNING), (good.grade, idle.grade))
        self.assertIn("it names www.example", idle.text)
        self.assertEqual(1, len(self.found("a.example")))
