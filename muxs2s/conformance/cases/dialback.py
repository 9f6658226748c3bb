"""
Dialback as far as it shows without a connection of the server: features, questions, answers nobody asked for.

Knows what XEP-0220 asks of a server there.
"""

from __future__ import annotations

from typing import Final

from muxs2s.conformance.case import Chapter
from muxs2s.conformance.deviation import Deviation
from muxs2s.conformance.kit import Kit
from muxs2s.conformance.saying import key_question, key_result
from muxs2s.conformance.setting import Need
from muxs2s.wire.namespaces import DIALBACK, STANZA_ERRORS
from muxs2s.wire.stanza import Slice

__all__ = ["CHAPTER"]

CHAPTER: Final = Chapter(Need.DIALBACK)

UNKNOWN: Final = "unknown.invalid"


@CHAPTER.case("D17")
async def _offers_errors(kit: Kit) -> None:
    """Dialback is offered together with the promise to answer errors by errors."""
    _, offers = await kit.secured()
    if not offers.dialback_errors:
        raise Deviation("expected <errors/> inside the dialback feature; it was not there")


@CHAPTER.case("D12")
async def _wrong_key(kit: Kit) -> None:
    """A question about a key that was never sent is answered with invalid, addresses swapped and the id copied."""
    peer, _ = await kit.secured()
    id_ = kit.token()
    peer.say(key_question(kit.me, kit.domain, id_, kit.token()))
    await peer.element("verify", DIALBACK, from_=kit.domain, to=kit.me, id=id_, type="invalid")


@CHAPTER.case("D7")
async def _other_prefix(kit: Kit) -> None:
    """Dialback under another prefix is read, and answered under the prefix db."""
    peer, _ = await kit.secured()
    id_ = kit.token()
    question = key_question(kit.me, kit.domain, id_, kit.token())
    peer.say(question.replace("db:verify", "x:verify").replace("<x:verify", f"<x:verify xmlns:x='{DIALBACK}'"))
    answer = await peer.element("verify", DIALBACK, from_=kit.domain, to=kit.me, id=id_)
    if not answer.data.startswith(b"<db:verify"):
        raise Deviation(f"expected an answer under the prefix db; it began {answer.data[:40]!r}")


@CHAPTER.case("D16")
async def _unknown_question(kit: Kit) -> None:
    """A question to a domain that is not hosted gets item-not-found, and the stream lives on."""
    peer, _ = await kit.secured()
    id_ = kit.token()
    peer.say(key_question(kit.me, UNKNOWN, id_, kit.token()))
    answer = await peer.element("verify", DIALBACK, from_=UNKNOWN, to=kit.me, id=id_, type="error")
    _expect_condition(answer, "item-not-found")
    await kit.is_alive(peer)


@CHAPTER.case("D16")
async def _unknown_target(kit: Kit) -> None:
    """A key for a domain that is not hosted gets item-not-found, and the stream lives on."""
    peer, _ = await kit.secured()
    peer.say(key_result(kit.me, UNKNOWN, kit.token()))
    answer = await peer.element("result", DIALBACK, from_=UNKNOWN, to=kit.me, type="error")
    _expect_condition(answer, "item-not-found")
    await kit.is_alive(peer)


@CHAPTER.case("D18")
async def _unasked_answers(kit: Kit) -> None:
    """Answers that nobody asked for change nothing: the pair is still not accepted."""
    peer, _ = await kit.secured()
    peer.say(
        key_result(kit.me, kit.domain, type="valid"),
        key_question(kit.me, kit.domain, kit.token(), type="valid"),
    )
    await kit.is_alive(peer)


@CHAPTER.case("D18", Need.AUTHENTICATION)
async def _unasked_late(kit: Kit) -> None:
    """On an authenticated stream, too, they change nothing."""
    peer, _ = await kit.authenticated()
    peer.say(
        key_result(kit.me, kit.domain, type="invalid"),
        key_question(kit.me, kit.domain, kit.token(), type="valid"),
    )
    await kit.is_alive(peer)


@CHAPTER.case("D22")
async def _white_space(kit: Kit) -> None:
    """White space around a key, and attributes that nobody knows, do not matter."""
    peer, _ = await kit.secured()
    id_ = kit.token()
    peer.say(key_question(kit.me, kit.domain, id_, f"\n  {kit.token()}\n ", other="1"))
    await peer.element("verify", DIALBACK, from_=kit.domain, to=kit.me, id=id_, type="invalid")


def _expect_condition(answer: Slice, condition: str) -> None:
    conditions = [
        child.name for error in answer.tree().elements() for child in error.elements() if child.uri == STANZA_ERRORS
    ]
    if condition not in conditions:
        raise Deviation(f"expected the error {condition}; it was {', '.join(conditions) or 'none'}")
