"""
Elements of multiplexing that are malformed, come twice, under the wrong id, or not at their time.

Knows what doc/protocol.rst has them answered with.
"""

from __future__ import annotations

from typing import Final

from muxs2s.conformance.case import Chapter
from muxs2s.conformance.kit import Kit
from muxs2s.conformance.multiplexing import Multiplexing, element
from muxs2s.conformance.setting import Need
from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import Accept, ListedName, Offer, Request
from muxs2s.wire.errors import StreamCondition

__all__ = ["CHAPTER"]

CHAPTER: Final = Chapter(Need.MULTIPLEX, Need.OTHERS)

FLOOD: Final = 1_500
"""Elements that fit nothing; a server may bear some, but not any number of them."""

_BAD: Final = MultiplexCondition.BAD_REQUEST


async def _malformed(kit: Kit, name: str, content: str = "", **attributes: str) -> None:
    """An element that would begin an exchange, and cannot be read, is rejected as bad, and the stream lives on."""
    stream = await Multiplexing.enabled(kit)
    id_ = stream.next_id()
    stream.say(element(name, content, id=str(id_), **attributes))
    await stream.refused(_BAD, id_=id_)
    await stream.answered(kit.me)


async def _ignored(kit: Kit, name: str, content: str = "", **attributes: str) -> None:
    """An element that fits nothing is ignored."""
    stream = await Multiplexing.enabled(kit)
    stream.say(element(name, content, **attributes))
    await kit.is_alive(stream.peer)
    await stream.answered(kit.me)


@CHAPTER.case("M4")
async def _no_domain(kit: Kit) -> None:
    """An offer without a domain is rejected as bad."""
    await _malformed(kit, "offer")


@CHAPTER.case("M4 S13")
async def _capitals(kit: Kit) -> None:
    """An offer of a domain in capitals is rejected as bad: on the wire there is one spelling."""
    await _malformed(kit, "offer", domain=kit.ours.below("capitals").ascii.upper())


@CHAPTER.case("M4")
async def _an_address(kit: Kit) -> None:
    """An offer of an IP address is rejected as bad."""
    await _malformed(kit, "offer", domain="192.0.2.1")


@CHAPTER.case("M4")
async def _a_pattern(kit: Kit) -> None:
    """An offer of a pattern is rejected as bad."""
    await _malformed(kit, "offer", domain=f"*.{kit.me.ascii}")


@CHAPTER.case("M4")
async def _neither_true_nor_false(kit: Kit) -> None:
    """An offer whose renew is neither true nor false is rejected as bad."""
    await _malformed(kit, "offer", domain=kit.ours.below("renew").ascii, renew="perhaps")


@CHAPTER.case("M4 S14")
async def _unknown_element(kit: Kit) -> None:
    """An element that nobody knows is ignored, though its id could begin something; that may be used still."""
    stream = await Multiplexing.enabled(kit)
    id_ = stream.next_id()
    stream.say(element("other", id=str(id_)))
    await stream.answered(kit.me)
    stream.say(Offer(id=id_, domain=kit.another().domain))
    await stream.hear(Request, id_=id_)


@CHAPTER.case("M4 S14")
async def _unknown_without_id(kit: Kit) -> None:
    """An element that nobody knows, without an id, is ignored."""
    await _ignored(kit, "other")


@CHAPTER.case("M4 M7")
async def _bad_accept(kit: Kit) -> None:
    """An accept with a name that is none is ignored, and the stream lives on."""
    await _ignored(kit, "accept", f"<domain>{kit.domain.ascii.upper()}</domain>", id="0")


@CHAPTER.case("M4")
async def _unknown_inside(kit: Kit) -> None:
    """Attributes and children that nobody knows are ignored."""
    stream = await Multiplexing.enabled(kit)
    id_ = stream.next_id()
    domain = kit.another().domain
    stream.say(element("offer", "<other/><x xmlns='urn:example'/>", id=str(id_), domain=domain.ascii, other="1"))
    stream.examine(await stream.hear(Request, id_=id_))


@CHAPTER.case("M4")
async def _zeros(kit: Kit) -> None:
    """An id with a leading zero is no id: its element is ignored."""
    await _ignored(kit, "offer", id="01", domain=kit.ours.below("zeros").ascii)


@CHAPTER.case("M4")
async def _id_of_the_server(kit: Kit) -> None:
    """An offer under an id such as the server begins with is ignored."""
    await _ignored(kit, "offer", id="2", domain=kit.ours.below("even").ascii)


@CHAPTER.case("M4")
async def _used_id(kit: Kit) -> None:
    """An offer under an id that was used before is not taken for a new exchange."""
    stream = await Multiplexing.enabled(kit)
    identity = kit.another()
    accepted = await stream.add(identity)
    stream.say(Offer(id=accepted.id, domain=kit.another().domain))
    await kit.is_alive(stream.peer)
    await stream.answered(identity.domain)


@CHAPTER.case("M4")
async def _twice(kit: Kit) -> None:
    """A second offer of a domain that is being proven is rejected as duplicate, and the first goes on."""
    stream = await Multiplexing.enabled(kit)
    request = await stream.offered(kit.another().domain)
    id_ = stream.next_id()
    stream.say(Offer(id=id_, domain=request.domain))
    await stream.refused(MultiplexCondition.DUPLICATE, id_=id_)


@CHAPTER.case("M5")
async def _theirs(kit: Kit) -> None:
    """An offer of a domain that the server hosts itself is refused like any other, for want of a proof."""
    stream = await Multiplexing.enabled(kit)
    untrusted = kit.ours.untrusted(kit.domain).credentials
    request = await stream.offered(kit.domain)
    stream.show(request, untrusted)
    await stream.refused(MultiplexCondition.CERTIFICATE_UNTRUSTED, id_=request.id)


@CHAPTER.case("M4 M5")
async def _accepts_itself(kit: Kit) -> None:
    """An accept of ours for an offer of our own opens nothing."""
    stream = await Multiplexing.enabled(kit)
    request = await stream.offered(kit.another().domain)
    stream.say(Accept(id=request.id, certificate=None, names=(ListedName(name=request.domain),)))
    await kit.is_alive(stream.peer)


@CHAPTER.case("M4")
async def _flood(kit: Kit) -> None:
    """A flood of elements that fit nothing ends the stream with policy-violation."""
    stream = await Multiplexing.enabled(kit)
    stream.say(element("other") * FLOOD)
    await stream.peer.fails(StreamCondition.POLICY_VIOLATION)
