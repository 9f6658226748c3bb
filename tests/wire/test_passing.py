"""
Tests of :mod:`muxs2s.wire.passing`: which stanzas pass as they are, and that nobody can tell those from others.

Whatever is moved is read by expat and by libxml2, before and after: see :mod:`tests.wire.meaning`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as some
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.wire.namespaces import COMPONENT, SERVER
from muxs2s.wire.passing import passes_as_it_is
from muxs2s.wire.stanza import moved
from tests.fuzz.checks import check_moving
from tests.wire.generated import MARKUP, elements
from tests.wire.samples import HEADER, MESSAGE, OPENING, STREAMS, read_slice, vectors

ODD_HEADER = OPENING[:-1] + b" xmlns:p='urn:p' xmlns:c='jabber:server'>"
"""Of a peer that declares more than others do."""

PASSING = [
    MESSAGE,
    b"<iq/>",
    b"<message xml:lang='en'><body xml:lang=\"de\"></body></message>",
    "<message to='ü@b.example'>日本語 𝜍</message>".encode(),
    b"<message>&amp;#58;&lt;!--&gt; ]]&gt; &#39;&#9;&#13;&#128512; a > b /></message>",
    b"<message\n\tid = '>' >\r\n</message\n>",
    b"<message><x xmlns=''><y xmlns='urn:y'/></x></message>",
    b"<message><p:x xmlns:p='urn:x' p:y=''><p:z/></p:x></message>",
    b"<message><x xmlns:stream='urn:x' xmlns:db='urn:y'>stream db</x></message>",
    b"<message><x xmlns='jabber:iq:roster' xmlns:xml='http://www.w3.org/XML/1998/namespace'/></message>",
    b"<message><x xmlns='jabber:&amp;server'/></message>",
]
"""Stanzas that need nothing of their stream but its content namespace."""

PREFIXED = [
    b"<message><db:x/></message>",
    b"<message><x db:y=''/></message>",
    b"<message><x\tdb:y=''/></message>",
    b"<message><stream:x xmlns:stream='urn:x'/></message>",
    b"<message><db:x xmlns:db='urn:x'/><db:y/></message>",
    b"<message><stream:x xmlns:stream='urn:x' stream:y=''/><x stream:y=''/></message>",
]
"""Stanzas with a prefix that every stream declares."""

DECLARING = [
    b"<message xmlns='jabber:server'/>",
    b"<p:message xmlns:p='jabber:server'/>",
    b"<stream:message xmlns:stream='jabber:server'/>",
    b"<message><message xmlns='jabber:server'/></message>",
    b"<message><message xmlns='jabber:client'><body/></message></message>",
    b"<message><message xmlns='jabber:component:accept'/></message>",
    b'<message><x xmlns = "jabber:component:accept"/></message>',
    b"<message><x xmlns\r\n=\t'jabber:client'/></message>",
    b"<message><p:x xmlns:p='jabber:server'/><y xmlns:p='jabber:component:accept' p:z=''/></message>",
    b"<message><x xmlns=''><message xmlns='jabber:server'/></x></message>",
    b"<message><x xmlns='&#106;abber:server'/></message>",
    b"<message><x xmlns='ja&#98;ber:server'/></message>",
    b"<message><x xmlns='jabber&#58;server'/></message>",
    b"<message><x xmlns='jabber&#0000058;component:accept'/></message>",
    b"<message><x xmlns='jabber&#x3a;component:accept'/></message>",
    b"<message><x xmlns='jabber:c&#x6C;ient'/></message>",
    b"<message><x xmlns:p='jabber:serve&#114;'><p:y/></x></message>",
    b"<message><x xmlns='&#106;&#97;&#98;&#98;&#101;&#114;&#58;&#115;&#101;&#114;&#118;&#101;&#114;'/></message>",
]
"""Stanzas that name a content namespace by themselves, in one spelling or another."""

LOOKING_LIKE_IT = [
    b"<message><![CDATA[</message><message to='evil.example'>]]></message>",
    b"<message><body><![CDATA[]]></body></message>",
    b"<message><body>a<![CDATA[]]&gt;]]>&lt;x</body></message>",
    b"<message><body>jabber:server, xmlns='jabber:client'</body></message>",
    b"<message id=\"xmlns='jabber:server'\"/>",
    b"<message id='x db:y=\"\"'/>",
    b"<message><body>stream:features db:result</body></message>",
    b"<message><body>jabber&#58;server</body></message>",
]
"""Stanzas with text that looks like markup: they could pass, but whether they do is not worth knowing."""


ALL = [*PASSING, *PREFIXED, *DECLARING, *LOOKING_LIKE_IT]

ANY_STANZA = elements(
    names=["message", "db:e", "stream:e", "p:e", "c:e"],
    declarations=[
        *("xmlns='jabber:server'", "xmlns='jabber:component:accept'", "xmlns='&#106;abber:server'", "xmlns=''"),
        *("xmlns='urn:x'", "xmlns:p='urn:x'", "xmlns:p='jabber:component:accept'", "xmlns:c='jabber:client'"),
        *("xmlns:db='urn:x'", "xmlns:stream = 'jabber:serve&#x72;'"),
    ],
    attributes=[
        "",
        " to='b.example'",
        " p:to=''",
        " db:to='' to='b'",
        " c:to=\"xmlns='jabber:server'\"",
        " xml:lang='a'",
    ],
    texts=["", "<![CDATA[</message>]]>", "&lt;![CDATA[", "jabber:server", "db: stream:", "&#58;", "]]&gt;", "\r\nü"],
)
"""Stanzas of pieces that the rule is about."""


def changed(stanza: bytes) -> bytes:
    """The same stanza as it would stand on the stream of a component: its content namespace is the other one."""
    swapped = {b"server": b"component:accept", b"component:accept": b"server"}
    return re.sub(rb"(?<=jabber:)(server|component:accept)(?=['\"])", lambda found: swapped[found[1]], stanza)


class RuleTests(SynchronousTestCase):
    """Some stanzas pass as they are, and all others go through a tree."""

    def is_kept(self, data: bytes, header: bytes = HEADER) -> bool:
        """Whether a stanza of this stream is the same bytes for a component; if so, those alone say what it says."""
        stanza = read_slice(data, header)
        left = moved(stanza, COMPONENT)
        kept = left.data == data
        self.assertEqual(kept, passes_as_it_is(data, stanza.scope) and stanza.namespace == SERVER)
        self.assertEqual(left.tree().uri, COMPONENT)
        return kept

    def test_passing(self) -> None:
        """S15: stanzas that need nothing of their stream but its content namespace pass as they are."""
        self.assertEqual([], [data for data in PASSING if not self.is_kept(data)])

    def test_doubtful(self) -> None:
        """S15: prefixes of the stream, content namespaces in every spelling, CDATA and what looks like it do not."""
        for kind in (PREFIXED, DECLARING, LOOKING_LIKE_IT):
            self.assertEqual([], [data for data in kind if self.is_kept(data)])

    def test_other_declarations(self) -> None:
        """A stream that declares any other prefix has none of its stanzas passed on as they are."""
        for prefix in (b"p", b"dbx", b"d", "ü".encode()):
            self.assertFalse(self.is_kept(MESSAGE, OPENING[:-1] + b" xmlns:" + prefix + b"='urn:x'>"))
        self.assertTrue(self.is_kept(MESSAGE, OPENING[:-1] + b" xmlns:xml='http://www.w3.org/XML/1998/namespace'>"))

    def test_other_default_namespace(self) -> None:
        """Nor has a stream with another default namespace than that of its content: its stanzas declare theirs."""
        header = f"<stream xmlns='{STREAMS}'>".encode()
        self.assertFalse(self.is_kept(b"<message xmlns='jabber:server'/>", header))
        self.assertFalse(self.is_kept(b"<c:message/>", f"<stream xmlns='{STREAMS}' xmlns:c='jabber:server'>".encode()))

    def test_other_namespaces(self) -> None:
        """What is moved from or to a namespace that is none of any stream's content is written anew."""
        self.assertEqual(moved(read_slice(b"<a xmlns='urn:x'/>"), SERVER).data, b'<a xmlns="jabber:server"/>')
        self.assertEqual(moved(read_slice(b"<a/>"), "urn:x").data, b'<a xmlns="urn:x"/>')

    def test_broken_utf_8(self) -> None:
        """Whatever was let pass before, no byte leaves that is not UTF-8."""
        for wrong in (b"\xff", b"\xc0\xbc", b"\xed\xa0\x80", b"\xe3\x3c"):
            self.assertFalse(passes_as_it_is(b"<message>" + wrong + b"</message>", b"<scope>"))

    def test_moved_back(self) -> None:
        """A stanza that passed as it was can pass so again, and a tree of it is in the namespace it has reached."""
        there = moved(read_slice(MESSAGE), COMPONENT)
        back = moved(there, SERVER)
        self.assertEqual((there.data, back.data), (MESSAGE, MESSAGE))
        self.assertEqual([there.tree().body.uri, back.tree().body.uri], [COMPONENT, SERVER])


