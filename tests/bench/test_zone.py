"""The name server of a run."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bench.zone import write_records, zone_of
from muxs2s.testing import MemoryResolver


class ZoneTests(SynchronousTestCase):
    def answer(self, name: str, kind: str, *, finds_addresses: bool) -> list[str]:
        """What it says of a name, after the records have been in a file."""
        path = write_records(
            Path(self.mktemp()), {"a0.example": ("127.0.0.2", 20_007)}, finds_addresses=finds_addresses
        )
        resolver = MemoryResolver(zone_of(path), Clock())
        found = self.successResultOf(Deferred.fromCoroutine(resolver.query(name, kind)))
        return [str(record) for record in found.records]

    def test_names(self) -> None:
        """A server that asks for addresses is led to its host by name."""
        srv = self.answer("_xmpp-server._tcp.a0.example", "SRV", finds_addresses=True)
        self.assertEqual(["0 0 20007 a0.example."], srv)
        self.assertEqual(["127.0.0.2"], self.answer("a0.example", "A", finds_addresses=True))

    def test_addresses(self) -> None:
        """One that asks others for addresses finds them where names should be."""
        srv = self.answer("_xmpp-server._tcp.a0.example", "SRV", finds_addresses=False)
        self.assertEqual(["0 0 20007 127.0.0.2."], srv)
