"""
Stanzas: whose are taken, whose are not, and what becomes of them.

Knows what RFC 6120 asks of a server there.
"""

from __future__ import annotations

from typing import Final

from muxs2s.conformance.case import Chapter
from muxs2s.conformance.deviation import Deviation
from muxs2s.conformance.kit import Kit
from muxs2s.conformance.saying import AUTH, PING_INSIDE, closed, iq, message
from muxs2s.conformance.setting import Need
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.namespaces import SASL, SERVER, STREAMS

__all__ = ["CHAPTER"]

CHAPTER: Final = Chapter()

LIFETIME_SECONDS: Final = 5.0
"""Of a certificate that ends while its stream is up."""

REQUESTS: Final = 20
"""Sent in one piece, to be answered in order."""

_BAD_ADDRESSES: Final = ("", "@", "a@b@c", "kit@", "a..example", "kit@xn--a")


@CHAPTER.case("S9", Need.AUTHENTICATION)
async def _foreign_sender(kit: Kit) -> None:
    """A request from a domain that is not proven ends the stream with invalid-from, or is dropped."""
    peer, _ = await kit.authenticated(bidi=kit.facts.has(Need.BIDI, kit.setting))
    peer.say(iq(f"kit@{kit.ours.below('foreign')}", f"nobody@{kit.domain}", kit.token()))
    await kit.ends_or_is_alive(peer, StreamCondition.INVALID_FROM)


@CHAPTER.case("S10")
async def _early_stanza(kit: Kit) -> None:
    """A stanza outside TLS ends the stream with not-authorized."""
    peer, _ = await kit.opened()
    peer.say(message(f"kit@{kit.me}", f"nobody@{kit.domain}"))
    await peer.fails(StreamCondition.NOT_AUTHORIZED, StreamCondition.POLICY_VIOLATION)


@CHAPTER.case("S10", Need.TLS)
async def _unproven_stanza(kit: Kit) -> None:
    """A stanza inside TLS, before authentication, ends the stream with not-authorized."""
    peer, _ = await kit.secured()
    peer.say(message(f"kit@{kit.me}", f"nobody@{kit.domain}"))
    await peer.fails(StreamCondition.NOT_AUTHORIZED)


@CHAPTER.case("S10", Need.TLS)
async def _refused_certificate(kit: Kit) -> None:
    """SASL EXTERNAL is not granted to a domain that the certificate does not prove."""
    expected = "no success of SASL EXTERNAL with a certificate that nobody vouches for"
    peer = await kit.handshaken(kit.ours.untrusted(kit.me))
    peer.say(kit.header())
    await peer.header()
    heard = await peer.hear(expected)
    if peer.is_element(heard, "features", STREAMS):
        peer.say(AUTH)
        heard = await peer.hear(expected)
    if peer.is_element(heard, "success", SASL):
        raise peer.other(expected, heard)


@CHAPTER.case("S11", Need.AUTHENTICATION)
async def _no_target(kit: Kit) -> None:
    """A stanza without 'to' ends the stream with improper-addressing."""
    peer, _ = await kit.authenticated()
    peer.say(message(f"kit@{kit.me}", None))
    await peer.fails(StreamCondition.IMPROPER_ADDRESSING)


@CHAPTER.case("S11", Need.AUTHENTICATION)
async def _no_sender(kit: Kit) -> None:
    """A stanza without 'from' ends the stream with improper-addressing."""
    peer, _ = await kit.authenticated()
    peer.say(message(None, f"nobody@{kit.domain}"))
    await peer.fails(StreamCondition.IMPROPER_ADDRESSING)


@CHAPTER.case("S11", Need.AUTHENTICATION)
async def _bad_target(kit: Kit) -> None:
    """A stanza to what is no address ends the stream with improper-addressing."""
    for address in _BAD_ADDRESSES:
        peer, _ = await kit.authenticated()
        peer.say(message(f"kit@{kit.me}", address))
        try:
            await peer.fails(StreamCondition.IMPROPER_ADDRESSING)
        except Deviation as deviation:
            raise Deviation(f"to={address!r}: {deviation}") from None


