"""
XML that no server may send, and how much of it one has to take.

Knows the errors RFC 6120 names for each.
"""

from __future__ import annotations

from typing import Final

from muxs2s.conformance.case import Chapter
from muxs2s.conformance.deviation import Deviation, NotObservable
from muxs2s.conformance.kit import Kit
from muxs2s.conformance.saying import message
from muxs2s.conformance.setting import Need
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.namespaces import SERVER, STREAMS

__all__ = ["CHAPTER"]

CHAPTER: Final = Chapter()

LEAST_ELEMENT_BYTES: Final = 10_000
"""What every server takes (RFC 6120, section 13.12)."""

MAX_ELEMENT_BYTES: Final = 4 * 1024 * 1024
"""Up to which a limit is tried."""

_PIECE: Final = 65_536

_RESTRICTED: Final = (StreamCondition.RESTRICTED_XML,)
_ILL_FORMED: Final = (StreamCondition.NOT_WELL_FORMED,)


@CHAPTER.case("S3")
async def _other_encoding(kit: Kit) -> None:
    """UTF-16 ends the stream with unsupported-encoding, or as what is not well-formed."""
    peer = await kit.connect()
    peer.say(kit.header().encode("utf-16"))
    await peer.fails(StreamCondition.UNSUPPORTED_ENCODING, *_ILL_FORMED)


@CHAPTER.case("S3")
async def _declared_encoding(kit: Kit) -> None:
    """An XML declaration of another encoding ends the stream with unsupported-encoding."""
    peer = await kit.connect()
    peer.say(kit.header().replace("version='1.0'?", "version='1.0' encoding='iso-8859-1'?", 1))
    await peer.fails(StreamCondition.UNSUPPORTED_ENCODING)


@CHAPTER.case("S3 S19")
async def _broken_encoding(kit: Kit) -> None:
    """Bytes that are no UTF-8 end the stream."""
    peer, _ = await kit.opened()
    peer.say(b"<message>\xc3\x28</message>")
    await peer.fails(StreamCondition.UNSUPPORTED_ENCODING, StreamCondition.BAD_FORMAT, *_ILL_FORMED)


@CHAPTER.case("S18")
async def _comment(kit: Kit) -> None:
    """A comment ends the stream with restricted-xml."""
    peer, _ = await kit.opened()
    peer.say("<!-- a comment -->")
    await peer.fails(*_RESTRICTED)


@CHAPTER.case("S18")
async def _instruction(kit: Kit) -> None:
    """A processing instruction ends the stream with restricted-xml."""
    peer, _ = await kit.opened()
    peer.say("<?an instruction?>")
    await peer.fails(*_RESTRICTED)


@CHAPTER.case("S18")
async def _document_type(kit: Kit) -> None:
    """A document type ends the stream with restricted-xml."""
    peer = await kit.connect()
    peer.say("<!DOCTYPE stream [<!ENTITY a 'b'>]>", kit.header().partition("?>")[2])
    await peer.fails(*_RESTRICTED)


@CHAPTER.case("S18")
async def _entity(kit: Kit) -> None:
    """A reference to an entity that is not predefined ends the stream."""
    peer, _ = await kit.opened()
    peer.say("<message>&other;</message>")
    await peer.fails(*_RESTRICTED, *_ILL_FORMED)


@CHAPTER.case("S19")
async def _ill_formed(kit: Kit) -> None:
    """An end tag of another element ends the stream with not-well-formed."""
    peer, _ = await kit.opened()
    peer.say("<message><body></message>")
    await peer.fails(*_ILL_FORMED)


@CHAPTER.case("S19")
async def _unbound_prefix(kit: Kit) -> None:
    """A prefix that nobody has declared ends the stream."""
    peer, _ = await kit.opened()
    peer.say("<x:message/>")
    await peer.fails(*_ILL_FORMED, StreamCondition.BAD_NAMESPACE_PREFIX)


@CHAPTER.case("S19")
async def _stream_namespace(kit: Kit) -> None:
    """Another namespace of the stream itself ends the stream."""
    peer = await kit.connect()
    peer.say(kit.header(xmlns_stream="urn:example:streams"))
    await peer.fails(StreamCondition.INVALID_NAMESPACE)


@CHAPTER.case("S19")
async def _stream_prefix(kit: Kit) -> None:
    """Another prefix for the namespace of streams ends the stream, or is taken for the same."""
    peer = await kit.connect()
    peer.say(kit.header().replace("xmlns:stream", "xmlns:s").replace("<stream:", "<s:"))
    await peer.header()
    expected = "bad-namespace-prefix, or features"
    heard = await peer.hear(expected)
    if not peer.is_error(heard, StreamCondition.BAD_NAMESPACE_PREFIX) and not peer.is_element(
        heard, "features", STREAMS
    ):
        raise peer.other(expected, heard)


@CHAPTER.case("S20", Need.ANSWERS)
async def _large_enough(kit: Kit) -> None:
    """A stanza of 10,000 bytes is taken and answered."""
    talk = await kit.talk()
    id_ = kit.token()
    padding = f"<x xmlns='urn:example'>{'x' * (LEAST_ELEMENT_BYTES - 300)}</x>"
    talk.ask(id_, inside=padding)
    await talk.answer(id_)


@CHAPTER.case("S20 S21", Need.AUTHENTICATION)
async def _too_large(kit: Kit) -> None:
    """An element past the limit that was announced is refused with policy-violation."""
    peer, offers = await kit.authenticated()
    found = [each.max_bytes for each in (offers, kit.facts.inside) if each is not None and each.max_bytes]
    if not found:
        raise NotObservable("the server announces no limit")
    if found[0] > MAX_ELEMENT_BYTES:
        raise NotObservable(f"the limit is larger than {MAX_ELEMENT_BYTES} bytes")
    whole = message(f"kit@{kit.me}", f"nobody@{kit.domain}", body="x" * found[0]).encode()
    for at in range(0, len(whole), _PIECE):
        peer.say(whole[at : at + _PIECE])
    heard = await peer.hear("policy-violation")
    is_bounce = peer.is_element(heard, "message", SERVER) and b"<policy-violation" in heard.data
    if not is_bounce and not peer.is_error(heard, StreamCondition.POLICY_VIOLATION):
        raise peer.other("policy-violation", heard)


@CHAPTER.case("S21", Need.AUTHENTICATION)
async def _announces(kit: Kit) -> None:
    """The features announce the largest element that is taken, and it is at least 10,000 bytes."""
    _, offers = await kit.authenticated()
    found = [each.max_bytes for each in (offers, kit.facts.inside) if each is not None and each.max_bytes]
    if not found or found[0] < LEAST_ELEMENT_BYTES:
        raise Deviation(f"expected limits in the features, of at least {LEAST_ELEMENT_BYTES} bytes; there are {found}")


@CHAPTER.case("S15", Need.ANSWERS)
async def _unprefixed(kit: Kit) -> None:
    """What the server sends stands in the namespace of servers, without a prefix."""
    talk = await kit.talk()
    id_ = kit.token()
    talk.ask(id_)
    answer = await talk.answer(id_)
    if answer.namespace != SERVER or not answer.data.startswith(b"<iq") or b"jabber:client" in answer.data:
        raise Deviation(f"expected an answer in {SERVER} without a prefix; it began {answer.data[:60]!r}")
