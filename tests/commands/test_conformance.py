"""``muxs2s conformance``: options, exit statuses and what is printed where."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

from twisted.internet.defer import CancelledError
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint, TCP6ServerEndpoint

from muxs2s.commands import conformance, main
from muxs2s.commands.conformance import BROKEN, MISUSED
from muxs2s.commands.running import INTERRUPTED
from muxs2s.conformance import Deviation, Report, Setting
from muxs2s.conformance.result import CaseResult, State, of_rows
from muxs2s.network.targets import Target
from muxs2s.wire.names import DomainName
from tests.commands.loop import Loop
from tests.server.configured import AUTHORITY, ConfiguredTestCase

MET = CaseResult(rows=("S8",), title="A closing tag is answered", state=State.MET)
NOT_MET = CaseResult(
    rows=("S8",),
    title="A stream error is answered",
    state=State.BROKEN,
    text="expected the closing tag; <x/> came",
    transcript=("1 > </stream:stream>", "1 < <x/>"),
)


class ConformanceCommandTests(ConfiguredTestCase):
    """A kit that finds what it is told to find."""

    def setUp(self) -> None:
        super().setUp()
        self.results: tuple[CaseResult, ...] = (MET,)
        self.raised: Exception | None = None
        self.settings: list[Setting] = []
        self.patch(conformance, "conformance", self.play)
        self.authority = str(AUTHORITY.write(self.directory / "authority.pem", with_key=True))

    async def play(self, _reactor: object, setting: Setting) -> Report:
        """Find it."""
        self.settings.append(setting)
        if self.raised is not None:
            raise self.raised
        rows = of_rows(self.results, ("S8", "S23"))
        return Report(place=setting.place, domain=setting.domain, tls_version="TLSv1.3", rows=rows, seconds=0.25)

    def run_kit(self, *argv: str) -> tuple[int, str, str]:
        """Run the command; its status, and what it printed to either output."""
        out, err, run = io.StringIO(), io.StringIO(), conformance.run
        self.patch(conformance, "run", lambda arguments: run(arguments, Loop()))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = main(["conformance", *argv])
            except SystemExit as exited:
                status = int(str(exited.code))
        self.patch(conformance, "run", run)
        return status, out.getvalue(), err.getvalue()

    def setting(self, *argv: str, server: str = "192.0.2.1") -> Setting:
        """What the command makes of its options."""
        status, _, err = self.run_kit(server, "--domain", "b.example", *argv)
        self.assertEqual((0, ""), (status, err))
        return self.settings[-1]

    def refused(self, *argv: str) -> str:
        """What the command says where it was used wrongly."""
        status, out, err = self.run_kit("192.0.2.1", "--domain", "b.example", *argv)
        self.assertEqual((MISUSED, ""), (status, out))
        return " ".join(err.split())

    # What is printed.

    def test_met(self) -> None:
        """Where nothing is broken the status is 0; each row stands with what is known of it."""
        status, out, _ = self.run_kit("192.0.2.1", "--domain", "b.example", "--authority", self.authority)
        self.assertEqual(0, status)
        told = " ".join(out.split())
        self.assertIn("S8 met closing tags are answered S23 not observable", told)
        self.assertIn("192.0.2.1:5269, b.example: 1 met, 0 broken, 1 not observable.", told)

    def test_broken(self) -> None:
        """Where something is, the status is 1, and what was expected and said is told."""
        self.results = (MET, NOT_MET)
        status, out, _ = self.run_kit("192.0.2.1", "--domain", "b.example", "--authority", self.authority)
        self.assertEqual(BROKEN, status)
        for said in ("S8 broken", "expected the closing tag; <x/> came", "1 > </stream:stream>"):
            self.assertIn(said, " ".join(out.split()))

    def test_json(self) -> None:
        """As JSON every row has its state and its cases, the broken ones with their transcript."""
        self.results = (MET, NOT_MET)
        _, out, _ = self.run_kit("192.0.2.1", "--domain", "b.example", "--authority", self.authority, "--json")
        told = json.loads(out)
        self.assertEqual((False, 0, 1, 1), (told["conforming"], told["met"], told["broken"], told["unseen"]))
        met, broken = told["rows"][0]["cases"]
        self.assertEqual({"title": MET.title, "state": "met", "text": ""}, met)
        self.assertEqual(list(NOT_MET.transcript), broken["transcript"])
        self.assertEqual("takes hours", told["rows"][1]["reason"])

    # Options.

    def test_authority_alone(self) -> None:
        """An authority suffices; its certificates are for a domain nobody has, and it judges the server too."""
        setting = self.setting("--authority", self.authority)
        self.assertEqual(("192.0.2.1:5269", "b.example"), (setting.place, setting.domain))
        self.assertEqual("conformance.example", setting.ours.first.domain)
        self.assertTrue(setting.ours.can_issue)
        self.assertEqual((None, None, None), (setting.listening, setting.zone, setting.direct_tls))
        self.assertEqual(1, len(setting.anchors or ()))

    def test_certificates(self) -> None:
        """Certificates from files name our domain themselves; a key may be in a file of its own."""
        certificate, key = AUTHORITY.issue("kit.example").write(self.directory / "kit")
        both = self.directory / "both.pem"
        other = AUTHORITY.issue("other.example")
        both.write_bytes(other.certificate_pem + other.key_pem)
        setting = self.setting("--certificate", str(certificate), "--key", str(key), "--certificate", str(both))
        self.assertEqual("kit.example", setting.ours.first.domain)
        self.assertEqual("other.example", setting.ours.another().domain)
        self.assertFalse(setting.ours.can_issue)

    def test_places(self) -> None:
        """Where the server is, takes direct TLS and reaches us; our name server leads our domains there."""
        places = ("--listen", "[2001:db8::9]:5300", "--name-server", "2001:db8::9", "--direct-tls", "b.example")
        setting = self.setting("--authority", self.authority, *places, "--from", "kit.example", server="2001:db8::1")
        self.assertIsInstance(setting.endpoint, TCP6ClientEndpoint)
        self.assertIsInstance(setting.direct_tls, HostnameEndpoint)
        self.assertIsInstance(setting.listening, TCP6ServerEndpoint)
        self.assertEqual(Target(host="kit.kit.example", port=5300), setting.reached_at)
        self.assertEqual(("2001:db8::9", 53), setting.name_server)
        self.assertIsNotNone(setting.zone)

    def test_the_rest(self) -> None:
        """A second domain, some rows, a time, patience, whom to trust."""
        trust = str(AUTHORITY.write(self.directory / "trust.pem"))
        more = ("--domain", "b2.example", "--rows", "s1,D7", "--seconds", "3", "--slow", "--trust", trust)
        setting = self.setting("--authority", self.authority, *more)
        self.assertEqual((DomainName.parse("b2.example"),), setting.more_domains)
        self.assertEqual(({"S1", "D7"}, 3.0, True), (setting.rows, setting.seconds, setting.is_patient))
        self.assertIsInstance(setting.endpoint, TCP4ClientEndpoint)

    # Misuse.

    def test_misused(self) -> None:
        """Options that are missing or make no sense are told, with what to do."""
        nameless = AUTHORITY.issue("*.kit.example").write(self.directory / "nameless")
        wild = ("--certificate", str(nameless[0]), "--key", str(nameless[1]))
        given = ("--authority", self.authority)
        for argv, words in (
            ((), "give --authority, or at least one --certificate"),
            (wild, "names no domain: give --from"),
            ((*given, "--key", "x"), "more --key than --certificate"),
            (("--authority", str(self.directory / "nowhere")), "nowhere: is missing"),
            ((*given, "--name-server", "192.0.2.9"), "give that, too"),
            ((*given, "--listen", "kit.example"), "no IP address of this host"),
            ((*given, "--direct-tls", "x:y"), "x:y"),
            ((*given, "--rows", "S1,S99"), "S99: no such row"),
            ((*given, "--seconds", "soon"), "no number of seconds"),
            ((*given, "--seconds", "601"), "from 0.1 to 600"),
            ((*given, "--from", "a..b"), "no domain name"),
        ):
            self.assertIn(words, self.refused(*argv), argv)

    def test_nobody(self) -> None:
        """Where there is no server to be tried the status is that of misuse."""
        self.raised = Deviation("no connection to 192.0.2.1:5269: refused")
        self.assertIn("error: no connection to 192.0.2.1:5269", self.refused("--authority", self.authority))

    def test_interrupted(self) -> None:
        """Interrupted, it says so."""
        self.raised = CancelledError()
        status, out, err = self.run_kit("192.0.2.1", "--domain", "b.example", "--authority", self.authority)
        self.assertEqual((INTERRUPTED, ""), (status, out))
        self.assertIn("interrupted", err)

    def test_quoted(self) -> None:
        """The page has every option of the command, and no other."""
        page = (Path(__file__).resolve().parents[2] / "doc" / "conformance.rst").read_text(encoding="utf-8")
        _, out, _ = self.run_kit("--help")
        options = {word.strip("[],") for word in out.split() if word.strip("[],").startswith("--")} - {"--help"}
        self.assertEqual([], sorted(option for option in options if f"``{option}" not in page))
