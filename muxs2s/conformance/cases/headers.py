"""
Opening and closing streams: headers, features, TLS, restarts.

Knows what RFC 6120 asks of a receiving server there.
"""

from __future__ import annotations

from typing import Final

from muxs2s.conformance.case import Chapter
from muxs2s.conformance.deviation import Deviation, NotObservable
from muxs2s.conformance.kit import Kit
from muxs2s.conformance.peer import ScriptedPeer
from muxs2s.conformance.saying import AUTH, CLOSING, STARTTLS, header
from muxs2s.conformance.setting import Need
from muxs2s.conformance.tls import CallingTLS
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.framing import StreamOpened
from muxs2s.wire.namespaces import DIALBACK, SASL, TLS, XML

__all__ = ["CHAPTER"]

CHAPTER: Final = Chapter()


@CHAPTER.case("S1")
async def _complete_header(kit: Kit) -> None:
    """The header outside TLS answers with from, to, id, version and language."""
    peer = await kit.connect()
    peer.say(kit.header())
    _look_at(kit, await peer.header())


@CHAPTER.case("S1 S2 S4 S6", Need.AUTHENTICATION)
async def _every_header(kit: Kit) -> None:
    """Three headers on one connection are complete, each with a new id, and features follow each."""
    peer, _ = await kit.opened()
    ids = [_id(await _again(kit))]
    await _secure(kit, peer)
    peer.say(kit.header())
    ids.append(_look_at(kit, await peer.header()))
    await peer.features()
    peer.say(AUTH)
    await peer.element("success", SASL)
    peer.renew()
    peer.say(kit.header())
    ids.append(_look_at(kit, await peer.header()))
    await peer.features()
    if len(set(ids)) < len(ids):
        raise Deviation(f"expected three ids of streams, and there were {', '.join(ids)}")


async def _again(kit: Kit) -> StreamOpened:
    """The header of one more connection."""
    peer = await kit.connect()
    peer.say(kit.header())
    return await peer.header()


def _id(opened: StreamOpened) -> str:
    return opened.attributes.get("id", "")


def _look_at(kit: Kit, opened: StreamOpened) -> str:
    """See that a response header is complete; gives its id."""
    given = opened.attributes
    expected = {"from": kit.domain, "to": kit.me, "version": "1.0"}
    wrong = [f"{name}={given.get(name)!r}" for name, value in expected.items() if given.get(name) != value]
    wrong += [f"no {name}" for name in ("id", f"{XML} lang") if not given.get(name)]
    if wrong:
        raise Deviation(f"expected a header from {kit.domain} to {kit.me}, complete; {', '.join(wrong)}")
    return given["id"]


@CHAPTER.case("D7")
async def _declares_dialback(kit: Kit) -> None:
    """The header declares the prefix db for dialback."""
    peer = await kit.connect()
    peer.say(kit.header())
    await peer.header()
    opening = peer.raw.partition(b"<stream:stream")[2].partition(b">")[0]
    if f"xmlns:db='{DIALBACK}'".encode() not in opening.replace(b'"', b"'"):
        raise Deviation(f"expected a header that declares xmlns:db='{DIALBACK}'; it does not")


@CHAPTER.case("S3")
async def _declaration(kit: Kit) -> None:
    """An XML declaration stands before the header."""
    peer = await kit.connect()
    peer.say(kit.header())
    await peer.header()
    if not peer.raw.lstrip().startswith(b"<?xml "):
        raise Deviation("expected an XML declaration; the header began without one")


@CHAPTER.case("S5")
async def _tls_first(kit: Kit) -> None:
    """Where TLS is required, outside it nothing is offered that would prove us."""
    _, offers = await kit.opened()
    if not offers.requires_tls:
        raise NotObservable("the server does not require TLS")
    if offers.mechanisms or offers.multiplex:
        raise Deviation(f"expected nothing of the kind outside TLS; {offers} was offered")


@CHAPTER.case("S6", Need.AUTHENTICATION)
async def _forgets(kit: Kit) -> None:
    """The sender domain of the header inside TLS counts, not that of the header outside."""
    peer, _ = await kit.opened(kit.ours.below("before"))
    await _secure(kit, peer)
    peer.say(kit.header())
    await peer.header()
    if "EXTERNAL" not in (await peer.features()).mechanisms:
        raise Deviation(f"expected SASL EXTERNAL to be offered to {kit.me}; it was not")


