"""What operators are shown: a snapshot, without secrets."""

from __future__ import annotations

import dataclasses

from muxs2s.service.status import QueueStatus, ServiceStatus
from muxs2s.stream.associations import Direction
from muxs2s.stream.machine import StreamState
from tests.service.samples import PAIR
from tests.service.world import APART, FederationTestCase

SECRET = "for nobody else"


class StatusTests(FederationTestCase):
    """The status of two servers that federate, without multiplexing."""

    policies = APART

    def test_nothing_yet(self) -> None:
        """A server that has just been started has its domains to show."""
        c = self.world.server("c2.example", "c1.example")
        expected = ServiceStatus(domains=("c1.example", "c2.example"), streams=(), queues=(), ways=())
        self.assertEqual(expected, c.service.status())

    def test_initiated(self) -> None:
        """A stream that was opened: its pair, its TLS, what proved the peer."""
        self.a.send("1")
        (stream,) = self.a.service.status().streams
        self.assertEqual((1, True, "192.0.2.2:5269"), (stream.number, stream.initiated, stream.peer_address))
        self.assertEqual((StreamState.CARRYING, PAIR), (stream.state, stream.pair))
        assert stream.tls is not None
        self.assertEqual("TLSv1.3", stream.tls.version)
        (proof,) = [found for found in stream.associations if found.target == "b.example"]
        self.assertEqual((Direction.OUTBOUND, "pkix"), (proof.direction, proof.grant.prooftype))
        self.assertIn("issued by CN=muxs2s test CA", proof.grant.evidence)

    def test_accepted(self) -> None:
        """A stream that was accepted: the same from the other side."""
        self.a.send("1")
        (stream,) = self.b.service.status().streams
        self.assertEqual((False, PAIR), (stream.initiated, stream.pair))
        (proof,) = [found for found in stream.associations if found.sender == "a.example"]
        self.assertEqual((Direction.INBOUND, "pkix"), (proof.direction, proof.grant.prooftype))

    def test_dropped(self) -> None:
        """Stanzas that were dropped are counted, with one line in the log for all of them."""
        self.a.send("1")
        (stream,) = self.a.service._streams
        foreign = b"<message from='x@c.example' to='y@b.example'/>" * 3
        stream._writer.write(foreign)  # type: ignore[union-attr]  # a stream that carries has one
        self.network.settle()
        (status,) = self.b.service.status().streams
        self.assertEqual(3, status.dropped_stanzas)
        dropping = [line for line in self.logged.lines if "dropping" in line]
        self.assertEqual(["dropping stanzas from c.example on stream 1, where it is not proven"], dropping)

    def test_connecting(self) -> None:
        """A connection that was made and has said nothing shows where it leads."""
        self.a.service.send([])
        protocol = self.a.service.factory.buildProtocol(None)
        assert protocol is not None
        (stream,) = self.a.service.status().streams
        self.assertEqual(("not connected", None, None), (stream.peer_address, stream.pair, stream.tls))
        protocol.connectionLost()

    def test_queues(self) -> None:
        """What waits is shown with its domain pair; pairs that have nothing waiting are not."""
        self.a.send("1")
        self.world.publish("silent.example", "192.0.2.99")
        self.network.silent.add("192.0.2.99")
        self.a.send("2", "3", target="silent.example")
        (queue,) = self.a.service.status().queues
        self.assertEqual(("silent.example", 2), (queue.pair.target, queue.stanzas))

    def test_no_secrets(self) -> None:
        """No part of a snapshot holds a stanza or a key."""
        self.a.send(SECRET)
        self.network.silent.add("192.0.2.2")
        self.network.cut()
        self.a.send(SECRET)
        shown = repr(self.a.service.status()) + repr(self.b.service.status())
        for secret in (SECRET, "x@a.example", "PrivateKey", "Slice"):
            self.assertNotIn(secret, shown)

    def test_frozen(self) -> None:
        """A snapshot does not change, and nobody can change it."""
        self.a.send("1")
        status = self.a.service.status()
        self.a.stop()
        self.network.settle()
        self.assertEqual(1, len(status.streams))
        (stream,) = status.streams
        for value, name in ((status, "domains"), (stream, "number"), (QueueStatus(pair=PAIR, stanzas=1), "pair")):
            self.assertRaises(dataclasses.FrozenInstanceError, setattr, value, name, None)
