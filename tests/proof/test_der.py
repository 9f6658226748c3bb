"""Tests of :mod:`muxs2s.proof.der`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.der import IA5_STRING, SEQUENCE, DERMalformed, read_element, read_elements, read_sequence
from tests.proof.der import der

ONE, TWO = der(IA5_STRING, b"one"), der(IA5_STRING, b"two" * 100)


class ElementTests(SynchronousTestCase):
    """What is read, and what is refused."""

    def test_lengths(self) -> None:
        """An element is read whether its length is stated in one octet or in as many as four."""
        for octets in range(5):
            stated = bytes((0x80 | octets,)) + (3).to_bytes(octets, "big") if octets else b"\x03"
            data = bytes((IA5_STRING,)) + stated + b"one"
            self.assertEqual((IA5_STRING, b"one", len(data)), read_element(data + b"more", 0))

    def test_bad_lengths(self) -> None:
        """A length that is indefinite, or stated in five octets, is refused."""
        for stated in (b"\x80", b"\x85\0\0\0\0\x03"):
            self.assertRaises(DERMalformed, read_element, bytes((IA5_STRING,)) + stated + b"one", 0)

    def test_long_tag(self) -> None:
        """A tag of several octets is refused."""
        self.assertRaises(DERMalformed, read_element, b"\x1f\x81\x01\x00", 0)

    def test_truncated(self) -> None:
        """An element that is cut short anywhere is refused, and so is one that begins past the end."""
        for data in (ONE, TWO):
            for end in range(len(data)):
                self.assertRaises(DERMalformed, read_element, data[:end], 0)
            self.assertRaises(DERMalformed, read_element, data, len(data))

    def test_elements(self) -> None:
        """Elements are read in order; what is whole comes before the refusal of what is not."""
        self.assertEqual([], list(read_elements(b"")))
        found = read_elements(ONE + TWO[:-1])
        self.assertEqual((IA5_STRING, b"one"), next(found))
        self.assertRaises(DERMalformed, next, found)

    def test_sequence(self) -> None:
        """A SEQUENCE is opened if it is one, and nothing stands beside it."""
        self.assertEqual([(IA5_STRING, b"one")], list(read_sequence(der(SEQUENCE, ONE))))
        for data in (ONE, der(SEQUENCE, ONE) + ONE, b""):
            self.assertRaises(DERMalformed, list, read_sequence(data))
