"""
Authenticators that prove nothing: broken, carried over, made with the wrong key, of the wrong certificate.

Knows what a verifier says to each: a reject with the condition that is true, and the stream lives on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from muxs2s.conformance.case import Chapter
from muxs2s.conformance.forgery import Forgery, forged, refusal
from muxs2s.conformance.kit import Kit
from muxs2s.conformance.multiplexing import Multiplexing, element
from muxs2s.conformance.setting import Need
from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import Present, Request
from muxs2s.network.pem import Credentials
from muxs2s.wire.names import DomainName

__all__ = ["CHAPTER"]

CHAPTER: Final = Chapter(Need.MULTIPLEX, Need.AUTHORITY)

AUTHENTICATOR_BYTES: Final = 24_000
CERTIFICATES: Final = 10
"""What every verifier takes, and may refuse to exceed."""

PKCS1_SHA256: Final = 0x0401
P384_SHA384: Final = 0x0503

PAST_SECONDS: Final = 3_600.0
"""How long ago an expired certificate has ended."""

_BAD: Final = MultiplexCondition.BAD_AUTHENTICATOR
_UNTRUSTED: Final = MultiplexCondition.CERTIFICATE_UNTRUSTED

Spoil = Callable[[bytes], bytes]


async def _shown(
    kit: Kit, condition: MultiplexCondition, make: Callable[[Multiplexing, Request, DomainName], bytes]
) -> None:
    """Something is presented for a domain of ours and rejected so; requests of other domains go on being answered."""
    stream = await Multiplexing.enabled(kit)
    domain = kit.another().domain
    request = await stream.offered(domain)
    stream.say(Present(id=request.id, data=make(stream, request, domain)))
    await stream.refused(condition, id_=request.id)
    await stream.answered(kit.me)


async def _forged(kit: Kit, forgery: Forgery, condition: MultiplexCondition = _BAD) -> None:
    await _shown(
        kit, condition, lambda stream, request, domain: forged(stream.keys, request.data, _good(kit, domain), forgery)
    )


async def _spoiled(kit: Kit, spoil: Spoil) -> None:
    await _shown(
        kit, _BAD, lambda stream, request, domain: spoil(forged(stream.keys, request.data, _good(kit, domain)))
    )


async def _certified(kit: Kit, condition: MultiplexCondition, certify: Callable[[DomainName], Credentials]) -> None:
    await _shown(kit, condition, lambda stream, request, domain: forged(stream.keys, request.data, certify(domain)))


def _good(kit: Kit, domain: DomainName) -> Credentials:
    return kit.ours.issue(domain.ascii)


def _flipped(data: bytes, at: int) -> bytes:
    """The same with one bit changed."""
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


# Broken.


@CHAPTER.case("E12")
async def _cut_short(kit: Kit) -> None:
    """An authenticator that is cut short is rejected as bad."""
    await _spoiled(kit, lambda data: data[:-1])


@CHAPTER.case("E12")
async def _trailing(kit: Kit) -> None:
    """One with a byte too many is rejected as bad."""
    await _spoiled(kit, lambda data: data + b"\0")


@CHAPTER.case("E12")
async def _wrong_mac(kit: Kit) -> None:
    """One with another last bit, in the MAC, is rejected as bad."""
    await _spoiled(kit, lambda data: _flipped(data, -1))


@CHAPTER.case("E12")
async def _backwards(kit: Kit) -> None:
    """One whose messages stand in another order is rejected as bad."""
    await _spoiled(kit, lambda data: data[4 + int.from_bytes(data[1:4]) :] + data[: 4 + int.from_bytes(data[1:4])])


@CHAPTER.case("E12")
async def _nonsense(kit: Kit) -> None:
    """Bytes that are no authenticator at all are rejected as bad."""
    await _spoiled(kit, lambda data: b"\xff" * len(data))


@CHAPTER.case("E12 M4")
async def _no_base64(kit: Kit) -> None:
    """A present that is no base64 is rejected as a bad request, and its exchange is over."""
    stream = await Multiplexing.enabled(kit)
    request = await stream.offered(kit.another().domain)
    stream.say(element("present", "not base64", id=str(request.id)))
    await stream.refused(MultiplexCondition.BAD_REQUEST, id_=request.id)


@CHAPTER.case("E15")
async def _too_large(kit: Kit) -> None:
    """An authenticator of more than 24,000 bytes is rejected as bad."""
    await _spoiled(kit, lambda data: data + bytes(AUTHENTICATOR_BYTES + 1 - len(data)))


@CHAPTER.case("E15")
async def _too_many_certificates(kit: Kit) -> None:
    """An authenticator of more than ten certificates is rejected as bad."""
    await _forged(kit, Forgery(copies=CERTIFICATES + 1))


# Carried over, or made otherwise than it must be.


@CHAPTER.case("E8")
async def _other_context(kit: Kit) -> None:
    """An authenticator with another context than that of the request is rejected as bad."""
    await _forged(kit, Forgery(context=b"\x17" * 32))


@CHAPTER.case("E7")
async def _replayed(kit: Kit) -> None:
    """An authenticator that was accepted before is rejected as bad in another exchange."""
    stream = await Multiplexing.enabled(kit)
    first, second = kit.another(), kit.another()
    request = await stream.offered(first.domain)
    proof = stream.proof(request, first.credentials)
    other = await stream.offered(second.domain)
    stream.say(Present(id=other.id, data=proof))
    await stream.refused(_BAD, id_=other.id)


@CHAPTER.case("E14")
async def _relayed(kit: Kit) -> None:
    """An authenticator made on another connection, to the very request, is rejected as bad."""
    elsewhere = await Multiplexing.enabled(kit, kit.another())
    await _shown(kit, _BAD, lambda _stream, request, domain: forged(elsewhere.keys, request.data, _good(kit, domain)))


@CHAPTER.case("E6 E14")
async def _reflected(kit: Kit) -> None:
    """An authenticator made as a TLS server makes one is rejected as bad: none can be sent back to its sender."""
    await _forged(kit, Forgery(as_server=True))


@CHAPTER.case("E6")
async def _unasked(kit: Kit) -> None:
    """An authenticator under an id that nobody has begun is ignored."""
    stream = await Multiplexing.enabled(kit)
    request = await stream.offered(kit.another().domain)
    proof = forged(stream.keys, request.data, _good(kit, request.domain))
    stream.say(Present(id=stream.next_id(), data=proof))
    await kit.is_alive(stream.peer)


@CHAPTER.case("E9")
async def _other_scheme(kit: Kit) -> None:
    """An authenticator that names a scheme which does not fit its key is rejected as bad."""
    await _forged(kit, Forgery(scheme=P384_SHA384))


@CHAPTER.case("E9")
async def _old_scheme(kit: Kit) -> None:
    """An authenticator signed by RSASSA-PKCS1-v1_5 is rejected as bad."""

    def make(stream: Multiplexing, request: Request, domain: DomainName) -> bytes:
        credentials = kit.ours.issue(domain.ascii, key="rsa")
        key = credentials.private_key
        assert isinstance(key, RSAPrivateKey), "as it was asked for"
        forgery = Forgery(scheme=PKCS1_SHA256, sign=lambda content: key.sign(content, PKCS1v15(), SHA256()))
        return forged(stream.keys, request.data, credentials, forgery)

    await _shown(kit, _BAD, make)


@CHAPTER.case("E10")
async def _extension(kit: Kit) -> None:
    """An authenticator with an extension beside its certificate that was not asked for is rejected as bad."""
    await _forged(kit, Forgery(extension=b"\xff\x00\x00\x00"))


@CHAPTER.case("E12 M5")
async def _other_key(kit: Kit) -> None:
    """A good certificate with the signature of another key is rejected as bad."""
    key = generate_private_key(SECP256R1())
    await _forged(kit, Forgery(sign=lambda content: key.sign(content, ECDSA(SHA256()))))


@CHAPTER.case("E13 M5")
async def _stands_alone(kit: Kit) -> None:
    """The key of a domain that is accepted signs for no other: each certificate stands for itself."""
    stream = await Multiplexing.enabled(kit)
    accepted, other = kit.another(), kit.another()
    await stream.add(accepted)
    request = await stream.offered(other.domain)
    stream.say(Present(id=request.id, data=forged(stream.keys, request.data, accepted.credentials)))
    await stream.refused(MultiplexCondition.NAME_MISMATCH, id_=request.id)


@CHAPTER.case("E11")
async def _empty(kit: Kit) -> None:
    """An empty authenticator is read as a refusal, and answered with unknown-domain."""
    await _shown(
        kit, MultiplexCondition.UNKNOWN_DOMAIN, lambda stream, request, _domain: refusal(stream.keys, request.data)
    )


# Good authenticators of certificates that do not prove the domain.


@CHAPTER.case("M5")
async def _untrusted(kit: Kit) -> None:
    """A certificate that nobody vouches for is rejected as untrusted."""
    await _certified(kit, _UNTRUSTED, lambda domain: kit.ours.untrusted(domain).credentials)


@CHAPTER.case("M5")
async def _other_name(kit: Kit) -> None:
    """A certificate of another domain is rejected for its name."""
    await _certified(
        kit, MultiplexCondition.NAME_MISMATCH, lambda _domain: kit.ours.issue(kit.ours.below("other").ascii)
    )


@CHAPTER.case("M5")
async def _expired(kit: Kit) -> None:
    """A certificate that has ended is rejected as expired."""
    ended = kit.clock.seconds() - PAST_SECONDS
    await _certified(
        kit,
        MultiplexCondition.CERTIFICATE_EXPIRED,
        lambda domain: kit.ours.issue(domain.ascii, not_after=ended),
    )
