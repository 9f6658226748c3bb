"""
Why a dialback request is refused before any key is looked at.

Knows which domains are ours and what is asked of those of the peer. Does not know what is under way on a
stream: see :mod:`muxs2s.stream.proving`.
"""

from __future__ import annotations

from muxs2s.stream.dialback import MAX_KEY_CHARACTERS, DialbackElement
from muxs2s.stream.side import OwnSide
from muxs2s.wire.errors import StanzaCondition
from muxs2s.wire.names import DomainName

__all__ = ["Objection", "objection_to_pair", "objection_to_question"]

Objection = tuple[StanzaCondition, str]
"""What the peer is told, and why, for people."""


def objection_to_pair(said: DialbackElement, side: OwnSide, *, is_secure: bool) -> Objection | None:
    """
    Why a pair that the peer asserts is not even judged.

    :param said: a request of the step ``result``.
    :param is_secure: whether it came inside TLS.

    Source: XEP-0220, sections 2.2.1 and 2.5.
    """
    sender, target = said.pair
    if target not in side.hosted:
        return _not_hosted(target)
    if sender in side.hosted:
        return StanzaCondition.NOT_ACCEPTABLE, f"{sender} is hosted here"
    if not side.policy(sender).is_admitted:
        return _denied(sender)
    if not 0 < len(said.key) <= MAX_KEY_CHARACTERS:
        return StanzaCondition.NOT_ACCEPTABLE, "that is no key"
    return _plain(sender, side, is_secure=is_secure)


def objection_to_question(said: DialbackElement, side: OwnSide, *, is_secure: bool) -> Objection | None:
    """
    Why a question about a key gets no answer.

    :param said: a request of the step ``verify``.
    :param is_secure: whether it came inside TLS.

    Source: XEP-0220, sections 2.2.2 and 2.5.
    """
    asking, asked = said.pair
    if asked not in side.hosted:
        return _not_hosted(asked)
    if not side.policy(asking).is_admitted:
        return _denied(asking)
    if said.id is None:
        return StanzaCondition.NOT_ACCEPTABLE, "there is no 'id' of a stream"
    return _plain(asking, side, is_secure=is_secure)


def _not_hosted(domain: DomainName) -> Objection:
    return StanzaCondition.ITEM_NOT_FOUND, f"{domain} is not hosted here"


def _denied(domain: DomainName) -> Objection:
    return StanzaCondition.NOT_ALLOWED, f"the policy of this server denies {domain}"


def _plain(peer: DomainName, side: OwnSide, *, is_secure: bool) -> Objection | None:
    if is_secure or not side.policy(peer).require_encryption:
        return None
    return StanzaCondition.POLICY_VIOLATION, "TLS is required first"
