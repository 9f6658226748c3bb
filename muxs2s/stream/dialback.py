"""
Dialback elements: ``db:result`` and ``db:verify``, requests and answers, read and written.

Knows their attributes and the errors they may hold. Does not know which of them is due when: see
:mod:`muxs2s.stream.proving`; nor how keys are made: see :mod:`muxs2s.proof.dialback`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final
from xml.sax.saxutils import escape

from twisted.words.xish import domish

from muxs2s.wire.errors import RemoteViolation, StanzaCondition, StreamCondition
from muxs2s.wire.markup import error_text, start_tag
from muxs2s.wire.names import DomainName, DomainPair, NameRefused
from muxs2s.wire.namespaces import DIALBACK, SERVER, STANZA_ERRORS
from muxs2s.wire.reasons import readable
from muxs2s.wire.stanza import Slice

__all__ = [
    "MAX_KEY_CHARACTERS",
    "DialbackAnswer",
    "DialbackElement",
    "DialbackStep",
    "answer_element",
    "error_element",
    "is_dialback",
    "read_dialback",
    "request_element",
]

MAX_KEY_CHARACTERS: Final = 256
"""Of a key that a peer gives us: our own have 64."""


class DialbackStep(Enum):
    """
    Which of the two exchanges an element belongs to.

    Source: XEP-0220, section 2.
    """

    RESULT = "result"
    """The initiating server asks the receiving server to accept a domain pair."""

    VERIFY = "verify"
    """The receiving server asks the authoritative server about the key."""


class DialbackAnswer(Enum):
    """What an answer says; a request says none of it."""

    VALID = "valid"
    INVALID = "invalid"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class DialbackElement:
    """What one element says."""

    step: DialbackStep
    pair: DomainPair
    """Its ``from`` and ``to``; those of an answer are the other way about than in the request."""

    id: str | None
    """The stream the key is for; only in the step ``verify`` does it mean anything."""

    answer: DialbackAnswer | None
    """``None`` for a request."""

    key: str
    """Without white space around it."""

    condition: StanzaCondition | None
    """Of an error; ``None`` if it names none that is known, and for everything else."""

    text: str
    """What an error says for people, in one printable line."""


def is_dialback(element: Slice) -> bool:
    """Whether a first-level element belongs to dialback."""
    return element.namespace == DIALBACK and element.name in _STEPS


_STEPS: Final = {step.value: step for step in DialbackStep}
_ANSWERS: Final = {answer.value: answer for answer in DialbackAnswer}
_CONDITIONS: Final = {condition.value: condition for condition in StanzaCondition}


def read_dialback(element: Slice) -> DialbackElement:
    """
    Read a dialback element.

    What deployed servers add does no harm: white space around keys, keys and ids in answers.

    :param element: for which :func:`is_dialback` holds. An unknown ``type`` reads as an error.
    :raises RemoteViolation: ``improper-addressing``, if an address is missing or is no domain.

    Source: XEP-0220, sections 2.1 to 2.5.
    """
    tree = element.tree()
    answer = None if element.type is None else _ANSWERS.get(element.type, DialbackAnswer.ERROR)
    condition, text = _error(tree) if answer is DialbackAnswer.ERROR else (None, "")
    return DialbackElement(
        step=_STEPS[element.name],
        pair=_pair(element),
        id=element.id,
        answer=answer,
        key=str(tree).strip() if answer is None else "",
        condition=condition,
        text=text,
    )


def _pair(element: Slice) -> DomainPair:
    try:
        return DomainPair(DomainName.parse(element.from_address or ""), DomainName.parse(element.to_address or ""))
    except NameRefused as refused:
        raise RemoteViolation(StreamCondition.IMPROPER_ADDRESSING, f"db:{element.name}: {refused}") from None


def _error(tree: domish.Element) -> tuple[StanzaCondition | None, str]:
    """The condition and the text of the error inside an answer; an unknown condition stands in the text."""
    children = [child for error in tree.elements(SERVER, "error") for child in error.elements()]
    told = [child for child in children if child.uri == STANZA_ERRORS]
    names = [child.name for child in told if child.name != "text"]
    texts = [str(child).strip() for child in told if child.name == "text"]
    condition = next((_CONDITIONS[name] for name in names if name in _CONDITIONS), None)
    return condition, readable(": ".join(filter(None, [*names[:1], *texts[:1]])) or "no reason given")


def request_element(step: DialbackStep, pair: DomainPair, key: str, stream_id: str | None = None) -> bytes:
    """
    Write a request.

    :param pair: for ``from`` and ``to``.
    :param key: any characters: one that we ask about is what somebody else thought up.
    :param stream_id: for ``verify``: the stream the key is for.
    """
    tag = start_tag(f"db:{step.value}", {"from": pair.sender, "to": pair.target, "id": stream_id})
    return f"{tag}{escape(key)}</db:{step.value}>".encode()


def answer_element(step: DialbackStep, pair: DomainPair, answer: DialbackAnswer, stream_id: str | None = None) -> bytes:
    """
    Write an answer other than an error.

    :param pair: for ``from`` and ``to``: those of the request the other way about.
    """
    attributes = {"from": pair.sender, "to": pair.target, "id": stream_id, "type": answer.value}
    return f"{start_tag(f'db:{step.value}', attributes)}</db:{step.value}>".encode()


def error_element(
    step: DialbackStep, pair: DomainPair, condition: StanzaCondition, text: str, stream_id: str | None = None
) -> bytes:
    """
    Write an answer that is an error; the stream stays as it is.

    Source: XEP-0220, section 2.5.
    """
    attributes = {"from": pair.sender, "to": pair.target, "id": stream_id, "type": DialbackAnswer.ERROR.value}
    named = f"<{condition.value} xmlns='{STANZA_ERRORS}'/>{error_text(STANZA_ERRORS, text)}"
    error = f"<error type='{condition.error_type}'>{named}</error>"
    return f"{start_tag(f'db:{step.value}', attributes)}{error}</db:{step.value}>".encode()
