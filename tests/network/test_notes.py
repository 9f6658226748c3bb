"""What is noted of a stream: in the log, and where connections are counted."""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.accepting import AcceptLimits, Door, Refusal, Visit
from muxs2s.network.notes import StreamNotes
from muxs2s.network.restraint import RestrainedLog
from muxs2s.proof.outcome import Proven, Refused, Scope
from muxs2s.stream.associations import Direction
from muxs2s.stream.events import StreamClosing
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.names import DomainName
from tests.hosts.logs import Logged

A = DomainName.parse("a.example")
B = DomainName.parse("b.example")
PROVEN = Proven(domain=A, prooftype="pkix", evidence="x", scope=Scope.ASKED_DOMAIN, until=None)
REFUSED = Refused(domain=A, reasons=("pkix: expired",))
FAILED = StreamClosing(by_peer=False, condition=StreamCondition.BAD_FORMAT, text="what is that?", see_other="")

ADDRESS = IPv4Address("TCP", "192.0.2.1", 1)


class NotesTestCase(SynchronousTestCase):
    """Streams from one address, at a door that lets one proof fail."""

    def setUp(self) -> None:
        self.logged = Logged(self)
        self.clock = Clock()
        limits = AcceptLimits(max_address_failed_proofs=1, max_address_unproven_connections=2)
        self.door = Door(limits, 0.0)
        self.restrained = RestrainedLog(Logger(namespace="muxs2s.test"), self.clock)

    def notes(self, number: int = 1) -> StreamNotes:
        """Of a stream on a connection that was let in."""
        visit = self.door.admit(ADDRESS, 0.0)
        assert isinstance(visit, Visit)
        return StreamNotes(number, visit, self.restrained)

    def refusal(self) -> Refusal | None:
        """Why one more connection is not let in."""
        visit = self.door.admit(ADDRESS, 0.0)
        if isinstance(visit, Refusal):
            return visit
        visit.left()
        return None


class CountTests(NotesTestCase):
    """What counts at the door."""

    def test_failed_proofs(self) -> None:
        """A proof that fails is held against the address, one that succeeds is not."""
        notes = self.notes()
        for outcome, refusal in ((PROVEN, None), (REFUSED, None), (PROVEN, None), (REFUSED, Refusal.FAILED_PROOFS)):
            notes.judged(outcome, B, 0.0)
            self.assertIs(refusal, self.refusal())

    def test_ready(self) -> None:
        """When the peer has proven itself its connection counts as such; that we have is nothing to go by."""
        first, _ = self.notes(), self.notes()
        first.ready(Direction.OUTBOUND)
        self.assertIs(Refusal.ADDRESS_UNPROVEN, self.refusal())
        first.ready(Direction.INBOUND)
        self.assertIsNone(self.refusal())

    def test_gone(self) -> None:
        """When the connection is over it counts no more."""
        notes, _ = self.notes(), self.notes()
        notes.gone()
        self.assertIsNone(self.refusal())


class LogTests(NotesTestCase):
    """What the log says of strangers."""

    def test_once(self) -> None:
        """What strangers from one address do wrong is said once for each reason, however many streams they open."""
        for number in (1, 2):
            notes = self.notes(number)
            notes.closing(FAILED, "192.0.2.1:5000")
            notes.lost("192.0.2.1:5000", "TLS failed: no shared cipher")
            notes.judged(REFUSED, B, 0.0)
        failed, lost, refused = self.logged.lines
        self.assertEqual("stream 1 with 192.0.2.1:5000 failed, said we: bad-format (what is that?)", failed)
        self.assertEqual("stream 1 with 192.0.2.1:5000: TLS failed: no shared cipher", lost)
        self.assertEqual("refused a.example, asked for b.example, on stream 1: pkix: expired", refused)

    def test_proven(self) -> None:
        """Of a peer that has proven itself every line is written, and so of one that we have called."""
        proven, ours = self.notes(), StreamNotes(2)
        proven.ready(Direction.INBOUND)
        for notes in (proven, proven, ours, ours):
            notes.closing(FAILED, "192.0.2.1:5000")
        self.assertEqual(4, len(self.logged.lines))
