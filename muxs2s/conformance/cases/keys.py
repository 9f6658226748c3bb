"""
Dialback whole: the server asks us about keys, and sends us its own.

Knows what XEP-0220 asks of a server in each of its roles. Needs that the server reaches us.
"""

from __future__ import annotations

from typing import Final

from muxs2s.conformance.case import Chapter
from muxs2s.conformance.deviation import Deviation, NotObservable
from muxs2s.conformance.kit import Kit
from muxs2s.conformance.own import Identity
from muxs2s.conformance.peer import ScriptedPeer
from muxs2s.conformance.saying import CLOSING, DIALBACK_OFFER, key_question, key_result
from muxs2s.conformance.setting import Need
from muxs2s.wire.namespaces import DIALBACK, SERVER

__all__ = ["CHAPTER"]

CHAPTER: Final = Chapter(Need.DIALBACK, Need.LISTENING, Need.AUTHORITY)

SILENCE_SECONDS: Final = 120.0
"""Within which a server gives up an authoritative server that says nothing."""


async def _first(kit: Kit) -> tuple[Identity, ScriptedPeer]:
    """A stream on which nothing is proven yet, of a domain not used before, whose certificate proves nothing."""
    identity = kit.another()
    peer, _ = await kit.secured(kit.ours.untrusted(identity.domain))
    return identity, peer


async def _second(kit: Kit) -> tuple[Identity, ScriptedPeer]:
    """A stream on which a pair is accepted, and a domain that it is not accepted for."""
    peer, _ = await kit.authenticated()
    return kit.another(), peer


@CHAPTER.case("D9 D11 D13", Need.KEYS)
async def _good_key(kit: Kit) -> None:
    """A key is asked about over another connection, with the id of its stream; what we say of it is passed on."""
    identity = kit.another()
    peer = await kit.handshaken(kit.ours.untrusted(identity.domain))
    peer.say(kit.header(identity.domain))
    given = (await peer.header()).attributes.get("id", "")
    await peer.features()
    key = kit.token()
    peer.say(key_result(identity.domain, kit.domain, key))
    asking, id_, asked = await kit.asked(identity)
    if (id_, asked) != (given, key):
        raise Deviation(f"expected a question about {key} and {given}; it was about {asked} and {id_}")
    asking.say(key_question(identity.domain, kit.domain, id_, type="valid"))
    await peer.element("result", DIALBACK, from_=kit.domain, to=identity.domain, type="valid")


@CHAPTER.case("D14", Need.KEYS)
async def _bad_first_key(kit: Kit) -> None:
    """A bad key for the first pair is called invalid, and the stream is closed."""
    identity, peer = await _first(kit)
    await kit.vouched(peer, identity, verdict="invalid")
    await peer.element("result", DIALBACK, from_=kit.domain, to=identity.domain, type="invalid")
    await peer.ends()


@CHAPTER.case("D14", Need.KEYS, Need.AUTHENTICATION)
async def _bad_second_key(kit: Kit) -> None:
    """A bad key for a further pair gets an error, and the stream lives on."""
    identity, peer = await _second(kit)
    await kit.vouched(peer, identity, verdict="invalid")
    await peer.element("result", DIALBACK, from_=kit.domain, to=identity.domain, type="error")
    await kit.is_alive(peer)


@CHAPTER.case("D23", Need.KEYS, Need.AUTHENTICATION)
async def _asked_once(kit: Kit) -> None:
    """A key that comes twice while it is being looked at is asked about once."""
    identity, peer = await _second(kit)
    key = kit.token()
    peer.say(key_result(identity.domain, kit.domain, key) * 2)
    asking, id_, _ = await kit.asked(identity)
    await kit.is_alive(peer)
    asking.say(key_question(identity.domain, kit.domain, id_, type="valid"))
    await peer.element("result", DIALBACK, from_=kit.domain, to=identity.domain, type="valid")
    await kit.is_alive(peer)


