"""One cloud, and its conversation with the parent."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError, ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.demo import cloud as cloud_module
from muxs2s.demo.cloud import PROGRESS_SECONDS, Cloud, CloudFailed, Conversation, proofs_of
from muxs2s.demo.plan import FIRST, SECOND, Plan, message
from muxs2s.demo.words import (
    Begin,
    Failed,
    Finish,
    Finished,
    Listening,
    Measure,
    Prepare,
    Progress,
    Usage,
    Word,
    WordReader,
    WordRefused,
    write_word,
)
from muxs2s.network.tls import TLSDescription
from muxs2s.service.status import ServiceStatus, StreamStatus
from muxs2s.stream.associations import Association, Direction, Grant
from muxs2s.stream.machine import StreamState
from muxs2s.testing.authority import CertificateAuthority
from muxs2s.wire.names import DomainName
from tests.network.memoryudp import MemoryNetworkReactor

PLAN = Plan(domains=1, peer_domains=2)

AUTHORITY = CertificateAuthority()


def prepare(cloud: str) -> Prepare:
    """What a cloud is told first."""
    issued = [AUTHORITY.issue(domain) for domain in PLAN.names(cloud)]
    return Prepare(
        cloud=cloud,
        domains=PLAN.domains,
        peer_domains=PLAN.peer_domains,
        messages=PLAN.messages,
        way=PLAN.way.value,
        address="127.0.0.2",
        dns_address="127.0.0.1",
        dns_port=5353,
        anchors=AUTHORITY.certificate_pem.decode(),
        credentials=[(found.certificate_pem.decode(), found.key_pem.decode()) for found in issued],
    )


class BusyReactor(MemoryNetworkReactor):
    """One whose addresses are all taken."""

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Refuse."""
        raise CannotListenError(interface, port, OSError(99, "Cannot assign requested address"))


class CloudTests(SynchronousTestCase):
    """A cloud without a network."""

    def setUp(self) -> None:
        """One that listens."""
        self.reactor = MemoryNetworkReactor()
        self.told: list[Word] = []

    def cloud(self, name: str = FIRST) -> Cloud:
        """One that listens."""
        cloud = Cloud(self.reactor, prepare(name), self.told.append)
        cloud.listen()
        return cloud

    def accept(self, count: int) -> None:
        """Let peers connect, and go again."""
        factory: Any = self.reactor.tcpServers[0][1]
        for _ in range(count):
            protocol = factory.buildProtocol(IPv4Address("TCP", "127.0.0.3", 9))
            protocol.makeConnection(StringTransport())
            protocol.connectionLost(Failure(ConnectionDone()))

    def test_listens(self) -> None:
        """It listens at its address, ready for very many peers at once."""
        self.cloud()
        [(port, _, backlog, interface)] = self.reactor.tcpServers
        self.assertEqual((0, cloud_module.MAX_BACKLOG, "127.0.0.2"), (port, backlog, interface))

    def test_cannot_listen(self) -> None:
        """Where the address cannot be used it says which, and what may help."""
        cloud = Cloud(BusyReactor(), prepare(FIRST), self.told.append)
        failed = self.assertRaises(CloudFailed, cloud.listen)
        self.assertIn("cannot listen on 127.0.0.2: [Errno 99] Cannot assign requested address;", str(failed))
        self.assertIn("loopback", str(failed))

    def test_measured(self) -> None:
        """It tells what its process uses."""
        self.cloud().hear(Measure())
        [usage] = self.told
        assert isinstance(usage, Usage)
        self.assertGreater(usage.resident_kib, 0)

    def test_begins(self) -> None:
        """At the parent's word its domains write, and DNS is asked where the others are."""
        self.cloud().hear(Begin())
        self.reactor.advance(1.0)
        self.assertEqual(4, len([port for port in self.reactor.udp_ports if port.peer == ("127.0.0.1", 5353)]))

    def test_progress(self) -> None:
        """It tells of connections and arrivals before long, together, and at once when all is settled."""
        cloud = self.cloud(SECOND)
        self.accept(2)
        cloud._people.deliver([message("a1.example", "b2.example", "0")])
        self.assertEqual([], self.told)
        self.reactor.advance(PROGRESS_SECONDS)
        self.assertEqual([Progress(arrived=1, bounced=0, connections=2)], self.told)
        cloud._people.deliver([message("a1.example", "b1.example", "0")])
        self.assertEqual([Progress(arrived=2, bounced=0, connections=2)], self.told[1:])

    def test_not_accepted(self) -> None:
        """A connection that the service does not want is not counted."""
        cloud = self.cloud()
        self.patch(cloud._accepted._inner, "buildProtocol", lambda _address: None)
        factory: Any = self.reactor.tcpServers[0][1]
        self.assertIsNone(factory.buildProtocol(None))
        self.assertEqual(0, self.finish(cloud).connections)

    def finish(self, cloud: Cloud) -> Finished:
        """Let it finish; what it says then."""
        cloud.hear(Finish())
        finished = self.told[-1]
        assert isinstance(finished, Finished)
        return finished

    def test_finished(self) -> None:
        """In the end it says what has arrived and what came back; what waits still comes back then."""
        cloud = self.cloud()
        cloud.hear(Begin())
        self.accept(3)
        cloud._people.deliver([message("b1.example", "a1.example", "0")] * 2)
        finished = self.finish(cloud)
        self.assertEqual((1, 1, 2, 3), (finished.arrived, finished.repeated, finished.bounced, finished.connections))
        self.assertIn("somebody@a1.example/demo to somebody@b1.example/demo", finished.bounces[0])
        self.reactor.advance(PROGRESS_SECONDS)
        self.assertIs(finished, self.told[-1])

    def test_finished_without_listening(self) -> None:
        """It can finish before it has begun."""
        cloud = Cloud(self.reactor, prepare(FIRST), self.told.append)
        self.assertEqual((0, {}), (self.finish(cloud).arrived, self.finish(cloud).proofs))

    def test_cannot_finish(self) -> None:
        """If it cannot finish, the parent hears why, and the log has the rest."""
        cloud = self.cloud()
        self.patch(cloud._service, "stopService", lambda: Deferred.fromCoroutine(self.trouble()))
        cloud.hear(Finish())
        self.assertEqual([Failed(reason="cloud a failed to finish: trouble")], self.told)
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))

    async def trouble(self) -> None:
        """Go wrong."""
        raise RuntimeError("trouble")

    def test_out_of_place(self) -> None:
        """What is not for a cloud at work is refused."""
        refused = self.assertRaises(WordRefused, self.cloud().hear, Listening(port=1))
        self.assertIn("Listening", str(refused))


