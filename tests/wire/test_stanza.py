"""Tests of :mod:`muxs2s.wire.stanza`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from twisted.words.xish.domish import Element

from muxs2s.wire.errors import LocalMisuse, StanzaCondition
from muxs2s.wire.names import DomainName, NameRefused
from muxs2s.wire.namespaces import COMPONENT, SERVER, STANZA_ERRORS, XML
from muxs2s.wire.stanza import STANZA_NAMES, Slice, error_reply, from_tree, moved, to_bytes
from tests.wire.samples import MESSAGE, OPENING, STREAMS, read_slice

COMPONENT_HEADER = f"<stream:stream xmlns='{COMPONENT}' xmlns:stream='{STREAMS}'>".encode()


def message(**attributes: str) -> Element:
    """A message between servers, with these attributes; ``from_`` stands for ``from``."""
    element = Element((SERVER, "message"))
    for name, value in attributes.items():
        element[name.rstrip("_")] = value
    return element


class SliceTests(SynchronousTestCase):
    """One first-level element."""

    def test_stanzas(self) -> None:
        """S14: message, presence and iq of the content namespace are stanzas, nothing else is."""
        self.assertEqual({"message", "presence", "iq"}, STANZA_NAMES)
        for name in STANZA_NAMES:
            self.assertTrue(read_slice(f"<{name}/>".encode()).is_stanza)
            self.assertFalse(read_slice(f"<{name} xmlns='jabber:client'/>".encode()).is_stanza)
            self.assertFalse(read_slice(f"<{name.upper()}/>".encode()).is_stanza)
        self.assertFalse(read_slice(b"<db:message/>").is_stanza)
        self.assertFalse(read_slice(b"<stream:features/>").is_stanza)

    def test_pair(self) -> None:
        """The pair is of the domains, whatever stands before and behind them."""
        pair = read_slice("<iq from='u@BÜCHER.example./r' to='b.example'/>".encode()).pair
        self.assertEqual(pair, ("bücher.example", "b.example"))
        self.assertIsInstance(pair.sender, DomainName)

    def test_one_domain(self) -> None:
        """Each of the two domains can be told without the other."""
        self.assertEqual("a.example", read_slice(b"<iq from='u@a.example/r'/>").sender)
        self.assertEqual("b.example", read_slice(b"<iq from='@' to='B.example'/>").target)
        self.assertRaises(NameRefused, lambda: read_slice(b"<iq to='b.example'/>").sender)
        self.assertRaises(NameRefused, lambda: read_slice(b"<iq from='a.example' to='@'/>").target)

    def test_no_pair(self) -> None:
        """An address that is missing, empty or malformed makes no pair."""
        for attributes in ("from='a.example'", "to='b.example'", "from='' to='b.example'", "from='a@' to='b.example'"):
            element = read_slice(f"<iq {attributes}/>".encode())
            self.assertRaises(NameRefused, lambda element=element: element.pair)

    def test_tree(self) -> None:
        """A tree is built on demand, with all that the slice holds, and is the caller's own."""
        element = read_slice(MESSAGE)
        tree = element.tree()
        self.assertEqual((tree.uri, tree.name, tree["from"]), (SERVER, "message", "romeo@a.example/orchard"))
        self.assertEqual(str(tree.body), "Art thou not Romeo?")
        tree["from"] = "changed.example"
        self.assertIsNot(element.tree(), tree)
        self.assertEqual(element.tree()["from"], "romeo@a.example/orchard")

    def test_tree_in_scope(self) -> None:
        """Prefixes and default namespace that the stream declared hold for the tree of a slice."""
        header = OPENING[:-1] + b" xmlns:p='urn:p&amp;q'>"
        tree = read_slice(b"<p:a p:b='1'><c/><p:d xmlns:p='urn:r'/></p:a>", header).tree()
        self.assertEqual((tree.uri, tree.attributes), ("urn:p&q", {("urn:p&q", "b"): "1"}))
        self.assertEqual([child.uri for child in tree.elements()], ["jabber:server", "urn:r"])

    def test_made_by_hand(self) -> None:
        """A slice made of anything but one element is the maker's misuse, and no later tree suffers for it."""
        good = read_slice(MESSAGE)
        for data in (b"", b"text", b"<a>", b"<a", b"<a/><b/>", b"</scope>", b"<a></b>", b"<p:a/>", b"<a>\x00</a>"):
            bad = good._replace(data=data)
            self.assertRaises(LocalMisuse, bad.tree)
            self.assertEqual(good.tree()["id"], "m1")

    def test_after_one_made_by_hand(self) -> None:
        """Whatever a slice made by hand leaves open, the next one is read as if nothing had been before it."""
        good = read_slice(MESSAGE)
        for rest in (b"</scope>", b"<b", b"<b c='", b"<b xmlns='urn:x'>", b"<![CDATA[", b"<!--"):
            self.assertEqual(good._replace(data=b"<a/>" + rest).tree().name, "a")
            tree = good.tree()
            self.assertEqual((tree.uri, tree["id"], tree.parent), (SERVER, "m1", None))


