"""
What no server should say, and what it hears then.

Each conversation has a name, what it comes to, and what is said. What it comes to: the condition of the stream
error; ``closed`` for a closing tag without one; elements other than headers and features by name, with what
matters in them; ``gone`` if the connection is over before anything is waited for; nothing at all for silence.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from tests.stream.scripts import (
    AUTH,
    BIDI,
    CLOSING,
    OFFER_EXTERNAL,
    OFFER_NOTHING,
    OFFER_TLS,
    PROCEED,
    SASL_NAMESPACE,
    STARTTLS,
    STREAM_ERROR,
    SUCCESS,
    TLS_FAILURE,
    dialback,
    header,
)

DIALBACK = "jabber:server:dialback"
STREAMS = "http://etherx.jabber.org/streams"
STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"


class TLS(NamedTuple):
    """A step: begin TLS, with something said in front of it in the same piece."""

    first: bytes = b""


Step = bytes | float | TLS
"""What is said, how many seconds nothing is said, or TLS."""

Conversations = Mapping[str, tuple[str | Step, ...]]
"""By name: what it comes to, then what is said."""


def called(from_: str | None = "evil.example", to: str | None = "b.example", **attributes: str | None) -> bytes:
    """A header of a peer that has connected."""
    return header(from_=from_, to=to, **{"xmlns:db": DIALBACK, **attributes})


def answered(from_: str | None = "evil.example", id_: str | None = "s1", **attributes: str | None) -> bytes:
    """A header of a peer we have connected to."""
    return called(from_, **{"id": id_, **attributes})


def message(sender: str = "x@evil.example", target: str = "y@b.example", inside: str = "<body>evil</body>") -> bytes:
    """A stanza."""
    return f"<message from='{sender}' to='{target}'>{inside}</message>".encode()


def result(sender: str = "x.weak.example", target: str = "b.example", key: str = "00", **attributes: str) -> bytes:
    """A request by dialback, or an answer."""
    return dialback("result", sender, target, key, **attributes)


def verify(sender: str = "x.weak.example", target: str = "b.example", key: str = "00", **attributes: str) -> bytes:
    """A question about a key, or an answer."""
    return dialback("verify", sender, target, key, **{"id": "s1", **attributes})


def auth(text: str = "=", mechanism: str = "EXTERNAL") -> bytes:
    """An attempt at SASL."""
    return f"<auth xmlns='{SASL_NAMESPACE}' mechanism='{mechanism}'>{text}</auth>".encode()


def sasl(name: str, text: str = "") -> bytes:
    """Another element of SASL."""
    return f"<{name} xmlns='{SASL_NAMESPACE}'>{text}</{name}>".encode()


def base64_of(text: str) -> str:
    """As SASL carries it."""
    return base64.b64encode(text.encode()).decode()


def error(condition: str, inside: str = "") -> bytes:
    """A stream error."""
    return f"<stream:error><{condition} xmlns='{STREAM_ERRORS}'>{inside}</{condition}></stream:error>".encode()


EVIL: Final = called()
WEAK: Final = called("x.weak.example")
PLAIN: Final = called("x.plain.example")
HELLO: Final = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
"""How TLS begins."""

PING: Final = b"<iq type='get' id='1' from='evil.example' to='b.example'><ping xmlns='urn:xmpp:ping'/></iq>"

# Of a peer that connects to us.

OPENED: Final = (EVIL,)
SECURED: Final = (EVIL, STARTTLS, TLS())
JUDGED: Final = (*SECURED, EVIL)
AUTHENTICATED: Final = (*JUDGED, AUTH)
CARRYING: Final = (*AUTHENTICATED, EVIL)
BY_DIALBACK: Final = (WEAK, STARTTLS, TLS(), WEAK)
UNENCRYPTED: Final = (PLAIN,)

NO_XML: Final[Conversations] = {
    "nothing": ("connection-timeout closed", 60.0),
    "a space each second": ("", b" ", 1.0, b" ", 1.0, b"\n"),
    "20,000 spaces": ("", b" " * 20_000),
    "HTTP": ("not-well-formed closed", b"GET / HTTP/1.1\r\nHost: b.example\r\n\r\n"),
    "SMTP": ("not-well-formed closed", b"EHLO evil.example\r\n"),
    "SSH": ("not-well-formed closed", b"SSH-2.0-evil\r\n"),
    "TLS at once": ("gone", TLS()),
    "zeros": ("unsupported-encoding closed", b"\0" * 100),
    "a byte order mark": ("not-well-formed closed", b"\xef\xbb\xbf" + EVIL),
    "UTF-16": ("unsupported-encoding closed", EVIL.decode().encode("utf-16")),
    "UTF-32": ("unsupported-encoding closed", EVIL.decode().encode("utf-32-be")),
    "overlong UTF-8": ("unsupported-encoding closed", EVIL.replace(b"evil", b"\xc0\xaf")),
    "Latin-1": ("unsupported-encoding closed", b"<?xml version='1.0' encoding='latin-1'?>" + EVIL),
    "XML 1.1": ("not-well-formed closed", b"<?xml version='1.1'?>" + EVIL),
    "a closing tag alone": ("not-well-formed closed", CLOSING),
    "a document type": ("restricted-xml closed", b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + EVIL),
    "a billion laughs": (
        "restricted-xml closed",
        b"<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]><x>&b;</x>",
    ),
    "a comment": ("restricted-xml closed", b"<!-- evil -->" + EVIL),
    "an instruction": ("restricted-xml closed", b"<?evil?>" + EVIL),
}

HEADERS: Final[Conversations] = {
    "half of one": ("", EVIL[:60]),
    "half of one, a minute long": ("connection-timeout closed", EVIL[:60], 60.0),
    "a byte a second": ("", *[step for at in range(50) for step in (EVIL[at : at + 1], 1.0)]),
    "one of 10,001 bytes": ("policy-violation closed", b"<stream:stream a='" + b"x" * 10_001),
    "an attribute twice": ("not-well-formed closed", EVIL[:-1] + b" from='x.example'>"),
    "a prefix that nobody declares": ("not-well-formed closed", EVIL[:-1] + b" x:y='z'>"),
    "the namespace of clients": ("invalid-namespace closed", called(xmlns="jabber:client")),
    "no content namespace": ("invalid-namespace closed", called(xmlns=None)),
    "another namespace of streams": ("invalid-namespace closed", called(**{"xmlns:stream": "urn:x"})),
    "another prefix": ("bad-namespace-prefix closed", EVIL.replace(b"stream:", b"s:").replace(b":stream=", b":s=")),
    "a stanza": ("invalid-namespace closed gone", b"<message xmlns='jabber:server' from='x@evil.example'/>"),
    "features": ("bad-format closed", f"<stream:features xmlns:stream='{STREAMS}'>".encode()),
    "one that is empty": ("starttls closed gone", EVIL[:-1] + b"/>"),
    "one and the closing tag": ("starttls closed gone", EVIL + CLOSING),
    "no version": ("unsupported-version closed", called(version=None)),
    "version 0.9": ("unsupported-version closed", called(version="0.9")),
    "version 1e0": ("unsupported-version closed", called(version="1e0")),
    "a long version": ("unsupported-version closed", called(version="1." + "0" * 1_000)),
    "no 'to'": ("improper-addressing closed", called(to=None)),
    "an empty 'to'": ("improper-addressing closed", called(to="")),
    "'to' an address": ("improper-addressing closed", called(to="192.0.2.1")),
    "'to' a user": ("improper-addressing closed", called(to="x@b.example")),
    "'to' a domain too long": ("improper-addressing closed", called(to="x." * 127 + "x")),
    "'to' somebody else": ("host-unknown closed", called(to="c.example")),
    "'from' ourselves": ("invalid-from closed", called("b.example")),
    "'from' another domain of ours": ("invalid-from closed", called("B2.Example.")),
    "'from' one that is denied": ("policy-violation closed", called("x.denied.example")),
    "'from' no domain": ("improper-addressing closed", called("a..example")),
    "'from' a bad A-label": ("improper-addressing closed", called("xn--a.example")),
    "'from' with a line feed": ("improper-addressing closed", called("evil&#10;.example")),
    "'from' with a zero": ("not-well-formed closed", called("evil&#0;.example")),
}

OUTSIDE_TLS: Final[Conversations] = {
    "a second header": ("bad-format closed", EVIL),
    "a stanza": ("not-authorized closed", message()),
    "a ping": ("not-authorized closed", PING),
    "SASL": ("policy-violation closed", AUTH),
    "a dialback request": ("result-error-policy-violation", result("evil.example")),
    "a dialback question": ("verify-error-policy-violation", verify("evil.example")),
    "a dialback request of a domain that may not": ("result-error-policy-violation", result()),
    "11 dialback requests": (
        "result-error-policy-violation " * 10 + "policy-violation closed",
        b"".join(result(f"{number}.example") for number in range(11)),
    ),
    "a dialback answer": ("unsupported-stanza-type closed", result(type="valid")),
    "bidi": ("", BIDI),
    "features": ("unsupported-stanza-type closed", OFFER_TLS),
    "proceed": ("unsupported-stanza-type closed", PROCEED),
    "success": ("unsupported-stanza-type closed", SUCCESS),
    "an element nobody knows": ("unsupported-stanza-type closed", b"<x xmlns='urn:x'/>"),
    "text": ("bad-format closed", b"evil"),
    "CDATA": ("bad-format closed", b"<![CDATA[evil]]>" + STARTTLS),
    "STARTTLS in another namespace": ("unsupported-stanza-type closed", b"<starttls xmlns='urn:x'/>"),
    "a stream error": ("closed", STREAM_ERROR),
    "a stream error, then a stanza": ("closed", STREAM_ERROR + message()),
}

INTO_TLS: Final[Conversations] = {
    "a session behind STARTTLS": ("", STARTTLS + EVIL + AUTH + EVIL + message(), TLS()),
    "STARTTLS twice": ("", STARTTLS + STARTTLS, TLS()),
    "a header outside TLS": ("gone", STARTTLS, EVIL),
    "the closing tag": ("gone", STARTTLS, CLOSING),
    "a broken record": ("gone", STARTTLS, HELLO[:3] + b"\0\xff" + b"\0" * 255),
    "half a ClientHello": ("gone", STARTTLS, HELLO, 20.0),
    "nothing": ("gone", STARTTLS, 20.0),
    "TLS without STARTTLS": ("gone", TLS()),
}

INSIDE_TLS: Final[Conversations] = {
    "a header of another domain": ("policy-violation closed", called("evil3.example")),
    "a header of a domain above ours": ("policy-violation closed", called("example")),
    "a header of a look-alike": ("policy-violation closed", called("xn--vil-ffd.example")),
    "a header of a domain that is denied": ("policy-violation closed", called("x.denied.example")),
    "a header of a domain of ours": ("invalid-from closed", called("b2.example")),
    "a header of nobody": ("improper-addressing closed", called(None)),
    "a header for somebody else": ("host-unknown closed", called(to="c.example")),
    "a stanza": ("invalid-namespace closed gone", message()),
    "more TLS": ("not-well-formed closed", HELLO),
    "the closing tag": ("not-well-formed closed", CLOSING),
    "nothing": ("connection-timeout closed", 60.0),
}

PROVING: Final[Conversations] = {
    "STARTTLS": ("policy-violation closed", STARTTLS),
    "a stanza": ("not-authorized closed", message()),
    "a ping": ("not-authorized closed", PING),
    "another mechanism": ("sasl-invalid-mechanism", auth(base64_of("\0a\0b"), "PLAIN")),
    "no mechanism": ("sasl-invalid-mechanism", sasl("auth", "=")),
    "another identity": ("sasl-invalid-authzid", auth(base64_of("evil2.example"))),
    "no base64": ("sasl-incorrect-encoding", auth("==")),
    "elements in SASL": ("sasl-malformed-request", auth("<x/>=")),
    "a hundred attempts": ("sasl-incorrect-encoding " * 3 + "policy-violation closed", auth("==") * 100),
    "a hundred aborts": ("sasl-aborted " * 3 + "policy-violation closed", sasl("abort") * 100),
    "an answer to nothing": ("sasl-malformed-request", sasl("response", "=")),
    "no identity, then another beginning": ("challenge sasl-malformed-request", auth(""), auth()),
    "no identity, then another's": (
        "challenge sasl-invalid-authzid",
        auth(""),
        sasl("response", base64_of("b.example")),
    ),
    "success": ("unsupported-stanza-type closed", SUCCESS),
    "a challenge": ("unsupported-stanza-type closed", sasl("challenge")),
    "a stanza behind SASL": ("success", AUTH + message()),
    "SASL twice": ("success", AUTH + AUTH),
    "SASL of 10,001 bytes": ("policy-violation closed", auth("A" * 10_001)),
    "65 elements": ("policy-violation closed", b"<x xmlns='urn:x'>" + b"<y/>" * 64 + b"</x>"),
    "a hundred levels": ("policy-violation closed", b"<x>" * 101),
    "a thousand attributes": (
        "unsupported-stanza-type closed",
        b"<x " + b" ".join(b"a%d=''" % number for number in range(1_000)) + b"/>",
    ),
    "3,000 elements": ("unsupported-stanza-type closed gone", b"<x/>" * 3_000),
    "a namespace of 257 characters": ("policy-violation closed", b"<x xmlns='" + b"u" * 257 + b"'/>"),
    "end tags out of order": ("not-well-formed closed", b"<x><y></x></y>"),
    "the end of the stream inside": ("not-well-formed closed", b"<x></stream:stream>"),
    "nothing": ("connection-timeout closed", 60.0),
}

RESTARTING: Final[Conversations] = {
    "another 'from'": ("improper-addressing closed", called("evil2.example")),
    "another 'to'": ("improper-addressing closed", called(to="b2.example")),
    "no 'from'": ("improper-addressing closed", called(None)),
    "no version": ("unsupported-version closed", called(version=None)),
    "a stanza": ("invalid-namespace closed gone", message()),
    "SASL again": ("invalid-namespace closed gone", AUTH),
    "the closing tag": ("not-well-formed closed", CLOSING),
    "nothing": ("connection-timeout closed", 60.0),
}

STANZAS: Final[Conversations] = {
    "from a domain it has not proven": ("", message("x@other.example")),
    "from a domain of ours": ("", message("x@b.example")),
    "from another name of its certificate": ("", message("x@evil2.example")),
    "from a domain below": ("", message("x@sub.evil.example")),
    "from a domain above": ("", message("x@example")),
    "for somebody else": ("host-unknown closed", message(target="y@c.example")),
    "for another domain of ours": ("host-unknown closed", message(target="y@b2.example")),
    "from nobody": ("improper-addressing closed", b"<message to='y@b.example'/>"),
    "for nobody": ("improper-addressing closed", b"<message from='x@evil.example'/>"),
    "from an empty address": ("improper-addressing closed", message("")),
    "from no address": ("improper-addressing closed", message("@evil.example")),
    "from an IP address": ("improper-addressing closed", message("x@[::1]")),
    "from two domains": ("not-well-formed closed", b"<message from='x@evil.example' from='y@b.example'/>"),
    "in the namespace of clients": ("", message().replace(b" from", b" xmlns='jabber:client' from")),
    "in that of components": ("", message().replace(b" from", b" xmlns='jabber:component:accept' from")),
    "with broken UTF-8": ("unsupported-encoding closed", message().replace(b"<body>", b"<body>\xff")),
    "with a surrogate": ("unsupported-encoding closed", message().replace(b"<body>", b"<body>\xed\xa0\x80")),
    "with a control character": ("not-well-formed closed", message().replace(b"<body>", b"<body>&#1;")),
    "with a comment": ("restricted-xml closed", message(inside="<!-- -->")),
    "with an entity": ("restricted-xml closed", message(inside="<body>&evil;</body>")),
    "with a stream inside": ("bad-format closed", message(inside="<stream:stream/>")),
    "with the end of the stream inside": ("not-well-formed closed", message(inside="</stream:stream>")),
    "of 600,000 bytes": ("policy-violation closed", message(inside=f"<body>{'x' * 600_000}</body>")),
    "of 10,001 elements": ("policy-violation closed", message(inside="<x/>" * 10_001)),
    "1,001 from a domain it has not proven": ("invalid-from closed", message("x@other.example") * 1_001),
    "behind the closing tag": ("closed gone", CLOSING + message()),
    "behind a stream error": ("closed", STREAM_ERROR + message()),
}

ELEMENTS: Final[Conversations] = {
    "SASL": ("sasl-not-authorized", AUTH),
    "SASL three times": ("sasl-not-authorized " * 3 + "policy-violation closed", AUTH * 3),
    "STARTTLS": ("policy-violation closed", STARTTLS),
    "bidi": ("", BIDI),
    "features": ("", OFFER_EXTERNAL),
    "a header": ("bad-format closed", EVIL),
    "success": ("", SUCCESS),
    "stream management": ("", b"<enable xmlns='urn:xmpp:sm:3'/>"),
    "compression": ("", b"<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>"),
    "1,000 elements nobody knows": ("", b"<x/>" * 1_000),
    "3,000 elements nobody knows": ("policy-violation closed gone", b"<x/>" * 3_000),
    "a comment": ("restricted-xml closed", b"<!-- -->"),
    "text": ("bad-format closed", b"evil"),
    "a dialback answer": ("", result("evil2.example", type="valid")),
    "a thousand dialback answers": ("", verify("evil2.example", type="valid") * 1_000),
    "a dialback request of the same name": ("result-valid", result("evil.example", "b2.example")),
    "a dialback request of nobody": ("improper-addressing closed", result("")),
    "a dialback request without a certificate for it": ("result-error-not-authorized", result("other.example")),
    "a question about a key nobody sent": ("verify-invalid", verify("evil.example")),
    "a question to somebody else": ("verify-error-item-not-found", verify("evil.example", "c.example")),
    "a question by one that is denied": ("verify-error-not-allowed", verify("x.denied.example")),
    "an unknown error": ("closed", error("evil")),
    "a forged line of the log": (
        "closed",
        error("reset").replace(b"</stream:error>", b"<text xmlns='%s'>" % STREAM_ERRORS.encode())
        + b"gone\naccepted evil2.example\x20</text></stream:error>",
    ),
    "another place": ("closed", error("see-other-host", "192.0.2.1:25")),
}

DIALBACK_REQUESTS: Final[Conversations] = {
    "no authoritative server": ("result-error-remote-server-not-found", result()),
    "SASL all the same": ("policy-violation closed", AUTH),
    "a stanza at once": ("not-authorized closed", result() + message("x@x.weak.example")),
    "bidi too late": ("result-error-remote-server-not-found", result() + BIDI),
    "bidi twice": ("", BIDI + BIDI),
    "from a domain of ours": ("result-error-not-acceptable", result("b2.example")),
    "to somebody else": ("result-error-item-not-found", result(target="c.example")),
    "from nobody": ("improper-addressing closed", result("")),
    "from no domain": ("improper-addressing closed", result("a..example")),
    "from a user": ("improper-addressing closed", result("x@weak.example")),
    "from one that is denied": ("result-error-not-allowed", result("x.denied.example")),
    "from one that needs a certificate": ("result-error-not-authorized", result("other.example")),
    "no key": ("result-error-not-acceptable", result(key="")),
    "a key of 257 characters": ("result-error-not-acceptable", result(key="k" * 257)),
    "a key of elements": ("result-error-not-acceptable", result(key="<k/>")),
    "the same a hundred times": ("result-error-remote-server-not-found", result() * 100),
    "200 domains": (
        "result-error-resource-constraint " * 102
        + "result-error-remote-server-not-found " * 10
        + "policy-violation closed",
        b"".join(result(f"x{number}.weak.example") for number in range(200)),
    ),
    "200 targets": (
        "result-error-item-not-found " * 10 + "policy-violation closed",
        b"".join(result(target=f"x{number}.example") for number in range(200)),
    ),
    "an answer": ("", result(type="valid")),
    "an answer of an unknown kind": ("", result(type="VALID")),
    "an answer about a key": ("", verify(type="valid")),
    "a thousand answers": ("", result(type="valid") * 1_000),
    "a question": ("verify-invalid", verify()),
    "a question without an id": ("verify-error-not-acceptable", dialback("verify", "x.weak.example", "b.example")),
    "a question with a long id": ("verify-invalid", verify(id="i" * 9_000)),
    "a question with a long key": ("verify-invalid", verify(key="k" * 9_000)),
    "an element dialback does not have": ("unsupported-stanza-type closed", f"<x xmlns='{DIALBACK}'/>".encode()),
}

WITHOUT_TLS: Final[Conversations] = {
    "no authoritative server": ("result-error-remote-server-not-found", result("x.plain.example")),
    "a domain that needs TLS": ("result-error-policy-violation", result()),
    "a stanza": ("not-authorized closed", message("x@x.plain.example")),
    "STARTTLS too late": ("policy-violation closed", result("x.plain.example") + STARTTLS),
    "SASL": ("policy-violation closed", auth()),
    "bidi": ("result-error-remote-server-not-found", BIDI + result("x.plain.example")),
}

DIRECT_TLS: Final[Conversations] = {
    "a header outside TLS": ("gone", EVIL),
    "HTTP": ("gone", b"GET / HTTP/1.1\r\n\r\n"),
    "a space, then TLS": ("gone", b" ", TLS()),
    "a header, then TLS": ("gone", EVIL, TLS()),
    "nothing": ("gone", 20.0),
    "STARTTLS inside": ("policy-violation closed", TLS(), EVIL, STARTTLS),
    "a stanza": ("invalid-namespace closed gone", TLS(), message()),
    "a stanza before SASL": ("not-authorized closed", TLS(), EVIL, message()),
    "a stanza of somebody else": ("success", TLS(), EVIL, AUTH, EVIL, message("x@other.example")),
}

# Of a peer that we have connected to, with a stanza for it.

OFFERED: Final = (answered() + OFFER_TLS,)
SECURE: Final = (*OFFERED, TLS(PROCEED))
ASKED_FOR_US: Final = (*SECURE, answered() + OFFER_EXTERNAL)
OFFER_DIALBACK: Final = b"<stream:features><dialback xmlns='urn:xmpp:features:dialback'/></stream:features>"
SENT_KEY: Final = (*SECURE, answered() + OFFER_DIALBACK)
ACCEPTED: Final = (*ASKED_FOR_US, SUCCESS)
CARRIED: Final = (*ACCEPTED, answered() + OFFER_NOTHING)
OFFER_BIDI: Final = OFFER_EXTERNAL.replace(b"</stream:f", b"<bidi xmlns='urn:xmpp:features:bidi'/></stream:f")
TWO_WAY: Final = (*SECURE, answered() + OFFER_BIDI, SUCCESS, answered() + OFFER_NOTHING)


def said(answer: str, sender: str = "evil.example", target: str = "b.example") -> bytes:
    """An answer to our key."""
    return dialback("result", sender, target, type=answer)


ANSWERS: Final[Conversations] = {
    "nothing": ("connection-timeout closed", 60.0),
    "HTTP": ("not-well-formed closed", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "SMTP": ("not-well-formed closed", b"220 evil.example ESMTP\r\n"),
    "an alert of TLS": ("not-well-formed closed", b"\x15\x03\x01\x00\x02\x02\x0a"),
    "no id": ("bad-format closed", answered(id_=None)),
    "an empty id": ("bad-format closed", answered(id_="")),
    "an id of 1,025 characters": ("policy-violation closed", answered(id_="i" * 1_025)),
    "no version": ("unsupported-version closed", answered(version=None)),
    "the namespace of clients": ("invalid-namespace closed", answered(xmlns="jabber:client")),
    "another's name": ("invalid-from closed", answered("other.example") + OFFER_TLS),
    "a header twice": ("bad-format closed", answered() + answered()),
    "features without a header": ("not-well-formed closed", OFFER_TLS),
    "features twice": ("starttls policy-violation closed", answered() + OFFER_TLS * 2),
    "no STARTTLS": ("starttls", answered() + OFFER_NOTHING),
    "SASL instead of STARTTLS": ("starttls", answered() + OFFER_EXTERNAL),
    "dialback instead of STARTTLS": ("starttls", answered() + OFFER_DIALBACK),
    "proceed, unasked": ("policy-violation closed", answered() + PROCEED),
    "success, unasked": ("policy-violation closed", answered() + SUCCESS),
    "an answer to a key, unasked": ("unsupported-stanza-type closed", answered() + said("valid")),
    "a stanza": ("not-authorized closed", answered() + message()),
    "another place, outside TLS": ("closed", answered() + error("see-other-host", "192.0.2.1:25")),
    "an unknown error": ("closed", answered() + error("evil")),
    "an error without a condition": ("closed", answered() + b"<stream:error/>"),
    "the closing tag": ("closed gone", answered() + CLOSING),
}

TO_STARTTLS: Final[Conversations] = {
    "failure": ("undefined-condition closed", TLS_FAILURE),
    "success": ("policy-violation closed", SUCCESS),
    "features": ("policy-violation closed", OFFER_TLS),
    "a stanza": ("not-authorized closed", message()),
    "a key accepted": ("unsupported-stanza-type closed", said("valid")),
    "a session behind proceed": ("", TLS(PROCEED + answered() + OFFER_EXTERNAL + SUCCESS + message())),
    "a header outside TLS": ("gone", PROCEED, answered()),
    "a broken record": ("gone", PROCEED, b"\x16\x03\x03\0\x04\x02\0\0\0"),
    "proceed, then nothing": ("gone", PROCEED, 20.0),
}

TO_OUR_HEADER: Final[Conversations] = {
    "another's name": ("invalid-from closed", answered("other.example") + OFFER_EXTERNAL),
    "no features": ("connection-timeout closed", answered(), 60.0),
    "features of a comment": ("restricted-xml closed", answered() + b"<stream:features><!-- -->"),
    "513 features": ("policy-violation closed", answered() + b"<stream:features>" + b"<x/>" * 512),
    "features in features": ("bad-format closed", answered() + b"<stream:features><stream:features/>"),
    "features of 10,001 bytes": ("policy-violation closed", answered() + b"<stream:features>" + b" " * 10_001),
    "another mechanism": (
        "unsupported-feature closed",
        answered(**{"xmlns:db": None}) + OFFER_EXTERNAL.replace(b"EXTERNAL", b"PLAIN"),
    ),
    "the closing tag": ("closed gone", answered() + CLOSING),
    "another place that is none": ("closed", answered() + error("see-other-host", "a b c")),
}

TO_SASL: Final[Conversations] = {
    "a stanza": ("not-authorized closed", message()),
    "proceed": ("policy-violation closed", PROCEED),
    "a challenge": ("", sasl("challenge")),
    "failure twice": ("result policy-violation closed", sasl("failure") * 2),
    "a session behind success": ("", SUCCESS + answered() + OFFER_NOTHING + message()),
    "success twice": ("invalid-namespace closed gone", SUCCESS, SUCCESS),
    "success for another name": ("invalid-from closed", SUCCESS, answered("other.example") + OFFER_NOTHING),
    "success without features": ("connection-timeout closed", SUCCESS, answered(), 60.0),
    "bidi": ("", BIDI),
}

TO_OUR_KEY: Final[Conversations] = {
    "invalid": ("closed", said("invalid")),
    "an unknown answer": ("closed", said("VALID")),
    "nothing": ("closed", 30.0),
    "valid for another target": ("", said("valid", "other.example")),
    "valid for a domain below": ("", said("valid", "sub.evil.example")),
    "valid for a look-alike": ("", said("valid", "x-evil.example")),
    "valid for another domain of ours": ("", said("valid", target="b2.example")),
    "valid, addresses turned round": ("", said("valid", "b.example", "evil.example")),
    "a thousand that are valid for others": ("", said("valid", "other.example") * 1_000),
    "valid to a question": ("", verify("evil.example", type="valid")),
    "invalid, then valid": ("closed", said("invalid") + said("valid")),
    "a stanza": ("not-authorized closed", message()),
}

TO_OUR_STANZAS: Final[Conversations] = {
    "a stanza": ("", message()),
    "a stanza of somebody else": ("", message("x@other.example")),
    "success": ("policy-violation closed", SUCCESS),
    "features": ("", OFFER_EXTERNAL),
    "a key accepted": ("", said("valid")),
    "a dialback request": ("", result("evil.example", "b2.example")),
    "a dialback question": ("verify-invalid", verify("evil.example")),
    "another place": ("closed", error("see-other-host", "192.0.2.1:25")),
}

BOTH_WAYS: Final[Conversations] = {
    "a stanza of somebody else": ("", message("x@other.example")),
    "a stanza for another domain of ours": ("host-unknown closed", message(target="y@b2.example")),
    "a stanza for somebody else": ("host-unknown closed", message(target="y@c.example")),
    "a stanza from nobody": ("improper-addressing closed", message("")),
    "answers to pings nobody sent": ("", b"<iq type='result' id='p' from='other.example' to='b.example'/>" * 100),
}

_HEARD: Final = re.compile(
    rb"<stream:error><(?P<stream>[\w-]+)|<failure xmlns='urn:ietf:params:xml:ns:xmpp-(?P<what>\w+)'><(?P<why>[\w-]+)"
    rb"|(?P<closed></stream:stream>)|<(?P<name>success|challenge|starttls)\b"
    rb"|<db:(?P<step>result|verify) [^>]*?(?:type=\"(?P<type>\w+)\"[^>]*)?>"
    rb"(?:<error type='\w+'><(?P<condition>[\w-]+))?"
)


def came_of(heard: bytes) -> str:
    """What a conversation has come to, by all that was heard."""
    words = []
    for found in _HEARD.finditer(heard):
        parts = [part.decode() for part in found.groups() if part is not None]
        words.append("closed" if found["closed"] else "-".join(parts))
    return " ".join(words)