@CHAPTER.case("D18 D19", Need.KEYS, Need.AUTHENTICATION)
async def _other_connection(kit: Kit) -> None:
    """A verdict that comes over another connection than the question went does not count."""
    one, peer = await _second(kit)
    two = kit.another()
    peer.say(key_result(one.domain, kit.domain, kit.token()))
    asking, id_, _ = await kit.asked(one)
    peer.say(key_result(two.domain, kit.domain, kit.token()))
    try:
        other, _, _ = await kit.asked(two)
    except Deviation:
        raise NotObservable("the server asks about both on one connection") from None
    other.say(key_question(one.domain, kit.domain, id_, type="invalid"), CLOSING)
    await other.hear("the end of the stream")
    asking.say(key_question(one.domain, kit.domain, id_, type="valid"))
    heard = await peer.hear("the result of the first key")
    if peer.is_element(heard, "result", DIALBACK) and heard.to_address == two.domain:  # whose stream has ended
        heard = await peer.hear("the result of the first key")
    if not peer.is_element(heard, "result", DIALBACK) or (heard.to_address, heard.type) != (one.domain, "valid"):
        raise peer.other(f"a key of {one.domain} to be valid", heard)


@CHAPTER.case("D22", Need.KEYS, Need.AUTHENTICATION)
async def _liberal_answer(kit: Kit) -> None:
    """An answer that repeats the key amid white space, with an attribute more, is read."""
    identity, peer = await _second(kit)
    key = kit.token()
    peer.say(key_result(identity.domain, kit.domain, f"\n {key} \n", id=kit.token()))
    asking, id_, asked = await kit.asked(identity)
    if asked != key:
        raise Deviation(f"expected a question about {key} without white space; it was about {asked!r}")
    asking.say(key_question(identity.domain, kit.domain, id_, f"\n {key} \n", type="valid", other="1"))
    await peer.element("result", DIALBACK, from_=kit.domain, to=identity.domain, type="valid")


@CHAPTER.case("D21", Need.KEYS, Need.AUTHENTICATION)
async def _one_question(kit: Kit) -> None:
    """The connection for a question has TLS, and closes once it is answered."""
    identity, peer = await _second(kit)
    peer.say(key_result(identity.domain, kit.domain, kit.token()))
    asking, id_, _ = await kit.asked(identity)
    asking.say(key_question(identity.domain, kit.domain, id_, type="valid"))
    await asking.ends()


@CHAPTER.case("D20 S16", Need.KEYS, Need.AUTHENTICATION, Need.PATIENCE)
async def _silent_authority(kit: Kit) -> None:
    """An authoritative server that says nothing fails its pair alone, and holds up nothing."""
    identity, peer = await _second(kit)
    peer.say(key_result(identity.domain, kit.domain, kit.token()))
    await kit.asked(identity)
    await kit.is_alive(peer)
    await peer.element("result", DIALBACK, SILENCE_SECONDS, from_=kit.domain, to=identity.domain, type="error")
    await kit.is_alive(peer)


@CHAPTER.case("D10 D12 D15", Need.AUTHENTICATION)
async def _own_key(kit: Kit) -> None:
    """The server's own stanzas wait for the pair to be accepted; its key is vouched for, and no other is."""
    identity = kit.another()
    peer, _ = await kit.authenticated(identity)
    id_ = kit.provoke(peer, identity)
    stream_id = kit.token()
    calling = await kit.received(identity, DIALBACK_OFFER, id_=stream_id)
    result = await calling.element("result", DIALBACK, from_=kit.domain, to=identity.domain)
    key = str(result.tree()).strip()
    for shown, about, verdict in ((kit.token(), stream_id, "invalid"), (key, stream_id, "valid")):
        peer.say(key_question(identity.domain, kit.domain, about, shown))
        await peer.element("verify", DIALBACK, from_=kit.domain, to=identity.domain, id=about, type=verdict)
    calling.say(key_result(identity.domain, kit.domain, type="valid"))
    await calling.element("iq", SERVER, id=id_)


@CHAPTER.case("D9", Need.AUTHENTICATION)
async def _other_stream(kit: Kit) -> None:
    """The server's key for one stream is good for no other."""
    identity = kit.another()
    peer, _ = await kit.authenticated(identity)
    kit.provoke(peer, identity)
    calling = await kit.received(identity, DIALBACK_OFFER)
    result = await calling.element("result", DIALBACK, from_=kit.domain, to=identity.domain)
    other = kit.token()
    peer.say(key_question(identity.domain, kit.domain, other, str(result.tree()).strip()))
    await peer.element("verify", DIALBACK, from_=kit.domain, to=identity.domain, id=other, type="invalid")
