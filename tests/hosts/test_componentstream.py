"""The server's side of a component's stream: bytes in, stanzas and bytes out."""

from __future__ import annotations

from itertools import product
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.hosts.componentstream import (
    TRANSITIONS,
    ComponentInput,
    ComponentLimits,
    ComponentState,
    ComponentStream,
    handshake_digest,
)
from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.limits import FramingLimits
from muxs2s.wire.names import DomainName
from tests.hosts import draw_component
from tests.hosts.componentpeer import DOMAIN, HEADER, MESSAGE, SECRET, digest

HANDSHAKE = f"<handshake>{digest('id1')}</handshake>"
END = "</stream:stream>"

SMALL = FramingLimits(max_element_bytes=300, max_elements=4, max_feature_elements=4, max_depth=3)
LARGE = FramingLimits(max_element_bytes=600, max_elements=8, max_feature_elements=8, max_depth=6)


class StreamTestCase(SynchronousTestCase):
    """A stream with the id ``id1``."""

    def setUp(self) -> None:
        self.admitted: list[DomainName] = []
        self.stream = self.make()

    def make(self, limits: ComponentLimits | None = None) -> ComponentStream:
        """A stream that knows one component."""
        return ComponentStream("id1", {DOMAIN: SECRET}.get, self.admitted.append, limits or ComponentLimits())

    def feed(self, xml: str) -> list[bytes]:
        """What comes through as stanzas."""
        return [stanza.data for stanza in self.stream.receive_bytes(xml.encode()).stanzas]

    def open(self) -> None:
        """Get past the handshake."""
        self.feed(HEADER)
        self.feed(HANDSHAKE)
        self.stream.bytes_to_send()

    def assertFailed(self, condition: StreamCondition) -> None:
        """The stream is closed, by that error."""
        written = self.stream.bytes_to_send()
        self.assertIn(f"<stream:error><{condition.value} ".encode(), written)
        self.assertTrue(written.endswith(b"</stream:error></stream:stream>"), written)
        self.assertEqual(1, written.count(b"<stream:error>"))
        self.assertIs(ComponentState.CLOSED, self.stream.state)


class HandshakeTests(StreamTestCase):
    """From the header to the handshake."""

    def test_digest(self) -> None:
        """S32: the handshake is the SHA-1 of stream id and secret in lower-case hexadecimal digits."""
        self.assertEqual("aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d", handshake_digest("he", "llo"))

    def test_in_order(self) -> None:
        """S32: header, handshake, stanzas: each is answered as XEP-0114 says."""
        self.feed(HEADER)
        header = self.stream.bytes_to_send()
        self.assertIn(b"xmlns='jabber:component:accept'", header.replace(b'"', b"'"))
        self.assertIn(f"from='{DOMAIN}'".encode(), header.replace(b'"', b"'"))
        self.assertIn(b"id='id1'", header.replace(b'"', b"'"))
        self.assertNotIn(b" version='1.0' ", header.partition(b"?>")[2].replace(b'"', b"'"))
        self.feed(HANDSHAKE)
        self.assertEqual(b"<handshake/>", self.stream.bytes_to_send())
        self.assertEqual([DOMAIN], self.admitted)
        self.assertEqual(1, len(self.feed(MESSAGE)))

    def test_every_cut(self) -> None:
        """It does not matter how the bytes are cut into pieces."""
        whole = HEADER + HANDSHAKE + MESSAGE + MESSAGE
        for size in (1, 7, 50, len(whole)):
            self.stream = self.make()
            pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
            self.assertEqual(2, sum(len(self.feed(piece)) for piece in pieces), size)

    def test_unknown_domain(self) -> None:
        """S32: a header to a name no component has is answered with ``host-unknown``, after a header."""
        self.feed(HEADER.replace(DOMAIN, "else.a.example"))
        self.assertTrue((written := self.stream.bytes_to_send()).startswith(b"<?xml "), written)
        self.assertIn(b"<host-unknown ", written)

    def test_empty_secret(self) -> None:
        """A domain whose secret is empty is no component's: everybody would know it."""
        self.stream = ComponentStream("id1", {DOMAIN: ""}.get, self.admitted.append, ComponentLimits())
        self.feed(HEADER)
        self.assertFailed(StreamCondition.HOST_UNKNOWN)

    def test_bad_headers(self) -> None:
        """A header without ``to``, with a malformed one or in another namespace is refused."""
        for old, new, condition in (
            (f" to='{DOMAIN}'", "", StreamCondition.IMPROPER_ADDRESSING),
            (DOMAIN, "a..b", StreamCondition.IMPROPER_ADDRESSING),
            ("jabber:component:accept", "jabber:server", StreamCondition.INVALID_NAMESPACE),
            ("http://etherx.jabber.org/streams", "urn:x", StreamCondition.INVALID_NAMESPACE),
        ):
            self.stream = self.make()
            self.feed(HEADER.replace(old, new))
            self.assertFailed(condition)

    def test_wrong_handshake(self) -> None:
        """S32: any handshake but the lower-case one of the secret is ``not-authorized``."""
        for wrong in (digest("id1", "x"), digest("id2"), digest("id1").upper(), "", "é", digest("id1") + " "):
            self.stream = self.make()
            self.feed(HEADER)
            self.feed(f"<handshake>{wrong}</handshake>")
            self.assertFailed(StreamCondition.NOT_AUTHORIZED)
        self.assertEqual([], self.admitted)

    def test_kept_out(self) -> None:
        """Whoever admits components may refuse one, and says with which condition."""

        def refuse(_domain: DomainName) -> None:
            raise RemoteViolation(StreamCondition.CONFLICT, "no")

        self.stream = ComponentStream("id1", {DOMAIN: SECRET}.get, refuse, ComponentLimits())
        self.feed(HEADER + HANDSHAKE + MESSAGE)
        self.assertFailed(StreamCondition.CONFLICT)


