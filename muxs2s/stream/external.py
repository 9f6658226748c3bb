"""
SASL EXTERNAL between servers: the certificate of the handshake speaks, SASL only says so.

Knows the elements of one SASL exchange in both roles. Does not judge certificates: EXTERNAL is
offered only when that is done.
"""

from __future__ import annotations

import base64
from enum import Enum
from typing import Final

from muxs2s.wire.errors import MuxS2SError
from muxs2s.wire.names import DomainName, NameRefused
from muxs2s.wire.namespaces import SASL
from muxs2s.wire.reasons import readable
from muxs2s.wire.stanza import Slice

__all__ = [
    "CHALLENGE",
    "SUCCESS",
    "SASLCondition",
    "SASLFailed",
    "auth_element",
    "check_authzid",
    "failure_element",
    "failure_reason",
]

SUCCESS: Final = f"<success xmlns='{SASL}'/>".encode()
"""The receiving server's last word (RFC 6120, section 6.4.6)."""

CHALLENGE: Final = f"<challenge xmlns='{SASL}'/>".encode()
"""Asks for the identity that an ``<auth/>`` without an initial response left out."""

_EMPTY_RESPONSE: Final = "="
"""How an initial response of no bytes is written (RFC 6120, section 6.4.2)."""


class SASLCondition(Enum):
    """
    The SASL failures we send.

    Source: RFC 6120, section 6.5.
    """

    ABORTED = "aborted"
    INCORRECT_ENCODING = "incorrect-encoding"
    INVALID_AUTHZID = "invalid-authzid"
    INVALID_MECHANISM = "invalid-mechanism"
    MALFORMED_REQUEST = "malformed-request"
    NOT_AUTHORIZED = "not-authorized"


class SASLFailed(MuxS2SError):
    """One SASL exchange failed; the stream may go on."""

    def __init__(self, condition: SASLCondition) -> None:
        super().__init__(condition.value)
        self.condition = condition


def auth_element(own_domain: DomainName) -> bytes:
    """
    Begin SASL EXTERNAL, naming ourselves.

    Source: XEP-0178, section 3, asks for the identity, which RFC 6120, section 6.3.8, would spare.
    """
    identity = base64.b64encode(own_domain.encode()).decode()
    return f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>{identity}</auth>".encode()


def check_authzid(element: Slice, header_from: DomainName) -> bool:
    """
    Judge the peer's ``<auth/>`` or ``<response/>``.

    :param header_from: the domain of the peer's header, proven by its certificate.
    :returns: ``False`` if the peer left the identity out and must be asked for it.
    :raises SASLFailed: if the peer gives up, or names another mechanism or another identity, or if
        what it sent is no base64 or no text at all.

    Source: RFC 6120, sections 6.4.2 and 13.9.1; XEP-0178, section 3.
    """
    tree = element.tree()
    if element.name == "abort":
        raise SASLFailed(SASLCondition.ABORTED)
    if element.name == "auth" and tree.getAttribute("mechanism") != "EXTERNAL":
        raise SASLFailed(SASLCondition.INVALID_MECHANISM)
    if any(tree.elements()):
        raise SASLFailed(SASLCondition.MALFORMED_REQUEST)
    text = str(tree)
    if not text and element.name == "auth":
        return False
    if text not in {_EMPTY_RESPONSE, ""} and _identity(text) != header_from:
        raise SASLFailed(SASLCondition.INVALID_AUTHZID)
    return True


def _identity(text: str) -> DomainName:
    try:
        identity = base64.b64decode(text, validate=True)
        if base64.b64encode(identity).decode() != text:  # b64decode lets padding pass where none is due
            raise SASLFailed(SASLCondition.INCORRECT_ENCODING)
        return DomainName.parse(identity.decode())
    except ValueError:
        raise SASLFailed(SASLCondition.INCORRECT_ENCODING) from None
    except NameRefused:
        raise SASLFailed(SASLCondition.INVALID_AUTHZID) from None


def failure_element(condition: SASLCondition) -> bytes:
    """Tell the peer that its attempt failed."""
    return f"<failure xmlns='{SASL}'><{condition.value}/></failure>".encode()


def failure_reason(element: Slice) -> str:
    """
    Read a ``<failure/>`` of the peer, for people: its condition and what it says of it.

    Source: RFC 6120, sections 5.4.2.2 and 6.5; the failure of STARTTLS names no condition.
    """
    said = [child for child in element.tree().elements() if child.uri == element.namespace]
    conditions = [child.name for child in said if child.name != "text"]
    texts = [str(child).strip() for child in said if child.name == "text"]
    return readable(": ".join([*conditions[:1], *filter(None, texts[:1])]) or "no reason given")
