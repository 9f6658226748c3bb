"""Domains that wait for their turn."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.events import Whose
from muxs2s.multiplex.wanted import Wanted
from muxs2s.wire.names import DomainName
from tests.multiplex.twoends import issued, name

A, B, C = map(name, ("a.example", "b.example", "c.example"))
OF_A, OF_B = issued("a.example").leaf, issued("b.example").leaf
OURS = Whose.OURS


class WantedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.wanted = Wanted()

    def taken(self, *is_open: DomainName) -> str:
        """Whose turn it is, one after the other: the first letters of domains, capital if they are renewed."""
        letters = ""
        while following := self.wanted.take(lambda _, domain: domain in is_open):
            _, domain, renew = following
            letters += domain.ascii[0].upper() if renew else domain.ascii[0]
        return letters

    def test_order(self) -> None:
        """They have their turns in the order in which they came, each once."""
        for domain in (B, A, C, B):
            self.wanted.add(OURS, domain)
        self.assertEqual(3, len(self.wanted))
        self.assertEqual("bac", self.taken())

    def test_renewed(self) -> None:
        """Who is to be renewed stays so, and waits until no exchange decides on it."""
        self.wanted.add(OURS, A, renew=True)
        self.wanted.add(OURS, A)
        self.wanted.add(OURS, B)
        self.assertEqual("b", self.taken(A))
        self.assertEqual("A", self.taken())

    def test_held(self) -> None:
        """Who waits for a certificate has no turn until that is free, though it is wanted again."""
        self.wanted.hold(OURS, A, OF_A)
        self.wanted.hold(OURS, B, OF_B)
        self.wanted.add(OURS, A)
        self.assertEqual(("", 2, True), (self.taken(), len(self.wanted), (OURS, A) in self.wanted))
        self.wanted.release(OF_A)
        self.wanted.release(OF_A)
        self.assertEqual(("a", [(OURS, B)]), (self.taken(), [*self.wanted]))

    def test_no_longer(self) -> None:
        """Who is wanted no longer has no turn, whatever it has waited for; one who is not there is no error."""
        self.wanted.add(OURS, A)
        for domain in (B, C):
            self.wanted.hold(OURS, domain, OF_B)
        for domain in (A, B, B):
            self.wanted.discard(OURS, domain)
        self.wanted.release(OF_B)
        self.assertEqual("c", self.taken())

    def test_clear(self) -> None:
        """Nobody is left."""
        self.wanted.add(OURS, A)
        self.wanted.hold(OURS, B, OF_B)
        self.wanted.clear()
        self.wanted.release(OF_B)
        self.assertEqual(("", 0), (self.taken(), len(self.wanted)))