class HostileInputTests(StreamTestCase):
    """Input in the wrong state, too large, cut off, or no XML at all."""

    def test_stanza_before_the_handshake(self) -> None:
        """S32: a stanza before the handshake is ``not-authorized`` and goes nowhere."""
        self.feed(HEADER)
        self.assertEqual([], self.feed(MESSAGE))
        self.assertFailed(StreamCondition.NOT_AUTHORIZED)

    def test_second_header(self) -> None:
        """A stream inside the stream closes it, before and after the handshake."""
        for before in (HEADER, HEADER + HANDSHAKE):
            self.stream = self.make()
            self.feed(before)
            self.feed(HEADER)
            self.assertFailed(StreamCondition.BAD_FORMAT)

    def test_handshake_twice(self) -> None:
        """A second handshake closes the stream; the domain is not admitted again."""
        self.open()
        self.feed(HANDSHAKE)
        self.assertFailed(StreamCondition.POLICY_VIOLATION)
        self.assertEqual([DOMAIN], self.admitted)

    def test_garbage(self) -> None:
        """What is no XML closes the stream, with our header before the error."""
        for garbage in ("GET / HTTP/1.1\r\n", "\x16\x03\x01>", "<a></b>"):
            self.stream = self.make()
            self.feed(garbage)
            self.assertIs(ComponentState.CLOSED, self.stream.state, garbage)
            self.assertTrue(self.stream.bytes_to_send().startswith(b"<?xml "))

    def test_garbage_after_stanzas(self) -> None:
        """Stanzas that stood before a violation pass."""
        self.open()
        self.assertEqual(2, len(self.feed(MESSAGE + MESSAGE + "</garbage>")))
        self.assertFailed(StreamCondition.NOT_WELL_FORMED)

    def test_restricted_xml(self) -> None:
        """A comment closes the stream with ``restricted-xml``."""
        self.open()
        self.feed("<!-- psst -->")
        self.assertFailed(StreamCondition.RESTRICTED_XML)

    def test_truncated(self) -> None:
        """Half a stanza is none, and no error either."""
        self.open()
        self.assertEqual([], self.feed(MESSAGE[:-3]))
        self.assertEqual(b"", self.stream.bytes_to_send())
        self.assertIs(ComponentState.CARRYING, self.stream.state)

    def test_nothing_after_the_end(self) -> None:
        """After a violation nothing is read any more."""
        self.open()
        self.feed("<oops/>")
        self.stream.bytes_to_send()
        self.assertEqual([], self.feed(MESSAGE))
        self.assertEqual(b"", self.stream.bytes_to_send())


class LimitTests(StreamTestCase):
    """Framing limits before and after the handshake."""

    def setUp(self) -> None:
        super().setUp()
        self.stream = self.make(ComponentLimits(before_handshake=SMALL, after_handshake=LARGE))

    @staticmethod
    def message(size: int) -> str:
        """A stanza of that many bytes."""
        empty = f"<message from='{DOMAIN}' to='b.example'><body></body></message>"
        return empty.replace("<body>", "<body>" + "x" * (size - len(empty)))

    @staticmethod
    def handshake(size: int) -> str:
        """A handshake of that many bytes."""
        empty = "<handshake x=''/>"
        return empty.replace("''", "'" + "x" * (size - len(empty)) + "'")

    def test_before_the_handshake(self) -> None:
        """Before the handshake the small limit holds: at it a wrong handshake is read, past it is not."""
        for size, condition in ((300, StreamCondition.NOT_AUTHORIZED), (301, StreamCondition.POLICY_VIOLATION)):
            self.stream = self.make(ComponentLimits(before_handshake=SMALL, after_handshake=LARGE))
            self.feed(HEADER)
            self.feed(self.handshake(size))
            self.assertFailed(condition)

    def test_after_the_handshake(self) -> None:
        """After it the large limit holds, at it and one past it."""
        self.open()
        self.assertEqual(1, len(self.feed(self.message(600))))
        self.assertEqual([], self.feed(self.message(601)))
        self.assertFailed(StreamCondition.POLICY_VIOLATION)


