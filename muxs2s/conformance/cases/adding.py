"""
Domains that are added as they should be, ours and the server's, and the stanzas beside them.

Knows what doc/protocol.rst asks of a verifier and of a presenter.
"""

from __future__ import annotations

from typing import Final

from muxs2s.conformance.case import Chapter
from muxs2s.conformance.deviation import Deviation, NotObservable
from muxs2s.conformance.kit import Kit
from muxs2s.conformance.multiplexing import Multiplexing
from muxs2s.conformance.own import Identity
from muxs2s.conformance.saying import iq
from muxs2s.conformance.setting import Need
from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import Accept, Offer, Reject, Request
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.names import DomainPattern
from muxs2s.wire.namespaces import MULTIPLEX, SERVER

__all__ = ["CHAPTER"]

CHAPTER: Final = Chapter(Need.MULTIPLEX, Need.OTHERS)

MOST_PENDING: Final = 1_000
"""Up to which a limit is tried."""


@CHAPTER.case("M5 E2 E4 E5 E6 E8")
async def _one(kit: Kit) -> None:
    """A domain that is proven by its certificate is accepted, and its requests are answered."""
    stream = await Multiplexing.enabled(kit)
    identity = kit.another()
    await stream.add(identity)
    await stream.answered(identity.domain)
    await stream.answered(kit.me)


@CHAPTER.case("E7 E9")
async def _fresh_contexts(kit: Kit) -> None:
    """Each request has a context of 32 bytes that was not used before, and names the schemes that it must."""
    stream = await Multiplexing.enabled(kit)
    for _ in range(3):
        await stream.offered(kit.ours.below(kit.token()[:12]))


@CHAPTER.case("M7", Need.AUTHORITY)
async def _all_names(kit: Kit) -> None:
    """Every name of an accepted certificate is listed, and usable at once."""
    stream = await Multiplexing.enabled(kit)
    first, second, parent = kit.another().domain, kit.another().domain, kit.another().domain
    credentials = kit.ours.issue(first.ascii, second.ascii, f"*.{parent.ascii}")
    accepted = await stream.add(Identity(domain=first, credentials=credentials))
    missing = {first, second, DomainPattern(parent)} - {listed.name for listed in accepted.names}
    if missing:
        raise Deviation(f"expected all names of the certificate; {', '.join(map(str, missing))} missed")
    await stream.answered(second)


@CHAPTER.case("M7")
async def _named_already(kit: Kit) -> None:
    """An offer of a domain that an accepted certificate names is accepted by that one, without another proof."""
    stream = await Multiplexing.enabled(kit)
    identity = kit.another()
    await stream.add(identity)
    id_ = stream.next_id()
    stream.say(Offer(id=id_, domain=identity.domain))
    accepted = await stream.hear(Accept, id_=id_)
    if accepted.certificate is None or identity.domain not in {listed.name for listed in accepted.names}:
        raise Deviation(f"expected an accept by the certificate accepted before; {accepted.to_bytes().decode()} came")


@CHAPTER.case("M6", Need.AUTHORITY)
async def _replaces(kit: Kit) -> None:
    """A certificate of the same subject takes the place of the one before, and the names of both go on."""
    stream = await Multiplexing.enabled(kit)
    domain, subject = kit.another().domain, kit.token()
    old, new = (kit.ours.issue(domain.ascii, common_name=subject) for _ in range(2))
    before = await stream.add(Identity(domain=domain, credentials=old))
    await stream.add(Identity(domain=domain, credentials=new), renew=True)
    revoke = await stream.revoked(MultiplexCondition.REPLACED)
    if revoke.certificate != before.id:
        raise Deviation(f"expected certificate {before.id} to be revoked; {revoke.to_bytes().decode()} came")
    await stream.answered(domain)


@CHAPTER.case("M9")
async def _beside(kit: Kit) -> None:
    """While a proof is awaited, requests of others are answered, in order."""
    stream = await Multiplexing.enabled(kit)
    identity = kit.another()
    request = await stream.offered(identity.domain)
    for _ in range(3):
        await stream.answered(kit.me)
    stream.show(request, identity.credentials)
    await stream.hear(Accept, id_=request.id)
    await stream.answered(identity.domain)


