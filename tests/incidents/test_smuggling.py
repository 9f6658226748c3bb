"""
XML that is one thing to whoever checks it and another to whoever reads it next, and XML that should not be there.

Incident 13 is stanza smuggling: I. Fratric, 2022, in Cisco Jabber (CVE-2022-20917), Zoom (CVE-2022-22784) and
expat (CVE-2022-25235, CVE-2022-25236). Incident 14 is restricted XML, which parsers take unless told not to.
"""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream.events import StanzasReceived
from muxs2s.stream.machine import StreamState
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.header import CLOSING_TAG
from muxs2s.wire.limits import AFTER_AUTHENTICATION, BEFORE_AUTHENTICATION
from muxs2s.wire.namespaces import COMPONENT, SERVER
from tests.hosts.componentpeer import DOMAIN, HEADER, SECRET, Listener, digest
from tests.stream.scripts import FROM_A, receiving, streams
from tests.wire.meaning import OUR_HEADERS, by_expat, by_libxml2

EVIL = "<message from='admin@b.example' to='victim@c.example'/>"
"""What is to be smuggled."""

STREAMS = "http://etherx.jabber.org/streams"

BROKEN_UTF_8 = [
    b"<body>\xe3<x a='\xe3'>\xe3</x></body>",
    b"<body>\xc0\xbc/message\xc0\xbe</body>",
    b"<body>\xe0\x80\xbc/message></body>",
    b"<body>\xf8\x88\x80\x80\xbc</body>",
    b"<body>\xed\xa0\x80\xed\xb0\x80</body>",
    b"<body>\xf4\x90\x80\x80</body>",
    b"<body \xff='\xfe'/>",
    b"<body>\xc3</body>",
    b"<a\xc3\x28/>",
]
"""Lead bytes that would take a ``<`` with them, overlong forms of it, surrogates, and what lies past Unicode."""

FORGED_NAMESPACES = [
    f"<x xmlns='{uri}'/>".encode()
    for uri in (
        "jabber:server message",
        "jabber:server&#32;message",
        "jabber:server&#10;message",
        "urn:x\njabber:server",
    )
] + [b"<a:x xmlns:a='jabber:component:accept message'/>"]
"""Names with a parser's own separator between namespace and name: a space for most, a line feed for some."""

STREAM_TAGS = [
    b"</stream:stream>",
    b"<stream:stream>",
    f"<stream:stream xmlns='jabber:client' xmlns:stream='{STREAMS}' to='c.example'>".encode(),
    f"<x:stream xmlns:x='{STREAMS}'/>".encode(),
    f"<stream xmlns='{STREAMS}'/>".encode(),
    f"<x><error xmlns='{STREAMS}'/></x>".encode(),
    b"<stream:features/>",
    b"<stream:error/>",
]
"""What would begin or end a stream, or speak for it, to a parser that looks at names alone."""

ONE_STANZA = [
    f"<body><![CDATA[</body></message>{EVIL}]]></body>".encode(),
    f"<body><![CDATA[</stream:stream>]]>&lt;/message&gt;{EVIL.replace('<', '&lt;')}</body>".encode(),
    b"<body><![CDATA[]]]]>&gt;<![CDATA[</message>]]></body>",
    b"<body a='/>&lt;/message>' b=\"'/>\">/></body>",
    b"<x xmlns='&#106;abber:server'><message from='admin@b.example' to='victim@c.example'/></x>",
    b"<stream:x xmlns:stream='jabber:client'><stream:message/></stream:x>",
    b"<x xmlns:db='jabber:component:accept'><db:message/></x>",
    b"<x xmlns=''><message xmlns='jabber:server'/><message xmlns='jabber:component:accept'/></x>",
    b"<x xmlns:a='jabber:server' xmlns:b='jabber:component:accept' a:from='evil.example' b:from='evil.example'/>",
    "<body>\u2028\u0085\ufeff\u202e\U0001d70d</body>".encode(),
    b"<body>&#13;&#10;\r\n\r</body>",
]
"""What a careless reader, or one that forwards without reading, takes for more than it is."""

RESTRICTED = [
    b"<!DOCTYPE a>",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'>",
    b"<!-- -->",
    b"<?pi?>",
    b"<a><!-- --></a>",
    b"<a><?pi?></a>",
    b"<a>&b;</a>",
    b"<a b='&c;'/>",
    b"<a><!ENTITY b 'c'></a>",
]


UNHEARD = {StreamState.SECURING, StreamState.CLOSING, StreamState.FAILING, StreamState.CLOSED}
"""States in which a stream reads nothing, or has said its last word."""


class Crossing:
    """A component that serves b.example, and a peer that has proven a.example."""

    def __init__(self) -> None:
        listener = Listener(None, "b.example")
        listener.secrets["b.example"] = SECRET
        self.federation = listener.federation
        self.component = listener.connect()
        self.component.write(HEADER.replace(DOMAIN, "b.example"))
        self.component.write(f"<handshake>{digest(self.component.stream_id)}</handshake>")
        self.component.wire.clear()
        self.peer = receiving()

    def outward(self, payload: bytes) -> tuple[bytes, str | None]:
        """Let the component send a stanza; what goes to the peer, and the stream error that goes to the component."""
        self.component.write(b"<message from='b.example' to='a.example' id='1'>" + payload + b"</message>")
        return b"".join(stanza.data for stanza in self.federation.sent), self.component.condition

    def inward(self, payload: bytes) -> tuple[bytes, str | None]:
        """Let the peer send a stanza; what goes to the component, and the stream error that goes to the peer."""
        data = b"<message from='a.example' to='b.example' id='1'>" + payload + b"</message>"
        events = self.peer.receive_bytes(data, 0.0)
        self.federation.deliver(
            *(stanza for each in events if isinstance(each, StanzasReceived) for stanza in each.stanzas)
        )
        return self.component.wire.value(), condition_in(self.peer.bytes_to_send())


