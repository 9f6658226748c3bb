"""What has arrived, and what came back."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.demo.ledger import MAX_EXAMPLES, MAX_MESSAGES, Bounces, Ledger
from muxs2s.demo.plan import message
from muxs2s.testing.federation import stanza_of
from muxs2s.wire.errors import StanzaCondition
from muxs2s.wire.names import NameRefused
from muxs2s.wire.stanza import error_reply


class LedgerTests(SynchronousTestCase):
    """Three messages are awaited from each of two domains to each of two others."""

    def setUp(self) -> None:
        """An empty ledger."""
        self.ledger = Ledger(["a1.example", "a2.example"], ["b1.example", "b2.example"], 3)

    def note(self, sender: str, target: str, *numbers: int) -> list[bool]:
        """Enter messages of one pair; which of them were awaited."""
        return [self.ledger.note(message(sender, target, str(number))) for number in numbers]

    def faults(self) -> tuple[int, int, int]:
        """What was not as it should be."""
        return self.ledger.repeated, self.ledger.disordered, self.ledger.unasked

    def test_all(self) -> None:
        """All that is awaited arrives, in order within each pair, the pairs in any order."""
        for sender, target in (("a2", "b2"), ("a1", "b2"), ("a2", "b1"), ("a1", "b1")):
            self.assertEqual([True] * 3, self.note(f"{sender}.example", f"{target}.example", 0, 1, 2))
        self.assertEqual(12, self.ledger.arrived)
        self.assertEqual((0, 0, 0), self.faults())

    def test_repeated(self) -> None:
        """What comes twice counts as arrived once, and as repeated."""
        self.assertEqual([True, False, True, False], self.note("a1.example", "b1.example", 0, 0, 1, 0))
        self.assertEqual(2, self.ledger.arrived)
        self.assertEqual((2, 0, 0), self.faults())

    def test_disordered(self) -> None:
        """What a later message of its pair has overtaken is out of order; a gap by itself is not."""
        self.note("a1.example", "b1.example", 0, 2, 1)
        self.note("a1.example", "b2.example", 0, 2)
        self.assertEqual(5, self.ledger.arrived)
        self.assertEqual((0, 1, 0), self.faults())

    def test_unasked(self) -> None:
        """What nobody was to send counts apart: foreign domains, numbers past the last, ids of another kind."""
        self.note("b1.example", "a1.example", 0)
        self.note("a1.example", "b3.example", 0)
        self.note("a1.example", "b1.example", 3)
        for id_ in ("", "x", "-1", "²"):
            self.ledger.note(message("a1.example", "b1.example", id_))
        self.ledger.note(message("a1.example", "b1.example", "0")._replace(id=None))
        self.assertEqual(0, self.ledger.arrived)
        self.assertEqual((0, 0, 8), self.faults())

    def test_most_messages(self) -> None:
        """As many messages of one pair as are allowed can be told apart."""
        ledger = Ledger(["a1.example"], ["b1.example"], MAX_MESSAGES)
        for number in range(MAX_MESSAGES + 1):
            ledger.note(message("a1.example", "b1.example", str(number)))
        self.assertEqual((MAX_MESSAGES, 0, 1), (ledger.arrived, ledger.disordered, ledger.unasked))

    def test_no_address(self) -> None:
        """A stanza without addresses never gets here; it is refused."""
        self.assertRaises(NameRefused, self.ledger.note, message("a1.example", "", "0"))


class BouncesTests(SynchronousTestCase):
    """What came back."""

    def bounce(self, bounces: Bounces, number: int, condition: StanzaCondition) -> None:
        """Enter the bounce of a message."""
        reply = error_reply(message(f"a{number}.example", "b1.example", "0"), condition, "it is Sunday")
        assert reply is not None
        bounces.note(reply)

    def test_counted(self) -> None:
        """Bounces are counted by condition, and the first of each condition are kept for people."""
        bounces = Bounces()
        for number in range(1, MAX_EXAMPLES + 2):
            self.bounce(bounces, number, StanzaCondition.REMOTE_SERVER_TIMEOUT)
        self.bounce(bounces, 9, StanzaCondition.FORBIDDEN)
        self.assertEqual(MAX_EXAMPLES + 2, bounces.count)
        self.assertEqual(MAX_EXAMPLES + 1, bounces.conditions["remote-server-timeout"])
        self.assertEqual(
            [
                "a1.example: remote-server-timeout",
                "a2.example: remote-server-timeout",
                "a3.example: remote-server-timeout",
            ],
            [f"{line.partition('@')[2].partition('/')[0]}: {line.split(': ')[1]}" for line in bounces.examples[:-1]],
        )
        self.assertEqual(
            "somebody@a9.example/demo to somebody@b1.example/demo: forbidden: it is Sunday", bounces.examples[-1]
        )

    def test_without_reason(self) -> None:
        """An error that gives no reason is counted as well."""
        bounces = Bounces()
        bounces.note(
            stanza_of("<message from='b1.example' to='a1.example' type='error'><error><x xmlns='y'/></error></message>")
        )
        self.assertEqual(["a1.example to b1.example: undefined-condition: no reason given"], bounces.examples)
