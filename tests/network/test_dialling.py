"""One connection to one address, in its turn."""

from __future__ import annotations

from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.dialling import MAX_REMEMBERED_PLACES, AttemptFailed, Dialler, DialLimits, _FailingPlaces
from muxs2s.network.targets import Target
from muxs2s.network.transcript import Culprit, Transcript
from tests.network.memoryudp import MemoryNetworkReactor


class DiallingTestCase(SynchronousTestCase):
    """A dialler on a reactor without a network."""

    def setUp(self) -> None:
        self.reactor = MemoryNetworkReactor()
        self.transcript = Transcript(self.reactor)
        self.begun: list[str] = []
        self.limit()

    def limit(self, **limits: int) -> None:
        """Have other limits from now on."""
        self.dialler = Dialler(self.reactor, bind_address=None, connect_seconds=10.0, limits=DialLimits(**limits))

    def dial(self, address: str = "192.0.2.1", port: int = 5269) -> Deferred[IProtocol]:
        """Begin to connect."""
        return self.dialler.dial(
            address,
            Target(host="x.example", port=port),
            Factory.forProtocol(Protocol),
            transcript=self.transcript,
            begun=lambda: self.begun.append(f"{address}:{port}"),
        )

    def refuse(self, index: int = -1, reason: Exception | None = None) -> None:
        """Let a connection fail."""
        failure = Failure(reason or error.ConnectionRefusedError())
        self.reactor.tcpClients[index][2].clientConnectionFailed(self.reactor.connectors[index], failure)
        self.reactor.advance(0.0)

    def accept(self, index: int = -1) -> None:
        """Let a connection succeed."""
        protocol = self.reactor.tcpClients[index][2].buildProtocol(IPv4Address("TCP", "192.0.2.1", 5269))
        assert protocol is not None
        protocol.makeConnection(StringTransport())
        self.reactor.advance(0.0)

    def failed(self, dialled: Deferred[IProtocol]) -> str:
        """Why it failed."""
        return str(self.failureResultOf(dialled, AttemptFailed).value)


class TurnTests(DiallingTestCase):
    """How many at once."""

    def test_max_connections(self) -> None:
        """As many connections as allowed are begun; one more waits until one has come to an end, good or bad."""
        self.limit(max_connections=2)
        for number in range(1, 5):
            self.dial(f"192.0.2.{number}").addErrback(lambda _: None)
        self.assertEqual(["192.0.2.1:5269", "192.0.2.2:5269"], self.begun)
        self.refuse(0)
        self.assertEqual(["192.0.2.3:5269"], self.begun[2:])
        self.accept(1)
        self.assertEqual(["192.0.2.4:5269"], self.begun[3:])

    def test_max_place_connections(self) -> None:
        """As many to one address and port as allowed are begun; another port or address has its own."""
        self.limit(max_place_connections=1)
        for port in (5269, 5269, 5270):
            self.dial(port=port)
        self.dial("192.0.2.2")
        self.assertEqual(["192.0.2.1:5269", "192.0.2.1:5270", "192.0.2.2:5269"], self.begun)

    def test_time_from_the_turn(self) -> None:
        """What waits has its ten seconds from its turn on."""
        self.limit(max_connections=1)
        self.dial().addErrback(lambda _: None)
        waiting = self.dial("192.0.2.2")
        self.reactor.advance(30.0)
        self.refuse()
        self.assertEqual(("192.0.2.2", 5269, 10.0), (*self.reactor.tcpClients[-1][:2], self.reactor.tcpClients[-1][3]))
        self.accept()
        self.successResultOf(waiting)

    def test_wait_is_written_down(self) -> None:
        """A wait is a step of its own in the transcript, and nobody's fault."""
        self.limit(max_connections=1)
        self.dial().addErrback(lambda _: None)
        self.dial("192.0.2.2")
        self.reactor.advance(3.0)
        self.refuse()
        steps = [(step.what, step.began_seconds, step.took_seconds) for step in self.transcript.steps]
        self.assertEqual([("connect", 0.0, 3.0), ("wait", 0.0, 3.0), ("connect", 3.0, None)], steps)

    def test_cancelled_while_waiting(self) -> None:
        """One that is given up before its turn begins nothing and takes no place."""
        self.limit(max_connections=1)
        self.dial().addErrback(lambda _: None)
        waiting, last = self.dial("192.0.2.2"), self.dial("192.0.2.3")
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.refuse()
        self.accept()
        self.successResultOf(last)
        self.assertEqual(["192.0.2.1:5269", "192.0.2.3:5269"], self.begun)

    def test_cancelled_while_connecting(self) -> None:
        """One that is given up while it connects makes room."""
        self.limit(max_connections=1)
        connecting = self.dial()
        self.dial("192.0.2.2")
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.reactor.advance(0.0)
        self.assertEqual(["192.0.2.1:5269", "192.0.2.2:5269"], self.begun)