def condition_in(data: bytes) -> str | None:
    """The stream error in what is sent to a peer."""
    found = re.search(rb"<stream:error><([a-z-]+) ", data)
    return found[1].decode() if found else None


class SmugglingTests(SynchronousTestCase):
    """What a stanza says is settled once, by the parser that checks it."""

    def assert_refused(self, payload: bytes, condition: StreamCondition) -> None:
        """Nothing of a stanza passes in either direction, and who sent it is told why."""
        self.assertEqual((b"", condition.value), Crossing().outward(payload), payload)
        self.assertEqual((b"", condition.value), Crossing().inward(payload), payload)

    def assert_one_stanza(self, data: bytes, namespace: str, sender: str, target: str) -> None:
        """These bytes are one stanza of that sender in our stream, and the same one for two parsers."""
        stream = OUR_HEADERS[namespace] + data + CLOSING_TAG
        said = by_expat(stream)
        self.assertEqual(said, by_libxml2(stream))
        depth, outermost = 0, []
        for each in said:
            if isinstance(each, tuple) and depth == 1:
                outermost.append(each)
            depth += isinstance(each, tuple) - (each is None)
        self.assertEqual([(f"{{{namespace}}}message", {"from": sender, "to": target, "id": "1"})], outermost)

    def test_broken_utf_8(self) -> None:
        """Incident 13: a byte that is no UTF-8 passes nowhere, so none takes a ``<`` with it or stands for one."""
        for payload in BROKEN_UTF_8:
            self.assert_refused(payload, StreamCondition.UNSUPPORTED_ENCODING)

    def test_forged_namespaces(self) -> None:
        """Incident 13: no namespace with a separator in it passes an element off as one of another namespace."""
        for payload in FORGED_NAMESPACES:
            self.assert_refused(payload, StreamCondition.NOT_WELL_FORMED)

    def test_stream_tags(self) -> None:
        """Incident 13: no stanza begins or ends a stream, or holds an element of one, by whatever prefix."""
        for payload in STREAM_TAGS:
            condition = StreamCondition.NOT_WELL_FORMED if payload.startswith(b"</") else StreamCondition.BAD_FORMAT
            self.assert_refused(payload, condition)

    def test_one_stanza(self) -> None:
        """Incident 13: CDATA, references, prefixes: whatever passes is the one stanza that was checked."""
        for payload in ONE_STANZA:
            data, condition = Crossing().outward(payload)
            self.assertIsNone(condition, payload)
            self.assert_one_stanza(data, SERVER, "b.example", "a.example")
            data, condition = Crossing().inward(payload)
            self.assertIsNone(condition, payload)
            self.assert_one_stanza(data, COMPONENT, "a.example", "b.example")

    def test_second_address(self) -> None:
        """Incident 13: an address in a namespace of its own is not the one that is checked; two of one are none."""
        data, _ = Crossing().outward(b"<x xmlns:a='jabber:server' a:to='evil.example'/>")
        self.assert_one_stanza(data, SERVER, "b.example", "a.example")
        self.assert_refused(b"<x to='a' to='b'/>", StreamCondition.NOT_WELL_FORMED)
        self.assert_refused(b"<x xmlns:a='u' xmlns:b='u' a:to='' b:to=''/>", StreamCondition.NOT_WELL_FORMED)


class RestrictedXMLTests(SynchronousTestCase):
    """What RFC 6120 forbids, wherever it stands."""

    def test_in_a_stanza(self) -> None:
        """Incident 14: comments, instructions, document types and entities end the stream; nothing of them passes."""
        for payload in RESTRICTED:
            for crossing, send in ((Crossing(), Crossing.outward), (Crossing(), Crossing.inward)):
                self.assertEqual((b"", "restricted-xml"), send(crossing, payload), payload)
                self.assertEqual((b"", None), (send(crossing, b"")[0], condition_in(crossing.peer.bytes_to_send())))

    def test_in_every_state(self) -> None:
        """Incident 14: they do so in every state in which a peer is listened to, in front of its header too."""
        for data in RESTRICTED[:5]:
            for stream in streams():
                state = stream.state
                stream.receive_bytes(data, 0.0)
                told = condition_in(stream.bytes_to_send())
                self.assertEqual(None if state in UNHEARD else "restricted-xml", told, (data, state))

    def test_before_the_handshake(self) -> None:
        """Incident 14: a component that has proven nothing is refused them too."""
        for data in RESTRICTED:
            component = Listener().connect()
            component.write(HEADER.encode() + data)
            self.assertEqual("restricted-xml", component.condition, data)

    def test_limits_rise_with_the_proof(self) -> None:
        """Incident 14: each stream has its own limits, small ones until its peer has proven a domain."""
        for state, limits in (
            (StreamState.PLAIN_OPENING, BEFORE_AUTHENTICATION),
            (StreamState.CARRYING, AFTER_AUTHENTICATION),
        ):
            for count in (limits.max_elements, limits.max_elements + 1):
                stream = receiving(state)
                begun = FROM_A if state is StreamState.PLAIN_OPENING else b""
                stream.receive_bytes(begun + b"<a>" + b"<b/>" * (count - 1), 0.0)
                told = condition_in(stream.bytes_to_send())
                self.assertEqual("policy-violation" if count > limits.max_elements else None, told, count)
