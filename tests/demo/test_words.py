"""What the parent and the clouds say to each other."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.demo.plan import DemoWay, Plan
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

PREPARE = Prepare(
    cloud="a",
    domains=2,
    peer_domains=3,
    messages=4,
    way="streams",
    address="127.0.0.2",
    dns_address="127.0.0.1",
    dns_port=5353,
    anchors="a certificate",
    credentials=[["a certificate", "a secret"], ["another", "its secret"]],
)

WORDS: tuple[Word, ...] = (
    PREPARE,
    Listening(port=5269),
    Measure(),
    Usage(resident_kib=1, cpu_seconds=0.5, presentations=2, round_trips=3),
    Begin(),
    Progress(arrived=1, bounced=2, connections=3),
    Finish(),
    Finished(
        arrived=1,
        repeated=2,
        disordered=3,
        unasked=4,
        bounced=5,
        bounces=["forbidden"],
        connections=6,
        proofs={"pkix": 7},
        tls_versions={"TLSv1.3": 8},
    ),
    Failed(reason="ünlucky"),
)


class WordReaderTests(SynchronousTestCase):
    """Lines in, words out."""

    def test_every_word(self) -> None:
        """Every word is read as it was written, whatever the pieces it comes in."""
        data = b"".join(map(write_word, WORDS))
        for size in (1, 7, len(data)):
            reader = WordReader()
            pieces = [data[start : start + size] for start in range(0, len(data), size)]
            self.assertEqual(WORDS, tuple(word for piece in pieces for word in reader.feed(piece)))

    def test_refused(self) -> None:
        """A line that is no word is refused, and the refusal shows how it begins."""
        for line in (
            b"",
            b"Hello",
            b"{}",
            b'["Nothing", {}]',
            b'["Listening", {}]',
            b'["Listening", 1]',
            b"[1, 2, 3]",
            b"\xff",
        ):
            refused = self.assertRaises(WordRefused, list, WordReader().feed(line + b"\n"))
            self.assertIn(repr(line), str(refused))

    def test_refused_after_good(self) -> None:
        """What was said before is heard."""
        words = WordReader().feed(write_word(Begin()) + b"?\n")
        self.assertEqual(Begin(), next(words))
        self.assertRaises(WordRefused, next, words)

    def test_longest_line(self) -> None:
        """A line may be as long as the limit, in pieces or whole, and no longer, ended or not."""
        line = write_word(Failed(reason="x" * 100))
        limit = len(line) - 1
        self.assertEqual(1, len(list(WordReader(limit).feed(line))))
        self.assertRaises(WordRefused, list, WordReader(limit - 1).feed(line))
        reader = WordReader(limit - 1)
        self.assertEqual([], list(reader.feed(line[: limit - 1])))
        self.assertRaises(WordRefused, list, reader.feed(line[limit - 1 : limit]))

    def test_plan(self) -> None:
        """What a cloud is told is the plan as a whole."""
        self.assertEqual(Plan(domains=2, peer_domains=3, messages=4, way=DemoWay.STREAMS), PREPARE.plan)

    def test_secrets(self) -> None:
        """A word shows no key to those who print it."""
        self.assertNotIn("secret", repr(PREPARE))