class UnansweredTests(DiallingTestCase):
    """An address and port that does not answer."""

    def setUp(self) -> None:
        """Ten attempts a minute."""
        super().setUp()
        self.limit(max_place_attempts_per_minute=10)

    def storm(self, seconds: float, per_second: int = 10) -> list[float]:
        """Dial all the time, and be refused; tells when connections were begun."""
        times = []
        for _ in range(round(seconds * per_second)):
            begun, dialled = len(self.begun), self.dial()
            if len(self.begun) > begun:
                times.append(self.reactor.seconds())
                self.refuse()
            self.failed(dialled)
            self.reactor.advance(1 / per_second)
        return times

    def test_max_place_attempts_per_minute(self) -> None:
        """
        Incident 21: whatever is wanted, one that refuses is tried no more often than allowed within any minute.

        jabberd2 tried 10,000 times a minute. It is tried all the same, to the last.
        """
        self.limit(max_place_attempts_per_minute=120)
        times = self.storm(200.0, per_second=4)
        per_minute = [sum(0.0 <= time - first <= 60.0 for time in times) for first in times]
        self.assertEqual(120, max(per_minute))
        self.assertGreater(times[-1], 198.0)

    def test_half_in_a_row(self) -> None:
        """Half of the attempts may come in a row; the next fails at once with the reason of the last."""
        self.assertEqual(5, len(self.storm(1.0)))
        reason = "not tried again so soon: Connection was refused by other side."
        for _ in range(2):
            self.assertEqual(f"x.example:5269 (192.0.2.1): {reason}", self.failed(self.dial()))
        step = self.transcript.steps[-1]
        self.assertEqual((reason, Culprit.PEER), (step.text, step.culprit))

    def test_others_are_not_affected(self) -> None:
        """Another port and another address are tried as ever."""
        self.storm(1.0)
        self.dial(port=5270)
        self.dial("192.0.2.2")
        self.assertEqual(["192.0.2.1:5270", "192.0.2.2:5269"], self.begun[-2:])

    def test_answer_ends_it(self) -> None:
        """As soon as it answers it may be tried as often as one likes."""
        self.storm(1.0)
        self.reactor.advance(12.0)
        self.dial()
        self.accept()
        self.assertEqual(5, len(self.storm(1.0)))

    def test_answer_counts_more_than_an_older_failure(self) -> None:
        """One that has answered somebody is not held to have failed when an attempt begun before fails after that."""
        failing, answered = self.dial(), self.dial()
        self.accept(1)
        self.successResultOf(answered)
        self.refuse(0)
        self.assertIn("refused", self.failed(failing))
        self.assertEqual(5, len(self.storm(1.0)))

    def test_those_who_wait(self) -> None:
        """Those who wait for it while it refuses others are not kept waiting."""
        self.limit(max_place_attempts_per_minute=2, max_place_connections=1)
        dialled = [self.dial() for _ in range(4)]
        self.refuse()
        reasons = [self.failed(one) for one in dialled]
        self.assertEqual([False, True, True, True], ["not tried again so soon" in reason for reason in reasons])

    def test_given_up(self) -> None:
        """An address that others have beaten five times in a row is left out for a while."""
        for _ in range(5):
            dialled = self.dial()
            dialled.cancel()
            self.failureResultOf(dialled, CancelledError)
        self.assertIn("not tried again so soon: others were faster", self.failed(self.dial()))

    def test_our_own_fault(self) -> None:
        """What fails for want of sockets here is not held against it."""
        for _ in range(20):
            dialled = self.dial()
            self.refuse(reason=error.ConnectBindError(24, "Too many open files"))
            self.assertIn("Too many open files", self.failed(dialled))
        self.assertEqual(20, len(self.begun))

    def test_max_remembered_places(self) -> None:
        """As many as allowed are remembered; with one more the one tried least lately is forgotten."""
        failing = _FailingPlaces(2)
        self.assertIsNone(failing.refuse(("192.0.2.1", 5269), 0.0))
        for port in range(MAX_REMEMBERED_PLACES - 1):
            failing.refuse(("192.0.2.2", port), 0.0)
        self.assertIsNotNone(failing.refuse(("192.0.2.1", 5269), 0.0))
        for port in range(MAX_REMEMBERED_PLACES):
            failing.refuse(("192.0.2.3", port), 0.0)
        self.assertIsNone(failing.refuse(("192.0.2.1", 5269), 0.0))
