"""Tests of :mod:`muxs2s.stream.dialback`: the elements, read and written."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.dialback import DialbackSecret
from muxs2s.stream.dialback import (
    DialbackAnswer,
    DialbackElement,
    DialbackStep,
    answer_element,
    error_element,
    is_dialback,
    read_dialback,
    request_element,
)
from muxs2s.wire.errors import RemoteViolation, StanzaCondition, StreamCondition
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.reasons import MAX_REASON_CHARACTERS
from muxs2s.wire.stanza import Slice
from tests.stream.scripts import PAIR, A, B
from tests.wire.samples import read, read_slice

KEY = "1e701f120f66824b57303384e83b51feba858024fd2221d39f7acc52dcf767a9"
XML_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=40)
CAPULET, MONTAGUE = DomainName.parse("capulet.example"), DomainName.parse("montague.example")

REQUEST = DialbackElement(step=DialbackStep.RESULT, pair=PAIR, id=None, answer=None, key=KEY, condition=None, text="")
VALID = replace(REQUEST, key="", answer=DialbackAnswer.VALID)


def said(element: str) -> DialbackElement:
    """What an element on a stream says."""
    return read_dialback(read_slice(element.encode()))


def error(inside: str) -> DialbackElement:
    """What an answer with an error says."""
    return said(f"<db:result from='a.example' to='b.example' type='error'>{inside}</db:result>")


class WritingTests(SynchronousTestCase):
    """What we say, byte by byte. Peers whose parser knows nothing of namespaces look for the prefix."""

    def test_result(self) -> None:
        """D7, D10: a pair is asserted with the key between its tags."""
        wanted = f'<db:result from="a.example" to="b.example">{KEY}</db:result>'
        self.assertEqual(wanted.encode(), request_element(DialbackStep.RESULT, PAIR, KEY))

    def test_verify(self) -> None:
        """D11: a question names the stream as well."""
        wanted = f'<db:verify from="a.example" to="b.example" id="417GAF25">{KEY}</db:verify>'
        self.assertEqual(wanted.encode(), request_element(DialbackStep.VERIFY, PAIR, KEY, "417GAF25"))

    def test_answers(self) -> None:
        """D12, D13: an answer has a type; that to a question has the id as well; neither repeats the key."""
        for answer in (DialbackAnswer.VALID, DialbackAnswer.INVALID):
            result = f'<db:result from="a.example" to="b.example" type="{answer.value}"></db:result>'
            self.assertEqual(result.encode(), answer_element(DialbackStep.RESULT, PAIR, answer))
            verify = f'<db:verify from="a.example" to="b.example" id="1" type="{answer.value}"></db:verify>'
            self.assertEqual(verify.encode(), answer_element(DialbackStep.VERIFY, PAIR, answer, "1"))

    def test_error(self) -> None:
        """D16: an error is a stanza error inside the answer, with the type that belongs to its condition."""
        wanted = (
            '<db:result from="a.example" to="b.example" type="error"><error type=\'cancel\'>'
            "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
            "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>no &lt;such&gt; domain</text>"
            "</error></db:result>"
        )
        written = error_element(DialbackStep.RESULT, PAIR, StanzaCondition.ITEM_NOT_FOUND, "no <such> domain")
        self.assertEqual(wanted.encode(), written)

    def test_published_example(self) -> None:
        """D8, D9, D11: the question of XEP-0220, section 2.1.2, with the key of its servers, is what we would ask."""
        pair = DomainPair(CAPULET, MONTAGUE)
        key = DialbackSecret("s3cr3tf0rd14lb4ck").key(pair, "D60000229F")
        self.assertEqual("b4835385f37fe2895af6c196b59097b16862406db80559900d96bf6fa7d23df3", key)
        wanted = f'<db:verify from="montague.example" to="capulet.example" id="D60000229F">{key}</db:verify>'
        self.assertEqual(wanted.encode(), request_element(DialbackStep.VERIFY, pair.reversed(), key, "D60000229F"))

    def test_u_labels(self) -> None:
        """S13: domains are written as U-labels."""
        pair = DomainPair(DomainName.parse("xn--bcher-kva.example"), B)
        self.assertIn('from="bücher.example"'.encode(), request_element(DialbackStep.RESULT, pair, KEY))

    @given(XML_TEXT, XML_TEXT)
    def test_incident_13_key_of_a_peer_is_text(self, evil: str, stream_id: str) -> None:
        """Incident 13: whatever key and id a peer thought up, what we ask about them is one element."""
        key = f"{evil}</db:verify><message from='a.example'/>"
        element = read_slice(request_element(DialbackStep.VERIFY, PAIR, key, stream_id))
        self.assertEqual((key, stream_id), (str(element.tree()), element.id))


class ReadingTests(SynchronousTestCase):
    """What peers say."""

    def test_round_trip(self) -> None:
        """What we write we read, in both steps."""
        for step, stream_id in ((DialbackStep.RESULT, None), (DialbackStep.VERIFY, "s<1>")):
            request = replace(REQUEST, step=step, id=stream_id)
            self.assertEqual(request, said(request_element(step, PAIR, KEY, stream_id).decode()))
            for answer in (DialbackAnswer.VALID, DialbackAnswer.INVALID):
                answered = replace(request, answer=answer, key="")
                self.assertEqual(answered, said(answer_element(step, PAIR, answer, stream_id).decode()))
            failed = replace(
                *(request,),
                answer=DialbackAnswer.ERROR,
                key="",
                condition=StanzaCondition.NOT_ALLOWED,
                text="not-allowed: denied",
            )
            written = error_element(step, PAIR, StanzaCondition.NOT_ALLOWED, "denied", stream_id)
            self.assertEqual(failed, said(written.decode()))

    def test_liberal(self) -> None:
        """D22: white space around a key, a key and an id in an answer, and answers of no content do no harm."""
        tag = "db:result from='a.example' to='b.example'"
        self.assertEqual(REQUEST, said(f"<{tag}>\n  {KEY}\t</db:result>"))
        self.assertEqual(replace(REQUEST, id="s1"), said(f"<{tag} id='s1'>{KEY}</db:result>"))
        for inside in ("", KEY, f" {KEY} ", "<x xmlns='urn:x'/>"):
            self.assertEqual(VALID, said(f"<{tag} type='valid'>{inside}</db:result>"))
        self.assertEqual(VALID, said(f"<{tag} type='valid'/>"))
        self.assertEqual(replace(VALID, id="s1"), said(f"<{tag} type='valid' id='s1'/>"))

    def test_by_namespace(self) -> None:
        """D7: the namespace counts, not the prefix."""
        for element in (
            f"<result xmlns='jabber:server:dialback' from='a.example' to='b.example'>{KEY}</result>",
            f"<x:result xmlns:x='jabber:server:dialback' from='a.example' to='b.example'>{KEY}</x:result>",
        ):
            self.assertEqual(REQUEST, said(element))

    def test_what_is_none(self) -> None:
        """D7: other names in the namespace, and the names in others, are no dialback."""
        self.assertTrue(is_dialback(read_slice(b"<db:result/>")))
        self.assertTrue(is_dialback(read_slice(b"<db:verify/>")))
        for other in ("<db:dialback/>", "<db:Result/>", "<result/>", "<verify xmlns='urn:xmpp:features:dialback'/>"):
            self.assertFalse(is_dialback(read_slice(other.encode())), other)

    def test_spellings(self) -> None:
        """S13: domains are read in any spelling."""
        element = said("<db:result from='A.Example.' to='xn--bcher-kva.example'>k</db:result>")
        self.assertEqual(DomainPair(A, DomainName.parse("bücher.example")), element.pair)

    def test_bad_addresses(self) -> None:
        """A missing address, or one of anything but a domain, ends the stream with ``improper-addressing``."""
        for addresses in (
            *("", "from='a.example'", "to='b.example'", "from='' to='b.example'", "from='a.example' to=''"),
            *("from='x@a.example' to='b.example'", "from='a.example' to='b.example/r'"),
            *(
                "from='a..example' to='b.example'",
                "from='a.example' to='127.0.0.1'",
                "from=' a.example' to='b.example'",
            ),
        ):
            for step in ("result", "verify"):
                element = read_slice(f"<db:{step} {addresses} id='1'>{KEY}</db:{step}>".encode())
                violation = self.assertRaises(RemoteViolation, read_dialback, element)
                assert isinstance(violation, RemoteViolation)
                self.assertIs(StreamCondition.IMPROPER_ADDRESSING, violation.condition, addresses)
                self.assertTrue(str(violation).startswith(f"db:{step}: "))

    def test_unknown_type(self) -> None:
        """A type nobody has defined is no request and no consent: it reads as an error."""
        for unknown in ("", "VALID", "valid ", "subscribe", "result"):
            element = said(f"<db:result from='a.example' to='b.example' type='{unknown}'>{KEY}</db:result>")
            self.assertEqual((DialbackAnswer.ERROR, "", "no reason given"), (element.answer, element.key, element.text))

    def test_keys(self) -> None:
        """A key is the text with which the element begins, however it is written; without any it is empty."""
        for inside, key in (("", ""), (" \n", ""), ("a<x/>b", "a"), ("<x>evil</x>", ""), ("<![CDATA[a]]>&#98;", "ab")):
            self.assertEqual(key, said(f"<db:result from='a.example' to='b.example'>{inside}</db:result>").key)

    def test_truncated(self) -> None:
        """An element cut short is none."""
        whole = request_element(DialbackStep.RESULT, PAIR, KEY)
        for cut in range(1, len(whole)):
            framed, _ = read(b"<stream:stream xmlns:stream='s' xmlns:db='jabber:server:dialback'>", whole[:cut])
            self.assertFalse([each for each in framed if isinstance(each, Slice)])


class ErrorTests(SynchronousTestCase):
    """Why a peer says no."""

    namespace = "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'"

    def test_every_condition(self) -> None:
        """Each condition of RFC 6120 is read."""
        for condition in StanzaCondition:
            read_back = error(f"<error type='cancel'><{condition.value} {self.namespace}/></error>")
            self.assertEqual((condition, condition.value), (read_back.condition, read_back.text))

    def test_text(self) -> None:
        """What is said for people follows the condition."""
        read_back = error(f"<error><text {self.namespace}> go away </text><gone {self.namespace}/></error>")
        self.assertEqual((StanzaCondition.GONE, "gone: go away"), (read_back.condition, read_back.text))

    def test_odd_errors(self) -> None:
        """An error that says nothing, or nothing known, is an error all the same."""
        for inside, text in (
            ("", "no reason given"),
            ("<error/>", "no reason given"),
            ("<error xmlns='urn:x'><gone/></error>", "no reason given"),
            ("<error><gone/></error>", "no reason given"),
            (f"<error><flood {self.namespace}/></error>", "flood"),
            (f"<error><text {self.namespace}>hm</text></error>", "hm"),
            (f"<error><text {self.namespace}/></error>", "no reason given"),
        ):
            read_back = error(inside)
            self.assertEqual(
                (DialbackAnswer.ERROR, None, text), (read_back.answer, read_back.condition, read_back.text)
            )

    def test_known_among_unknown(self) -> None:
        """A condition of the peer's own beside a known one does not hide it."""
        inside = f"<error><mine {self.namespace}/><forbidden {self.namespace}/></error>"
        self.assertIs(StanzaCondition.FORBIDDEN, error(inside).condition)

    def test_bounds(self) -> None:
        """However long and odd, the reason is one bounded line."""
        read_back = error(f"<error><text {self.namespace}>a\n2026-01-01 b{'!' * 9_000}</text></error>")
        self.assertTrue(read_back.text.startswith(r"a\n2026-01-01 b!"))
        self.assertEqual(MAX_REASON_CHARACTERS + 3, len(read_back.text))

    def test_only_in_errors(self) -> None:
        """An error inside an answer that is none is not looked at."""
        said_more = f"<error><gone {self.namespace}/></error>"
        element = said(f"<db:result from='a.example' to='b.example' type='valid'>{said_more}</db:result>")
        self.assertEqual(VALID, element)
