"""``muxs2s probe``: options, exit statuses and what is printed where."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

from twisted.internet.defer import Deferred

from muxs2s.commands import main, probe
from muxs2s.commands.probe import AMISS, MISUSED
from muxs2s.commands.running import INTERRUPTED
from muxs2s.network.transcript import Culprit
from muxs2s.probe import Caller, Report, Verdict
from muxs2s.probe.caller import NOBODY
from muxs2s.wire.names import DomainName, DomainPair
from tests.commands.loop import Loop
from tests.server.configured import NOON, ConfiguredTestCase

CONFIGURATION = """\
domains = ["a.example", "rooms.a.example"]
certificates.directories = ["live"]
"""


class Network(Loop):
    """A reactor that only runs and tells the time; nobody uses its network."""

    def seconds(self) -> float:
        """It is always noon."""
        return NOON


class ProbeCommandCase(ConfiguredTestCase):
    """A probe that finds what it is told to find."""

    def setUp(self) -> None:
        super().setUp()
        self.certify("a.example", "rooms.a.example")
        self.write(CONFIGURATION)
        self.verdict = Verdict(text="all is well")
        self.waiting: Deferred[None] | None = None
        self.callers: list[Caller] = []
        self.patch(probe, "probe", self.probe)

    async def probe(self, _reactor: object, caller: Caller) -> Report:
        """Find it."""
        self.callers.append(caller)
        if self.waiting is not None:
            await self.waiting
        return Report(pair=caller.pair, verdict=self.verdict, search=(), ways=(), seconds=0.25)

    def run_probe(self, *argv: str, loop: Loop | None = None) -> tuple[int, str, str]:
        """Run the command; its status, and what it printed to either output."""
        out, err, loop = io.StringIO(), io.StringIO(), loop or Network()
        run = probe.run
        self.patch(probe, "run", lambda arguments: run(arguments, loop))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = main(["probe", *argv])
            except SystemExit as exited:
                status = int(exited.code or 0)
        self.patch(probe, "run", run)
        return status, out.getvalue(), err.getvalue()


class RunTests(ProbeCommandCase):
    """What comes of it."""

    def test_healthy(self) -> None:
        """If all works the status is 0, and people see what was found."""
        status, out, err = self.run_probe("b.example")
        self.assertEqual((0, ""), (status, err))
        self.assertIn("all is well.", out)

    def test_amiss(self) -> None:
        """If something does not it is not."""
        self.verdict = Verdict(text="lost", culprit=Culprit.DNS, remedy="find it")
        status, out, _ = self.run_probe("b.example")
        self.assertEqual(AMISS, status)
        self.assertIn("Culprit: dns.", out)

    def test_json(self) -> None:
        """Programs get one JSON object on standard output; nothing else is written."""
        status, out, err = self.run_probe("b.example", "--json")
        self.assertEqual((0, ""), (status, err))
        self.assertEqual(("b.example", 0.25), (json.loads(out)["domain"], json.loads(out)["seconds"]))

    def test_interrupted(self) -> None:
        """Ctrl-C ends it."""
        self.waiting = Deferred()
        loop = Network()
        loop.turns = [loop.stop]
        self.assertEqual((INTERRUPTED, "", "muxs2s probe: interrupted\n"), self.run_probe("b.example", loop=loop))


class CallerTests(ProbeCommandCase):
    """As whom it calls."""

    def pair(self, *argv: str) -> DomainPair:
        """As whom, and whom."""
        self.assertEqual(0, self.run_probe(*argv)[0])
        return self.callers[-1].pair

    def test_nobody(self) -> None:
        """Without a configuration in nobody's name, or in one that is given, and with no certificate."""
        self.assertEqual((NOBODY, "b.example"), self.pair("b.example"))
        self.assertEqual(("c.example", "b.example"), self.pair("b.example", "--from", "c.example"))
        self.assertIsNone(self.callers[-1].own_certificate)

    def test_configured(self) -> None:
        """With one as its first domain, or as another that is given, with its certificate."""
        config = ("--config", str(self.file))
        self.assertEqual(("a.example", "b.example"), self.pair("b.example", *config))
        self.assertEqual(
            ("rooms.a.example", "b.example"), self.pair("B.example.", *config, "--from", "rooms.a.example")
        )
        own = self.callers[-1].own_certificate
        self.assertEqual("rooms.a.example", own and own.about)


class MisuseTests(ProbeCommandCase):
    """Used wrongly."""

    def refusal(self, *argv: str) -> str:
        """Why it is refused."""
        status, out, err = self.run_probe(*argv)
        self.assertEqual((MISUSED, ""), (status, out))
        self.assertEqual([], self.callers)
        return err

    def test_no_domain(self) -> None:
        """Without a domain, and with what is none, its options are shown."""
        self.assertIn("the following arguments are required: DOMAIN", self.refusal())
        self.assertIn("--from DOMAIN", self.refusal("b..example"))
        self.assertIn("'b..example' is no domain name", self.refusal("b..example"))

    def test_foreign_sender(self) -> None:
        """A configuration does not speak for domains of others."""
        err = self.refusal("b.example", "--from", "c.example", "--config", str(self.file))
        self.assertIn("--from c.example: the configuration serves a.example, rooms.a.example", err)

    def test_own_domain(self) -> None:
        """A domain of ours is not a peer's."""
        self.assertIn("muxs2s check looks at it", self.refusal("rooms.a.example", "--config", str(self.file)))

    def test_faulty(self) -> None:
        """A faulty configuration is told with all its faults."""
        err = self.refusal("b.example", "--config", str(Path("nowhere")))
        self.assertIn("muxs2s probe: error: the configuration is faulty:\nnowhere: cannot be read", err)

    def test_help(self) -> None:
        """Help names every option, every exit status and every culprit."""
        status, out, _ = self.run_probe("--help")
        self.assertEqual(0, status)
        for part in ("--config FILE", "--from DOMAIN", "--json", "exit status:", "  130 ", "dns, network, peer or us"):
            self.assertIn(part, out)

    def test_name_of_nobody(self) -> None:
        """Nobody can have the name in which nobody calls."""
        self.assertEqual(DomainName.parse("probe.invalid"), NOBODY)