@CHAPTER.case("S6", Need.TLS)
async def _drops_early(kit: Kit) -> None:
    """What comes behind STARTTLS in the same piece is not taken for something said inside TLS."""
    peer, _ = await kit.opened()
    peer.say(STARTTLS, kit.header())
    await peer.element("proceed", TLS)
    try:
        await peer.start_tls(CallingTLS(kit.ours.first.credentials, kit.domain.ascii))
    except Deviation:
        return  # it may as well take the header for a broken handshake
    peer.say(kit.header())
    await peer.header()
    await peer.features()
    peer.say(CLOSING)
    await peer.ends()


async def _secure(kit: Kit, peer: ScriptedPeer) -> None:
    peer.say(STARTTLS)
    await peer.element("proceed", TLS)
    await peer.start_tls(CallingTLS(kit.ours.first.credentials, kit.domain.ascii))


@CHAPTER.case("S7 S19")
async def _other_namespace(kit: Kit) -> None:
    """A first header with the namespace of clients gets header, error invalid-namespace and closing tag."""
    peer = await kit.connect()
    peer.say(kit.header(xmlns="jabber:client"))
    await peer.header()
    await peer.fails(StreamCondition.INVALID_NAMESPACE)


@CHAPTER.case("S7 S12")
async def _other_target(kit: Kit) -> None:
    """A first header to a domain that is not hosted gets header, error host-unknown and closing tag."""
    peer = await kit.connect()
    peer.say(kit.header(to="unknown.invalid"))
    await peer.header()
    await peer.fails(StreamCondition.HOST_UNKNOWN)


@CHAPTER.case("S7")
async def _no_version(kit: Kit) -> None:
    """A version that is none gets header, error unsupported-version and closing tag."""
    peer = await kit.connect()
    peer.say(kit.header(version="one"))
    await peer.header()
    await peer.fails(StreamCondition.UNSUPPORTED_VERSION, StreamCondition.BAD_FORMAT)


@CHAPTER.case("S8")
async def _closes_early(kit: Kit) -> None:
    """A closing tag right after the header is answered, and the connection closed."""
    peer, _ = await kit.opened()
    peer.say(CLOSING)
    await peer.ends()


@CHAPTER.case("S8", Need.AUTHENTICATION)
async def _closes_late(kit: Kit) -> None:
    """A closing tag on an authenticated stream is answered, and the connection closed."""
    peer, _ = await kit.authenticated()
    peer.say(CLOSING)
    await peer.ends()


@CHAPTER.case("S8", Need.AUTHENTICATION)
async def _closes_on_error(kit: Kit) -> None:
    """A stream error of ours is answered with the closing tag, not with another error."""
    peer, _ = await kit.authenticated()
    peer.say("<stream:error><x xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>", CLOSING)
    await peer.ends()


@CHAPTER.case("S13", Need.AUTHENTICATION)
async def _spelling(kit: Kit) -> None:
    """A domain in capitals and with a trailing dot is the same domain, in both attributes of the header."""
    spelled = header(from_=f"{kit.me}.".upper(), to=f"{kit.domain}.".upper())
    peer = await kit.connect()
    peer.say(spelled)
    await peer.header()
    await peer.features()
    await _secure(kit, peer)
    peer.say(spelled)
    await peer.header()
    if "EXTERNAL" not in (await peer.features()).mechanisms:
        raise Deviation(f"expected SASL EXTERNAL to be offered to {kit.me}, spelled otherwise; it was not")


@CHAPTER.case("S13", Need.AUTHENTICATION, Need.AUTHORITY)
async def _international(kit: Kit) -> None:
    """A domain in U-labels is proven by a certificate that names it in A-labels."""
    domain = kit.ours.below("b\u00fccher")
    identity = kit.ours.named(domain)
    await kit.authenticated(identity)


@CHAPTER.case("S30", Need.DIRECT_TLS)
async def _direct_tls(kit: Kit) -> None:
    """Direct TLS takes the protocol xmpp-server and offers no STARTTLS inside."""
    peer = await kit.connect(direct_tls=True)
    connection = await peer.start_tls(CallingTLS(kit.ours.first.credentials, kit.domain.ascii, alpn=True))
    if connection.get_alpn_proto_negotiated() not in {b"xmpp-server", b""}:
        raise Deviation("expected the protocol xmpp-server; another one was agreed on")
    peer.say(kit.header())
    await peer.header()
    if (await peer.features()).starttls:
        raise Deviation("expected no STARTTLS inside TLS; it was offered")