class StanzaTests(StreamTestCase):
    """Stanzas after the handshake."""

    def setUp(self) -> None:
        super().setUp()
        self.open()

    def test_moved_between_namespaces(self) -> None:
        """S15: a stanza leaves for the namespace ``jabber:server``, payload included, and keeps its bytes."""
        sent = f"<message from='{DOMAIN}' to='b.example'><body>a</body><x xmlns='urn:x'><y/></x></message>"
        [stanza] = self.stream.receive_bytes(sent.encode()).stanzas
        self.assertEqual(sent.encode(), stanza.data)
        self.assertTrue(stanza.is_stanza)
        tree = stanza.tree()
        self.assertEqual(("jabber:server", "urn:x"), (tree.body.uri, tree.x.y.uri))

    def test_written_anew(self) -> None:
        """S15: a stanza that says otherwise under another stream is written so that it says the same."""
        prefixed = f"<c:message xmlns:c='jabber:component:accept' from='{DOMAIN}' to='b.example'><c:body/></c:message>"
        (data,) = self.feed(prefixed)
        self.assertEqual(
            b"<message xmlns='jabber:server' from='bot.a.example' to='b.example'><body/></message>",
            data.replace(b'"', b"'"),
        )

    def test_missing_addresses(self) -> None:
        """S32: a stanza without ``from`` or without ``to`` closes the stream with ``improper-addressing``."""
        for address in (f"from='{DOMAIN}'", "to='b.example'"):
            self.stream = self.make()
            self.open()
            self.assertEqual([], self.feed(f"<message {address}/>"))
            self.assertFailed(StreamCondition.IMPROPER_ADDRESSING)

    def test_wrong_sender(self) -> None:
        """S32: a ``from`` in another domain, a subdomain too, or a malformed one is ``invalid-from``."""
        for address in ("a.example", f"x.{DOMAIN}", f"b.example/{DOMAIN}", "a..b", "@", ""):
            self.stream = self.make()
            self.open()
            self.assertEqual([], self.feed(f"<message from='{address}' to='b.example'/>"))
            self.assertFailed(StreamCondition.INVALID_FROM)

    def test_own_addresses(self) -> None:
        """S32: any localpart and resource of the component's domain may send, in any spelling of the domain."""
        for address in (DOMAIN, f"u@{DOMAIN}", f"u@{DOMAIN}/r", DOMAIN.upper(), f"{DOMAIN}."):
            self.assertEqual(1, len(self.feed(f"<message from='{address}' to='b.example'/>")), address)

    def test_malformed_target(self) -> None:
        """A ``to`` that is no address comes back as ``jid-malformed``; the stream goes on."""
        received = self.stream.receive_bytes(f"<message id='1' from='{DOMAIN}' to='a..b'/>{MESSAGE}".encode())
        self.assertEqual(1, len(received.stanzas))
        (reply,) = received.replies
        self.assertEqual(("error", "1", DOMAIN), (reply.type, reply.id, reply.to_address))
        self.assertIn(b"<jid-malformed ", reply.data)

    def test_malformed_target_of_an_error(self) -> None:
        """An error to a malformed address is dropped: no error answers an error."""
        received = self.stream.receive_bytes(f"<message type='error' from='{DOMAIN}' to='a..b'/>".encode())
        self.assertEqual(((), ()), (received.stanzas, received.replies))

    def test_other_elements(self) -> None:
        """What is no stanza closes the stream with ``unsupported-stanza-type``."""
        for element in ("<route/>", f"<message xmlns='jabber:client' from='{DOMAIN}' to='b.example'/>"):
            self.stream = self.make()
            self.open()
            self.assertEqual([], self.feed(element))
            self.assertFailed(StreamCondition.UNSUPPORTED_STANZA_TYPE)

    def test_whitespace(self) -> None:
        """White space between stanzas keeps a connection alive and means nothing."""
        self.assertEqual([], self.feed(" \n"))
        self.assertEqual(2, len(self.feed(f"{MESSAGE} {MESSAGE}\n")))
        self.assertIs(ComponentState.CARRYING, self.stream.state)


