"""Tests of :mod:`muxs2s.wire.trees`; what stanzas make of it is in ``test_stanza.py``."""

from __future__ import annotations

from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase
from twisted.words.xish.domish import Element

from muxs2s.wire import trees
from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.namespaces import XML
from muxs2s.wire.trees import FirstTag, first_tag, read_tree, to_bytes
from tests.wire.generated import elements
from tests.wire.meaning import by_expat
from tests.wire.work import calls_made

SCOPE = b"<scope xmlns='urn:0' xmlns:a='urn:1' xmlns:b='urn:2'>"


ANY_ELEMENT = elements(
    names=["e", "a:e", "b:e"],
    declarations=["xmlns='urn:0'", "xmlns='urn:1'", "xmlns=''", "xmlns:a='urn:2'", "xmlns:b='urn:1'"],
    attributes=["", " c='&#10;&#13;\"'", " a:c='&lt;'", " b:c='' c=\"'\"", " xml:lang='en'"],
    texts=["", "x", "&amp;&gt;", "&#13;", "ü\U0001d70d", " \n\t"],
)
"""Elements that bind, rebind and use a few prefixes and the default namespace in every way."""


class WritingTests(SynchronousTestCase):
    """A tree that is written means what it meant where it was read."""

    def assert_same(self, data: bytes) -> None:
        """These bytes say the same after they have been a tree."""
        written = to_bytes(read_tree(data, SCOPE))
        [_, *inside, _] = by_expat(SCOPE + data + b"</scope>")
        self.assertEqual(by_expat(written), inside)

    @settings(max_examples=60, derandomize=True, deadline=None, database=None)
    @given(ANY_ELEMENT)
    def test_any_element(self, written: str) -> None:
        """S15: namespaces, attributes and texts survive, however prefixes are bound and bound anew."""
        self.assert_same(written.encode())

    def test_rebound_prefix(self) -> None:
        """An element does not change its namespace where a prefix is bound to another one on the way to it."""
        self.assert_same(b"<x xmlns:p='urn:1'><y xmlns:p='urn:2'><q xmlns='urn:1'/><p:q/></y><p:q p:r=''/></x>")

    def test_own_prefixes(self) -> None:
        """A prefix that is made up for an attribute is not one that already means something else."""
        tree = Element((None, "a"))
        tree.localPrefixes = {"ns0": "urn:taken"}
        tree["urn:x", "b"] = "1"
        tree["urn:x", "c"] = "2"
        self.assertEqual(by_expat(to_bytes(tree)), [("a", {"{urn:x}b": "1", "{urn:x}c": "2"}), None])

    def test_prefixes_in_texts(self) -> None:
        """Prefixes that a tree declares stay declared, since texts may mean them."""
        tree = read_tree(b"<a xmlns:xs='urn:schema' type='xs:string'>xs:string</a>", SCOPE)
        self.assertIn(b'xmlns:xs="urn:schema"', to_bytes(tree))

    def test_language(self) -> None:
        """The prefix xml needs no declaration."""
        tree = Element(("urn:x", "a"))
        tree[XML, "lang"] = "en"
        self.assertEqual(to_bytes(tree), b'<a xmlns="urn:x" xml:lang="en"/>')

    def test_elements_named_xml(self) -> None:
        """An element under the prefix xml keeps it, or what is written would be no XML: no default can stand for it."""
        self.assert_same(
            b"<x><xml:lang xml:lang='en'><y xmlns:xml='http://www.w3.org/XML/1998/namespace'/></xml:lang></x>"
        )

    def test_renamed(self) -> None:
        """Every element of one namespace is written in another, the rest and all attributes stay where they are."""
        tree = read_tree(b"<e b:f=''><a:e/><e xmlns:c='urn:0' c:f=''><b:e/></e></e>", SCOPE)
        said = by_expat(to_bytes(tree, {"urn:0": "urn:9"}))
        self.assertEqual(
            [each for each in said if each is not None],
            [("{urn:9}e", {"{urn:2}f": ""}), ("{urn:1}e", {}), ("{urn:9}e", {"{urn:0}f": ""}), ("{urn:2}e", {})],
        )
        self.assertEqual(tree.uri, "urn:0")

    def test_renamed_without_prefix(self) -> None:
        """S15: no prefix is declared for a namespace whose elements are written in another."""
        tree = read_tree(b"<p:e xmlns:p='urn:8' xmlns:q='urn:7'/>", SCOPE)
        self.assertEqual(to_bytes(tree, {"urn:8": "urn:9"}), b'<e xmlns="urn:9" xmlns:q="urn:7"/>')

    def test_effort(self) -> None:
        """Whoever declares as many prefixes as a stanza holds, and uses them as often, makes us write, not search."""

        def effort(count: int) -> int:
            declared = "".join(f" xmlns:p{number}='u{number}'" for number in range(count))
            uses = "".join(f" p{count - 1}:a{number}=''" for number in range(count // 24))
            data = f"<m{declared}>" + f"<e{uses}/>" * 30 + "<e xmlns:q='u' xml:b=''/>" * count + "</m>"
            tree = read_tree(data.encode(), SCOPE)
            return calls_made(lambda: to_bytes(tree))

        self.assertLess(effort(1_200), 12 * effort(100))

    def test_inherited_namespace(self) -> None:
        """A child without a namespace of its own is in that of its parent; one in none says so."""
        tree = Element(("urn:x", "a"))
        tree.addChild(Element((None, "b")))
        tree.addChild(Element(("", "c")))
        self.assertEqual(by_expat(to_bytes(tree)), [("{urn:x}a", {}), ("{urn:x}b", {}), None, ("c", {}), None, None])


class ReadingTests(SynchronousTestCase):
    """Readers are kept, and kept small."""

    def test_readers_are_bounded(self) -> None:
        """Peers that declare ever new namespaces do not fill our memory with readers."""
        for number in range(trees.MAX_READERS + 1):
            read_tree(b"<a/>", f"<scope xmlns='urn:{number}'>".encode())
        self.assertEqual(trees._reader.cache_info().currsize, trees.MAX_READERS)
        self.assertEqual(trees.MAX_READERS, 64)

    def test_reader_renewed(self) -> None:
        """A reader reads so many bytes; past them a new one takes its place, since expat forgets no name."""
        scope = b"<scope xmlns='urn:renewed'>"
        data = b"<a>" + b"x" * (trees.MAX_READER_BYTES - 7) + b"</a>"
        reader = trees._reader(scope)
        first = reader._stream
        read_tree(data, scope)
        self.assertIs(reader._stream, first)
        read_tree(b"<a/>", scope)
        self.assertIsNot(reader._stream, first)
        self.assertEqual(read_tree(b"<a/>", scope).uri, "urn:renewed")

    def test_large_trees(self) -> None:
        """How large an element may be is the framing's to say, not the tree's."""
        tree = read_tree(b"<a>" + b"x" * 11_000_000 + b"</a>", SCOPE)
        self.assertEqual(len(str(tree)), 11_000_000)


class FirstTagTests(SynchronousTestCase):
    """What is to be sent is looked at as a whole."""

    def test_first_tag(self) -> None:
        """The first tag is told as peers will read it."""
        data = b"<a xmlns='urn:x' b='&lt;' xml:lang='en'><c d='1'/></a>"
        self.assertEqual(first_tag(data), FirstTag("urn:x", "a", {"b": "<", f"{XML} lang": "en"}))

    def test_refused(self) -> None:
        """S18: what is not one element, well-formed and without restricted XML, is not sent."""
        bad = [b"", b"text", b"<a>", b"<a/><b/>", b"<a/>text", b"<p:a/>", b"<a>\x00</a>", b"<a>\xff</a>", b"<a>&b;</a>"]
        bad += [b"<?xml version='1.0'?><a/>", b"<!DOCTYPE a><a/>", b"<a><!-- --></a>", b"<?pi?><a/>", b"<a/><!-- -->"]
        for data in bad:
            self.assertRaises(LocalMisuse, first_tag, data)

    def test_depth(self) -> None:
        """Levels are counted, not elements: a hundred may be open at a time."""
        self.assertEqual(first_tag(b"<a>" + b"<b></b>" * 200 + b"</a>").name, "a")
        self.assertEqual(first_tag(b"<a>" * 100 + b"</a>" * 100).name, "a")
        self.assertRaises(LocalMisuse, first_tag, b"<a>" * 101 + b"</a>" * 101)
