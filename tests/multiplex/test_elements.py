"""Tests of :mod:`muxs2s.multiplex.elements`: what we say, byte by byte, and that a peer reads it as it was meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.conditions import EnableCondition, MultiplexCondition
from muxs2s.multiplex.elements import (
    MAX_ELEMENT_BYTES,
    Accept,
    Enable,
    Enabled,
    Failed,
    ListedName,
    MultiplexElement,
    Offer,
    PeerLimits,
    Present,
    Reject,
    Request,
    Revoke,
    Revoked,
    Withdraw,
    Withdrawn,
    portions,
)
from muxs2s.multiplex.formats import MAX_ID, MAX_TEXT_BYTES
from muxs2s.multiplex.reading import read_element
from muxs2s.wire.names import DomainName, DomainPattern, Name
from tests.multiplex.generated import ELEMENTS
from tests.multiplex.schema import assert_valid
from tests.wire.samples import read_slice

A, B = DomainName.parse("a.example"), DomainName.parse("bücher.example")
BELOW_B = DomainPattern(B)
UNTIL = 1_801_396_800.0
LONGEST = DomainName.parse(".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61]))

WRITTEN: Final[Mapping[MultiplexElement, str]] = {
    Enable(
        max_domains=10_000, max_pending=64
    ): "<enable xmlns='urn:xmpp:mux-cert:0' max-domains='10000' max-pending='64'/>",
    Enabled(): "<enabled xmlns='urn:xmpp:mux-cert:0'/>",
    Failed(condition=EnableCondition.BIDI_REQUIRED): "<failed xmlns='urn:xmpp:mux-cert:0'><bidi-required/></failed>",
    Offer(id=1, domain=A): "<offer xmlns='urn:xmpp:mux-cert:0' id='1' domain='a.example'/>",
    Offer(id=1, domain=B, renew=True): (
        "<offer xmlns='urn:xmpp:mux-cert:0' id='1' domain='xn--bcher-kva.example' renew='true'/>"
    ),
    Request(id=2, domain=A, data=b"\r\0\0\1"): (
        "<request xmlns='urn:xmpp:mux-cert:0' id='2' domain='a.example'>DQAAAQ==</request>"
    ),
    Request(id=2, domain=A, data=b""): "<request xmlns='urn:xmpp:mux-cert:0' id='2' domain='a.example'></request>",
    Present(id=1, data=b"\xfb\xff\xbf"): "<present xmlns='urn:xmpp:mux-cert:0' id='1'>+/+/</present>",
    Present(id=1, data=b""): "<present xmlns='urn:xmpp:mux-cert:0' id='1'></present>",
    Accept(id=0, certificate=None, names=()): "<accept xmlns='urn:xmpp:mux-cert:0' id='0'></accept>",
    Accept(id=3, certificate=1, names=(ListedName(name=A, until=UNTIL), ListedName(name=BELOW_B))): (
        "<accept xmlns='urn:xmpp:mux-cert:0' id='3' certificate='1'>"
        "<domain until='2027-01-31T12:00:00Z'>a.example</domain><domain>*.xn--bcher-kva.example</domain></accept>"
    ),
    Reject(id=4, condition=MultiplexCondition.TOO_MANY): (
        "<reject xmlns='urn:xmpp:mux-cert:0' id='4'><too-many/></reject>"
    ),
    Reject(id=4, condition=MultiplexCondition.TIMEOUT, retry_seconds=59.5, text="a < b & c"): (
        "<reject xmlns='urn:xmpp:mux-cert:0' id='4' retry-after='60'><timeout/><text>a &lt; b &amp; c</text></reject>"
    ),
    Withdraw(id=5, names=(A, BELOW_B)): (
        "<withdraw xmlns='urn:xmpp:mux-cert:0' id='5'>"
        "<domain>a.example</domain><domain>*.xn--bcher-kva.example</domain></withdraw>"
    ),
    Revoke(id=6, certificate=0, names=(), condition=MultiplexCondition.REPLACED): (
        "<revoke xmlns='urn:xmpp:mux-cert:0' id='6' certificate='0'><replaced/></revoke>"
    ),
    Revoke(id=6, certificate=None, names=(A,), condition=MultiplexCondition.CERTIFICATE_EXPIRED): (
        "<revoke xmlns='urn:xmpp:mux-cert:0' id='6'><domain>a.example</domain><certificate-expired/></revoke>"
    ),
    Withdrawn(id=5): "<withdrawn xmlns='urn:xmpp:mux-cert:0' id='5'/>",
    Revoked(id=MAX_ID): "<revoked xmlns='urn:xmpp:mux-cert:0' id='9007199254740991'/>",
}


class WritingTests(SynchronousTestCase):
    """Each element as it is sent."""

    def test_bytes(self) -> None:
        """Every element is written in one way."""
        for element, written in WRITTEN.items():
            self.assertEqual(written.encode(), element.to_bytes())

    def test_feature(self) -> None:
        """M3: the offer of a receiving server says how much it takes."""
        feature = PeerLimits(max_domains=10_000, max_pending=64).feature
        self.assertEqual(b"<mux xmlns='urn:xmpp:mux-cert:0' max-domains='10000' max-pending='64'/>", feature)
        assert_valid(feature)

    @given(ELEMENTS)
    def test_round_trip(self, element: MultiplexElement) -> None:
        """What is written fits the schema, and is read as it was."""
        written = element.to_bytes()
        assert_valid(written)
        self.assertEqual(element, read_element(read_slice(written)))

    def test_text(self) -> None:
        """A text of more than a KiB is cut, and what XML forbids is replaced: the element is sent in any case."""
        reject = Reject(id=1, condition=MultiplexCondition.INTERNAL_ERROR, text="\0</text>\r" + "x" * MAX_TEXT_BYTES)
        written = reject.to_bytes()
        assert_valid(written)
        read = read_element(read_slice(written))
        self.assertEqual(replace(reject, text=r"�</text>\r" + "x" * (MAX_TEXT_BYTES - 11)), read)


class PortionsTests(SynchronousTestCase):
    """Many names in several elements."""

    def names(self, count: int) -> list[ListedName]:
        """So many names, each as long as can be written."""
        return [ListedName(name=DomainPattern(LONGEST), until=UNTIL)] * count

    def test_few(self) -> None:
        """Names that fit go together; where there are none, they still go."""
        self.assertEqual([()], list(portions([])))
        names: list[Name] = [A, BELOW_B]
        self.assertEqual([(A, BELOW_B)], list(portions(names)))

    def test_many(self) -> None:
        """256 names of a certificate, however long, take few elements of the size that every peer takes."""
        names = self.names(256)
        divided = list(portions(names))
        self.assertEqual(names, [name for portion in divided for name in portion])
        elements = [Accept(id=MAX_ID, certificate=MAX_ID, names=portion).to_bytes() for portion in divided]
        self.assertEqual(3, len(elements))
        self.assertLessEqual(max(map(len, elements)), MAX_ELEMENT_BYTES)

    def test_at_limit(self) -> None:
        """One more name than fits begins another element; the longest condition leaves room enough."""
        most = len(next(portions(self.names(256))))
        self.assertEqual([most], [len(portion) for portion in portions(self.names(most))])
        self.assertEqual([most, 1], [len(portion) for portion in portions(self.names(most + 1))])
        for condition in MultiplexCondition:
            revoke = Revoke(id=MAX_ID, certificate=None, names=next(portions([LONGEST] * 200)), condition=condition)
            self.assertLessEqual(len(revoke.to_bytes()), MAX_ELEMENT_BYTES)
            self.assertGreater(len(revoke.to_bytes()), MAX_ELEMENT_BYTES - 1_024)