class SameMeaningTests(SynchronousTestCase):
    """Whatever is moved says to expat and to libxml2 what it said before, from a component and to one."""

    def test_samples(self) -> None:
        """S15: every sample of these tests, on an ordinary stream, an odd one and that of a component."""
        component = changed(OPENING)
        for data in ALL:
            for header, given_data in ((HEADER, data), (ODD_HEADER, data), (component, changed(data))):
                self.assertEqual(1, check_moving(header, given_data), given_data)

    def test_declared_by_the_stream(self) -> None:
        """S15: what an odd stream declares is declared where the stanza goes, if it is used."""
        for data in (b"<c:message p:x=''><p:y c:z=''/><y xmlns:p='urn:q'><p:z/></y></c:message>", b"<message c:a=''/>"):
            self.assertEqual(1, check_moving(ODD_HEADER, data))

    @settings(max_examples=150, derandomize=True, deadline=None, database=None)
    @given(some.sampled_from([HEADER, ODD_HEADER, changed(OPENING)]), ANY_STANZA)
    def test_any_stanza(self, header: bytes, stanza: str) -> None:
        """S15: however prefixes, content namespaces, references and CDATA sections are put together."""
        check_moving(header, stanza.encode())

    @settings(max_examples=150, derandomize=True, deadline=None, database=None)
    @given(
        some.sampled_from(ALL), some.lists(some.tuples(some.integers(0, 100), some.sampled_from(MARKUP)), max_size=4)
    )
    def test_any_change(self, data: bytes, changes: list[tuple[int, bytes]]) -> None:
        """S15: whatever is put into a stanza, if it is still taken."""
        for at, piece in changes:
            data = data[:at] + piece + data[at:]
        check_moving(HEADER, data)
        check_moving(ODD_HEADER, data)

    def test_published(self) -> None:
        """S15, S19: what is taken of the streams other projects test their parsers with."""
        moved_on = 0
        for origin in vectors("xml_streams").values():
            for case in origin["cases"] if isinstance(origin, dict) else ():
                for data in samples_of(case):
                    moved_on += check_moving(HEADER, data) + check_moving(HEADER, b"<message>" + data + b"</message>")
        self.assertGreater(moved_on, 30)


def samples_of(case: dict[str, str]) -> Iterator[bytes]:
    """What a published case says, as it may stand in a stream."""
    if "hex" in case:
        yield bytes.fromhex(case["hex"])
    yield "".join([case.get("xml", ""), *case.get("chunks", ())]).encode()
