"""Tests of :mod:`muxs2s.network.certificates`."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.certificates import CertificateProblem, CertificateStore, Credentials, Reload
from muxs2s.testing import CertificateAuthority, IssuedCredentials, general_name
from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.names import DomainName

NOW = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
DAY = 86_400.0
AUTHORITY = CertificateAuthority(now=NOW)


class StoreCase(SynchronousTestCase):
    """A store and a directory of the test's own."""

    def setUp(self) -> None:
        """Make both."""
        self.place = Path(self.mktemp())
        self.place.mkdir()
        self.store = CertificateStore()
        self.writes = 0

    def write(self, issued: IssuedCredentials, name: str) -> tuple[Path, Path]:
        """Write files, so that they can be told from what was there before."""
        paths = issued.write(self.place / name)
        self.writes += 1
        for path in paths:
            os.utime(path, ns=(self.writes, self.writes))
        return paths

    def shown_for(self, domain: str, now: float = NOW) -> Credentials | None:
        """The certificate chosen for a domain."""
        return self.store.for_domain(DomainName.parse(domain), now)


class ChoiceTests(StoreCase):
    """Which certificate is shown for a domain."""

    def add(self, *names: str, not_after: float | None = None) -> Credentials:
        """Issue a certificate and add it."""
        issued = AUTHORITY.issue(*names, not_after=not_after)
        self.store.add(issued)
        return issued

    def test_by_name(self) -> None:
        """T4: the certificate that names the domain is chosen, in either spelling of the domain."""
        self.add("b.example")
        issued = self.add("a.example", "bücher.example")
        self.assertIs(self.shown_for("a.example"), issued)
        self.assertIs(self.shown_for("Bücher.Example."), issued)

    def test_every_kind_of_name(self) -> None:
        """T14: a certificate is found by its SRVName and its XmppAddr as well."""
        issued = AUTHORITY.issue(general_name("srv", "a.example"), general_name("xmpp", "b.example"))
        self.store.add(issued)
        self.assertEqual([self.shown_for(name) for name in ("a.example", "b.example")], [issued, issued])

    def test_none(self) -> None:
        """No certificate is chosen for a domain that none names."""
        self.add("a.example", "*.a.example")
        self.assertIsNone(self.shown_for("b.example"))
        self.assertIsNone(self.shown_for("x.y.a.example"))

    def test_exact_before_wildcard(self) -> None:
        """A name in full goes before a wildcard, though that may last longer."""
        exact = self.add("x.example", not_after=NOW + DAY)
        wildcard = self.add("*.example")
        self.assertIs(self.shown_for("x.example"), exact)
        self.assertIs(self.shown_for("y.example"), wildcard)

    def test_latest_end(self) -> None:
        """Of two certificates that fit the one that ends last is chosen."""
        self.add("a.example", not_after=NOW + DAY)
        newer = self.add("a.example", not_after=NOW + 2 * DAY)
        self.add("a.example", not_after=NOW + DAY)
        self.assertIs(self.shown_for("a.example"), newer)

    def test_valid_before_expired(self) -> None:
        """A wildcard that is valid goes before an expired name in full; the expired one is better than none."""
        expired = self.add("x.example", not_after=NOW - DAY)
        self.assertIs(self.shown_for("x.example"), expired)
        wildcard = self.add("*.example")
        self.assertIs(self.shown_for("x.example"), wildcard)

    def test_time_passes(self) -> None:
        """The choice is made anew as certificates expire."""
        exact = self.add("x.example", not_after=NOW + DAY)
        wildcard = self.add("*.example", not_after=NOW + 2 * DAY)
        self.assertEqual([self.shown_for("x.example", NOW + DAY + late) for late in (0, 1)], [exact, wildcard])

    def test_default(self) -> None:
        """T4: the default certificate is the first added that is valid, else the first."""
        self.assertIsNone(self.store.default(NOW))
        expired = self.add("a.example", not_after=NOW - DAY)
        self.assertIs(self.store.default(NOW), expired)
        valid = self.add("b.example")
        self.add("c.example")
        self.assertIs(self.store.default(NOW), valid)


