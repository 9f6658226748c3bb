"""Where embedded clouds find each other."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from bench.directions import Directions


class DirectionTests(SynchronousTestCase):
    def answers(self, name: str, rdtype: str) -> list[str]:
        """The records of a name, as text."""
        directions = Directions({"a": ("127.0.0.2", 20_001), "b": ("127.0.0.3", 20_002)})
        answer = self.successResultOf(Deferred.fromCoroutine(directions.query(name, rdtype)))
        return [str(record) for record in answer.records]

    def test_domains(self) -> None:
        """Each domain is served by the host of its cloud."""
        self.assertEqual(["0 0 20002 b.example."], self.answers("_xmpp-server._tcp.b17.example", "SRV"))
        self.assertEqual(["127.0.0.3"], self.answers("b.example", "A"))

    def test_nothing_else(self) -> None:
        """There is neither direct TLS nor IPv6."""
        self.assertEqual([], self.answers("_xmpps-server._tcp.b17.example", "SRV"))
        self.assertEqual([], self.answers("b.example", "AAAA"))