@CHAPTER.case("M9", Need.AUTHORITY)
async def _pipelined(kit: Kit) -> None:
    """Many domains are added at once, with requests of others in between: all are accepted, all are answered."""
    stream = await Multiplexing.enabled(kit)
    identities = {stream.next_id(): kit.another() for _ in range(min(8, _max_pending(kit)))}
    stream.say(*(Offer(id=id_, domain=identity.domain) for id_, identity in identities.items()))
    me = f"kit@{kit.me}"
    stream.peer.say(*(iq(me, f"nobody@{kit.domain}", f"beside-{number}") for number in range(8)))
    accepted, answers = set[int](), list[str | None]()
    while len(accepted) < len(identities) or len(answers) < 8:  # noqa: PLR2004 - as many as were asked
        heard = await stream.peer.hear("requests, accepts and answers")
        if stream.peer.is_element(heard, "iq", SERVER):
            answers.append(heard.id)
            continue
        if stream.peer.is_element(heard, "accept", MULTIPLEX):
            accepted.add(stream.read(heard, Accept).id)
            continue
        request = stream.read(heard, Request)
        stream.show(request, identities[request.id].credentials)
    if answers != [f"beside-{number}" for number in range(8)]:
        raise Deviation(f"expected the answers in order; they came as {answers}")


def _max_pending(kit: Kit) -> int:
    for offers in (kit.facts.authenticated, kit.facts.inside):
        if offers is not None and offers.multiplex is not None:
            return offers.multiplex[1]
    raise NotObservable("the server announces no limit")


@CHAPTER.case("M4 E15")
async def _too_many(kit: Kit) -> None:
    """One offer more than may be pending is rejected with too-many, and the stream lives on."""
    most = _max_pending(kit)
    if most > MOST_PENDING:
        raise NotObservable(f"more than {MOST_PENDING} exchanges may be pending")
    stream = await Multiplexing.enabled(kit)
    ids = [stream.next_id() for _ in range(most + 1)]
    stream.say(*(Offer(id=id_, domain=kit.ours.below(f"m{id_}")) for id_ in ids))
    for id_ in ids[:-1]:
        await stream.hear(Request, id_=id_)
    await stream.refused(MultiplexCondition.TOO_MANY, id_=ids[-1])


@CHAPTER.case("M4", Need.AUTHORITY)
async def _again(kit: Kit) -> None:
    """After a certificate was refused the same domain is accepted with a good one, on the same stream."""
    stream = await Multiplexing.enabled(kit)
    identity = kit.another()
    untrusted = kit.ours.untrusted(identity.domain).credentials
    request = await stream.offered(identity.domain)
    stream.show(request, untrusted)
    await stream.refused(MultiplexCondition.CERTIFICATE_UNTRUSTED, id_=request.id)
    await stream.answered(kit.me)
    await stream.add(identity)
    await stream.answered(identity.domain)


@CHAPTER.case("M4")
async def _given_up(kit: Kit) -> None:
    """Where we reject what was asked of us, the exchange is over and nothing else is."""
    stream = await Multiplexing.enabled(kit)
    request = await stream.offered(kit.another().domain)
    stream.say(Reject(id=request.id, condition=MultiplexCondition.INTERNAL_ERROR))
    await kit.is_alive(stream.peer)
    await stream.answered(kit.me)


@CHAPTER.case("M11 S9")
async def _foreign_sender(kit: Kit) -> None:
    """A stanza from a domain that was not accepted ends the stream with invalid-from."""
    stream = await Multiplexing.enabled(kit)
    stream.peer.say(iq(f"kit@{kit.another().domain}", f"nobody@{kit.domain}", kit.token()))
    await stream.peer.fails(StreamCondition.INVALID_FROM)


@CHAPTER.case("M11")
async def _refused_sender(kit: Kit) -> None:
    """So does one from a domain that was refused."""
    stream = await Multiplexing.enabled(kit)
    identity = kit.another()
    untrusted = kit.ours.untrusted(identity.domain).credentials
    request = await stream.offered(identity.domain)
    stream.show(request, untrusted)
    await stream.refused(MultiplexCondition.CERTIFICATE_UNTRUSTED, id_=request.id)
    stream.peer.say(iq(f"kit@{identity.domain}", f"nobody@{kit.domain}", kit.token()))
    await stream.peer.fails(StreamCondition.INVALID_FROM)


@CHAPTER.case("M11")
async def _pending_sender(kit: Kit) -> None:
    """So does one that comes before the accept: nothing is taken on hope."""
    stream = await Multiplexing.enabled(kit)
    request = await stream.offered(kit.another().domain)
    stream.peer.say(iq(f"kit@{request.domain}", f"nobody@{kit.domain}", kit.token()))
    await stream.peer.fails(StreamCondition.INVALID_FROM)


@CHAPTER.case("M11 S12")
async def _foreign_target(kit: Kit) -> None:
    """A stanza for a domain that we have not accepted from the server ends the stream with host-unknown."""
    stream = await Multiplexing.enabled(kit)
    stream.peer.say(iq(f"kit@{kit.me}", "nobody@unknown.invalid", kit.token()))
    await stream.peer.fails(StreamCondition.HOST_UNKNOWN)
