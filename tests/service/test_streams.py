"""How a stream for a domain pair comes about, who hears of it, and how all of them end."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.events import Multiplexes, NamesOpened, ProofRecalled, Whose
from muxs2s.network.accepting import AcceptLimits
from muxs2s.network.certificates import CertificateStore
from muxs2s.network.connecting import Attempt, Connector, Make
from muxs2s.network.evidence import PolicyJudge
from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.targets import Target, Unreachable
from muxs2s.network.tls import TLSContexts
from muxs2s.network.transcript import Transcript
from muxs2s.proof.dialback import DialbackKeys, DialbackSecret
from muxs2s.proof.pkix import PkixProof
from muxs2s.service.factory import StreamFactory
from muxs2s.service.linkseams import StreamUnavailable
from muxs2s.service.queues import Carrier, PairQueue, QueueBudget, QueueLimits
from muxs2s.service.streams import Streams, StreamSeams
from muxs2s.service.users import StreamUsers
from muxs2s.stream.associations import Direction
from muxs2s.stream.events import PairRefused
from muxs2s.stream.limits import StreamLimits
from muxs2s.stream.machine import StreamState
from muxs2s.stream.side import OwnSide
from muxs2s.testing import MemoryResolver
from muxs2s.wire.errors import StanzaCondition, StreamCondition
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.stanza import Slice
from tests.service.samples import PAIR, A, C, bodies, message
from tests.service.world import AUTHORITY, World, credentials_of

TIMEOUT = StanzaCondition.REMOTE_SERVER_TIMEOUT


class DoubleKeeper:
    """Keeps a record of what becomes of a queue."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_facts: self.told.append(name)


class DoubleAttempt(Attempt):
    """Gives what it was made with, once."""

    def __init__(self, found: Callable[[], Deferred[IProtocol]]) -> None:
        self.found = found

    def next(self, why: str = "") -> Deferred[IProtocol]:
        """As any attempt."""
        return fail(Unreachable(TIMEOUT, f"no connection to b.example: {why}")) if why else self.found()


class DoubleConnector(Connector):
    """Gives what it was made with."""

    def __init__(self, found: Callable[[IProtocolFactory], Deferred[IProtocol]]) -> None:
        self.found = found

    def attempt(self, domain: DomainName, make: Make, *, transcript: Transcript | None = None) -> Attempt:
        """As any connector."""
        return DoubleAttempt(lambda: self.found(make(Target(host="192.0.2.2", port=5269))))


class StreamsTestCase(SynchronousTestCase):
    """The streams of a.example, in a world with a server for b.example."""

    def setUp(self) -> None:
        self.world = World()
        self.network = self.world.network
        self.b = self.world.server("b.example")
        self.delivered: list[Slice] = []
        self.reached: list[DomainPair] = []
        self.record = DoubleKeeper()
        self.streams = self.make_streams()

    def tearDown(self) -> None:
        self.streams.stop()
        self.world.stop()
        self.assertEqual([], self.network.getDelayedCalls())

    def make_streams(
        self,
        connector: Connector | None = None,
        limits: StreamLimits | None = None,
        accept: AcceptLimits | None = None,
    ) -> Streams:
        """Streams with a certificate, or with a connector that does not need one."""
        store = CertificateStore()
        store.add(credentials_of("a.example"))
        return Streams(
            StreamSeams(
                clock=self.network,
                connector=connector or Connector(self.network, MemoryResolver(self.world.zone, self.network)),
                contexts=TLSContexts(store, self.network),
                judge=PolicyJudge((PkixProof(AUTHORITY.trust_anchors),)),
                side=OwnSide(
                    hosted={A},
                    keys=DialbackKeys(DialbackSecret("sixteen bytes or more")),
                    limits=limits or StreamLimits(),
                    is_bidi=False,
                ),
                accept=accept or AcceptLimits(),
                entropy=os.urandom,
                deliver=self.deliver,
                reached=self.reached.append,
            )
        )

    def deliver(self, stanzas: Sequence[Slice]) -> None:
        """Keep what peers send."""
        self.delivered += stanzas

    def dial(self) -> Deferred[Carrier]:
        """Begin to open a stream."""
        return self.streams.dial(PAIR)

    def opened(self) -> Carrier:
        """Open a stream."""
        dialled = self.dial()
        self.network.settle()
        return self.successResultOf(dialled)

    def send(self, carrier: Carrier, text: str) -> PairQueue:
        """Send a message of the pair; the queue it came from."""
        queue = PairQueue(PAIR, QueueBudget(QueueLimits()), self.record, self.network.seconds())
        queue.push(message(text), self.network.seconds())
        carrier.admit(queue)
        carrier.serve()
        return queue

    def peer_streams(self, state: StreamState) -> list[StreamProtocol]:
        """Wait until the last stream that the peer has accepted is in a state."""
        while not (streams := list(self.b.service._streams)) or streams[-1].stream.state is not state:
            self.assertEqual(1, self.network.step(), "it never will be")
        return streams

    def unavailable(self, dialled: Deferred[Carrier]) -> StreamUnavailable:
        """Why there is no stream."""
        failure: StreamUnavailable = self.failureResultOf(dialled, StreamUnavailable).value
        return failure