class FromTreeTests(SynchronousTestCase):
    """Trees of ours become slices."""

    def test_fields(self) -> None:
        """A slice of a tree has the fields that a peer will read from its bytes."""
        tree = message(from_="a.example", to="b@b.example", type="chat", id="1")
        tree.addElement("body", content="<&>")
        made = from_tree(tree)
        self.assertEqual(made[1:7], (SERVER, "message", "a.example", "b@b.example", "chat", "1"))
        self.assertEqual(read_slice(made.data)[:7], made[:7])
        self.assertEqual(str(made.tree().body), "<&>")

    def test_no_namespace(self) -> None:
        """S14: a tree outside of every namespace makes no stanza."""
        made = from_tree(Element((None, "message")))
        self.assertEqual((made.namespace, made.is_stanza), ("", False))

    def test_moved(self) -> None:
        """S15: a tree can be written in another content namespace, or in one at last, and stays what it was."""
        for uri in (None, "", COMPONENT, SERVER):
            tree = Element((uri, "message"))
            tree.addElement(("urn:x", "x")).addElement((uri, "y"))
            made = from_tree(tree, SERVER)
            self.assertEqual((made.namespace, made.tree().uri, tree.uri), (SERVER, SERVER, uri))
            inner = "urn:x" if uri is None else SERVER
            self.assertEqual((made.tree().x.uri, made.tree().x.y.uri), ("urn:x", inner))

    def test_what_is_sent_is_what_is_checked(self) -> None:
        """Attributes that would smuggle in another sender are refused or read as peers read them."""
        tree = message(from_="a.example")
        tree["x' from='evil.example"] = ""
        self.assertRaises(LocalMisuse, from_tree, tree)
        tree = message(from_="a.example' to='evil.example")
        self.assertEqual(
            (from_tree(tree).from_address, from_tree(tree).to_address), ("a.example' to='evil.example", None)
        )
        tree = message(xmlns="jabber:client")
        self.assertRaises(LocalMisuse, from_tree, tree)
        self.assertEqual(from_tree(message(from_="a\n.example")).from_address, "a\n.example")

    def test_control_characters(self) -> None:
        """S18: what XML cannot hold is the caller's misuse, named as such, and later trees do not suffer for it."""
        good = message(id="1")
        for text in ("\0", "\x1b[31m", "\x0b", "\ufffe", "\ud800", "a\udfffb"):
            in_text, in_attribute, in_name = message(), message(id=text), Element((SERVER, "message" + text))
            in_text.addElement("body", content=text)
            for bad in (in_text, in_attribute, in_name):
                error = self.assertRaises(LocalMisuse, from_tree, bad)
                self.assertIn("cannot be", str(error))
            self.assertEqual(from_tree(good).tree()["id"], "1")

    def test_raw_xml(self) -> None:
        """S18: raw XML cannot close the stanza, open another, or bring in what XMPP forbids."""
        tree = message()
        tree.addRawXml("<x xmlns='urn:x'>raw</x>")
        self.assertEqual(str(from_tree(tree).tree().x), "raw")
        for raw in (
            "</message><message from='evil.example'/><message>",
            "</message></stream:stream>",
            "<!-- comment -->",
            "<?pi?>",
            "&entity;",
            "<a>",
            "<stream:error/>",
        ):
            tree = message()
            tree.addRawXml(raw)
            self.assertRaises(LocalMisuse, from_tree, tree)

    def test_no_text(self) -> None:
        """Attributes and children that are neither text nor element are the caller's misuse."""
        tree = message()
        tree.children.append(object())
        self.assertRaises(LocalMisuse, from_tree, tree)
        tree = message()
        tree.attributes["id"] = 1
        self.assertRaises(LocalMisuse, from_tree, tree)

    def test_depth(self) -> None:
        """A hundred levels can be sent; one more would make the peer close the stream and is refused here."""
        for levels in (100, 101, 20_000):
            tree = inner = message()
            for _ in range(levels - 1):
                inner = inner.addElement("a")
            if levels == 100:
                self.assertEqual(from_tree(tree).name, "message")
            else:
                self.assertRaises(LocalMisuse, from_tree, tree)


