"""Tests of :mod:`muxs2s.multiplex.reading`: what peers say, and what is not taken from them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.conditions import EnableCondition, MultiplexCondition
from muxs2s.multiplex.elements import (
    MAX_ELEMENT_BYTES,
    Accept,
    Enable,
    Failed,
    MultiplexElement,
    Offer,
    PeerLimits,
    Present,
    Reject,
    Revoke,
    Withdraw,
)
from muxs2s.multiplex.formats import MAX_ID, MAX_NUMBER, MAX_TEXT_BYTES
from muxs2s.multiplex.reading import MultiplexMalformed, read_element, read_feature
from muxs2s.wire.names import DomainName
from tests.multiplex.schema import faults
from tests.wire.samples import read_slice

A = DomainName.parse("a.example")

MALFORMED = {
    "enable": (
        "max-domains='1'",
        "max-pending='1'",
        "max-domains='0' max-pending='1'",
        "max-domains='1' max-pending='x'",
    ),
    "failed": ("", ">text", "><text/>", "><bidi-required/><not-authenticated/>"),
    "offer": (
        *("domain='a.example'", "id='0' domain='a.example'", "id='01' domain='a.example'", "id='1'"),
        *("id='1' domain=''", "id='1' domain='A.example'", "id='1' domain='*.a.example'"),
        *("id='1' domain='a.example' renew='yes'", "id='1' domain='a.example' renew=''"),
    ),
    "request": (
        *("domain='a.example'>AAAA", "id='1'>AAAA", "id='1' domain='a.example.'>AAAA"),
        *("id='1' domain='a.example'>AAA", "id='1' domain='a.example'> AAAA", "id='1' domain='a.example'>-_-_"),
    ),
    "present": (">AAAA", "id='x'>AAAA", "id='1'>AAAA=", "id='1'>AAAA\n", "id='1'>AA AA", "id='1'>A", "id='1'>AB=="),
    "accept": (
        *("><domain>a.example</domain>", "id='-1'>", "id='1' certificate=''", "id='1' certificate='01'"),
        *("id='1'><domain/>", "id='1'><domain>a.example </domain>", "id='1'><domain>*</domain>"),
        *("id='1'><domain until=''>a.example</domain>", "id='1'><domain until='soon'>a.example</domain>"),
    ),
    "reject": (
        *("><too-many/>", "id='0'><too-many/>", "id='1'>", "id='1'><text>why</text>"),
        *(
            "id='1'><too-many/><timeout/>",
            "id='1' retry-after='-1'><too-many/>",
            "id='1' retry-after='1.5'><too-many/>",
        ),
    ),
    "withdraw": ("><domain>a.example</domain>", "id='1'>", "id='1'><domain>192.0.2.1</domain>"),
    "revoke": (
        *("certificate='1'><replaced/>", "id='1'><replaced/>", "id='1' certificate='1'>", "id='1'><domain>b</domain>"),
        "id='1' certificate='1'><domain>a.example</domain><replaced/>",
    ),
    "withdrawn": ("", "id=''", "id='1 '"),
    "revoked": ("", "id='0'", f"id='{MAX_ID + 1}'"),
    "renounce": ("", "id='1'"),
    "mux": ("max-domains='1' max-pending='1'",),
}
"""For each element what may stand in it, from its first attribute on, and must not."""


def element(name: str, rest: str, namespace: str = "urn:xmpp:mux-cert:0") -> bytes:
    """An element of which the rest begins with its attributes, and has no end tag yet."""
    attributes, bracket, content = rest.partition(">")
    return f"<{name} xmlns='{namespace}' {attributes}>{content if bracket else ''}</{name}>".encode()


def said(name: str, rest: str) -> MultiplexElement:
    """What an element on a stream says."""
    return read_element(read_slice(element(name, rest)))


class MalformedTests(SynchronousTestCase):
    """What is refused."""

    def refused(self, data: bytes) -> MultiplexMalformed:
        """How an element is refused."""
        refused: MultiplexMalformed = self.assertRaises(MultiplexMalformed, read_element, read_slice(data))
        return refused

    def test_malformed(self) -> None:
        """What lacks something, or has it in another format, is malformed, and against the schema."""
        for name, rests in MALFORMED.items():
            for rest in rests:
                self.assertEqual(name, self.refused(element(name, rest)).kind, rest)
                if name != "mux" and not rest.endswith(f"{MAX_ID + 1}'"):
                    self.assertTrue(faults(element(name, rest)), rest)

    def test_id(self) -> None:
        """M4: of a malformed element the id is told if it can be read, so that it can be rejected."""
        self.assertEqual(7, self.refused(element("offer", "id='7'")).id)
        self.assertEqual(7, self.refused(element("unknown", "id='7'")).id)
        for attributes in ("", "id='07'", "id='0'", f"id='{MAX_ID + 1}'"):
            self.assertIsNone(self.refused(element("offer", attributes)).id)

    def test_told(self) -> None:
        """The message names the element, and says in one line what is wrong."""
        self.assertIn(r"offer: 'X\n' where", str(self.refused(element("offer", "id='X&#10;' domain='a.example'"))))
        self.assertIn("present: nothing where", str(self.refused(element("present", ""))))
        self.assertLess(len(str(self.refused(element("offer", f"id='{'9' * 9_000}'")))), 200)

    def test_size(self) -> None:
        """An element may have 32,768 bytes, not one more."""
        room = MAX_ELEMENT_BYTES - len(element("reject", "id='1'><too-many/><text></text>"))
        largest = element("reject", f"id='1'><too-many/><text>{'x' * room}</text>")
        self.assertIsInstance(read_element(read_slice(largest)), Reject)
        refused = self.refused(largest.replace(b"x", b"xx", 1))
        self.assertEqual(("reject", 1), (refused.kind, refused.id))


class LiberalTests(SynchronousTestCase):
    """What is taken, though we would not say it so."""

    def test_unknown(self) -> None:
        """Unknown attributes and children, and text between children, are ignored."""
        offer = Offer(id=1, domain=A)
        self.assertEqual(offer, said("offer", "later='x' id='1' domain='a.example'>text<later/>"))
        self.assertEqual(offer, said("offer", "id='1' domain='a.example' xmlns:p='urn:p' p:renew='maybe'"))
        self.assertEqual(Present(id=1, data=b"\0\0\0"), said("present", "id='1'>AA<later>!</later>AA"))
        accept = said("accept", "id='1'>\n  <domain later='x'>a.example</domain>\n  <later/><too-many/>\n")
        self.assertEqual(Accept, type(accept))
        self.assertEqual(said("accept", "id='1'><domain>a.example</domain>"), accept)

    def test_other_namespaces(self) -> None:
        """A child counts in the namespace of multiplexing only, in whatever way that is said."""
        foreign = "<domain xmlns='urn:x'>!</domain><text xmlns='urn:x'>!</text><replaced xmlns='urn:x'/>"
        self.assertEqual(
            said("withdraw", "id='1'><domain>a.example</domain>"),
            said("withdraw", f"id='1'><domain>a.example</domain>{foreign}"),
        )
        inside = "<m:domain>a.example</m:domain><domain>!</domain>"
        prefixed = f"<m:withdraw xmlns:m='urn:xmpp:mux-cert:0' id='1'>{inside}</m:withdraw>"
        self.assertEqual(Withdraw(id=1, names=(A,)), read_element(read_slice(prefixed.encode())))

    def test_spellings(self) -> None:
        """References, CDATA and quotes of either kind are what a parser makes of them."""
        self.assertEqual(
            Offer(id=1, domain=A, renew=True), said("offer", "id=\"&#49;\" domain='a&#x2e;example' renew='1'")
        )
        self.assertEqual(Present(id=1, data=b"\0\0\0"), said("present", "id='1'>A&#65;<![CDATA[A]]>A"))

    def test_conditions(self) -> None:
        """An unknown condition reads as internal-error; beside a known one it is ignored."""
        internal = MultiplexCondition.INTERNAL_ERROR
        self.assertEqual(Reject(id=1, condition=internal), said("reject", "id='1'><later/>"))
        self.assertEqual(Reject(id=1, condition=internal), said("reject", "id='1'><replaced/>"))
        self.assertEqual(
            Revoke(id=1, certificate=None, names=(A,), condition=internal),
            said("revoke", "id='1'><later/><domain>a.example</domain>"),
        )
        self.assertEqual(Failed(condition=EnableCondition.INTERNAL_ERROR), said("failed", "><too-many/>"))
        known = Reject(id=1, condition=MultiplexCondition.TOO_MANY)
        self.assertEqual(known, said("reject", "id='1'><later/><too-many/><too-many/>"))

    def test_every_condition(self) -> None:
        """Each condition is read as what it is."""
        for condition in set(MultiplexCondition) - {MultiplexCondition.REPLACED}:
            self.assertEqual(Reject(id=1, condition=condition), said("reject", f"id='1'><{condition.value}/>"))
        for enable in EnableCondition:
            self.assertEqual(Failed(condition=enable), said("failed", f"><{enable.value}/>"))

    def test_long_text(self) -> None:
        """Of a text for logs a KiB is kept."""
        read = said("reject", f"id='1' retry-after='0'><text>{'x' * 5_000}</text><too-many/>")
        wanted = Reject(id=1, condition=MultiplexCondition.TOO_MANY, retry_seconds=0.0, text="x" * MAX_TEXT_BYTES)
        self.assertEqual(wanted, read)


class LimitTests(SynchronousTestCase):
    """How much a peer takes."""

    def offered(self, feature: str) -> PeerLimits | None:
        """What a set of features offers."""
        return read_feature(read_slice(f"<stream:features>{feature}</stream:features>".encode()).tree())

    def test_feature(self) -> None:
        """M3: a receiving server offers to multiplex with both limits, or does not offer."""
        limits = PeerLimits(max_domains=MAX_NUMBER, max_pending=1)
        other = "<bidi xmlns='urn:xmpp:features:bidi'/><mux xmlns='urn:xmpp:mux:0' max-domains='1' max-pending='1'/>"
        self.assertEqual(limits, self.offered(other + limits.feature.decode()))
        self.assertIsNone(self.offered(other))
        for attributes in MALFORMED["enable"]:
            self.assertIsNone(self.offered(f"<mux xmlns='urn:xmpp:mux-cert:0' {attributes}/>"), attributes)

    def test_enable(self) -> None:
        """M3: an initiating server says the same of itself."""
        wanted = Enable(max_domains=1, max_pending=MAX_NUMBER)
        self.assertEqual(wanted, said("enable", f"max-domains='1' max-pending='{MAX_NUMBER}'"))
