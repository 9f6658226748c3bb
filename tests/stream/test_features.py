"""Tests of :mod:`muxs2s.stream.features`."""

from __future__ import annotations

from itertools import chain, combinations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream.announced import NO_LIMITS, AnnouncedLimits
from muxs2s.stream.features import (
    BIDI,
    DIALBACK,
    DIALBACK_ERRORS,
    EXTERNAL,
    FEATURES,
    LIMITS,
    MULTIPLEXING,
    STARTTLS,
    OfferedFeatures,
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
from tests.stream import scripts
from tests.stream.scripts import FROM_B, OFFER_NOTHING, OWN_LIMITS, message

SECURE, PROVEN, AUTHENTICATED = StreamFact.SECURE, StreamFact.PEER_PROVEN, StreamFact.AUTHENTICATED
DIALBACK_SERVES, TWO_WAY = StreamFact.DIALBACK_SERVES, StreamFact.TWO_WAY
LIMITS_CONTENT = "<max-bytes>524288</max-bytes><idle-seconds>3600</idle-seconds>"
CONTENTS = {LIMITS: LIMITS_CONTENT}


def framed(data: bytes) -> Slice:
    """An element as a peer's stream delivers it."""
    element = Framer(BEFORE_AUTHENTICATION).feed(FROM_B + data)[1]
    assert isinstance(element, Slice)
    return element


class OfferTests(SynchronousTestCase):
    """Which features are offered when."""

    def test_all_facts(self) -> None:
        """S5, T8, T9, B1: STARTTLS outside TLS alone; EXTERNAL inside, for a proven peer; nothing to prove twice."""
        for facts in chain.from_iterable(combinations(StreamFact, count) for count in range(8)):
            wanted = [] if SECURE in facts else [STARTTLS]
            if AUTHENTICATED not in facts:
                wanted += [EXTERNAL] if SECURE in facts and PROVEN in facts else []
                wanted += [DIALBACK] if DIALBACK_SERVES in facts else []
                wanted += [BIDI] if TWO_WAY in facts else []
            wanted += [LIMITS] if SECURE in facts else []
            wanted += [MULTIPLEXING] if SECURE in facts and StreamFact.MULTIPLEXES in facts else []
            self.assertEqual(wanted, [feature for feature in FEATURES if feature.fits(set(facts))], facts)

    def test_written(self) -> None:
        """S4, S5, D17, B1, S21: what is offered is written, and nothing else."""
        self.assertEqual(scripts.OFFER_TLS, features_element(set(), {}))
        self.assertEqual(scripts.OWN_TLS_OFFER, features_element({TWO_WAY}, {}))
        all_facts = {SECURE, PROVEN, DIALBACK_SERVES, TWO_WAY}
        self.assertEqual(scripts.OWN_OFFER, features_element(all_facts, CONTENTS))
        self.assertEqual(scripts.OWN_LAST_OFFER, features_element({*all_facts, AUTHENTICATED}, CONTENTS))

    def test_said_otherwise(self) -> None:
        """A stream may have something else to say in a feature: STARTTLS need not be required."""
        offer = b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'></starttls></stream:features>"
        self.assertEqual(offer, features_element(set(), {STARTTLS: ""}))

    def test_record(self) -> None:
        """A feature is a record: what it needs must be true, what it forbids must not."""
        feature = StreamFeature(name="x", namespace="urn:x", needs=frozenset({SECURE}), forbids=frozenset({PROVEN}))
        fits = [feature.fits(facts) for facts in (set[StreamFact](), {SECURE}, {PROVEN}, {SECURE, PROVEN})]
        self.assertEqual([False, True, False, False], fits)


class ReadTests(SynchronousTestCase):
    """What a peer offers."""

    def test_our_own(self) -> None:
        """What we write we read."""
        limits = AnnouncedLimits(max_bytes=524_288, idle_seconds=3_600)
        for facts in chain.from_iterable(combinations(StreamFact, count) for count in range(8)):
            offered = read_features(framed(features_element(set(facts), CONTENTS)))
            ours = {feature for feature in FEATURES if feature.fits(set(facts))}
            self.assertEqual(ours | ({DIALBACK_ERRORS} if DIALBACK in ours else set()), offered.features)
            self.assertEqual(limits if SECURE in facts else NO_LIMITS, offered.limits)

    def test_dialback_errors(self) -> None:
        """D17, D32: a peer that offers dialback has not promised to cope with its errors."""
        for inside, features in (("", {DIALBACK}), ("<errors/>", {DIALBACK, DIALBACK_ERRORS})):
            dialback = f"<dialback xmlns='urn:xmpp:features:dialback'>{inside}</dialback>"
            offered = read_features(framed(f"<stream:features>{dialback}</stream:features>".encode()))
            self.assertEqual(features, offered.features)
            self.assertEqual((True, EXTERNAL in offered), (DIALBACK in offered, False))

    def test_limits(self) -> None:
        """S21: limits among the features are read; to read them costs no feature."""
        offered = read_features(framed(f"<stream:features>{OWN_LIMITS}</stream:features>".encode()))
        self.assertEqual(AnnouncedLimits(max_bytes=524_288, idle_seconds=3_600), offered.limits)
        self.assertEqual({LIMITS}, offered.features)

    def test_several(self) -> None:
        """S4: order, unknown features, unknown mechanisms and white space do not matter."""
        offer = (
            "<stream:features> <sm xmlns='urn:xmpp:sm:3'/><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
            "<mechanism>PLAIN</mechanism><mechanism>\n  EXTERNAL </mechanism><hostname xmlns='urn:x'/></mechanisms>"
            "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"
        )
        self.assertEqual({STARTTLS, EXTERNAL}, read_features(framed(offer.encode())).features)

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
            "<bidi xmlns='urn:xmpp:bidi'/>",
            "<dialback xmlns='jabber:server:dialback'/>",
            "<errors xmlns='urn:xmpp:features:dialback'/>",
            "<limits xmlns='urn:xmpp:stream-limits'/>",
        ):
            offer = framed(f"<stream:features>{inside}</stream:features>".encode())
            self.assertEqual(OfferedFeatures(features=frozenset(), limits=NO_LIMITS), read_features(offer), inside)

    def test_is_features(self) -> None:
        """Features are the element of that name in the namespace of streams."""
        self.assertTrue(is_features(framed(OFFER_NOTHING)))
        for other in (message().data, b"<features/>", b"<stream:error/>"):
            self.assertFalse(is_features(framed(other)))
