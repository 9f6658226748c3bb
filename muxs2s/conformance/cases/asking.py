"""
The server as a presenter: what it proves when it is asked, and what it does not answer.

Knows what doc/protocol.rst asks of a presenter.
"""

from __future__ import annotations

from typing import Final

from muxs2s.conformance.case import Chapter
from muxs2s.conformance.deviation import Deviation
from muxs2s.conformance.kit import Kit
from muxs2s.conformance.multiplexing import ECDSA_P256, RSA_PSS, Multiplexing, element
from muxs2s.conformance.saying import iq
from muxs2s.conformance.setting import Need
from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import Present, Request
from muxs2s.proof.tlsmessages import HandshakeType, RequestMessage, read_request
from muxs2s.wire.names import DomainName
from muxs2s.wire.namespaces import SERVER

__all__ = ["CHAPTER"]

CHAPTER: Final = Chapter(Need.MULTIPLEX, Need.SECOND_TARGET)

_BAD: Final = MultiplexCondition.BAD_REQUEST


def _message(domain: DomainName | None, context: bytes = b"\x17" * 32, kind: int = 17) -> bytes:
    """An authenticator request as a script wants it."""
    name = None if domain is None else domain.ascii.encode()
    schemes = (ECDSA_P256, RSA_PSS)
    return RequestMessage(kind=HandshakeType(kind), context=context, schemes=schemes, server_name=name).to_bytes()


async def _refused(kit: Kit, data: bytes) -> None:
    """A request that holds this is rejected as bad, and the stream lives on."""
    stream = await Multiplexing.enabled(kit)
    id_ = stream.next_id()
    stream.say(Request(id=id_, domain=kit.setting.more_domains[0], data=data))
    await stream.refused(_BAD, id_=id_)


@CHAPTER.case("M5 E2 E4 E5 E8 E9 E10")
async def _proves(kit: Kit) -> None:
    """Asked for a further domain, the server proves it by its certificate, and uses it once it is accepted."""
    stream = await Multiplexing.enabled(kit)
    domain = kit.setting.more_domains[0]
    present = await stream.asked(domain)
    stream.accept(present.id, domain)
    stream.peer.say(iq(f"kit@{kit.me}", f"nobody@{domain}", "asked"))
    await stream.peer.element("iq", SERVER, from_=f"nobody@{domain}", to=f"kit@{kit.me}", id="asked")


@CHAPTER.case("M5")
async def _unknown(kit: Kit) -> None:
    """Asked for a domain that it does not host, the server rejects with unknown-domain, and the stream lives on."""
    stream = await Multiplexing.enabled(kit)
    domain, id_ = DomainName.parse("unknown.invalid"), stream.next_id()
    stream.say(Request(id=id_, domain=domain, data=stream.asker.request(domain)))
    await stream.refused(MultiplexCondition.UNKNOWN_DOMAIN, id_=id_)


@CHAPTER.case("M7")
async def _serves(kit: Kit) -> None:
    """Asked whether it serves its domain, by a request that holds nothing, the server says so without a proof."""
    stream = await Multiplexing.enabled(kit)
    id_ = stream.next_id()
    stream.say(Request(id=id_, domain=kit.domain, data=b""))
    present = await stream.hear(Present, id_=id_)
    if present.data:
        raise Deviation("expected an empty present; there was something in it")


@CHAPTER.case("M4 E7")
async def _too_soon(kit: Kit) -> None:
    """Asked again for a domain that was just presented, the server rejects with try-again."""
    stream = await Multiplexing.enabled(kit)
    domain = kit.setting.more_domains[0]
    present = await stream.asked(domain)
    stream.accept(present.id, domain)
    id_ = stream.next_id()
    stream.say(Request(id=id_, domain=domain, data=stream.asker.request(domain)))
    await stream.refused(MultiplexCondition.TRY_AGAIN, id_=id_)


@CHAPTER.case("E6 E12")
async def _wrong_role(kit: Kit) -> None:
    """A request of the type that only a TLS server makes is rejected as bad."""
    await _refused(kit, _message(None, kind=13))


@CHAPTER.case("E12")
async def _other_name(kit: Kit) -> None:
    """A request whose server_name is another domain is rejected as bad."""
    await _refused(kit, _message(kit.domain))


@CHAPTER.case("E12")
async def _no_name(kit: Kit) -> None:
    """A request without server_name is rejected as bad."""
    await _refused(kit, _message(None))


@CHAPTER.case("E12")
async def _cut_short(kit: Kit) -> None:
    """A request that is cut short is rejected as bad."""
    await _refused(kit, _message(kit.setting.more_domains[0])[:-1])


@CHAPTER.case("E12")
async def _trailing(kit: Kit) -> None:
    """A request with a byte too many is rejected as bad."""
    await _refused(kit, _message(kit.setting.more_domains[0]) + b"\0")


@CHAPTER.case("E15")
async def _too_large(kit: Kit) -> None:
    """A request of more than 1,024 bytes is rejected as bad."""
    whole = _message(kit.setting.more_domains[0])
    extension = (0xFF00).to_bytes(2) + (1_024).to_bytes(2) + bytes(1_024)
    body = whole[4:]
    at = 1 + body[0]
    extensions = body[at + 2 :] + extension
    body = body[:at] + len(extensions).to_bytes(2) + extensions
    await _refused(kit, whole[:1] + len(body).to_bytes(3) + body)


@CHAPTER.case("E7")
async def _used_context(kit: Kit) -> None:
    """A request with a context that was used before on this connection is rejected as bad."""
    stream = await Multiplexing.enabled(kit)
    request = await stream.offered(kit.another().domain)
    context = read_request(request.data).context
    id_, domain = stream.next_id(), kit.setting.more_domains[0]
    stream.say(Request(id=id_, domain=domain, data=_message(domain, context)))
    await stream.refused(_BAD, id_=id_)


@CHAPTER.case("E12 M4")
async def _no_base64(kit: Kit) -> None:
    """A request that is no base64 is rejected as bad."""
    stream = await Multiplexing.enabled(kit)
    id_ = stream.next_id()
    stream.say(element("request", "not base64", id=str(id_), domain=kit.setting.more_domains[0].ascii))
    await stream.refused(_BAD, id_=id_)
