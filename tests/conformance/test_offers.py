"""What a server offers, read from its features."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.conformance.offers import Offers
from muxs2s.conformance.saying import BIDI_OFFER, DIALBACK_OFFER, EXTERNAL_OFFER, TLS_OFFER, features
from muxs2s.testing import stanza_of
from tests.conformance.wrong import LIMITS_OFFER, MUX_OFFER


def offers(*some: str) -> Offers:
    """Read features."""
    return Offers(stanza_of(features(*some)))


class OffersTests(SynchronousTestCase):
    """Each feature, there and not."""

    def test_everything(self) -> None:
        """Every feature a case asks for is read."""
        found = offers(TLS_OFFER, EXTERNAL_OFFER, DIALBACK_OFFER, BIDI_OFFER, LIMITS_OFFER, MUX_OFFER)
        self.assertTrue(found.starttls and found.requires_tls and found.dialback_errors and found.bidi)
        self.assertEqual((("EXTERNAL",), 20_000, (100, 8)), (found.mechanisms, found.max_bytes, found.multiplex))

    def test_nothing(self) -> None:
        """What is not there is not offered."""
        found = offers()
        self.assertFalse(found.starttls or found.requires_tls or found.dialback or found.dialback_errors or found.bidi)
        self.assertEqual(((), None, None), (found.mechanisms, found.max_bytes, found.multiplex))

    def test_numbers(self) -> None:
        """Numbers that are none, or of absurd length, do not count."""
        for number in ("", "-1", "x", "9" * 16, "\u0663"):
            self.assertIsNone(offers(LIMITS_OFFER.replace("20000", number)).max_bytes, number)
            self.assertIsNone(offers(MUX_OFFER.replace("100", number)).multiplex, number)
        self.assertIsNone(offers(MUX_OFFER.replace("max-pending", "x")).multiplex)