class MemoryTests(StoreCase):
    """Certificates added and removed in code."""

    def test_content(self) -> None:
        """The store tells what it holds."""
        issued = AUTHORITY.issue("a.example")
        self.assertNotIn(issued, self.store)
        self.store.add(issued)
        self.assertIn(issued, self.store)
        self.assertNotIn("a.example", self.store)
        self.assertEqual((list(self.store), len(self.store)), ([issued], 1))

    def test_replaced(self) -> None:
        """A certificate of the same path takes the place of the older one."""
        old = AUTHORITY.issue("a.example")
        new = AUTHORITY.issue("b.example")
        renewed = Credentials(leaf=new.leaf, private_key=new.private_key, path=old.path)
        self.store.add(old)
        self.store.add(renewed)
        self.assertEqual((list(self.store), old in self.store), ([renewed], False))
        self.assertIsNone(self.shown_for("a.example"))

    def test_removed(self) -> None:
        """A removed certificate is not shown any more."""
        issued = AUTHORITY.issue("a.example")
        self.store.add(issued)
        self.store.remove(issued.path)
        self.assertEqual((self.shown_for("a.example"), len(self.store)), (None, 0))

    def test_unknown_removed(self) -> None:
        """Removing what was never added is a mistake of ours."""
        self.assertRaises(LocalMisuse, self.store.remove, "nothing")

    def test_revision(self) -> None:
        """Every change can be seen by the revision."""
        issued = AUTHORITY.issue("a.example")
        revisions = [self.store.revision]
        for change in (lambda: self.store.add(issued), lambda: self.store.remove(issued.path)):
            change()
            revisions.append(self.store.revision)
        self.assertEqual(len(set(revisions)), 3)

    def test_problems(self) -> None:
        """Certificates that peers will refuse are listed with the remedy."""
        self.store.add(AUTHORITY.issue("a.example"))
        self.store.add(AUTHORITY.issue("b.example", not_after=NOW - DAY))
        (problem,) = self.store.problems(NOW)
        self.assertIn("b.example", problem.path)
        self.assertIn("renew", str(problem))


class FilesTests(StoreCase):
    """One pair of files."""

    def test_added(self) -> None:
        """A pair of files is added and found by its names."""
        found = self.store.add_files(*self.write(AUTHORITY.issue("a.example"), "a"))
        self.assertIs(self.shown_for("a.example"), found)
        self.assertIn(found, self.store)

    def test_single_file(self) -> None:
        """One file may hold both."""
        issued = AUTHORITY.issue("a.example")
        path = self.place / "all.pem"
        path.write_bytes(issued.certificate_pem + issued.key_pem)
        self.store.add_files(str(path))
        self.assertIsNotNone(self.shown_for("a.example"))

    def test_unusable(self) -> None:
        """What cannot be used is not added, and what was there before stays."""
        certificate, key = self.write(AUTHORITY.issue("a.example"), "a")
        found = self.store.add_files(certificate, key)
        key.write_bytes(b"")
        self.assertRaises(CertificateProblem, self.store.add_files, certificate, key)
        self.assertEqual(list(self.store), [found])

    def test_removed(self) -> None:
        """A pair is removed by the path of its certificate."""
        certificate, key = self.write(AUTHORITY.issue("a.example"), "a")
        self.store.add_files(certificate, key)
        self.store.remove(certificate)
        self.assertIsNone(self.shown_for("a.example"))

    def test_expired_is_added(self) -> None:
        """An expired certificate is better than none: it is added, and named as a problem."""
        self.store.add_files(*self.write(AUTHORITY.issue("a.example", not_after=NOW - DAY), "a"))
        self.assertIsNotNone(self.shown_for("a.example"))
        self.assertEqual(len(self.store.problems(NOW)), 1)