class ProofTests(SynchronousTestCase):
    """How proofs are counted."""

    def stream(self, *, initiated: bool, prooftype: str | None) -> StreamStatus:
        """A stream on which the peer is proven, or not, and we are."""
        ours, peers = DomainName.parse("a1.example"), DomainName.parse("b1.example")
        direction = Direction.OUTBOUND if initiated else Direction.INBOUND
        own = Grant(prooftype="own", evidence="ours")
        domains = ((ours, None) if initiated else (None, ours), (None, peers) if initiated else (peers, None))
        grants = (own, Grant(prooftype=prooftype, evidence="theirs")) if prooftype else (own,)
        other_way = Direction.INBOUND if initiated else Direction.OUTBOUND
        return StreamStatus(
            number=1,
            initiated=initiated,
            peer_address="127.0.0.3:1",
            state=StreamState.CARRYING,
            pair=None,
            tls=TLSDescription(version="TLSv1.3", cipher="x", alpn=""),
            associations=(
                *(
                    Association(direction=direction, sender=sender, target=target, grant=grant)
                    for (sender, target), grant in zip(domains, grants, strict=False)
                ),
                Association(direction=other_way, sender=peers, target=peers, grant=own),
            ),
            dropped_stanzas=0,
            ignored_elements=0,
            multiplexing=None,
            why_not_multiplexed="",
        )

    def test_counted(self) -> None:
        """What counts is how the peer's domain was proven: the target where we send, the sender where it does."""
        streams = (
            self.stream(initiated=True, prooftype="pkix"),
            self.stream(initiated=False, prooftype="pkix"),
            self.stream(initiated=False, prooftype="dane"),
            self.stream(initiated=False, prooftype=None),
        )
        status = ServiceStatus(domains=(), streams=streams, queues=(), ways=())
        self.assertEqual({"pkix": 2, "dane": 1}, proofs_of(status))


class ConversationTests(SynchronousTestCase):
    """What the parent hears."""

    def setUp(self) -> None:
        """A conversation that has begun."""
        self.reactor = MemoryNetworkReactor()
        self.conversation = Conversation(self.reactor)
        self.transport = StringTransport()
        self.conversation.makeConnection(self.transport)

    def answers(self, *said: bytes) -> list[Word]:
        """Say something; what is answered."""
        self.transport.clear()
        for piece in said:
            self.conversation.dataReceived(piece)
        return list(WordReader().feed(self.transport.value()))

    def test_prepared(self) -> None:
        """A cloud that is prepared says where it listens, and answers from then on."""
        self.assertEqual([Listening(port=0)], self.answers(write_word(prepare(FIRST))))
        [usage] = self.answers(write_word(Measure()))
        self.assertIsInstance(usage, Usage)

    def test_not_prepared(self) -> None:
        """Before that there is nothing to say."""
        self.assertEqual([Failed(reason="a cloud has to be prepared first")], self.answers(write_word(Measure())))

    def test_nonsense(self) -> None:
        """What cannot be understood is answered with the reason."""
        self.assertEqual([Failed(reason="b'hello' is not part of this conversation")], self.answers(b"hel", b"lo\n"))

    def test_unforeseen(self) -> None:
        """Whatever goes wrong, the parent hears of it, and the log has the rest."""
        self.patch(cloud_module, "Cloud", None)
        self.assertEqual(
            [Failed(reason="TypeError: 'NoneType' object is not callable")], self.answers(write_word(prepare(FIRST)))
        )
        self.assertEqual(1, len(self.flushLoggedErrors(TypeError)))

    def test_ended(self) -> None:
        """When the parent closes its end, or is gone, that is the end."""
        ended = self.conversation.ended
        self.assertNoResult(ended)
        self.conversation.connectionLost()
        self.successResultOf(ended)
