"""Tests of :mod:`muxs2s.stream.features`."""

from __future__ import annotations

from itertools import chain, combinations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream.features import (
    EXTERNAL,
    FEATURES,
    STARTTLS,
    StreamFact,
    StreamFeature,
    features_element,
    is_features,
    read_features,
)
from muxs2s.wire.framing import Framer
from muxs2s.wire.limits import BEFORE_AUTHENTICATION
from muxs2s.wire.namespaces import SASL, TLS
from muxs2s.wire.stanza import Slice
from tests.stream.scripts import FROM_B, OFFER_EXTERNAL, OFFER_NOTHING, OFFER_TLS, message

SECURE, PROVEN, AUTHENTICATED = StreamFact.SECURE, StreamFact.PEER_PROVEN, StreamFact.AUTHENTICATED


def framed(data: bytes) -> Slice:
    """An element as a peer's stream delivers it."""
    element = Framer(BEFORE_AUTHENTICATION).feed(FROM_B + data)[1]
    assert isinstance(element, Slice)
    return element


class OfferTests(SynchronousTestCase):
    """Which features are offered when."""

    def test_all_facts(self) -> None:
        """S5, T8, T9: STARTTLS exactly outside TLS; EXTERNAL exactly inside TLS, for a proven peer, and only once."""
        for facts in chain.from_iterable(combinations(StreamFact, count) for count in range(4)):
            offered = [feature for feature in FEATURES if feature.fits(set(facts))]
            wanted = [] if SECURE in facts else [STARTTLS]
            if SECURE in facts and PROVEN in facts and AUTHENTICATED not in facts:
                wanted.append(EXTERNAL)
            self.assertEqual(wanted, offered, facts)

    def test_written(self) -> None:
        """S4, S5: what is offered is written, STARTTLS as required, and nothing else."""
        self.assertEqual(OFFER_TLS, features_element(set()))
        self.assertEqual(OFFER_EXTERNAL, features_element({SECURE, PROVEN}))
        self.assertEqual(b"<stream:features></stream:features>", features_element({SECURE, PROVEN, AUTHENTICATED}))

    def test_record(self) -> None:
        """A feature is a record: what it needs must be true, what it forbids must not."""
        feature = StreamFeature(name="x", namespace="urn:x", needs=frozenset({SECURE}), forbids=frozenset({PROVEN}))
        fits = [feature.fits(facts) for facts in (set[StreamFact](), {SECURE}, {PROVEN}, {SECURE, PROVEN})]
        self.assertEqual([False, True, False, False], fits)


class ReadTests(SynchronousTestCase):
    """What a peer offers."""

    def test_our_own(self) -> None:
        """What we write we read."""
        for facts in (set[StreamFact](), {SECURE, PROVEN}, {SECURE, PROVEN, AUTHENTICATED}):
            offered = read_features(framed(features_element(facts)))
            self.assertEqual({feature for feature in FEATURES if feature.fits(facts)}, offered)

    def test_several(self) -> None:
        """S4: order, unknown features, unknown mechanisms and white space do not matter."""
        offer = (
            "<stream:features> <sm xmlns='urn:xmpp:sm:3'/><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
            "<mechanism>PLAIN</mechanism><mechanism>\n  EXTERNAL </mechanism><hostname xmlns='urn:x'/></mechanisms>"
            "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"
        )
        self.assertEqual({STARTTLS, EXTERNAL}, read_features(framed(offer.encode())))

    def test_look_alikes(self) -> None:
        """A feature is known by name and namespace, a mechanism by its exact name in its place."""
        for inside in (
            "<starttls xmlns='urn:x'/>",
            f"<tls xmlns='{TLS}'/>",
            f"<mechanisms xmlns='{SASL}'/>",
            f"<mechanisms xmlns='{SASL}'><mechanism>external</mechanism></mechanisms>",
            "<mechanisms xmlns='urn:x'><mechanism>EXTERNAL</mechanism></mechanisms>",
            f"<mechanisms xmlns='{SASL}'><x:mechanism xmlns:x='urn:x'>EXTERNAL</x:mechanism></mechanisms>",
            f"<mechanism xmlns='{SASL}'>EXTERNAL</mechanism>",
        ):
            offer = framed(f"<stream:features>{inside}</stream:features>".encode())
            self.assertEqual(frozenset(), read_features(offer), inside)

    def test_is_features(self) -> None:
        """Features are the element of that name in the namespace of streams."""
        self.assertTrue(is_features(framed(OFFER_NOTHING)))
        for other in (message().data, b"<features/>", b"<stream:error/>"):
            self.assertFalse(is_features(framed(other)))