class ReloadTests(StoreCase):
    """Looking at the files again."""

    def setUp(self) -> None:
        """Begin with a pair of files."""
        super().setUp()
        self.issued = AUTHORITY.issue("a.example")
        self.certificate, self.key = self.write(self.issued, "a")
        self.first = self.store.add_files(self.certificate, self.key)

    def test_unchanged(self) -> None:
        """Files that did not change are not read again, and nothing changes."""
        before = self.store.revision
        self.assertEqual(self.store.reload(NOW), Reload(read=(), removed=(), problems=()))
        self.assertEqual((self.store.revision, list(self.store)), (before, [self.first]))

    def test_renewed(self) -> None:
        """A renewed certificate takes the place of the old one."""
        before = self.store.revision
        self.write(AUTHORITY.issue("a.example", "b.example"), "a")
        reload = self.store.reload(NOW)
        self.assertEqual((reload.read, reload.problems), ((self.shown_for("b.example"),), ()))
        self.assertNotIn(self.first, self.store)
        self.assertGreater(self.store.revision, before)

    def test_renewed_by_link(self) -> None:
        """Certbot renews by pointing a link to another file; that is seen."""
        self.certificate.unlink()
        self.key.unlink()
        archived = self.write(AUTHORITY.issue("b.example"), "archive")
        self.certificate.symlink_to(archived[0].absolute())
        self.key.symlink_to(archived[1].absolute())
        self.assertEqual(len(self.store.reload(NOW).read), 1)
        self.assertIsNotNone(self.shown_for("b.example"))

    def assert_kept(self, *words: str) -> None:
        """Reloading reports these problems and keeps the certificate at hand."""
        before = self.store.revision
        reload = self.store.reload(NOW)
        self.assertEqual((reload.read, list(self.store), self.store.revision), ((), [self.first], before))
        self.assertEqual(len(reload.problems), len(words), reload.problems)
        for problem, word in zip(reload.problems, words, strict=True):
            self.assertIn(word, str(problem))

    def test_missing(self) -> None:
        """Where the file is gone the certificate at hand stays, and the file is named."""
        self.certificate.unlink()
        self.assert_kept(f"{self.certificate}: is missing")

    def test_half_written(self) -> None:
        """Between the new certificate and its key the old pair stays; once both are there they are taken."""
        new = AUTHORITY.issue("b.example")
        self.certificate.write_bytes(new.certificate_pem)
        self.assert_kept("does not match the key")
        self.assert_kept("does not match the key")
        self.key.write_bytes(new.key_pem)
        self.assertEqual(len(self.store.reload(NOW).read), 1)

    def test_expired(self) -> None:
        """A certificate that expired does not take the place of a good one."""
        self.write(AUTHORITY.issue("a.example", not_after=NOW - DAY), "a")
        self.assert_kept("expired on")

    def test_expired_both(self) -> None:
        """Where the one at hand expired too, the newer one is taken, and named as a problem."""
        self.write(AUTHORITY.issue("a.example", not_after=NOW - DAY), "a")
        later = self.issued.ends + DAY
        reload = self.store.reload(later)
        self.assertEqual((len(reload.read), len(reload.problems)), (1, 1))

    def test_others_go_on(self) -> None:
        """One broken pair does not keep another from being renewed."""
        other = self.write(AUTHORITY.issue("b.example"), "b")
        self.store.add_files(*other)
        self.key.write_bytes(b"broken")
        self.write(AUTHORITY.issue("c.example"), "b")
        reload = self.store.reload(NOW)
        self.assertEqual((len(reload.read), len(reload.problems)), (1, 1))
        self.assertIsNotNone(self.shown_for("a.example"))
        self.assertIsNotNone(self.shown_for("c.example"))


