"""What cannot be attributed, at either end of the TLS connection."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.elements import Accept, ListedName, Offer, Request
from muxs2s.multiplex.events import SignatureWanted
from muxs2s.multiplex.names import Standing
from tests.multiplex.test_reading import MALFORMED, element
from tests.multiplex.twoends import OneEnd, name

B, C, D = map(name, ("b.example", "c.example", "d.example"))


class UnattributedTests(SynchronousTestCase):
    """An initiating server, then a receiving one, that hosts ``c.example``; whoever it hears begins with other ids."""

    def setUp(self) -> None:
        self.ends = {initiates: OneEnd("c.example", initiates=initiates) for initiates in (True, False)}

    def assert_ignored(self, one: OneEnd, data: bytes) -> None:
        """It is counted, not answered, and changes nothing."""
        before = one.multiplexer.exchanges, len(one.multiplexer.own), len(one.multiplexer.peers)
        self.assertFalse(one.end.take(data, one.now), data)
        after = one.multiplexer.exchanges, len(one.multiplexer.own), len(one.multiplexer.peers)
        self.assertEqual(([], before), (one.said(), after), data)

    def test_unknown(self) -> None:
        """S14: an element that is not known is ignored and counted; an id that it has may begin something still."""
        for initiates, one in self.ends.items():
            id_ = 2 if initiates else 1
            for rest in ("", "id='x'", f"id='{id_}'", f"id='{id_}' domain='d.example'"):
                self.assert_ignored(one, element("renounce", rest))
            self.assertTrue(one.hear(Offer(id=id_, domain=D)))
            self.assertEqual([Request], [type(said) for said in one.said()])

    def test_accept(self) -> None:
        """M4, M7: a malformed accept is ignored whole and counted; a good one that follows is taken."""
        for initiates, one in self.ends.items():
            id_ = self.presented(one, 1 if initiates else 2)
            good = "<domain>c.example</domain>"
            wrong = (f"id='{id_}'>{good}<domain>C.example</domain>", f"id='{id_}' certificate='x'>{good}")
            for rest in (*MALFORMED["accept"], *wrong, f">{good}"):
                self.assert_ignored(one, element("accept", rest))
            self.assertIs(Standing.OUT, one.multiplexer.own.standing(C))
            self.assertTrue(one.hear(Accept(id=id_, certificate=None, names=(ListedName(name=C),))))
            self.assertIs(Standing.OPEN, one.multiplexer.own.standing(C))

    def test_first_list(self) -> None:
        """M8: a first list that is malformed gives nothing, and the stream goes on without it."""
        for one in self.ends.values():
            self.assert_ignored(one, element("accept", "id='0'><domain>a.example</domain><domain/>"))
            self.assertIs(Standing.OUT, one.multiplexer.own.standing(name("a.example")))

    def test_reject(self) -> None:
        """M4: a malformed reject ends no exchange: only its sender knows what it has decided."""
        for initiates, one in self.ends.items():
            id_ = self.presented(one, 1 if initiates else 2)
            for rest in (f"id='{id_}'", f"id='{id_}'><timeout/><too-many/>", f"id='{id_}' retry-after='x'><timeout/>"):
                self.assert_ignored(one, element("reject", rest))

    def test_removals(self) -> None:
        """M12: what would begin or end a removal and is malformed does neither, though it has a good id."""
        for one in self.ends.values():
            for kind in ("withdraw", "revoke", "withdrawn", "revoked"):
                for rest in MALFORMED[kind]:
                    self.assert_ignored(one, element(kind, rest))
            self.assertIs(Standing.OPEN, one.multiplexer.peers.standing(B))

    def presented(self, one: OneEnd, id_: int) -> int:
        """Have a proof of ``c.example`` shown in an exchange of the end's own."""
        one.want("c.example", "b.example")
        one.hear(Request(id=id_, domain=C, data=b"peer 1: c.example"))
        self.assertEqual(1, len(one.end.told(SignatureWanted)))
        one.multiplexer.present(id_, b"proof", one.now)
        one.said()
        return id_