@CHAPTER.case("S12", Need.AUTHENTICATION)
async def _foreign_target(kit: Kit) -> None:
    """A stanza for a domain that is not hosted ends the stream with host-unknown."""
    peer, _ = await kit.authenticated()
    peer.say(message(f"kit@{kit.me}", "nobody@unknown.invalid"))
    await peer.fails(StreamCondition.HOST_UNKNOWN)


@CHAPTER.case("S13", Need.ANSWERS)
async def _capitals(kit: Kit) -> None:
    """Domains in capitals are the same domains."""
    talk = await kit.talk()
    id_ = kit.token()
    talk.peer.say(iq(f"kit@{kit.me.upper()}", f"nobody@{kit.domain.upper()}", id_))
    await (await talk.back()).element("iq", SERVER, id=id_)


@CHAPTER.case("S13", Need.ANSWERS)
async def _trailing_dot(kit: Kit) -> None:
    """A domain with a trailing dot is the same domain."""
    talk = await kit.talk()
    id_ = kit.token()
    talk.peer.say(iq(f"kit@{kit.me}.", talk.nobody, id_))
    await (await talk.back()).element("iq", SERVER, id=id_)


@CHAPTER.case("S14", Need.AUTHENTICATION)
async def _unknown_element(kit: Kit) -> None:
    """An element nobody knows is ignored, or ends the stream with unsupported-stanza-type."""
    peer, _ = await kit.authenticated()
    peer.say(closed("x", {"xmlns": "urn:example:unknown", "from": f"kit@{kit.me}", "to": f"nobody@{kit.domain}"}))
    await kit.ends_or_is_alive(peer, StreamCondition.UNSUPPORTED_STANZA_TYPE)


@CHAPTER.case("S14", Need.ANSWERS)
async def _other_namespace(kit: Kit) -> None:
    """What looks like a request, in another namespace, is not answered."""
    talk = await kit.talk()
    talk.peer.say(iq(talk.me, talk.nobody, kit.token()).replace("<iq", "<iq xmlns='urn:example:unknown'"))
    await kit.ends_or_is_alive(talk.peer, StreamCondition.UNSUPPORTED_STANZA_TYPE)


@CHAPTER.case("S16 S17", Need.ANSWERS)
async def _in_order(kit: Kit) -> None:
    """Requests that come in one piece are all answered, in order."""
    talk = await kit.talk()
    ids = [kit.token() for _ in range(REQUESTS)]
    talk.peer.say(*(iq(talk.me, talk.nobody, id_) for id_ in ids))
    for id_ in ids:
        await talk.answer(id_)


@CHAPTER.case("S17", Need.ANSWERS)
async def _errors_rest(kit: Kit) -> None:
    """An error and the result of a request are not answered."""
    talk = await kit.talk()
    for type_ in ("error", "result"):
        attributes = {"type": type_, "from": talk.me, "to": talk.nobody, "id": kit.token()}
        talk.peer.say(closed("iq", attributes))
    await talk.fence()


@CHAPTER.case("S22", Need.ANSWERS)
async def _ping(kit: Kit) -> None:
    """A ping of the server's domain is answered, if only with an error."""
    talk = await kit.talk()
    id_ = kit.token()
    talk.ask(id_, kit.domain, inside=PING_INSIDE)
    await talk.answer(id_)


@CHAPTER.case("S22", Need.AUTHENTICATION)
async def _white_space(kit: Kit) -> None:
    """White space between elements is ignored."""
    peer, _ = await kit.authenticated()
    peer.say(" \n\t\r\n ")
    await kit.is_alive(peer)


@CHAPTER.case("S25", Need.AUTHENTICATION, Need.AUTHORITY)
async def _certificate_ends(kit: Kit) -> None:
    """When the certificate of the handshake ends the stream does, with reset."""
    identity = kit.ours.named(kit.ours.below("brief"), not_after=kit.clock.seconds() + LIFETIME_SECONDS)
    peer, _ = await kit.authenticated(identity)
    await peer.fails(StreamCondition.RESET, seconds=kit.setting.seconds + LIFETIME_SECONDS)