class DialTests(StreamsTestCase):
    """A stream is opened."""

    def test_success(self) -> None:
        """The stream is given when it may carry the pair; what it is given then arrives, and no more is kept of it."""
        self.send(self.opened(), "1")
        self.network.settle()
        self.assertEqual((["1"], ["emptied"]), (self.b.mailbox.texts, self.record.told))

    def test_ready_again(self) -> None:
        """A stream is given once, whatever else becomes ready on it."""
        carrier = self.opened()
        (stream,) = self.streams
        self.streams.ready(stream, PAIR, Direction.OUTBOUND)
        self.assertEqual((carrier, []), (self.streams.find(PAIR), self.reached))

    def test_refused_too_late(self) -> None:
        """A pair that is refused on a stream nobody waits for changes nothing."""
        self.opened()
        (stream,) = self.streams
        self.streams.dialback(stream, PairRefused(pair=PAIR, condition=TIMEOUT, text="sorry"))
        self.assertIs(stream.stream.state, StreamState.CARRYING)

    def test_end(self) -> None:
        """When the peer closes the stream, what has left is forgotten."""
        self.send(self.opened(), "1")
        self.b.stop()
        self.network.settle()
        self.assertEqual((["emptied"], []), (self.record.told, list(self.streams)))

    def test_end_with_stanzas_in_hand(self) -> None:
        """When the connection breaks what had not left waits again."""
        queue = self.send(self.opened(), "1")
        self.network.cut()
        self.network.settle()
        self.assertEqual((["stranded"], 1), (self.record.told, len(queue)))

    def test_found(self) -> None:
        """B11: a stream that carries the pair is found; one that closes is, until it is gone: nothing overtakes."""
        self.assertIsNone(self.streams.find(PAIR))
        carrier = self.opened()
        self.assertIs(carrier, self.streams.find(PAIR))
        (stream,) = self.streams
        stream.close()
        self.assertIs(carrier, self.streams.find(PAIR))
        self.network.settle()
        self.assertIsNone(self.streams.find(PAIR))

    def test_no_longer_proven(self) -> None:
        """A stream that goes on without the pair is not found for it."""
        self.opened()
        (stream,) = self.streams
        stream.stream.associations.withdraw_domain(PAIR.target)
        self.assertIsNone(self.streams.find(PAIR))

    def test_nowhere(self) -> None:
        """S17: a domain DNS does not know is not found, and that is final; one that does not answer may yet."""
        dialled = self.streams.dial(DomainPair(A, DomainName.parse("nowhere.example")))
        self.network.settle()
        unavailable = self.unavailable(dialled)
        self.assertEqual((StanzaCondition.REMOTE_SERVER_NOT_FOUND, True), (unavailable.condition, unavailable.final))
        self.b.stop()
        dialled = self.dial()
        self.network.settle()
        unavailable = self.unavailable(dialled)
        self.assertEqual((TIMEOUT, False), (unavailable.condition, unavailable.final))
        self.assertIn("refused", str(unavailable))

    def test_connection_lost(self) -> None:
        """A connection that is lost before the stream is ready is no stream; it may be had later."""
        dialled = self.dial()
        self.peer_streams(StreamState.PROVING)
        self.network.cut()
        self.network.settle()
        unavailable = self.unavailable(dialled)
        self.assertEqual((TIMEOUT, False), (unavailable.condition, unavailable.final))
        self.assertIn("no stream with the server at 192.0.2.1:5269: connection lost: ", str(unavailable))

    def test_refused_by_the_peer(self) -> None:
        """What the peer says is passed on; whether to try again soon depends on it."""
        for condition, final in ((StreamCondition.HOST_UNKNOWN, True), (StreamCondition.SYSTEM_SHUTDOWN, False)):
            dialled = self.dial()
            (stream,) = self.peer_streams(StreamState.PROVING)
            stream.fail(condition, "sorry")
            self.network.settle()
            unavailable = self.unavailable(dialled)
            self.assertEqual((TIMEOUT, final), (unavailable.condition, unavailable.final))
            said = f"no stream, the server at 192.0.2.1:5269 said: {condition.value}: sorry"
            self.assertEqual(said, str(unavailable))

    def test_silent_peer(self) -> None:
        """A peer that accepts the connection and says nothing is given up after a minute."""
        self.network.listenTCP(5269, Factory.forProtocol(Protocol), interface="192.0.2.9")
        self.world.publish("silent.example", "192.0.2.9")
        dialled = self.streams.dial(DomainPair(A, DomainName.parse("silent.example")))
        self.network.advance(59.9)
        self.assertNoResult(dialled)
        self.network.advance(0.1)
        self.assertIn("connection-timeout", str(self.unavailable(dialled)))

    def test_closed_at_once(self) -> None:
        """A connection that was over before anybody could wait for it is not waited for."""
        streams = self.make_streams(DoubleConnector(self.stillborn))
        self.assertIn("the connection was closed at once", str(self.unavailable(streams.dial(PAIR))))

    def stillborn(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """A connection that was lost meanwhile."""
        protocol = cast(StreamProtocol, factory.buildProtocol(IPv4Address("TCP", "192.0.2.2", 5269)))
        protocol.connectionLost()
        return succeed(protocol)

    def test_broken_connector(self) -> None:
        """What a connector fails with that it must not is not hidden."""
        streams = self.make_streams(DoubleConnector(lambda _factory: fail(ZeroDivisionError())))
        self.failureResultOf(streams.dial(PAIR), ZeroDivisionError)


class MultiplexTests(StreamsTestCase):
    """What a stream that multiplexes tells."""

    def setUp(self) -> None:
        super().setUp()
        self.opened()
        (self.stream,) = self.streams

    def found(self, pair: DomainPair = PAIR) -> StreamProtocol | None:
        """The stream for a pair."""
        users = cast(StreamUsers | None, self.streams.find(pair))
        return None if users is None else users.connection

    def test_found(self) -> None:
        """A pair finds the stream that carries it, as its own or as one that is shared; until it is gone."""
        self.assertIs(self.stream, self.found())
        self.streams.multiplex(self.stream, Multiplexes())
        self.assertIs(self.stream, self.found())
        self.streams.multiplex(self.stream, NamesOpened(whose=Whose.PEERS, names=[PAIR.target]))
        self.assertIs(self.stream, self.found())
        self.assertIsNone(self.found(DomainPair(A, C)))
        self.stream.close()
        self.assertIs(self.stream, self.found())
        self.network.settle()
        self.assertIsNone(self.found())

    def test_proofs(self) -> None:
        """What has to be signed or judged goes to whoever does that."""
        with capturedLogs() as events:
            self.streams.multiplex(self.stream, ProofRecalled(id=1, domain=PAIR.target, chain=()))
            self.network.settle()
        self.assertEqual(["pkix: no certificate was shown"], [event["reasons"] for event in events])

    def test_proofs_of_a_stream_that_is_gone(self) -> None:
        """Nothing is signed or judged for a stream that is over."""
        self.streams.multiplex(self.stream, ProofRecalled(id=1, domain=PAIR.target, chain=()))
        self.streams.gone(self.stream, ())
        with capturedLogs() as events:
            self.network.settle()
        self.assertEqual([], events)


class CancelTests(StreamsTestCase):
    """An attempt is given up."""

    def test_while_connecting(self) -> None:
        """The connection is not made."""
        self.network.silent.add(self.b.address)
        dialled = self.dial()
        self.network.settle()
        dialled.cancel()
        self.failureResultOf(dialled, CancelledError)
        self.assertEqual(([], []), (list(self.streams), self.network.getDelayedCalls()))

    def test_at_every_step(self) -> None:
        """Whenever it is, the stream is closed, and nothing is left."""
        for steps in range(1, 30):
            dialled = self.dial()
            self.network.step(steps)
            dialled.addErrback(lambda _cancelled: None).cancel()
            for stream in self.streams:
                stream.close()
            self.network.advance(20.0)
            self.assertEqual([], list(self.streams), steps)
            self.network.advance(60.0)  # what the log leaves out meanwhile is counted for a minute
            self.assertEqual([], self.network.getDelayedCalls(), steps)


class AcceptTests(StreamsTestCase):
    """Peers open streams to us."""

    def setUp(self) -> None:
        super().setUp()
        self.network.listenTCP(5269, self.streams.accepting(), interface="192.0.2.8")
        self.world.publish("a.example", "192.0.2.8")

    def test_delivered(self) -> None:
        """What a peer sends is handed on; that the peer is there is told, for the way back."""
        self.b.send("1", target="a.example")
        self.assertEqual((["1"], [PAIR]), (bodies(self.delivered), self.reached))

    def test_numbers(self) -> None:
        """Streams of both directions are numbered in one row, from 1."""
        self.b.send("1", target="a.example")
        self.opened()
        self.assertEqual([1, 2], [stream.number for stream in self.streams])

    def test_gone_peers_are_noticed(self) -> None:
        """S22: the system asks on each connection whether the peer is still there."""
        handle = socket.socket()
        self.addCleanup(handle.close)
        transport = StringTransport()
        transport.getHandle = lambda: handle  # type: ignore[attr-defined]  # as transports on sockets have it
        stream = self.streams.accepting().buildProtocol(None)
        assert stream is not None
        stream.makeConnection(transport)
        self.assertTrue(handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        stream.connectionLost()

    def test_nobody_needs_to_know(self) -> None:
        """That a peer is there need not be told."""
        given = {field.name: getattr(self.streams.seams, field.name) for field in fields(StreamSeams)}
        del given["reached"]
        self.streams.seams = StreamSeams(**given)
        self.b.send("1", target="a.example")
        self.assertEqual((["1"], []), (bodies(self.delivered), self.reached))

    def test_after_stop(self) -> None:
        """After a stop connections are turned away; after a start they are not."""
        self.streams.stop()
        self.assertIsNone(self.streams.accepting().buildProtocol(None))
        self.streams.start()
        factory = self.streams.accepting()
        protocol = factory.buildProtocol(None)
        assert protocol is not None
        self.assertIs(factory, protocol.factory)
        protocol.connectionLost()

    def test_refused(self) -> None:
        """S23: a connection past a limit is turned away before there is a protocol, a stream or a timer for it."""
        self.streams = self.make_streams(accept=AcceptLimits(max_address_connections=1))
        factory = self.streams.accepting()
        first = factory.buildProtocol(IPv4Address("TCP", "192.0.2.7", 1))
        assert first is not None
        self.assertIsNone(factory.buildProtocol(IPv4Address("TCP", "192.0.2.7", 2)))
        self.assertEqual(([first], []), (list(self.streams), self.network.getDelayedCalls()))
        first.connectionLost()
        again = factory.buildProtocol(IPv4Address("TCP", "192.0.2.7", 3))
        assert again is not None
        again.connectionLost()

    def test_factory_is_quiet(self) -> None:
        """A factory says nothing in the log when it starts and stops."""
        self.assertIs(False, StreamFactory(lambda _address: None).noisy)


class StopTests(StreamsTestCase):
    """All streams end."""

    def test_none(self) -> None:
        """Without streams the end has come at once, however often it is asked for."""
        self.successResultOf(self.streams.stop())
        self.successResultOf(self.streams.stop())

    def test_everyone_who_asks_is_told(self) -> None:
        """Whoever asks for the end is told when the last stream is gone."""
        self.opened()
        self.opened()
        stopped = [self.streams.stop(), self.streams.stop()]
        for one in stopped:
            self.assertNoResult(one)
        self.network.settle()
        for one in stopped:
            self.successResultOf(one)

    def test_peers_that_do_not_answer(self) -> None:
        """S8: streams whose peers do not answer end by their own deadlines: one that carries, one on the way there."""
        self.opened()
        self.network.connections[1].pauseProducing()
        self.world.publish("b2.example", self.b.address)
        self.b.service.add_domain("b2.example")
        self.b.certificates.add(credentials_of("b2.example"))
        other = DomainPair(A, DomainName.parse("b2.example"))
        self.streams.dial(other).addErrback(lambda _unavailable: None)
        self.peer_streams(StreamState.PROVING)
        self.network.connections[-1].pauseProducing()
        stopped = self.streams.stop()
        self.network.advance(19.9)
        self.assertNoResult(stopped)
        self.network.advance(0.1)
        self.successResultOf(stopped)
