"""
Domains that are taken off a stream, by us, by the server, or by the end of a certificate.

Knows the fences of doc/protocol.rst, from both sides.
"""

from __future__ import annotations

from typing import Final

from muxs2s.conformance.case import Chapter
from muxs2s.conformance.kit import Kit
from muxs2s.conformance.multiplexing import Multiplexing
from muxs2s.conformance.saying import iq
from muxs2s.conformance.setting import Need
from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import Offer, Withdraw, Withdrawn
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.names import DomainName
from muxs2s.wire.namespaces import SERVER

__all__ = ["CHAPTER"]

CHAPTER: Final = Chapter(Need.MULTIPLEX, Need.OTHERS)

LIFETIME_SECONDS: Final = 5.0
"""Of a certificate that ends while its domain is accepted."""


async def _removed(stream: Multiplexing, domain: DomainName) -> None:
    """Take a domain of ours off the stream."""
    id_ = stream.next_id()
    stream.say(Withdraw(id=id_, names=(domain,)))
    await stream.hear(Withdrawn, id_=id_)
    stream.say(Withdrawn(id=id_))


@CHAPTER.case("M12 E13", Need.AUTHORITY)
async def _withdrawn(kit: Kit) -> None:
    """A domain of ours that we withdraw is taken off, the others stay, and it may be added again."""
    stream = await Multiplexing.enabled(kit)
    one, two = kit.another(), kit.another()
    await stream.add(one)
    await stream.add(two)
    await _removed(stream, one.domain)
    await stream.answered(two.domain)
    await stream.answered(kit.me)
    await stream.add_again(one)
    await stream.answered(one.domain)


@CHAPTER.case("M12 M11")
async def _violates(kit: Kit) -> None:
    """A stanza from a domain that was withdrawn ends the stream with invalid-from."""
    stream = await Multiplexing.enabled(kit)
    identity = kit.another()
    await stream.add(identity)
    await _removed(stream, identity.domain)
    stream.peer.say(iq(f"kit@{identity.domain}", f"nobody@{kit.domain}", kit.token()))
    await stream.peer.fails(StreamCondition.INVALID_FROM)


@CHAPTER.case("M12")
async def _nothing_to_withdraw(kit: Kit) -> None:
    """Withdrawing what is not there is answered all the same."""
    stream = await Multiplexing.enabled(kit)
    await _removed(stream, kit.ours.below("absent"))
    await kit.is_alive(stream.peer)


@CHAPTER.case("M12")
async def _during_a_fence(kit: Kit) -> None:
    """While a name is being withdrawn an offer of it is rejected with try-again."""
    stream = await Multiplexing.enabled(kit)
    identity = kit.another()
    await stream.add(identity)
    fence, id_ = stream.next_id(), stream.next_id()
    stream.say(Withdraw(id=fence, names=(identity.domain,)), Offer(id=id_, domain=identity.domain))
    await stream.hear(Withdrawn, id_=fence)
    await stream.refused(MultiplexCondition.TRY_AGAIN, id_=id_)
    stream.say(Withdrawn(id=fence))
    await stream.answered(kit.me)


@CHAPTER.case("M12", Need.SECOND_TARGET)
async def _revoked(kit: Kit) -> None:
    """A domain of the server that we revoke is fenced off, and the others stay."""
    stream = await Multiplexing.enabled(kit)
    domain = kit.setting.more_domains[0]
    present = await stream.asked(domain)
    stream.accept(present.id, domain)
    await stream.revoke(domain)
    await stream.answered(kit.me)


@CHAPTER.case("M12 S25", Need.AUTHORITY)
async def _expires(kit: Kit) -> None:
    """When the certificate of an added domain ends it is revoked, and the stream stays for the others."""
    stream = await Multiplexing.enabled(kit)
    domain = kit.another().domain
    await stream.add(kit.ours.named(domain, not_after=kit.clock.seconds() + LIFETIME_SECONDS))
    await stream.revoked(MultiplexCondition.CERTIFICATE_EXPIRED, kit.setting.seconds + LIFETIME_SECONDS)
    await stream.answered(kit.me)


@CHAPTER.case("M6 M12", Need.AUTHORITY)
async def _renewed(kit: Kit) -> None:
    """A certificate that is renewed ahead of time keeps its domain accepted when the old one ends."""
    stream = await Multiplexing.enabled(kit)
    domain = kit.another().domain
    await stream.add(kit.ours.named(domain, not_after=kit.clock.seconds() + LIFETIME_SECONDS))
    await stream.add(kit.ours.named(domain), renew=True)
    await stream.revoked(MultiplexCondition.REPLACED)
    await stream.answered(domain)


@CHAPTER.case("M12", Need.SECOND_TARGET)
async def _closed(kit: Kit) -> None:
    """A name of the server that was revoked can be written to no more: such a stanza ends the stream."""
    stream = await Multiplexing.enabled(kit)
    domain = kit.setting.more_domains[0]
    present = await stream.asked(domain)
    stream.accept(present.id, domain)
    stream.peer.say(iq(f"kit@{kit.me}", f"nobody@{domain}", "open"))
    await stream.peer.element("iq", SERVER, from_=f"nobody@{domain}", id="open")
    await stream.revoke(domain)
    stream.peer.say(iq(f"kit@{kit.me}", f"nobody@{domain}", "closed"))
    await stream.peer.fails(StreamCondition.HOST_UNKNOWN)