class MovedTests(SynchronousTestCase):
    """Stanzas change their content namespace where they change from a component to a server."""

    def test_there_and_back(self) -> None:
        """S15: a component's stanza leaves as one between servers, payload included, and its answer comes back."""
        payload = b"<body xml:lang='de'>Hallo</body><x xmlns='urn:x'><y/></x>"
        data = (
            b"<message from='bot.a.example' to='b.example' type='chat' id='1' xml:lang='en'>" + payload + b"</message>"
        )
        sent = moved(read_slice(data, COMPONENT_HEADER), SERVER)
        self.assertEqual(sent[1:7], (SERVER, "message", "bot.a.example", "b.example", "chat", "1"))
        self.assertTrue(sent.is_stanza)
        self.assertNotIn(COMPONENT.encode(), sent.data)
        self.assertEqual(read_slice(sent.data)[:7], sent[:7])
        tree = sent.tree()
        self.assertEqual((tree[XML, "lang"], tree.body[XML, "lang"]), ("en", "de"))
        self.assertEqual((tree.body.uri, tree.x.uri, tree.x.y.uri), (SERVER, "urn:x", "urn:x"))
        back = moved(sent, COMPONENT)
        self.assertNotIn(SERVER.encode(), back.data)
        self.assertEqual(moved(back, SERVER).data, sent.data)

    def test_forwarded_messages_stay(self) -> None:
        """S15: a forwarded message of jabber:client stays one, and one of the old namespace deeper down moves."""
        data = (
            f"<message xmlns='{COMPONENT}'><forwarded xmlns='urn:xmpp:forward:0'>"
            f"<message xmlns='jabber:client'><body>1</body></message>"
            f"<message xmlns='{COMPONENT}'><body>2</body></message></forwarded></message>"
        )
        tree = moved(read_slice(data.encode(), COMPONENT_HEADER), SERVER).tree()
        [client, server] = tree.forwarded.elements()
        self.assertEqual((client.uri, client.body.uri), ("jabber:client", "jabber:client"))
        self.assertEqual((server.uri, server.body.uri), (SERVER, SERVER))

    def test_no_prefix(self) -> None:
        """S15: no element of the content namespace has a prefix, and none is declared for it."""
        header = f"<stream:stream xmlns='urn:other' xmlns:c='{COMPONENT}' xmlns:stream='{STREAMS}'>".encode()
        for data in (
            b"<c:message><c:body>1</c:body></c:message>",
            f"<p:message xmlns:p='{COMPONENT}'><p:body>1</p:body></p:message>".encode(),
        ):
            sent = moved(read_slice(data, header), SERVER)
            self.assertEqual(sent.data, b'<message xmlns="jabber:server"><body>1</body></message>')

    def test_same_namespace(self) -> None:
        """A slice that relied on the declarations of its stream stands for itself when it is moved in place."""
        sent = moved(read_slice(b"<message><db:x db:y='1'/></message>"), SERVER)
        alone = Slice(sent.data, *sent[1:7]).tree()
        [child] = alone.elements()
        self.assertEqual(
            (child.uri, child.attributes), ("jabber:server:dialback", {("jabber:server:dialback", "y"): "1"})
        )