class ClosingTests(StreamTestCase):
    """The end of a stream, from either side."""

    def test_component_closes(self) -> None:
        """The component's closing tag is answered with ours; what stood before it passes."""
        self.open()
        self.assertEqual(1, len(self.feed(MESSAGE + END)))
        self.assertEqual(END.encode(), self.stream.bytes_to_send())
        self.assertIs(ComponentState.CLOSED, self.stream.state)

    def test_component_closes_before_its_handshake(self) -> None:
        """A stream may be closed before the handshake."""
        self.feed(HEADER + END)
        self.assertTrue(self.stream.bytes_to_send().endswith(END.encode()))
        self.assertIs(ComponentState.CLOSED, self.stream.state)

    def test_component_reports_an_error(self) -> None:
        """A stream error from the component ends the stream and names the reason; it is not answered by one."""
        self.open()
        self.feed("<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>" + END)
        self.assertEqual(END.encode(), self.stream.bytes_to_send())
        self.assertEqual("it reported conflict", self.stream.reason)

    def test_shut_down(self) -> None:
        """We close in good order: an error and our tag, the component's last stanzas, its tag."""
        self.open()
        self.stream.shut_down(StreamCondition.SYSTEM_SHUTDOWN, "bye")
        self.assertIn(b"<system-shutdown ", self.stream.bytes_to_send())
        self.assertIs(ComponentState.CLOSING, self.stream.state)
        self.assertEqual(1, len(self.feed(MESSAGE)))
        self.feed(END)
        self.assertEqual(b"", self.stream.bytes_to_send())
        self.assertIs(ComponentState.CLOSED, self.stream.state)

    def test_shut_down_early(self) -> None:
        """Before the handshake nothing is under way: the stream is closed at once, once."""
        for before in ("", HEADER):
            self.stream = self.make()
            self.feed(before)
            self.stream.shut_down(StreamCondition.SYSTEM_SHUTDOWN, "bye")
            self.stream.shut_down(StreamCondition.SYSTEM_SHUTDOWN, "bye again")
            self.assertFailed(StreamCondition.SYSTEM_SHUTDOWN)

    def test_violation_while_closing(self) -> None:
        """A violation after our closing tag closes the stream without another word."""
        self.open()
        self.stream.shut_down(StreamCondition.SYSTEM_SHUTDOWN, "bye")
        self.stream.bytes_to_send()
        self.feed("<oops/>")
        self.assertEqual(b"", self.stream.bytes_to_send())
        self.assertIs(ComponentState.CLOSED, self.stream.state)

    def test_reason_is_cut(self) -> None:
        """The reason kept for the log is one line, with at most 500 characters of what the fault says."""
        for length, dots in ((500, ""), (501, "...")):
            self.stream = self.make()
            self.stream.fail(StreamCondition.BAD_FORMAT, "x" * length)
            self.assertEqual("bad-format: " + "x" * 500 + dots, self.stream.reason)
        self.stream = self.make()
        self.stream.fail(StreamCondition.BAD_FORMAT, "a\nb")
        self.assertEqual(r"bad-format: a\nb", self.stream.reason)


class MachineTests(StreamTestCase):
    """Every state with every input."""

    GIVEN: ClassVar = {
        ComponentInput.HANDSHAKE: HANDSHAKE,
        ComponentInput.ELEMENT: MESSAGE,
        ComponentInput.END: END,
    }

    def test_table(self) -> None:
        """What the table lists leads where it says; what it does not list closes the stream."""
        for state, given in product(ComponentState, self.GIVEN):
            self.stream = self.make()
            self.open()
            self.stream.state = state
            self.feed(self.GIVEN[given])
            expected = TRANSITIONS.get((state, given), ComponentState.CLOSED)
            self.assertIs(expected, self.stream.state, (state, given))

    def test_header(self) -> None:
        """A header opens a stream that is opening, and closes any other."""
        for state in ComponentState:
            self.stream = self.make()
            self.stream.state = state
            self.feed(HEADER)
            expected = TRANSITIONS.get((state, ComponentInput.HEADER), ComponentState.CLOSED)
            self.assertIs(expected, self.stream.state, state)

    def test_shut_down(self) -> None:
        """A stream can be shut down in any state."""
        for state in ComponentState:
            self.stream.state = state
            self.stream.shut_down(StreamCondition.HOST_GONE, "gone")
            self.assertIs(TRANSITIONS[state, ComponentInput.SHUTDOWN], self.stream.state)

    def test_drawing(self) -> None:
        """The drawing is what the table says; after a change, run ``python -m tests.hosts.draw_component``."""
        self.assertEqual(draw_component.drawing(), draw_component.DRAWING.read_text(encoding="utf-8"))

    def test_page(self) -> None:
        """The page around the drawing explains every state and every input."""
        page = draw_component.DRAWING.with_suffix(".rst").read_text(encoding="utf-8")
        for name in (*ComponentState.__members__, *ComponentInput.__members__):
            self.assertIn(f"``{name}``", page)
