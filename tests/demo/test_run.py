"""The demonstration as a whole, with clouds that do as they are told."""

from __future__ import annotations

import dns.message
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.demo.plan import Plan
from muxs2s.demo.processes import ANSWER_SECONDS, DemoFailed
from muxs2s.demo.report import Report
from muxs2s.demo.run import LEAST_SECONDS, SECONDS_PER_PAIR, default_seconds, demonstrate
from muxs2s.demo.words import Begin, Finish, Finished, Listening, Measure, Prepare, Progress, Usage, Word
from tests.demo.memoryprocesses import MemoryProcess, ProcessReactor

PLAN = Plan(domains=2, peer_domains=3)

LIMIT = 100.0
"""Seconds."""


class Watched:
    """Keeps what is shown."""

    def __init__(self) -> None:
        self.shown: list[object] = []

    def stage(self, text: str) -> None:
        """Keep a stage."""
        self.shown.append(text)

    def advance(self, delivered: int, replied: int, connections: int) -> None:
        """Keep numbers."""
        self.shown.append((delivered, replied, connections))


class DemonstrationCase(SynchronousTestCase):
    """Two domains, three peer domains, two processes in memory."""

    def setUp(self) -> None:
        """Clouds that answer whatever they are asked, and in which everything arrives."""
        self.reactor = ProcessReactor(self.follow)
        self.watched = Watched()
        self.arriving = (6, 6)
        self.measured = 0

    def follow(self, process: MemoryProcess, word: Word) -> None:
        """What a cloud does."""
        match word:
            case Prepare():
                process.say(Listening(port=6_000 + process.number))
            case Measure():
                self.measured += 1
                process.say(
                    Usage(
                        resident_kib=1_000 * self.measured,
                        cpu_seconds=self.measured / 4,
                        presentations=self.measured // 3,
                        round_trips=2 * (self.measured // 3),
                    )
                )
            case Begin():
                self.begin()
            case Finish():
                process.say(self.finished(process.number))

    def begin(self) -> None:
        """Let everything arrive, within two seconds."""
        self.reactor.callLater(1.0, self.progress, 1, self.arriving[1], 0, 6)
        self.reactor.callLater(2.0, self.progress, 0, self.arriving[0], 0, 6)

    def progress(self, cloud: int, arrived: int, bounced: int, connections: int) -> None:
        """Let a cloud report progress."""
        word = Progress(arrived=arrived, bounced=bounced, connections=connections)
        self.reactor.processes[cloud].say(word)

    def finished(self, number: int) -> Finished:
        """What a cloud says in the end."""
        return Finished(
            arrived=self.arriving[number],
            repeated=0,
            disordered=number,
            unasked=0,
            bounced=2 * number,
            bounces=[f"bounce of {number}"],
            connections=6,
            proofs={"pkix": 12},
            tls_versions={"TLSv1.3": 12},
        )

    def demonstrate(self) -> Deferred[Report]:
        """Begin."""
        held = demonstrate(self.reactor, PLAN, command=["cloud"], watcher=self.watched, limit_seconds=LIMIT)
        return Deferred.fromCoroutine(held)

    def failure(self, held: Deferred[Report]) -> str:
        """Why it failed; nothing must be left then."""
        self.assertTrue(all(process.over for process in self.reactor.processes))
        self.assertTrue(all(port.closed for port in self.reactor.udp_ports))
        message: str = self.failureResultOf(held, DemoFailed).getErrorMessage()
        return message


class DemonstrationTests(DemonstrationCase):
    """How it goes when it goes well."""

    def held(self) -> Report:
        """Hold it to the end."""
        held = self.demonstrate()
        self.reactor.pump([1.0, 1.0])
        return self.successResultOf(held)

    def test_report(self) -> None:
        """The report adds up what both clouds said, and what they used between the first dial and the last reply."""
        report = self.held()
        self.assertEqual((6, 6, 12, 2.0), (report.delivered, report.replied, report.connections, report.seconds))
        self.assertEqual(((3 + 4 - 1 - 2) / 4, 4_000 / 6), (report.cpu_seconds, report.rss_kib_per_pair))
        self.assertEqual((2, ["bounce of 0", "bounce of 1"]), (report.bounced, report.bounces))
        self.assertEqual((0, 1, 0), (report.repeated, report.disordered, report.unasked))
        self.assertEqual((2, 4), (report.presentations, report.round_trips))
        self.assertEqual(({"pkix": 24}, {"TLSv1.3": 24}), (report.proofs, report.tls_versions))
        self.assertFalse(report.gave_up)

    def test_order(self) -> None:
        """Both clouds are measured before the first dial and after the last reply, then finished and ended."""
        self.held()
        first, second = self.reactor.processes
        kinds = [[type(word) for word in process.heard] for process in (first, second)]
        self.assertEqual([Prepare, Measure, Begin, Measure, Finish], kinds[0])
        self.assertEqual([Prepare, Measure, Measure, Finish], kinds[1])
        self.assertEqual([["EOF"], ["EOF"]], [process.told_to_end for process in (first, second)])

    def test_prepared(self) -> None:
        """Each cloud is given a certificate for each of its domains, and the authority both trust."""
        self.held()
        words = [process.heard[0] for process in self.reactor.processes]
        prepared = [word for word in words if isinstance(word, Prepare)]
        self.assertEqual([("a", 2), ("b", 3)], [(word.cloud, len(word.credentials)) for word in prepared])
        self.assertEqual(["127.0.0.2", "127.0.0.3"], [word.address for word in prepared])
        self.assertEqual(prepared[0].anchors, prepared[1].anchors)
        self.assertIn("PRIVATE KEY", prepared[0].credentials[0][1])

    def test_shown(self) -> None:
        """Whoever watches is told of every stage, and of progress as it comes."""
        self.held()
        self.assertEqual([(6, 0, 6), (6, 6, 12)], [shown for shown in self.watched.shown if isinstance(shown, tuple)])
        self.assertEqual("closing every stream", self.watched.shown[-1])

    def test_dns(self) -> None:
        """DNS leads from every domain to the port its cloud has chosen, until it is over."""
        held = self.demonstrate()
        [port] = self.reactor.udp_ports
        for name, rdtype, expected in (
            ("_xmpp-server._tcp.a2.example", "SRV", "0 0 6000 xmpp.a.example."),
            ("_xmpp-server._tcp.b3.example", "SRV", "0 0 6001 xmpp.b.example."),
            ("xmpp.b.example", "A", "127.0.0.3"),
        ):
            port.protocol.datagramReceived(dns.message.make_query(name, rdtype).to_wire(), ("127.0.0.1", 9))
            self.assertEqual(expected, dns.message.from_wire(port.sent[-1]).answer[0][0].to_text())
        self.reactor.pump([1.0, 1.0])
        self.successResultOf(held)
        self.assertTrue(port.closed)

    def test_late_word(self) -> None:
        """Word of progress that comes when all is settled changes nothing."""
        held = self.demonstrate()
        self.arriving = (6, 6)
        self.progress(0, 6, 0, 6)
        self.reactor.pump([1.0, 1.0])
        self.assertEqual(0.0, self.successResultOf(held).seconds)


class FailureTests(DemonstrationCase):
    """How it goes otherwise."""

    def test_bounced(self) -> None:
        """What came back at either cloud is not waited for."""
        self.arriving = (1, 3)
        held = self.demonstrate()
        self.reactor.pump([1.0, 1.0])
        self.progress(1, 3, 2, 6)
        self.assertNoResult(held)
        self.progress(0, 1, 3, 6)
        self.assertFalse(self.successResultOf(held).gave_up)

    def test_time_over(self) -> None:
        """When the time is over, what there is is reported."""
        self.arriving = (5, 6)
        held = self.demonstrate()
        self.reactor.advance(LIMIT - 0.1)
        self.assertNoResult(held)
        self.reactor.advance(0.1)
        report = self.successResultOf(held)
        self.assertEqual((True, 6, 5), (report.gave_up, report.delivered, report.replied))

    def test_no_dns(self) -> None:
        """Where DNS cannot be served no process is started."""
        self.reactor.no_more_ports = True
        self.assertIn("cannot serve DNS on 127.0.0.1: [Errno 24] Too many open files", self.failure(self.demonstrate()))
        self.assertEqual([], self.reactor.processes)

    def test_no_process(self) -> None:
        """Where no process can be started, that is said and DNS closed."""
        self.reactor.refusal = OSError(12, "Cannot allocate memory")
        self.assertIn("cannot start a process for cloud a: Cannot allocate", self.failure(self.demonstrate()))

    def test_silence(self) -> None:
        """A cloud that never answers is not waited for without end."""
        self.reactor.script = lambda _process, _word: None
        held = self.demonstrate()
        self.reactor.advance(ANSWER_SECONDS)
        self.assertIn("did not answer Prepare within 60 s", self.failure(held))

    def test_cloud_dies(self) -> None:
        """A cloud that dies in the middle ends it at once; the other is ended with it."""
        held = self.demonstrate()
        self.reactor.processes[1].end()
        self.assertIn("the process of cloud b ended", self.failure(held))
        self.assertEqual(["EOF"], self.reactor.processes[0].told_to_end)

    def test_cloud_dies_late(self) -> None:
        """So does one that dies when all is settled, while the other is still asked."""
        self.reactor.script = self.dying_when_finishing
        held = self.demonstrate()
        self.reactor.pump([1.0, 1.0])
        self.assertIn("the process of cloud a ended", self.failure(held))

    def dying_when_finishing(self, process: MemoryProcess, word: Word) -> None:
        """Do as ever, but die instead of finishing."""
        if isinstance(word, Finish):
            process.end()
        else:
            self.follow(process, word)

    def test_unasked_word(self) -> None:
        """What a cloud says unasked when all is settled changes nothing."""
        self.reactor.script = self.interrupting
        held = self.demonstrate()
        self.reactor.pump([1.0, 1.0])
        self.assertEqual(6, self.successResultOf(held).replied)

    def interrupting(self, process: MemoryProcess, word: Word) -> None:
        """Do as ever, but have the second cloud speak before it is asked to finish."""
        if isinstance(word, Finish) and process.number == 0:
            self.reactor.processes[1].say(Listening(port=1))
        self.follow(process, word)

    def test_cancelled(self) -> None:
        """Whoever wants no more of it cancels it; both processes are ended all the same."""
        held = self.demonstrate()
        held.cancel()
        self.failureResultOf(held, CancelledError)
        self.assertTrue(all(process.over for process in self.reactor.processes))

    def test_cancelled_early(self) -> None:
        """The same holds while the clouds are being prepared, too."""
        self.reactor.script = lambda _process, _word: None
        held = self.demonstrate()
        held.cancel()
        self.failureResultOf(held, CancelledError)
        self.assertTrue(all(process.over for process in self.reactor.processes))


class DefaultTests(SynchronousTestCase):
    """What holds if nothing is said."""

    def test_seconds(self) -> None:
        """The time allowed grows with the pairs."""
        self.assertEqual(LEAST_SECONDS + 900 * SECONDS_PER_PAIR, default_seconds(Plan(domains=30, peer_domains=30)))