class ErrorReplyTests(SynchronousTestCase):
    """Stanzas bounce with the reason, errors never."""

    def reply(self, data: str, text: str = "why", namespace: str = SERVER) -> Slice | None:
        """The bounce of this stanza for a domain that was not found."""
        header = f"<stream:stream xmlns='{namespace}' xmlns:stream='{STREAMS}'>".encode()
        return error_reply(read_slice(data.encode(), header), StanzaCondition.REMOTE_SERVER_NOT_FOUND, text)

    def test_shape(self) -> None:
        """S17: the sender learns which stanza failed, with the condition, its type and a reason for people."""
        for namespace in (SERVER, COMPONENT):
            bounced = self.reply(
                "<iq from='a.example/&apos;&lt;' to='&quot;@b.example' type='get' id='&amp;1'><x/></iq>",
                "<&> it",
                namespace,
            )
            assert bounced is not None
            self.assertEqual(bounced[1:7], (namespace, "iq", '"@b.example', "a.example/'<", "error", "&1"))
            self.assertEqual(read_slice(bounced.data)[:7], bounced[:7])
            [error] = bounced.tree().elements()
            self.assertEqual((error.uri, error.name, error["type"]), (namespace, "error", "cancel"))
            condition, text = error.elements()
            self.assertEqual((condition.uri, condition.name), (STANZA_ERRORS, "remote-server-not-found"))
            self.assertEqual((text.uri, str(text), text[XML, "lang"]), (STANZA_ERRORS, "<&> it", "en"))

    def test_answered(self) -> None:
        """S17: requests are always answered, and so are messages and presence of every kind but errors."""
        for stanza in ("<iq type='get'/>", "<iq type='set' id='1'/>", "<message/>", "<message type='chat'/>"):
            self.assertIsNotNone(self.reply(stanza))
        for kind in ("", "type='unavailable'", "type='subscribe'", "type='probe'"):
            self.assertIsNotNone(self.reply(f"<presence {kind}/>"))

    def test_silent(self) -> None:
        """S17: there is no error for an error, nor for the result of a request."""
        for stanza in ("<iq type='error'/>", "<message type='error'/>", "<presence type='error'/>"):
            self.assertIsNone(self.reply(stanza))
        for stanza in ("<iq type='result'/>", "<iq/>", "<iq type='nonsense'/>", "<iq type=''/>"):
            self.assertIsNone(self.reply(stanza))

    def test_bounce_of_a_bounce(self) -> None:
        """S17: a bounce is never bounced, so two servers cannot keep one going."""
        bounced = self.reply("<message from='a.example' to='b.example'/>")
        assert bounced is not None
        self.assertIsNone(error_reply(bounced, StanzaCondition.GONE, ""))

    def test_missing_attributes(self) -> None:
        """Addresses and id that the stanza did not have are not made up."""
        bounced = self.reply("<message/>")
        assert bounced is not None
        self.assertEqual(bounced.tree().attributes, {"type": "error"})

    def test_any_text(self) -> None:
        """S18: a reason with characters that XML forbids does not make the bounce ill-formed."""
        bounced = self.reply("<message/>", "no\0such\ud800host")
        assert bounced is not None
        self.assertEqual(str(bounced.tree().error.elements(STANZA_ERRORS, "text").__next__()), "no\ufffdsuch\ufffdhost")


class WrittenTests(SynchronousTestCase):
    """The tree writer is offered here too."""

    def test_to_bytes(self) -> None:
        """A tree written by itself declares its namespace."""
        self.assertEqual(to_bytes(message(id="1")), b'<message xmlns="jabber:server" id="1"/>')