class DirectoryTests(StoreCase):
    """The layouts of certbot and dehydrated."""

    def test_layouts(self) -> None:
        """Certificates are found below live, below certs, and in the directory itself."""
        for layout, root in (("live/a", ""), ("certs/a", ""), ("live/a", "live"), ("a", "")):
            self.place = Path(self.mktemp())
            self.store = CertificateStore()
            self.write(AUTHORITY.issue("a.example"), layout)
            reload = self.store.add_directory(self.place / root)
            self.assertEqual((len(reload.read), reload.problems), (1, ()), layout)
            self.assertIsNotNone(self.shown_for("a.example"), layout)

    def test_names_come_from_certificates(self) -> None:
        """A directory may have any name: the certificate in it says what it is for."""
        self.write(AUTHORITY.issue("a.example"), "a.example-0001")
        self.store.add_directory(self.place)
        self.assertIsNotNone(self.shown_for("a.example"))

    def test_other_entries(self) -> None:
        """Files, and directories without certificates, are passed over."""
        self.write(AUTHORITY.issue("a.example"), "live/a")
        (self.place / "live/README").write_text("Hello.")
        (self.place / "live/empty").mkdir()
        self.assertEqual(self.store.add_directory(self.place).problems, ())

    def test_one_bad(self) -> None:
        """One certificate that cannot be used is reported, the others are added; later it is tried again."""
        self.write(AUTHORITY.issue("a.example"), "a")
        _, key = self.write(AUTHORITY.issue("b.example"), "b")
        content = key.read_bytes()
        key.unlink()
        reload = self.store.add_directory(self.place)
        self.assertEqual((len(reload.read), [problem.path for problem in reload.problems]), (1, [str(key)]))
        key.write_bytes(content)
        self.assertEqual(len(self.store.reload(NOW).read), 1)
        self.assertIsNotNone(self.shown_for("b.example"))

    def test_nothing(self) -> None:
        """A directory without certificates is a problem that names it."""
        problem = self.assertRaises(CertificateProblem, self.store.add_directory, self.place)
        self.assertEqual(str(problem), f"{self.place}: holds no directory with fullchain.pem and privkey.pem")

    def test_missing(self) -> None:
        """A missing directory is a problem that names it."""
        problem = self.assertRaises(CertificateProblem, self.store.add_directory, self.place / "nowhere")
        self.assertIn("nowhere: is missing", str(problem))

    def test_new_and_gone(self) -> None:
        """Directories that appear are added on reloading, those that disappear removed."""
        self.write(AUTHORITY.issue("a.example"), "a")
        certificate, _ = self.write(AUTHORITY.issue("b.example"), "b")
        self.store.add_directory(self.place)
        self.write(AUTHORITY.issue("c.example"), "c")
        shutil.rmtree(self.place / "b")
        reload = self.store.reload(NOW)
        self.assertEqual((len(reload.read), reload.removed, reload.problems), (1, (str(certificate),), ()))
        self.assertEqual(
            [self.shown_for(name) is not None for name in ("a.example", "b.example", "c.example")], [True, False, True]
        )

    def test_directory_out_of_reach(self) -> None:
        """Where the whole directory is gone nothing is removed: what is at hand stays, and the directory is named."""
        self.write(AUTHORITY.issue("a.example"), "a")
        self.store.add_directory(self.place)
        shutil.rmtree(self.place)
        reload = self.store.reload(NOW)
        self.assertEqual(reload.removed, ())
        self.assertEqual(len(reload.problems), 2)
        self.assertIsNotNone(self.shown_for("a.example"))

    def test_removed(self) -> None:
        """Removing a directory removes what was found below it and nothing else."""
        self.write(AUTHORITY.issue("a.example"), "a")
        self.store.add_directory(self.place)
        self.store.add(AUTHORITY.issue("b.example"))
        self.store.remove(self.place)
        self.assertEqual((self.shown_for("a.example"), len(self.store)), (None, 1))
        self.assertEqual(self.store.reload(NOW).read, ())

    def test_added_twice(self) -> None:
        """Adding a directory again reads what has changed, once."""
        self.write(AUTHORITY.issue("a.example"), "a")
        self.store.add_directory(self.place)
        self.assertEqual(self.store.add_directory(self.place).read, ())
        self.store.remove(self.place)
        self.assertRaises(LocalMisuse, self.store.remove, self.place)
